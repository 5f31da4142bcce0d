"""What is measured: the examples with loops, at any size, and straight-line functions."""

from __future__ import annotations

import importlib.util
import linecache
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

EXAMPLES = Path(__file__).parents[2] / "examples"


def example(name: str) -> ModuleType:
    """The module of an example."""
    place = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert place is not None
    assert place.loader is not None
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    return module


def grid(n: int) -> np.ndarray:
    """Reproducible numbers."""
    return np.random.default_rng(n).normal(size=(n, n))


def row(n: int) -> np.ndarray:
    """As `grid`, in one row."""
    return np.random.default_rng(n).normal(size=n)


def positive(n: int) -> np.ndarray:
    """A positive definite matrix."""
    return grid(n) @ grid(n).T + n * np.eye(n)


def eccentric(n: int) -> tuple[float, float]:
    """Arguments for which Newton's method takes the more steps the larger `n`."""
    return 0.8, 1.0 - 0.5**n


# function, arguments by size, sizes
LOOPS: dict[str, tuple[str, Callable[[int], tuple[Any, ...]], tuple[int, ...]]] = {
    "gauss_seidel": ("misfit", lambda n: (grid(n), grid(n), 5), (16, 32, 64)),
    "heat": ("misfit", lambda n: (row(n), row(n + 1)[1:], 50, 0.2), (100, 400, 1600)),
    "pendulum": ("misfit", lambda n: (1.3, row(n), 1.0, 0.02), (50, 200, 800)),
    "newton": ("kepler", eccentric, (1, 4, 8)),
    "cholesky": ("log_determinant", lambda n: (positive(n),), (16, 32, 64)),
}


def five(a: Any, b: Any, c: Any, d: Any, e: Any) -> Any:
    """A function of five arrays that does little."""
    return a


def straight(count: int) -> Callable[..., Any]:
    """A function of `count` simple statements."""
    lines = ["def straight(x, y):", "    a = x * y"]
    for k in range(count - 2):
        lines.append(
            f"    a = a * 0.5 + np.sin(y) * {k}.5" if k % 3 else f"    a = a * x - {k}.0"
        )
    text = "\n".join([*lines, "    return np.sum(a)"]) + "\n"
    file = f"<straight {count}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    space: dict[str, Any] = {"np": np}
    exec(compile(text, file, "exec"), space)
    return space["straight"]
