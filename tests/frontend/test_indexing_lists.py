"""Subscripts of lists whose items are known at staging, at an index that is not."""

from __future__ import annotations

import sys
from collections import namedtuple
from typing import Any

import numpy as np
import pytest

import stagec as sc

WEIGHTS = [1.0, 2.0, 3.0]
Pair = namedtuple("Pair", "left right")


def local(x: Any, n: int) -> Any:
    w = [1.0, 2.0, 3.0]
    return x * w[n]


def captured(x: Any, n: int) -> Any:
    return x * WEIGHTS[n]


def over_range(x: Any) -> Any:
    w = [1.0, 2.0, 3.0]
    total = x * 0.0
    for i in range(3):
        total = total + x**i * w[i]
    return total


def over_arrays(x: Any) -> Any:
    parts = [x, np.stack([x, x])]
    total = 0.0
    for i in range(2):
        total = total + np.sum(parts[i])
    return total


def counted_at_run_time(x: Any, n: int) -> Any:
    w = [1.0, 2.0, 3.0]
    total = x * 0.0
    for i in range(n):
        total = total + x * w[i]
    return total


def mixed(n: int) -> Any:
    return [1, 2.5][n]


@pytest.mark.parametrize("f", [local, captured])
def test_selected_at_run_time(f: Any) -> None:
    x, staged = np.array([1.0, -2.0]), sc.jit(f)
    for n in (0, 1, 2, -1, -3):
        np.testing.assert_array_equal(staged(x, n), f(x, n))
    # not one for each number: one for each sign
    assert len(staged.explain(x, 0).specialisations) == 2
    assert "[n]" in staged.source(x, 0)
    with pytest.raises(IndexError):
        staged(x, 3)


def test_gradient_of_the_selected() -> None:
    gradient = sc.grad(lambda x, n: np.sum(local(x, n)))
    np.testing.assert_array_equal(gradient(np.ones(2), 2), [3.0, 3.0])


def test_items_of_a_captured_list_are_guarded() -> None:
    staged = sc.jit(captured)
    assert staged(2.0, 1) == 4.0
    WEIGHTS[1] = 5.0
    try:
        assert staged(2.0, 1) == 10.0
    finally:
        WEIGHTS[1] = 2.0


@pytest.mark.parametrize("f", [over_range, over_arrays])
def test_index_from_a_loop_is_unrolled(f: Any) -> None:
    x, staged = np.array([1.0, 2.0]), sc.jit(f)
    np.testing.assert_array_equal(staged(x), f(x))
    assert "for i in" not in staged.source(x)


def test_named_tuples_have_their_methods() -> None:
    def f(x: Any) -> Any:
        pair = Pair(x, x * 2)
        return pair._replace(left=x * 5).left + (1, 2, 3).index(2) * pair.right

    assert sc.jit(f)(3.0) == f(3.0)


def test_recursion_limit_is_put_back() -> None:
    before = sys.getrecursionlimit()
    sc.jit(local)(1.0, 0)
    assert sys.getrecursionlimit() == before


def test_loop_of_run_time_length_selects() -> None:
    x, staged = np.array([1.0, 2.0]), sc.jit(counted_at_run_time)
    for n in (0, 2, 3):
        np.testing.assert_array_equal(staged(x, n), counted_at_run_time(x, n))
    assert len(staged.explain(x, 0).specialisations) == 1


def test_items_of_several_types_keep_theirs() -> None:
    staged = sc.jit(mixed)
    assert [type(staged(n)) for n in range(2)] == [int, float]
