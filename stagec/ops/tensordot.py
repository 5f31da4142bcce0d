"""Products of tensors that sum over several axes.

Derivatives are products again, as large as the operands.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from stagec.ir.core import Expands, Op
from stagec.ir.types import ArrayType
from stagec.ops.axes import dtype_of, expand_dims, inverse, listed_axes, move_axis, transpose
from stagec.ops.bilinear_rules import bilinear_jvp, check_inner, inexact
from stagec.ops.broadcast import sum_
from stagec.ops.cast import conjugate, fit_dtype
from stagec.ops.contraction import other_axes, tensordot_loops
from stagec.ops.family import make, static

Axes = tuple[int, ...]


def _tensordot_infer(a: ArrayType, b: ArrayType, *, left: Axes, right: Axes) -> ArrayType:
    for i, j in zip(left, right, strict=True):
        check_inner("tensordot", a.shape[i], b.shape[j])
    rows = [d for k, d in enumerate(a.shape) if k not in left]
    columns = [d for k, d in enumerate(b.shape) if k not in right]
    return ArrayType(np.result_type(a.dtype, b.dtype), (*rows, *columns))


def _tensordot_vjp(ct: Any, out: Any, a: Any, b: Any, *, left: Axes, right: Axes) -> Any:
    rows, columns = other_axes(a, left), other_axes(b, right)
    a_bar = b_bar = None
    if inexact(a):
        ends = tuple(range(len(rows), len(rows) + len(columns)))
        found = tensordot(ct, conjugate(b), left=ends, right=columns)
        # the summed axes arrive in the order that they have in `b`
        order = (*rows, *(left[right.index(k)] for k in sorted(right)))
        a_bar = fit_dtype(transpose(found, axes=inverse(order)), dtype_of(a))
    if inexact(b):
        found = tensordot(conjugate(a), ct, left=rows, right=tuple(range(len(rows))))
        order = (*(right[left.index(k)] for k in sorted(left)), *columns)
        b_bar = fit_dtype(transpose(found, axes=inverse(order)), dtype_of(b))
    return a_bar, b_bar


def _tensordot_batch(args: Any, axes: Any, /, *, left: Axes, right: Axes) -> tuple[Any, int]:
    """One operand keeps its place in the result; both need a product of stacks of matrices."""
    a, b = (x if k is None else move_axis(x, k, 0) for x, k in zip(args, axes, strict=True))
    shifted = tuple(k + 1 for k in left), tuple(k + 1 for k in right)
    if axes[1] is None:
        return tensordot(a, b, left=shifted[0], right=right), 0
    if axes[0] is None:
        found = tensordot(a, b, left=left, right=shifted[1])
        return found, np.ndim(a) - len(left)
    rows, columns = other_axes(args[0], shifted[0])[1:], other_axes(args[1], shifted[1])[1:]
    a = transpose(a, axes=(0, *rows, *shifted[0]))
    b = transpose(b, axes=(0, *columns, *shifted[1]))
    a = (
        expand_dims(a, axes=tuple(range(1 + len(rows), 1 + len(rows) + len(columns))))
        if columns
        else a
    )
    b = expand_dims(b, axes=tuple(range(1, 1 + len(rows)))) if rows else b
    last = tuple(range(1 + len(rows) + len(columns), np.ndim(a)))
    return sum_(a * b, axes=last), 0


def _tensordot_source(a: ArrayType, b: ArrayType, *, left: Axes, right: Axes) -> str:
    count = len(left)
    natural = left == tuple(range(a.rank - count, a.rank)) and right == tuple(range(count))
    if natural:
        return f"np.tensordot({{}}, {{}}{'' if count == 2 else f', {count}'})"
    if count == 1:
        return f"np.tensordot({{}}, {{}}, ({left[0]}, {right[0]}))"
    return f"np.tensordot({{}}, {{}}, ({left}, {right}))"


def _tensordot_call(a: Any, b: Any, axes: Any = 2) -> Any:
    axes = static(axes, "axes")
    if isinstance(axes, int):
        left = tuple(range(np.ndim(a) - axes, np.ndim(a)))
        return tensordot(a, b, left=left, right=tuple(range(axes)))
    left = listed_axes(axes[0], np.ndim(a))
    return tensordot(a, b, left=left, right=listed_axes(axes[1], np.ndim(b)))


tensordot = make(
    "tensordot",
    calls=(
        (np.tensordot, _tensordot_call),
        (np.linalg.tensordot, lambda x1, x2, /, *, axes=2: _tensordot_call(x1, x2, axes)),
    ),
    infer=_tensordot_infer,
    value=lambda a, b, *, left, right: np.tensordot(a, b, (left, right)),
    vjp=_tensordot_vjp,
    jvp=bilinear_jvp(lambda: tensordot),
    batch=_tensordot_batch,
    source=_tensordot_source,
    scalar=Expands(tensordot_loops),
    may_raise=(ValueError,),
)


OPS: tuple[Op, ...] = (tensordot,)
