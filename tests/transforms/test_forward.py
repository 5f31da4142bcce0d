"""Forward mode on its own; `test_reverse` compares it with reverse mode and differences."""

from __future__ import annotations

import numpy as np
import pytest

from stagec.errors import StagecError
from stagec.ir.interpreter import evaluate
from stagec.ir.types import FLOAT, INT, ArrayType
from stagec.ir.verifier import verify
from stagec.ops.indexing import read_at, update_at
from stagec.transforms.forward import forward
from tests.transforms.building import SCALAR, VECTOR, at, branch, function, loop


def test_results_then_tangents_of_inexact_results():
    fn = function(lambda x, n, y: (x * y, n, y, y > x), FLOAT, INT, FLOAT, hints="x n y")
    tangent = forward(fn, [0])
    verify(tangent)
    assert evaluate(tangent, 2.0, 3, 5.0, 1.0) == (10.0, 3, 5.0, True, 5.0, 0.0)
    assert [p.hint for p in tangent.params] == ["x", "n", "y", "x_dot"]


def test_inactive_results_have_zero_tangents():
    fn = function(lambda a, x: (a, x * x), VECTOR, SCALAR, hints="a x")
    tangent = forward(fn, [1])
    verify(tangent)
    out = evaluate(tangent, np.ones(3), np.float64(3.0), np.float64(1.0))
    np.testing.assert_array_equal(out[2], np.zeros(3))
    assert out[3] == 6.0
    assert tangent.fresh == (False, False, True, True)


def test_tangent_of_a_carry_that_starts_constant():
    def build(x, n):
        return loop(x, 0, n, [np.float64(1.0)], lambda i, s: s * x)

    fn = function(build, SCALAR, INT, hints="x n")
    tangent = forward(fn, [0])
    verify(tangent)
    assert evaluate(tangent, np.float64(2.0), 3, np.float64(1.0)) == (8.0, 12.0)
    assert evaluate(tangent, np.float64(2.0), 0, np.float64(1.0)) == (1.0, 0.0)


def test_branch_with_constant_side():
    def build(x):
        return branch(x > 0.0, lambda: x * x, lambda: np.float64(7.0))

    tangent = forward(function(build, SCALAR, hints="x"), [0])
    verify(tangent)
    assert evaluate(tangent, np.float64(3.0), np.float64(1.0)) == (9.0, 6.0)
    assert evaluate(tangent, np.float64(-3.0), np.float64(1.0)) == (7.0, 0.0)


def test_single_precision_stays():
    single = ArrayType(np.dtype(np.float32), (None,))
    fn = function(lambda a: update_at(a * 2.0, read_at(a, at(0)), at(1)), single, hints="a")
    tangent = forward(fn, [0])
    verify(tangent)
    a = np.arange(3, dtype=np.float32)
    out = evaluate(tangent, a, np.ones_like(a))
    assert out[1].dtype == np.float32
    np.testing.assert_array_equal(out[1], [2.0, 1.0, 2.0])


def test_integer_parameter_is_refused():
    fn = function(lambda x, n: x * n, FLOAT, INT, hints="x n")
    with pytest.raises(StagecError, match="n of type int has no derivative"):
        forward(fn, [1])
