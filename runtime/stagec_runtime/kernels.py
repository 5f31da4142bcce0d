"""Support code of compiled kernels, and their elementary functions; needs Numba.

Each helper is a Python function, for kernels that Numba cannot compile, and has a compiled
form of the same meaning.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba.extending import overload, register_jitable

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
from stagec_runtime.instructions import (
    before as before,
    inside as inside,
    larger as larger,
    natural as natural,
    plus as plus,
    smaller as smaller,
    times as times,
    whole as whole,
)
from stagec_runtime.trips import falling as falling, trips as trips

BIT = 2**62

agree = register_jitable(shapes.agree)


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


def _compiled(function: Callable[..., Any]) -> Callable[[Any], None]:
    """Give the function a body of its own in compiled code, where nothing raises by itself."""
    settings: Any = {"jit_options": {"error_model": "numpy"}, "strict": False}

    def register(body: Any) -> None:
        overload(function, **settings)(lambda *types: body)

    return register


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
