"""Copies of which all but the ends is written anew: one loop makes them, and the values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

pytest.importorskip("numba", reason="the Numba target needs Numba")

X = np.random.default_rng(7).normal(size=9)


def slope(x: Any, y: Any) -> Any:
    change = x.copy()
    change[1:] *= y[:-1]
    return change


def stages(x: Any, steps: int) -> Any:
    y = np.zeros_like(x)
    for _ in range(steps):
        k = slope(x, y)
        y = y + 0.1 * (k + 2 * slope(x, y + 0.5 * k))
    return y


def both_ends(x: Any, steps: int) -> Any:
    u = x
    for _ in range(steps):
        v = u.copy()
        v[1:-1] = u[1:-1] + 0.1 * (u[2:] - 2 * u[1:-1] + u[:-2])
        u = v
    return u


def in_rows(x: Any, steps: int) -> Any:
    rows = np.ones((steps, len(x) + 2))
    for i in range(steps):
        v = x.copy()
        v[2:] = x[:-2] * i
        rows[i, 1:-1] = v
        rows[i, 1:-1] += 0.5 * v
    return rows


def whole_too(x: Any, steps: int) -> Any:
    total, y = np.zeros((len(x), len(x))), x * 1.0
    for i in range(steps):
        v = y.copy()
        v[:-2] *= y[2:] + i
        w = np.where(v > 0, v, 0.5 * v) + 1
        total += w[:, None] * v
        y = y + 0.1 * np.sum(v) if i % 2 else w[::-1] / (1.0 + np.max(np.abs(w)))
    return total


def the_copy_too(x: Any, steps: int) -> Any:
    y, kept = x * 1.0, np.zeros_like(x)
    for _ in range(steps):
        v = y.copy()
        w = v.copy()
        w[1:] += v[:-1] * x[1:]
        v[0] = 3.0
        kept += v * w
        y = w * 0.5
    return kept


def narrow(x: Any, steps: int) -> Any:
    y = x.astype(np.float32)
    for _ in range(steps):
        v = y.copy()
        v[1:] = y[:-1] * np.float32(0.7)
        y = v * 2 + y / 3
    return y


PROGRAMS = (stages, both_ends, in_rows, whole_too, the_copy_too, narrow)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("length", [9, 3, 2])
@pytest.mark.parametrize("steps", [4, 0])
def test_values_are_those_of_the_program(
    program: Callable[..., Any], length: int, steps: int
) -> None:
    x = X[:length].copy()
    found, expected = sc.jit(program, backend="numba")(x, steps), program(x, steps)
    np.testing.assert_allclose(found, expected, rtol=1e-6 if program is narrow else 1e-13)
    assert found.dtype == expected.dtype
    assert not np.shares_memory(found, x) or program is both_ends


@pytest.mark.parametrize("program", PROGRAMS[:-1])
def test_gradients_are_those_of_the_other_target(program: Callable[..., Any]) -> None:
    def loss(x: Any, steps: int) -> Any:
        return np.sum(program(x, steps) ** 2)

    one, other = (sc.grad(loss, backend=b)(X, 4) for b in ("numba", "numpy"))
    np.testing.assert_allclose(one, other, rtol=1e-11)


@pytest.mark.parametrize("program", [stages, both_ends])
def test_nothing_is_copied(program: Callable[..., Any]) -> None:
    source = sc.jit(program, backend="numba").source(X, 4)
    assert "range(n - " in source
    assert ".copy()" not in source.split("for _ in range", 1)[1]


def test_what_is_computed_from_it_is_in_the_same_loop() -> None:
    source = sc.jit(stages, backend="numba").source(X, 4)
    assert source.count("for i in range") == 2
