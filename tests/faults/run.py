"""Runs scenarios, prints a line for each, cleans up.

Usage: run.py PROGRAM [--quick] [--static PROGRAM] [name ...]
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cluster import Cluster  # noqa: E402
from node import Failed  # noqa: E402
from scenarios import SCENARIOS, Setting  # noqa: E402


def stop(*_):
    """SIGTERM is taken as Ctrl-C is: the scenario that runs is cleaned up."""
    raise KeyboardInterrupt


def run(name, scenario, setting, number):
    """One scenario on a fresh network; the verdict, the figures, the folder of its logs if it failed."""
    folder = tempfile.mkdtemp(prefix=f"ratel-faults-{name}-")
    cluster, verdict, figures = None, "stopped", ""
    try:
        # Interface and namespace names are short: the process's number and the scenario's.
        cluster = Cluster(setting.program, f"rf{os.getpid()}-{number}", folder)
        figures = scenario(cluster, setting)
        verdict = "ok"
    except Failed as failure:
        verdict, figures = "failed", f"{failure}; logs in {folder}"
    except Exception:  # noqa: BLE001: whatever else went wrong, the next scenario runs
        verdict, figures = "failed", f"{traceback.format_exc()}logs in {folder}"
    finally:
        # A second Ctrl-C must not leave half of it behind.
        deaf = {each: signal.signal(each, signal.SIG_IGN) for each in (signal.SIGINT, signal.SIGTERM)}
        if cluster is not None:
            cluster.close()
        if verdict != "failed":
            shutil.rmtree(folder, ignore_errors=True)
        for each, handler in deaf.items():
            signal.signal(each, handler)
    return verdict, figures


def main():
    """All scenarios, or those that are named; 1 if one failed."""
    parser = argparse.ArgumentParser(
        prog="scripts/faults", usage="scripts/faults [--quick] [--program FILE] [name ...]")
    parser.add_argument("program")
    parser.add_argument("--quick", action="store_true", help="short pauses and few repetitions")
    parser.add_argument("--static", help="the program, linked statically, for the scenario 'static'")
    parser.add_argument("names", nargs="*", metavar="name")
    args = parser.parse_intermixed_args()
    unknown = [name for name in args.names if name not in SCENARIOS]
    if unknown:
        parser.error(f"no scenario {' '.join(unknown)}; there are {' '.join(SCENARIOS)}")
    signal.signal(signal.SIGTERM, stop)
    setting = Setting(os.path.abspath(args.program), args.quick, args.static)
    failed, begun = [], time.monotonic()
    for number, name in enumerate(args.names or SCENARIOS):
        started = time.monotonic()
        verdict, figures = run(name, SCENARIOS[name], setting, number)
        print(f"{name:<13} {verdict:<7} {time.monotonic() - started:6.1f} s  {figures}", flush=True)
        if verdict != "ok":
            failed.append(name)
    total_s = time.monotonic() - begun
    print(f"{len(failed)} of {len(args.names or SCENARIOS)} failed in {total_s:.0f} s"
          + "".join(f" {name}" for name in failed))
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
