"""What a nest of loops computes for a later one only, that one computes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

pytest.importorskip("numba", reason="the Numba target needs Numba")

A, B = np.linspace(0.5, 1.5, 9), np.cos(np.arange(9.0))


def needed_later(a: Any, b: Any, steps: int) -> Any:
    x = b.copy()
    for _ in range(steps):
        t = -(x * 0.5)
        total = np.sum(a * x)
        x = t + total * x
    return x


def of_what_is_written(a: Any, b: Any, steps: int) -> Any:
    x, y = b.copy(), a.copy()
    for _ in range(steps):
        t = -(y * 0.5)
        y += x
        total = np.sum(y * x)
        x = t + total * x * 0.01
    return x, y


def needed_by_both(a: Any, b: Any, steps: int) -> Any:
    x = b.copy()
    for _ in range(steps):
        t = -(x * 0.5)
        total = np.sum(t * x)
        x = t + total * x
    return x


def partly_needed_by_both(a: Any, b: Any, steps: int) -> Any:
    x = b.copy()
    for _ in range(steps):
        s = x * 0.5
        t = x - s
        total = np.sum(a * s)
        x = t + total * x
    return x


def too_much_again(a: Any, b: Any, steps: int) -> Any:
    x = b.copy()
    for _ in range(steps):
        s = 1.0 - ((((x * 0.5 - 1.0) * 0.3 + 2.0) * 0.2 - 0.1) * 0.4)
        t = x - s * 3.0
        total = np.sum(a * s)
        x = t + total * x
    return x


def added_to(a: Any, b: Any, steps: int) -> Any:
    x = b.copy()
    for _ in range(steps):
        t = -(x * 0.5)
        total = np.sum(a * x)
        t += total * a
        x += t
    return x


def of_two_arrays(a: Any, b: Any, steps: int) -> Any:
    x = b.copy()
    for _ in range(steps):
        t = x * b
        total = np.sum(a * x)
        x = t + total * x
    return x


def overwritten_between(a: Any, b: Any, steps: int) -> Any:
    x, y = b.copy(), a.copy()
    for _ in range(steps):
        t = 2.0 - y
        total = np.sum(x * x)
        y[0] = total
        x = t + 0.1 * total * x
    return x, y


def rows(text: str) -> int:
    """How many arrays are made."""
    return len(re.findall(r"np\.(?:empty|zeros)\w*\(n\)", text))


@pytest.mark.parametrize(
    "program",
    [
        needed_later,
        added_to,
        of_what_is_written,
        needed_by_both,
        partly_needed_by_both,
        too_much_again,
        of_two_arrays,
        overwritten_between,
    ],
)
@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_values(program: Callable[..., Any], backend: Any) -> None:
    staged = sc.jit(program, backend=backend)
    for found, wanted in zip(staged(A, B, 4), program(A, B, 4), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


@pytest.mark.parametrize(("program", "made"), [(needed_later, 2), (added_to, 1)])
def test_it_is_computed_where_it_is_needed(program: Callable[..., Any], made: int) -> None:
    text = sc.jit(program, backend="numba").source(A, B, 4)
    assert "- x[i] * 0.5" in text
    assert rows(text) == made


def test_a_little_is_computed_twice() -> None:
    text = sc.jit(partly_needed_by_both, backend="numba").source(A, B, 4)
    assert text.count("* 0.5") == 2
    assert rows(text) == 2


@pytest.mark.parametrize("program", [needed_by_both, of_two_arrays, too_much_again])
def test_what_costs_more_or_changes_is_kept(program: Callable[..., Any]) -> None:
    text = sc.jit(program, backend="numba").source(A, B, 4)
    assert rows(text) == 3
