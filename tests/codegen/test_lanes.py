"""Where kernels call the C library for elementary functions, and where their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import stagec as sc

pytest.importorskip("numba", reason="the Numba target needs Numba")

X = np.random.default_rng(4).uniform(0.5, 1.5, size=40)


def root(x: Any, y: Any) -> Any:
    """A loop that ends when it likes."""
    t = x
    while abs(np.exp(t) - y) > 1e-12:
        t = t - 1 + y / np.exp(t)
    return t


def steps(x: Any, n: Any) -> Any:
    """Trips that wait for each other."""
    for _ in range(n):
        x = x + 0.01 * np.exp(-x)
    return x


def of_rows(x: Any) -> Any:
    """Outside of the innermost loop."""
    total = 0.0
    for i in range(len(x)):
        scale = np.exp(x[i])
        for j in range(i, len(x)):
            total += scale * x[j]
    return total


def of_elements(x: Any) -> Any:
    y = np.empty(len(x))
    for i in range(len(x)):
        y[i] = np.exp(x[i]) + 1.0
    return y


def folded(x: Any) -> Any:
    total = 0.0
    for i in range(len(x)):
        total += np.exp(x[i])
    return total


def of_short_rows(x: Any) -> Any:
    """The inner loop is written out, and the outer one runs several trips at a time."""
    y = np.zeros(len(x))
    for i in range(len(x)):
        t = np.exp(x[i])
        for k in range(3):
            y[i] += t * k
    return y


@pytest.mark.parametrize(
    "case",
    [(root, (1.0, 3.0)), (steps, (0.5, 50)), (of_rows, (X,))],
    ids=lambda c: c[0].__name__,
)
def test_what_is_computed_one_by_one_is_called(case: Any) -> None:
    program, args = case
    f = sc.jit(program, backend="numba")
    np.testing.assert_allclose(f(*args), program(*args), rtol=1e-14)
    text = f.source(*args)
    assert "np.exp(" in text
    assert "kernels.exp" not in text


@pytest.mark.parametrize("program", [of_elements, folded, of_short_rows])
def test_what_may_be_computed_several_at_a_time_is_written_out(program: Any) -> None:
    f = sc.jit(program, backend="numba")
    np.testing.assert_allclose(f(X), program(X), rtol=1e-14)
    text = f.source(X)
    assert "kernels.exp(" in text
    assert "np.exp" not in text


UNARY = (
    *(np.exp, np.exp2, np.expm1, np.log, np.log2, np.log10, np.log1p, np.sin, np.cos, np.tan),
    *(np.arcsin, np.arccos, np.arctan, np.sinh, np.cosh, np.tanh, np.arcsinh, np.arctanh),
)
SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.3, 1e-310, 800.0, -800.0, 1e300, np.inf, -np.inf, np.nan)


def repeated(function: Any) -> Any:
    """The function of its own result, so that the trips wait for each other."""

    def program(x: Any) -> Any:
        y = x[0] * 0
        found = np.empty_like(x)
        for k in range(len(x)):
            y = function(x[k] + (0 if np.isnan(y) else np.minimum(abs(y), 0)))
            found[k] = y
        return found

    return program


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("function", UNARY, ids=lambda f: f.__name__)
def test_special_values_of_single_numbers(function: Any, dtype: Any) -> None:
    with np.errstate(over="ignore"):
        x = np.array(SPECIAL).astype(dtype)
    program = repeated(function)
    f = sc.jit(program, backend="numba")
    with np.errstate(all="ignore"):
        expected, found = program(x), f(x)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, rtol=4 * np.finfo(dtype).eps)
    there = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(found[there]), np.signbit(expected[there]))


@pytest.mark.parametrize("y", [0.5, 1.7, -0.5, np.inf, np.nan])
def test_powers_of_single_numbers(y: float) -> None:
    x = np.array(SPECIAL)

    def program(x: Any, y: Any) -> Any:
        last = 0.0
        found = np.empty_like(x)
        for k in range(len(x)):
            last = (x[k] + np.minimum(abs(last), 0.0)) ** y
            found[k] = last
        return found

    f = sc.jit(program, backend="numba")
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(f(x, y), program(x, y), rtol=1e-15)
    assert "np.power(" in f.source(x, y)
