"""Wall clocks that are wrong, or are set while nodes run (libfaketime)."""

import time

from node import CLUSTER_PORT, Failed, until

HOUR_S = 3600
# A clock that is right again is a member again, and all agree.
HEALED_S = 12


def skew_second(cluster, _setting):
    """One node a second ahead, one a second behind: nobody notices."""
    for number in (1, 2, 3):
        cluster.add(number)
    cluster.nodes[2].shift_clock(1)
    cluster.nodes[3].shift_clock(-1)
    ready_s = cluster.launch(1, 2, 3)
    cluster.load(1, 2, 3, per_s=500)
    time.sleep(3)
    cluster.quiet()
    took_s = cluster.agree()
    if any(node.figure("skewed") for node in cluster.nodes.values()):
        raise Failed("a second was called skewed")
    told_ms = cluster.nodes[1].others()[f"10.77.0.2:{CLUSTER_PORT}"]["skew_ms"]
    if not -1100 <= told_ms <= -900:
        raise Failed(f"the skew of a second is told as {told_ms} ms")
    return f"ready {ready_s:.1f} s, agreed {took_s * 1000:.0f} ms after {cluster.acknowledged.total()} hits"


def _healed(cluster):
    begun = time.monotonic()
    for number in (1, 2, 3):
        cluster.hit(number, 100)
    cluster.agree(within_s=HEALED_S)
    took_s = time.monotonic() - begun
    cluster.meet(1, 2, 3, within_s=10)
    return took_s


def _flagged(cluster, *numbers):
    def flagged():
        return all(cluster.nodes[number].figure("skewed") > 0 for number in numbers)
    until("the clock is told of", 10, flagged)
    if not cluster.nodes[1].logged("clock"):
        raise Failed(f"no line about a clock: {cluster.nodes[1].tail()}")


def skew_hour(cluster, _setting):
    """A node that starts an hour ahead counts alone and is told of; set right, it is one of them."""
    for number in (1, 2, 3):
        cluster.add(number)
    cluster.nodes[3].shift_clock(HOUR_S)
    for number in (1, 2, 3):
        cluster.nodes[number].start()
    for number in (1, 2, 3):
        cluster.nodes[number].wait_ready(6)
    for number in (1, 2, 3):
        cluster.hit(number, 100)
    _flagged(cluster, 1, 3)
    cluster.agree(1, 2, lost=100)
    cluster.nodes[3].shift_clock(0)
    return f"all agree {_healed(cluster):.1f} s after the clock was set right"


def clock_steps(cluster, setting):
    """The clock of a member is set an hour ahead, and back, and an hour behind, and back."""
    for number in (1, 2, 3):
        cluster.add(number)
    cluster.nodes[3].shift_clock(0)
    cluster.launch(1, 2, 3)
    _healed(cluster)
    took = []
    for shift_s in (HOUR_S, -HOUR_S):
        cluster.nodes[3].shift_clock(shift_s)
        time.sleep(setting.choose(20, 8))
        for number in (1, 2, 3):
            cluster.hit(number, 50)
        _flagged(cluster, 1, 3)
        cluster.nodes[3].shift_clock(0)
        took.append(_healed(cluster))
    return f"all agree {took[0]:.1f} s after an hour ahead, {took[1]:.1f} s after an hour behind"


def clock_held(cluster, _setting):
    """A member's clock is set back by three seconds, as time servers do: hits there count everywhere at
    once all the same."""
    for number in (1, 2, 3):
        cluster.add(number)
    cluster.nodes[3].shift_clock(0)
    cluster.launch(1, 2, 3)
    _healed(cluster)
    cluster.nodes[3].shift_clock(-3)
    worst_s = 0.0
    for _ in range(10):
        cluster.hit(3, 10)
        worst_s = max(worst_s, cluster.agree(within_s=1))
        time.sleep(0.2)
    cluster.meet(1, 2, 3, within_s=1)
    return f"all agree after {worst_s * 1000:.0f} ms at most"


ALL = [clock_held, skew_second, skew_hour, clock_steps]
