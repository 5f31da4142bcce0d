"""Has workloads measured in processes of their own, which may crash or take too long."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tests.benchmarks.measure import MARK

ROOT = Path(__file__).parents[2]
PACKAGES = ("numpy", "numba", "scipy", "jax", "torch", "autograd")


@dataclass
class Result:
    """What is known of one workload; times in seconds.

    Attributes
    ----------
    times : by size, implementation and run ("forward", "derivative").
    first : of the smallest size, by implementation and run.
    errors : the largest relative difference from stagec's results, by size, implementation.
    memory : the bytes that the largest derivative adds, by implementation.
    failures : what went wrong, in words.
    load : the load of the machine when it began.
    """

    times: dict[int, dict[str, dict[str, float]]] = field(default_factory=dict)
    first: dict[str, dict[str, float]] = field(default_factory=dict)
    errors: dict[int, dict[str, float | None]] = field(default_factory=dict)
    memory: dict[str, int | None] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    load: float = 0.0

    def take(self, event: dict[str, Any]) -> None:
        """Add a finding."""
        size: Any = event.get("size")
        name: Any = event.get("implementation")
        match event["kind"]:
            case "time":
                runs = self.times.setdefault(size, {}).setdefault(name, {})
                runs[event["run"]] = event["seconds"]
            case "first":
                self.first.setdefault(name, {}).setdefault(event["run"], event["seconds"])
            case "error":
                self.errors.setdefault(size, {})[name] = event["value"]
            case "memory":
                self.memory[name] = event["bytes"]
            case "failure":
                self.failures.append(_said(name, size, event["text"]))
            case "load":
                self.load = event["value"]


def _said(name: str | None, size: int | None, text: str) -> str:
    where = "" if size is None else f" at size {size}"
    return f"{name or 'timing'}{where}: {text}"


def supervised(
    workload: str, implementations: list[str], sizes: list[int], seconds: float, limit: float
) -> Result:
    """The result of a workload within `limit` seconds.

    Where the process dies or hangs, the implementation that it was at is left out, and the rest
    goes on with the size that it was at.
    """
    end = time.monotonic() + limit
    result = Result()
    while implementations and sizes:
        left = end - time.monotonic()
        if left < 2.0:
            result.failures.append("not measured to the end: no time left")
            break
        # so that the others may have another try
        share = 0.6 * left if len(implementations) > 1 else left
        at, wrong = _process(workload, implementations, sizes, seconds, result, share)
        if wrong is None:
            break
        blamed = at.get("implementation")
        result.failures.append(_said(blamed, at.get("size"), wrong))
        if blamed not in implementations:
            break
        implementations = [i for i in implementations if i != blamed]
        sizes = [s for s in sizes if s >= (at.get("size") or 0)]
    return result


def _process(
    workload: str, implementations: list[str], sizes: list[int], seconds: float,
    result: Result, limit: float,
) -> tuple[dict[str, Any], str | None]:  # fmt: skip
    """Run the process into `result`; where it was at the end, and what went wrong there."""
    asked = {
        "workload": workload, "implementations": implementations, "sizes": sizes,
        "seconds": seconds,
    }  # fmt: skip
    at: dict[str, Any] = {}
    ended = False
    with tempfile.TemporaryDirectory() as cache, tempfile.TemporaryFile("w+") as errors:
        with subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.measure", json.dumps(asked)],
            stdout=subprocess.PIPE, stderr=errors, text=True, cwd=ROOT,
            env=environment(cache),
        ) as process:  # fmt: skip
            timer = threading.Timer(limit, process.kill)
            timer.start()
            assert process.stdout is not None
            for line in process.stdout:
                if not line.startswith(MARK):
                    continue
                event = json.loads(line.removeprefix(MARK))
                ended = ended or event["kind"] == "end"
                if event["kind"] == "begin":
                    at = event
                result.take(event)
            code = process.wait()
            late = not timer.is_alive()
            timer.cancel()
        if ended:
            return at, None
        if late:
            return at, f"longer than {limit:.0f} s"
        errors.seek(0)
        last = (errors.read().strip().splitlines() or [""])[-1][:200]
        return at, f"ended with code {code}: {last}"


def environment(cache: str) -> dict[str, str]:
    """The environment of a measurement: nothing cached, and the best kernels of OpenBLAS."""
    made = os.environ | {"XDG_CACHE_HOME": cache, "PYTHONWARNINGS": "ignore"}
    made["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "runtime")])
    if _amd_with_avx512():
        # OpenBLAS takes its AVX2 kernels there, at half of the speed
        made.setdefault("OPENBLAS_CORETYPE", "SKYLAKEX")
    return made


def _amd_with_avx512() -> bool:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "AuthenticAMD" in text and "avx512f" in text


def machine() -> dict[str, Any]:
    """Where the figures are from."""
    made: dict[str, Any] = {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "date": time.strftime("%Y-%m-%d"),
        "load": os.getloadavg()[0],
    }
    for name in PACKAGES:
        try:
            made[name] = version(name)
        except PackageNotFoundError:
            made[name] = "not installed"
    return made


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), "")
