"""Limiters of Flask."""

import time

from frame import LIMIT, WINDOW_S, Wait, between, expect, row, version_of

RATE = f"{LIMIT} per {WINDOW_S} second"


@row("flask-limiter", "lua", "flask-limiter", "fixed window from the first hit",
     version=f"{version_of('flask-limiter')} (limits {version_of('limits')})")
def flask_limiter(server):
    from flask import Flask
    from flask_limiter import Limiter

    app = Flask("conformance")
    limiter = Limiter(server.key, app=app, storage_uri=server.url, headers_enabled=True, key_prefix=server.prefix)

    @app.get("/")
    @limiter.limit(RATE)
    def view():
        return "ok"

    client = app.test_client()

    assert limiter.storage.check(), "the storage is not there"
    wait = Wait(WINDOW_S - 0.1, WINDOW_S)
    for left in reversed(range(LIMIT)):
        answer = client.get("/")
        expect(answer.status_code, 200, "within the limit")
        expect(int(answer.headers["X-RateLimit-Remaining"]), left, "remaining")
    denied = client.get("/")
    expect(denied.status_code, 429, "over the limit")
    headers = denied.headers
    between(0, int(headers["Retry-After"]), WINDOW_S + 1, "Retry-After")
    between(time.time() - 1, int(headers["X-RateLimit-Reset"]), time.time() + WINDOW_S + 1, "reset")
    wait.until(lambda: client.get("/").status_code == 200)
