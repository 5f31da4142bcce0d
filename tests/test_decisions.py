"""Sizes that are near each other at the first call, and calls where they are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec


def edged(n: Any, a: Any, b: Any) -> Any:
    a[1 : n - 1] += b[: n - 2] * b[2:n]
    return a[n - 1] - np.sum(b[:n])


def inner(wide: Any, narrow: Any) -> Any:
    n = narrow.shape[0]
    return np.sum((wide[2 : n + 2] - wide[:n]) * narrow)


def between(faces: Any, cells: Any) -> Any:
    cells[:] = 0.5 * (faces[1:] + faces[:-1]) * cells
    return cells


def smaller(n: Any, a: Any) -> Any:
    return np.sum(a[: n + 1] * a[1 : n + 2])


def three(table: Any) -> Any:
    found = np.zeros(len(table))
    for k in range(len(table)):
        found[k] = np.sum(np.array([1.0, 0.0, 2.0]) * table[k][1:])
    return found


def tables(*widths: int) -> tuple[Any, ...]:
    return tuple(np.random.default_rng(n).standard_normal((7, n)) for n in widths)


def arrays(*lengths: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(len(lengths))
    return tuple(rng.standard_normal(n) for n in lengths)


CALLS: list[tuple[Callable[..., Any], list[tuple[Any, ...]]]] = [
    (edged, [(n, *arrays(12, 12)) for n in (12, 11, 20, 5, 1, 0)]),
    (edged, [(12, *arrays(n, n)) for n in (12, 13, 30)]),
    (inner, [arrays(14, 10), arrays(12, 10), arrays(30, 26), arrays(9, 12)]),
    (inner, [arrays(12, 10), arrays(14, 10), arrays(22, 20)]),
    (between, [arrays(11, 10), arrays(21, 20), arrays(2, 9)]),
    (smaller, [(8, *arrays(10)), (9, *arrays(11)), (8, *arrays(9)), (0, *arrays(10))]),
    (three, [tables(n) for n in (4, 2, 5)]),
    (three, [tables(n) for n in (2, 4)]),
    (smaller, [(20, *arrays(10)), (21, *arrays(11)), (10, *arrays(10))]),
]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize(("function", "calls"), CALLS)
def test_one_function_for_all_calls(
    backend: str, function: Callable[..., Any], calls: list[tuple[Any, ...]]
) -> None:
    staged = stagec.jit(function, backend=backend)
    for args in (*calls, *calls):
        mine, theirs = ([np.copy(a) if np.ndim(a) else a for a in args] for _ in range(2))
        assert _outcome(staged, mine) == _outcome(function, theirs)


def _outcome(function: Callable[..., Any], args: list[Any]) -> list[Any]:
    try:
        result = np.round(function(*args), 9).tolist()
    except (ValueError, IndexError) as error:
        result = type(error)
    return [result, *(np.round(a, 9).tolist() for a in args)]


def test_near_sizes_cost_one_more_specialisation() -> None:
    staged = stagec.jit(edged, backend="numba")
    for n in (12, 11, 10, 9, 4):
        staged(n, *arrays(12, 12))
    text = str(staged.explain(12, *arrays(12, 12)))
    assert "specialisations: 2" in text
    assert "(0, -1) is (1, 0) + 0" in text


def test_a_size_and_more_has_gradients_in_loops() -> None:
    slope = stagec.grad(inner, argnums=(0, 1), backend="numba")
    for wide, narrow in (arrays(14, 12), arrays(30, 28), arrays(14, 10)):
        n = len(narrow)
        first, second = slope(wide, narrow)
        expected = np.zeros_like(wide)
        expected[2 : n + 2] += narrow
        expected[:n] -= narrow
        np.testing.assert_allclose(first, expected)
        np.testing.assert_allclose(second, wide[2 : n + 2] - wide[:n])
    assert "for i in" in slope.source(*arrays(14, 12))


def test_what_is_left_of_a_size_is_known_where_it_meets_a_number() -> None:
    text = stagec.jit(three, backend="numba").source(*tables(4))
    assert "table: f64[n, 4]" in text
    assert "in range(3)" in text
