"""Loops over long columns go through a few rows at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

pytest.importorskip("numba", reason="the Numba target needs Numba")

A = np.random.default_rng(5).normal(size=(403, 40))
STRIPS = ", 32):"


def scan(a: Any) -> Any:
    a = a.copy()
    for j in range(1, a.shape[1]):
        a[:, j] += 0.5 * a[:, j - 1]
    return np.sum(a**2)


def back(a: Any) -> Any:
    t = np.zeros(a.shape)
    for j in range(a.shape[1] - 2, -1, -1):
        t[1:-1, j] = a[1:-1, j] * np.sin(j) - a[2:, j + 1] * t[1:-1, j + 1]
    return np.sum(t**2)


def state(a: Any) -> Any:
    """The state is no matrix: its elements are close to each other."""
    h, t = np.zeros(len(a)), np.zeros(a.shape)
    for j in range(a.shape[1]):
        h += a[:, j]
        t[:, j] = np.where(h > 0.0, h, a[:, j])
    return np.sum(t * h[:, None])


def in_loops(a: Any) -> Any:
    a = a.copy()
    for k in range(3):
        for j in range(1, a.shape[1]):
            for i in range(1, len(a) - 1):
                a[i, j] = a[i, j] + 0.25 * a[i, j - 1] * k
    return np.sum(a**2)


@pytest.mark.parametrize("f", [scan, back, state, in_loops])
def test_columns_in_strips(f: Callable[..., Any]) -> None:
    fast = sc.jit(f, backend="numba")
    np.testing.assert_allclose(fast(A), f(A), rtol=1e-12)
    assert STRIPS in fast.source(A)


@pytest.mark.parametrize("f", [scan, back, state, in_loops])
def test_gradients(f: Callable[..., Any]) -> None:
    bar = sc.grad(f, backend="numba")(A)
    np.testing.assert_allclose(bar, sc.grad(f)(A), rtol=1e-11, atol=1e-13)


def test_arrays_of_the_caller() -> None:
    def averages(x: Any, out: Any) -> None:
        for j in range(1, x.shape[1]):
            out[:, j] = 0.1 * x[:, j] + 0.9 * out[:, j - 1]

    ours, eager = A.copy(), A.copy()
    fast = sc.jit(averages, backend="numba")
    fast(A, ours)
    averages(A, eager)
    np.testing.assert_array_equal(ours, eager)
    assert STRIPS in fast.source(A, ours)


def neighbours(a: Any) -> Any:
    a = a.copy()
    for j in range(1, a.shape[1]):
        a[1:, j] += 0.5 * a[:-1, j - 1]
    return np.sum(a**2)


def slanted(a: Any) -> Any:
    """Along a diagonal: the same row is another one's in the next trip."""
    t = np.zeros(a.shape[0] + a.shape[1])
    for j in range(1, a.shape[1]):
        for i in range(len(a)):
            t[i + j] = a[i, j] - 0.5 * t[i + j]
    return np.sum(t**2)


def triangle(a: Any) -> Any:
    a = a.copy()
    for j in range(1, a.shape[1]):
        a[j:, j] += 0.5 * a[j:, j - 1]
    return np.sum(a**2)


def sums(a: Any) -> Any:
    """What a column adds up is needed in the next one."""
    a, total = a.copy(), 0.0
    for j in range(1, a.shape[1]):
        for i in range(len(a)):
            a[i, j] += total * a[i, j - 1]
            total += 1e-3 * a[i, j]
    return np.sum(a**2)


def one_row(a: Any) -> Any:
    """All rows need one of them."""
    a = a.copy()
    for j in range(1, a.shape[1]):
        for i in range(len(a)):
            a[i, j] += 0.5 * a[7, j - 1]
    return np.sum(a**2)


@pytest.mark.parametrize("f", [neighbours, slanted, triangle, sums, one_row])
def test_rows_that_need_others(f: Callable[..., Any]) -> None:
    fast = sc.jit(f, backend="numba")
    np.testing.assert_allclose(fast(A), f(A), rtol=1e-12)
    assert STRIPS not in fast.source(A)


def test_short_columns_and_rows_that_are_close() -> None:
    fast = sc.jit(scan, backend="numba")
    short = A[:100].copy()
    np.testing.assert_allclose(fast(short), scan(short), rtol=1e-12)
    assert STRIPS not in fast.source(short)
    few = sc.jit(scan, backend="numba")
    assert STRIPS not in few.source(A[:, :9].copy())

    def along_rows(a: Any) -> Any:
        a = a.copy()
        for i in range(1, a.shape[0]):
            a[i] += 0.5 * a[i - 1]
        return np.sum(a**2)

    wide = sc.jit(along_rows, backend="numba")
    assert STRIPS not in wide.source(A.T.copy())


def columns(a: Any) -> Any:
    t = np.zeros(a.shape)
    for j in range(a.shape[1]):
        t[:, j] = a[:, j] * j
    return np.sum(t**2)


def inner_columns(a: Any) -> Any:
    """Elements of two columns, by slices with a rim, back to front."""
    t = a.copy()
    for j in range(a.shape[1] - 2, 0, -1):
        t[1:-1, j] += a[1:-1, j + 1] * a[2:, j - 1]
        t[1:-1, j] *= a[:-2, j]
    return np.sum(t**2)


@pytest.mark.parametrize("f", [columns, inner_columns])
def test_columns_that_need_no_others_go_by_row(f: Callable[..., Any]) -> None:
    fast, slope = sc.jit(f, backend="numba"), sc.grad(f, backend="numba")
    np.testing.assert_allclose(fast(A), f(A), rtol=1e-12)
    np.testing.assert_allclose(slope(A), sc.grad(f)(A), rtol=1e-11, atol=1e-13)
    kernel = next(k for k in fast.source(A).split("@njit") if "t[i" in k and "acc" not in k)
    assert kernel.index("for i in") < kernel.index("for j in"), kernel
    assert STRIPS not in kernel


def test_costly_numbers_of_columns_are_computed_once_each() -> None:
    def powers(a: Any) -> Any:
        t = np.zeros(a.shape)
        for j in range(a.shape[1]):
            t[:, j] = a[:, j] * np.exp(-0.1 * j)
        return t

    fast = sc.jit(powers, backend="numba")
    np.testing.assert_allclose(fast(A), powers(A), rtol=1e-12)
    kernel = next(k for k in fast.source(A).split("@njit") if "exp(" in k)
    assert kernel.index("for j in") < kernel.index("for i in"), kernel


def test_columns_that_lie_in_one_piece() -> None:
    def total(a: Any) -> Any:
        h = np.zeros(len(a))
        for j in range(a.shape[1]):
            h += a[:, j] * a[:, j]
        return h

    for order in "CF":
        a = np.array(A, order=order)  # type: ignore[call-overload]
        fast = sc.jit(total, backend="numba")
        np.testing.assert_allclose(fast(a), total(a), rtol=1e-12)
        assert (STRIPS in fast.source(a)) == (order == "C")
