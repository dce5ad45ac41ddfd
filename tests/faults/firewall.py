"""What goes wrong on one machine's wire, by nftables. Clients go through loopback and see nothing of it.

Not here: who is cut from whom (cluster.py).
"""

import json
import subprocess

TABLE = "inet faults"


class Firewall:
    """The rules of one machine: each call adds to those before, `clear` takes all away."""

    def __init__(self, host):
        self._host = host

    def _nft(self, text):
        done = subprocess.run(self._host.exec("nft", "-f", "-"), input=text, text=True,
                              capture_output=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"nft: {done.stderr.strip()}\n{text}")

    def _rules(self, *rules):
        text = (f"table {TABLE} {{\n"
                "  chain in { type filter hook input priority 0; policy accept; }\n"
                "  chain out { type filter hook output priority 0; policy accept; }\n"
                "}\n")
        self._nft(text + "".join(f"add rule {TABLE} {rule}\n" for rule in rules))

    def clear(self):
        """No more faults."""
        self._nft(f"table {TABLE} {{ }}\ndelete table {TABLE}\n"
                  "table ip twice { }\ndelete table ip twice\n")

    def refuse(self, *others):
        """Nothing from these machines arrives; what is sent to them still does."""
        self._rules(*(rule for other in others for rule in
                      (f"in ip saddr {other.ip} drop", f"in ip6 saddr {other.ip6} drop")))

    def lose(self, percent):
        """Of a hundred packets that come in, so many are lost."""
        self._rules(f"in iifname eth0 numgen random mod 100 < {percent} drop")

    def refuse_streams(self):
        """TCP is dropped, datagrams pass."""
        self._rules("in iifname eth0 meta l4proto tcp drop")

    def duplicate(self, percent, *others):
        """Of a hundred datagrams to these machines, so many arrive twice."""
        rules = "".join(f"add rule ip twice out ip daddr {other.ip} meta l4proto udp "
                        f"numgen random mod 100 < {percent} dup to {other.ip}\n"
                        for other in others)
        self._nft("table ip twice {\n  chain out { type filter hook output priority 0; }\n}\n" + rules)

    def count(self, other, port):
        """From now on, counts what is sent to and received from that machine by UDP and TCP."""
        ways = (("out", "daddr", "sport"), ("in", "saddr", "dport"))
        self._rules(*(f"{way} ip {address} {other.ip} {kind} {end} {port} counter comment "
                      f"\"{way}-{kind}\""
                      for way, address, end in ways for kind in ("udp", "tcp")))
        # A closed or refused stream is answered by the kernel, not by the node: count what carries data.
        self._rules(f"out ip daddr {other.ip} tcp sport {port} meta length > 80 counter "
                    "comment \"out-data\"")

    def counted(self):
        """Packets by name: out-udp, in-udp, out-tcp, in-tcp, out-data."""
        said = json.loads(self._host.run("nft", "-j", "list", "table", *TABLE.split()))
        counts = {}
        for entry in said["nftables"]:
            rule = entry.get("rule", {})
            for part in rule.get("expr", []):
                if "counter" in part and "comment" in rule:
                    counts[rule["comment"]] = part["counter"]["packets"]
        return counts
