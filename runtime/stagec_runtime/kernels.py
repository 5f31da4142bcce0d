"""Support code of compiled kernels, and their elementary functions; needs Numba.

Each helper is a Python function, for kernels that Numba cannot compile, and has a compiled
form of the same meaning.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload, register_jitable

from stagec_runtime import shapes
from stagec_runtime.division import modulus as modulus, quotient as quotient
from stagec_runtime.elementary.functions import (
    arccos as arccos,
    arccosh as arccosh,
    arcsin as arcsin,
    arcsinh as arcsinh,
    arctan as arctan,
    arctan2 as arctan2,
    arctanh as arctanh,
    cbrt as cbrt,
    cos as cos,
    cosh as cosh,
    erf as erf,
    exp as exp,
    exp2 as exp2,
    expm1 as expm1,
    log as log,
    log1p as log1p,
    log2 as log2,
    log10 as log10,
    logaddexp as logaddexp,
    logaddexp2 as logaddexp2,
    pow as pow,
    sin as sin,
    sinc as sinc,
    sinh as sinh,
    tan as tan,
    tanh as tanh,
)
from stagec_runtime.trips import trips as trips

WORD = 2.0**63
BIT = 2**62

agree = register_jitable(shapes.agree)


def whole(exact: Any, rough: float) -> Any:
    """The integer `exact`, which is about `rough`.

    In compiled code raises OverflowError if a machine word does not hold it, and ValueError if
    there is none, `rough` being NaN.
    """
    return exact


def inside(index: Any, length: int) -> Any:
    """The place of an element of so many, counted from the front; raises IndexError."""
    if not -length <= index < length:
        raise IndexError(f"index {index} is out of bounds for size {length}")
    return index + length if index < 0 else index


def natural(index: Any) -> Any:
    """The index, which is surely not negative: then it is not one from the end of an axis."""
    return index


def before(index: Any, count: Any) -> Any:
    """`index - count`, where neither these nor the difference are negative."""
    return index - count


def divide(x: Any, y: Any) -> Any:
    """`x / y` of Python numbers; raises ZeroDivisionError."""
    return x / y


def floor_divide(x: Any, y: Any) -> Any:
    """`x // y` of Python numbers; raises ZeroDivisionError."""
    return x // y


def remainder(x: Any, y: Any) -> Any:
    """`x % y` of Python numbers; raises ZeroDivisionError."""
    return x % y


def power(x: Any, y: Any) -> Any:
    """`x ** y` of Python numbers, `y` a whole number; raises as Python does."""
    return x**y


def left_shift(x: Any, y: Any) -> Any:
    """`x << y` of Python ints; raises ValueError for a negative `y`."""
    return x << y


def right_shift(x: Any, y: Any) -> Any:
    """`x >> y` of Python ints; raises ValueError for a negative `y`."""
    return x >> y


def in_domain(y: float, x: float) -> float:
    """`y`, what a function of the math module gives for `x`.

    Raises ValueError outside of the function's domain and OverflowError for results too large,
    as the math module does itself.
    """
    return y


def above_pole(y: float, x: float) -> float:
    """As `in_domain`, for a function with a pole, such as the logarithm at 0."""
    return y


@register_jitable
def backwards(lo: int, hi: int, step: int) -> range:
    """The indices of `range(lo, hi, step)` from last to first."""
    last = lo + (len(range(lo, hi, step)) - 1) * step
    return range(last, lo - step, -step)


def reshape(x: Any, shape: tuple[int, ...]) -> Any:
    """`np.reshape(x, shape)`; in compiled code a copy unless `x` is known to be contiguous."""
    return np.reshape(x, shape)


def dot(x: Any, y: Any) -> Any:
    """`x @ y` of vectors, matrices and stacks of matrices, of one element type."""
    return x @ y


def plus(x: Any, y: Any) -> Any:
    """`x + y`, a step of a sum whose terms may be taken in any order."""
    return x + y


def times(x: Any, y: Any) -> Any:
    """`x * y`, a step of a product whose factors may be taken in any order."""
    return x * y


def larger(x: Any, y: Any) -> Any:
    """The larger of two numbers; NaN if one of them is."""
    return np.maximum(x, y)


def smaller(x: Any, y: Any) -> Any:
    """The smaller of two numbers; NaN if one of them is."""
    return np.minimum(x, y)


def _compiled(function: Callable[..., Any]) -> Callable[[Any], None]:
    """Give the function a body of its own in compiled code, where nothing raises by itself."""
    settings: Any = {"jit_options": {"error_model": "numpy"}, "strict": False}

    def register(body: Any) -> None:
        overload(function, **settings)(lambda *types: body)

    return register


@_compiled(whole)
def _whole(exact: Any, rough: Any) -> Any:
    if not abs(rough) < WORD * (1 - 1e-15):
        if math.isnan(rough):
            raise ValueError("cannot convert float NaN to integer")
        raise OverflowError("an integer of compiled code must fit 64 bits")
    return exact


@_compiled(inside)
def _inside(index: Any, length: Any) -> Any:
    place = index + length if index < 0 else index
    if place < 0 or place >= length:
        raise IndexError("index is out of bounds")
    return place


@intrinsic
def _from_front(typing_context: Any, index: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.assume(builder.icmp_signed(">=", args[0], args[0].type(0)))
        return args[0]

    return types.int64(types.int64), generate


@_compiled(natural)
def _natural(index: Any) -> Any:
    from_front: Any = _from_front
    return from_front(index)


@intrinsic
def _difference(typing_context: Any, index: Any, count: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        # LLVM must see that nothing overflows to know that the elements lie in a row, backwards
        found = builder.sub(*args, flags=["nsw", "nuw"])
        builder.assume(builder.icmp_signed(">=", found, found.type(0)))
        return found

    return types.int64(types.int64, types.int64), generate


@_compiled(before)
def _before(index: Any, count: Any) -> Any:
    difference: Any = _difference
    return difference(index, count)


@_compiled(divide)
def _divide(x: Any, y: Any) -> Any:
    if y == 0:
        raise ZeroDivisionError("division by zero")
    return x / y


@_compiled(floor_divide)
def _floor_divide(x: Any, y: Any) -> Any:
    if y == 0:
        raise ZeroDivisionError("integer division or modulo by zero")
    return x // y


@_compiled(remainder)
def _remainder(x: Any, y: Any) -> Any:
    if y == 0:
        raise ZeroDivisionError("integer modulo by zero")
    return x % y


@_compiled(power)
def _power(x: Any, y: Any) -> Any:
    if x == 0 and y < 0:
        raise ZeroDivisionError("0.0 cannot be raised to a negative power")
    found = x**y
    if math.isinf(found) and not math.isinf(x):
        raise OverflowError("numerical result out of range")
    return found


@_compiled(left_shift)
def _left_shift(x: Any, y: Any) -> Any:
    if y < 0:
        raise ValueError("negative shift count")
    if x != 0 and (y > 62 or x > BIT >> y or x < -(BIT >> y)):
        raise OverflowError("an integer of compiled code must fit 64 bits")
    return x << y


@_compiled(right_shift)
def _right_shift(x: Any, y: Any) -> Any:
    if y < 0:
        raise ValueError("negative shift count")
    return x >> min(y, 63)


@_compiled(in_domain)
def _in_domain(y: Any, x: Any) -> Any:
    if math.isnan(y) and not math.isnan(x):
        raise ValueError("math domain error")
    if math.isinf(y) and not math.isinf(x):
        raise OverflowError("math range error")
    return y


@_compiled(above_pole)
def _above_pole(y: Any, x: Any) -> Any:
    if (math.isnan(y) and not math.isnan(x)) or (math.isinf(y) and not math.isinf(x)):
        raise ValueError("math domain error")
    return y


@overload(reshape, strict=False)
def _reshape(x: Any, shape: Any) -> Any:
    if x.layout == "C":
        return lambda x, shape: x.reshape(shape)
    return lambda x, shape: np.ascontiguousarray(x).reshape(shape)


@overload(dot, strict=False)
def _dot(x: Any, y: Any) -> Any:
    if max(x.ndim, y.ndim) > 2:
        return _stacked_dot(x.ndim > 2, y.ndim > 2)
    if x.layout in "CF" and y.layout in "CF":
        return lambda x, y: np.dot(x, y)
    if x.layout in "CF":
        return lambda x, y: np.dot(x, np.ascontiguousarray(y))
    if y.layout in "CF":
        return lambda x, y: np.dot(np.ascontiguousarray(x), y)
    return lambda x, y: np.dot(np.ascontiguousarray(x), np.ascontiguousarray(y))


def _stacked_dot(left: bool, right: bool) -> Any:
    """The products of matrices, one of the operands or both being stacks of them."""

    def body(x: Any, y: Any) -> Any:
        count = max(x.shape[0] if left else 1, y.shape[0] if right else 1)
        if (left and x.shape[0] not in (1, count)) or (right and y.shape[0] not in (1, count)):
            raise ValueError("stacks of matrices of different lengths")
        out = np.empty((count, x.shape[-2], y.shape[-1]), x.dtype)
        for i in range(count):
            one = x[i if x.shape[0] > 1 else 0] if left else x
            other = y[i if y.shape[0] > 1 else 0] if right else y
            out[i] = dot(one, other)
        return out

    return body


def _folding(function: Callable[..., Any], step: Callable[..., Any]) -> None:
    """Give a step of a reduction its compiled form, an instruction of LLVM.

    Only this instruction may be reordered, so that loops run several at a time; what the user
    wrote keeps its order.
    """

    @intrinsic
    def instruction(typing_context: Any, x: Any, y: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return step(builder, *args)

        return x(x, x), generate

    def typed(x: Any, y: Any) -> Any:
        if not (isinstance(x, types.Float) and isinstance(y, types.Number | types.Boolean)):
            return None
        first: Any = x
        apply: Any = instruction
        return lambda x, y: apply(x, first(y))

    overload(function, strict=False, inline="always")(typed)


def _extremum(name: str) -> Callable[..., Any]:
    """LLVM's instruction `name`, which takes NaN for the larger and for the smaller."""

    def step(builder: Any, x: Any, y: Any) -> Any:
        kind = ir.FunctionType(x.type, [x.type, x.type])
        found = builder.module.declare_intrinsic(name, [x.type], kind)
        return builder.call(found, (x, y), fastmath=("nsz",))

    return step


ANY_ORDER = ("reassoc", "nsz")
_folding(plus, lambda builder, x, y: builder.fadd(x, y, flags=ANY_ORDER))
_folding(times, lambda builder, x, y: builder.fmul(x, y, flags=ANY_ORDER))
_folding(larger, _extremum("llvm.maximum"))
_folding(smaller, _extremum("llvm.minimum"))
