"""Nodes with another secret, and secrets that change while nodes run."""

import os
import signal
import socket
import time

import load
from node import CLUSTER_PORT, Failed, until

# Lines about one source are so far apart.
QUIET_S = 10
QUESTION = "is the cluster secret the same?"


def wrong_secret(cluster, setting):
    """A node with another secret stays apart, is told of now and then, and gets no byte."""
    other = os.path.join(cluster.folder, "other")
    cluster.write_secret(cluster.new_secret(), other)
    # They do not announce themselves to the third, so that whatever they send there is an answer.
    for number in (1, 2):
        cluster.add(number, "10.77.0.1", "10.77.0.2")
    cluster.launch(1, 2)
    cluster.hit(1, 100)
    cluster.agree(1, 2)
    stranger = cluster.add(3, "10.77.0.1", "10.77.0.2", secret=other)
    for number in (1, 2):
        cluster.nodes[number].host.firewall.count(stranger.host, CLUSTER_PORT)
    stranger.start()
    stranger.wait_ready(5)
    stranger.ask("RL.HIT", "stranger", load.SCALE, load.LIMIT)
    for bytes_sent in (b"GET / HTTP/1.1\r\n\r\n", b"\x10" * 4096):
        stream = stranger.host.socket(socket.AF_INET, socket.SOCK_STREAM)
        with stream:
            stream.settimeout(5)
            stream.connect((cluster.nodes[1].host.ip, CLUSTER_PORT))
            stream.sendall(bytes_sent)
            if _answer(stream):
                raise Failed("a stranger's stream was answered")
    lasts_s = setting.choose(25, 12)
    time.sleep(lasts_s)
    lines = []
    for number in (1, 2):
        node = cluster.nodes[number]
        counted = node.host.firewall.counted()
        if counted["in-udp"] == 0 or counted["out-udp"] or counted["out-data"]:
            raise Failed(f"node {number} and the stranger: {counted}")
        if node.figure("auth_failed") == 0 or node.figure("members") != 2:
            raise Failed(f"node {number}: {node.info()}")
        if node.ask("RL.GET", "stranger", load.SCALE) != 0:
            raise Failed("a stranger's hit was counted")
        lines.append(node.logged(QUESTION))
    if not all(1 <= each <= lasts_s // QUIET_S + 2 for each in lines):
        raise Failed(f"{lines} lines in {lasts_s} s")
    if stranger.ask("RL.GET", "hit", load.SCALE) != 0:
        raise Failed("a stranger was told counts")
    cluster.agree(1, 2)
    return f"{lasts_s} s, {lines} lines, no byte answered to {counted['in-udp']} datagrams"


def _answer(stream):
    try:
        return stream.recv(1)
    except ConnectionError:
        # Closed with bytes unread, which is said by a reset.
        return b""


def flood(cluster, setting):
    """A stranger sends junk as fast as it can: it is answered nothing, and hits go on and count."""
    cluster.start(3)
    stranger = cluster.network.host(9)
    target = cluster.nodes[1].host
    target.firewall.count(stranger, CLUSTER_PORT)
    with stranger.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.connect((target.ip, CLUSTER_PORT))
        # Of no version; of this one, sealed under no key; too short for anything.
        junk = [os.urandom(1200), b"\x10" + os.urandom(199), os.urandom(10)]
        loads = cluster.load(1, 2, 3, per_s=300)
        sent, begun = 0, time.monotonic()
        while time.monotonic() < begun + setting.choose(10, 4):
            for each in junk:
                datagrams.send(each)
                sent += 1
        lasted_s = time.monotonic() - begun
    cluster.quiet()
    took_s = cluster.agree()
    cluster.meet(1, 2, 3, within_s=1)
    counted = target.firewall.counted()
    if counted["out-udp"] or counted["in-udp"] == 0:
        raise Failed(f"junk was answered: {counted}")
    lost = [number for number in (1, 2, 3) if cluster.nodes[number].logged("no longer answers")]
    if lost:
        raise Failed(f"nodes {lost} lost a member")
    worst_ms = max(each.worst_s for each in loads) * 1000
    return (f"{sent / lasted_s:.0f} datagrams of junk a second, longest reply {worst_ms:.0f} ms, "
            f"all agree after {took_s * 1000:.0f} ms")


def rotation(cluster, _setting):
    """A key is added, promoted, and the old one removed, node after node, under hits."""
    cluster.start(3)
    with open(cluster.secret, encoding="ascii") as file:
        old = file.read()
    new = cluster.new_secret()
    rounds_s = []
    for text in (old + new, new + old, new):
        cluster.load(1, 2, 3, per_s=300)
        cluster.write_secret(text)
        for number in (1, 2, 3):
            cluster.nodes[number].signal(signal.SIGHUP)
            time.sleep(1)
            cluster.meet(1, 2, 3, within_s=0.1)
        cluster.quiet()
        rounds_s.append(cluster.agree())
    for node in cluster.nodes.values():
        if node.figure("auth_failed") or node.logged("no longer answers"):
            raise Failed(f"a member was lost: {node.tail()}")
    # A file that is wrong changes nothing.
    cluster.write_secret("no key\n")
    cluster.nodes[1].signal(signal.SIGHUP)
    until("the wrong file is told of", 5,
          lambda: cluster.nodes[1].logged("the keys stay as they are") == 1)
    cluster.hit(1, 100)
    cluster.agree()
    return f"{cluster.acknowledged.total()} hits, agreed {max(rounds_s) * 1000:.0f} ms after each step"


ALL = [wrong_secret, flood, rotation]
