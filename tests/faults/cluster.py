"""Nodes on machines of one network, and the comparison: every node's counts against what clients were
told.

Not here: what is done to them (scenarios). Invariant: `close` ends every process and removes every
machine, whatever happened before.
"""

import os
import subprocess
import time

import load
import resp
from namespaces import Network
from node import CLUSTER_PORT, Failed, Node, until

# Nodes that start together are ready within this time.
START_S = 4
# Longest wait for counts to be everywhere on a network without faults, one loaded machine for all.
SPREAD_S = 2
# What a node may say that is killed: hits of its last flushes, which nobody has heard of.
UNHEARD_S = 0.25


class Cluster:
    """The nodes of one scenario, numbered from 1."""

    def __init__(self, program, run, folder):
        self.program, self.folder = [program], folder
        self.nodes = {}
        self.acknowledged = load.Acknowledged()
        self._loads = []
        self.secret = os.path.join(folder, "secret")
        self.write_secret(self.new_secret())
        # Last, so that whoever got no cluster has nothing to close.
        self.network = Network(run)

    def new_secret(self):
        """A key as gen-secret makes it."""
        return subprocess.run([*self.program, "gen-secret"], capture_output=True, text=True,
                              check=True).stdout

    def write_secret(self, text, path=None):
        """Puts a secret where the nodes read it."""
        path = path or self.secret
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(path, 0o600)

    def add(self, number, *join, secret=None, bind="0.0.0.0", port=CLUSTER_PORT,
            program=None):
        """A node that is not started yet; without `join` it joins the first three addresses."""
        host = self.network.host(number)
        seeds = join or [f"10.77.0.{other}" for other in (1, 2, 3)]
        args = ["--cluster-bind", bind, "--cluster-secret-file", secret or self.secret,
                "--cluster-port", str(port)]
        args += [f"--join={seed}" for seed in seeds]
        self.nodes[number] = Node(host, program or self.program, self.folder, args)
        return self.nodes[number]

    def start(self, count):
        """Starts nodes 1 to `count` together; the seconds until all were ready."""
        for number in range(1, count + 1):
            self.add(number)
        return self.launch(*range(1, count + 1))

    def launch(self, *numbers, within_s=START_S):
        """Starts these nodes together; the seconds until all were ready and know each other."""
        for number in numbers:
            self.nodes[number].start()
        took_s = max(self.nodes[number].wait_ready(within_s) for number in numbers)
        self.meet(*numbers, within_s=10)
        return took_s

    def members(self, number):
        """How many members a node counts, itself included."""
        return self.nodes[number].figure("members")

    def meet(self, *numbers, within_s):
        """Waits until each of these nodes counts exactly them as members; the seconds it took."""
        def all_met():
            seen = {number: self.members(number) for number in numbers}
            return all(seen[number] == len(numbers) for number in numbers) or seen
        return until(f"{len(numbers)} members", within_s, all_met)

    # Traffic.

    def hit(self, number, times, *keys):
        """Hits keys of one node in turn, so many times in all, and waits for the replies."""
        keys = keys or ("hit",)
        with resp.Client(self.nodes[number].host) as client:
            for begin in range(0, times, 100):
                chosen = [keys[at % len(keys)] for at in range(begin, min(begin + 100, times))]
                load.hit(client, self.acknowledged, chosen)

    def load(self, *numbers, keys=20, per_s=1000):
        """Begins to hit keys of these nodes until `quiet`."""
        names = [f"load:{at}" for at in range(keys)]
        begun = [load.Load(self.nodes[number], self.acknowledged, names, per_s)
                 for number in numbers]
        self._loads += begun
        return begun

    def quiet(self, *, killed=False):
        """Ends all loads; those of nodes that were not to end must not have failed."""
        loads, self._loads = self._loads, []
        failures = [each.end() for each in loads]
        if not killed and any(failures):
            raise Failed(f"a client failed: {failures}")

    # The comparison.

    def said(self, number):
        """What a node says of every key that was hit."""
        keys = sorted(self.acknowledged.unanswered)
        with resp.Client(self.nodes[number].host) as client:
            client.send([("RL.GET", key, load.SCALE) for key in keys])
            replies = [client.read() for _ in keys]
        for reply in replies:
            if isinstance(reply, resp.Refused):
                raise reply
        return dict(zip(keys, replies))

    def agree(self, *numbers, within_s=SPREAD_S, lost=0):
        """Waits until these nodes (or all) say the same of each key, and no less and no more than
        clients were told: up to `lost` fewer in all, and up to what was not answered more. The
        seconds it took."""
        numbers = numbers or tuple(self.nodes)
        def all_agree():
            said = [self.said(number) for number in numbers]
            self._not_above(said)
            if any(each != said[0] for each in said):
                return [sum(each.values()) for each in said]
            missing = self.acknowledged.total() - sum(said[0].values())
            return missing <= lost or f"{missing} acknowledged hits missing, {lost} may be"
        return until(f"{len(numbers)} nodes agree on {self.acknowledged.total()}", within_s,
                     all_agree)

    def agree_on(self, key, expected, within_s=SPREAD_S):
        """Waits until every node says so much of one key."""
        def all_say():
            said = [self.said(number)[key] for number in self.nodes]
            return said == [expected] * len(said) or said
        until(f"{key} is {expected}", within_s, all_say)

    def heard(self, number, key="hit", within_s=SPREAD_S):
        """Waits until every other node says of the key at least what this one says."""
        least = self.said(number)[key]
        others = [other for other in self.nodes if other != number]
        def all_heard():
            said = [self.said(other)[key] for other in others]
            return min(said) >= least or said
        until(f"{key} at {least}", within_s, all_heard)

    def _not_above(self, said):
        for counts in said:
            for key, count in counts.items():
                told = self.acknowledged.counts[key] + self.acknowledged.unanswered[key]
                if count > told:
                    raise Failed(f"{key}: {count} counted, {told} were hit at most")

    # Faults.

    def cut(self, left, right):
        """Nothing passes between the two sides, in either direction."""
        for one, other in ((left, right), (right, left)):
            others = [self.nodes[number].host for number in other]
            for number in one:
                self.nodes[number].host.firewall.refuse(*others)

    def heal(self):
        """The network is whole again."""
        for node in self.nodes.values():
            node.host.firewall.clear()

    def down(self, number, *others, within_s=30):
        """Waits until a node holds these others for gone; the seconds it took."""
        gone = [f"{self.nodes[other].host.ip}:{CLUSTER_PORT}" for other in others]
        def all_gone():
            seen = self.nodes[number].others()
            return all(seen.get(at, {}).get("state", "down") == "down" for at in gone) or seen
        return until(f"node {number} holds {others} for gone", within_s, all_gone)

    def close(self):
        """Ends all loads and processes and removes the network."""
        for each in self._loads:
            each.end()
        for node in self.nodes.values():
            node.kill()
        self.network.close()


def pause(seconds):
    """Time that has to pass: a fault that lasts so long."""
    time.sleep(seconds)
