"""Batches along a last axis: what all operands need that share one."""

from __future__ import annotations

from typing import Any

import numpy as np

from stagec.ops.axes import dtype_of, expand_dims, length, shape_of
from stagec.ops.broadcast import broadcast_to
from stagec.ops.creation import zeros, zeros_shape
from stagec.ops.family import near, sizes


def stretch_last(x: Any, like: Any) -> Any:
    """`x` repeated along a new last axis, of the length of the last axis of `like`."""
    count = length(like, np.ndim(like) - 1)
    shape = zeros_shape(x)
    if shape is not None:
        plan, lengths = sizes((*shape, count))
        return near(like, zeros, *lengths, shape=plan, dtype=dtype_of(x))
    plan, lengths = sizes((*shape_of(x), count), 1)
    narrow = expand_dims(x, axes=(np.ndim(x),)) if np.ndim(x) else x
    return near(like, broadcast_to, narrow, *lengths, shape=plan)


def batched_last(args: Any, wide: Any) -> tuple[Any, ...]:
    """Every operand with the batch axis last, those without one stretched along it."""
    like = next(x for x, w in zip(args, wide, strict=True) if w)
    return tuple(x if w else stretch_last(x, like) for x, w in zip(args, wide, strict=True))
