"""Moving and repeating elements: flip, roll, repeat, tile, pad.

Flips read slices with negative steps: they are views.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from stagec.ir.core import Cost, Expands, Op
from stagec.ir.path import Arg, Index, Slice
from stagec.ir.types import ArrayType, Dim, at_least
from stagec.ops.arrays import vector
from stagec.ops.axes import (
    axis_text,
    expand_dims,
    length,
    listed_axes,
    move_axis,
    normal_axes,
    normal_axis,
    shape_of,
    swap_axes,
    to_front,
)
from stagec.ops.broadcast import sum_
from stagec.ops.cast import number_type
from stagec.ops.creation import empty
from stagec.ops.family import (
    linear,
    near,
    size_text,
    size_types,
    size_values,
    sizes,
    static,
    up,
)
from stagec.ops.indexing import accumulate, read_at, update_at
from stagec.ops.into import into
from stagec.ops.joining import FULL
from stagec.ops.ranges import counted
from stagec.ops.shape import product_dim, ravel, reshape, reshaped_like

Plan = tuple[int | Arg, ...]


def reverse_axes(x: Any, axes: tuple[int, ...]) -> Any:
    """`x` read backwards along the axes."""
    items = tuple(
        Slice(step=-1) if k in axes else FULL for k in range(max(axes, default=-1) + 1)
    )
    return read_at(x, (Index(items),)) if axes else x


def _flip_call(m: Any, axis: Any = None) -> Any:
    if np.ndim(m) == 0:
        return read_at(m, (Index(()),))  # a NumPy scalar, as `m[()]` is
    return reverse_axes(m, normal_axes(axis, np.ndim(m)))


def _flip_axis(axis: int) -> Any:
    def call(m: Any) -> Any:
        if np.ndim(m) <= axis:
            raise ValueError(f"Input must be >= {axis + 1}-d.")
        return reverse_axes(m, (axis,))

    return call


def _rot90_call(m: Any, k: Any = 1, axes: Any = (0, 1)) -> Any:
    first, second = listed_axes(axes, np.ndim(m))
    turns = static(k, "k") % 4
    if turns == 0:
        return reverse_axes(reverse_axes(m, (first,)), (first,))
    if turns == 2:
        return reverse_axes(m, tuple(sorted((first, second))))
    if turns == 1:
        return swap_axes(reverse_axes(m, (second,)), first, second)
    return reverse_axes(swap_axes(m, first, second), (second,))


# --- roll ----------------------------------------------------------------------------------


def _roll_call(a: Any, shift: Any, axis: Any = None) -> Any:
    if axis is None:
        if np.ndim(a) == 1:
            return _roll_call(a, shift, 0)
        return reshaped_like(_roll_call(ravel(a), shift, 0), a)
    axis = static(axis, "axis")
    axes = tuple(
        normal_axis(k, np.ndim(a)) for k in (axis if isinstance(axis, tuple) else (axis,))
    )
    plan, staged = sizes(shift, 1)
    if len(plan) != len(axes):
        size = max(len(plan), len(axes))
        plan, axes = plan * (size // len(plan)), axes * (size // len(axes))
    return roll(a, *staged, shift=plan, axes=axes)


def _roll_value(x: Any, *n: Any, shift: Plan, axes: tuple[int, ...]) -> Any:
    return np.roll(x, size_values(shift, (x, *n)), axes)


def _roll_source(x: ArrayType, *n: Any, shift: Plan, axes: tuple[int, ...]) -> str:
    tail = "" if x.rank == 1 and len(axes) == 1 else f", axis={axis_text(axes)}"
    return f"np.roll({{0}}, {size_text(shift)}{tail})"


def _roll_vjp(ct: Any, out: Any, x: Any, *n: Any, shift: Plan, axes: tuple[int, ...]) -> Any:
    back = tuple(s if isinstance(s, Arg) else -s for s in shift)
    return roll(ct, *(-k for k in n), shift=back, axes=axes)


def _roll_rule(x: ArrayType, *n: Any, shift: Plan, axes: tuple[int, ...]) -> Any:
    """Rolling by a few places: the axis is known to have as many, so that two parts of it
    change places.
    """
    if len(axes) != 1 or n or not 0 < abs(shift[0]) <= (at_least(x.shape[axes[0]]) or 0):  # type: ignore[arg-type]
        return None
    return _swapped


def _swapped(x: Any, *, shift: Plan, axes: tuple[int, ...]) -> Any:
    """The last elements along the axis, and the others behind them."""
    (places,), (axis,) = shift, axes
    plan, lengths = sizes(shape_of(x))
    out = near((x, *lengths), empty, *lengths, shape=plan, dtype=number_type(x).dtype)
    for part in (Slice(places, None), Slice(None, places)):
        given = Slice(None, -places) if part.stop is None else Slice(-places, None)  # type: ignore[operator]
        of, to = ((Index((*(FULL,) * axis, item)),) for item in (given, part))
        out = update_at(out, read_at(x, of), to)
    return out


roll = linear(
    "roll",
    calls=(
        (np.roll, _roll_call),
        (np.flip, _flip_call),
        (np.flipud, _flip_axis(0)),
        (np.fliplr, _flip_axis(1)),
        (np.rot90, _rot90_call),
    ),
    infer=lambda x, *n, shift, axes: ArrayType(x.dtype, x.shape),
    value=_roll_value,
    vjp=_roll_vjp,
    batch=to_front(lambda: roll, lambda *, shift, axes: {"shift": shift, "axes": up(axes)}),
    source=_roll_source,
    scalar=Expands(_roll_rule),
    cost=Cost.CHEAP,
)


# --- repeat and tile -----------------------------------------------------------------------


def _repeat_call(a: Any, repeats: Any, axis: Any = None) -> Any:
    if axis is None:
        a, axis = (a if np.ndim(a) == 1 else ravel(a)), 0
    axis = normal_axis(axis, np.ndim(a))
    if isinstance(repeats, tuple | list | np.ndarray):
        return repeat(a, vector(repeats, a), axis=axis, count=Arg(1))
    (count,), staged = sizes(repeats, 1)
    return repeat(a, *staged, axis=axis, count=count)


def _repeat_infer(x: ArrayType, *n: ArrayType, axis: int, count: int | Arg) -> ArrayType:
    dim: Dim = None
    if not isinstance(count, Arg) or n[0].rank == 0:
        dim = product_dim((x.shape[axis], *size_types((count,), (x, *n))))
    return ArrayType(x.dtype, (*x.shape[:axis], dim, *x.shape[axis + 1 :]))


def _repeat_value(x: Any, *n: Any, axis: int, count: int | Arg) -> Any:
    return np.repeat(x, n[0] if isinstance(count, Arg) else count, axis)


def _repeat_source(x: ArrayType, *n: Any, axis: int, count: int | Arg) -> str:
    tail = "" if x.rank == 1 else f", axis={axis}"
    return f"np.repeat({{0}}, {size_text((count,))}{tail})"


def _repeat_vjp(ct: Any, out: Any, x: Any, *n: Any, axis: int, count: int | Arg) -> Any:
    if n and np.ndim(n[0]):
        rows = repeat(counted(length(x, axis), x), n[0], axis=0, count=count)
        path = (Index((*(FULL,) * axis, Arg(0))),)
        return into(accumulate, x, ct, rows, path=path)
    lengths = shape_of(x)
    plan, staged = sizes((*lengths[: axis + 1], n[0] if n else count, *lengths[axis + 1 :]))
    return sum_(reshape(ct, *staged, shape=plan), axes=(axis + 1,))


repeat = linear(
    "repeat",
    calls=((np.repeat, _repeat_call),),
    infer=_repeat_infer,
    value=_repeat_value,
    vjp=_repeat_vjp,
    batch=to_front(lambda: repeat, lambda *, axis, count: {"axis": axis + 1, "count": count}),
    source=_repeat_source,
    may_raise=(ValueError,),
    cost=Cost.CHEAP,
)


def _tile_call(A: Any, reps: Any) -> Any:
    plan, staged = sizes(reps, 1)
    return tile(A, *staged, reps=plan)


def _tile_infer(x: ArrayType, *n: ArrayType, reps: Plan) -> ArrayType:
    rank = max(x.rank, len(reps))
    times = (1,) * (rank - len(reps)) + size_types(reps, (x, *n))
    shape = (1,) * (rank - x.rank) + x.shape
    return ArrayType(x.dtype, tuple(product_dim(p) for p in zip(shape, times, strict=True)))


def _tile_vjp(ct: Any, out: Any, x: Any, *n: Any, reps: Plan) -> Any:
    rank = np.ndim(out)
    given = tuple((x, *n)[r.position] if isinstance(r, Arg) else r for r in reps)
    times = (1,) * (rank - len(reps)) + given
    lengths = (1,) * (rank - np.ndim(x)) + shape_of(x)
    plan, staged = sizes(tuple(s for pair in zip(times, lengths, strict=True) for s in pair))
    total = sum_(reshape(ct, *staged, shape=plan), axes=tuple(range(0, 2 * rank, 2)))
    return reshaped_like(total, x)


def _tile_batch(args: Any, axes: Any, *, reps: Plan) -> tuple[Any, int]:
    if any(a is not None for a in axes[1:]):
        raise TypeError("vmap: tile needs the same sizes in every batch element")
    x = move_axis(args[0], axes[0], 0)
    rank = np.ndim(x) - 1
    extra = tuple(range(1, 1 + max(0, len(reps) - rank)))
    x = expand_dims(x, axes=extra) if extra else x
    return tile(x, *args[1:], reps=(*(1,) * (1 + max(0, rank - len(reps))), *reps)), 0


tile = linear(
    "tile",
    calls=((np.tile, _tile_call),),
    infer=_tile_infer,
    value=lambda x, *n, reps: np.tile(x, size_values(reps, (x, *n))),
    vjp=_tile_vjp,
    batch=_tile_batch,
    source=lambda x, *n, reps: f"np.tile({{0}}, {size_text(reps)})",
    cost=Cost.CHEAP,
)


OPS: tuple[Op, ...] = (roll, repeat, tile)
