"""Tests of `while` loops with `and` and `or`, and variables that only the loop needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

X = np.array([2.0, 0.3])


def both(x: Any, n: Any) -> Any:
    r = 1.0
    trips = 0
    while r > 0.1 and trips < n:
        r = x[0] - 1
        x = x - 0.5 * r
        trips += 1
    return x[0] - 2 * x[1]


def counted_first(x: Any, n: Any) -> Any:
    r = 1.0
    trips = 0
    while trips < n and abs(r) > 0.1:
        r = x[0] - 1
        x = x - 0.5 * r
        trips += 1
    return x[0] - 2 * x[1]


def either(x: Any, n: Any) -> Any:
    r = 1.0
    trips = 0
    while r > 0.1 or trips < n:
        r = x[0] - 1
        x = x - 0.5 * r
        trips += 1
    return x[0] - 2 * x[1]


def an_array(x: Any, n: Any) -> Any:
    r = x * 1.0
    trips = 0
    while np.sum(r * r) > 1e-3 and trips < n and x[0] > -5:
        r = x - 1
        x = x - 0.5 * r
        trips += 1
    return x[0] - 2 * x[1]


def left(x: Any, n: Any) -> Any:
    step = 1.0
    for i in range(20):
        if step < 0.1:
            break
        if i > n:
            return x[1]
        step = x[0] - 1
        x = x - 0.5 * step
    return x[0]


def deleted(x: Any, n: Any) -> Any:
    r = 1.0
    for i in range(20):
        if i > n:
            del r
            break
        r = x[0] - i
        x = x - 0.1 * r
    return x[0] + r  # pyright: ignore[reportPossiblyUnboundVariable]


PROGRAMS = [both, counted_first, either, an_array, left]
TARGETS = ["numpy", "numba"]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("n", [0, 1, 3, 50])
@pytest.mark.parametrize("f", PROGRAMS)
def test_values_and_gradients(f: Callable[..., Any], n: int, target: str):
    np.testing.assert_allclose(sc.jit(f, backend=target)(X, n), f(X, n), rtol=1e-12)
    slope = sc.grad(f, backend=target)(X, n)
    for k in range(len(X)):
        step = 1e-6 * np.eye(len(X))[k]
        by_steps = (f(X + step, n) - f(X - step, n)) / 2e-6
        np.testing.assert_allclose(slope[k], by_steps, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    ("f", "test"),
    [
        (both, "while r > 0.1 and trips < n:"),
        (counted_first, "while trips < n and abs(r) > 0.1:"),
        (either, "while r > 0.1 or trips < n:"),
        (an_array, "while np.sum(r * r) > 0.001 and trips < n and x[0] > -5:"),
    ],
)
def test_the_test_is_printed_as_it_was_written(f: Callable[..., Any], test: str):
    assert test in sc.jit(f).source(X, 3)


@pytest.mark.parametrize("f", PROGRAMS)
def test_what_only_the_loop_needs_is_surely_set(f: Callable[..., Any]):
    assert "UnboundLocalError" not in sc.jit(f).source(X, 3)


def test_a_deleted_variable_stays_deleted():
    staged = sc.jit(deleted)
    assert staged(X, 30) == deleted(X, 30)
    with pytest.raises(UnboundLocalError):
        staged(X, 3)
