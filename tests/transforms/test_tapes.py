"""What reverse mode keeps: the cheapest way to have each forward value."""

from __future__ import annotations

from typing import Any

import numpy as np

from stagec.ir.core import Apply, Block, Cost, For
from stagec.ir.function import Function
from stagec.ir.interpreter import evaluate
from stagec.ir.types import INT, ArrayType, ListType
from stagec.ir.walk import statements
from stagec.ops.arithmetic import negative
from stagec.ops.broadcast import sum_
from stagec.ops.copying import copy
from stagec.ops.exponential import exp
from stagec.ops.indexing import accumulate_at, read_at, update_at
from stagec.ops.lists import list_append
from stagec.ops.trigonometric import cos, sin
from stagec.transforms.reverse import reverse
from tests.transforms.building import MATRIX, SQUARE, VECTOR, at, check, function, loop

R = np.random.default_rng


def tape_size(fn: Function, *args: Any) -> int:
    """The number of elements on all tapes of the pullback."""
    pullback = reverse(fn, [0], [0])
    values = evaluate(pullback.forward, *args)
    lists = [v for v in values[len(fn.results) :] if isinstance(v, list)]
    return sum(map(_elements, lists))


def _elements(x: Any) -> int:
    return sum(map(_elements, x)) if isinstance(x, list) else np.size(x)


def has_tape(fn: Function) -> bool:
    """Whether the forward pass of the pullback stores anything in a list."""
    forward = reverse(fn, [0], [0]).forward
    return any(isinstance(s, Apply) and s.op is list_append for s in statements(forward.body))


def backward_loops(fn: Function) -> list[Block]:
    """The bodies of all backward loops."""
    backward = reverse(fn, [0], [0]).backward
    return [s.body for s in statements(backward.body) if isinstance(s, For)]


def full_size_work(block: Block, rank: int) -> list[Apply]:
    """Ops of the body that make or copy an array of the rank, and do not just write to it."""
    return [
        s
        for s in block.stmts
        if isinstance(s, Apply)
        and s.op.overwrites is None
        and s.op.cost is not Cost.FREE
        and isinstance(s.out.type, ArrayType)
        and s.out.type.rank >= rank
    ]


def seidel(a, steps, n):
    """Gauss-Seidel sweeps of a five-point stencil, element by element."""

    def element(i, j, a):
        total = read_at(a, at(..., ...), i - 1, j) + read_at(a, at(..., ...), i, j - 1)
        total = total + read_at(a, at(..., ...), i, j) + read_at(a, at(..., ...), i, j + 1)
        total = total + read_at(a, at(..., ...), i + 1, j)
        return update_at(a, total / 5.0, at(..., ...), i, j)

    def row(i, a):
        return loop(a, 1, n - 1, [a], lambda j, a: element(i, j, a))

    return loop(a, 0, steps, [a], lambda t, a: loop(a, 1, n - 1, [a], row))


def test_seidel_has_no_tape():
    fn = function(seidel, SQUARE, INT, INT, hints="a steps n")
    check(fn, R(0).normal(size=(5, 5)), 2, 5)
    assert not has_tape(fn)
    assert len(backward_loops(fn)) == 3
    assert not any(full_size_work(b, 1) for b in backward_loops(fn))


def test_jacobi_has_no_tape():
    def build(a, b, steps):
        inner = at(slice(1, -1, None))

        def relax(a, b):
            left = read_at(a, at(slice(None, -2, None)))
            right = read_at(a, at(slice(2, None, None)))
            return update_at(b, 0.5 * (left + right), inner)

        def step(t, a, b):
            b = relax(a, b)
            return relax(b, a), b

        return loop(a, 0, steps, [a, b], step)[0]

    fn = function(build, VECTOR, VECTOR, INT, hints="a b steps")
    check(fn, R(0).normal(size=6), R(1).normal(size=6), 3)
    assert not has_tape(fn)


def test_slices_that_are_overwritten_later_are_rebuilt():
    """The tape has one number for each element that is overwritten, not a slice."""

    def build(x, steps, n):
        def body(i, x):
            known = read_at(x, at(slice(None, ...)), i)
            s = sum_(known * known, axes=(0,))
            return update_at(x, 0.3 * s + sin(read_at(x, at(...), i)), at(...), i)

        return loop(x, 0, steps, [x], lambda t, x: loop(x, 0, n, [x], body))

    fn = function(build, VECTOR, INT, INT, hints="x steps n")
    check(fn, R(0).normal(size=4), 3, 4)
    assert tape_size(fn, R(0).normal(size=20), 3, 20) == 3 * 20
    for body in backward_loops(fn):
        assert not [w for w in full_size_work(body, 1) if w.out.type == VECTOR]


def test_invariants_and_indices_are_not_stored():
    def build(x, a, n):
        def body(i, s):
            k = n - 1 - i
            return s + read_at(a, at(...), k) * read_at(x, at(...), k) * read_at(x, at(...), i)

        return loop(x, 0, n, [np.float64(0.0)], body)

    fn = function(build, VECTOR, VECTOR, INT, hints="x a n")
    check(fn, R(0).normal(size=4), R(1).normal(size=4), 4)
    assert not has_tape(fn)


def test_reads_of_slices_are_rebuilt_from_single_elements():
    """Forward substitution: the tape has one number a row, not a row."""

    def build(x, a, n):
        def body(i, x):
            row = read_at(a, at(..., slice(None, ...)), i, i)
            known = read_at(x, at(slice(None, ...)), i)
            s = sum_(row * known, axes=(0,))
            return update_at(x, (read_at(x, at(...), i) - s) / 2.0, at(...), i)

        return loop(x, 0, n, [x], body)

    fn = function(build, VECTOR, SQUARE, INT, hints="x a n")
    check(fn, R(0).normal(size=5), R(1).normal(size=(5, 5)), 5)
    assert tape_size(fn, R(0).normal(size=9), R(1).normal(size=(9, 9)), 9) <= 9


def test_nonlinear_update_stores_one_number_a_trip():
    def build(a, n):
        def body(i, a):
            u = read_at(a, at(...), i)
            return update_at(a, u * u, at(...), i)

        return loop(a, 0, n, [a], body)

    fn = function(build, VECTOR, INT, hints="a n")
    assert tape_size(fn, R(0).normal(size=7), 7) == 7


def test_cheap_values_are_computed_again():
    def build(a, n):
        def body(i, s):
            u = read_at(a, at(...), i)
            v = u * u + 1.0
            w = v * u
            return s + w * v

        return loop(a, 0, n, [np.float64(0.0)], body)

    fn = function(build, VECTOR, INT, hints="a n")
    check(fn, R(0).normal(size=4), 4)
    assert not has_tape(fn)


def test_of_a_copy_the_backward_pass_reads_what_was_copied():
    def build(a, n):
        def body(i, s):
            return s * copy(a)

        return loop(a, 0, n, [a * a], body)

    fn = function(build, VECTOR, INT, hints="a n")
    check(fn, R(0).normal(size=4), 3)
    backward = reverse(fn, [0], [0]).backward
    assert not any(isinstance(s, Apply) and s.op is copy for s in statements(backward.body))


def test_of_a_logistic_function_the_exponential_alone_is_stored():
    """One over one and the exponential: the sum is needed itself and computed anyway."""

    def build(x):
        def body(_, x):
            return x * (1.0 / (exp(negative(x)) + 1.0))

        return loop(x, 0, 3, [x], body)

    fn = function(build, VECTOR, hints="x")
    check(fn, R(0).normal(size=4))
    assert tape_size(fn, R(0).normal(size=4)) == 2 * 3 * 4


def test_scatter_into_rows_has_no_full_size_work():
    def build(a, n):
        def body(i, a):
            u = read_at(a, at(...), i)
            return accumulate_at(a, u * 0.5, at(...), i + 1)

        return loop(a, 0, n, [a], body)

    fn = function(build, MATRIX, INT, hints="a n")
    check(fn, R(0).normal(size=(4, 3)), 3)
    assert not has_tape(fn)
    assert not any(full_size_work(b, 2) for b in backward_loops(fn))


def test_nested_tapes_are_lists_of_lists():
    def build(a, n):
        def body(i, s):
            return loop(a, 0, i, [s], lambda j, s: s * read_at(a, at(...), j) * s)

        return loop(a, 0, n, [np.float64(1.0)], body)

    fn = function(build, VECTOR, INT, hints="a n")
    check(fn, R(0).normal(size=4), 4)
    residuals = reverse(fn, [0], [0]).backward.params
    types = [p.type for p in residuals if isinstance(p.type, ListType)]
    assert any(isinstance(t.element, ListType) for t in types)


def test_what_the_forward_loop_computes_is_not_computed_again():
    def build(x):
        def body(_, x):
            return x * cos(x) + sin(x)

        return loop(x, 0, 5, [x], body)

    fn = function(build, VECTOR, hints="x")
    check(fn, R(0).normal(size=5))
    for block in backward_loops(fn):
        assert not [s for s in block.stmts if isinstance(s, Apply) and s.op in (sin, cos)]
