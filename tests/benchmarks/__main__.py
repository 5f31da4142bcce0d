"""Runs the benchmarks: `python -m tests.benchmarks [--peers] [--quick] [NAME...]`.

A NAME is a workload, or `numpy_target` for the limits of that target; without any, all of them
run.  The figures go to docs/benchmarks.md, .json and .svg, or those of another folder.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tests.benchmarks import numpy_target, peers, report
from tests.benchmarks.supervise import Result, machine, supervised
from tests.benchmarks.workloads import WORKLOADS

DOCS = Path(__file__).parents[2] / "docs"


def main(words: list[str]) -> int:
    """Run what was asked for."""
    asked = _parsed(words)
    known = {*WORKLOADS, "numpy_target"}
    unknown = [name for name in asked.names if name not in known]
    if unknown:
        sys.exit(f"no workload is called {', '.join(unknown)}; there are {', '.join(known)}")
    names = asked.names or [*WORKLOADS, "numpy_target"]
    chosen = [*peers.OURS, *(peers.PEERS if asked.peers else ())]
    found: dict[str, Result] = {}
    end = time.monotonic() + 60.0 * asked.minutes
    for name in names:
        if name not in WORKLOADS:
            continue
        workload = WORKLOADS[name]
        left = end - time.monotonic()
        found[name] = supervised(
            name,
            [i.name for i in chosen if i.has(workload)],
            list(workload.sizes[:1] if asked.quick else workload.sizes),
            seconds=0.1 if asked.quick else 0.6,
            limit=min(asked.limit, left),
        )
        numpy_target.say(report.line(workload, found[name]))
    if found:
        report.write(asked.out, machine(), found)
    if "numpy_target" in names:
        numpy_target.main()
    return 0


def _parsed(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="workloads, or all")
    parser.add_argument("--peers", action="store_true", help="also JAX, PyTorch and autograd")
    parser.add_argument("--quick", action="store_true", help="smallest sizes, few rounds")
    parser.add_argument("--out", type=Path, default=DOCS, help="folder of the report")
    parser.add_argument("--limit", type=float, default=90.0, help="seconds for a workload")
    parser.add_argument("--minutes", type=float, default=12.0, help="for all workloads")
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
