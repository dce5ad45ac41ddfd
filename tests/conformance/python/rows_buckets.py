"""Token buckets that are not bound to a framework."""

import time

import redis
from frame import LIMIT, WINDOW_S, Wait, between, expect, refused, row


@row("token-throttler", "strings", "token-throttler", "token bucket, pickled")
def token_throttler(server):
    from token_throttler import TokenBucket, TokenThrottler
    from token_throttler.storage.redis import RedisStorage

    client = redis.Redis.from_url(server.url)
    client.ping()
    throttler, name = TokenThrottler(1, RedisStorage(client, "|")), server.key()
    wait = Wait(WINDOW_S - 0.1, WINDOW_S)
    throttler.add_bucket(name, TokenBucket(replenish_time=WINDOW_S, max_tokens=LIMIT))
    expect([throttler.consume(name) for _ in range(LIMIT)], [True] * LIMIT, "within the limit")
    expect(throttler.consume(name), False, "over the limit")
    expect(throttler.get_bucket(name, str(WINDOW_S)).tokens, 0, "tokens left")
    between(0, throttler.wait_time(name), WINDOW_S, "wait time")
    wait.until(lambda: throttler.consume(name))
    throttler.remove_all_buckets(name)


@row("steindamm", "lua", "steindamm", "token bucket in slots")
def steindamm(server):
    from steindamm import MaxSleepExceededError, SyncRedisTokenBucket

    def bucket(max_sleep):
        return SyncRedisTokenBucket(
            connection=redis.Redis.from_url(server.url), name=server.key(), capacity=LIMIT, refill_amount=1,
            refill_frequency=WINDOW_S, max_sleep=max_sleep, expiry=60)

    def take(max_sleep):
        with bucket(max_sleep):
            return time.monotonic()

    first = time.monotonic()
    for _ in range(LIMIT):
        take(0.1)
    between(0, time.monotonic() - first, WINDOW_S - 0.5, "seconds for what the bucket holds")
    error = refused(lambda: take(0.1), MaxSleepExceededError, "an empty bucket")
    expect("Rate limit exceeded" in str(error), True, f"text of {error}")
    # Whoever may wait is given the next slot, and sleeps until it.
    between(WINDOW_S - 0.2, take(WINDOW_S + 1) - first, WINDOW_S + 1, "seconds until the next slot")
    refused(lambda: take(0.1), MaxSleepExceededError, "the slot after that")
