"""The files under docker/ that no engine reads here: they parse, what they refer to is there, and each
variable, port and command in them is one that the program has.

Usage: manifests.py PROGRAM (from the top of the repository)
"""

import re
import subprocess
import sys

import yaml

PROGRAM = sys.argv[1]
HEALTH, READY = ["/ratel", "health"], ["/ratel", "health", "--ready"]


def check(holds, what):
    """Ends with what does not hold."""
    if not holds:
        sys.exit(f"manifests: {what}")


def known_variables():
    """The variables that the program reads, as its help lists them."""
    text = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, check=True).stdout
    flags = re.findall(r"--([a-z][a-z-]+)", text)
    return {"RATEL_" + flag.upper().replace("-", "_") for flag in flags} | {
        "RATEL_REQUIREPASS_FILE", "POD_IP"}


def check_variables(names, where):
    """All of these are read by the program."""
    unknown = set(names) - known_variables()
    check(not unknown, f"{where}: the program reads no {unknown}")


def compose():
    """Three nodes of one kind, each with a port of its own, that join by a name which all three have."""
    with open("docker/compose.yaml", encoding="ascii") as file:
        text = yaml.safe_load(file)
    services, ports = text["services"], set()
    check(len(services) == 3, "compose: not three nodes")
    for name, service in services.items():
        variables = service["environment"]
        check_variables(variables, f"compose {name}")
        check(all(isinstance(value, str) for value in variables.values()), f"{name}: {variables}")
        check(variables["RATEL_JOIN"] in service["networks"]["default"]["aliases"], f"{name}: join")
        secret = service["secrets"][0]
        check(secret in text["secrets"], f"{name}: no secret {secret}")
        check(variables["RATEL_CLUSTER_SECRET_FILE"] == f"/run/secrets/{secret}", f"{name}: secret")
        check(service["healthcheck"]["test"] == ["CMD", *READY], f"{name}: healthcheck")
        ports.update(service["ports"])
    check(len(ports) == 3, f"compose: {ports}")


def kubernetes():
    """A workload, a service for clients, a headless one for nodes, and probes."""
    with open("docker/kubernetes.yaml", encoding="ascii") as file:
        objects = {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(file)}
    workload = objects["Deployment", "ratel"]["spec"]
    labels, pod = workload["template"]["metadata"]["labels"], workload["template"]["spec"]
    container = pod["containers"][0]
    for kind, name in objects:
        spec = objects[kind, name]["spec"]
        selector = spec.get("selector", {})
        check(selector.get("matchLabels", selector) == labels, f"{kind} {name} selects other pods")
    headless = objects["Service", "ratel-nodes"]["spec"]
    check(headless["clusterIP"] == "None" and headless["publishNotReadyAddresses"], "headless")
    own = {port["name"]: (port["containerPort"], port.get("protocol", "TCP"))
           for port in container["ports"]}
    for name in ("ratel", "ratel-nodes"):
        for port in objects["Service", name]["spec"]["ports"]:
            check(own[port["targetPort"]] == (port["port"], port.get("protocol", "TCP")), port)
    variables = {variable["name"]: variable for variable in container["env"]}
    check_variables(variables, "kubernetes")
    check(variables["POD_IP"]["valueFrom"]["fieldRef"]["fieldPath"] == "status.podIP", "POD_IP")
    gossip = next(port for port in headless["ports"] if port["protocol"] == "UDP")
    check(variables["RATEL_JOIN"]["value"] == f"srv:_{gossip['name']}._udp.ratel-nodes", "join")
    mount, volume = container["volumeMounts"][0], pod["volumes"][0]
    check(mount["name"] == volume["name"], "the secret is not mounted")
    path = f"{mount['mountPath']}/{volume['secret']['items'][0]['path']}"
    check(variables["RATEL_CLUSTER_SECRET_FILE"]["value"] == path, path)
    probes = [container[f"{kind}Probe"]["exec"]["command"]
              for kind in ("startup", "liveness", "readiness")]
    check(probes == [HEALTH, HEALTH, READY], probes)
    check(pod["securityContext"]["runAsNonRoot"] and not pod["enableServiceLinks"], "pod")
    # shutdown-timeout and the wait of a leaver for its last hits to be confirmed.
    check(pod["terminationGracePeriodSeconds"] > 15, "grace")


compose()
kubernetes()
print("compose.yaml and kubernetes.yaml: parsed, and what they name is there")
