"""What one branch computes for the backward pass, and what the other has in its place."""

from __future__ import annotations

from typing import Any

import numpy as np

import stagec as sc


def test_the_bound_of_a_loop_in_one_branch_is_no_size_after_it() -> None:
    def lowered(x: Any) -> None:
        for _ in range(x.shape[0] - 1):
            x[1:] -= x

    def loss(x: Any, y: Any) -> Any:
        y = y.copy()
        for _ in range(x.shape[0]):
            x[2:] = 0.3 * x[-3::-1]
            y = np.tanh(y[::-1] + y)
        if y[-1] > 0.5:
            x[1:] = 0.3 * np.maximum(x[1:], x[:-1])
            lowered(x[1:])
        return np.sum(np.sin(x))

    x, y = np.linspace(0.1, 0.9, 6), np.full(6, -0.4)
    wanted = sc.grad(loss)(x, y)
    np.testing.assert_allclose(sc.grad(loss, backend="numba")(x, y), wanted)


def test_what_only_one_branch_stores_is_not_read_back_in_the_other() -> None:
    def loss(y: Any) -> Any:
        y = y.copy()
        total = np.zeros(1)
        for i in range(y.shape[0]):
            total[0] += y[i]
            if total[0] > 0.8:
                return np.sum(np.sin(total * 2))
            y[i] = total[0]
        return np.sum(np.sin(total))

    y = np.array([0.27, 0.21, 0.5, 0.3])
    wanted = np.array([1.0, 1.0, 1.0, 0.0]) * 2 * np.cos(2 * 0.98)
    for backend in ("numpy", "numba"):
        np.testing.assert_allclose(sc.grad(loss, backend=backend)(y), wanted)


def test_lengths_that_one_branch_tests_to_be_equal_are_not_so_after_it() -> None:
    weights = np.arange(9.0).reshape(3, 3)

    def loss(a: Any) -> Any:
        square = a.shape[0] == a.shape[1]
        products = np.tensordot(a, a, 1 if square else ([1], [1]))
        return np.sum(weights * (np.sum(a * a) + products))

    def along(a: Any) -> Any:
        return sc.jvp(loss, (a,), (a,))[1]

    for a in (np.linspace(0.1, 0.9, 12).reshape(3, 4), np.linspace(0.1, 0.9, 9).reshape(3, 3)):
        step = 1e-6 * a
        slope = (loss(a + step) - loss(a - step)) / 2e-6
        for backend in ("numpy", "numba"):
            gradient = sc.grad(loss, backend=backend)(a)
            np.testing.assert_allclose(np.sum(gradient * a), slope, rtol=1e-6)
            np.testing.assert_allclose(sc.jit(along, backend=backend)(a), slope, rtol=1e-6)
