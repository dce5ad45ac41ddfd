"""Splits and heals."""

import time


def _split(cluster, left, right, held_s):
    """A split under hits on both sides; seconds from the heal to agreement."""
    for number in cluster.nodes:
        cluster.hit(number, 1000 // len(cluster.nodes) + (number <= 1000 % len(cluster.nodes)))
    cluster.agree()
    cluster.cut(left, right)
    begun = time.monotonic()
    for side in (left, right):
        for at, number in enumerate(side):
            cluster.hit(number, 500 // len(side) + (at < 500 % len(side)))
    if held_s is None:
        cluster.down(left[0], *right)
        cluster.down(right[0], *left)
    else:
        time.sleep(held_s)
    cluster.agree(*left, lost=500)
    cluster.agree(*right, lost=500)
    lasted_s = time.monotonic() - begun
    cluster.heal()
    return lasted_s


def split(cluster, _setting):
    """1|2 until each side holds the other for gone, 500 hits on each: 2,000 everywhere within 7 s."""
    cluster.start(3)
    lasted_s = _split(cluster, [1], [2, 3], None)
    took_s = cluster.agree(within_s=7)
    cluster.meet(1, 2, 3, within_s=10)
    return f"{lasted_s:.0f} s apart, all say {cluster.acknowledged.total()} after {took_s:.2f} s"


def split_short(cluster, _setting):
    """The same for two seconds, which membership does not notice."""
    cluster.start(3)
    lasted_s = _split(cluster, [1], [2, 3], 2)
    took_s = cluster.agree(within_s=7)
    return f"{lasted_s:.0f} s apart, all say {cluster.acknowledged.total()} after {took_s:.2f} s"


def pair(cluster, _setting):
    """1|1, which heals although neither side knows anyone else, within 10 s."""
    cluster.add(1, "10.77.0.2")
    cluster.add(2, "10.77.0.1")
    cluster.launch(1, 2)
    lasted_s = _split(cluster, [1], [2], None)
    took_s = cluster.agree(within_s=10)
    cluster.meet(1, 2, within_s=10)
    return f"{lasted_s:.0f} s apart, both say {cluster.acknowledged.total()} after {took_s:.2f} s"


def ring(cluster, setting):
    """Five nodes that each hear their two neighbours only."""
    cluster.start(5)
    for number in range(1, 6):
        strangers = [(number + step - 1) % 5 + 1 for step in (2, 3)]
        cluster.nodes[number].host.firewall.refuse(
            *(cluster.nodes[other].host for other in strangers))
    cluster.load(*cluster.nodes, per_s=200)
    time.sleep(setting.choose(30, 10))
    cluster.quiet()
    held_s = cluster.agree(within_s=20)
    cluster.load(*cluster.nodes, per_s=200)
    time.sleep(2)
    cluster.heal()
    cluster.quiet()
    took_s = cluster.agree(within_s=7)
    cluster.meet(*cluster.nodes, within_s=20)
    return (f"{cluster.acknowledged.total()} hits; in the ring all agree after {held_s:.2f} s, "
            f"healed after {took_s:.2f} s")


def flapping(cluster, setting):
    """Five nodes, 2|3 apart for a second, together for a second, again and again."""
    cluster.start(5)
    cluster.load(*cluster.nodes, per_s=200)
    flaps = setting.choose(15, 5)
    for _ in range(flaps):
        cluster.cut([1, 2], [3, 4, 5])
        time.sleep(1)
        cluster.heal()
        time.sleep(1)
    cluster.quiet()
    took_s = cluster.agree(within_s=5)
    cluster.meet(*cluster.nodes, within_s=15)
    return f"{flaps} times, {cluster.acknowledged.total()} hits, all agree after {took_s:.2f} s"


ALL = [split, split_short, pair, ring, flapping]
