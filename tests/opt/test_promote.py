"""Elements that innermost loops only read: which are read in front of them, and the values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

pytest.importorskip("numba", reason="the Numba target needs Numba")

X = np.random.default_rng(5).normal(size=7)


def below(x: Any) -> Any:
    y = x.copy()
    for i in range(len(x)):
        for k in range(i):
            y[k] += y[i] * x[k]
    return y


def of_another_array(x: Any) -> Any:
    y = np.zeros(len(x))
    for i in range(len(x)):
        for k in range(len(x)):
            y[k] += x[i] * x[k]
    return y


def in_the_middle(x: Any) -> Any:
    y = x.copy()
    for i in range(len(x)):
        for k in range(len(x)):
            y[k] += y[i] * x[k]
    return y


def from_the_end(x: Any) -> Any:
    y = x.copy()
    for _ in range(2):
        for k in range(len(x)):
            y[k] += y[-1] * x[k]
    return y


def perhaps_outside(x: Any, m: Any) -> Any:
    y = np.zeros(len(x))
    for i in range(len(x)):
        for k in range(m):
            y[k] += x[i + 1] * x[k]
    return y


@pytest.mark.parametrize("program", [below, of_another_array])
def test_read_in_front_of_the_loop(program: Callable[..., Any]) -> None:
    source = sc.jit(program, backend="numba").source(X)
    lines = [s.strip() for s in source.splitlines()]
    k = lines.index("for k in range(i):" if program is below else "for k in range(t):")
    array = "y" if program is below else "x"
    assert lines[k - 1].endswith(f" = {array}[i]"), source
    assert f"{array}[i]" not in lines[k + 1], source


@pytest.mark.parametrize("program", [below, of_another_array, in_the_middle, from_the_end])
def test_values_and_gradients(program: Callable[..., Any]) -> None:
    def total(x: Any) -> Any:
        return np.sum(program(x) ** 2)

    for x in (X, X[:2], X[:0]) if program is not from_the_end else (X, X[:2]):
        got = sc.jit(program, backend="numba")(x)
        np.testing.assert_allclose(got, program(x), rtol=1e-12)
    expected = sc.grad(total)(X)
    np.testing.assert_allclose(sc.grad(total, backend="numba")(X), expected, rtol=1e-11)


def test_what_may_be_outside_is_read_where_the_loop_reads_it() -> None:
    staged = sc.jit(perhaps_outside, backend="numba")
    np.testing.assert_array_equal(staged(X, 0), np.zeros(7))
    with pytest.raises(IndexError):
        staged(X, 3)
