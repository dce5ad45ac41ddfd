"""A server's replies, distorted on their way: the proof that a row looks at what it is answered.

Arguments: HOST PORT WAY. It prints the port that it listens on, then passes every connection on to the
server and its replies back. Only replies to the commands of that way are touched, so that handshakes,
INFO and the like stay as they are. Not a general proxy: it knows RESP as far as it must find numbers.
"""

import asyncio
import sys
from collections import deque

LINES = b"+-:_,#("
BULKS = b"$=!"
SCRIPTS = {b"EVAL", b"EVALSHA", b"EXEC"}
COUNTERS = {b"INCR", b"INCRBY", b"DECR", b"DECRBY", b"HINCRBY", b"LLEN", b"LPUSH", b"ZCARD", b"ZCOUNT"} | SCRIPTS
READS = {b"GET", b"MGET", b"LINDEX", b"BLPOP"}


class Count:
    """Integers one lower."""

    commands = COUNTERS

    def line(self, kind, text):
        return kind + (b"%d" % (int(text) - 1) if kind == b":" else text)


class Half:
    """Integers halved: for rows that allow a few hits more, or are told a moment in time."""

    commands = COUNTERS

    def line(self, kind, text):
        return kind + (b"%d" % (int(text) // 2) if kind == b":" else text)


class Forget:
    """Nothing is found."""

    commands = READS

    def bulk(self, _text):
        return None


class Member:
    """Lists inside a reply lack their last member."""

    commands = SCRIPTS | {b"ZRANGE", b"LRANGE"}

    def shorter(self, items, depth):
        return items[:-1] if depth else items


class Nothing:
    """As they are: under this the rows must pass."""

    commands = frozenset()


WAYS = {way.__name__.lower(): way() for way in (Nothing, Count, Half, Forget, Member)}


async def line_of(reader):
    line = await reader.readuntil(b"\r\n")
    return line[:1], line[1:-2]


async def rest(reader, kind, text, way, null, depth=0):
    """The frame that begins with the line `kind` `text`, distorted by `way` (None: as it is), as bytes."""
    if kind in LINES:
        return (way.line(kind, text) if hasattr(way, "line") else kind + text) + b"\r\n"
    size = int(text)
    if size < 0:
        return kind + text + b"\r\n"
    if kind in BULKS:
        body = (await reader.readexactly(size + 2))[:-2]
        body = way.bulk(body) if hasattr(way, "bulk") else body
        return null if body is None else b"%s%d\r\n%s\r\n" % (kind, len(body), body)
    pairs = 2 if kind in b"%|" else 1
    items = [await rest(reader, *await line_of(reader), way, null, depth + 1) for _ in range(size * pairs)]
    if hasattr(way, "shorter") and pairs == 1:
        items = way.shorter(items, depth)
    return b"%s%d\r\n" % (kind, len(items) // pairs) + b"".join(items)


class Sent:
    """What a client sent so far: the commands that wait for replies, and how it reads a null."""

    def __init__(self):
        self.commands, self.null = deque(), b"$-1\r\n"

    def note(self, words):
        name = words[0].upper()
        # Each channel is answered by a reply of its own.
        self.commands.extend([name] * (len(words) - 1 if b"SUBSCRIBE" in name else 1))
        if name == b"HELLO" and words[1:2] == [b"3"]:
            self.null = b"_\r\n"


async def requests(client, server, sent):
    """Passes commands on and notes them."""
    while True:
        _, count = await line_of(client)
        words = []
        for _ in range(int(count)):
            _, size = await line_of(client)
            words.append((await client.readexactly(int(size) + 2))[:-2])
        sent.note(words)
        server.write(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
        await server.drain()


async def replies(server, client, sent, way):
    """Passes replies back; a push belongs to no command."""
    while True:
        kind, text = await line_of(server)
        name = None if kind == b">" or not sent.commands else sent.commands.popleft()
        client.write(await rest(server, kind, text, way if name in way.commands else None, sent.null))
        await client.drain()


async def connection(client, client_out, host, port, way):
    server, server_out = await asyncio.open_connection(host, port)
    sent = Sent()
    both = [asyncio.create_task(requests(client, server_out, sent)),
            asyncio.create_task(replies(server, client_out, sent, way))]
    await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    for task in both:
        task.cancel()
    await asyncio.gather(*both, return_exceptions=True)  # Either side may hang up at any time.
    for out in (client_out, server_out):
        out.close()


async def main():
    host, port, way = sys.argv[1:]
    listening = await asyncio.start_server(
        lambda reader, writer: connection(reader, writer, host, int(port), WAYS[way]), "127.0.0.1", 0)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await listening.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
