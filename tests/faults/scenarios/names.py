"""Nodes that find each other by name."""

import time

from dns_server import AAAA, DnsServer
from node import CLUSTER_PORT, Failed, until

NAME = "ratel.test"
DOMAIN = "test"
SERVICE = "_gossip._udp.ratel"
# A name that starts to resolve, or another address behind it, is followed within this time.
FOLLOWED_S = 10
# The name server's own place in the network.
SERVER = 53


class _Named:
    """A name server for one scenario; it ends with it."""

    def __init__(self, cluster):
        self._server = DnsServer(cluster.network.host(SERVER))

    def __enter__(self):
        return self._server

    def __exit__(self, *_):
        self._server.close()


def _ips(*numbers):
    return [f"10.77.0.{number}" for number in numbers]


def _hit_all(cluster, times=100):
    for number in cluster.nodes:
        cluster.hit(number, times)


def _joined(cluster, *numbers):
    took_s = cluster.meet(*numbers, within_s=FOLLOWED_S)
    _hit_all(cluster)
    cluster.agree(*numbers)
    return took_s


def dns_late(cluster, _setting):
    """The name does not resolve when the nodes start; each serves alone, until it does. The first of
    their name servers is dead; the machines know no way to anywhere, and the third a wrong one."""
    with _Named(cluster) as dns:
        for number in (1, 2, 3):
            cluster.add(number, NAME).host.write(
                "resolv.conf", f"nameserver 10.77.0.99\nnameserver {dns.host.ip}\n")
        third = cluster.nodes[3].host
        third.run("ip", "link", "add", "wan", "type", "veth", "peer", "name", "nobody")
        third.run("ip", "addr", "add", "192.168.99.3/24", "dev", "wan")
        third.run("ip", "link", "set", "wan", "up")
        third.run("ip", "link", "set", "nobody", "up")
        third.run("ip", "route", "add", "default", "via", "192.168.99.1")
        for number in (1, 2, 3):
            cluster.nodes[number].start()
        alone_s = max(cluster.nodes[number].wait_ready(14) for number in (1, 2, 3))
        if any(cluster.members(number) != 1 for number in (1, 2, 3)):
            raise Failed("somebody was found without a name")
        _hit_all(cluster)
        dns.addresses[NAME] = _ips(1, 2, 3)
        took_s = _joined(cluster, 1, 2, 3)
        known = set(cluster.nodes[1].others())
        if known != {f"{ip}:{CLUSTER_PORT}" for ip in _ips(2, 3)}:
            raise Failed(f"node 1 knows {known}")
    return f"served alone after {alone_s:.1f} s, joined {took_s:.1f} s after the name resolved"


def dns_changed(cluster, _setting):
    """Two clusters of two; the name that the first one joins is moved to a node of the second. About
    AAAA the server says nothing, as some do."""
    with _Named(cluster) as dns:
        dns.unheard = AAAA
        dns.addresses[NAME] = _ips(1, 2)
        for number in (1, 2):
            dns.resolved_by(cluster.add(number, NAME))
        cluster.add(3, *_ips(4))
        cluster.add(4, *_ips(3))
        cluster.launch(1, 2)
        cluster.launch(3, 4)
        _hit_all(cluster)
        dns.addresses[NAME] = _ips(4)
        took_s = _joined(cluster, 1, 2, 3, 4)
    return f"two clusters are one {took_s:.1f} s after the name was changed"


def dns_srv(cluster, _setting):
    """SRV records of a relative name bring the ports, which differ; the answers fit no datagram, so they come by TCP."""
    ports = {1: CLUSTER_PORT, 2: 8001, 3: 8002}
    with _Named(cluster) as dns:
        dns.truncated = True
        # A target that is gone hides no other.
        dns.services[f"{SERVICE}.{DOMAIN}"] = [(f"node-{number}.{NAME}", port)
                                 for number, port in [(9, 9), *ports.items()]]
        for number, port in ports.items():
            dns.addresses[f"node-{number}.{NAME}"] = _ips(number)
            dns.resolved_by(cluster.add(number, f"srv:{SERVICE}", port=port), DOMAIN)
        ready_s = cluster.launch(*ports)
        _hit_all(cluster)
        cluster.agree()
        dns.services[f"{SERVICE}.{DOMAIN}"].append((f"node-4.{NAME}", 8003))
        dns.addresses[f"node-4.{NAME}"] = _ips(4)
        dns.resolved_by(cluster.add(4, f"srv:{SERVICE}", port=8003), DOMAIN)
        cluster.nodes[4].start()
        cluster.nodes[4].wait_ready(4)
        _joined(cluster, 1, 2, 3, 4)
    return f"three ports, ready {ready_s:.1f} s"


def dns_v6(cluster, _setting):
    """A name with AAAA records only, on nodes that hear both families."""
    with _Named(cluster) as dns:
        dns.addresses[NAME] = [f"fd77::{number}" for number in (1, 2, 3)]
        for number in (1, 2, 3):
            dns.resolved_by(cluster.add(number, NAME, bind="::"))
        ready_s = cluster.launch(1, 2, 3)
        if f"[fd77::2]:{CLUSTER_PORT}" not in cluster.nodes[1].others():
            raise Failed(f"no IPv6 address: {cluster.nodes[1].others()}")
        _hit_all(cluster)
        cluster.agree()
    return f"ready {ready_s:.1f} s"


def dns_dead(cluster, setting):
    """The name server dies: the running cluster goes on, and a node that starts again is found."""
    with _Named(cluster) as dns:
        dns.addresses[NAME] = _ips(1, 2, 3)
        for number in (1, 2, 3):
            dns.resolved_by(cluster.add(number, NAME))
        cluster.launch(1, 2, 3)
        seconds = setting.choose(15, 8)
        worst_ms = {}
        for dns.silent in (False, True):
            loads = cluster.load(1, 2, 3, per_s=500)
            time.sleep(seconds)
            cluster.quiet()
            cluster.agree()
            worst_ms[dns.silent] = max(each.worst_s for each in loads) * 1000
        # A machine shared with others stalls a client now and then, whatever a node does.
        if worst_ms[True] > max(100, 5 * worst_ms[False]):
            raise Failed(f"longest reply {worst_ms[True]:.0f} ms, {worst_ms[False]:.0f} before")
        cluster.meet(1, 2, 3, within_s=1)
        cluster.nodes[3].kill()
        cluster.nodes[3].start()
        again_s = cluster.nodes[3].wait_ready(14)
        _joined(cluster, 1, 2, 3)
    return (f"longest reply {worst_ms[True]:.0f} ms, {worst_ms[False]:.0f} before; "
            f"a node started again was ready after {again_s:.1f} s")


def dns_hosts(cluster, _setting):
    """The name stands in /etc/hosts, and there is no name server at all."""
    lines = "".join(f"{ip} {NAME}\n" for ip in _ips(1, 2, 3))
    for number in (1, 2, 3):
        node = cluster.add(number, NAME)
        node.host.write("hosts", "127.0.0.1 localhost\n" + lines)
        node.host.write("resolv.conf", "nameserver 10.77.0.99\n")
    ready_s = cluster.launch(1, 2, 3)
    _hit_all(cluster)
    cluster.agree()
    # A name that starts to stand there is looked up too.
    other = cluster.add(4, *_ips(4))
    other.start()
    other.wait_ready(5)
    for number in (1, 2, 3):
        host = cluster.nodes[number].host
        host.write("hosts", f"127.0.0.1 localhost\n{lines}10.77.0.4 {NAME}\n")
    took_s = _joined(cluster, 1, 2, 3, 4)
    return f"ready {ready_s:.1f} s, a line more was followed after {took_s:.1f} s"


def rolling(cluster, _setting):
    """Every node is replaced by one with another address, as an orchestrator does it, under hits."""
    with _Named(cluster) as dns:
        dns.addresses[NAME] = _ips(1, 2, 3)
        for number in (1, 2, 3):
            dns.resolved_by(cluster.add(number, NAME))
        cluster.launch(1, 2, 3)
        _hit_all(cluster)
        for old in (1, 2, 3):
            new = old + 3
            dns.resolved_by(cluster.add(new, NAME))
            dns.addresses[NAME] = _ips(*(number for number in cluster.nodes if number >= old))
            cluster.nodes[new].start()
            cluster.nodes[new].wait_ready(4)
            cluster.load(old, new, per_s=300)
            time.sleep(1)
            code = cluster.nodes[old].terminate(within_s=10)
            cluster.quiet(killed=True)
            if code != 0:
                raise Failed(f"node {old} ended with {code}")
            cluster.agree(*range(old + 1, new + 1))
        took_s = cluster.meet(4, 5, 6, within_s=FOLLOWED_S)
    return f"{cluster.acknowledged.total()} hits, none lost; three new nodes know each other {took_s:.1f} s later"


ALL = [rolling, dns_late, dns_changed, dns_srv, dns_v6, dns_dead, dns_hosts]
