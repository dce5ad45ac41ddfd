"""A client of one node: requests out, replies in.

Not here: what is asked (load.py, cluster.py). A reply that does not come in time is an OSError.
"""

import socket

PORT = 6379


class Refused(Exception):
    """An error reply."""


class Client:
    """One connection, from the node's own machine."""

    def __init__(self, host, timeout_s=5):
        self._socket = host.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.settimeout(timeout_s)
        try:
            self._socket.connect(("127.0.0.1", PORT))
        except OSError:
            self._socket.close()
            raise
        self._reader = self._socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends the connection."""
        self._reader.close()
        self._socket.close()

    def send(self, commands):
        """Sends commands in one write."""
        out = []
        for words in commands:
            out.append(f"*{len(words)}\r\n")
            out.extend(f"${len(str(word))}\r\n{word}\r\n" for word in words)
        self._socket.sendall("".join(out).encode("ascii"))

    def read(self):
        """The next reply: int, str, None, list, or a `Refused`, which is returned and not raised."""
        line = self._reader.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the connection ended")
        kind, text = line[:1], line[1:-2].decode()
        if kind == b":":
            return int(text)
        if kind == b"+":
            return text
        if kind == b"-":
            return Refused(text)
        if kind == b"$":
            if text == "-1":
                return None
            data = self._reader.read(int(text) + 2)
            if len(data) != int(text) + 2:
                raise ConnectionError("the connection ended")
            return data[:-2].decode()
        if kind == b"*":
            return [self.read() for _ in range(int(text))]
        raise ConnectionError(f"no reply: {line!r}")

    def ask(self, *words):
        """One command's reply; an error reply is raised."""
        self.send([words])
        reply = self.read()
        if isinstance(reply, Refused):
            raise reply
        return reply
