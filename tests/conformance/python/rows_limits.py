"""The library limits itself: the strategies that flask-limiter and slowapi do not use unless told to."""

import asyncio
import time

from frame import LIMIT, WINDOW_S, Wait, between, expect, row


def check(limiter, item, key, earliest_s, latest_s):
    wait = Wait(earliest_s, latest_s)
    for left in reversed(range(LIMIT)):
        expect(limiter.hit(item, key), True, "within the limit")
        expect(limiter.get_window_stats(item, key).remaining, left, "remaining")
    expect(limiter.test(item, key), False, "tested, at the limit")
    expect(limiter.hit(item, key), False, "over the limit")
    between(time.time() - 1, limiter.get_window_stats(item, key).reset_time, time.time() + WINDOW_S + 1, "reset")
    wait.until(lambda: limiter.hit(item, key))
    limiter.clear(item, key)
    expect(limiter.get_window_stats(item, key).remaining, LIMIT, "remaining after a clear")


def storage_and_item(server):
    from limits import RateLimitItemPerSecond
    from limits.storage import storage_from_string

    storage = storage_from_string(server.url)
    expect(storage.check(), True, "the storage is there")
    return storage, RateLimitItemPerSecond(LIMIT, WINDOW_S, namespace=server.prefix)


@row("limits-sliding", "lua", "limits", "sliding window of two counters")
def sliding(server):
    from limits.strategies import SlidingWindowCounterRateLimiter

    storage, item = storage_and_item(server)
    # The window before counts too, by the part of it that is still seen.
    check(SlidingWindowCounterRateLimiter(storage), item, "client", 0.1, 2 * WINDOW_S)


@row("limits-moving", "list", "limits", "sliding log")
def moving(server):
    from limits.strategies import MovingWindowRateLimiter

    storage, item = storage_and_item(server)
    check(MovingWindowRateLimiter(storage), item, "client", WINDOW_S - 0.1, WINDOW_S)


@row("limits-aio", "list", "limits", "fixed window; sliding log", client="coredis")
async def limits_aio(server):
    from limits import RateLimitItemPerSecond
    from limits.aio.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter
    from limits.storage import storage_from_string

    storage = storage_from_string(f"async+{server.url}", implementation="coredis")
    item = RateLimitItemPerSecond(LIMIT, WINDOW_S, namespace=server.prefix)

    async def one(limiter):
        key = type(limiter).__name__
        wait = Wait(WINDOW_S - 0.1, WINDOW_S)
        for left in reversed(range(LIMIT)):
            expect(await limiter.hit(item, key), True, "within the limit")
            expect((await limiter.get_window_stats(item, key)).remaining, left, "remaining")
        expect(await limiter.hit(item, key), False, "over the limit")

        async def passes():
            return await limiter.hit(item, key)

        await wait.until_async(passes)

    await asyncio.gather(*(one(strategy(storage)) for strategy in (FixedWindowRateLimiter, MovingWindowRateLimiter)))


@row("walrus", "list", "walrus", "sliding log")
def walrus(server):
    from walrus import Database, RateLimitException

    limiter = Database(host=server.host, port=server.port).rate_limit(server.prefix, limit=LIMIT, per=WINDOW_S)
    limiter.limit("warm")
    wait = Wait(WINDOW_S - 0.1, WINDOW_S)
    expect([limiter.limit("client") for _ in range(LIMIT)], [False] * LIMIT, "within the limit")
    expect(limiter.limit("client"), True, "over the limit")

    @limiter.rate_limited(key_function=lambda: "client")
    def call():
        return "ok"

    def passes():
        try:
            return call() == "ok"
        except RateLimitException:
            return False

    wait.until(passes)
