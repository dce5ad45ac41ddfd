"""throttled-py: five algorithms behind one interface."""

import time
from datetime import timedelta

from frame import LIMIT, WINDOW_S, Wait, between, expect, row

# How long a full limiter denies: the aligned window's rest, a window and a part of the one before, or
# the time of one token.
TOKEN_S = WINDOW_S / LIMIT
FREES = {
    "fixed_window": (0, WINDOW_S),
    "sliding_window": (0, 2 * WINDOW_S),
    "token_bucket": (TOKEN_S / 2, TOKEN_S),
    "leaking_bucket": (TOKEN_S / 2, TOKEN_S),
    "gcra": (TOKEN_S / 2, TOKEN_S),
}


@row("throttled-py", "hash", "throttled-py", "fixed and sliding window, token and leaking bucket, GCRA")
def throttled(server):
    from throttled import Throttled, per_duration, store

    quota = per_duration(timedelta(seconds=WINDOW_S), LIMIT, burst=LIMIT)
    redis_store = store.RedisStore(server=server.url)
    redis_store.exists(server.key("warm"))
    for algorithm, (earliest_s, latest_s) in FREES.items():
        throttle = Throttled(key=server.key(algorithm), using=algorithm, quota=quota, store=redis_store)
        while "window" in algorithm and time.time() % WINDOW_S > 0.3:  # These are aligned with the clock.
            time.sleep(0.02)
        wait = Wait(earliest_s, latest_s)
        for left in reversed(range(LIMIT)):
            result = throttle.limit()
            expect((result.limited, result.state.limit, result.state.remaining), (False, LIMIT, left), f"{algorithm}: within the limit")
        result = throttle.limit()
        expect((result.limited, result.state.remaining), (True, 0), f"{algorithm}: over the limit")
        between(0, result.state.reset_after, 2 * WINDOW_S, f"{algorithm}: reset")
        expect(throttle.peek(server.key(algorithm)).remaining, 0, f"{algorithm}: looked at")
        wait.until(lambda throttle=throttle: not throttle.limit().limited)
