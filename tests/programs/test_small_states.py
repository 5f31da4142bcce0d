"""Loops whose state is a short array, each step of which is made of numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc


def lotka(y: Any, n: Any) -> Any:
    def rate(u: Any) -> Any:
        return np.array([u[0] * (1 - u[1]), u[1] * (u[0] - 1), -u[2] * u[0]])

    h = 0.01
    for _ in range(n):
        k1 = rate(y)
        k2 = rate(y + h / 2 * k1)
        y = y + h * k2
    return np.sum(y * y)


def orbit(y: Any, n: Any) -> Any:
    path = np.empty((n, 4))
    for i in range(n):
        cube = (y[0] ** 2 + y[1] ** 2) ** 1.5
        y = y + 0.01 * np.array([y[2], y[3], -y[0] / cube, -y[1] / cube])
        path[i] = y
    return np.sum(path**2)


def newton(y: Any, n: Any) -> Any:
    trips = 0
    r = y * 1.0
    while np.sum(r * r) > 1e-20 and trips < n:
        r = np.array([y[0] ** 2 + y[1] ** 2 - 4, y[0] * y[1] - 1])
        slope = np.array([[2 * y[0], 2 * y[1]], [y[1], y[0]]])
        y = y - np.linalg.solve(slope, r)
        trips += 1
    return y[0] - 2 * y[1]


def spun(y: Any, n: Any) -> Any:
    axis = np.array([0.1, -0.2, 0.3])
    for _ in range(n):
        y = y + 0.1 * np.cross(axis, y)
    return np.sum(np.sin(y))


PROGRAMS = [
    (lotka, np.array([1.0, 0.5, 0.1])),
    (orbit, np.array([1.0, 0.0, 0.1, 0.9])),
    (newton, np.array([2.0, 0.3])),
    (spun, np.array([1.0, 2.0, 0.5])),
]


@pytest.mark.parametrize(("f", "y"), PROGRAMS)
def test_the_loops_are_compiled(f: Callable[..., Any], y: Any):
    for staged in (sc.jit(f, backend="numba"), sc.grad(f, backend="numba")):
        driver = staged.source(y, 20).split("\ndef ")[-1]
        assert "for " not in driver
        assert "while " not in driver


@pytest.mark.parametrize("target", ["numpy", "numba"])
@pytest.mark.parametrize(("f", "y"), PROGRAMS)
def test_values_and_gradients(f: Callable[..., Any], y: Any, target: str):
    np.testing.assert_allclose(sc.jit(f, backend=target)(y, 20), f(y, 20), rtol=1e-12)
    slope = sc.grad(f, backend=target)(y, 20)
    for k in range(len(y)):
        step = 1e-6 * np.eye(len(y))[k]
        by_steps = (f(y + step, 20) - f(y - step, 20)) / 2e-6
        np.testing.assert_allclose(slope[k], by_steps, rtol=1e-5, atol=1e-6)


def clipped(y: Any, n: Any) -> Any:
    for _ in range(n):
        y = np.minimum(y, np.array([1.0, 2.0, 3.0]))
    return np.sum(y)


def test_another_length_is_another_specialisation():
    staged = sc.jit(clipped, backend="numba")
    assert staged(np.full(3, 9.0), 2) == 6.0
    with pytest.raises(ValueError, match="broadcast"):
        staged(np.full(4, 9.0), 2)
    assert staged(np.full(4, 9.0), 0) == 36.0
    assert staged(np.full(1, 9.0), 2) == 6.0
    assert staged(np.full(3, 0.5), 2) == 1.5
