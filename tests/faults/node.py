"""A ratel process on one machine: started, asked, signalled.

Not here: other nodes (cluster.py). Only processes that this file started are ever signalled.
"""

import glob
import os
import signal
import subprocess
import time

import resp

CLUSTER_PORT = 7946
# The library that shifts a process's wall clock by what a file says, and leaves the others alone.
FAKETIME = next(iter(glob.glob("/usr/lib/*/faketime/libfaketime.so.1")), "")


class Failed(Exception):
    """A scenario's promise does not hold; the text says which and by how much."""


def until(what, within_s, holds):
    """Waits until `holds()` is true; the seconds it took. Fails with `what` and what was last seen."""
    begun = time.monotonic()
    while True:
        seen = holds()
        took = time.monotonic() - begun
        if seen is True:
            return took
        if took > within_s:
            raise Failed(f"{what}: not within {within_s} s, last seen {seen}")
        time.sleep(0.005)


class Node:
    """One node: its machine, how it is started, what it logs."""

    def __init__(self, host, program, folder, args):
        self.host, self._program, self.args = host, program, list(args)
        self.log = os.path.join(folder, f"{host.name}.log")
        self.clock = os.path.join(folder, f"{host.name}.clock")
        self.variables = {}
        self.process = None
        self.started = 0.0

    def start(self):
        """Starts the process and does not wait."""
        variables = [f"{name}={value}" for name, value in self.variables.items()]
        words = self.host.exec("env", *variables, *self._program, *self.args)
        self.started = time.monotonic()
        with open(self.log, "ab") as log:
            # A group of its own: Ctrl-C is for the driver, which ends its nodes itself.
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True)

    def shift_clock(self, shift_s):
        """Has the process's wall clock be off by so much, from its start or from now on."""
        with open(self.clock, "w", encoding="ascii") as file:
            file.write(f"{shift_s:+d}s\n")
        self.variables.update(LD_PRELOAD=FAKETIME, FAKETIME_TIMESTAMP_FILE=self.clock,
                              FAKETIME_NO_CACHE="1", FAKETIME_DONT_FAKE_MONOTONIC="1")

    def start_off(self, shift_s):
        """Has the process's wall clock be off by so much for all of its life. Where it need not be set
        later: one look in thousands at a file finds it unread, and then the clock is right."""
        self.variables.update(LD_PRELOAD=FAKETIME, FAKETIME=f"{shift_s:+d}s",
                              FAKETIME_DONT_FAKE_MONOTONIC="1")

    def is_ready(self):
        """What a readiness probe sees."""
        return self._health("--ready")

    def is_alive(self):
        """What a liveness probe sees."""
        return self._health()

    def _health(self, *how):
        if self.process.poll() is not None:
            raise Failed(f"{self.host.name} ended with {self.process.returncode}: {self.tail()}")
        done = subprocess.run(self.host.exec(*self._program, "health", *how),
                              capture_output=True, check=False)
        return done.returncode == 0

    def wait_ready(self, within_s):
        """Waits for readiness; seconds since the start of the process, in which it must be."""
        left_s = within_s - (time.monotonic() - self.started)
        until(f"{self.host.name} ready", max(left_s, 0), self.is_ready)
        return time.monotonic() - self.started

    def tail(self):
        """The end of its log."""
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()[-600:]

    def logged(self, text):
        """How many lines of its log hold the text."""
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return sum(text in line for line in log)

    def ask(self, *words):
        """One command on a connection of its own."""
        with resp.Client(self.host) as client:
            return client.ask(*words)

    def info(self):
        """The lines of RL.CLUSTER INFO."""
        lines = self.ask("RL.CLUSTER", "INFO").splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def figure(self, name):
        """One number of RL.CLUSTER INFO."""
        return int(self.info()[f"cluster_{name}"])

    def others(self):
        """What it knows of each other node: address -> fields."""
        nodes = self.ask("RL.CLUSTER", "NODES")
        fields = [dict(zip(node[::2], node[1::2])) for node in nodes]
        return {node["address"]: node for node in fields if node["state"] != "myself"}

    def signal(self, number):
        """Sends a signal to the process, if it has not ended."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def kill(self):
        """Ends the process at once."""
        if self.process is not None:
            # A stopped process dies of SIGKILL too.
            self.signal(signal.SIGKILL)
            self.process.wait()

    def terminate(self, within_s):
        """Asks it to end; its exit code, in time."""
        self.signal(signal.SIGTERM)
        try:
            return self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.host.name} has not ended {within_s} s after SIGTERM") from None
