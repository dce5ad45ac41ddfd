"""Libraries of one token bucket and one semaphore each; the semaphore waits in BLPOP."""

import asyncio
import time

import redis
import redis.asyncio
from frame import LIMIT, WINDOW_S, between, expect, row

HELD = 2


async def bucket_limits(take, error):
    """`take(wait_s)` takes a token or raises `error` when it would have to wait longer."""
    first = time.monotonic()
    for _ in range(LIMIT):
        await take(0.1)
    between(0, time.monotonic() - first, WINDOW_S - 0.5, "seconds for what the bucket holds")
    await refused(take(0.1), error, "an empty bucket")
    # A refused one has taken its slot all the same: the next is two slots away.
    await take(2 * WINDOW_S + 1)
    between(WINDOW_S - 0.2, time.monotonic() - first, 2 * WINDOW_S + 1, "seconds until the next slot")


async def semaphore_limits(semaphore, error):
    """`semaphore(wait_s)` is an asynchronous context manager; two may be inside."""
    inside = [semaphore(5) for _ in range(HELD)]
    for one in inside:
        await one.__aenter__()
    await refused(enter(semaphore(1)), error, "a third")
    waiting = asyncio.create_task(enter(semaphore(5)))
    await asyncio.sleep(0.3)
    expect(waiting.done(), False, "entered while all places are taken")
    await inside[0].__aexit__(None, None, None)
    await asyncio.wait_for(waiting, 3)
    for one in inside[1:]:
        await one.__aexit__(None, None, None)


async def enter(one):
    async with one:
        return "entered"


async def refused(call, error, what):
    try:
        answer = await call
    except error:
        return
    raise AssertionError(f"{what}: {answer!r} instead of {error.__name__}")


@row("redis-rate-limiters", "blocking", "redis-rate-limiters", "token bucket in slots; semaphore")
async def redis_rate_limiters(server):
    from limiters import AsyncSemaphore, AsyncTokenBucket, MaxSleepExceededError

    client = redis.asyncio.Redis.from_url(server.url)

    def bucket(wait_s):
        return AsyncTokenBucket(
            connection=client, name=server.key("bucket"), capacity=LIMIT, refill_frequency=WINDOW_S, refill_amount=1, max_sleep=wait_s)

    def semaphore(wait_s):
        return AsyncSemaphore(connection=client, name=server.key("semaphore"), capacity=HELD, max_sleep=wait_s)

    await bucket_limits(lambda wait_s: enter(bucket(wait_s)), MaxSleepExceededError)
    await semaphore_limits(semaphore, MaxSleepExceededError)
    await client.aclose()


@row("self-limiters", "blocking", "self-limiters", "token bucket in slots; semaphore", client="self-limiters")
async def self_limiters(server):
    from self_limiters import MaxSleepExceededError, Semaphore, TokenBucket

    def bucket(wait_s):
        return TokenBucket(
            name=server.key("bucket"), capacity=LIMIT, refill_frequency=WINDOW_S, refill_amount=LIMIT, max_sleep=wait_s, redis_url=server.url)

    def semaphore(wait_s):
        return Semaphore(name=server.key("semaphore"), capacity=HELD, max_sleep=wait_s, redis_url=server.url)

    async def taken(wait_s):
        await enter(bucket(wait_s))
        return time.monotonic() - first

    # Everyone waits for a slot here: one has room for as many as the bucket holds, the others wait longer.
    first = time.monotonic()
    waits_s = sorted(await asyncio.gather(*(taken(10) for _ in range(LIMIT + 1))))
    for wait_s in waits_s[:LIMIT]:
        between(WINDOW_S - 1, wait_s, WINDOW_S + 1, "seconds until the first slot")
    between(2 * WINDOW_S - 0.5, waits_s[LIMIT], 2 * WINDOW_S + 2, "seconds until the next slot")
    for _ in range(LIMIT):
        await refused(taken(1), MaxSleepExceededError, "a slot further away than one may wait")
    await semaphore_limits(semaphore, MaxSleepExceededError)
