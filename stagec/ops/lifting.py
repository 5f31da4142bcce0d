"""Paths into batches: what selects, from each element of a batch, what a path selects from one.

The batch axis comes first, in the array as in what is selected.  An index that differs from one
element to the next becomes an array index beside the number of the element.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, assert_never

import numpy as np

from stagec.ir.core import Op
from stagec.ir.path import Arg, Index, Item, Path, Reshape, Slice, Step, Transpose, path_args
from stagec.ir.types import ArrayType
from stagec.ops.axes import (
    align_last,
    expand_dims,
    inverse,
    length,
    move_axis,
    squeeze,
    transpose,
)
from stagec.ops.broadcast import pad_rank, stretch
from stagec.ops.last_axes import stretch_last
from stagec.ops.paths import FULL, advanced_block, array_type, is_mask, path_type
from stagec.ops.ranges import counted

Order = tuple[int, ...] | None


@dataclass(slots=True)
class Lifting:
    """A path over one element, on its way to a path over the batch `base`."""

    base: Any
    index: tuple[Any, ...]
    axes: tuple[int | None, ...]
    operands: list[Any] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    order: Order = None

    @property
    def types(self) -> tuple[ArrayType, ...]:
        """The types of the index operands of one element."""
        return tuple(map(element_type, self.index, self.axes))

    def operand(self, value: Any) -> int | Arg:
        """What stands for a new operand in the path."""
        if isinstance(value, int):
            return value
        self.operands.append(value)
        return Arg(len(self.operands) - 1)

    def varies(self, *parts: Any) -> bool:
        """Whether an operand among the parts differs between the elements."""
        return any(isinstance(p, Arg) and self.axes[p.position] is not None for p in parts)


def element_type(x: Any, axis: int | None) -> ArrayType:
    """The type of one element of the batch `x`."""
    found = array_type(x)
    if axis is None:
        return found
    shape = (*found.shape[:axis], *found.shape[axis + 1 :])
    return ArrayType(found.dtype, shape, "array" if shape else "np")


def lift(
    base: Any, path: Path, index: tuple[Any, ...], axes: tuple[int | None, ...]
) -> tuple[Path, tuple[Any, ...], Order]:
    """Path and operands over the batch `base`, batch axis first, and an order of axes.

    What they select, transposed to the order (None: as it is), has the batch axis first and
    the axes of one element's selection after it.
    """
    state = Lifting(base, index, axes, list(index))
    one = element_type(base, 0)
    for k, step in enumerate(path):
        if state.order is not None:
            state.steps.append(Transpose(state.order))
            state.order = None
        match step:
            case Transpose(order):
                state.steps.append(Transpose((0, *(a + 1 for a in order))))
            case Reshape(shape):
                if state.varies(*shape):
                    raise TypeError("vmap: a shape must be the same in every batch element")
                state.steps.append(Reshape((state.operand(length(base, 0)), *shape)))
            case Index(items):
                rank = path_type(one, path[: k + 1], state.types).rank + 1
                _lift_index(state, items, rank)
            case _:
                assert_never(step)
    return tuple(state.steps), tuple(state.operands), state.order


def _lift_index(state: Lifting, items: tuple[Item, ...], rank: int) -> None:
    for item in items:
        ends = (item.start, item.stop, item.step) if isinstance(item, Slice) else ()
        if state.varies(*ends) or (state.varies(item) and is_mask(item, state.types)):
            raise TypeError("vmap: a slice or mask that differs selects ragged parts")
    block = advanced_block(items, state.types)
    if not state.varies(*items):
        state.steps.append(Index((FULL, *items)))
        if block is not None and _apart(items):
            state.order = _moved(rank, source=block[1], count=1, to=0)
        return
    depth = 0 if block is None else block[1]
    for arg in path_args((Index(items),)):
        axis = state.axes[arg.position]
        if axis is not None:
            value = move_axis(state.index[arg.position], axis, 0)
            state.operands[arg.position] = pad_rank(value, depth + 1)
    number = pad_rank(counted(length(state.base, 0), state.base), depth + 1)
    state.steps.append(Index((state.operand(number), *items)))
    if block is not None and block[0] > 0:
        state.order = _moved(rank, source=1, count=depth, to=block[0] + 1)


def _apart(items: tuple[Item, ...]) -> bool:
    """Whether the array indices stand apart, so that their axes come first."""
    where = [k for k, item in enumerate(items) if isinstance(item, int | Arg)]
    return where != list(range(where[0], where[0] + len(where)))


def _moved(rank: int, source: int, count: int, to: int) -> Order:
    """The order of axes that moves `count` axes from `source` to `to`; None if none moves."""
    block = list(range(source, source + count))
    rest = [a for a in range(rank) if a not in block]
    order = (*rest[:to], *block, *rest[to:])
    return None if order == tuple(range(rank)) else order


def behind(base: Any, path: Path, index: tuple[Any, ...]) -> tuple[Path, tuple[Any, ...]]:
    """Path and operands over the batch `base`; its axis is the last, as in what they select."""
    count = length(base, np.ndim(base) - 1)
    operands = list(index)
    steps: list[Step] = []
    for step in path:
        match step:
            case Transpose(order):
                steps.append(Transpose((*order, len(order))))
            case Reshape(shape):
                if not isinstance(count, int):
                    operands.append(count)
                tail = count if isinstance(count, int) else Arg(len(operands) - 1)
                steps.append(Reshape((*shape, tail)))
            case Index():
                steps.append(step)
            case _:
                assert_never(step)
    return tuple(steps), tuple(operands)


def write_last(op: Op, args: Any, wide: Any, path: Path) -> Any:
    """`update` or `accumulate` with a batch axis behind all others; None: it cannot be."""
    a, v, *index = args
    if any(wide[2:]):
        return None
    a, v = align_last((a if wide[0] else stretch_last(a, v), v), (True, wide[1]))
    lifted, operands = behind(a, path, tuple(index))
    return op(a, v, *operands, path=lifted)


def lift_value(v: Any, axis: int | None, rank: int, order: Order) -> Any:
    """The value to store in what `lift` selects, of `rank` axes with the batch axis."""
    if axis is None:
        extra = max(0, np.ndim(v) - (rank - 1))
        v = squeeze(v, axes=tuple(range(extra))) if extra else v
        if order is None:
            return v
        v = expand_dims(v, axes=tuple(range(rank - np.ndim(v))))
    else:
        v = move_axis(v, axis, 0)
        extra = max(0, np.ndim(v) - rank)
        v = squeeze(v, axes=tuple(range(1, 1 + extra))) if extra else pad_rank(v, rank)
    return v if order is None else transpose(v, axes=inverse(order))


def batched_base(a: Any, axis: int | None, others: Any, axes: Any) -> Any:
    """The array with the batch axis first, repeated along it if it has none."""
    if axis is not None:
        return move_axis(a, axis, 0)
    like, where = next((x, k) for x, k in zip(others, axes, strict=True) if k is not None)
    return stretch(a, move_axis(like, where, 0))
