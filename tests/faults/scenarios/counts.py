"""Nodes without faults: hits spread, a joiner, nodes that start and end together."""

import signal
import time

import load
import resp
from cluster import START_S
from node import Failed, until

# The promise for hits to be everywhere.
AT_ONCE_S = 0.1


def _spread(cluster, count):
    ready_s = cluster.start(count)
    share, rest = divmod(1000, count)
    for number in range(1, count + 1):
        cluster.hit(number, share + (number <= rest))
    return ready_s, cluster.agree(within_s=AT_ONCE_S)


def _first_count(node):
    """The first count that a node tells, asked from its start on."""
    seen = []

    def told():
        try:
            seen.append(node.ask("RL.GET", "hit", load.SCALE))
            return True
        except (OSError, resp.Refused) as refusal:
            return str(refusal)
    until("a first count", 10, told)
    return seen[0]


def spread(cluster, _setting):
    """1,000 hits over three nodes are 1,000 on each, and on a fourth at its first answer."""
    ready_s, spread_s = _spread(cluster, 3)
    fourth = cluster.add(4)
    fourth.start()
    first = _first_count(fourth)
    if first != 1000:
        raise Failed(f"the fourth node first said {first}")
    joined_s = fourth.wait_ready(START_S)
    return (f"ready {ready_s:.1f} s, agreed after {spread_s * 1000:.0f} ms, "
            f"a fourth said 1000 after {joined_s * 1000:.0f} ms")


def spread_five(cluster, _setting):
    """The same with five nodes."""
    ready_s, spread_s = _spread(cluster, 5)
    return f"ready {ready_s:.1f} s, agreed after {spread_s * 1000:.0f} ms"


def leave(cluster, _setting):
    """Each node in turn is told to end under load and is started again: no acknowledged hit is lost."""
    cluster.start(3)
    ended_s = []
    for number in (1, 2, 3):
        cluster.load(1, 2, 3)
        time.sleep(1)
        begun = time.monotonic()
        code = cluster.nodes[number].terminate(within_s=10)
        ended_s.append(time.monotonic() - begun)
        if code != 0:
            raise Failed(f"node {number} ended with {code}")
        cluster.quiet(killed=True)
        others = [other for other in (1, 2, 3) if other != number]
        cluster.agree(*others)
        cluster.nodes[number].start()
        cluster.nodes[number].wait_ready(START_S)
        cluster.agree()
        cluster.meet(1, 2, 3, within_s=5)
    return f"{cluster.acknowledged.total()} hits, none lost; ended in {max(ended_s):.1f} s at most"


def together(cluster, _setting):
    """All nodes end at once, by SIGTERM and by SIGKILL, and are started at once."""
    cluster.start(3)
    took = []
    for number in (signal.SIGTERM, signal.SIGKILL):
        cluster.hit(1, 100)
        for node in cluster.nodes.values():
            node.signal(number)
        for node in cluster.nodes.values():
            node.process.wait(15)
        # Counts were in memory only.
        cluster.acknowledged = load.Acknowledged()
        took.append(cluster.launch(1, 2, 3))
        for each in cluster.nodes:
            cluster.hit(each, 50)
        cluster.agree()
    return f"ready after {' and '.join(f'{each:.1f}' for each in took)} s"


ALL = [spread, spread_five, leave, together]
