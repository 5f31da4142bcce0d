"""Trips of backward loops that do nothing are left out, many at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import stagec as sc

pytest.importorskip("numba", reason="the Numba target needs Numba")

RNG = np.random.default_rng(3)
LOOKS = "busy != 0"


def local(score: Any, gap: Any, a: Any, b: Any) -> Any:
    h = np.zeros((len(a) + 1, len(b) + 1))
    best = 0.0
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            h[i, j] = max(
                0.0, h[i - 1, j - 1] + score[a[i - 1], b[j - 1]], h[i - 1, j] - gap,
                h[i, j - 1] - gap,
            )  # fmt: skip
            best = max(best, h[i, j])
    return best


def everywhere(score: Any, gap: Any, a: Any, b: Any) -> Any:
    """All cotangents of the table are other than zero."""
    h = np.zeros((len(a) + 1, len(b) + 1))
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            h[i, j] = max(h[i - 1, j - 1] + score[a[i - 1], b[j - 1]], h[i, j - 1] - gap)
    return np.sum(h)


def upwards(score: Any, gap: Any, a: Any, b: Any) -> Any:
    """The loops of the derivative rise."""
    h = np.zeros((len(a) + 1, len(b) + 1))
    for i in range(len(a) - 1, -1, -1):
        for j in range(len(b) - 1, -1, -1):
            h[i, j] = max(h[i + 1, j + 1] + score[a[i], b[j]], h[i, j + 1] - gap, h[i + 1, j])
    return h[0, 0]


def in_place(score: Any, gap: Any, a: Any, b: Any) -> Any:
    """One row is all there is, and the way back writes it anew."""
    h = np.zeros(len(b) + 1)
    for i in range(len(a)):
        for j in range(len(b)):
            h[j + 1] = max(h[j] - gap, h[j + 1] + score[a[i], b[j]])
    return h[len(b)]


def letters(n: int, m: int) -> Any:
    return RNG.normal(size=(4, 4)), 0.3, RNG.integers(4, size=n), RNG.integers(4, size=m)


def same(program: Any, args: Any, fast: Any = None) -> Any:
    fast = fast or sc.value_and_grad(program, argnums=(0, 1), backend="numba")
    value, bars = fast(*args)
    expected, wanted = sc.value_and_grad(program, argnums=(0, 1))(*args)
    np.testing.assert_allclose(value, expected, rtol=1e-13)
    for got, bar in zip(bars, wanted, strict=True):
        np.testing.assert_allclose(got, bar, rtol=1e-11, atol=1e-13)
    return fast


@pytest.mark.parametrize("program", [local, everywhere, upwards])
@pytest.mark.parametrize("m", [64, 95, 97])
def test_tables(program: Any, m: int) -> None:
    args = letters(9, m)
    fast = same(program, args)
    assert LOOKS in fast.source(*args)
    for length in (0, 1, 31, 32, 33):
        same(program, letters(5, length), fast)


def test_ties_and_what_is_no_number() -> None:
    score, _, a, b = letters(9, 80)
    fast = same(local, (np.ones((4, 4)), 1.0, a, b))
    same(local, (-np.ones((4, 4)), 0.5, a, b), fast)
    score[2, 1] = np.nan
    same(local, (score, 0.3, a, b), fast)
    same(local, (score, np.inf, a, b), fast)


def test_short_loops_stay() -> None:
    args = letters(9, 40)
    fast = same(local, args)
    assert LOOKS not in fast.source(*args)
    same(local, letters(9, 200), fast)


def test_an_index_outside_is_told() -> None:
    score, gap, a, b = letters(9, 80)
    fast = same(local, (score, gap, a, b))
    b[70] = 4
    with pytest.raises(IndexError):
        fast(score, gap, a, b)


def decaying(x: Any, y: Any) -> Any:
    """What the loop carries is not zero on the next trip: every trip does something."""
    h = np.zeros((len(x), len(y)))
    s = 0.0
    for i in range(1, len(x)):
        for j in range(1, len(y)):
            h[i, j] = max(h[i, j - 1] * 0.5, h[i - 1, j] - x[i], 0.0)
            s = 0.9 * s + y[j]
    return s + h[-1, -1]


def test_arrays_that_every_trip_writes_to() -> None:
    args = letters(9, 80)
    assert LOOKS not in same(in_place, args).source(*args)


def test_numbers_that_every_trip_changes() -> None:
    args = RNG.normal(size=5), RNG.normal(size=80)
    fast = same(decaying, args)
    assert LOOKS not in fast.source(*args)
