"""Reverse mode on hand-built functions: against forward mode and against differences."""

from __future__ import annotations

import numpy as np

from stagec.ir.types import FLOAT, INT
from stagec.ops.broadcast import sum_
from stagec.ops.exponential import sqrt
from stagec.ops.indexing import accumulate_at, read_at, update_at
from tests.transforms.building import (
    MATRIX,
    SCALAR,
    SQUARE,
    VECTOR,
    at,
    branch,
    check,
    function,
    loop,
    while_loop,
)

R = np.random.default_rng


def test_straight_line():
    fn = function(lambda x, y: x * y + x / y, FLOAT, FLOAT, hints="x y")
    check(fn, 1.3, 0.7)


def test_broadcasting_array_with_number():
    fn = function(lambda a, s: (a * s - a / s, s), VECTOR, FLOAT, hints="a s")
    check(fn, R(0).normal(size=4), 0.7)


def test_read_accumulates():
    def build(a):
        u = read_at(a, at(0))
        return u * read_at(a, at(1)) + u * u

    check(function(build, VECTOR, hints="a"), R(0).normal(size=4))


def test_loop_of_reads():
    def build(a):
        return loop(a, 0, 5, [np.float64(1.0)], lambda i, s: s * read_at(a, at(...), i) + s)

    check(function(build, VECTOR, hints="a"), R(0).normal(size=5))


def test_zero_trips():
    def build(a, x):
        return loop(a, 0, 0, [x], lambda i, s: s * read_at(a, at(...), i) + s)

    check(function(build, VECTOR, SCALAR, hints="a x"), R(0).normal(size=5), np.float64(0.3))


def in_place_square(a):
    """`for i in range(1, 5): a[i] = a[i] * a[i - 1]`."""

    def body(i, a):
        return update_at(a, read_at(a, at(...), i) * read_at(a, at(...), i - 1), at(...), i)

    return loop(a, 1, 5, [a], body)


def test_in_place_loop():
    check(function(in_place_square, VECTOR, hints="a"), R(0).normal(size=5))


def test_negative_step_and_reverse():
    def body(i, a):
        return update_at(a, read_at(a, at(...), i) * read_at(a, at(...), i - 1), at(...), i)

    def build(a):
        a = loop(a, 5, 1, [a], body, step=-2)
        return loop(a, 1, 6, [a], body, step=2, reverse=True)

    check(function(build, VECTOR, hints="a"), R(0).normal(size=6))


def test_accumulate_in_nested_loops():
    def build(a, b):
        def inner(i, j, b):
            term = read_at(a, at(..., ...), i, j) * read_at(b, at(...), j)
            return accumulate_at(b, term * term, at(...), i)

        return loop(
            a, 0, 3, [b], lambda i, b: loop(a, 0, 2, [b], lambda j, b: inner(i, j, b))
        )

    check(
        function(build, MATRIX, VECTOR, hints="a b"),
        R(0).normal(size=(3, 2)),
        R(1).normal(size=3),
    )


def cholesky(a, n):
    """NPBench's in-place Cholesky factorisation."""

    def row(i, a):
        def column(j, a):
            u = read_at(a, at(..., slice(None, ...)), i, j)
            v = read_at(a, at(..., slice(None, ...)), j, j)
            a = accumulate_at(a, -sum_(u * v, axes=(0,)), at(..., ...), i, j)
            new = read_at(a, at(..., ...), i, j) / read_at(a, at(..., ...), j, j)
            return update_at(a, new, at(..., ...), i, j)

        a = loop(a, 0, i, [a], column)
        u = read_at(a, at(..., slice(None, ...)), i, i)
        a = accumulate_at(a, -sum_(u * u, axes=(0,)), at(..., ...), i, i)
        return update_at(a, sqrt(read_at(a, at(..., ...), i, i)), at(..., ...), i, i)

    return loop(a, 0, n, [a], row)


def test_cholesky():
    a = R(0).normal(size=(4, 4))
    check(function(cholesky, SQUARE, INT, hints="a n"), a @ a.T + 4 * np.eye(4), 4)
