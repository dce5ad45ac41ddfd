"""A tiny HTTP server whose clients get 10 requests a minute each, with redis-py.

Run: pip install redis; python examples/limit.py; then: curl -i localhost:8000
Fails open: a limiter that does not answer within 50 ms lets the request pass, and says so.
"""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import ceil
from sys import stderr

import redis

LIMIT, SCALE_MS = 10, 60_000
limiter = redis.Redis(
    port=6379, socket_timeout=0.05, socket_connect_timeout=0.05, retry=None, retry_on_timeout=False
)


def hit(key):
    """The verdict [allowed, count, remaining, retry_after_ms, reset_after_ms], or None."""
    try:
        return limiter.execute_command("RL.HIT", key, SCALE_MS, LIMIT)
    except redis.RedisError as error:
        print(f"rate limiter: {error}; letting the request pass", file=stderr)
        return None


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        verdict = hit(f"http:{self.client_address[0]}")
        allowed = verdict is None or verdict[0] == 1
        self.send_response(200 if allowed else 429)
        if verdict:
            _, _, remaining, retry_after_ms, reset_after_ms = verdict
            self.send_header("RateLimit-Limit", str(LIMIT))
            self.send_header("RateLimit-Remaining", str(remaining))
            self.send_header("RateLimit-Reset", str(ceil(reset_after_ms / 1000)))
            if not allowed:
                self.send_header("Retry-After", str(ceil(retry_after_ms / 1000)))
        self.end_headers()
        self.wfile.write(b"hello\n" if allowed else b"too many requests\n")


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", 8000), Handler).serve_forever()
