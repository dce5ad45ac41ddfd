"""Nodes that are killed, started again, or stand still."""

import signal
import time

from cluster import UNHEARD_S
from node import Failed

# A node that starts again says what the others say within this time of its start.
AGAIN_S = 2
PER_S = 1000


def kill(cluster, _setting):
    """kill -9 under load: the others go on; started again, it says what they say."""
    cluster.start(3)
    cluster.load(1, 2, 3, per_s=PER_S)
    time.sleep(2)
    before = cluster.acknowledged.total()
    cluster.nodes[3].kill()
    time.sleep(1)
    cluster.quiet(killed=True)
    may_lose = int(PER_S * UNHEARD_S)
    cluster.agree(1, 2, lost=may_lose)
    lost = cluster.acknowledged.total() - sum(cluster.said(1).values())
    cluster.nodes[3].start()
    ready_s = cluster.nodes[3].wait_ready(AGAIN_S)
    cluster.agree(lost=may_lose, within_s=max(AGAIN_S - ready_s, 0.1))
    took_s = time.monotonic() - cluster.nodes[3].started
    return (f"{before} hits before, {max(lost, 0)} unheard of with the dead; "
            f"all again {took_s:.2f} s after the start")


def restarts(cluster, setting):
    """One node is killed and started again, again and again, while the others are hit."""
    cluster.start(3)
    times, slowest_s, worst_s = setting.choose(20, 5), 0.0, 0.0
    for _ in range(times):
        loads = cluster.load(1, 2, per_s=PER_S)
        cluster.hit(3, 100)
        # What a node alone has counted is with the others after a flush; then it may die.
        cluster.heard(3)
        cluster.nodes[3].kill()
        cluster.nodes[3].start()
        cluster.nodes[3].wait_ready(AGAIN_S)
        cluster.quiet()
        cluster.agree(within_s=AGAIN_S)
        slowest_s = max(slowest_s, time.monotonic() - cluster.nodes[3].started)
        worst_s = max(worst_s, *(each.worst_s for each in loads))
    return (f"{times} restarts, {cluster.acknowledged.total()} hits exact; slowest {slowest_s:.2f} s; "
            f"longest reply meanwhile {worst_s * 1000:.0f} ms")


def pause(cluster, setting):
    """A node stands still for a minute while the others are hit, and goes on."""
    cluster.start(3)
    for number in (1, 2, 3):
        cluster.hit(number, 100)
    cluster.agree()
    cluster.nodes[2].signal(signal.SIGSTOP)
    still_s = setting.choose(60, 15)
    cluster.load(1, 3, per_s=200)
    time.sleep(still_s)
    cluster.nodes[2].signal(signal.SIGCONT)
    begun = time.monotonic()
    cluster.hit(2, 100)
    cluster.quiet()
    cluster.agree(within_s=10)
    took_s = time.monotonic() - begun
    cluster.meet(1, 2, 3, within_s=10)
    if not cluster.nodes[1].logged("10.77.0.2:7946 no longer answers"):
        raise Failed("nobody noticed")
    return f"{still_s} s still, all agree {took_s:.2f} s after"


ALL = [kill, restarts, pause]
