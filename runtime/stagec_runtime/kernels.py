"""Support code of compiled kernels; needs Numba.

Each helper is a Python function, for kernels that Numba cannot compile, and has a compiled
form of the same meaning.
"""

from __future__ import annotations

import math
from typing import Any

from numba import errors
from numba.extending import overload

WORD = 2.0**63
SMALL = 2**40  # what kernels may assume of the integers they are passed


class Kernel:
    """A compiled function that runs as Python where Numba cannot compile it.

    Attributes
    ----------
    refused : Numba's message, if it could not compile the function.
    """

    def __init__(self, dispatcher: Any, integers: tuple[int, ...]) -> None:
        self.dispatcher = dispatcher
        self.integers = integers
        self.refused = ""

    def __call__(self, *args: Any) -> Any:
        """The results; integers too large for a machine word are left to Python."""
        if self.refused:
            return self.dispatcher.py_func(*args)
        for k in self.integers:
            if not -SMALL < args[k] < SMALL:
                return self.dispatcher.py_func(*args)
        try:
            return self.dispatcher(*args)
        except errors.NumbaError as error:
            # raised while compiling: nothing has run yet
            self.refused = str(error)
            return self.dispatcher.py_func(*args)


def agree(n: int, m: int) -> None:
    """Check that two lengths along one axis are equal; raises ValueError."""
    if n != m:
        raise ValueError("operands could not be broadcast together")


def whole(exact: Any, rough: float) -> Any:
    """The integer `exact`, which is about `rough`.

    Raises OverflowError in compiled code if a machine word does not hold it.
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


def in_domain(y: float, x: float) -> float:
    """`y`, what a function of the math module gives for `x`.

    Raises ValueError outside of the function's domain and OverflowError for results too large,
    as the math module does itself.
    """
    return y


def above_pole(y: float, x: float) -> float:
    """As `in_domain`, for a function with a pole, such as the logarithm at 0."""
    return y


def backwards(lo: int, hi: int, step: int) -> range:
    """The indices of `range(lo, hi, step)` from last to first."""
    last = lo + (len(range(lo, hi, step)) - 1) * step
    return range(last, lo - step, -step)


@overload(agree, jit_options={"error_model": "numpy"})
def _agree(n: Any, m: Any) -> Any:
    def body(n: Any, m: Any) -> None:
        if n != m:
            raise ValueError("operands could not be broadcast together")

    return body


@overload(whole, jit_options={"error_model": "numpy"})
def _whole(exact: Any, rough: Any) -> Any:
    def body(exact: Any, rough: Any) -> Any:
        if abs(rough) >= WORD * (1 - 1e-15):
            raise OverflowError("an integer of compiled code must fit 64 bits")
        return exact

    return body


@overload(divide, jit_options={"error_model": "numpy"})
def _divide(x: Any, y: Any) -> Any:
    def body(x: Any, y: Any) -> Any:
        if y == 0:
            raise ZeroDivisionError("division by zero")
        return x / y

    return body


@overload(floor_divide, jit_options={"error_model": "numpy"})
def _floor_divide(x: Any, y: Any) -> Any:
    def body(x: Any, y: Any) -> Any:
        if y == 0:
            raise ZeroDivisionError("integer division or modulo by zero")
        return x // y

    return body


@overload(remainder, jit_options={"error_model": "numpy"})
def _remainder(x: Any, y: Any) -> Any:
    def body(x: Any, y: Any) -> Any:
        if y == 0:
            raise ZeroDivisionError("integer modulo by zero")
        return x % y

    return body


@overload(power, jit_options={"error_model": "numpy"})
def _power(x: Any, y: Any) -> Any:
    def body(x: Any, y: Any) -> Any:
        if x == 0 and y < 0:
            raise ZeroDivisionError("0.0 cannot be raised to a negative power")
        found = x**y
        if math.isinf(found) and not math.isinf(x):
            raise OverflowError("numerical result out of range")
        return found

    return body


@overload(in_domain, jit_options={"error_model": "numpy"})
def _in_domain(y: Any, x: Any) -> Any:
    def body(y: Any, x: Any) -> Any:
        if math.isnan(y) and not math.isnan(x):
            raise ValueError("math domain error")
        if math.isinf(y) and not math.isinf(x):
            raise OverflowError("math range error")
        return y

    return body


@overload(above_pole, jit_options={"error_model": "numpy"})
def _above_pole(y: Any, x: Any) -> Any:
    def body(y: Any, x: Any) -> Any:
        if (math.isnan(y) and not math.isnan(x)) or (math.isinf(y) and not math.isinf(x)):
            raise ValueError("math domain error")
        return y

    return body


@overload(backwards, jit_options={"error_model": "numpy"})
def _backwards(lo: Any, hi: Any, step: Any) -> Any:
    def body(lo: Any, hi: Any, step: Any) -> Any:
        last = lo + (len(range(lo, hi, step)) - 1) * step
        return range(last, lo - step, -step)

    return body
