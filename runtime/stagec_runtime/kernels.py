"""Support code of compiled kernels, and their elementary functions; needs Numba.

Each helper is a Python function, for kernels that Numba cannot compile, and has a compiled
form of the same meaning.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from numba import errors
from numba.extending import overload, register_jitable

from stagec_runtime import shapes
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

WORD = 2.0**63
BIT = 2**62

agree = register_jitable(shapes.agree)


class Kernel:
    """A compiled function that runs as Python where Numba cannot compile it.

    Attributes
    ----------
    integers : the positions of its integer arguments, which it takes to be below `limit`.
    refused : Numba's message, if it could not compile the function.
    """

    def __init__(self, dispatcher: Any, integers: tuple[int, ...], limit: int) -> None:
        self.dispatcher = dispatcher
        self.integers = integers
        self.limit = limit
        self.refused = ""

    def __call__(self, *args: Any) -> Any:
        """The results; larger integers are left to Python."""
        if self.refused:
            return self.dispatcher.py_func(*args)
        for k in self.integers:
            if not -self.limit < args[k] < self.limit:
                return self.dispatcher.py_func(*args)
        try:
            return self.dispatcher(*args)
        except errors.NumbaError as error:
            # raised while compiling: nothing has run yet
            self.refused = str(error)
            return self.dispatcher.py_func(*args)


def whole(exact: Any, rough: float) -> Any:
    """The integer `exact`, which is about `rough`.

    In compiled code raises OverflowError if a machine word does not hold it, and ValueError if
    there is none, `rough` being NaN.
    """
    return exact


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


def _compiled(function: Callable[..., Any]) -> Callable[[Any], None]:
    """Give the function a body of its own in compiled code, where nothing raises by itself."""
    settings: Any = {"jit_options": {"error_model": "numpy"}, "strict": False}

    def register(body: Any) -> None:
        overload(function, **settings)(lambda *types: body)

    return register


@_compiled(whole)
def _whole(exact: Any, rough: Any) -> Any:
    if math.isnan(rough):
        raise ValueError("cannot convert float NaN to integer")
    if abs(rough) >= WORD * (1 - 1e-15):
        raise OverflowError("an integer of compiled code must fit 64 bits")
    return exact


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
