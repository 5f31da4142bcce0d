"""Arrays that live within one trip: their errors are not lost, and loops may end early."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

X = np.arange(1.0, 5.0)


def too_many_rows(x: Any, n: int) -> Any:
    t = np.empty((3, 4))
    s = 0.0
    for i in range(n):
        for j in range(4):
            t[i, j] = x[j] * i
        for j in range(4):
            s += t[i, j]
    return s


def left_early(x: Any, n: int) -> Any:
    t = np.empty((10, 4))
    s = 0.0
    for i in range(n):
        for j in range(4):
            t[i, j] = x[j] * i
        for j in range(4):
            s += t[i, j]
        if s > 20:
            break
    return s


def new_on_each_trip(x: Any, n: int) -> Any:
    s = 0.0
    for i in range(n):
        a = x * i + 1.0
        for j in range(1, len(x)):
            a[j] += a[j - 1]
        s += a[len(x) - 1]
        if s > 20:
            break
    return s


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_an_index_outside_of_an_array_that_is_used_within_trips(backend: str) -> None:
    made = sc.jit(too_many_rows, backend=backend)
    assert made(X, 3) == too_many_rows(X, 3)
    with pytest.raises(IndexError):
        made(X, 4)


@pytest.mark.parametrize("f", [left_early, new_on_each_trip])
def test_loops_that_are_left_early(f: Callable[..., Any]) -> None:
    made, slope = sc.jit(f, backend="numba"), sc.grad(f, backend="numba")
    for n in (0, 2, 9):
        assert made(X, n) == f(X, n)
        np.testing.assert_allclose(slope(X, n), sc.grad(f)(copy.deepcopy(X), n))
