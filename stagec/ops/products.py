"""Products of vectors, matrices and tensors.

Derivatives are products again, as large as the operands: nothing of the size of the inner loop
is made.
"""

from __future__ import annotations

import operator
from dataclasses import replace
from typing import Any

import numpy as np

from stagec.ir.core import LIBRARY, Calls, Expands, Op
from stagec.ir.types import ArrayType, Dim, Shape, broadcast_shapes
from stagec.ops.arithmetic import multiply
from stagec.ops.axes import (
    align_last,
    dtype_of,
    expand_dims,
    move_axis,
    shape_of,
    squeeze,
    swap_axes,
    transpose,
)
from stagec.ops.bilinear_rules import bilinear_jvp, check_inner, inexact
from stagec.ops.broadcast import fit, sum_
from stagec.ops.cast import conjugate, fit_dtype, number_type, strong
from stagec.ops.contraction import matmul_call, matmul_loops
from stagec.ops.family import array, make, sizes
from stagec.ops.loop_types import in_loop
from stagec.ops.shape import ravel, reshape, reshaped_like
from stagec.ops.tensordot import tensordot

Axes = tuple[int, ...]


# --- matmul --------------------------------------------------------------------------------


def _matmul_infer(a: ArrayType, b: ArrayType) -> ArrayType:
    if not a.rank or not b.rank:
        raise TypeError(f"matmul: operands must be arrays, got {a} and {b}")
    check_inner("matmul", a.shape[-1], b.shape[-2] if b.rank > 1 else b.shape[0])
    lead = broadcast_shapes(a.shape[:-2], b.shape[:-2])
    rows: Shape = a.shape[-2:-1] if a.rank > 1 else ()
    columns: Shape = b.shape[-1:] if b.rank > 1 else ()
    return array(np.result_type(a.dtype, b.dtype), (*lead, *rows, *columns))


def _column(x: Any) -> Any:
    return expand_dims(x, axes=(np.ndim(x),))


def _row(x: Any) -> Any:
    return expand_dims(x, axes=(np.ndim(x) - 1,))


def _adjoint(x: Any) -> Any:
    return conjugate(swap_axes(x, -2, -1))


def _left(ct: Any, a: Any, b: Any) -> Any:
    """The cotangent of `a` in `a @ b`."""
    if np.ndim(b) == 1:
        if np.ndim(a) == 1:
            return ct * conjugate(b)
        return outer(ct, conjugate(b)) if np.ndim(a) == 2 else _column(ct) * conjugate(b)
    if np.ndim(a) == 1:
        if np.ndim(b) == 2:
            return matmul(conjugate(b), ct)
        return sum_(
            matmul(conjugate(b), _column(ct)), axes=(*range(np.ndim(b) - 2), np.ndim(b) - 1)
        )
    return matmul(ct, _adjoint(b))


def _right(ct: Any, a: Any, b: Any) -> Any:
    """The cotangent of `b` in `a @ b`."""
    if np.ndim(a) == 1:
        if np.ndim(b) == 1:
            return ct * conjugate(a)
        if np.ndim(b) == 2:
            return outer(conjugate(a), ct)
        return _column(conjugate(a)) * _row(ct)
    if np.ndim(b) == 1:
        if np.ndim(a) == 2:
            return matmul(conjugate(transpose(a, axes=(1, 0))), ct)
        axes = tuple(range(np.ndim(a) - 1))
        return tensordot(ct, conjugate(a), left=axes, right=axes)
    turned = _adjoint(a)
    if np.ndim(b) == 2 and _in_library(turned, ct):
        # one product of all rows, in place of a sum of products
        axes = tuple(range(np.ndim(a) - 1))
        return tensordot(conjugate(a), ct, left=axes, right=axes)
    return matmul(turned, ct)


def _in_library(a: Any, b: Any) -> bool:
    """Whether a product of stacks stays NumPy's wherever it is."""
    types = number_type(a), number_type(b)
    return matmul_loops(*types) is None and matmul_call(*types) is LIBRARY


def _matmul_vjp(ct: Any, out: Any, a: Any, b: Any) -> tuple[Any, Any]:
    # only the axes before the last two are ever broadcast
    stacked = max(np.ndim(a), np.ndim(b)) > 2
    fitted = fit if stacked else lambda bar, x: fit_dtype(bar, dtype_of(x))
    return (
        fitted(_left(ct, a, b), a) if inexact(a) else None,
        fitted(_right(ct, a, b), b) if inexact(b) else None,
    )


def _matmul_batch(args: Any, axes: Any, /) -> tuple[Any, int]:
    a, b = args
    ranks = [np.ndim(x) - (k is not None) for x, k in zip(args, axes, strict=True)]
    a = a if axes[0] is None else move_axis(a, axes[0], 0)
    b = b if axes[1] is None else move_axis(b, axes[1], 0)
    a = _row(a) if ranks[0] == 1 else a
    b = _column(b) if ranks[1] == 1 else b
    lead = max(ranks) - 2
    a, b = (
        x if k is None else _fill(x, lead - (rank - 2 if rank > 1 else 0))
        for x, k, rank in zip((a, b), axes, ranks, strict=True)
    )
    out = matmul(a, b)
    dropped = tuple(np.ndim(out) - 2 + k for k in range(2) if ranks[k] == 1)
    return (squeeze(out, axes=dropped) if dropped else out), 0


def _matmul_last(args: Any, wide: Any) -> Any:
    """Small products as sums of products; a matrix times a batch as one product."""
    a, b = args
    narrow = [element_of(x, w) for x, w in zip(args, wide, strict=True)]
    left, right = (t.rank for t in narrow)
    if matmul_loops(*narrow) is not None:
        x, y = align_last(args, wide)
        x = expand_dims(x, axes=(left,)) if right > 1 else x
        y = expand_dims(y, axes=(max(right - 2, 0),)) if left > 1 else y
        terms = x * y
        return sum_(terms, axes=(np.ndim(terms) - (3 if right > 1 else 2),))
    if wide[0] or right != 2 or left > 2:
        return None
    inner, *rest = shape_of(b)
    plan, lengths = sizes((inner, -1))
    flat = matmul(a, reshape(b, *lengths, shape=plan))
    plan, lengths = sizes((*shape_of(a)[:-1], *rest))
    return reshape(flat, *lengths, shape=plan)


def element_of(x: Any, wide: bool) -> ArrayType:
    """The type of one element of a batch along the last axis, if it is one."""
    found = number_type(x)
    return replace(found, shape=found.shape[:-1]) if wide else found


def _fill(x: Any, count: int) -> Any:
    """Axes of length 1 after the first."""
    return expand_dims(x, axes=tuple(range(1, 1 + count))) if count > 0 else x


def _dropped(x: Any, axis: int) -> Any:
    return squeeze(x, axes=(np.ndim(x) + axis,))


def _matmul_call(x1: Any, x2: Any, /, out: None = None, *, dtype: Any = None) -> Any:
    return matmul(*((x1, x2) if dtype is None else in_loop(np.matmul, (x1, x2), dtype)))


def _dot_call(a: Any, b: Any, out: None = None) -> Any:
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return multiply(strong(a), strong(b))
    if np.ndim(b) > 2 and np.ndim(a) > 1:
        return tensordot(a, b, left=(np.ndim(a) - 1,), right=(np.ndim(b) - 2,))
    return matmul(a, b)


def _inner_call(a: Any, b: Any, /) -> Any:
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return multiply(strong(a), strong(b))
    if np.ndim(a) == np.ndim(b) == 1:
        return matmul(a, b)
    return tensordot(a, b, left=(np.ndim(a) - 1,), right=(np.ndim(b) - 1,))


matmul = make(
    "matmul",
    calls=(
        (np.matmul, _matmul_call),
        (np.linalg.matmul, lambda x1, x2, /: matmul(x1, x2)),
        (operator.matmul, lambda a, b: matmul(a, b)),
        (np.dot, _dot_call),
        (np.inner, _inner_call),
        (np.matvec, lambda x1, x2, /: _dropped(matmul(x1, _column(x2)), -1)),
        (np.vecmat, lambda x1, x2, /: _dropped(matmul(_row(conjugate(x1)), x2), -2)),
    ),
    infer=_matmul_infer,
    value=np.matmul,
    vjp=_matmul_vjp,
    jvp=bilinear_jvp(lambda: matmul),
    batch=_matmul_batch,
    batch_last=_matmul_last,
    source="{} @ {}",
    scalar=Expands(matmul_loops, otherwise=Calls(matmul_call)),
    may_raise=(ValueError,),
    noun="product",
)


# --- outer ---------------------------------------------------------------------------------


def _flat(x: Any) -> Any:
    return x if np.ndim(x) == 1 else ravel(x)


def _outer_infer(a: ArrayType, b: ArrayType) -> ArrayType:
    sizes = (t.shape[0] if t.rank == 1 else _flat_dim(t.shape) for t in (a, b))
    return ArrayType(np.result_type(a.dtype, b.dtype), tuple(sizes))


def _flat_dim(shape: Shape) -> Dim:
    total = 1
    for d in shape:
        if not isinstance(d, int):
            return None
        total *= d
    return total


def _outer_vjp(ct: Any, out: Any, a: Any, b: Any) -> tuple[Any, Any]:
    a_bar = matmul(ct, conjugate(_flat(b))) if inexact(a) else None
    b_bar = matmul(conjugate(_flat(a)), ct) if inexact(b) else None
    return (
        None if a_bar is None else fit_dtype(reshaped_like(a_bar, a), dtype_of(a)),
        None if b_bar is None else fit_dtype(reshaped_like(b_bar, b), dtype_of(b)),
    )


def _outer_batch(args: Any, axes: Any, /) -> tuple[Any, int]:
    a, b = (_rows(x, k) for x, k in zip(args, axes, strict=True))
    return _column(a) * _row(b), 0


def _rows(x: Any, axis: int | None) -> Any:
    """Each batch element as a vector."""
    if axis is None:
        return _flat(x)
    x = move_axis(x, axis, 0)
    if np.ndim(x) == 2:
        return x
    plan, staged = sizes((*shape_of(x)[:1], -1))
    return reshape(x, *staged, shape=plan)


def _outer_loops(a: Any, b: Any) -> Any:
    return _column(a) * _row(b)


def _outer_of_vectors(x1: Any, x2: Any, /) -> Any:
    ranks = np.ndim(x1), np.ndim(x2)
    if ranks != (1, 1):
        raise ValueError(
            "Input arrays must be one-dimensional, but they are "
            f"x1.ndim={ranks[0]} and x2.ndim={ranks[1]}."
        )
    return outer(x1, x2)


outer = make(
    "outer",
    calls=(
        (np.outer, lambda a, b, out=None: outer(a, b)),
        (np.linalg.outer, _outer_of_vectors),
    ),
    infer=_outer_infer,
    value=np.outer,
    vjp=_outer_vjp,
    jvp=bilinear_jvp(lambda: outer),
    batch=_outer_batch,
    source="np.outer({}, {})",
    scalar=Expands(lambda a, b: _outer_loops if a.rank == b.rank == 1 else None, anywhere=True),
)


OPS: tuple[Op, ...] = (matmul, outer)
