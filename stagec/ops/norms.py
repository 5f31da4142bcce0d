"""Norms of vectors and matrices; the slope of a norm is 0 where the norm is 0.

`norm` is the smooth family (a power of absolute values, the Frobenius norm included), with
rules of its own; `norm_by` holds the orders that select or need singular values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from stagec.ir.core import Expands, Op
from stagec.ir.types import ArrayType
from stagec.ops.axes import (
    axis_text,
    expand_dims,
    move_axis,
    normal_axes,
    normal_axis,
    reduced,
    restore_axes,
    shift_axes,
    to_front,
)
from stagec.ops.broadcast import sum_
from stagec.ops.cast import astype, conjugate, fit_dtype
from stagec.ops.comparison import equal, not_equal
from stagec.ops.composite import composite
from stagec.ops.exponential import sqrt
from stagec.ops.family import array, kept, make, number_text, static
from stagec.ops.matrices import real_dtype, real_part
from stagec.ops.reduction import max_, min_
from stagec.ops.rounding import absolute, direction
from stagec.ops.singular import svdvals

Axes = tuple[int, ...]


def _norm_dtype(x: ArrayType) -> np.dtype:
    return real_dtype(x.dtype) if x.inexact else np.dtype(np.float64)


def _norm_infer(x: ArrayType, *, order: Any, axes: Axes, keepdims: bool) -> ArrayType:
    return array(_norm_dtype(x), reduced(x.shape, axes, keepdims))


def _norm_value(x: Any, *, order: Any, axes: Axes, keepdims: bool) -> Any:
    if order is not None:
        return np.linalg.vector_norm(x, axis=axes, keepdims=keepdims, ord=order)
    axis = None if len(axes) == np.ndim(x) else axes[0] if len(axes) == 1 else axes
    return np.linalg.norm(x, axis=axis, keepdims=keepdims)


def _norm_source(x: ArrayType, *, order: Any, axes: Axes, keepdims: bool) -> str:
    name = "norm" if order is None or len(axes) == 1 else "vector_norm"
    options = ""
    if order is not None:
        options = f", ord={number_text(order)}"
    if len(axes) != x.rank:
        options += f", axis={axis_text(axes)}"
    return f"np.linalg.{name}({{}}{options}{', keepdims=True' if keepdims else ''})"


def _slope(out: Any, x: Any, order: Any, axes: Axes, keepdims: bool) -> Any:
    """The derivative along each element: its share in the norm, 0 where the norm is 0."""
    if order == 1:
        return direction(x)
    total = restore_axes(out + equal(out, 0), axes, keepdims)
    if order is None:
        return x / total
    size = absolute(x) + equal(x, 0)
    return (size / total) ** (order - 1) * direction(x)


def _norm_vjp(
    ct: Any, out: Any, x: Any, *, order: Any, axes: Axes, keepdims: bool
) -> tuple[Any]:
    slope = _slope(out, x, order, axes, keepdims)
    return (fit_dtype(restore_axes(ct, axes, keepdims) * slope, np.dtype(x.dtype)),)


def _norm_jvp(dxs: Any, out: Any, x: Any, *, order: Any, axes: Axes, keepdims: bool) -> Any:
    moved = real_part(conjugate(_slope(out, x, order, axes, keepdims)) * dxs[0])
    return sum_(moved, **kept(axes, keepdims))


def _norm_loops(x: ArrayType, *, order: Any, **attrs: Any) -> Callable[..., Any] | None:
    """The norm in simpler ops, for loops: that of real numbers, as a root of squares."""
    return _root_of_squares if order is None and x.dtype.kind == "f" else None


def _root_of_squares(x: Any, *, order: Any, axes: Axes, keepdims: bool) -> Any:
    return sqrt(sum_(x * x, **kept(axes, keepdims)))


norm = make(
    "norm",
    calls=(
        (np.linalg.norm, lambda x, ord=None, axis=None, keepdims=False: _norm_call(
            x, static(ord, "ord"), static(axis, "axis"), bool(keepdims)
        )),
        (np.linalg.vector_norm, lambda x, /, *, axis=None, keepdims=False, ord=2: _vector_norm(
            x, static(ord, "ord"), normal_axes(axis, np.ndim(x)), bool(keepdims)
        )),
        (np.linalg.matrix_norm, lambda x, /, *, keepdims=False, ord="fro": matrix_norm(
            x, static(ord, "ord"), keepdims=bool(keepdims)
        )),
    ),
    infer=_norm_infer,
    value=_norm_value,
    vjp=_norm_vjp,
    jvp=_norm_jvp,
    batch=to_front(lambda: norm, shift_axes),
    source=_norm_source,
    scalar=Expands(_norm_loops),
)  # fmt: skip


def _norm_call(x: Any, order: Any, axis: Any, keepdims: bool) -> Any:
    rank = np.ndim(x)
    flat = order is None or (order in ("f", "fro") and rank == 2) or (order == 2 and rank == 1)
    if axis is None and flat:
        return norm(x, order=None, axes=tuple(range(rank)), keepdims=keepdims)
    if axis is None:
        axis = tuple(range(rank))
    axes = tuple(normal_axis(a, rank) for a in (axis if isinstance(axis, tuple) else (axis,)))
    if len(axes) == 1:
        return _vector_norm(x, 2 if order is None else order, axes, keepdims)
    if len(axes) == 2:
        return matrix_norm(x, "fro" if order is None else order, axes, keepdims)
    raise ValueError("Improper number of dimensions to norm.")


def _vector_norm(x: Any, order: Any, axes: Axes, keepdims: bool) -> Any:
    if isinstance(order, str):
        raise ValueError(f"Invalid norm order '{order}' for vectors")
    if order in (np.inf, -np.inf, 0):
        return norm_by(x, order=order, axes=axes, keepdims=keepdims, matrix=False)
    return norm(x, order=None if order == 2 else order, axes=axes, keepdims=keepdims)


def matrix_norm(x: Any, order: Any, axes: Axes | None = None, keepdims: bool = False) -> Any:
    """The norm of each matrix, by default of those in the last two axes."""
    if axes is None:
        axes = (np.ndim(x) - 2, np.ndim(x) - 1)
    if axes[0] == axes[1]:
        raise ValueError("Duplicate axes given.")
    if order in ("f", "fro"):
        return norm(x, order=None, axes=tuple(sorted(axes)), keepdims=keepdims)
    if order not in (1, -1, 2, -2, np.inf, -np.inf, "nuc"):
        raise ValueError("Invalid norm order for matrices.")
    return norm_by(x, order=order, axes=axes, keepdims=keepdims, matrix=True)


def _by_expand(x: Any, *, order: Any, axes: Axes, keepdims: bool, matrix: bool) -> Any:
    if matrix:
        return _matrix_expand(x, order, axes, keepdims)
    attrs = kept(tuple(sorted(axes)), keepdims)
    if order == 0:
        found = not_equal(x, 0)
        dtype = real_dtype(np.dtype(x.dtype))
        return sum_(
            astype(found, dtype=dtype if dtype.kind == "f" else np.dtype(float)), **attrs
        )
    sizes = _floating(absolute(x))
    return max_(sizes, **attrs) if order > 0 else min_(sizes, **attrs)


def _floating(x: Any) -> Any:
    return x if np.dtype(x.dtype).kind == "f" else astype(x, dtype=np.dtype(float))


def _matrix_expand(x: Any, order: Any, axes: Axes, keepdims: bool) -> Any:
    rows, columns = axes
    if order in (2, -2, "nuc"):
        last = np.ndim(x) - 1
        x = move_axis(x, rows, last)
        x = move_axis(x, columns - (columns > rows), last)
        values = svdvals(x)
        reduce = {2: max_, -2: min_, "nuc": sum_}[order]
        found = reduce(values, axes=(last - 1,))
        return expand_dims(found, axes=tuple(sorted(axes))) if keepdims else found
    inner, outer = (rows, columns) if abs(order) == 1 else (columns, rows)
    totals = sum_(_floating(absolute(x)), axes=(inner,))
    reduce = max_ if order > 0 else min_
    found = reduce(totals, axes=(outer - (outer > inner),))
    return expand_dims(found, axes=tuple(sorted(axes))) if keepdims else found


def _by_value(x: Any, *, order: Any, axes: Axes, keepdims: bool, matrix: bool) -> Any:
    if matrix:
        return np.linalg.norm(x, order, axes, keepdims)
    return np.linalg.vector_norm(x, axis=axes, keepdims=keepdims, ord=order)


def _by_source(x: ArrayType, *, order: Any, axes: Axes, keepdims: bool, matrix: bool) -> str:
    named = number_text(order)
    tail = ", keepdims=True" if keepdims else ""
    if matrix or len(axes) == 1:
        axis = "" if axes == tuple(range(x.rank)) else f", axis={axes if matrix else axes[0]}"
        return f"np.linalg.norm({{}}, {named}{axis}{tail})"
    return f"np.linalg.vector_norm({{}}, axis={axes}, ord={named}{tail})"


norm_by = composite(
    "norm_by",
    value=_by_value,
    expand=_by_expand,
    source=_by_source,
    may_raise=(ValueError, np.linalg.LinAlgError),
)


OPS: tuple[Op, ...] = (norm, norm_by)
