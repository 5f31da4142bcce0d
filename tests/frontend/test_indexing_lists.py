"""Subscripts of lists whose items are known at staging, at an index that is not."""

from __future__ import annotations

import copy
import itertools
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


def sorted_in_place(xs: Any) -> Any:
    for i in range(1, len(xs)):
        j, key = i - 1, xs[i]
        while j >= 0 and xs[j] > key:
            xs[j + 1] = xs[j]
            j -= 1
        xs[j + 1] = key
    return xs


def histogram(data: Any, bins: int) -> Any:
    low, high = min(data), max(data)
    counts = [0] * (bins + 1)
    for d in data:
        counts[int(bins * (d - low) / (high - low))] += 1
    counts[bins - 1] += counts[bins]
    counts.pop()
    return counts


def picked(xs: Any, order: Any) -> Any:
    out = [1.0, 1.5, -0.5]
    for k in range(order.shape[0]):
        out[order[k]] = xs[k] * out[order[k] - 1] + 1.0
    return out


def partitioned(xs: Any) -> Any:
    low, high, pivot = 0, len(xs) - 1, xs[0]
    while low < high:
        while xs[high] >= pivot and low < high:
            high -= 1
        xs[low], xs[high] = xs[high], xs[low]
        while xs[low] < pivot and low < high:
            low += 1
        xs[low], xs[high] = xs[high], xs[low]
    return low


WRITERS = [
    (sorted_in_place, ([3.0, 1.0, 2.5, 5.0, 4.0],)),
    (sorted_in_place, ([3, 1, 2, 2],)),
    (histogram, ([0.1, 0.9, 0.4, 0.45, 0.6], 3)),
    (picked, ([0.5, -2.0, 3.0, 1.5], np.array([2, 0, 1, 0]))),
    (picked, ([0.5, -2.0, 3.0], np.array([2, 0, 3]))),
    (partitioned, ([3.0, 1.0, 2.5, 5.0, 4.0],)),
]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize(("f", "args"), WRITERS, ids=lambda v: getattr(v, "__name__", ""))
def test_written_at_an_index_of_run_time(backend: str, f: Any, args: Any) -> None:
    """Results, the caller's lists and exceptions are Python's."""
    outcomes: list[Any] = []
    for run in (f, sc.jit(f, backend=backend)):
        given = copy.deepcopy(args)
        try:
            found = run(*given)
        except IndexError as error:
            found = type(error)
        else:
            found = (repr(found), repr(given))
        outcomes.append(found)
    assert outcomes[0] == outcomes[1]


def test_gradient_of_what_is_written_at_an_index_of_run_time() -> None:
    def weighed(a: float, b: float, order: Any) -> Any:
        out = picked([a, b, a * b, b], order)
        return out[0] + 2.0 * out[1] + 3.0 * out[2]

    order = np.array([2, 0, 1, 0])
    a, b, h = 0.5, -2.0, 1e-6
    for backend in ("numpy", "numba"):
        a_bar, b_bar = sc.grad(weighed, argnums=(0, 1), backend=backend)(a, b, order)
        slope = (weighed(a + h, b + 2 * h, order) - weighed(a - h, b - 2 * h, order)) / (2 * h)
        np.testing.assert_allclose(a_bar + 2 * b_bar, slope, rtol=1e-8)


def test_trips_are_counted_where_the_state_has_no_common_type() -> None:
    """A table of rows is made at staging if the count, an integer argument, is small."""

    def table(rows: int, columns: int, x: float) -> Any:
        out = [[0.0] * columns for _ in range(rows)]
        for i in range(rows):
            for j in range(columns):
                out[i][j] = x * (i + 10 * j)
        return out

    staged = sc.jit(table)
    for rows in (3, 2):
        assert staged(rows, 2, 0.5) == table(rows, 2, 0.5)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_trips_between_bounds_made_of_small_integers_are_counted(backend: str) -> None:
    """The rows of a list of lists have places of their own, so `n - 1` has to be known."""

    def relaxed(n: int, times: int, a: Any, b: Any) -> Any:
        for _ in range(times):
            for i in range(1, n - 1):
                for j in range(1, n - 1):
                    b[i][j] = 0.25 * (a[i - 1][j] + a[i + 1][j] + a[i][j - 1] + a[i][1 + j])
            for i in range(1, n - 1):
                for j in range(1, n - 1):
                    a[i][j] = b[i][j]
        return sum(sum(row) for row in a)

    for n in (4, 3):
        start = np.arange(float(n * n)).reshape(n, n) ** 2
        ours, theirs = (start.tolist(), start.T.tolist()), (start.tolist(), start.T.tolist())
        got = sc.jit(relaxed, backend=backend)(n, 2, *ours)
        assert (got, ours) == (relaxed(n, 2, *theirs), theirs)


def test_an_element_is_removed() -> None:
    def without(xs: Any, x: int) -> Any:
        rest = list(xs)
        rest.remove(x)
        xs.remove(2)
        return rest

    for x in (1, 3):
        ours, theirs = [1, 2, 3, 1], [1, 2, 3, 1]
        assert (sc.jit(without)(ours, x), ours) == (without(theirs, x), theirs)
    with pytest.raises(ValueError, match="not in list"):
        sc.jit(without)([1, 2], 7)


def test_a_rank_that_an_integer_decides() -> None:
    """One version for each count: what staging must know is in the key."""

    def wrapped(x: Any, n: int) -> Any:
        for _ in range(n):
            x = x[None]
        return x

    staged = sc.jit(wrapped)
    for n in (9, 0, 5):
        assert staged(np.ones(3), n).shape == wrapped(np.ones(3), n).shape


def triangular(a: list[list[float]], b: list[list[float]]) -> None:
    n = len(a)
    for i in range(n):
        for j in range(n):
            for k in range(i + 1, n):
                b[i][j] += a[k][i] * b[k][j]


def factored(a: list[list[float]], _: list[list[float]]) -> None:
    for i in range(len(a)):
        for j in range(i):
            for k in range(j):
                a[i][j] -= a[i][k] * a[k][j]
            a[i][j] /= a[j][j]


@pytest.mark.parametrize("f", [triangular, factored])
def test_the_bounds_of_a_loop_over_rows_are_the_counters_of_others(f: Any) -> None:
    rows = [
        [4.0, 1.0, 2.0, 3.0],
        [1.0, 5.0, 2.0, 1.0],
        [2.0, 1.0, 6.0, 0.5],
        [1.0, 2.0, 3.0, 7.0],
    ]
    ours, theirs = (copy.deepcopy([rows, rows[::-1]]) for _ in range(2))
    sc.jit(f)(*ours)
    f(*theirs)
    assert ours == theirs


def test_positions_that_do_not_broadcast_are_refused() -> None:
    with pytest.raises(sc.StagecError, match="sizes 3 and 2 do not broadcast"):
        sc.jit(lambda x: x[:, (0, 1, 0), (1, 0)])(np.zeros((2, 2, 2)))


def pairs_below(x: Any) -> Any:
    for i in range(len(x)):
        for j in range(i):
            yield x[i], x[j]


def triangle(x: Any) -> Any:
    out = []
    for i in range(len(x)):
        for j in range(i):
            out.append([x[i], x[j]])
    return np.array(out)


@pytest.mark.parametrize(
    "f",
    [
        triangle,
        lambda x: np.array([[x[i], x[j]] for i in range(len(x)) for j in range(i)]),
        lambda x: np.array(list(pairs_below(x))),
        lambda x: np.array([[a, b] for a, b in itertools.combinations(x, 2)]),
        lambda x: np.array(
            [[x[i] for i in c] for c in itertools.combinations(range(len(x)), 3)]
        ),
    ],
)
def test_rows_of_inner_loops_that_outer_ones_count(f: Any) -> None:
    """The length of an argument says how often both turn."""
    staged = sc.jit(f)
    for n in (4, 5):
        x = np.arange(1.0, n + 1)
        np.testing.assert_array_equal(staged(x), f(x))
    slope = sc.grad(lambda x: np.prod(f(x)))(x)
    np.testing.assert_allclose(slope * x / np.prod(f(x)), f(x).size / len(x))


def row_of_tuples(x: Any) -> Any:
    spans = [(0, 1.5), (2, 0.5), (1, 2.0)]
    total = 0.0
    k = 0
    while total < 3.0:
        at, weight = spans[k]
        spans[k] = (at, weight + x[at])
        total += x[at] * weight
        k = (k + at + 1) % 3
    return total, spans


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_tuples_at_a_moving_index(backend: str) -> None:
    x = np.array([0.5, 1.0, 0.25])
    assert sc.jit(row_of_tuples, backend=backend)(x) == row_of_tuples(x)
