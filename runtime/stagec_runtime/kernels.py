"""Support code of compiled kernels, and their elementary functions; needs Numba.

Each helper is a Python function, for kernels that Numba cannot compile, and has a compiled
form of the same meaning.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba.extending import overload

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
    hypot as hypot,
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
from stagec_runtime.growing import doubled as doubled
from stagec_runtime.instructions import (
    above_pole as above_pole,
    before as before,
    divide as divide,
    floor_divide as floor_divide,
    in_domain as in_domain,
    inside as inside,
    larger as larger,
    natural as natural,
    plus as plus,
    remainder as remainder,
    smaller as smaller,
    times as times,
    whole as whole,
)
from stagec_runtime.products import dot as dot
from stagec_runtime.scalars import float64 as float64, int64 as int64
from stagec_runtime.shapes import agree as agree
from stagec_runtime.solving import (
    cholesky as cholesky,
    det as det,
    inv as inv,
    slogdet as slogdet,
    solve as solve,
)
from stagec_runtime.trips import (
    backwards as backwards,
    falling as falling,
    trips as trips,
)
from stagec_runtime.widths import (
    int8 as int8,
    int16 as int16,
    int32 as int32,
    left_shifted as left_shifted,
    right_shifted as right_shifted,
    uint8 as uint8,
    uint16 as uint16,
    uint32 as uint32,
    within as within,
)

BIT = 2**62


def power(x: Any, y: Any) -> Any:
    """`x ** y` of Python numbers, `y` a whole number; raises as Python does."""
    return x**y


def left_shift(x: Any, y: Any) -> Any:
    """`x << y` of Python ints; raises ValueError for a negative `y`."""
    return x << y


def right_shift(x: Any, y: Any) -> Any:
    """`x >> y` of Python ints; raises ValueError for a negative `y`."""
    return x >> y


def reshape(x: Any, shape: tuple[int, ...]) -> Any:
    """`np.reshape(x, shape)`; in compiled code a copy unless `x` is known to be contiguous."""
    return np.reshape(x, shape)


def stacked(xs: list[Any]) -> Any:
    """`np.stack(xs)` of a list of numbers."""
    return np.stack(xs)


def search_left(a: Any, v: Any) -> Any:
    """`np.searchsorted(a, v)` of one number."""
    return np.searchsorted(a, v)


def search_right(a: Any, v: Any) -> Any:
    """`np.searchsorted(a, v, side="right")` of one number."""
    return np.searchsorted(a, v, side="right")


def _compiled(function: Callable[..., Any]) -> Callable[[Any], None]:
    """Give the function a body of its own in compiled code, where nothing raises by itself."""
    settings: Any = {"jit_options": {"error_model": "numpy"}, "strict": False}

    def register(body: Any) -> None:
        overload(function, **settings)(lambda *types: body)

    return register


@_compiled(divide)  # complex numbers
def _divide(x: Any, y: Any) -> Any:
    if y == 0:
        raise ZeroDivisionError("division by zero")
    return x / y


@_compiled(floor_divide)  # numbers that are no integers
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


@_compiled(search_left)
def _search_left(a: Any, v: Any) -> Any:
    low, high = 0, len(a)
    while low < high:
        middle = low + ((high - low) >> 1)
        if a[middle] < v or (v != v and a[middle] == a[middle]):  # NaN is the greatest
            low = middle + 1
        else:
            high = middle
    return low


@_compiled(search_right)
def _search_right(a: Any, v: Any) -> Any:
    low, high = 0, len(a)
    while low < high:
        middle = low + ((high - low) >> 1)
        if v < a[middle] or (a[middle] != a[middle] and v == v):
            high = middle
        else:
            low = middle + 1
    return low


@overload(reshape, strict=False)
def _reshape(x: Any, shape: Any) -> Any:
    if x.layout == "C":
        return lambda x, shape: x.reshape(shape)
    return lambda x, shape: np.ascontiguousarray(x).reshape(shape)


@overload(stacked, strict=False)
def _stacked(xs: Any) -> Any:
    def made(xs: Any) -> Any:
        if not xs:
            raise ValueError("need at least one array to stack")
        return np.array(xs)

    return made
