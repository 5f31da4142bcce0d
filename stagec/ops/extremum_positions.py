"""Where the extrema are: argmax, argmin and their NaN-ignoring kin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from stagec.ir.core import LIBRARY, Expands, Library, Op
from stagec.ir.types import ArrayType
from stagec.ops.axes import (
    length,
    move_axis,
    normal_axis,
    reduced,
    restore_axes,
    shape_of,
)
from stagec.ops.comparison import equal, logical_or, not_equal
from stagec.ops.family import array, constant, sizes, static
from stagec.ops.ranges import counted
from stagec.ops.reduction import max_, min_
from stagec.ops.select import where
from stagec.ops.shape import reshape

Axes = tuple[int, ...]


def _position_batch(op: Op, args: Any, axes: Any, axis: int | None, keepdims: bool) -> Any:
    x = move_axis(args[0], axes[0], 0)
    if axis is not None:
        return op(x, axis=axis + 1, **({"keepdims": True} if keepdims else {})), 0
    plan, staged = sizes((*shape_of(x)[:1], -1))
    found = op(reshape(x, *staged, shape=plan), axis=1)
    return (restore_axes(found, tuple(range(1, np.ndim(x))), False) if keepdims else found), 0


def _first_of(extremum: Op) -> Expands:
    """The least index of an element that is the extremum, or that is NaN, in simpler ops."""

    def first(x: Any, **attrs: Any) -> Any:
        count = length(x, 0)
        hits = logical_or(equal(x, extremum(x, axes=(0,))), not_equal(x, x))
        return min_(where(hits, counted(count, x), count), axes=(0,))

    def rule(x: ArrayType, *, axis: int | None, keepdims: bool = False) -> Any:
        return first if x.rank == 1 and x.dtype.kind == "f" and not keepdims else None

    return Expands(rule)


def _position(function: Callable[..., Any], scalar: Library | Expands) -> Op:
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
        scalar=scalar,
        may_raise=(ValueError,),
    )
    return op


argmax = _position(np.argmax, _first_of(max_))
argmin = _position(np.argmin, _first_of(min_))
nanargmax = _position(np.nanargmax, LIBRARY)
nanargmin = _position(np.nanargmin, LIBRARY)


OPS: tuple[Op, ...] = (argmax, argmin, nanargmax, nanargmin)
