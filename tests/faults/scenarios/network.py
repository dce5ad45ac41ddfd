"""Loss and repetition on the wire."""

import time

from node import Failed


def _hits_on_all(cluster, seconds, **rate):
    cluster.load(*cluster.nodes, **rate)
    time.sleep(seconds)
    cluster.quiet()


def loss(cluster, setting):
    """30 % of all packets are lost at every node."""
    cluster.start(3)
    for node in cluster.nodes.values():
        node.host.firewall.lose(30)
    _hits_on_all(cluster, setting.choose(10, 4))
    took_s = cluster.agree(within_s=5)
    repeats = sum(node.figure("repeats") for node in cluster.nodes.values())
    if repeats == 0:
        raise Failed("nothing was lost")
    cluster.heal()
    cluster.meet(1, 2, 3, within_s=20)
    return (f"{cluster.acknowledged.total()} hits, all agree {took_s:.2f} s after the last, "
            f"{repeats} repetitions")


def duplication(cluster, setting):
    """20 % of all datagrams arrive twice."""
    cluster.start(3)
    for node in cluster.nodes.values():
        others = [each.host for each in cluster.nodes.values() if each is not node]
        node.host.firewall.duplicate(20, *others)
    _hits_on_all(cluster, setting.choose(5, 3))
    took_s = cluster.agree()
    replayed = sum(node.figure("replayed") for node in cluster.nodes.values())
    if replayed == 0:
        raise Failed("nothing came twice")
    cluster.meet(1, 2, 3, within_s=1)
    return (f"{cluster.acknowledged.total()} hits, all agree {took_s * 1000:.0f} ms after the last, "
            f"{replayed} datagrams came twice")


def one_way(cluster, setting):
    """Nothing that node 1 sends arrives at node 2, for as long as it lasts, and all agree all the same."""
    cluster.start(3)
    cluster.nodes[2].host.firewall.refuse(cluster.nodes[1].host)
    worst_s = 0.0
    for _ in range(setting.choose(4, 2)):
        _hits_on_all(cluster, 2, per_s=300)
        worst_s = max(worst_s, cluster.agree(within_s=8))
    cluster.heal()
    _hits_on_all(cluster, 1, per_s=300)
    healed_s = cluster.agree(within_s=5)
    cluster.meet(1, 2, 3, within_s=15)
    return (f"{cluster.acknowledged.total()} hits; cut, all agree after {worst_s:.2f} s at most; "
            f"healed, after {healed_s:.2f} s")


def join_loss(cluster, setting):
    """A node joins many counters through 10 % loss at each node, and the first that it says of each is the truth."""
    cluster.start(3)
    keys = [f"key:{at}" for at in range(setting.choose(30_000, 10_000))]
    for number in (1, 2, 3):
        cluster.hit(number, len(keys), *keys)
    cluster.agree(within_s=10)
    fourth = cluster.add(4)
    for node in cluster.nodes.values():
        node.host.firewall.lose(10)
    fourth.start()
    joined_s = fourth.wait_ready(60)
    said = cluster.said(4)
    wrong = [key for key in keys if said[key] != 3]
    if wrong:
        raise Failed(f"{len(wrong)} of {len(keys)} wrong at first, {wrong[0]} is {said[wrong[0]]}")
    return f"{len(keys)} counters, ready {joined_s:.1f} s"


def no_streams(cluster, setting):
    """A firewall lets datagrams through and no streams: what is hit from now on counts everywhere, and the
    log tells why a joiner has no more than that."""
    cluster.start(2)
    cluster.hit(1, 100, "before")
    cluster.agree()
    third = cluster.add(3)
    for node in cluster.nodes.values():
        node.host.firewall.refuse_streams()
    third.start()
    joined_s = third.wait_ready(14)
    cluster.meet(1, 2, 3, within_s=10)
    for number in (1, 2, 3):
        cluster.hit(number, 100, "after")
    cluster.agree_on("after", 300)
    if not third.logged("does TCP pass"):
        raise Failed(f"no word of it: {third.tail()}")
    cluster.heal()
    took_s = cluster.agree(within_s=10)
    return f"ready {joined_s:.1f} s with less; once streams pass, all agree after {took_s:.2f} s"


ALL = [join_loss, no_streams, loss, duplication, one_way]
