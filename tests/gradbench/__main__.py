"""Measures the evals beside their peers: `python -m tests.gradbench [--write] [EVAL...]`.

Each eval runs in a process of its own, on one thread, one implementation after the other in it;
the least time of each is shown.  `--write` puts the table into
docs/gradbench.md.  All of it ends within six minutes; what does not come to an end is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
XLA = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
PAGE = Path(__file__).parents[2] / "docs" / "gradbench.md"
BEGIN, END = "<!-- times: begin -->", "<!-- times: end -->"
MINUTES, LIMIT = 5.5, 120.0


def main(words: list[str]) -> int:
    """Measure the evals asked for, all of them by default, and print the table."""
    from examples.gradbench.protocol import EVALS
    from tests.gradbench.table import table

    parser = argparse.ArgumentParser(prog="python -m tests.gradbench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="EVAL", help="all of them by default")
    parser.add_argument("--write", action="store_true", help="into docs/gradbench.md")
    parser.add_argument("--one", action="store_true", help="in this process, as JSON lines")
    asked = parser.parse_args(words)
    if asked.one:
        from tests.gradbench.measure import measure

        measure(asked.names[0], lambda row: print(json.dumps(row), flush=True))  # noqa: T201
        return 0
    found: dict[str, list[list[object]]] = {}
    end = time.monotonic() + 60 * MINUTES
    for name in asked.names or EVALS:
        found[name] = supervised(name, min(LIMIT, end - time.monotonic()))
    text = table(found)
    sys.stdout.write(text)
    if asked.write:
        before, _, rest = PAGE.read_text().partition(BEGIN)
        after = rest.partition(END)[2]
        PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}")
    return 0


def supervised(name: str, seconds: float) -> list[list[object]]:
    """The rows of the eval that a process of its own finds in the time."""
    if seconds <= 0:
        return []
    env = os.environ | dict.fromkeys(THREADS, "1") | {"XLA_FLAGS": XLA}
    command = [sys.executable, "-m", "tests.gradbench", "--one", name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        try:
            out, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            out, _ = process.communicate()
    return [json.loads(line) for line in out.splitlines() if line.endswith("]")]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
