"""Windows that slide along an axis: all of them, as a view of the array."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from stagec.ir.core import Cost, Op
from stagec.ir.path import Arg, Index, Slice
from stagec.ir.types import ArrayType, affine
from stagec.ops.axes import (
    dtype_of,
    expand_dims,
    length,
    move_axis,
    normal_axis,
    shift_axis,
    to_front,
)
from stagec.ops.creation import zeros_like
from stagec.ops.family import linear, size_text, size_types, size_values, sizes, static
from stagec.ops.indexing import accumulate_at
from stagec.ops.ranges import counted

Window = tuple[int | Arg]


def _call(
    x: Any, window_shape: Any, axis: Any = None, *, subok: Any = False, writeable: Any = False
) -> Any:
    if static(subok, "subok") or static(writeable, "writeable"):
        raise TypeError("sliding_window_view: subok=True and writeable=True are not supported")
    rank = np.ndim(x)
    windows = window_shape if isinstance(window_shape, tuple | list) else (window_shape,)
    given = tuple(range(rank)) if axis is None else static(axis, "axis")
    axes = given if isinstance(given, tuple) else (given,)
    if len(axes) != len(windows):
        raise ValueError(f"give one window size an axis: {len(windows)} for {len(axes)} axes")
    found = x
    for k, window in zip(axes, windows, strict=True):
        plan, staged = sizes(window, 1)
        found = sliding_windows(found, *staged, window=plan, axis=normal_axis(k, rank))
    return found


def _infer(x: ArrayType, *size: Any, window: Window, axis: int) -> ArrayType:
    (width,) = size_types(window, (x, *size))
    count = affine((x.shape[axis], 1), const=1 - width) if isinstance(width, int) else None
    if isinstance(count, int) and count < 0:
        raise ValueError("window shape cannot be larger than input array shape")
    return ArrayType(x.dtype, (*x.shape[:axis], count, *x.shape[axis + 1 :], width))


def _value(x: Any, *size: Any, window: Window, axis: int) -> Any:
    return sliding_window_view(x, size_values(window, (x, *size)), (axis,))


def _vjp(ct: Any, out: Any, x: Any, *size: Any, window: Window, axis: int) -> Any:
    """Each element of a window goes back to where it was read."""
    starts, steps = counted(length(ct, axis), x), counted(length(ct, np.ndim(x)), x)
    places = expand_dims(starts, axes=(1,)) + steps
    path = (Index((*(Slice(),) * axis, Arg(0))),)
    ct = move_axis(ct, np.ndim(x), axis + 1)
    return accumulate_at(zeros_like(x, dtype=dtype_of(x)), ct, path, places)


def _source(x: ArrayType, *size: Any, window: Window, axis: int) -> str:
    tail = f", {axis}" if x.rank > 1 else ""
    return f"np.lib.stride_tricks.sliding_window_view({{0}}, {size_text(window)}{tail})"


sliding_windows = linear(
    "sliding_window_view",
    calls=((sliding_window_view, _call),),
    infer=_infer,
    value=_value,
    vjp=_vjp,
    batch=to_front(lambda: sliding_windows, shift_axis),
    source=_source,
    alias=0,
    may_raise=(ValueError,),
    cost=Cost.FREE,
)


OPS: tuple[Op, ...] = (sliding_windows,)
