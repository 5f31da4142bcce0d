"""Arrays of kernels in the order in which loops run through them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

pytest.importorskip("numba", reason="the Numba target needs Numba")

A = np.random.default_rng(3).normal(size=(8, 5))


def gram_schmidt(a: Any) -> Any:
    q = a.copy()
    for k in range(q.shape[1]):
        q[:, k] /= np.sqrt(np.sum(q[:, k] ** 2))
        for j in range(k + 1, q.shape[1]):
            q[:, j] -= np.dot(q[:, k], q[:, j]) * q[:, k]
    return np.sum(q**3)


def columns(a: Any) -> Any:
    n, m = a.shape
    t = np.full((n, m), 2.0)
    total = 0.0
    for j in range(m):
        for i in range(1, n):
            t[i, j] = 0.5 * t[i - 1, j] + a[i, j]
        for i in range(n):
            total += t[i, j] * t[i, 0]
    return total


def returned_from_deep_loops(a: Any) -> Any:
    n, m = a.shape
    t = np.zeros((n, m))
    for k in range(3):
        for j in range(m):
            for i in range(1, n):
                t[i, j] += t[i - 1, j] * a[i, k] + 1.0
    return t


def short_sums(a: Any) -> Any:
    """LLVM unrolls the loop of four trips: the one around it is innermost."""
    t = np.zeros((len(a), 4))
    total = 0.0
    for k in range(3):
        for i in range(len(a)):
            t[i, k] = a[i, k] + k
        for i in range(len(a)):
            s = 0.0
            for j in range(4):
                s += t[i, j] * a[k, j]
            total += s**2
    return total


TURNED = [gram_schmidt, columns, returned_from_deep_loops, short_sums]


def rows(a: Any) -> Any:
    t = np.zeros(a.shape)
    total = 0.0
    for i in range(a.shape[0]):
        for j in range(1, a.shape[1]):
            t[i, j] = 0.5 * t[i, j - 1] + a[i, j]
            total += t[i, j]
    return total


def returned(a: Any) -> Any:
    n, m = a.shape
    t = np.zeros((n, m))
    for j in range(m):
        for i in range(1, n):
            t[i, j] = 0.5 * t[i - 1, j] + a[i, j]
    return t


def seen_whole(a: Any) -> Any:
    n, m = a.shape
    t = np.zeros((n, m))
    total = 0.0
    for _ in range(3):
        for j in range(m):
            for i in range(1, n):
                t[i, j] += 0.5 * t[i - 1, j] + a[i, j]
        total += (t.T @ t)[0, 0]
    return total


def swapped(a: Any) -> Any:
    n, m = a.shape
    t, u = np.zeros((n, m)), np.ones((n, m))
    for _ in range(3 + n):
        for j in range(m):
            for i in range(1, n):
                t[i, j] = 0.5 * u[i - 1, j] + a[i, j]
        if t[n - 1, 0] > 0.1:
            t, u = u, t
    return t[1, 1] + u[2, 2]


KEPT = [rows, returned, seen_whole, swapped]


@pytest.mark.parametrize("program", [*TURNED, *KEPT], ids=lambda f: f.__name__)
def test_layouts(program: Callable[[Any], Any]) -> None:
    compiled = sc.jit(program, backend="numba")
    assert (".T\n" in compiled.source(A)) == (program in TURNED)
    for a in (A, np.asfortranarray(A), A[::2, 1:]):
        found = compiled(a)
        np.testing.assert_allclose(found, program(a), rtol=1e-12, atol=1e-12)
        assert not isinstance(found, np.ndarray) or found.flags.c_contiguous
    assert compiled.explain(A).fallbacks == ()


def test_gradient() -> None:
    found = sc.grad(gram_schmidt, backend="numba")
    assert ".copy()\n    return" in found.source(A)
    np.testing.assert_allclose(found(A), sc.grad(gram_schmidt)(A), rtol=1e-10, atol=1e-12)
    assert found(A).flags.c_contiguous
