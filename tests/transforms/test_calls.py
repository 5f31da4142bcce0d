"""Residual functions: adjoints of calls, recursion included."""

from __future__ import annotations

import numpy as np
import pytest

from stagec.errors import StagecError
from stagec.ir.build import Builder, params
from stagec.ir.core import Call, operand_of
from stagec.ir.function import Function
from stagec.ir.types import FLOAT, INT
from stagec.ops.arithmetic import Handle
from stagec.ops.effects import print_
from stagec.ops.indexing import read_at, update_at
from stagec.ops.trigonometric import sin
from stagec.transforms.reverse import reverse
from tests.transforms.building import SCALAR, VECTOR, at, branch, check


def call(name, result, *args):
    """`name(*args)`, of the given result type."""
    builder = args[0].builder
    (out,) = params(result)
    builder.append(Call(name, tuple(operand_of(a) for a in args), (out,)))
    return Handle(builder, out)


def residual(name, build, *types):
    """A residual function."""
    values = params(*types)
    builder = Builder()
    result = build(*(Handle(builder, v) for v in values))
    return Function(name, builder.block(values, [operand_of(result)]))


def power(x, n):
    """`x * sin(power(x, n - 1)) if n > 0 else x`."""
    return branch(n > 0, lambda: x * sin(call("power", SCALAR, x, n - 1)), lambda: x * 1.0)


def build_function(build, functions, *types, hints=""):
    """As `function`, for a body with calls."""
    values = params(*types, hints=hints.split())
    builder = Builder()
    result = build(*(Handle(builder, v) for v in values))
    body = builder.block(values, [operand_of(result)])
    return Function("f", body, functions=tuple(functions))


def test_call():
    square = residual("square", lambda x, y: x * x * y, SCALAR, FLOAT)
    fn = build_function(
        lambda x, y: call("square", SCALAR, x, y) * x, [square], SCALAR, FLOAT, hints="x y"
    )
    check(fn, np.float64(0.7), 1.3)


def test_recursion():
    fn = build_function(
        lambda x, n: call("power", SCALAR, x, n),
        [residual("power", power, SCALAR, INT)],
        SCALAR,
        INT,
        hints="x n",
    )
    for n in (0, 1, 4):
        check(fn, np.float64(0.7), n, order=1)
    check(fn, np.float64(0.7), 3)


def test_call_with_arrays():
    def double(a, x):
        return update_at(a, read_at(a, at(0)) * x, at(1))

    fn = build_function(
        lambda a, x: call("double", VECTOR, a, x) * call("double", VECTOR, a, x * x),
        [residual("double", double, VECTOR, SCALAR)],
        VECTOR,
        SCALAR,
        hints="a x",
    )
    check(fn, np.random.default_rng(0).normal(size=3), np.float64(0.4))


def test_effects_are_not_repeated():
    def noisy(x):
        print_(x, sep=" ", end="\n")
        return x * x

    fn = build_function(
        lambda x: call("noisy", SCALAR, x), [residual("noisy", noisy, SCALAR)], SCALAR
    )
    with pytest.raises(StagecError, match="would happen twice"):
        reverse(fn, [0], [0])
