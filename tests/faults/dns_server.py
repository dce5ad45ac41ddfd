"""A name server for tests, on a machine of its own: A, AAAA and SRV by UDP and TCP, changed while it runs.

Not here: caching, recursion, anything but class IN. A name without records does not exist (NXDOMAIN).
"""

import ipaddress
import socket
import struct
import threading

A, AAAA, SRV = 1, 28, 33
NXDOMAIN = 3
# What an answer says that it may be kept for.
TTL_S = 1


def _encode(name):
    labels = [label for label in name.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label.encode("ascii") for label in labels) + b"\0"


def _decode(packet, at):
    labels = []
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("ascii").lower())
        at += 1 + packet[at]
    return ".".join(labels), at + 1


class DnsServer:
    """Answers what `addresses` and `services` say at that moment."""

    def __init__(self, host):
        self.host = host
        # Name -> addresses of both families.
        self.addresses = {}
        # Name -> (host name, port).
        self.services = {}
        # Says nothing at all, as a server that is dead or cut off.
        self.silent = False
        # Answers by UDP are cut, so that they must be asked for again by TCP.
        self.truncated = False
        # The kind of record that questions about go unanswered.
        self.unheard = None
        self._datagrams = host.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._datagrams.bind((host.ip, 53))
        self._listener = host.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((host.ip, 53))
        self._listener.listen()
        self._threads = [threading.Thread(target=serve, daemon=True)
                         for serve in (self._serve_udp, self._serve_tcp)]
        for thread in self._threads:
            thread.start()

    def resolved_by(self, node, search=""):
        """Has a node ask it; with `search` as an orchestrator sets a pod up, names being relative."""
        text = f"nameserver {self.host.ip}\n"
        if search:
            text += f"search nowhere.{search} {search}\noptions ndots:5\n"
        node.host.write("resolv.conf", text)

    def close(self):
        """Ends it."""
        for each in (self._datagrams, self._listener):
            # Wakes the thread that waits on it.
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            each.close()
        for thread in self._threads:
            thread.join(5)

    def _serve_udp(self):
        while True:
            try:
                query, client = self._datagrams.recvfrom(4096)
            except OSError:
                return
            if not query:
                return
            answer = self._answer(query, self.truncated)
            if answer:
                self._datagrams.sendto(answer, client)

    def _serve_tcp(self):
        while True:
            try:
                stream, _ = self._listener.accept()
            except OSError:
                return
            # Resolvers keep a stream for the next question, so each has a thread.
            threading.Thread(target=self._serve_stream, args=(stream,), daemon=True).start()

    def _serve_stream(self, stream):
        with stream:
            stream.settimeout(5)
            try:
                while length := stream.recv(2):
                    answer = self._answer(stream.recv(struct.unpack("!H", length)[0]), False)
                    if answer:
                        stream.sendall(struct.pack("!H", len(answer)) + answer)
            except OSError:
                pass

    def _answer(self, query, truncated):
        if self.silent:
            return None
        number = query[:2]
        name, end = _decode(query, 12)
        kind, _ = struct.unpack_from("!HH", query, end)
        if kind == self.unheard:
            return None
        known = name in self.addresses or name in self.services
        records = [] if truncated else self._records(name, kind)
        flags = 0x8580 | (0x0200 if truncated else 0) | (0 if known else NXDOMAIN)
        header = number + struct.pack("!HHHHH", flags, 1, len(records), 0, 0)
        return header + query[12:end + 4] + b"".join(records)

    def _records(self, name, kind):
        data = []
        for address in self.addresses.get(name, ()):
            parsed = ipaddress.ip_address(address)
            if kind == (A if parsed.version == 4 else AAAA):
                data.append(parsed.packed)
        if kind == SRV:
            data = [struct.pack("!HHH", 0, 0, port) + _encode(target)
                    for target, port in self.services.get(name, ())]
        return [b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, TTL_S, len(each)) + each
                for each in data]
