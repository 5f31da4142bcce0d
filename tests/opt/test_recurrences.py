"""Elements that one trip hands to the next: which are kept in variables, and the values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

pytest.importorskip("numba", reason="the Numba target needs Numba")

X = np.random.default_rng(3).normal(size=23)


def summed_up(x: Any) -> Any:
    y = np.zeros(len(x))
    y[0] = x[0]
    for i in range(1, len(x)):
        y[i] = 0.5 * y[i - 1] + x[i]
    return y


def from_the_end(x: Any) -> Any:
    y = np.zeros(len(x) + 1)
    for i in range(len(x) - 1, -1, -1):
        y[i] = 0.5 * y[i + 1] + x[i]
    return y


def read_afterwards(x: Any) -> Any:
    """What is handed on is read behind the write too."""
    y, z = np.zeros(len(x) + 1), np.zeros(len(x))
    for i in range(len(x)):
        y[i + 1] = x[i] - np.tanh(y[i])
        z[i] = y[i] * x[i]
    return y[1:] + z


def of_a_table(x: Any) -> Any:
    n = len(x)
    h = np.ones((n + 1, n + 1))
    for i in range(1, n + 1):
        for j in range(1, n + 1):
            h[i, j] = max(h[i - 1, j - 1] * x[i - 1], h[i - 1, j], h[i, j - 1] - x[j - 1])
    return h


def in_a_fallen_row(x: Any) -> Any:
    """The loop may make no trip: the first element must be there all the same."""
    n = len(x)
    a = np.ones((n, n))
    for i in range(n):
        for j in range(1, i):
            a[i, j] = a[i, j - 1] * x[j] + x[i]
    return a


HANDED_ON = [summed_up, from_the_end, read_afterwards, of_a_table, in_a_fallen_row]


def two_before(x: Any) -> Any:
    y = np.ones(len(x))
    for i in range(2, len(x)):
        y[i] = y[i - 2] + x[i]
    return y


def written_twice(x: Any) -> Any:
    """The second write may be to what the next trip reads."""
    y = np.ones(len(x) + 1)
    for i in range(len(x)):
        y[i + 1] = y[i] * x[i]
        y[len(x) - i] = x[i]
    return y


def every_other(x: Any) -> Any:
    y = np.ones(len(x))
    for i in range(1, len(x), 2):
        y[i] = y[i - 1] + x[i]
    return y


def against_the_loop(x: Any) -> Any:
    """The next trip overwrites what it does not read."""
    y = x.copy()
    for i in range(len(x) - 1):
        y[i] = y[i + 1] * 0.5 + x[i]
    return y


def added_to(x: Any) -> Any:
    y = np.ones(len(x))
    for i in range(1, len(x)):
        y[i] += y[i - 1] * x[i]
    return y


NOT_HANDED_ON = [two_before, written_twice, every_other, against_the_loop]


@pytest.mark.parametrize("program", HANDED_ON)
def test_what_a_trip_reads_of_the_one_before_is_in_a_variable(program: Any) -> None:
    f = sc.jit(program, backend="numba")
    np.testing.assert_allclose(f(X), program(X), rtol=1e-13)
    assert "last = " in f.source(X)


@pytest.mark.parametrize("program", NOT_HANDED_ON)
def test_elements_of_other_trips_are_read_again(program: Any) -> None:
    f = sc.jit(program, backend="numba")
    np.testing.assert_allclose(f(X), program(X), rtol=1e-13)
    assert "last" not in f.source(X)


@pytest.mark.parametrize("program", [*HANDED_ON, *NOT_HANDED_ON, added_to])
def test_gradients_are_those_of_the_numpy_target(program: Any) -> None:
    def loss(x: Any) -> Any:
        return np.sum(np.sin(program(x)))

    found, expected = (sc.grad(loss, backend=b)(X) for b in ("numba", "numpy"))
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("program", HANDED_ON)
def test_short_loops(program: Callable[[Any], Any], size: int) -> None:
    f = sc.jit(program, backend="numba")
    np.testing.assert_allclose(f(X[:size]), program(X[:size]), rtol=1e-13)
