"""Integers of fewer than 64 bits in kernels, which compute with 64 and cut what is made.

What is cut off is what NumPy's integers of that width lose where they overflow.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.typing.templates import signature

from stagec_runtime.instructions import compiled_as


def int8(x: Any) -> Any:
    """The lowest 8 bits of `x`, with a sign."""
    return _signed(x, 8)


def int16(x: Any) -> Any:
    """The lowest 16 bits of `x`, with a sign."""
    return _signed(x, 16)


def int32(x: Any) -> Any:
    """The lowest 32 bits of `x`, with a sign."""
    return _signed(x, 32)


def uint8(x: Any) -> Any:
    """The lowest 8 bits of `x`."""
    return int(x) % 2**8


def uint16(x: Any) -> Any:
    """The lowest 16 bits of `x`."""
    return int(x) % 2**16


def uint32(x: Any) -> Any:
    """The lowest 32 bits of `x`."""
    return int(x) % 2**32


def within(x: Any, low: int, high: int) -> Any:
    """The integer `x`; raises OverflowError if it is not from `low` to `high`."""
    if not low <= x <= high:
        raise OverflowError(f"Python integer {x} out of bounds")
    return x


def left_shifted(x: Any, count: Any) -> Any:
    """`x << count` of NumPy's integers: 0 where the count is negative or not below 64."""
    return np.left_shift(np.int64(x), np.int64(count))


def right_shifted(x: Any, count: Any) -> Any:
    """`x >> count` of NumPy's integers: only the sign is left where the count is negative or
    not below 64.
    """
    return np.right_shift(np.int64(x), np.int64(count))


def _signed(x: Any, bits: int) -> int:
    half = 2 ** (bits - 1)
    return (int(x) + half) % 2**bits - half


# -- in compiled code -------------------------------------------------------------------------


def _typed(*args: Any) -> Any:
    """The signature of a function of integers, or booleans as such."""
    if all(isinstance(t, types.Integer | types.Boolean) for t in args):
        return signature(types.int64, *(types.int64 for _ in args))
    return None


def _cut(bits: int, signed: bool) -> Any:
    def write(builder: Any, args: Any, fail: Any) -> Any:
        (x,) = args
        extend = builder.sext if signed else builder.zext
        return extend(builder.trunc(x, ir.IntType(bits)), x.type)

    return write


def _within(builder: Any, args: Any, fail: Any) -> Any:
    x, low, high = args
    below, above = builder.icmp_signed("<", x, low), builder.icmp_signed(">", x, high)
    with builder.if_then(builder.or_(below, above), likely=False):
        fail(OverflowError, "Python integer out of bounds")
    return x


def _left(builder: Any, args: Any, fail: Any) -> Any:
    x, count = args
    large = builder.icmp_unsigned(">=", count, count.type(64))
    count = builder.select(large, count.type(0), count)
    return builder.select(large, x.type(0), builder.shl(x, count))


def _right(builder: Any, args: Any, fail: Any) -> Any:
    x, count = args
    large = builder.icmp_unsigned(">=", count, count.type(64))
    return builder.ashr(x, builder.select(large, count.type(63), count))


for _function, _bits, _with_sign in (
    (int8, 8, True),
    (int16, 16, True),
    (int32, 32, True),
    (uint8, 8, False),
    (uint16, 16, False),
    (uint32, 32, False),
):
    compiled_as(_function, lambda x: _typed(x), _cut(_bits, _with_sign))

compiled_as(within, lambda x, low, high: _typed(x, low, high), _within)
compiled_as(left_shifted, lambda x, count: _typed(x, count), _left)
compiled_as(right_shifted, lambda x, count: _typed(x, count), _right)
