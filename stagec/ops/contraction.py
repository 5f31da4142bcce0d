"""Products of small or thin operands as sums of products of elements."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from stagec.ir.core import LIBRARY, Library
from stagec.ir.types import ArrayType, same
from stagec.ops.axes import expand_dims, transpose
from stagec.ops.broadcast import sum_

Axes = tuple[int, ...]
SMALL = 512  # multiplications: fewer take longer to hand to a library than to do
THIN = 16  # products of a row: a library is no faster where rows are as short


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
    if len(known) == len(work):
        return len(work) <= 2 or math.prod(known) <= SMALL
    inner = [a.shape[i] for i in left]
    thin = len(known) == len(work) - 1 and all(isinstance(d, int) for d in inner)
    return len(work) <= 2 or (thin and math.prod(known) <= THIN)


def matmul_loops(a: ArrayType, b: ArrayType) -> Callable[..., Any] | None:
    """How a matrix product is written in loops, if it is."""
    left, right = (a.rank - 1,), (max(b.rank - 2, 0),)
    if a.rank <= 2 and b.rank <= 2:
        small = _as_loops(a, b, left, right)
        return (lambda x, y: _contract(x, y, left, right)) if small else None
    one, other = (replace(t, shape=t.shape[-2:]) for t in (a, b))
    if min(a.rank, b.rank) < 2 or not _as_loops(one, other, (1,), (0,)):
        return None
    return _stacked


def _stacked(a: Any, b: Any) -> Any:
    """The products of stacks of matrices, by broadcasting."""
    wide = expand_dims(a, axes=(np.ndim(a),)) * expand_dims(b, axes=(np.ndim(b) - 2,))
    return sum_(wide, axes=(np.ndim(wide) - 2,))


def matmul_call(a: ArrayType, b: ArrayType) -> str | Library:
    """The call of a library, of its compiled form, for matrices too large for loops."""
    floats = a.dtype == b.dtype and a.dtype.kind in "fc"
    ranks = (a.rank, b.rank)
    one_stack = max(ranks) == 3 and min(ranks) >= 2
    return "kernels.dot({}, {})" if floats and (max(ranks) <= 2 or one_stack) else LIBRARY


def tensordot_loops(
    a: ArrayType, b: ArrayType, *, left: Axes, right: Axes
) -> Callable[..., Any] | None:
    """How a tensor product is written in loops, if it is."""
    return _contract if _as_loops(a, b, left, right) else None


def other_axes(x: Any, axes: Axes) -> Axes:
    """The axes of `x` that are not among `axes`."""
    return tuple(k for k in range(np.ndim(x)) if k not in axes)
