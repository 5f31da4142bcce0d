"""No pass takes much more time than a program is longer."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from runpy import run_path
from typing import Any

import numpy as np
import pytest

import stagec
from stagec import pipeline
from stagec.driver import TARGETS

SHORT, LONG = 20, 80


def products(n: int) -> list[str]:
    return ["y = np.outer(x, x)", *["y = y @ y * 0.1"] * n]


def rows(n: int) -> list[str]:
    writes = (f"y[{k}] = x[{k % 3}:{k % 3 + 3}] * {k}" for k in range(2 * n))
    return [f"y = np.zeros(({2 * n}, 3))", *writes]


def loops_apart(n: int) -> list[str]:
    weights = ", ".join(f"np.ones((3, {k + 2})) * x[0]" for k in range(n))
    return [f"w = [{weights}]", "y = [np.sum(np.sin(v) ** 2) for v in w]"]


@pytest.mark.parametrize("program", [products, rows, loops_apart])
def test_four_times_as_long(
    program: Callable[[int], list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spent: dict[str, float] = {}

    def timed(step: Any) -> Any:
        def run(fn: Any) -> Any:
            begin = time.process_time()
            found = step(fn)
            name = step.__name__
            spent[name] = spent.get(name, 0.0) + time.process_time() - begin
            return found

        return run

    target = TARGETS["numba"]
    watched = pipeline.Target(
        target.title, tuple(map(timed, target.passes)), tuple(map(timed, target.finish)),
        target.merge_sizes, target.needs,
    )  # fmt: skip
    monkeypatch.setitem(TARGETS, "numba", watched)  # type: ignore[arg-type]
    monkeypatch.setattr(
        pipeline, "PASSES", tuple((name, timed(step)) for name, step in pipeline.PASSES)
    )
    times: list[dict[str, float]] = []
    for n in (SHORT, LONG):
        lines = "".join(f"    {line}\n" for line in program(n))
        file = tmp_path / f"program_{n}.py"
        file.write_text(f"import numpy as np\n\ndef f(x):\n{lines}    return np.sum(y)\n")
        spent.clear()
        stagec.grad(run_path(str(file))["f"], backend="numba").source(np.linspace(0, 1, 9))
        times.append(dict(spent))
    short, long = times
    slow = {k: (short[k], t) for k, t in long.items() if t > 14 * short[k] and t > 0.1}
    assert not slow
