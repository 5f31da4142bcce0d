"""Reverse mode on hand-built functions: against forward mode and against differences."""

from __future__ import annotations

import numpy as np
import pytest

from stagec.errors import Loc, StagecError
from stagec.ir.core import Apply, Undef, Value, const
from stagec.ir.interpreter import evaluate
from stagec.ir.types import FLOAT, INT, ArrayType, ListType
from stagec.ir.verifier import verify
from stagec.ir.walk import statements
from stagec.ops.arithmetic import Handle
from stagec.ops.broadcast import sum_
from stagec.ops.cast import real
from stagec.ops.effects import print_
from stagec.ops.exponential import sqrt
from stagec.ops.indexing import accumulate_at, read_at, update_at
from stagec.ops.list_arrays import list_stack
from stagec.ops.lists import list_add, list_append, list_get, list_length, list_new
from stagec.ops.trigonometric import sin
from stagec.transforms.reverse import joined, reverse
from tests.transforms.building import (
    F64,
    MATRIX,
    SCALAR,
    SQUARE,
    VECTOR,
    N,
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

        return loop(a, 0, 3, [b], lambda i, b: loop(a, 0, 2, [b], lambda j, b: inner(i, j, b)))

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


def test_branch_on_data():
    def build(x, y):
        return branch(x > y, lambda: (x * y * x, x), lambda: (sin(y), np.float64(2.0)))

    for x in (0.3, 0.9):
        check(function(build, SCALAR, SCALAR, hints="x y"), np.float64(x), np.float64(0.6))


def test_branch_with_arrays():
    def build(a, x):
        return branch(
            x > 0.0,
            lambda: update_at(a, read_at(a, at(0)) * x, at(1)),
            lambda: accumulate_at(a, read_at(a, at(2)) * read_at(a, at(2)), at(1)),
        )

    for x in (0.3, -0.9):
        check(function(build, VECTOR, FLOAT, hints="a x"), R(0).normal(size=4), x)


def test_branch_in_loop():
    def body(i, a, s):
        u = read_at(a, at(...), i)

        def then():
            v = sin(u) * s
            w = v * v
            return update_at(a, w * u, at(...), i), s + w * v

        return branch(u > 0.0, then, lambda: (accumulate_at(a, s, at(...), i), s * u))

    def build(a, s):
        return loop(a, 0, 6, [a, s], body)

    a = R(3).normal(size=6)
    assert (a > 0).any()
    assert (a < 0).any()
    check(function(build, VECTOR, SCALAR, hints="a s"), a, np.float64(0.3))


def test_loops_in_branches_in_loops():
    def body(i, a):
        def then():
            return loop(
                a,
                0,
                i,
                [a],
                lambda j, a: update_at(
                    a,
                    read_at(a, at(...), i) - read_at(a, at(...), j) * read_at(a, at(...), i),
                    at(...),
                    i,
                ),
            )

        return branch(read_at(a, at(...), i) > 0.0, then, lambda: a)

    a = R(4).normal(size=6)
    check(function(lambda a: loop(a, 0, 6, [a], body), VECTOR, hints="a"), a)


def test_swapped_carries():
    def body(i, x, y, a, b):
        a = update_at(a, x * read_at(b, at(...), i), at(...), i)
        return y, x * y, b, a

    def build(x, y, a, b):
        return loop(a, 0, 5, [x, y, a, b], body)

    rng = R(5)
    check(
        function(build, SCALAR, SCALAR, VECTOR, VECTOR, hints="x y a b"),
        np.float64(0.8),
        np.float64(1.3),
        rng.normal(size=5),
        rng.normal(size=5),
    )


def test_while():
    def build(x, a):
        return while_loop(
            a,
            [x, a],
            lambda x, a: x < 5.0,
            lambda x, a: (x * 1.3 + read_at(a, at(0)), a * sin(x)),
        )

    check(
        function(build, SCALAR, VECTOR, hints="x a"),
        np.float64(1.0),
        np.abs(R(0).normal(size=3)),
    )


def test_until():
    def build(x, a):
        def body(i, x, a):
            y = x * read_at(a, at(...), i)
            return y, update_at(a, y, at(...), i), y > 3.0

        return loop(a, 0, 10, [x, a], body, until=True)

    def backwards(x, a):
        def body(i, x, a):
            y = x * read_at(a, at(...), i) * 1.0
            return y, update_at(a, y, at(...), i), y > 3.0

        return loop(a, 1, 10, [x, a], body, step=2, until=True, reverse=True)

    a = 1.0 + np.abs(R(0).normal(size=10))
    for make in (build, backwards):
        check(function(make, SCALAR, VECTOR, hints="x a"), np.float64(0.7), a)


def test_python_numbers_stay_python_numbers():
    def build(x, n):
        return loop(x, 0, n, [x, 1.0], lambda i, s, t: (s * t + i, t * 0.5 + s))

    check(function(build, FLOAT, INT, hints="x n"), 0.3, 4)


def test_python_number_meets_numpy_in_loop():
    def build(x, a):
        return loop(
            x,
            0,
            3,
            [a, x],
            lambda i, a, s: (update_at(a, read_at(a, at(...), i) * s * x, at(...), i), s * 0.5),
        )

    check(function(build, FLOAT, VECTOR, hints="x a"), 0.3, R(0).normal(size=3))


def test_carry_whose_shape_varies():
    def build(a):
        return loop(
            a,
            0,
            3,
            [a],
            lambda i, a: read_at(a, at(slice(1, None, None))) * read_at(a, at(0)),
            types=[ArrayType(F64, (None,))],
        )

    check(function(build, VECTOR, hints="a"), R(0).normal(size=5))


def test_overwritten_in_every_trip():
    def build(a, t):
        def body(i, t, s):
            t = a * read_at(a, at(...), i)
            return t, s + read_at(t, at(0))

        return loop(a, 0, 3, [t, np.float64(0.0)], body)

    rng = R(1)
    check(function(build, VECTOR, VECTOR, hints="a t"), rng.normal(size=3), rng.normal(size=3))


def test_complex_numbers():
    z = ArrayType(np.dtype(np.complex128), (N,))

    def build(z, x):
        def body(i, z, x):
            z = update_at(z, read_at(z, at(...), i) * read_at(z, at(...), i - 1), at(...), i)
            return z, x * real(read_at(z, at(...), i))

        return loop(z, 1, 4, [z, x], body)

    rng = R(2)
    check(
        function(build, z, SCALAR, hints="z x"),
        rng.normal(size=4) + 1j * rng.normal(size=4),
        np.float64(0.4),
    )


def test_lists():
    def build(a):
        xs = list_new(read_at(a, at(0)), element=SCALAR)

        def grow(i, xs):
            last = list_get(xs, list_length(xs) - 1)
            return list_append(xs, last * read_at(a, at(...), i))

        xs = loop(a, 0, 4, [xs], grow)
        total = loop(
            a, 0, 3, [np.float64(0.0)], lambda i, s: s + list_get(xs, i) * list_get(xs, i + 1)
        )
        return total, list_stack(xs)

    check(function(build, VECTOR, hints="a"), R(0).normal(size=4))


def test_carry_that_is_not_set_before_the_loop():
    def build(a, n):
        last = Handle(a.builder, Undef(SCALAR))

        def body(i, s, last):
            last = read_at(a, at(...), i) * s
            return s + last, last

        s, last = loop(a, 0, n, [np.float64(1.0), last], body)
        return s * last

    check(function(build, VECTOR, INT, hints="a n"), R(0).normal(size=3), 3)


def test_branch_result_that_is_not_set_on_one_side():
    def build(x):
        y = branch(x > 0.0, lambda: x * x, lambda: Handle(x.builder, Undef(SCALAR)))
        return branch(x > 0.0, lambda: y * x, lambda: x * 3.0)

    fn = function(build, SCALAR, hints="x")
    check(fn, np.float64(0.7))
    check(fn, np.float64(-0.7))


def test_cell():
    """A 0-d array is written to in place."""
    cell = ArrayType(F64, ())

    def build(c, x):
        c = update_at(c, read_at(c, at()) * x, ())
        return loop(x, 0, 3, [c], lambda i, c: accumulate_at(c, read_at(c, at()) * x, ()))

    check(function(build, cell, SCALAR, hints="c x"), np.array(0.7), np.float64(1.1))


def test_single_precision():
    single = ArrayType(np.dtype(np.float32), (N,))

    def build(a):
        def body(i, a):
            return update_at(a, sin(read_at(a, at(...), i)) * 2.0, at(...), i)

        return loop(a, 0, 3, [a], body)

    fn = function(build, single, hints="a")
    pullback = joined(reverse(fn, [0], [0]))
    verify(pullback)
    a = np.arange(3, dtype=np.float32)
    bar = evaluate(pullback, a, np.ones_like(a))[1]
    assert bar.dtype == np.float32
    np.testing.assert_allclose(bar, 2 * np.cos(np.arange(3)), rtol=1e-6)


def test_list_of_arrays_used_twice():
    def build(a):
        xs = list_new(a * 2.0, element=VECTOR)
        xs = loop(a, 0, 2, [xs], lambda i, xs: list_append(xs, list_get(xs, i) * a))
        first = list_stack(xs)
        return first * first, list_get(xs, 1) * list_get(xs, 2)

    check(function(build, VECTOR, hints="a"), R(0).normal(size=3))


def test_list_parameter():
    def build(xs, a):
        def body(i, xs):
            return list_append(list_add(xs, i, a), list_get(xs, i) * list_get(xs, i))

        return loop(a, 0, 2, [xs], body)

    rng = R(1)
    check(
        function(build, ListType(VECTOR), VECTOR, hints="xs a"),
        [rng.normal(size=3), rng.normal(size=3)],
        rng.normal(size=3),
        order=1,
    )


def test_random_draws_and_checks_are_not_repeated():
    """The backward pass of a loop computes nothing again that has an effect."""

    def build(a):
        def body(i, s):
            print_(i, sep=" ", end="\n")
            return s + read_at(a, at(...), i) * s

        return loop(a, 0, 3, [np.float64(1.0)], body)

    fn = function(build, VECTOR, hints="a")
    backward = reverse(fn, [0], [0]).backward
    assert not any(isinstance(s, Apply) and s.op is print_ for s in statements(backward.body))


def test_integer_parameter_is_refused():
    fn = function(lambda x, n: x * n, FLOAT, INT, hints="x n")
    with pytest.raises(StagecError, match="n of type int has no derivative"):
        reverse(fn, [1], [0])
    with pytest.raises(StagecError, match="has no derivative"):
        reverse(function(lambda x, n: n, FLOAT, INT), [0], [0])


def test_unused_parameter_has_zero_cotangent():
    fn = function(lambda a, b, x: a * a, VECTOR, MATRIX, FLOAT, hints="a b x")
    pullback = joined(reverse(fn, [0, 1, 2], [0]))
    out = evaluate(pullback, np.ones(2), np.ones((2, 3)), 0.5, np.ones(2))
    np.testing.assert_array_equal(out[2], np.zeros((2, 3)))
    assert out[3] == 0.0
    assert type(out[3]) is float


def test_locations_and_names_of_backward_statements():
    loc = Loc("program.py", 3)

    def build(weight, x):
        weight.builder.loc = loc
        return weight * x + weight * weight

    pullback = reverse(function(build, SCALAR, SCALAR, hints="weight x"), [0, 1], [0])
    assert {s.loc for s in statements(pullback.backward.body)} == {loc}
    hints = [r.hint for r in pullback.backward.results if isinstance(r, Value)]
    assert hints == ["weight_bar", "x_bar"]
    assert pullback.backward.fresh == (True, True)
    assert pullback.forward.mutated == pullback.backward.mutated == ()


def test_a_row_set_to_zero_is_written_by_its_first_term():
    """The adjoint of a row that depends on itself is neither zeroed nor added to."""

    def body(i, a):
        row = read_at(a, at(...), i)
        return update_at(a, sin(row) * row, at(...), i)

    def build(a):
        return loop(a, 0, 4, [a], body)

    fn = function(build, MATRIX, hints="a")
    check(fn, R(0).normal(size=(4, 3)))
    found = statements(joined(reverse(fn, [0], [0])).body)
    written = [s.args[1] for s in found if isinstance(s, Apply) and s.op.name == "update"]
    assert len(written) == 2
    assert const(0) not in written


def test_cotangent_of_what_is_done_is_added_to_in_place():
    """The cotangent of `x - sum(x)` is the first term of that of `x`, and of nothing else."""

    def build(x):
        return sum_(sin(x - sum_(x, axes=(0,))), axes=(0,))

    fn = function(build, VECTOR, hints="x")
    check(fn, R(0).normal(size=4))
    backward = reverse(fn, [0], [0]).backward
    names = [s.op.name for s in statements(backward.body) if isinstance(s, Apply)]
    assert names.count("accumulate") == 1
    assert "add" not in names


def test_seed_is_not_added_to_in_place():
    def build(x):
        return x - sum_(x, axes=(0,))

    backward = reverse(function(build, VECTOR, hints="x"), [0], [0]).backward
    names = [s.op.name for s in statements(backward.body) if isinstance(s, Apply)]
    assert "accumulate" not in names


def test_tapes_are_called_after_what_is_on_them():
    def body(i, a):
        return sin(a) * a

    def build(a):
        return loop(a, 0, 4, [a], lambda i, b: loop(b, 0, 3, [b], body))

    forward = reverse(function(build, SCALAR, hints="a"), [0], [0]).forward
    made = [s for s in statements(forward.body) if isinstance(s, Apply) and s.op is list_new]
    assert {s.outs[0].hint for s in made} >= {"tape", "tapes"}
    assert not any("tape_tape" in s.outs[0].hint for s in made)
