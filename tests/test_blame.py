"""Exceptions of machine code note the user's lines that they may come from."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

pytest.importorskip("numba")


def index(x: Any, n: Any) -> Any:
    y = 0.0
    for i in range(n):
        y = y + 1.0
        x[i] = y  # here
    return x


def divide(x: Any, n: Any) -> Any:
    y = 0.0
    for k in range(n):
        y = y + math.sqrt(k + 1.0)
        y = y + 1.0 / (x - k)  # here
    return y


def domain(x: Any, n: Any) -> Any:
    y = 1.0
    for k in range(n):
        y = y / 2.0
        y = y + math.sqrt(x - k)  # here
    return y


def too_large(n: Any) -> Any:
    k = 1
    for _ in range(n):
        k = k * 3  # here
    return k


def either(x: Any, n: Any) -> Any:
    y = 0.0
    for k in range(n):
        y = y + 1.0 / (x - k)  # here
        y = y - 2.0 / (x + k)  # here
    return y


def python(n: Any) -> Any:
    k = 0
    for _ in range(3):
        k = k + 7 // n  # here
    return k


CASES: dict[str, tuple[Callable[..., Any], tuple[Any, ...], type[Exception]]] = {
    "index": (index, (np.zeros(3), 5), IndexError),
    "divide": (divide, (0.0, 3), ZeroDivisionError),
    "domain": (domain, (1.0, 3), ValueError),
    "too large": (too_large, (50,), OverflowError),
    "either": (either, (1.0, 3), ZeroDivisionError),
}


def marked(function: Callable[..., Any]) -> list[str]:
    """The lines of the function marked as those to be found."""
    lines, first = inspect.getsourcelines(function)
    return [f":{first + k}:" for k, line in enumerate(lines) if line.endswith("# here\n")]


@pytest.mark.parametrize("name", CASES)
def test_the_line_is_found(name: str) -> None:
    function, args, kind = CASES[name]
    staged = sc.jit(function, backend="numba")
    assert "_kernel" in staged.source(*args)
    for _ in range(2):
        with pytest.raises(kind) as caught:
            staged(*args)
        (note,) = caught.value.__notes__
        assert ("one of these" in note) == (len(marked(function)) > 1)
        assert note.count("test_blame.py") == len(marked(function))
        for line in marked(function):
            assert f"test_blame.py{line}" in note


def test_kernels_that_run_as_python_tell_the_line_themselves() -> None:
    staged = sc.jit(python, backend="numba")
    assert staged(2**50) == 0
    with pytest.raises(ZeroDivisionError) as caught:
        staged(0)
    assert marked(python)[0] in caught.value.__notes__[0]


def test_what_else_the_statement_does_is_suspected_too() -> None:
    def f(x: Any, n: Any) -> Any:
        y = np.zeros(n)
        for i in range(n):
            y[i] = x[i] * 2.0
        return np.sum(np.sort(y))

    with pytest.raises(IndexError) as caught:
        sc.jit(f, backend="numba")(np.ones(3), 4)
    assert "y[i] = x[i] * 2.0" in caught.value.__notes__[0]
