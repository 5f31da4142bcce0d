"""Additions in loops of their own: what they add is kept, or computed there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

pytest.importorskip("numba", reason="loops over elements are for Numba")
R = np.random.default_rng(0)
A, B = R.normal(size=9), R.normal(size=9)


def of_one_array(x: Any, b: Any, steps: int) -> Any:
    x = x.copy()
    for _ in range(steps):
        x[::-1] += 0.5 * b
        x += b * x[0]
    return x


def of_two_arrays(x: Any, b: Any, steps: int) -> Any:
    x, c = x.copy(), 2.0 * b
    for _ in range(steps):
        x[::-1] += 0.5 * b
        x += b * c
    return x


def of_what_is_added_to(x: Any, b: Any, steps: int) -> Any:
    x = x.copy()
    for _ in range(steps):
        t = 0.1 * x
        x[::-1] += b
        x += t
    return x


def twice(x: Any, b: Any, steps: int) -> Any:
    x, y = x.copy(), b.copy()
    for k in range(steps):
        t = b * (k + 0.5)
        y += t
        x[::-1] += b
        x += t
    return x * y


PROGRAMS = [of_one_array, of_two_arrays, of_what_is_added_to, twice]


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_values_and_gradients(program: Callable[..., Any], backend: Any) -> None:
    staged = sc.jit(program, backend=backend)
    np.testing.assert_allclose(staged(A, B, 3), program(A, B, 3), rtol=1e-12)
    gradient = sc.grad(lambda x, b: np.sum(program(x, b, 3) ** 2), (0, 1), backend=backend)
    tangent = sc.jvp(lambda x, b: np.sum(program(x, b, 3) ** 2), (A, B), (B, A))[1]
    x_bar, b_bar = gradient(A, B)
    np.testing.assert_allclose(np.sum(x_bar * B + b_bar * A), tangent, rtol=1e-10)


def mirrored(x: Any, b: Any) -> Any:
    x = x.copy()
    for m in range(2, len(x)):
        k = np.dot(x[1:m], b[m - 1 : 0 : -1])
        x[1:m] += k * x[m - 1 : 0 : -1]
        x[m] = k
    return np.sum(x * x)


def test_products_with_what_stays_are_computed_by_the_addition() -> None:
    gradient = sc.grad(mirrored, (0, 1), backend="numba")
    assert "terms" not in gradient.source(A, B)
    for found, wanted in zip(gradient(A, B), sc.grad(mirrored, (0, 1))(A, B), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-10)


def test_what_is_used_twice_is_kept() -> None:
    assert "terms" in sc.jit(twice, backend="numba").source(A, B, 3)
