"""What every Python row shares: where the server is, what may be asserted, and how a row is run.

A row is one function that uses one library as its documentation says and asserts what it answers.
It never talks to the server itself, so that it holds for any server. Each line printed is one row:
name, library, version, client, algorithm, verdict, seconds, detail, with tabs between.
"""

import asyncio
import importlib.metadata
import os
import secrets
import signal
import sys
import time
from dataclasses import dataclass

LIMIT = 3
WINDOW_S = 2
# A shared machine may stall a process; a window that ends this much later is still sane.
SLACK_S = 1.5
POLL_S = 0.05
# No row needs a third of it: a library that waits for ever is broken.
DEADLINE_S = 30
ROWS = []


@dataclass(frozen=True)
class Server:
    """Where the server is, and the prefix of all keys of this try."""

    host: str
    port: int
    ports: tuple  # Of the nodes of a cluster: one, where there is none.
    prefix: str

    @property
    def url(self):
        return self.url_of(self.port)

    def url_of(self, port):
        return f"redis://{self.host}:{port}"

    def key(self, name="client"):
        return f"{self.prefix}:{name}"


@dataclass(frozen=True)
class Row:
    name: str
    needs: str
    library: str
    version: str
    client: str
    algorithm: str
    check: object


def version_of(package):
    return importlib.metadata.version(package)


def row(name, needs, package, algorithm, client="redis", library=None, version=None):
    """Declares a row. `needs` is the part of Redis it stands on: strings, multi, lua, ..."""

    def declare(check):
        try:
            found = version or version_of(package)
            ROWS.append(Row(name, needs, library or package, found, f"{client} {version_of(client)}", algorithm, check))
        except importlib.metadata.PackageNotFoundError as error:
            raise SystemExit(f"{name}: {error} is not installed") from error
        return check

    return declare


def expect(found, expected, what):
    if found != expected:
        raise AssertionError(f"{what}: {found!r} instead of {expected!r}")


def between(low, found, high, what):
    if not low <= found <= high:
        raise AssertionError(f"{what}: {found!r} is not in {low!r} to {high!r}")


def refused(call, error, what):
    """The error that `call` raises when the limit is reached."""
    try:
        answer = call()
    except error as found:
        return found
    raise AssertionError(f"{what}: {answer!r} instead of {error.__name__}")


class Wait:
    """Waits for a window to end: not before and not after the seconds given since it was made."""

    def __init__(self, earliest_s, latest_s):
        self.earliest_s, self.latest_s = earliest_s, latest_s + SLACK_S
        self.started = time.monotonic()

    def _goes_on(self):
        if time.monotonic() - self.started > self.latest_s:
            raise AssertionError(f"the window did not free within {self.latest_s} s")
        return POLL_S

    def _ended(self):
        between(self.earliest_s, time.monotonic() - self.started, self.latest_s, "seconds until the window freed")

    def until(self, passes):
        """Asks until the limiter lets a hit pass again."""
        while not passes():
            time.sleep(self._goes_on())
        self._ended()

    async def until_async(self, passes):
        """As `until`, for a question that is awaited."""
        while not await passes():
            await asyncio.sleep(self._goes_on())
        self._ended()


def attempt(check, *where):
    server = Server(*where, f"conformance:{secrets.token_hex(6)}")
    signal.alarm(DEADLINE_S)
    try:
        outcome = check(server)
        if asyncio.iscoroutine(outcome):
            asyncio.run(outcome)
    finally:
        signal.alarm(0)


def give_up(_signal, _frame):
    raise TimeoutError(f"no outcome within {DEADLINE_S} s")


def reason(error):
    kind = "" if isinstance(error, AssertionError) else f"{type(error).__name__}: "
    return " ".join(f"{kind}{error}".split())[:200]


def run(row, tries, *where):
    """The verdict over a row: pass, FAIL (an outcome differs) or BROKEN (the library gave up)."""
    verdict, detail, started = "", "", time.monotonic()
    for number in range(1, tries + 1):
        started = time.monotonic()
        try:
            attempt(row.check, *where)
            verdict, detail = "pass", f"second try; the first: {detail}" if number > 1 else ""
            break
        except AssertionError as error:
            verdict, detail = "FAIL", reason(error)
        except Exception as error:  # A library may raise anything: it is the row's verdict.
            verdict, detail = "BROKEN", reason(error)
    cells = (row.name, row.library, row.version, row.client, row.algorithm, verdict)
    print(*cells, f"{time.monotonic() - started:.1f}", detail, sep="\t", flush=True)


def main():
    """Arguments: HOST PORT NODE[,NODE...] TRIES NAME..., nodes by their ports; a name is that of a row or of what rows need."""
    host, port, nodes, tries, *wanted = sys.argv[1:]
    where = host, int(port), tuple(map(int, nodes.split(",")))
    signal.signal(signal.SIGALRM, give_up)
    for one in ROWS:
        if one.name in wanted or one.needs in wanted:
            run(one, int(tries), *where)
    os._exit(0)  # Some libraries leave a thread behind that Python's own end would stumble over.
