"""redis-cli on a terminal: the hint behind RL.HIT, and `help RL.HIT`.

Goal: COMMAND DOCS is typed as redis-cli expects (a wrong type ends it at start). Method: a
pseudo-terminal, keys typed one by one, the escape sequences taken out of what it shows.
"""

import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time

PORT = sys.argv[1]
DEADLINE_S = 10
ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    def __init__(self):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            environment = {"TERM": "xterm", "PATH": os.environ["PATH"], "HOME": os.environ["TMPDIR"]}
            os.execvpe("redis-cli", ["redis-cli", "-p", PORT], environment)
        # Wide enough for the whole hint on one line.
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        self.shown = b""

    def wait_for(self, pattern, what):
        end = time.monotonic() + DEADLINE_S
        while not re.search(pattern, self.plain()):
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise AssertionError(f"{what}: no {pattern!r} in {self.plain()!r}")
            try:
                self.shown += os.read(self.fd, 65536)
            except OSError as error:
                raise AssertionError(f"redis-cli ended: {self.plain()!r}") from error

    def plain(self):
        return ESCAPES.sub(b"", self.shown)

    def type(self, keys):
        self.shown = b""
        os.write(self.fd, keys)


terminal = Terminal()
terminal.wait_for(rb"127\.0\.0\.1:\d+> ", "prompt")
terminal.type(b"RL.HIT ")
terminal.wait_for(rb"RL\.HIT +key scale\S* limit", "hint of RL.HIT")
terminal.type(b"\x15CL.THROTTLE ")
terminal.wait_for(rb"CL\.THROTTLE +key max_burst count\S* period", "hint of CL.THROTTLE")
terminal.type(b"\x15help RL.HIT\r")
terminal.wait_for(rb"(?s)RL\.HIT +key scale\S* limit.*summary: \S+.*since: \S+.*group: \S+", "help RL.HIT")
terminal.type(b"\x15RL.HIT hinted 1d 3\r")
terminal.wait_for(rb"1\) \(integer\) 1\r?\n2\) \(integer\) 1\r?\n3\) \(integer\) 2", "RL.HIT")
terminal.type(b"\x04")
_, status = os.waitpid(terminal.pid, 0)
assert os.waitstatus_to_exitcode(status) == 0, status
print("redis-cli on a terminal: ok")
