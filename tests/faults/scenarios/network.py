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


ALL = [loss, duplication, one_way]
