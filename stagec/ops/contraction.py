"""Products of small or thin operands as sums of products of elements."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from stagec.ir.core import LIBRARY, Library
from stagec.ir.types import ArrayType, same
from stagec.ops.axes import expand_dims, transpose
from stagec.ops.broadcast import sum_

Axes = tuple[int, ...]
SMALL = 512  # multiplications: fewer take longer to hand to a library than to do


def _contract(a: Any, b: Any, left: Axes, right: Axes) -> Any:
    """The sum of products over pairs of axes, by broadcasting."""
    rows, columns = other_axes(a, left), other_axes(b, right)
    a = transpose(a, axes=(*rows, *left))
    b = transpose(b, axes=(*right, *columns))
    inner = len(rows) + len(left)
    if columns:
        a = expand_dims(a, axes=tuple(range(inner, inner + len(columns))))
    if rows:
        b = expand_dims(b, axes=tuple(range(len(rows))))
    return sum_(a * b, axes=tuple(range(len(rows), inner)))


def _as_loops(a: ArrayType, b: ArrayType, left: Axes, right: Axes) -> bool:
    """Whether loops are as fast as a library: all but products of large matrices."""
    pairs = zip(left, right, strict=True)
    if not all(same(a.shape[i], b.shape[j]) for i, j in pairs):
        return False
    dtype = np.result_type(a.dtype, b.dtype)
    if dtype.kind not in "fc" and dtype != np.int64:
        return False
    work = [*a.shape, *(d for k, d in enumerate(b.shape) if k not in right)]
    known = [d for d in work if isinstance(d, int)]
    return len(work) <= 2 or (len(known) == len(work) and math.prod(known) <= SMALL)


def matmul_loops(a: ArrayType, b: ArrayType) -> Callable[..., Any] | None:
    """How a matrix product is written in loops, if it is."""
    left, right = (a.rank - 1,), (max(b.rank - 2, 0),)
    if a.rank > 2 or b.rank > 2 or not _as_loops(a, b, left, right):
        return None
    return lambda x, y: _contract(x, y, left, right)


def matmul_call(a: ArrayType, b: ArrayType) -> str | Library:
    """The call of a library, of its compiled form, for matrices too large for loops."""
    floats = a.dtype == b.dtype and a.dtype.kind in "fc"
    return "kernels.dot({}, {})" if floats and a.rank <= 2 and b.rank <= 2 else LIBRARY


def tensordot_loops(
    a: ArrayType, b: ArrayType, *, left: Axes, right: Axes
) -> Callable[..., Any] | None:
    """How a tensor product is written in loops, if it is."""
    return _contract if _as_loops(a, b, left, right) else None


def other_axes(x: Any, axes: Axes) -> Axes:
    """The axes of `x` that are not among `axes`."""
    return tuple(k for k in range(np.ndim(x)) if k not in axes)
