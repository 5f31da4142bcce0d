"""Adjoints that are emptied and filled in turn: which are written at once, and the values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

pytest.importorskip("numba", reason="the Numba target needs Numba")

X = np.random.default_rng(11).normal(size=(6, 8))


def sweeps(x: Any, steps: Any) -> Any:
    n = x.shape[0]
    x, w = x.copy(), np.zeros_like(x)
    for _ in range(steps):
        for i in range(1, n):
            w[i, 1:-1] = np.sin(x[i, 1:-1]) + 0.3 * w[i - 1, 1:-1]
        for i in range(n - 1, 0, -1):
            x[i, 1:-1] = w[i, 1:-1] * x[i, 1:-1]
    return np.sum(x * x)


def elements(x: Any, steps: Any) -> Any:
    n, m = x.shape
    x, w = x.copy(), np.zeros((n, m))
    for _ in range(steps):
        for i in range(n):
            for j in range(1, m):
                w[i, j] = np.sin(x[i, j]) * x[i, j - 1]
        for i in range(n):
            for j in range(1, m):
                x[i, j] = 0.5 * x[i, j] + w[i, j]
    return np.sum(x * x)


def both_ways(x: Any, steps: Any) -> Any:
    n = x.shape[1]
    x, w = x.copy(), np.zeros((n, n))
    y = np.outer(x[0], x[1])
    for _ in range(steps):
        for i in range(1, n - 1):
            w[i, 1:-1] = y[i, 1:-1] + 0.5 * w[i - 1, 1:-1]
        for i in range(1, n - 1):
            y[i, 1:-1] = np.sin(w[i, 1:-1])
        for j in range(1, n - 1):
            w[1:-1, j] = y[1:-1, j] + 0.5 * w[1:-1, j - 1]
        for j in range(1, n - 1):
            y[1:-1, j] = np.sin(w[1:-1, j])
    return np.sum(y * y)


WRITTEN = [sweeps, elements, both_ways]


def another_part(x: Any, steps: Any) -> Any:
    n = x.shape[0]
    x, w = x.copy(), np.zeros_like(x)
    for _ in range(steps):
        for i in range(n):
            w[i, 1:] = np.sin(x[i, 1:])
        for i in range(n):
            x[i] = w[i] * x[i] + 1.0
    return np.sum(x * x)


def diagonal(x: Any, steps: Any) -> Any:
    n = x.shape[0]
    x, w = x.copy(), np.zeros((n, n))
    for _ in range(steps):
        for i in range(n):
            w[i, i] = np.sin(x[i, 0])
        for i in range(n):
            x[i, 1] = w[i, i] + np.sum(w[i]) * x[i, 0]
    return np.sum(x * x)


def on_a_condition(x: Any, steps: Any) -> Any:
    n = x.shape[0]
    x, w = x.copy(), np.zeros_like(x)
    for _ in range(steps):
        for i in range(n):
            w[i] = np.sin(x[i])
        for i in range(n):
            if x[i, 0] > 0:
                x[i] = w[i] * x[i]
    return np.sum(x * x)


def kept_on(x: Any, steps: Any) -> Any:
    n = x.shape[0]
    x, w = x.copy(), np.zeros_like(x)
    for _ in range(steps):
        for i in range(1, n):
            w[i] = np.sin(x[i])
        for i in range(1, n):
            x[i] = w[i] * x[i]
    return np.sum(x * x) + np.sum(w)


def from_behind(x: Any, steps: Any) -> Any:
    n = x.shape[0]
    x, w = x.copy(), np.zeros_like(x)
    for _ in range(steps):
        for i in range(n - 1):
            w[i] = np.sin(x[i]) + 0.5 * w[i + 1]
        for i in range(n - 1):
            x[i] = w[i] * x[i]
    return np.sum(x * x)


STAY = [another_part, diagonal, on_a_condition, kept_on, from_behind]


@pytest.mark.parametrize("f", [*WRITTEN, *STAY])
def test_values(f: Callable[..., Any]) -> None:
    """The gradient is that of the NumPy target."""
    made, reference = sc.grad(f, backend="numba"), sc.grad(f)
    for steps in (3, 0):
        np.testing.assert_allclose(made(X, steps), reference(X, steps), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("f", WRITTEN)
def test_written(f: Callable[..., Any]) -> None:
    """What is filled is written, and never set to zero."""
    source = sc.grad(f, backend="numba").source(X, 3)
    stores = [line.strip() for line in source.splitlines() if line.strip().startswith("w_bar[")]
    assert any("] = " in line for line in stores)
    assert not any(line.endswith("] = 0") for line in stores)


@pytest.mark.parametrize("f", STAY)
def test_stay(f: Callable[..., Any]) -> None:
    """What is not emptied before it is filled, or only in part, is added to."""
    source = sc.grad(f, backend="numba").source(X, 3)
    assert "w_bar[" in source
    assert any(
        line.strip().startswith("w_bar[") and line.endswith("] = 0")
        for line in source.splitlines()
    )
