"""Hits that are counted twice: by the node, and here by what it acknowledged.

Not here: the comparison (cluster.py). A hit whose reply never came may have counted or not, so it is
kept apart.
"""

import collections
import threading
import time

import resp

# A window of ten years: hardly a scenario sees the end of one.
SCALE = "3650d"
# Above every count.
LIMIT = 10**9


class Acknowledged:
    """What clients were told, and what they asked without being told."""

    def __init__(self):
        self._lock = threading.Lock()
        self.counts = collections.Counter()
        self.unanswered = collections.Counter()

    def sent(self, keys):
        """Hits are on their way."""
        with self._lock:
            self.unanswered.update(keys)

    def told(self, keys):
        """Hits were acknowledged."""
        with self._lock:
            self.counts.update(keys)
            self.unanswered.subtract(keys)

    def total(self):
        """All that was acknowledged."""
        with self._lock:
            return sum(self.counts.values())


def hit(client, acknowledged, keys):
    """Hits each key once, in one write."""
    acknowledged.sent(keys)
    client.send([("RL.HIT", key, SCALE, LIMIT) for key in keys])
    for key in keys:
        reply = client.read()
        if isinstance(reply, resp.Refused):
            raise reply
        if reply[0] != 1:
            raise AssertionError(f"{key}: denied, {reply}")
        acknowledged.told([key])


class Load:
    """A thread that hits keys of one node in turn until it is stopped or the node is gone."""

    def __init__(self, node, acknowledged, keys, per_s=1000):
        self._node, self._acknowledged, self._keys, self._per_s = node, acknowledged, keys, per_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.worst_s = 0.0
        self.failure = None
        self._thread.start()

    def _run(self):
        batch, begun, done = max(1, self._per_s // 100), time.monotonic(), 0
        try:
            with resp.Client(self._node.host) as client:
                while not self._stop.is_set():
                    keys = [self._keys[(done + at) % len(self._keys)] for at in range(batch)]
                    asked = time.monotonic()
                    hit(client, self._acknowledged, keys)
                    self.worst_s = max(self.worst_s, time.monotonic() - asked)
                    done += batch
                    self._stop.wait(max(0, begun + done / self._per_s - time.monotonic()))
        except (OSError, resp.Refused, AssertionError) as failure:
            # The node is gone, which the scenario may have wanted: it looks.
            self.failure = failure

    def end(self):
        """Stops; the failure that ended it before, if any."""
        self._stop.set()
        self._thread.join()
        return self.failure
