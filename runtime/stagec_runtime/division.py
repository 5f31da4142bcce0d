"""NumPy's division with remainder in compiled code: exact where the quotient would be rounded.

The processor's own division of whole numbers kills the process where the quotient of the least
number by -1 does not fit a word, so that -1 is no divisor here.

Reference: NumPy, npy_divmod in numpy/_core/src/npymath/npy_math_internal.h.src.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload


def quotient(x: Any, y: Any) -> Any:
    """`np.floor_divide(x, y)` of real numbers."""
    return np.floor_divide(x, y)


def modulus(x: Any, y: Any) -> Any:
    """`np.remainder(x, y)` of real numbers."""
    return np.remainder(x, y)


def _real(x: Any, y: Any) -> bool:
    return isinstance(x, types.Float) or isinstance(y, types.Float)


@overload(quotient, jit_options={"error_model": "numpy"}, strict=False)
def _quotient(x: Any, y: Any) -> Any:
    if not _real(x, y):
        return lambda x, y: 0 - x if y == -1 else np.floor_divide(x, y)

    def body(x: Any, y: Any) -> Any:
        if y == 0:
            return x / y
        rest = np.fmod(x, y)
        whole = (x - rest) / y
        if rest != 0 and (y < 0) != (rest < 0):
            whole -= 1
        if whole == 0:
            return math.copysign(whole, x / y)
        lower = np.floor(whole)
        return lower + 1 if whole - lower > 0.5 else lower

    return body


@overload(modulus, jit_options={"error_model": "numpy"}, strict=False)
def _modulus(x: Any, y: Any) -> Any:
    if not _real(x, y):
        return lambda x, y: 0 if y == -1 else np.remainder(x, y)

    def body(x: Any, y: Any) -> Any:
        rest = np.fmod(x, y)
        if y == 0:
            return rest
        if rest == 0:
            return math.copysign(rest, y)
        return rest + y if (y < 0) != (rest < 0) else rest

    return body
