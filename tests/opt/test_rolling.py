"""Arrays of which loops keep a few rows: which they are, and the values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

pytest.importorskip("numba", reason="the Numba target needs Numba")

RNG = np.random.default_rng(4)
X, Y = RNG.normal(size=9), RNG.normal(size=7)


def longest(x: Any, y: Any) -> Any:
    h = np.zeros((len(x) + 1, len(y) + 1))
    best = 0.0
    for i in range(1, len(x) + 1):
        for j in range(1, len(y) + 1):
            h[i, j] = max(h[i - 1, j], h[i, j - 1], h[i - 1, j - 1] + x[i - 1] * y[j - 1])
            best = max(best, h[i, j])
    return best


def ends_in_a_corner(x: Any, y: Any) -> Any:
    cost = np.full((len(x) + 1, len(y) + 1), np.inf)
    cost[0, 0] = 0.0
    for i in range(1, len(x) + 1):
        for j in range(1, len(y) + 1):
            best = min(cost[i - 1, j], cost[i, j - 1], cost[i - 1, j - 1])
            cost[i, j] = (x[i - 1] - y[j - 1]) ** 2 + best
    return cost[len(x), len(y)] + cost[-1, 1]


def falls(x: Any, y: Any) -> Any:
    n = len(x)
    a = np.zeros((n + 1, len(y)))
    a[n] = y
    a[-1, 0] += 2.0
    for i in range(n - 1, -1, -1):
        a[i, 1:] = a[i + 1, :-1] * x[i]
        a[i, 0] += a[i + 1, -1]
    return np.sum(np.sin(a[0]))


def three_rows(x: Any, y: Any) -> Any:
    a = np.ones((len(x) + 2, len(y)))
    a[1] = y
    for i in range(2, len(x) + 2):
        a[i] = 0.5 * a[i - 1] - x[i - 2] * a[i - 2]
    return np.sum(a[-1] * a[-2])


def columns(x: Any, y: Any) -> Any:
    a = np.zeros((len(y), len(x) + 1))
    for i in range(len(x)):
        a[1:, i + 1] = np.sin(a[:-1, i]) + x[i]
        a[0, i + 1] = y[0]
    return np.sum(a[:, len(x)])


def on_a_condition(x: Any, y: Any) -> Any:
    a = np.zeros((len(x) + 1, len(y)))
    for i in range(len(x)):
        if x[i] > 0:
            a[i + 1] = a[i] + y * x[i]
        else:
            for j in range(len(y)):
                if y[j] > x[i]:
                    a[i + 1, j] = a[i, j] * 0.5
                else:
                    a[i, j] = a[i, j] + 1.0
                    a[i + 1, j] = a[i, j]
    return a[len(x)] @ y


def integers(x: Any, y: Any) -> Any:
    ways = np.ones((len(x) + 1, len(y)), dtype=np.int64)
    for i in range(len(x)):
        for j in range(1, len(y)):
            ways[i + 1, j] = ways[i, j] + ways[i + 1, j - 1]
    return ways[len(x), len(y) - 1] * x[0]


def a_row_in_a_row(x: Any, y: Any) -> Any:
    s = 0.0
    for k in range(len(y)):
        a = np.zeros((len(x), 3))
        for i in range(1, len(x)):
            a[i] = a[i - 1] * y[k] + x[i]
        s += a[-1, 0]
    return s


ROLL = [longest, ends_in_a_corner, falls, three_rows, columns, on_a_condition, integers,
        a_row_in_a_row]  # fmt: skip


def needed_whole(x: Any, y: Any) -> Any:
    a = np.zeros((len(x) + 1, len(y)))
    for i in range(len(x)):
        a[i + 1] = a[i] * y + x[i]
    return np.sum(a)


def another_row(x: Any, y: Any) -> Any:
    a = np.zeros((len(x) + 1, len(y)))
    for i in range(len(x)):
        a[i + 1] = a[i] * y + x[i]
    return np.sum(a[1])


def far_rows(x: Any, y: Any) -> Any:
    a = np.zeros((len(x) + 5, len(y)))
    for i in range(len(x)):
        a[i + 5] = a[i] * y + x[i]
    return np.sum(a[-1])


def any_row(x: Any, y: Any) -> Any:
    a = np.zeros((len(x) + 1, len(y)))
    for i in range(len(x)):
        a[i + 1] = a[i] * y + x[i] + a[0]
    return np.sum(a[-1])


def begins_elsewhere(x: Any, y: Any) -> Any:
    a = np.zeros((len(x) + 1, len(y)))
    a[:, 0] = 1.0
    for i in range(len(x)):
        a[i + 1] = a[i] * y + x[i]
    return np.sum(a[-1])


STAY = [needed_whole, another_row, far_rows, any_row, begins_elsewhere]


def outside(x: Any, y: Any) -> Any:
    a, s = np.zeros((len(x), len(y))), 0.0
    for i in range(len(x)):
        a[i + 1] = a[i] * y + x[i]
        s += a[i, 0]
    return s


def from_the_end(x: Any, y: Any) -> Any:
    a = np.zeros((len(x), len(y)))
    a[-1] = y
    for i in range(len(x)):
        a[i] = a[i - 1] + x[i]
    return np.sum(a[-1])


MAKES = ("np.zeros(", "np.ones(", "np.full(", "np.empty(")


def made(source: str) -> list[str]:
    """The lines of the source that make an array."""
    return [line for line in source.splitlines() if any(m in line for m in MAKES)]


def tables(source: str) -> int:
    """How many arrays of two axes the source makes."""
    return sum(f"{m}(" in line for line in made(source) for m in MAKES)


@pytest.mark.parametrize("f", [*ROLL, *STAY, from_the_end])
def test_values(f: Callable[..., Any]) -> None:
    """The values are those of the program, with few rows as well."""
    staged = sc.jit(f, backend="numba")
    for n in (9, 2, 1):
        np.testing.assert_allclose(staged(X[:n], Y), f(X[:n], Y), rtol=1e-13)


@pytest.mark.parametrize("f", [ends_in_a_corner, falls, three_rows])
def test_no_trips(f: Callable[..., Any]) -> None:
    """Without a trip what was there before is left."""
    staged = sc.jit(f, backend="numba")
    staged(X, Y)
    np.testing.assert_allclose(staged(X[:0], Y), f(X[:0], Y))


@pytest.mark.parametrize("f", [*ROLL, from_the_end])
def test_gradients(f: Callable[..., Any]) -> None:
    """The gradient is that of the NumPy target."""
    got = sc.grad(f, argnums=(0, 1), backend="numba")(X, Y)
    for a, b in zip(got, sc.grad(f, argnums=(0, 1))(X, Y), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


@pytest.mark.parametrize("f", ROLL)
def test_roll(f: Callable[..., Any]) -> None:
    """No table is made, and no row on a trip."""
    source = sc.jit(f, backend="numba").source(X, Y)
    assert tables(source) == 0
    deep = 12 if f is a_row_in_a_row else 8
    assert not any(line.startswith(" " * deep) for line in made(source))


@pytest.mark.parametrize("f", [*STAY, outside, from_the_end])
def test_stay(f: Callable[..., Any]) -> None:
    """What needs other rows, or may need a row that is not there, keeps its table."""
    assert tables(sc.jit(f, backend="numba").source(X, Y)) == 1


def test_outside() -> None:
    """A row that is not there is told."""
    with pytest.raises(IndexError):
        sc.jit(outside, backend="numba")(X, Y)


@pytest.mark.parametrize("f", [longest, ends_in_a_corner])
def test_adjoints_roll(f: Callable[..., Any]) -> None:
    """The table of a program is kept for its adjoint, which needs two rows of its own."""
    source = sc.grad(f, argnums=(0, 1), backend="numba").source(X, Y)
    assert "h_bar[i" not in source
    assert "cost_bar[i" not in source
