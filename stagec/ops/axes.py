"""Views that add, drop and permute axes, and the size of an axis.

The lowest family: only element types lie below it.  All attributes are tuples of non-negative
axes, and all results share memory with their operand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from stagec.ir.core import Cost, Moves, Op
from stagec.ir.types import ArrayType, Dim, Shape, may_be_one
from stagec.ops.extent import extent
from stagec.ops.family import (
    linear,
    made_by,
    static,
    up,
)


def np_shape(x: Any) -> Shape:
    """The shape of a handle, an array or a number."""
    return x.shape if hasattr(x, "shape") else np.shape(x)


def plain_array(x: Any) -> Any:
    """A list or tuple of plain numbers as the array that it is as an operand."""
    return np.asarray(x) if isinstance(x, list | tuple) else x


def dtype_of(x: Any) -> np.dtype:
    """The element type of a handle, an array or a number."""
    return x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype


def normal_axes(axis: Any, rank: int) -> tuple[int, ...]:
    """`axis` as NumPy takes it (None, int or tuple) as sorted non-negative axes."""
    return tuple(sorted(listed_axes(axis, rank)))


def reduced_axes(axis: Any, rank: int) -> tuple[int, ...]:
    """The axes that a reduction goes over; a number can be reduced along axis 0."""
    alone = rank == 0 and static(axis, "axis") in (0, -1)
    return () if alone else normal_axes(axis, rank)


def listed_axes(axis: Any, rank: int) -> tuple[int, ...]:
    """`axis` as NumPy takes it (None, int or tuple) as non-negative axes in the order given."""
    axis = static(axis, "axis")
    if axis is None:
        return tuple(range(rank))
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    out = tuple(a + rank if a < 0 else a for a in axes)
    if len(set(out)) != len(out) or any(not 0 <= a < rank for a in out):
        raise TypeError(f"axis {axis} does not fit an array of rank {rank}")
    return out


def normal_axis(axis: Any, rank: int) -> int:
    """`axis`, one integer, as a non-negative axis."""
    axis = static(axis, "axis")
    if isinstance(axis, bool) or not isinstance(axis, int):
        raise TypeError(f"axis must be an integer, not {axis!r}")
    return listed_axes(axis, rank)[0]


def reduced(shape: Shape, axes: tuple[int, ...], keepdims: bool) -> Shape:
    """The shape after reducing `axes`."""
    if keepdims:
        return tuple(1 if k in axes else d for k, d in enumerate(shape))
    return tuple(d for k, d in enumerate(shape) if k not in axes)


def axis_text(axes: tuple[int, ...]) -> str:
    """The axes as NumPy takes them: one integer or a tuple."""
    return str(axes[0] if len(axes) == 1 else axes)


def to_front(op: Callable[[], Op], shift: Callable[..., dict[str, Any]]) -> Any:
    """A batch rule: put the batch axis of the first operand first, and shift the attributes."""

    def batch(args: Any, axes: Any, /, **attrs: Any) -> tuple[Any, int]:
        if any(a is not None for a in axes[1:]):
            raise TypeError(f"vmap: {op().name} needs the same sizes in every batch element")
        return op()(move_axis(args[0], axes[0], 0), *args[1:], **shift(**attrs)), 0

    return batch


def in_place(op: Callable[[], Op]) -> Any:
    """The rule for a batch axis behind all others, for an op that names axes from the first."""

    def batch(args: Any, wide: Any, /, **attrs: Any) -> Any:
        return None if any(wide[1:]) else op()(*args, **attrs)

    return batch


def shift_axes(*, axes: Any, **attrs: Any) -> dict[str, Any]:
    """The attributes of an op with `axes`, after a batch axis was put in front."""
    return {"axes": up(axes), **attrs}


def shift_axis(*, axis: Any, **attrs: Any) -> dict[str, Any]:
    """The attributes of an op with `axis`, after a batch axis was put in front."""
    return {"axis": up(axis), **attrs}


def no_shift(**attrs: Any) -> dict[str, Any]:
    """The attributes of an op that names no axes, or counts them from the last."""
    return attrs


# --- sizes -------------------------------------------------------------------------------


def length(x: Any, axis: int) -> Any:
    """The size of an axis: an integer if it is static, else a staged one."""
    size: Dim = np_shape(x)[axis]
    return size if isinstance(size, int) else extent(x, axis=axis)


def shape_of(x: Any) -> tuple[Any, ...]:
    """The sizes of all axes, static or staged."""
    return tuple(length(x, k) for k in range(np.ndim(x)))


# --- new axes ------------------------------------------------------------------------------


def _expand_infer(x: ArrayType, *, axes: tuple[int, ...]) -> ArrayType:
    shape = list(x.shape)
    for axis in axes:
        shape.insert(axis, 1)
    return ArrayType(x.dtype, tuple(shape))


def _expand_source(x: ArrayType, *, axes: tuple[int, ...]) -> str:
    if x.kind != "array" or not axes:
        return f"np.expand_dims({{}}, {axis_text(axes)})"
    return f"{{}}[{', '.join('None' if k in axes else ':' for k in range(axes[-1] + 1))}]"


def _expand_call(a: Any, axis: Any) -> Any:
    count = len(axis) if isinstance(axis, tuple | list) else 1
    return expand_dims(a, axes=normal_axes(axis, np.ndim(a) + count))


def _unless_none(x: Any, *, axes: tuple[int, ...]) -> Any:
    return x if not axes and x.type.kind == "array" else None


def _expand_squeezed(x: Any, *, axes: tuple[int, ...]) -> Any:
    inner = made_by(x, squeeze)
    return inner[0][0] if inner and inner[1]["axes"] == axes else None


expand_dims = linear(
    "expand_dims",
    calls=((np.expand_dims, _expand_call),),
    infer=_expand_infer,
    value=lambda x, *, axes: np.expand_dims(x, axes),
    vjp=lambda ct, out, x, *, axes: squeeze(ct, axes=axes),
    scalar=Moves(
        lambda at, *, axes: tuple(p for k, p in enumerate(at) if k not in axes), native=True
    ),
    batch=to_front(lambda: expand_dims, shift_axes),
    batch_last=in_place(lambda: expand_dims),
    source=_expand_source,
    alias=0,
    cost=Cost.FREE,
    rewrites=(_unless_none, _expand_squeezed),
)


def _squeeze_infer(x: ArrayType, *, axes: tuple[int, ...]) -> ArrayType:
    for axis in axes:
        if not may_be_one(x.shape[axis]):
            raise TypeError(f"cannot squeeze axis {axis} of size {x.shape[axis]}")
    return ArrayType(x.dtype, reduced(x.shape, axes, False))


def _squeeze_call(a: Any, axis: Any = None) -> Any:
    shape = np_shape(a)
    if axis is not None:
        return squeeze(a, axes=normal_axes(axis, len(shape)))
    for k, size in enumerate(shape):
        if size != 1 and may_be_one(size):
            raise TypeError(f"squeeze: give the axis; axis {k} may have size 1 or not")
    return squeeze(a, axes=tuple(k for k, size in enumerate(shape) if size == 1))


def _squeeze_expanded(x: Any, *, axes: tuple[int, ...]) -> Any:
    inner = made_by(x, expand_dims)
    if not inner or inner[1]["axes"] != axes:
        return None
    return inner[0][0] if inner[0][0].type.kind == "array" else None


def _squeezed(at: tuple[Any, ...], *, axes: tuple[int, ...]) -> tuple[Any, ...]:
    rest = iter(at)
    return tuple(None if k in axes else next(rest) for k in range(len(at) + len(axes)))


squeeze = linear(
    "squeeze",
    calls=((np.squeeze, _squeeze_call),),
    infer=_squeeze_infer,
    value=lambda x, *, axes: np.squeeze(x, axes),
    vjp=lambda ct, out, x, *, axes: expand_dims(ct, axes=axes),
    scalar=Moves(_squeezed, native=False),
    batch=to_front(lambda: squeeze, shift_axes),
    batch_last=in_place(lambda: squeeze),
    source=lambda x, *, axes: f"np.squeeze({{}}, {axis_text(axes)})",
    alias=0,
    may_raise=(ValueError,),
    cost=Cost.FREE,
    rewrites=(_unless_none, _squeeze_expanded),
)


def restore_axes(x: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    """A reduced `x` with the reduced axes back, as length 1."""
    return x if keepdims or not axes else expand_dims(x, axes=axes)


# --- permutations --------------------------------------------------------------------------


def inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    """The inverse permutation."""
    return tuple(axes.index(k) for k in range(len(axes)))


def _transpose_infer(x: ArrayType, *, axes: tuple[int, ...]) -> ArrayType:
    if sorted(axes) != list(range(x.rank)):
        raise TypeError(f"axes {axes} do not permute an array of rank {x.rank}")
    return ArrayType(x.dtype, tuple(x.shape[a] for a in axes))


def _transpose_source(x: ArrayType, *, axes: tuple[int, ...]) -> str:
    if x.kind == "array" and axes == tuple(reversed(range(x.rank))):
        return "{}.T"
    moved = [k for k, a in enumerate(axes) if a != k]
    if len(moved) == 2:
        return f"np.swapaxes({{}}, {moved[0]}, {moved[1]})"
    return f"np.transpose({{}}, {axes})"


def _transpose_identity(x: Any, *, axes: tuple[int, ...]) -> Any:
    return x if axes == tuple(range(len(axes))) and x.type.kind == "array" else None


def _transpose_twice(x: Any, *, axes: tuple[int, ...]) -> Any:
    inner = made_by(x, transpose)
    if not inner:
        return None
    return transpose(inner[0][0], axes=tuple(inner[1]["axes"][a] for a in axes))


def _transpose_call(a: Any, axes: Any = None, *more: Any) -> Any:
    rank = np.ndim(a)
    if axes is None:
        return transpose(a, axes=tuple(reversed(range(rank))))
    return transpose(a, axes=listed_axes((axes, *more) if more else axes, rank))


def _matrix_transpose_call(x: Any) -> Any:
    if np.ndim(x) < 2:
        raise TypeError("matrix_transpose needs an array of at least two axes")
    return swap_axes(x, -2, -1)


def _move_call(a: Any, source: Any, destination: Any) -> Any:
    rank = np.ndim(a)
    old, new = listed_axes(source, rank), listed_axes(destination, rank)
    if len(old) != len(new):
        raise TypeError("moveaxis: source and destination must have the same length")
    order = [k for k in range(rank) if k not in old]
    for position, axis in sorted(zip(new, old, strict=True)):
        order.insert(position, axis)
    return transpose(a, axes=tuple(order))


def _roll_axis_call(a: Any, axis: Any, start: Any = 0) -> Any:
    rank = np.ndim(a)
    axis, start = normal_axis(axis, rank), static(start, "start")
    if not -rank <= start <= rank:
        raise np.exceptions.AxisError(
            f"'start' arg requires {-rank} <= start < {rank + 1}, but {start} was passed in"
        )
    start = start + rank if start < 0 else start
    return move_axis(a, axis, start - (axis < start))


transpose = linear(
    "transpose",
    calls=(
        (np.transpose, _transpose_call),
        (np.matrix_transpose, _matrix_transpose_call),
        (np.linalg.matrix_transpose, _matrix_transpose_call),
        (np.swapaxes, lambda a, axis1, axis2: swap_axes(a, axis1, axis2)),
        (np.moveaxis, _move_call),
        (np.rollaxis, _roll_axis_call),
    ),
    infer=_transpose_infer,
    value=lambda x, *, axes: np.transpose(x, axes),
    vjp=lambda ct, out, x, *, axes: transpose(ct, axes=inverse(axes)),
    scalar=Moves(
        lambda at, *, axes: tuple(at[axes.index(k)] for k in range(len(axes))), native=True
    ),
    batch=to_front(lambda: transpose, lambda *, axes: {"axes": (0, *up(axes))}),
    batch_last=lambda args, wide, *, axes: transpose(args[0], axes=(*axes, len(axes))),
    source=_transpose_source,
    alias=0,
    cost=Cost.FREE,
    rewrites=(_transpose_identity, _transpose_twice),
)


def swap_axes(x: Any, first: int, second: int) -> Any:
    """`x` with two axes exchanged."""
    rank = np.ndim(x)
    first, second = normal_axis(first, rank), normal_axis(second, rank)
    order = list(range(rank))
    order[first], order[second] = second, first
    return transpose(x, axes=tuple(order))


def move_axis(x: Any, source: int, destination: int) -> Any:
    """`x` with one axis moved; `x` itself if it is there already."""
    order = [k for k in range(np.ndim(x)) if k != source]
    order.insert(destination, source)
    return x if source == destination else transpose(x, axes=tuple(order))


def align_last(args: Any, wide: Any) -> tuple[Any, ...]:
    """Operands of a broadcasting op, batch axes last: the others have one of length 1 there."""
    return tuple(
        x if w or not np.ndim(x) else expand_dims(x, axes=(np.ndim(x),))
        for x, w in zip(args, wide, strict=True)
    )


def pad_rank(x: Any, rank: int) -> Any:
    """Axes of length 1 after the first, up to `rank`."""
    extra = tuple(range(1, 1 + rank - np.ndim(x)))
    return expand_dims(x, axes=extra) if extra else x


def align(args: Any, axes: Any) -> tuple[Any, ...]:
    """Batched operands of a broadcasting op: batch axes first, ranks filled up after them."""
    ranks = [np.ndim(x) - (a is not None) for x, a in zip(args, axes, strict=True)]
    return tuple(
        x if a is None else pad_rank(move_axis(x, a, 0), max(ranks) + 1)
        for x, a in zip(args, axes, strict=True)
    )


OPS: tuple[Op, ...] = (expand_dims, squeeze, transpose)
