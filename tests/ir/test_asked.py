"""Lengths note what is computed from them and asked about them."""

from __future__ import annotations

import operator
from collections.abc import Callable
from math import prod
from typing import Any

import pytest

from stagec.ir.asked import Asked, Length, computed

ROWS, COLUMNS = (0, 0), (0, 1)
FUNCTIONS: list[Callable[[int, int], Any]] = [
    operator.add, operator.sub, operator.mul, operator.floordiv, operator.mod,
    operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne,
]  # fmt: skip


def lengths(asked: Asked, rows: int = 100, columns: int = 3) -> tuple[int, int]:
    return asked.length(ROWS, rows), asked.length(COLUMNS, columns)


def alike(asked: Asked, rows: int, columns: int) -> bool:
    return asked.alike({ROWS: rows, COLUMNS: columns}.__getitem__)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_length_is_its_integer(function: Callable[[int, int], Any]) -> None:
    rows, columns = lengths(Asked())
    for a, b in ((rows, columns), (columns, rows), (rows, 7), (7, rows), (True, rows)):
        assert function(a, b) == function(int(a), int(b))
    assert hash(rows) == hash(100)
    assert bool(rows)
    assert -rows == -100
    assert rows != "rows"


def test_nothing_asked_is_alike_for_all() -> None:
    asked = Asked()
    rows, columns = lengths(asked)
    assert isinstance(sum([rows, columns * 2]) + prod((rows, columns)), Length)
    assert asked.places() == []
    assert alike(asked, 1, 1)


def test_an_answer_holds_as_far_as_it_would_be_given() -> None:
    asked = Asked()
    rows, columns = lengths(asked)
    assert prod([rows, columns, 2]) < 1000
    assert asked.places() == [ROWS, COLUMNS]
    assert alike(asked, 499, 1)
    assert alike(asked, 1, 499)
    assert not alike(asked, 500, 1)


def test_the_larger_of_two_is_a_question() -> None:
    asked = Asked()
    assert int(max(*lengths(asked))) == 100
    assert alike(asked, 5, 4)
    assert not alike(asked, 4, 5)


def test_only_lengths_that_answers_need_are_told() -> None:
    asked = Asked()
    rows, columns = lengths(asked)
    assert isinstance(columns + 1, Length)
    assert rows // 2 >= 50
    assert asked.places() == [ROWS]


def test_what_is_asked_again_is_noted_once() -> None:
    asked = Asked()
    for _ in range(3):
        rows, columns = lengths(asked)
        assert rows * columns == 300
    assert len(asked.steps) == 4


def test_what_cannot_be_computed_is_not_alike() -> None:
    asked = Asked()
    rows, columns = lengths(asked)
    assert rows // columns == 33
    assert not alike(asked, 100, 0)


def test_functions_of_lengths_are_noted() -> None:
    asked = Asked()
    rows, _ = lengths(asked)
    root = computed(lambda n: int(n**0.5), (rows,))
    assert isinstance(root, Length)
    assert root < 20
    assert alike(asked, 399, 3)
    assert not alike(asked, 400, 3)
    assert type(computed(operator.add, (1, 2))) is int


def test_distances_are_noted() -> None:
    asked = Asked()
    rows, columns = lengths(asked)
    assert abs(columns - rows) >= 64
    assert alike(asked, 3, 100)
    assert not alike(asked, 3, 60)
