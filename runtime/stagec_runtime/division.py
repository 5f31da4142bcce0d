"""NumPy's division in compiled code: with remainder, exact where the quotient would be rounded,
and of complex numbers, of which nothing raises an exception.

The processor's own division of whole numbers kills the process where the quotient of the least
number by -1 does not fit a word, so that -1 is no divisor here.

References: NumPy, npy_divmod in numpy/_core/src/npymath/npy_math_internal.h.src;
R. L. Smith, "Algorithm 116: Complex division", CACM 5(8), 1962.
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


def complex_quotient(context: Any, builder: Any, kind: Any, x: Any, y: Any) -> Any:
    """The quotient of two complex numbers of machine code; infinite or NaN for a zero `y`."""
    b, part = builder, context.get_value_type(kind.underlying_float)
    top, bottom = (context.make_complex(b, kind, value=v) for v in (x, y))
    fabs = b.module.declare_intrinsic("llvm.fabs", [part])
    sizes = [b.call(fabs, [v]) for v in (bottom.real, bottom.imag)]
    # divided by the larger part, the other does not overflow
    wide = b.fcmp_ordered(">=", *sizes)
    large = b.select(wide, bottom.real, bottom.imag)
    small = b.select(wide, bottom.imag, bottom.real)
    ratio = b.fdiv(small, large)
    scale = b.fdiv(part(1), b.fadd(large, b.fmul(small, ratio)))
    first = b.select(wide, top.real, top.imag)
    second = b.select(wide, top.imag, top.real)
    turned = b.fmul(b.fsub(second, b.fmul(first, ratio)), scale)
    parts = (
        b.fmul(b.fadd(first, b.fmul(second, ratio)), scale),
        b.select(wide, turned, b.fneg(turned)),
    )
    zero = b.fcmp_ordered("==", large, part(0))
    made = context.make_complex(b, kind)
    made.real, made.imag = (
        b.select(zero, b.fdiv(v, sizes[0]), found)
        for v, found in zip((top.real, top.imag), parts, strict=True)
    )
    return made._getvalue()
