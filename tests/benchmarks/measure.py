"""The measurements of one workload, in a process of its own: `python -m ...measure JSON`.

Each finding is printed at once as a line of JSON, so that those before a crash are not lost.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks import peers
from tests.benchmarks.timing import alternating
from tests.benchmarks.workload import Workload
from tests.benchmarks.workloads import WORKLOADS

MARK = "@stagec "  # libraries print too
Run = Callable[[], Any]
# a run longer than this is not repeated, nor made at larger sizes
LONG = 1.0


def tell(kind: str, **found: Any) -> None:
    """Print a finding."""
    sys.stdout.write(MARK + json.dumps({"kind": kind, **found}) + "\n")
    sys.stdout.flush()


def measure(workload: Workload, names: list[str], sizes: list[int], seconds: float) -> None:
    """Tell everything about the workload."""
    alive: list[str] = []
    for name in names:
        tell("begin", implementation=name, size=None)
        start = time.perf_counter()
        try:
            peers.IMPLEMENTATIONS[name].start()
        except ImportError as error:
            tell("failure", implementation=name, size=None, text=f"not installed: {error.name}")
            continue
        tell("start", implementation=name, seconds=time.perf_counter() - start)
        alive.append(name)
    for size in sizes:
        arguments = workload.data(size)
        alive = _one_size(workload, alive, size, arguments, seconds, size == sizes[-1])


def _one_size(
    workload: Workload, names: list[str], size: int, arguments: tuple[Any, ...],
    seconds: float, largest: bool,
) -> list[str]:  # fmt: skip
    """Tell about one size; the implementations that are quick enough for the next."""
    runs: dict[tuple[str, str], tuple[Run, float]] = {}
    slow: set[str] = set()
    expected: list[np.ndarray] | None = None
    for name in names:
        tell("begin", implementation=name, size=size)
        try:
            made = peers.IMPLEMENTATIONS[name].runs(workload, arguments)
            for kind in ("forward", "derivative"):
                run = getattr(made, kind)
                if run is None:
                    continue
                result, first, again = _first(run)
                tell("first", implementation=name, size=size, run=kind, seconds=first)
                if kind == "derivative" and name != "copy":
                    found = peers.flattened(result)
                    expected = expected or found
                    tell("error", implementation=name, size=size, value=_error(found, expected))
                if again > LONG:
                    slow.add(name)
                    tell("time", implementation=name, size=size, run=kind, seconds=again)
                else:
                    runs[name, kind] = run, again
        except Exception as error:  # whatever a peer raises is what it can do
            text = f"{type(error).__name__}: {error}".splitlines()[0][:200]
            tell("failure", implementation=name, size=size, text=text)
            slow.add(name)
    if largest:
        for (name, kind), (run, _) in runs.items():
            if kind == "derivative":
                tell("memory", implementation=name, size=size, bytes=peak_memory(run))
    tell("begin", implementation=None, size=size)
    for (name, kind), (median, least, rounds) in alternating(runs, seconds).items():
        tell(
            "time", implementation=name, size=size, run=kind, seconds=median, least=least,
            rounds=rounds,
        )  # fmt: skip
    return [n for n in names if n not in slow]


def _first(run: Run) -> tuple[Any, float, float]:
    """The result, and how long the first call and another take."""
    start = time.perf_counter()
    result = run()
    first = time.perf_counter() - start
    if first > 20 * LONG:
        return result, first, first
    start = time.perf_counter()
    run()
    return result, first, time.perf_counter() - start


def _error(found: list[np.ndarray], expected: list[np.ndarray]) -> float | None:
    """The largest difference in any of the results, relative to its largest element."""
    worst = 0.0
    for a, b in zip(found, expected, strict=True):
        scale = float(np.max(np.abs(b))) or 1.0
        worst = max(worst, float(np.max(np.abs(a.astype(float) - b))) / scale)
    return worst if np.isfinite(worst) else None


def peak_memory(run: Run) -> int | None:
    """How many bytes a run adds to the process at most; None where Linux does not tell."""
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
        before = _status("VmRSS")
        run()
        return max(_status("VmHWM") - before, 0)
    except OSError:
        return None


def _status(key: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return 1024 * int(line.split()[1])
    raise OSError(f"no {key}")


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    tell("load", value=os.getloadavg()[0])
    measure(
        WORKLOADS[asked["workload"]], asked["implementations"], asked["sizes"],
        asked["seconds"],
    )  # fmt: skip
    tell("end")
