"""Limiters that keep a log of the hits in a sorted set."""

import contextlib

import redis
import redis.asyncio
from frame import LIMIT, WINDOW_S, Wait, between, expect, row
from rows_asgi import status


@row("pyrate-limiter", "zset", "pyrate-limiter", "sliding log, many rates")
def pyrate_limiter(server):
    from pyrate_limiter import Duration, Limiter, Rate, RedisBucket

    rates = [Rate(LIMIT, Duration.SECOND * WINDOW_S), Rate(LIMIT + 1, Duration.MINUTE)]
    bucket = RedisBucket.init(rates, redis.Redis.from_url(server.url), server.key())
    # A limiter that is left open keeps a thread.
    with contextlib.closing(Limiter(bucket)) as limiter:
        wait = Wait(WINDOW_S - 0.1, WINDOW_S)
        expect([limiter.try_acquire("hit", blocking=False) for _ in range(LIMIT)], [True] * LIMIT, "within the limit")
        expect(limiter.try_acquire("hit", blocking=False), False, "over the limit")
        expect(bucket.count(), LIMIT, "hits in the log")
        wait.until(lambda: limiter.try_acquire("hit", blocking=False))
        # Once all is out of the first rate's window, the second one denies.
        Wait(0, WINDOW_S).until(lambda: not limiter.try_acquire("hit", blocking=False) and bucket.failing_rate == rates[1])
        bucket.flush()
        expect(bucket.count(), 0, "hits after a flush")


@row("fastapi-limiter", "zset", "fastapi-limiter", "sliding log (pyrate-limiter)")
async def fastapi_limiter(server):
    from fastapi import Depends, FastAPI
    from fastapi_limiter.depends import RateLimiter
    from pyrate_limiter import Duration, Limiter, Rate, RedisBucket

    async with redis.asyncio.Redis.from_url(server.url) as client:
        bucket = await RedisBucket.init([Rate(LIMIT, Duration.SECOND * WINDOW_S)], client, server.key())
        with contextlib.closing(Limiter(bucket)) as limiter:
            app = FastAPI()

            @app.get("/", dependencies=[Depends(RateLimiter(limiter=limiter))])
            async def view():
                return "ok"

            async def passes():
                return (await status(app))[0] == 200

            wait = Wait(WINDOW_S - 0.1, WINDOW_S)
            expect([await passes() for _ in range(LIMIT)], [True] * LIMIT, "within the limit")
            expect((await status(app))[0], 429, "over the limit")
            await wait.until_async(passes)
            await bucket.flush()


@row("asgi-ratelimit", "zset", "asgi-ratelimit", "counting down; sliding log")
async def asgi_ratelimit(server):
    from ratelimit import RateLimitMiddleware, Rule
    from ratelimit.backends.redis import RedisBackend
    from ratelimit.backends.slidingredis import SlidingRedisBackend
    from starlette.responses import PlainTextResponse

    client = redis.asyncio.Redis.from_url(server.url)
    await client.ping()
    # The second rounds what is left of the window: less than half a second is none.
    for backend, earliest_s in ((RedisBackend(client), 0.9), (SlidingRedisBackend(client), 0.4)):
        name = type(backend).__name__

        async def who(scope, name=name):
            return server.key(name), "default"

        app = RateLimitMiddleware(PlainTextResponse("ok"), who, backend, {r"^/": [Rule(second=LIMIT)]})
        wait = Wait(earliest_s, 1)
        expect([(await status(app))[0] for _ in range(LIMIT)], [200] * LIMIT, f"{name}: within the limit")
        code, headers = await status(app)
        expect(code, 429, f"{name}: over the limit")
        between(1, int(headers["Retry-After"]), 1, f"{name}: Retry-After")

        async def passes(app=app):
            return (await status(app))[0] == 200

        await wait.until_async(passes)
    await client.aclose()
