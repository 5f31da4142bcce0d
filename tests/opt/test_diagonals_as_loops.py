"""Diagonals in compiled loops: where they are elements of the matrix, and the values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

pytest.importorskip("numba", reason="the Numba target needs Numba")

A = np.random.default_rng(8).normal(size=(5, 5)) + 4.0 * np.eye(5)


def eliminated(a: Any) -> Any:
    a = a.copy()
    n = len(a)
    for k in range(n):
        for i in range(k + 1, n):
            a[i, k] /= a[k, k]
            for j in range(k + 1, n):
                a[i, j] -= a[i, k] * a[k, j]
    return np.sum(np.log(np.abs(np.diag(a))))


def between_loops(a: Any) -> Any:
    b = np.sin(a)
    for k in range(1, len(a)):
        b[k] += b[k - 1]
    return np.trace(b * a)


def of_each(a: Any) -> Any:
    stack = a[:, :, None] * a[:, None, :]
    return np.sum(np.diagonal(stack, axis1=1, axis2=2) ** 2)


def beside(a: Any) -> Any:
    return np.sum(np.sin(np.diag(a, 1)) * np.diag(a, -1))


def of_a_part(a: Any) -> Any:
    return np.sum(np.exp(np.diag(a[1:, :3])))


def written_to_its_row(a: Any) -> Any:
    b = a * 2.0
    b[0, :] += np.diag(b)
    return np.sum(b**2)


def written_behind(a: Any) -> Any:
    b = a * 2.0
    b[1:, 1] += np.diag(b)[:-1]
    b[:, 2] -= np.diag(b)[::-1]
    return np.sum(b**2)


def written_all_over(a: Any) -> Any:
    b = a * 2.0
    b += np.diag(b)
    b *= np.diag(b)[:, None]
    return np.sum(b**2)


PROGRAMS = [
    eliminated, between_loops, of_each, beside, of_a_part, written_to_its_row, written_behind,
    written_all_over,
]  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS)
def test_values_and_gradients(program: Callable[..., Any]) -> None:
    value, gradient = sc.value_and_grad(program, backend="numba")(A)
    np.testing.assert_allclose(value, program(A), rtol=1e-12)
    np.testing.assert_allclose(gradient, sc.grad(program)(A), rtol=1e-11, atol=1e-13)


def test_one_kernel_for_loops_and_the_diagonal_of_their_result() -> None:
    for staged in (sc.jit(eliminated, backend="numba"), sc.grad(eliminated, backend="numba")):
        source = staged.source(A)
        assert source.count("@njit") == 1, source
        assert "diagonal" not in source, source
