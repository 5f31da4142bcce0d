"""Kernels: equal ones are one function, and what they can hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import stagec as sc

pytest.importorskip("numba", reason="the Numba target needs Numba")


def total(x: Any) -> Any:
    value = 0.0
    for k in range(len(x)):
        value = value * 0.5 + x[k] ** 2
    return value


def descent(x: Any) -> Any:
    slope = sc.grad(total)(x)
    for _ in range(3):
        x = np.sort(x - 0.1 * slope)
        slope = sc.grad(total)(x)
    return x


def other(x: Any) -> Any:
    first = np.linalg.solve(np.eye(2), total(x) * x)
    second = 0.0
    for k in range(len(x)):
        second = second * 0.25 + x[k] ** 2
    return first + second


def test_copies_of_a_loop_are_one_kernel() -> None:
    x = np.array([1.0, 2.0])
    f = sc.jit(descent, backend="numba")
    np.testing.assert_allclose(f(x), descent(x), rtol=1e-14)
    source = f.source(x)
    assert source.count("slope = descent_kernel(x)") == 2
    assert source.count("def descent_kernel") == 2  # that of the gradient, and x - 0.1 * slope


def test_loops_that_differ_are_two_kernels() -> None:
    x = np.array([1.0, 2.0])
    f = sc.jit(other, backend="numba")
    np.testing.assert_allclose(f(x), other(x), rtol=1e-14)
    assert f.source(x).count("def other_kernel") == 2


def turned(angles: Any, scale: Any) -> Any:
    found = np.empty((len(angles), 2))
    for k in range(len(angles)):
        cos, sin = np.cos(angles[k]), np.sin(angles[k])
        turn = np.array([[cos, -sin], [sin, cos]]) + 0 * np.eye(2)
        found[k] = turn @ np.array([scale, angles[k]])
    return found


@pytest.mark.parametrize("gradient", [False, True])
def test_arrays_of_numbers_and_unit_matrices_are_made_in_kernels(gradient: bool) -> None:
    angles, scale = np.array([0.25, -1.0, 0.5]), 2.0

    def last(angles: Any, scale: Any) -> Any:
        return turned(angles, scale)[-1, 0]

    program = sc.grad(last) if gradient else turned
    f = sc.jit(program, backend="numba")
    np.testing.assert_allclose(f(angles, scale), program(angles, scale), rtol=1e-13)
    loops = f.source(angles, scale).split("\ndef ")[-1]
    assert "for " not in loops, loops
