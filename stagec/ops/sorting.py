"""Sorting, selecting, and gathering by computed positions.

Derivatives follow the elements to where they were put: each op that permutes is a gather whose
positions are constant.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import stagec_runtime as rt
from stagec.ir.core import Op
from stagec.ir.path import Arg, Index
from stagec.ir.types import ArrayType
from stagec.ops.axes import dtype_of, expand_dims, length, normal_axis, shift_axis, to_front
from stagec.ops.cast import astype
from stagec.ops.composite import composite
from stagec.ops.copying import copy
from stagec.ops.family import constant, make, static
from stagec.ops.indexing import read_at
from stagec.ops.joining import FULL
from stagec.ops.ranges import counted
from stagec.ops.rounding import clip, remainder
from stagec.ops.search import (
    argpartition,
    argsort,
    axis_option,
    flatnonzero,
    kth_text,
)
from stagec.ops.shape import ravel


def _last(a: Any, axis: Any) -> tuple[Any, int]:
    """The array and the axis; None flattens."""
    if static(axis, "axis") is None:
        return (a if np.ndim(a) == 1 else ravel(a)), 0
    return a, normal_axis(axis, np.ndim(a))


# --- gathering -----------------------------------------------------------------------------


def along_path(x: Any, index: Any, axis: int) -> tuple[Any, tuple[Any, ...]]:
    """The path and index operands that pick `index` along an axis, element by element."""
    if np.ndim(x) == 1:
        return (Index((Arg(0),)),), (index,)
    rows: list[Any] = []
    for k in range(np.ndim(x)):
        if k == axis:
            rows.append(index)
            continue
        others = tuple(j for j in range(np.ndim(x)) if j != k)
        rows.append(expand_dims(counted(length(x, k), x), axes=others))
    return (Index(tuple(Arg(k) for k in range(len(rows)))),), tuple(rows)


def _along_expand(x: Any, index: Any, *, axis: int) -> Any:
    path, rows = along_path(x, index, axis)
    return read_at(x, path, *rows)


def _along_call(arr: Any, indices: Any, axis: Any = -1) -> Any:
    if np.ndim(indices) != (1 if axis is None else np.ndim(arr)):
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    x, at = _last(arr, axis)
    return take_along_axis(x, indices, axis=at)


take_along_axis = composite(
    "take_along_axis",
    calls=((np.take_along_axis, _along_call),),
    value=lambda x, index, *, axis: np.take_along_axis(x, index, axis),
    expand=_along_expand,
    source=lambda x, index, *, axis: f"np.take_along_axis({{}}, {{}}, {axis})",
    may_raise=(IndexError,),
)


def _take_call(
    a: Any, indices: Any, axis: Any = None, out: None = None, mode: str = "raise"
) -> Any:
    x, at = _last(a, axis)
    if isinstance(indices, list | tuple | range) and not len(indices):
        indices = np.zeros(0, np.int64)
    if dtype_of(indices).kind == "f":
        raise TypeError("take: indices must be integers")
    if mode == "clip":
        indices = clip(indices, 0, length(x, at) - 1)
    elif mode == "wrap":
        indices = remainder(indices, length(x, at))
    found = read_at(x, (Index((*(FULL,) * at, Arg(0))),), indices)
    # one row is a view, which NumPy's is not
    return copy(found) if np.ndim(indices) == 0 and np.ndim(x) > 1 else found


def _compress_call(condition: Any, a: Any, axis: Any = None, out: None = None) -> Any:
    x, at = _last(a, axis)
    return read_at(x, (Index((*(FULL,) * at, Arg(0))),), flatnonzero(condition))


def _compress_method(a: Any, condition: Any, axis: Any = None, out: None = None) -> Any:
    return _compress_call(condition, a, axis)


def _extract_call(condition: Any, arr: Any) -> Any:
    return read_at(ravel(arr), (Index((Arg(0),)),), flatnonzero(condition))


# --- sorting -------------------------------------------------------------------------------


def _sort_call(
    a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None
) -> Any:
    if order is not None:
        raise TypeError("sort: order= is for structured arrays")
    x, at = _last(a, axis)
    return sort(x, axis=at)


def _argsort_call(
    a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None
) -> Any:
    if order is not None:
        raise TypeError("argsort: order= is for structured arrays")
    x, at = _last(a, axis)
    kind = "stable" if stable else static(kind, "kind")
    return argsort(x, axis=at, **({"kind": kind} if kind else {}))


def _sort_complex_call(a: Any) -> Any:
    x = sort(a, axis=np.ndim(a) - 1)
    if dtype_of(x).kind == "c":
        return x
    narrow = dtype_of(x).char in "bhBH"  # all others become complex128, float32 too
    return astype(x, dtype=np.dtype(np.complex64 if narrow else np.complex128))


def _sort_vjp(ct: Any, out: Any, x: Any, *, axis: int) -> tuple[Any]:
    ranks = argsort(argsort(x, axis=axis), axis=axis)
    return (take_along_axis(ct, ranks, axis=axis),)


def _sort_jvp(dxs: Any, out: Any, x: Any, *, axis: int) -> Any:
    return take_along_axis(dxs[0], argsort(x, axis=axis), axis=axis)


sort = make(
    "sort",
    calls=(
        (np.sort, _sort_call),
        (np.argsort, _argsort_call),
        (np.sort_complex, _sort_complex_call),
        (np.take, _take_call),
        (np.compress, _compress_call),
        (np.ndarray.compress, _compress_method),
        (np.extract, _extract_call),
    ),
    value=lambda x, *, axis: np.sort(x, axis),
    infer=lambda x, *, axis: ArrayType(x.dtype, x.shape),
    vjp=_sort_vjp,
    jvp=_sort_jvp,
    batch=to_front(lambda: sort, shift_axis),
    source=lambda x, *, axis: f"np.sort({{}}{axis_option(x, axis)})",
)


# the positions that `np.partition` takes its elements from: `np.argpartition` may differ
partition_order = constant(
    "partition_order",
    calls=(),
    infer=lambda x, *, axis, kth: ArrayType(np.dtype(np.int64), x.shape),
    value=lambda x, *, axis, kth: rt.partition_order(x, kth, axis),
    batch=to_front(lambda: partition_order, shift_axis),
    source=lambda x, *, axis, kth: f"rt.partition_order({{}}, {kth_text(kth)}, {axis})",
)


def _kth(x: Any, kth: Any, axis: int) -> tuple[int, ...]:
    found = static(kth, "kth")
    return found if isinstance(found, tuple) else (int(found),)


def _partition_call(op: Callable[[], Op]) -> Callable[..., Any]:
    def call(
        a: Any, kth: Any, axis: Any = -1, kind: str = "introselect", order: Any = None
    ) -> Any:
        x, at = _last(a, axis)
        return op()(x, axis=at, kth=_kth(x, kth, at))

    return call


def _partition_vjp(ct: Any, out: Any, x: Any, *, axis: int, kth: Any) -> tuple[Any]:
    ranks = argsort(partition_order(x, axis=axis, kth=kth), axis=axis)
    return (take_along_axis(ct, ranks, axis=axis),)


def _partition_jvp(dxs: Any, out: Any, x: Any, *, axis: int, kth: Any) -> Any:
    return take_along_axis(dxs[0], partition_order(x, axis=axis, kth=kth), axis=axis)


partition = make(
    "partition",
    calls=(
        (np.partition, _partition_call(lambda: partition)),
        (np.argpartition, _partition_call(lambda: argpartition)),
    ),
    value=lambda x, *, axis, kth: np.partition(x, kth, axis),
    infer=lambda x, *, axis, kth: ArrayType(x.dtype, x.shape),
    vjp=_partition_vjp,
    jvp=_partition_jvp,
    batch=to_front(lambda: partition, shift_axis),
    source=lambda x, *, axis, kth: f"np.partition({{}}, {kth_text(kth)}{axis_option(x, axis)})",
    may_raise=(ValueError,),
)


OPS: tuple[Op, ...] = (take_along_axis, sort, partition_order, partition)
