"""What all of linear algebra shares: types of stacks of matrices, transposes, symmetric parts.

The last two axes of an operand are the matrix; the axes before are the stack.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import stagec_runtime as rt
from stagec.ir.core import Expands
from stagec.ir.types import ArrayType, same
from stagec.ops.axes import expand_dims, no_shift, squeeze, swap_axes, to_front
from stagec.ops.broadcast import sum_
from stagec.ops.cast import conjugate, fit_dtype, real
from stagec.ops.comparison import equal, greater
from stagec.ops.diagonals import in_triangle
from stagec.ops.family import constant, linear, make
from stagec.ops.masks import mask

LinAlgError = np.linalg.LinAlgError


def linalg_dtype(name: str, *types: ArrayType) -> np.dtype:
    """The element type in which NumPy computes: single, double or their complex forms."""
    dtype = np.result_type(*(t.dtype for t in types), np.float32)
    if any(t.dtype == np.float16 for t in types):
        raise TypeError(f"{name}: half precision is not supported in linear algebra")
    if any(t.dtype.kind in "iub" for t in types):
        dtype = np.result_type(dtype, np.float64)
    return dtype


def real_dtype(dtype: np.dtype) -> np.dtype:
    """The type of the real part."""
    return np.dtype(f"f{dtype.itemsize // 2}") if dtype.kind == "c" else dtype


def check_matrix(name: str, a: ArrayType, square: bool = False) -> None:
    """Raise `TypeError` unless `a` is a stack of (square) matrices."""
    if a.rank < 2:
        raise TypeError(f"{name}: expected an array of at least two axes, got {a}")
    rows, columns = a.shape[-2:]
    if square and isinstance(rows, int) and isinstance(columns, int) and rows != columns:
        raise TypeError(f"{name}: expected square matrices, got {a}")


def adjoint(x: Any) -> Any:
    """The conjugate transpose of each matrix."""
    return conjugate(swap_axes(x, -2, -1))


def column(x: Any) -> Any:
    """Vectors as matrices of one column."""
    return expand_dims(x, axes=(np.ndim(x),))


def row(x: Any) -> Any:
    """Vectors as matrices of one row."""
    return expand_dims(x, axes=(np.ndim(x) - 1,))


def flat_column(x: Any) -> Any:
    """Matrices of one column as vectors."""
    return squeeze(x, axes=(np.ndim(x) - 1,))


def scalar_matrix(x: Any) -> Any:
    """Numbers as matrices of one element."""
    return expand_dims(x, axes=(np.ndim(x), np.ndim(x) + 1))


def sum_matrix(x: Any) -> Any:
    """The sum over each matrix."""
    return sum_(x, axes=(np.ndim(x) - 2, np.ndim(x) - 1))


def real_part(x: Any) -> Any:
    """The real part; `x` itself if it is real."""
    return real(x) if np.dtype(x.dtype).kind == "c" else x


def _half_lower(x: Any) -> Any:
    """The lower triangle with half the real part of the diagonal, in simpler ops."""
    middle = fit_dtype(real_part(x) * 0.5, np.dtype(x.dtype))
    below, on = in_triangle(greater, x), in_triangle(equal, x)
    return mask(below, x) + mask(on, middle)


# the lower triangle with half the real part of the diagonal; its own transpose
half_lower = linear(
    "half_lower",
    calls=(),
    infer=lambda x: ArrayType(x.dtype, x.shape),
    value=lambda x: rt.half_lower(x),
    vjp=lambda ct, out, x: half_lower(ct),
    batch=to_front(lambda: half_lower, no_shift),
    source="rt.half_lower({})",
    scalar=Expands(lambda x: _half_lower if x.dtype.kind in "fc" else None),
)


def hermitian_of(x: Any, triangle: str) -> Any:
    """The Hermitian matrix of which `x` gives the lower ("L") or the upper ("U") triangle."""
    half = half_lower(x if triangle == "L" else adjoint(x))
    return half + adjoint(half)


def triangle_of(ct: Any, triangle: str) -> Any:
    """The transpose of `hermitian_of`: the cotangent of the triangle that was read."""
    half = half_lower(ct + adjoint(ct))
    return half if triangle == "L" else adjoint(half)


def _gaps_vjp(ct: Any, out: Any, w: Any) -> Any:
    slope = ct * conjugate(out * out)
    rank = np.ndim(slope)
    return (sum_(slope, axes=(rank - 1,)) - sum_(slope, axes=(rank - 2,)),)


# `1 / (w[j] - w[i])` off the diagonal
inverse_gaps = make(
    "inverse_gaps",
    calls=(),
    infer=lambda w: ArrayType(w.dtype, (*w.shape, w.shape[-1])),
    value=lambda w: rt.inverse_gaps(w),
    vjp=_gaps_vjp,
    jvp=lambda dxs, out, w: out * out * (column(dxs[0]) - row(dxs[0])),
    batch=to_front(lambda: inverse_gaps, no_shift),
    source="rt.inverse_gaps({})",
)

peaks = constant(
    "peaks",
    calls=(),
    infer=lambda v: ArrayType(np.dtype(bool), v.shape),
    value=lambda v: rt.peaks(v),
    batch=to_front(lambda: peaks, no_shift),
    source="rt.peaks({})",
)


def same_size(x: ArrayType) -> bool:
    """Whether the matrices are surely square."""
    return same(x.shape[-2], x.shape[-1])


OPS = (half_lower, inverse_gaps, peaks)
