"""Columns put together in compiled loops: each is written where it is computed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from stagec.ir.path import Index, Slice
from stagec.ir.types import ArrayType, Dim, same, same_shape
from stagec.ops.arithmetic import Handle
from stagec.ops.axes import length, np_shape, squeeze
from stagec.ops.cast import number_type
from stagec.ops.creation import empty
from stagec.ops.family import near, sizes
from stagec.ops.indexing import update_at
from stagec.ops.paths import FULL

FEW = 16  # columns that compiled code writes one by one


def as_writes(
    infer: Callable[..., ArrayType], types: tuple[ArrayType, ...], axis: int
) -> Callable[..., Any] | None:
    """How columns are put together by writing each of them, if they are few.

    `infer` tells the type of the whole, as of an op.
    """
    lengths = [t.shape[axis] for t in types]
    known = [n for n in lengths if isinstance(n, int)]
    rows = [(*t.shape[:axis], *t.shape[axis + 1 :]) for t in types]
    fits = all(same_shape(rows[0], row) for row in rows)
    few = len(known) == len(lengths) and sum(known) <= FEW
    return partial(_written, infer) if axis and fits and few else None


def _written(infer: Callable[..., ArrayType], *xs: Any, axis: int) -> Any:
    types = [number_type(x) for x in xs]
    found = infer(*types, axis=axis)
    shape = [_length_along(xs, k, dim) for k, dim in enumerate(found.shape)]
    plan, lengths = sizes(shape)
    out = near((*xs, *lengths), empty, *lengths, shape=plan, dtype=found.dtype)
    start = 0
    for x, kind in zip(xs, types, strict=True):
        count = kind.shape[axis]
        assert isinstance(count, int)
        if count == 1:
            x, part = squeeze(x, axes=(axis,)), start
        else:
            part = Slice(start, start + count)
        out = update_at(out, x, (Index((*(FULL,) * axis, part)),))
        start += count
    return out


def _length_along(xs: Any, axis: int, dim: Dim) -> Any:
    """The length of an axis, from as far back as possible: loops in between may be joined."""
    if isinstance(dim, int):
        return dim
    x = next((x for x in xs if same(np_shape(x)[axis], dim)), xs[0])
    while isinstance(x, Handle) and (made := x.builder.producer(x.operand)) is not None:
        arrays = [a for a in made.args if isinstance(a.type, ArrayType)]
        places = (
            (a, k) for a in arrays for k, d in enumerate(np_shape(a.type)) if same(d, dim)
        )
        found = next(places, None)
        if found is None:
            break
        x, axis = Handle(x.builder, found[0]), found[1]
    return length(x, axis)
