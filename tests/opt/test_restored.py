"""Parts of arrays that were copied there just before, and are read from where they came."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

pytest.importorskip("numba", reason="the Numba target needs Numba")

RNG = np.random.default_rng(9)
A, ROWS = RNG.normal(size=7), RNG.normal(size=(4, 7))
GRID, PLANES = RNG.normal(size=(5, 7)), RNG.normal(size=(4, 5, 7))


def backwards(a: Any, rows: Any) -> Any:
    a = a.copy()
    s = 0.0
    for k in range(len(rows)):
        a[1:-1] = rows[k, 1:-1]
        s += np.sum(a[-2:0:-1] * rows[k, 1:-1])
    return s


def neighbours(a: Any, rows: Any) -> Any:
    a = a.copy()
    s = 0.0
    for k in range(len(rows)):
        a[1:-1] = rows[k, 1:-1]
        s += np.sum(a[2:-1] * a[1:-2])
    return s


def backwards_inside(a: Any, rows: Any) -> Any:
    a = a.copy()
    s = 0.0
    for k in range(len(rows)):
        a[1:] = rows[k, 1:]
        s += np.sum(a[-2:1:-1] * a[2:-1] * (k + 1))
    return s


def first_elements(a: Any, rows: Any) -> Any:
    """There may be more rows than elements."""
    a = a.copy()
    s = 0.0
    for k in range(1, len(rows)):
        a[:k] = rows[k, :k]
        s += np.sum(a[k - 1 :: -1] * rows[0, :k])
    return s


def row_of_a_grid(a: Any, rows: Any) -> Any:
    a = a.copy()
    s = 0.0
    for k in range(len(rows)):
        a[1:-1, 1:-1] = rows[k, 1:-1, 1:-1]
        s += np.sum(a[2:-1, -2:0:-1] * rows[k, 2:-1, 1:-1])
    return s


def beyond(a: Any, rows: Any) -> Any:
    a = a.copy()
    s = 0.0
    for k in range(len(rows)):
        a[1:-1] = rows[k, 1:-1]
        s += np.sum(a[:-1] * a[1:])
    return s


def spread(a: Any, rows: Any) -> Any:
    a = a.copy()
    s = 0.0
    for k in range(len(rows)):
        a[1:-1] = rows[k, 1:2]
        s += np.sum(a[-2:0:-1] * rows[k, 1:-1])
    return s


def source_changes(a: Any, rows: Any) -> Any:
    a, rows = a.copy(), rows.copy()
    s = 0.0
    for k in range(len(rows)):
        a[1:-1] = rows[k, 1:-1]
        rows[k] *= 3.0
        s += np.sum(a[-2:0:-1] * rows[k, 1:-1])
    return s


def every_second(a: Any, rows: Any) -> Any:
    a = a.copy()
    s = 0.0
    for k in range(len(rows)):
        a[::2] = rows[k, ::2]
        s += np.sum(a[4::-2])
    return s


def needed_behind(a: Any, rows: Any) -> Any:
    a = a.copy()
    s = 0.0
    for k in range(len(rows)):
        a[1:-1] = rows[k, 1:-1]
        s += np.sum(a[-2:0:-1] * rows[k, 1:-1])
    return s + np.sum(a * a)


FROM_THE_SOURCE = [backwards, neighbours, backwards_inside, row_of_a_grid]
FROM_THE_ARRAY = [first_elements, beyond, spread, source_changes, every_second, needed_behind]


def given(f: Callable[..., Any]) -> tuple[np.ndarray, np.ndarray]:
    return (GRID, PLANES) if f is row_of_a_grid else (A, ROWS)


@pytest.mark.parametrize("f", FROM_THE_SOURCE + FROM_THE_ARRAY)
def test_values(f: Callable[..., Any]) -> None:
    staged = sc.jit(f, backend="numba")
    assert staged(*given(f)) == pytest.approx(f(*given(f)), rel=1e-13)
    for n in (1, 2, 3):
        short = [x[..., :n] for x in given(f)]
        assert sc.jit(f, backend="numba")(*short) == pytest.approx(f(*short), rel=1e-13)


@pytest.mark.parametrize("f", FROM_THE_SOURCE)
def test_the_copy_is_gone(f: Callable[..., Any]) -> None:
    assert "a[" not in sc.jit(f, backend="numba").source(*given(f))
    assert "a_1[" not in sc.jit(f, backend="numba").source(*given(f))


@pytest.mark.parametrize("f", FROM_THE_ARRAY)
def test_the_copy_stays(f: Callable[..., Any]) -> None:
    text = sc.jit(f, backend="numba").source(*given(f))
    assert "a_1[" in text or "a[" in text


def test_single_precision_is_rounded() -> None:
    a, rows = A.astype(np.float32), ROWS
    assert sc.jit(backwards, backend="numba")(a, rows) == pytest.approx(
        backwards(a, rows), rel=1e-13
    )


def recursion(r: Any) -> Any:
    a = np.zeros(len(r))
    a[0] = 1.0
    for m in range(1, len(r)):
        k = (r[m] + np.dot(a[1:m], r[m - 1 : 0 : -1])) / r[0]
        a[1:m] -= k * a[m - 1 : 0 : -1]
        a[m] = -k
    return np.sum(a * a)


def test_backward_loops_restore_nothing() -> None:
    r = 0.5 ** np.arange(8.0)
    slope = sc.grad(recursion, backend="numba")
    np.testing.assert_allclose(slope(r), sc.grad(recursion)(r), rtol=1e-12)
    assert not re.search(r"\ba\[.*\] = tape", slope.source(r))
