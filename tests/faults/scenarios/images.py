"""The static program as a container runs it: alone in an empty root, as nobody, without a shell."""

import os
import shutil

from dns_server import DnsServer
from node import Failed

# The user of the image (docker/Dockerfile).
USER = 65532
NAME = "ratel.test"


def _root(cluster, setting, number):
    """A folder with the program and a secret, and nothing else."""
    root = os.path.join(cluster.folder, f"root-{number}")
    os.makedirs(root)
    os.chmod(cluster.folder, 0o711)
    shutil.copy(setting.static, os.path.join(root, "ratel"))
    with open(cluster.secret, encoding="ascii") as file:
        cluster.write_secret(file.read(), os.path.join(root, "secret"))
    os.chown(os.path.join(root, "secret"), USER, USER)
    return root


def _uids(node):
    with open(f"/proc/{node.process.pid}/status", encoding="ascii") as status:
        line = next(line for line in status if line.startswith("Uid:"))
    return set(line.split()[1:])


def static(cluster, setting):
    """Three nodes, each alone in an empty root: the first has no /etc at all, the others join by DNS; all
    serve, answer health checks, and end by SIGTERM with 0."""
    if not setting.static:
        return "not run: no static program was given (--static)"
    dns = DnsServer(cluster.network.host(53))
    try:
        dns.addresses[NAME] = ["10.77.0.1", "10.77.0.2", "10.77.0.3"]
        for number in (1, 2, 3):
            root = _root(cluster, setting, number)
            program = ["chroot", f"--userspec={USER}:{USER}", root, "/ratel"]
            seed = "10.77.0.2" if number == 1 else NAME
            cluster.add(number, seed, secret="/secret", program=program)
            if number != 1:
                os.makedirs(os.path.join(root, "etc"))
                with open(os.path.join(root, "etc/resolv.conf"), "w", encoding="ascii") as file:
                    file.write(f"nameserver {dns.host.ip}\n")
        ready_s = cluster.launch(1, 2, 3)
        for number, node in cluster.nodes.items():
            if _uids(node) != {str(USER)}:
                raise Failed(f"runs as {_uids(node)}")
            if not node.is_alive():
                raise Failed("health says that it is not alive")
            cluster.hit(number, 100)
        cluster.agree()
        codes = [node.terminate(within_s=10) for node in cluster.nodes.values()]
        if codes != [0, 0, 0]:
            raise Failed(f"ended with {codes}")
    finally:
        dns.close()
    size_mib = os.path.getsize(setting.static) / (1 << 20)
    return f"three as uid {USER}, ready {ready_s:.1f} s, ended with 0; {size_mib:.0f} MiB unstripped"


ALL = [static]
