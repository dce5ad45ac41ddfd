"""Limiters whose programs stand before different nodes: together they allow one limit.

Each row has a limiter for every node and hits them in turn. What a node has not heard of yet may pass
it: so a few hits more are allowed, and the denial is waited for.
"""

import time

from frame import POLL_S, expect, row

LIMIT_IN_ALL = 30
# Counts reach the other nodes within 100 ms: at one poll in 50 ms on each of three nodes.
MORE = 6
DEADLINE_S = 3


def limits_in_all(nodes):
    """`nodes` has a function for each node that hits and tells whether the hit passed."""
    while len(nodes) < 3:  # One server alone is hit by three connections.
        nodes = nodes * 3
    allowed = sum(nodes[hit % len(nodes)]() for hit in range(LIMIT_IN_ALL))
    expect(allowed, LIMIT_IN_ALL, "hits that passed within the limit")
    end, denied = time.monotonic() + DEADLINE_S, 0
    while denied < len(nodes):
        assert time.monotonic() < end, f"{allowed} of {LIMIT_IN_ALL} passed, and not every node denies"
        passed = nodes[denied]()
        allowed += passed
        if passed:
            time.sleep(POLL_S)
        else:
            denied += 1
    assert allowed <= LIMIT_IN_ALL + MORE, f"{allowed} hits passed instead of {LIMIT_IN_ALL}"


@row("cluster-limits", "cluster", "limits", "fixed window from the first hit, several nodes")
def limits_fixed(server):
    from limits import RateLimitItemPerMinute
    from limits.storage import storage_from_string
    from limits.strategies import FixedWindowRateLimiter

    item = RateLimitItemPerMinute(LIMIT_IN_ALL)
    limiters = [FixedWindowRateLimiter(storage_from_string(server.url_of(port))) for port in server.ports]
    limits_in_all([lambda limiter=limiter: limiter.hit(item, server.key()) for limiter in limiters])


@row("cluster-throttled", "cluster", "throttled-py", "fixed window, aligned, several nodes")
def throttled_fixed(server):
    from throttled import RateLimiterType, Throttled, per_hour, store

    throttles = [
        Throttled(
            key=server.key(),
            using=RateLimiterType.FIXED_WINDOW.value,
            quota=per_hour(LIMIT_IN_ALL),
            store=store.RedisStore(server=server.url_of(port)),
        )
        for port in server.ports
    ]
    limits_in_all([lambda throttle=throttle: not throttle.limit().limited for throttle in throttles])
