"""Sums written as loops: which of them may take their terms in any order, and their values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

pytest.importorskip("numba", reason="the Numba target needs Numba")

X = np.random.default_rng(3).normal(size=101)


def plain(x: Any) -> Any:
    total = 0.0
    for i in range(len(x)):
        total += x[i] * x[i]
    return total


def lessened(x: Any) -> Any:
    total = 1.0
    for i in range(len(x)):
        total -= x[i] * x[i]
    return total


def on_the_right(x: Any) -> Any:
    total = 0.0
    for i in range(len(x)):
        total = x[i] + total
    return total


def several(x: Any) -> Any:
    total = count = 0.0
    for i in range(len(x)):
        total += x[i]
        count += 1
        total += 0.5 * x[i]
    return total / count


def single(x: Any) -> Any:
    total = np.float32(0.0)
    for i in range(len(x)):
        total += np.float32(x[i])
    return total


def beside_an_array(x: Any) -> Any:
    total, y = 0.0, np.zeros(len(x))
    for i in range(1, len(x)):
        y[i] = y[i - 1] + x[i]
        total += y[i]
    return total


ANY_ORDER = [plain, lessened, on_the_right, several, single, beside_an_array]


def corrected(x: Any) -> Any:
    total = lost = 0.0
    for i in range(len(x)):
        term = x[i] - lost
        sum_ = total + term
        lost = (sum_ - total) - term
        total = sum_
    return total


def seen(x: Any) -> Any:
    total = 0.0
    for i in range(len(x)):
        total += x[i] / (1.0 + total * total)
    return total


def kept(x: Any) -> Any:
    total, y = 0.0, np.zeros(len(x))
    for i in range(len(x)):
        total += x[i]
        y[i] = total
    return y


def turned(x: Any) -> Any:
    total = 0.0
    for i in range(len(x)):
        total = x[i] - total
    return total


def scaled(x: Any) -> Any:
    total = 0.0
    for i in range(len(x)):
        total = 0.5 * total + x[i]
    return total


def stopped(x: Any) -> Any:
    total = 0.0
    for i in range(len(x)):
        total += x[i]
        if x[i] > 1.5:
            break
    return total


def beside_a_recurrence(x: Any) -> Any:
    total, last = 0.0, 1.0
    for i in range(len(x)):
        last = np.sin(last) + x[i]
        total += last
    return total


def complex_numbers(x: Any) -> Any:
    total = 0j
    for i in range(len(x)):
        total += x[i] * 1j
    return total


IN_ORDER = [
    corrected, seen, kept, turned, scaled, stopped, beside_a_recurrence, complex_numbers,
]  # fmt: skip


@pytest.mark.parametrize("program", [*ANY_ORDER, *IN_ORDER], ids=lambda f: f.__name__)
def test_sums(program: Callable[[Any], Any]) -> None:
    compiled = sc.jit(program, backend="numba")
    assert ("kernels.plus(" in compiled.source(X)) == (program in ANY_ORDER)
    tolerance = 1e-5 if program is single else 1e-12
    for x in (X, X[:2], X[::3]):
        found, expected = compiled(x), program(x)
        assert type(found) is type(expected)
        np.testing.assert_allclose(found, expected, rtol=tolerance)


@pytest.mark.parametrize("program", [plain, several, beside_an_array])
def test_gradients(program: Callable[[Any], Any]) -> None:
    found = sc.grad(program, backend="numba")(X)
    np.testing.assert_allclose(found, sc.grad(program)(X), rtol=1e-12, atol=1e-12)


def test_special_numbers() -> None:
    compiled = sc.jit(plain, backend="numba")
    for special in (np.nan, np.inf, 1e200):
        x = X.copy()
        x[17] = special
        with np.errstate(over="ignore"):
            assert np.array_equal(compiled(x), plain(x), equal_nan=True)


# --- elements in variables -------------------------------------------------------------------


def solve(a: Any, b: Any) -> Any:
    x = b.copy()
    for i in range(len(b)):
        for j in range(i):
            x[i] -= a[i, j] * x[j]
        x[i] /= a[i, i]
    return x


def backward_solve(a: Any, b: Any) -> Any:
    x, n = b.copy(), len(b)
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            x[i] -= a[i, j] * x[j]
        x[i] /= a[i, i]
    return x


def cholesky(a: Any, b: Any) -> Any:
    a = a @ a.T + 9.0 * np.eye(len(b))
    for j in range(len(b)):
        for k in range(j):
            a[j, j] -= a[j, k] * a[j, k]
        a[j, j] = np.sqrt(a[j, j])
        for i in range(j + 1, len(b)):
            for k in range(j):
                a[i, j] -= a[i, k] * a[j, k]
            a[i, j] /= a[j, j]
    return a


def meeting(a: Any, b: Any) -> Any:
    x = b.copy()
    for i in range(len(b)):
        for j in range(i + 1):
            x[i] += a[i, j] * x[j]
    return x


def from_the_end(a: Any, b: Any) -> Any:
    x = b.copy()
    for i in range(1, len(b)):
        for j in range(i):
            x[-1] += a[i, j] * x[j]
    return x


def by_tables(a: Any, b: Any) -> Any:
    x = b.copy()
    for i in range(len(b)):
        for j in range(i):
            x[i] += x[int(abs(a[i, j])) % 3]
    return x


A = np.random.default_rng(5).normal(size=(9, 9)) + 4.0 * np.eye(9)
B = np.random.default_rng(6).normal(size=9)


@pytest.mark.parametrize(
    ("program", "variable"),
    [
        (solve, True), (backward_solve, True), (cholesky, True), (meeting, False),
        (from_the_end, False), (by_tables, False),
    ],
)  # fmt: skip
def test_other_elements_of_the_array(program: Callable[..., Any], variable: bool) -> None:
    compiled = sc.jit(program, backend="numba")
    assert ("kernels.plus(acc, " in compiled.source(A, B)) == variable
    for n in (9, 2):
        a, b = A[:n, :n].copy(), B[:n].copy()
        np.testing.assert_allclose(compiled(a, b), program(a, b), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("transform", [sc.jit, sc.grad])
def test_array_that_is_new_on_each_trip(transform: Any) -> None:
    """What is written to is not what the loop carries on."""

    def program(x: Any) -> Any:
        a = np.zeros(2)
        total = 0.0
        for k in range(len(x)):
            a[0] += x[k]
            total += a[0] * a[0]
            a = np.zeros(2)
        return total

    x = np.array([1.0, 2.0, 3.0])
    wanted = program(x) if transform is sc.jit else 2 * x
    np.testing.assert_allclose(transform(program, backend="numba")(x), wanted, rtol=1e-14)
