"""Where the extrema are: argmax, argmin and their NaN-ignoring kin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from stagec.ir.core import Op
from stagec.ir.types import ArrayType
from stagec.ops.axes import (
    move_axis,
    normal_axis,
    reduced,
    restore_axes,
    shape_of,
)
from stagec.ops.family import array, constant, sizes, static
from stagec.ops.shape import reshape

Axes = tuple[int, ...]


def _position_batch(op: Op, args: Any, axes: Any, axis: int | None, keepdims: bool) -> Any:
    x = move_axis(args[0], axes[0], 0)
    if axis is not None:
        return op(x, axis=axis + 1, **({"keepdims": True} if keepdims else {})), 0
    plan, staged = sizes((*shape_of(x)[:1], -1))
    found = op(reshape(x, *staged, shape=plan), axis=1)
    return (restore_axes(found, tuple(range(1, np.ndim(x))), False) if keepdims else found), 0


def _position(function: Callable[..., Any]) -> Op:
    """Argmax or argmin, or the ones that ignore NaN."""
    name = function.__name__

    def call(a: Any, axis: Any = None, out: None = None, *, keepdims: Any = False) -> Any:
        at = None if axis is None else normal_axis(axis, np.ndim(a))
        return op(a, axis=at, **({"keepdims": True} if static(keepdims, "keepdims") else {}))

    def infer(x: ArrayType, *, axis: int | None, keepdims: bool = False) -> ArrayType:
        axes = tuple(range(x.rank)) if axis is None else (axis,)
        return array(np.int64, reduced(x.shape, axes, keepdims))

    def source(x: ArrayType, *, axis: int | None, keepdims: bool = False) -> str:
        tail = "" if axis is None or x.rank == 1 else f", axis={axis}"
        return f"np.{name}({{}}{tail}{', keepdims=True' if keepdims else ''})"

    op = constant(
        name,
        calls=((function, call),),
        infer=infer,
        value=lambda x, *, axis, keepdims=False: function(x, axis=axis, keepdims=keepdims),
        batch=lambda args, axes, *, axis, keepdims=False: _position_batch(
            op, args, axes, axis, keepdims
        ),
        source=source,
        may_raise=(ValueError,),
    )
    return op


argmax = _position(np.argmax)
argmin = _position(np.argmin)
nanargmax = _position(np.nanargmax)
nanargmin = _position(np.nanargmin)


OPS: tuple[Op, ...] = (argmax, argmin, nanargmax, nanargmin)
