"""Limiters of FastAPI and of ASGI programs."""

import contextlib
import importlib.metadata
import os
import sys
import time

import httpx
import redis.asyncio
from frame import LIMIT, WINDOW_S, Wait, between, expect, row, version_of

# fastapi-limiter 0.2 is another library under the name of 0.1, which counts by a script of its own
# and is what most programs pin. Both cannot be installed in one place: 0.1 has a folder of its own.
OLD = os.environ["FASTAPI_LIMITER_0_1"]
(OLD_PACKAGE,) = importlib.metadata.distributions(name="fastapi-limiter", path=[OLD])


@contextlib.contextmanager
def old_fastapi_limiter():
    """While it is open, `fastapi_limiter` is version 0.1."""

    def forget():
        for known in [known for known in sys.modules if known.split(".")[0] == "fastapi_limiter"]:
            del sys.modules[known]

    forget()
    sys.path.insert(0, OLD)
    try:
        yield
    finally:
        sys.path.remove(OLD)
        forget()


async def status(app):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://conformance") as client:
        answer = await client.get("/")
        return answer.status_code, answer.headers


@row("fastapi-limiter-0.1", "lua", "redis", "fixed window from the first hit", library="fastapi-limiter",
     version=OLD_PACKAGE.version)
async def fastapi_limiter(server):
    from fastapi import Depends, FastAPI

    with old_fastapi_limiter():
        from fastapi_limiter import FastAPILimiter
        from fastapi_limiter.depends import RateLimiter

    async def who(request):
        return server.key()

    await FastAPILimiter.init(redis.asyncio.from_url(server.url), prefix=server.prefix, identifier=who)
    app = FastAPI()

    @app.get("/", dependencies=[Depends(RateLimiter(times=LIMIT, seconds=WINDOW_S))])
    async def view():
        return "ok"

    wait = Wait(WINDOW_S - 0.1, WINDOW_S)
    for _ in range(LIMIT):
        expect((await status(app))[0], 200, "within the limit")
    code, headers = await status(app)
    expect(code, 429, "over the limit")
    between(1, int(headers["Retry-After"]), WINDOW_S, "Retry-After")

    async def passes():
        return (await status(app))[0] == 200

    await wait.until_async(passes)
    await FastAPILimiter.close()


@row("slowapi", "lua", "slowapi", "fixed window from the first hit",
     version=f"{version_of('slowapi')} (limits {version_of('limits')})")
async def slowapi(server):
    from slowapi import Limiter, _rate_limit_exceeded_handler
    from slowapi.errors import RateLimitExceeded
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    limiter = Limiter(key_func=lambda request: server.key(), storage_uri=server.url, headers_enabled=True)

    @limiter.limit(f"{LIMIT} per {WINDOW_S} second")
    async def view(request):
        return PlainTextResponse("ok")

    app = Starlette(routes=[Route("/", view)])
    app.state.limiter = limiter
    app.add_exception_handler(RateLimitExceeded, _rate_limit_exceeded_handler)
    wait = Wait(WINDOW_S - 0.1, WINDOW_S)
    for left in reversed(range(LIMIT)):
        code, headers = await status(app)
        expect((code, int(headers["X-RateLimit-Remaining"])), (200, left), "within the limit")
    code, headers = await status(app)
    expect((code, int(headers["X-RateLimit-Remaining"])), (429, 0), "over the limit")
    between(0, int(headers["Retry-After"]), WINDOW_S + 1, "Retry-After")
    between(time.time() - 1, float(headers["X-RateLimit-Reset"]), time.time() + WINDOW_S + 1, "reset")

    async def passes():
        return (await status(app))[0] == 200

    await wait.until_async(passes)
