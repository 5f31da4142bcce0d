"""`==` and `!=` of lists, tuples, dicts, sets and objects are Python's."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import stagec as sc

Pair = namedtuple("Pair", "left right")
TABLE = {"a": 1.0}
ROW = [1.0]
NOTHING = None


@dataclass
class Point:
    x: float
    y: float
    note: Any = field(default=None, compare=False)


@dataclass(eq=False)
class Named:
    x: float


class Cell:
    def __init__(self, x: float) -> None:
        self.x = x


def made(n: int, a: float, b: float) -> Any:
    left, right = {}, {}
    for i in range(n):
        left[i] = i * a
    for i in range(n):
        right[n - 1 - i] = (n - 1 - i) * b
    return left == right, left != right


def same_cell(a: float, b: float) -> Any:
    cell = Cell(a)
    return cell == cell, Cell(a) == Cell(a), Cell(a) != Cell(a)


PROGRAMS: list[Callable[..., Any]] = [
    lambda a, b: (made(2, a, b), made(1, a, b), made(0, a, b)),
    same_cell,
    lambda a, b: ([a] == (a,), (a,) == [a], [a] != (a,), [a] == {"a": a}, {} == [], () == []),
    lambda a, b: ({1, 2} == {2, 1}, {1, 2} != {1}, {1, 2} == [1, 2], {1} == frozenset({1})),
    lambda a, b: ({"x": a, "y": b} == {"y": b, "x": a}, {"x": a} == {"x": b}),
    lambda a, b: ({"x": [a, {"y": b}]} == {"x": [a, {"y": b}]}, {"x": (a,)} == {"x": [a]}),
    lambda a, b: ({"a": a} in [{"a": b}], {"a": a} in [{"a": b}, {"a": a}], [a] in [(a,)]),
    lambda a, b: ({"a": a} == TABLE, {"a": b} == TABLE, [a] == ROW, [b] == ROW, (a,) == ROW),
    lambda a, b: (Pair(a, b) == (a, b), (a, b) == Pair(b, a)),
    lambda a, b: (Point(a, b) == Point(a, b, 3), Point(a, b) != Point(b, a)),
    lambda a, b: (Point(a, b) == (a, b), Named(a) == Named(a), Named(a) == Point(a, b)),
    lambda a, b: ([a] == NOTHING, {"a": a} == "a", (a,) == a, [a] != 3, (a, b) == range(2)),
    lambda a, b: ([a, b] == [a, b], [a, b] == [b, a], [a] == [a, b], [[a], [b]] != [[a], [a]]),
]


@pytest.mark.parametrize("f", PROGRAMS, ids=[str(k) for k in range(len(PROGRAMS))])
@pytest.mark.parametrize("args", [(1.0, 2.0), (2.0, 2.0), (float("nan"), 1.0)])
def test_as_python(f: Callable[..., Any], args: Any) -> None:
    assert sc.jit(f)(*args) == f(*args)


def test_dicts_of_the_caller() -> None:
    def compared(d: Any, e: Any) -> Any:
        return d == e, d != e, d == {"a": 1.0}, d == {"a": [1.0]}

    staged = sc.jit(compared)
    for d, e in (({"a": 1.0}, {"a": 2.0}), ({"a": 1.0}, {"a": 1.0}), ({"a": 1.0}, {"b": 1.0})):
        assert staged(d, e) == compared(d, e)


def test_views_that_are_one_object() -> None:
    def same(x: Any, n: int) -> Any:
        a = b = x[1:]
        rows, found = [a, x[2:]], [a is b, a is x, a is not b]
        for i in range(n):
            a[i] += 1
        a *= 2
        return [*found, a is b, rows[0] is b, rows[1] is b, [k is a for k in rows]]

    for n in (0, 2):
        assert sc.jit(same)(np.arange(4.0), n) == same(np.arange(4.0), n)

    def two_views(x: Any) -> Any:
        return x[1:] is x[1:]

    def one_of_two(x: Any) -> Any:
        y = x * 2
        z = x if x[0] > 0 else y
        return z is x

    def turns(x: Any) -> Any:
        a, b = x * 1, x * 2
        first = a
        for _ in range(len(x)):
            a, b = b, a
        return a is first

    for unclear in (two_views, one_of_two, turns):
        with pytest.raises(sc.StagecError, match="whether these are one array"):
            sc.jit(unclear)(np.arange(4.0))
