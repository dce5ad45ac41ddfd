"""Network namespaces as machines: one bridge, a veth pair and an address for each.

Not here: what goes wrong on the wire (firewall.py), processes (node.py). Names hold the run's number,
so that runs beside each other and what a dead run left behind do not meet. Everything made is in
`Network.close`.
"""

import ctypes
import os
import shutil
import socket
import subprocess
import threading

from firewall import Firewall

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def command(*words):
    """Runs a command to its end; what it said is in the error."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def _enter(handle):
    if _libc.setns(handle.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Host:
    """One machine: a namespace with an address in 10.77.0.0/24 and one in fd77::/64."""

    def __init__(self, name, number):
        self.name = name
        self.ip = f"10.77.0.{number}"
        self.ip6 = f"fd77::{number}"
        self.etc = f"/etc/netns/{name}"
        self.firewall = Firewall(self)

    def exec(self, *words):
        """The words that run a command there; the process is that command itself."""
        return ["ip", "netns", "exec", self.name, *words]

    def run(self, *words):
        """Runs a command there to its end."""
        return command(*self.exec(*words))

    def socket(self, family, kind):
        """A socket that lives there, made by a thread that goes there for it."""
        made = []

        def make():
            with open(f"/var/run/netns/{self.name}", "rb") as there:
                _enter(there)
                made.append(socket.socket(family, kind))

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        if not made:
            raise RuntimeError(f"no socket in {self.name}")
        return made[0]

    def write(self, name, text):
        """Has /etc/<name> say this to the processes started there from now on, or already there."""
        os.makedirs(self.etc, exist_ok=True)
        # In place: a process that runs sees the file that was mounted, not one renamed over it.
        with open(f"{self.etc}/{name}", "w", encoding="ascii") as file:
            file.write(text)


class Network:
    """The machines of one scenario."""

    def __init__(self, run):
        self._run = run
        self._switch = f"{run}-sw"
        self._hosts = []
        try:
            command("ip", "netns", "add", self._switch)
            self._at_switch("link", "add", "br0", "type", "bridge")
            self._at_switch("link", "set", "br0", "up")
        except BaseException:
            self.close()
            raise

    def _at_switch(self, *words):
        command("ip", "-n", self._switch, *words)

    def host(self, number):
        """One more machine, which reaches all others."""
        host = Host(f"{self._run}-{number}", number)
        command("ip", "netns", "add", host.name)
        self._hosts.append(host)
        at = ("ip", "-n", host.name)
        command(*at, "link", "add", "eth0", "type", "veth", "peer", "name", f"p{number}",
                "netns", self._switch)
        self._at_switch("link", "set", f"p{number}", "master", "br0")
        self._at_switch("link", "set", f"p{number}", "up")
        command(*at, "link", "set", "lo", "up")
        command(*at, "addr", "add", f"{host.ip}/24", "dev", "eth0")
        command(*at, "addr", "add", f"{host.ip6}/64", "dev", "eth0", "nodad")
        command(*at, "link", "set", "eth0", "up")
        return host

    def close(self):
        """Removes everything; what is gone already is no error."""
        for name in [host.name for host in self._hosts] + [self._switch]:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
        for host in self._hosts:
            shutil.rmtree(host.etc, ignore_errors=True)
        self._hosts = []
