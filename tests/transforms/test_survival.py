"""Values that are read from the last version of an array, and those that must not be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import stagec
from stagec.ir.build import Builder
from stagec.ir.core import Block, If, Op, Value
from stagec.ir.types import INT, Dim, Symbol, affine, size
from stagec.ops.broadcast import sum_
from stagec.ops.comparison import equal, greater, less, less_equal
from stagec.ops.exponential import sqrt
from stagec.ops.indexing import accumulate_at, read_at, update_at
from stagec.ops.trigonometric import sin
from stagec.transforms.affine import Facts, Integers
from tests.transforms.building import (
    SCALAR,
    SQUARE,
    VECTOR,
    at,
    branch,
    check,
    function,
    loop,
)
from tests.transforms.test_reverse import cholesky
from tests.transforms.test_tapes import has_tape

R = np.random.default_rng
ELEMENT = at(..., ...)


def test_cholesky_has_no_tape():
    fn = function(cholesky, SQUARE, INT, hints="a n")
    assert not has_tape(fn)


def test_cholesky_by_elements_has_no_tape():
    def build(a, n):
        def row(i, a):
            def column(j, a):
                def element(k, a):
                    t = read_at(a, ELEMENT, i, k) * read_at(a, ELEMENT, j, k)
                    return accumulate_at(a, -t, ELEMENT, i, j)

                a = loop(a, 0, j, [a], element)
                t = read_at(a, ELEMENT, i, j) / read_at(a, ELEMENT, j, j)
                return update_at(a, t, ELEMENT, i, j)

            def square(k, a):
                t = read_at(a, ELEMENT, i, k)
                return accumulate_at(a, -(t * t), ELEMENT, i, i)

            a = loop(a, 0, i, [a], column)
            a = loop(a, 0, i, [a], square)
            return update_at(a, sqrt(read_at(a, ELEMENT, i, i)), ELEMENT, i, i)

        return loop(a, 0, n, [a], row)

    fn = function(build, SQUARE, INT, hints="a n")
    a = R(0).normal(size=(4, 4))
    check(fn, a @ a.T + 4 * np.eye(4), 4)
    assert not has_tape(fn)


def test_elimination_has_no_tape():
    def build(a, n):
        def column(k, a):
            def row(i, a):
                new = read_at(a, ELEMENT, i, k) / read_at(a, ELEMENT, k, k)
                a = update_at(a, new, ELEMENT, i, k)

                def element(j, a):
                    t = read_at(a, ELEMENT, i, k) * read_at(a, ELEMENT, k, j)
                    return accumulate_at(a, -t, ELEMENT, i, j)

                return loop(a, k + 1, n, [a], element)

            return loop(a, k + 1, n, [a], row)

        return loop(a, 0, n, [a], column)

    fn = function(build, SQUARE, INT, hints="a n")
    check(fn, R(0).normal(size=(4, 4)) + 4 * np.eye(4), 4)
    assert not has_tape(fn)


def test_triangular_solve_has_no_tape():
    def build(x, a, n):
        def body(i, x):
            row = read_at(a, at(..., slice(None, ...)), i, i)
            s = sum_(row * read_at(x, at(slice(None, ...)), i), axes=(0,))
            new = (read_at(x, at(...), i) - s) / read_at(a, ELEMENT, i, i)
            return update_at(x, new, at(...), i)

        return loop(x, 0, n, [x], body)

    fn = function(build, VECTOR, SQUARE, INT, hints="x a n")
    check(fn, R(0).normal(size=4), R(1).normal(size=(4, 4)) + 4 * np.eye(4), 4)


def test_index_that_counts_from_the_end_is_no_proof():
    """`a[i - 1]` is the last element first, which is written to in the last trip."""

    def build(a):
        def body(i, a, s):
            t = read_at(a, at(...), i - 1)
            return update_at(a, sin(read_at(a, at(...), i)), at(...), i), s + t * t * t

        return loop(a, 0, 5, [a, np.float64(0.0)], body)

    check(function(build, VECTOR, hints="a"), R(0).normal(size=5))


def test_element_that_is_written_later_does_not_survive():
    def build(a):
        def body(i, a, s):
            t = read_at(a, at(...), i + 1)
            return update_at(a, sin(read_at(a, at(...), i)), at(...), i), s + t * t * t

        return loop(a, 0, 4, [a, np.float64(0.0)], body)

    def downwards(a):
        def body(i, a, s):
            t = read_at(a, at(...), i - 1)
            return update_at(a, sin(read_at(a, at(...), i)), at(...), i), s + t * t * t

        return loop(a, 1, 5, [a, np.float64(0.0)], body, reverse=True)

    check(function(build, VECTOR, hints="a"), R(0).normal(size=5))
    check(function(downwards, VECTOR, hints="a"), R(0).normal(size=5))


def test_stored_value_is_read_back():
    def build(x, y):
        def body(i, y):
            return update_at(y, sin(read_at(x, at(...), i)) ** 2.0, at(...), i)

        return loop(x, 0, 4, [y], body)

    fn = function(build, VECTOR, VECTOR, hints="x y")
    check(fn, R(0).normal(size=4), R(1).normal(size=4))


def test_loop_around_another_loop_writes_again():
    """Time steps overwrite what one step leaves."""

    def build(a, steps):
        def element(i, a):
            t = read_at(a, at(...), i - 1) * read_at(a, at(...), i)
            return update_at(a, t, at(...), i)

        return loop(a, 0, steps, [a], lambda t, a: loop(a, 1, 5, [a], element))

    check(function(build, VECTOR, INT, hints="a steps"), R(0).normal(size=5), 3)


def test_branch_inside_loop():
    def build(a, x):
        def body(i, a):
            t = read_at(a, at(...), i - 1)
            return branch(
                t > 0.0,
                lambda: update_at(a, t * read_at(a, at(...), i) * x, at(...), i),
                lambda: a,
            )

        return loop(a, 1, 5, [a], body)

    fn = function(build, VECTOR, SCALAR, hints="a x")
    check(fn, np.abs(R(0).normal(size=5)), np.float64(0.8))
    check(fn, R(0).normal(size=5), np.float64(-0.8))


def test_bounds_prove_affine_facts():
    n, i = size(Symbol("n")), size(Symbol("i", index=True))
    facts = Facts()
    assert not facts.natural(i)
    facts.at_least(Symbol("i", index=True), 2)
    facts.at_most(Symbol("i", index=True), affine((n, 1), const=-1))
    assert facts.positive(affine((n, 1), (i, -1)))
    assert not facts.positive(affine((n, 1), (i, -1), const=-1))
    assert facts.natural(affine((i, 1), const=-2))
    assert not facts.natural(affine((i, 1), const=-3))
    assert facts.natural(n)


def test_array_that_an_inner_loop_only_reads():
    def build(a, q, n):
        def column(k, a, q):
            new = sin(read_at(a, at(slice(None), ...), k))
            q = update_at(q, new, at(slice(None), ...), k)

            def apply(j, s):
                return s + read_at(q, ELEMENT, j, k) ** 3.0

            s = loop(a, 0, n, [np.float64(0.0)], apply)
            return accumulate_at(a, s, ELEMENT, 0, 0), q

        return loop(a, 0, n, [a, q], column)

    fn = function(build, SQUARE, SQUARE, INT, hints="a q n")
    check(fn, R(0).normal(size=(3, 3)), R(1).normal(size=(3, 3)), 3)


def test_cholesky_with_the_diagonal_in_a_branch_has_no_tape():
    def build(a, n):
        def row(i, a):
            def column(j, a):
                def element(k, a):
                    t = read_at(a, ELEMENT, i, k) * read_at(a, ELEMENT, j, k)
                    return accumulate_at(a, -t, ELEMENT, i, j)

                def diagonal():
                    return update_at(a, sqrt(read_at(a, ELEMENT, i, i)), ELEMENT, i, i)

                def below():
                    t = read_at(a, ELEMENT, i, j) / read_at(a, ELEMENT, j, j)
                    return update_at(a, t, ELEMENT, i, j)

                a = loop(a, 0, j, [a], element)
                return branch(equal(i, j), diagonal, below)

            return loop(a, 0, i + 1, [a], column)

        return loop(a, 0, n, [a], row)

    fn = function(build, SQUARE, INT, hints="a n")
    a = R(0).normal(size=(4, 4))
    check(fn, a @ a.T + 4 * np.eye(4), 4)
    assert not has_tape(fn)


def test_element_that_the_other_branch_writes_later_does_not_survive():
    """What is read in one branch is written to in a later trip, by either of them."""

    def build(a, n):
        def body(i, a):
            def down():
                t = read_at(a, at(...), i + 1)
                return update_at(a, t * t, at(...), i)

            def up():
                t = read_at(a, at(...), 0)
                return update_at(a, t * t * read_at(a, at(...), i), at(...), i + 1)

            return branch(less(i, 2), down, up)

        return loop(a, 0, n, [a], body)

    check(function(build, VECTOR, INT, hints="a n"), R(0).normal(size=5), 4)


def test_what_conditions_say():
    class Trip:
        def __init__(self) -> None:
            self.i, self.j = Value(INT, "i"), Value(INT, "j")
            self.integers = Integers({})

        def facts(self, op: Op, taken: bool) -> Facts:
            builder = Builder()
            (test,) = builder.add(op, (self.i, self.j), {})
            (stmt,) = builder.stmts
            block = Block((), (), ())
            self.integers.producers = {test: stmt}  # type: ignore[dict-item]
            facts = Facts()
            facts.at_most(self.integers.symbol(self.j), self.integers.of(self.i))
            facts.branch(If(test, block, block, ()), taken, self.integers, set())
            return facts

        def more(self, a: Value, b: Value, by: int) -> Dim:
            return affine((self.integers.of(a), 1), (self.integers.of(b), -1), const=1 - by)

    t = Trip()
    assert t.facts(equal, False).positive(t.more(t.i, t.j, 1))
    assert not t.facts(equal, False).positive(t.more(t.i, t.j, 2))
    assert t.facts(equal, True).positive(t.more(t.j, t.i, 0))
    assert not t.facts(equal, True).positive(t.more(t.i, t.j, 1))
    assert not t.facts(less_equal, False).impossible()
    assert t.facts(less, False).positive(t.more(t.i, t.j, 0))
    assert t.facts(greater, True).positive(t.more(t.i, t.j, 1))
    assert t.facts(less, True).impossible()


def element_after(x: Any, m: int) -> Any:
    """For `m == -1` the element that is written to is the one that is read."""
    x = x.copy()
    total = 0.0
    for _ in range(3):
        total += np.sin(x[0])
        x[m + 1] = x[m + 1] * x[m + 1] * 1.1
    return total


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("m", [1, 0, -1, -2])
def test_integers_may_be_negative(m: int, backend: str) -> None:
    x = np.array([0.3, 0.5, 0.7])
    got = stagec.grad(element_after, backend=backend)(x, m)
    step = 1e-30
    wanted = [element_after(x + step * 1j * np.eye(3)[k], m).imag / step for k in range(len(x))]
    np.testing.assert_allclose(got, wanted, rtol=1e-13)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_length_is_another_in_each_trip(backend: str) -> None:
    """The trips read at 3, 2 and 1; the element at 3 is written to in the second one."""

    def program(x: Any) -> Any:
        x = x.copy()
        total = 0.0
        for t in range(3):
            chosen = x[x > t * 0.3] * 2
            total += np.sin(x[len(chosen)]) + np.sum(chosen)
            x[len(chosen) + 1] *= x[len(chosen) + 1]
        return total

    x = np.array([0.2, 0.5, 0.8, -0.25, -0.1, -0.2])
    got = stagec.grad(program, backend=backend)(x)
    wanted = [(program(x + h) - program(x - h)) / 2e-6 for h in 1e-6 * np.eye(len(x))]
    np.testing.assert_allclose(got, wanted, rtol=1e-8, atol=1e-9)


def stored_on_a_condition(x: Any, s: float, n: int) -> Any:
    total = 0.0
    for i in range(3):
        v = s * i / (1.0 + np.abs(s))
        if n > i:
            x[i] = v
        total += np.sqrt(1 + v * v * v)
    return total + x.sum()


def stored_in_a_loop(x: Any, s: float, n: int) -> Any:
    total = 0.0
    if s > 0:
        v = np.sin(s)
        for i in range(n):
            if i == 1:
                x[i] = v
        total = v * v * v + np.exp(v)
    return total + x.sum()


def stored_by_a_branch_in_a_branch(x: Any, s: float, n: int) -> Any:
    total = 0.0
    if s > 0:
        v = np.sin(s)
        if n > 1:
            x[0] = v
        total = v * v * v + np.exp(v)
    return total + x.sum()


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("n", [2, 0])
@pytest.mark.parametrize(
    "program", [stored_on_a_condition, stored_in_a_loop, stored_by_a_branch_in_a_branch]
)
def test_value_is_needed_where_it_is_not_stored(program: Any, n: int, backend: str) -> None:
    def at_point(s: float) -> Any:
        return program(np.arange(3.0) + 5, s, n)

    found = stagec.grad(program, argnums=1, backend=backend)(np.arange(3.0) + 5, 0.4, n)
    assert found == pytest.approx(
        (at_point(0.4 + 1e-6) - at_point(0.4 - 1e-6)) / 2e-6, rel=1e-6
    )
