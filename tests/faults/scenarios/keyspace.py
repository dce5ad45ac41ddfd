"""Counters of the keyspace: INCR with a deadline, creators at the same time, DEL, a clock that lags."""

import contextlib
import time

import resp
from node import Failed, until

from .counts import AT_ONCE_S

# A window that no scenario sees the end of, ms.
LONG_MS = 600_000
# A window whose end a scenario waits for, ms: longer than the lag, so that a window which the lagging
# node begins is still to be seen on the others.
WINDOW_MS = 4000
LAG_S = 2
# The fixed window of most limiters: the deadline comes with the first hit.
SCRIPT = ("local count = redis.call('INCR', KEYS[1]) "
          "if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end return count")


class Counters:
    """One connection to each node."""

    def __init__(self, cluster):
        self._held = contextlib.ExitStack()
        self.at = {number: self._held.enter_context(resp.Client(node.host))
                   for number, node in cluster.nodes.items()}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._held.close()

    def ask(self, number, *words):
        """One command's reply from one node."""
        return self.at[number].ask(*words)

    def many(self, number, *commands):
        """The replies of commands that go in one write."""
        self.at[number].send(commands)
        replies = [self.at[number].read() for _ in commands]
        for reply in replies:
            if isinstance(reply, resp.Refused):
                raise reply
        return replies

    def look(self, number, key):
        """A node's count of a key, and when it ends, ms since the epoch; (None, -2) without it."""
        count, end_ms = self.many(number, ("GET", key), ("PEXPIRETIME", key))
        return count and int(count), end_ms

    def all_say(self, key, count, end_ms=None, within_s=AT_ONCE_S):
        """Waits until all nodes say so of a key, and name the same end; the seconds it took."""
        def agreed():
            seen = [self.look(number, key) for number in self.at]
            ends = {end for _, end in seen}
            told = all(each == count for each, _ in seen) and len(ends) == 1
            return (told and (end_ms is None or ends == {end_ms})) or seen
        return until(f"{key} is {count} on all", within_s, agreed)


def _by_commands(counters, number, key):
    counters.many(number, ("INCR", key), ("PEXPIRE", key, LONG_MS))


def _by_transaction(counters, number, key):
    counters.many(number, ("MULTI",), ("INCR", key), ("PEXPIRE", key, LONG_MS), ("EXEC",))


def _by_script(counters, number, key):
    counters.ask(number, "EVAL", SCRIPT, 1, key, LONG_MS)


def _worst_ms(took_s):
    return f"{max(took_s) * 1000:.0f} ms"


def keyspace(cluster, setting):
    """INCR with a deadline on one node, creators on all, and DEL are on all nodes within 100 ms."""
    cluster.start(3)
    hits_s, creators_s, removals_s = [], [], []
    with Counters(cluster) as counters:
        for turn in range(setting.choose(60, 15)):
            key, number = f"hit:{turn}", turn % 3 + 1
            hit = (_by_commands, _by_transaction, _by_script)[turn // 3 % 3]
            hit(counters, number, key)
            _, end_ms = counters.look(number, key)
            hits_s.append(counters.all_say(key, 1, end_ms))
            counters.ask(number % 3 + 1, "DEL", key)
            removals_s.append(counters.all_say(key, None))
            key = f"created:{turn}"
            # All are asked before any is answered.
            for client in counters.at.values():
                client.send([("INCR", key), ("PEXPIRE", key, LONG_MS)])
            for client in counters.at.values():
                if [client.read(), client.read()][1] != 1:
                    raise Failed(f"{key}: created without a deadline")
            creators_s.append(counters.all_say(key, 3))
    return (f"{len(hits_s)} times on all after at most: INCR with its deadline {_worst_ms(hits_s)}, three "
            f"creators' sum {_worst_ms(creators_s)}, DEL {_worst_ms(removals_s)}")


def _begin(counters, key):
    """A window that node 1 begins and all hit; when it ends, ms since the epoch."""
    counters.ask(1, "EVAL", SCRIPT, 1, key, WINDOW_MS)
    _, end_ms = counters.look(1, key)
    counters.all_say(key, 1, end_ms)
    for number in counters.at:
        counters.ask(number, "EVAL", SCRIPT, 1, key, WINDOW_MS)
    # Hits where the clock lags count, and leave the end alone.
    counters.all_say(key, 4, end_ms)
    return end_ms


def _ended(counters, key):
    def gone():
        seen = [counters.look(number, key) for number in (1, 2)]
        return all(each == (None, -2) for each in seen) or seen
    until(f"{key} has ended where the clock is right", WINDOW_MS / 1000 + 1, gone)


def _moves_on(counters, key):
    """Hits where the clock lags that move the end each time, in a window that is over elsewhere: that
    node is told so, counts from 1 again, and nobody sees what was counted before."""
    count, is_new, begun = 4, False, time.monotonic()
    while time.monotonic() < begun + 1:
        last, count = count, counters.many(3, ("INCR", key), ("PEXPIRE", key, LONG_MS))[0]
        if count not in (1, last + 1):
            raise Failed(f"{key}: {last}, then {count} where the clock lags")
        is_new = is_new or count == 1
        for number in (1, 2):
            seen, _ = counters.look(number, key)
            if seen is not None and not (is_new and seen <= count):
                raise Failed(f"{key}: node {number} sees {seen} when node 3 says {count}")
        if not is_new and time.monotonic() > begun + AT_ONCE_S:
            raise Failed(f"{key}: node 3 has not heard that the window is over")
    _, end_ms = counters.look(3, key)
    counters.all_say(key, count, end_ms)


def _goes_on(counters, key):
    """Hits where the clock lags, until that node sees the end too: none brings the window back. How
    many there were."""
    hits = 0
    while (count := counters.ask(3, "EVAL", SCRIPT, 1, key, LONG_MS)) != 1:
        hits += 1
        if count != 4 + hits:
            raise Failed(f"{key}: hit {hits} after the end is counted as {count} where the clock lags")
        for number in (1, 2):
            seen = counters.look(number, key)
            if seen != (None, -2):
                raise Failed(f"{key}: node {number} sees {seen} after the end, {hits} hits later")
        time.sleep(0.01)
    if hits < 10:
        raise Failed(f"{key}: only {hits} hits where the clock lags after the end elsewhere")
    return hits


def lagging_clock(cluster, _setting):
    """A node's clock lags two seconds: its hits count, and a window that has ended is never seen again."""
    for number in (1, 2, 3):
        cluster.add(number)
    cluster.nodes[3].start_off(-LAG_S)
    cluster.launch(1, 2, 3)
    with Counters(cluster) as counters:
        for key in ("old", "renewed"):
            _begin(counters, key)
        for key in ("old", "renewed"):
            _ended(counters, key)
        # A window that begins anew where the clock is right is a new one where it lags, too.
        for count, number in enumerate((1, 3, 2, 3), 1):
            counters.ask(number, "EVAL", SCRIPT, 1, "renewed", LONG_MS)
            counters.all_say("renewed", count)
        hits = _goes_on(counters, "old")
        counters.all_say("old", 1)
        # A window that the lagging clock begins is one of all nodes.
        _by_script(counters, 3, "begun")
        _begin(counters, "moved")
        _ended(counters, "moved")
        _moves_on(counters, "moved")
        _, end_ms = counters.look(3, "begun")
        counters.all_say("begun", 1, end_ms)
        _by_script(counters, 1, "begun")
        counters.all_say("begun", 2, end_ms)
    return f"{hits} hits after the end elsewhere brought nothing back"


ALL = [keyspace, lagging_clock]
