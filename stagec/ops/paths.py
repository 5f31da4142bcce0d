"""What a path selects: its type, its value on plain arrays, and its source text.

The invariant: the three agree, `path_type` never claims a size that NumPy would not give.  A
slice that starts or stops a constant number of elements from an end of a symbolic axis has the
size `n - k`; where `n < k` both the slice and every equal size are empty.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, assert_never

import numpy as np

from stagec.ir.path import Arg, Index, Item, NewAxis, Path, Reshape, Slice, Transpose
from stagec.ir.types import (
    ArrayType,
    Dim,
    Shape,
    Size,
    affine,
    at_least,
    broadcast_shapes,
    quotient,
    same,
    type_of,
)

FULL = Slice()
IndexTypes = tuple[ArrayType, ...]


def array_type(x: Any) -> ArrayType:
    """The type of a handle, an array or a number."""
    found = x.type if hasattr(x, "type") else type_of(x)
    if not isinstance(found, ArrayType):
        raise TypeError(f"expected a number or an array, got {found}")
    return found


def is_array_index(item: Item, index_types: IndexTypes) -> bool:
    """Whether the item is an integer array or a mask, so that NumPy's advanced rules apply."""
    if not isinstance(item, Arg):
        return False
    found = index_types[item.position]
    return found.rank > 0 or found.dtype.kind == "b"


def is_mask(item: Item, index_types: IndexTypes) -> bool:
    """Whether the item is a boolean mask."""
    return isinstance(item, Arg) and index_types[item.position].dtype.kind == "b"


def is_view(path: Path, index_types: IndexTypes) -> bool:
    """Whether the selected elements share the memory of the array (if they are an array)."""
    return not any(
        isinstance(item, Arg)
        and (is_array_index(item, index_types) or index_types[item.position].kind == "array")
        for step in path
        if isinstance(step, Index)
        for item in step.items
    )


def path_type(base: ArrayType, path: Path, index_types: IndexTypes) -> ArrayType:
    """The type of what the path selects; raises TypeError where NumPy would."""
    for step in path:
        match step:
            case Index(items):
                base = _index_type(base, items, index_types)
            case Transpose(axes):
                if sorted(axes) != list(range(base.rank)):
                    raise TypeError(f"axes {axes} do not fit an array of rank {base.rank}")
                base = ArrayType(base.dtype, tuple(base.shape[a] for a in axes))
            case Reshape(shape):
                base = ArrayType(base.dtype, _reshaped(base.shape, shape, index_types))
            case _:
                assert_never(step)
    return base


def consumed(item: Item, index_types: IndexTypes) -> int:
    """How many axes of the array the item indexes."""
    if isinstance(item, NewAxis):
        return 0
    return index_types[item.position].rank if is_mask(item, index_types) else 1  # type: ignore[union-attr]


def full_items(rank: int, items: tuple[Item, ...], index_types: IndexTypes) -> tuple[Item, ...]:
    """The items with the trailing full slices written out."""
    missing = rank - sum(consumed(i, index_types) for i in items)
    if missing < 0:
        raise TypeError(f"too many indices for an array of rank {rank}")
    return items + (FULL,) * missing


def advanced_block(items: tuple[Item, ...], index_types: IndexTypes) -> tuple[int, int] | None:
    """Where the broadcast index arrays land: (axis of the result, how many axes).

    None if the items hold no array.  With an array among them integers count as arrays, and
    arrays that stand apart put the axes in front.
    """
    if not any(is_array_index(i, index_types) for i in items):
        return None
    where = [k for k, i in enumerate(items) if isinstance(i, int | Arg)]
    rank = len(broadcast_shapes(*(_index_shape(items[k], index_types) for k in where)))
    apart = any(b - a > 1 for a, b in pairwise(where))
    return (0 if apart else where[0], rank)


def _index_shape(item: Item, index_types: IndexTypes) -> Shape:
    if is_mask(item, index_types):
        return (None,)
    return index_types[item.position].shape if isinstance(item, Arg) else ()


def _index_type(base: ArrayType, items: tuple[Item, ...], types: IndexTypes) -> ArrayType:
    items = full_items(base.rank, items, types)
    arrays: list[Shape] = []
    dims: list[Dim] = []
    axis = 0
    for item in items:
        if isinstance(item, NewAxis):
            dims.append(1)
        elif isinstance(item, Slice):
            dims.append(slice_dim(base.shape[axis], item, types))
        else:
            _check_index(item, types)
            arrays.append(_index_shape(item, types))
        axis += consumed(item, types)
    block = advanced_block(items, types)
    if block is None:
        return ArrayType(base.dtype, tuple(dims), "array" if dims else "np")
    at = block[0]
    return ArrayType(base.dtype, (*dims[:at], *broadcast_shapes(*arrays), *dims[at:]))


def _check_index(item: Item, types: IndexTypes) -> None:
    if isinstance(item, Arg) and types[item.position].dtype.kind not in "biu":
        raise TypeError(
            f"an index must be an integer, a mask or a slice, got {types[item.position]}"
        )


def slice_dim(dim: Dim, item: Slice, types: IndexTypes) -> Dim:
    """The length of a slice of an axis of length `dim`; None if it is not provable."""
    start, stop, step = (_bound(p, types) for p in (item.start, item.stop, item.step))
    if step == 0:
        raise TypeError("slice step cannot be zero")
    if dim is None or "?" in (start, stop, step):
        return None
    if isinstance(dim, int):
        if any(isinstance(p, Size) for p in (start, stop, step)):
            return None
        return len(range(*slice(start, stop, step).indices(dim)))
    if step in (None, 1):
        return _forward(dim, start, stop)
    return _backward(dim, start, stop) if step == -1 else None


def _bound(part: int | Arg | None, types: IndexTypes) -> Any:
    """The bound as an int, a size or None; "?" if it is known at run time only."""
    if not isinstance(part, Arg):
        return part
    found = types[part.position]
    if found.rank or found.dtype.kind not in "iu":
        raise TypeError(f"a slice bound must be an integer, got {found}")
    return found.size if found.size is not None else "?"


def _forward(dim: Size, start: Any, stop: Any) -> Dim:
    low = 0 if start is None else _position(dim, start)
    high = dim if stop is None else _position(dim, stop)
    length = affine((high, 1), (low, -1))
    if low == 0 and same(high, dim):
        return dim
    if not (_rises(low) and _rises(affine((dim, 1), (high, -1)))):
        return None
    # `n - k` stands for an empty slice where it is negative
    return length if _rises(length) or (isinstance(length, Size) and _grows(length)) else None


def _backward(dim: Size, start: Any, stop: Any) -> Dim:
    """`dim` less the elements cut at its end by `start < 0` and in front by `stop >= 0`."""
    tail = 0 if start is None else -1 - start if isinstance(start, int) and start < 0 else None
    head = 0 if stop is None else 1 + stop if isinstance(stop, int) and stop >= 0 else None
    if tail is None or head is None:
        return None
    if tail == head == 0:
        return dim
    return affine((dim, 1), const=-tail - head) if _grows(dim) else None


def _position(dim: Size, bound: int | Size) -> Dim:
    """The element that a bound means; None if it might wrap around or be clipped."""
    if isinstance(bound, int):
        return bound if bound >= 0 else affine((dim, 1), const=bound)
    # a stop of n - 1 or n - 2 selects nothing where it wraps around
    if _rises(bound) or affine((dim, 1), (bound, -1)) in (1, 2):
        return bound
    return None


def _rises(dim: Dim) -> bool:
    """Whether the size is surely not negative."""
    least = at_least(dim)
    return least is not None and least >= 0


def _grows(dim: Size) -> bool:
    return all(factor > 0 for _, factor in dim.terms)


def _reshaped(old: Shape, new: tuple[int | Arg, ...], types: IndexTypes) -> Shape:
    if new.count(-1) > 1:
        raise TypeError("only one size of a new shape may be -1")
    given = [_bound(part, types) for part in new]
    if -1 in new:
        others = [None if d == "?" else d for d in given if d != -1]
        given[new.index(-1)] = _quotient(old, others)
    shape = tuple(None if d == "?" else d for d in given)
    if all(isinstance(d, int) for d in (*old, *shape)) and _product(old) != _product(shape):
        raise TypeError(f"cannot reshape an array of shape {old} into {new}")
    return shape


def _product(dims: Any) -> int:
    return int(np.prod([d for d in dims if isinstance(d, int)], dtype=int))


def _quotient(old: Shape, others: list[Dim]) -> Dim:
    """The product of `old` over the product of `others`, where it is affine."""
    left = list(old)
    rest: list[Dim] = []
    for dim in others:
        found = next((k for k, d in enumerate(left) if same(d, dim)), None)
        if found is None:
            rest.append(dim)
        else:
            del left[found]
    symbolic = [d for d in left if not isinstance(d, int)]
    if len(symbolic) > 1 or not all(isinstance(d, int) and d > 0 for d in rest):
        return None
    below = _product(rest)
    total = affine((symbolic[0], _product(left))) if symbolic else _product(left)
    if isinstance(total, int):
        return total // below
    return quotient(total, below)


def items_of(step: Index, index: tuple[Any, ...]) -> tuple[Any, ...]:
    """The index tuple of the step, with the operands put in."""

    def fill(part: Any) -> Any:
        match part:
            case Arg(position):
                return index[position]
            case Slice(start, stop, stride):
                return slice(fill(start), fill(stop), fill(stride))
            case NewAxis():
                return None
            case _:
                return part

    return tuple(fill(i) for i in step.items)


def apply_path(array: Any, path: Path, index: tuple[Any, ...]) -> Any:
    """What the path selects from a plain array: a view where NumPy gives one."""
    for step in path:
        match step:
            case Index():
                array = array[items_of(step, index)]
            case Transpose(axes):
                array = np.transpose(array, axes)
            case Reshape(shape):
                sizes = (index[p.position] if isinstance(p, Arg) else p for p in shape)
                array = np.reshape(array, tuple(sizes))
            case _:
                assert_never(step)
    return array


def path_source(path: Path, base: ArrayType, index_types: IndexTypes, first: int = 1) -> str:
    """The template that selects `path` from operand 0; index operand k is `{k + first}`."""
    text = "{0}"
    for k, step in enumerate(path):
        match step:
            case Index(items):
                rank = path_type(base, path[:k], index_types).rank
                text += f"[{items_source(items, rank, first)}]"
            case Transpose(axes) if axes == tuple(reversed(range(len(axes)))):
                text += ".T"
            case Transpose(axes):
                text += f".transpose({', '.join(map(str, axes))})"
            case Reshape(shape):
                sizes = ", ".join(_part_source(p, first) for p in shape)
                text += f".reshape({sizes or '()'})"
            case _:
                assert_never(step)
    return text


def items_source(items: tuple[Item, ...], rank: int, first: int) -> str:
    """The text between the brackets."""
    if not items:
        return ":" if rank else "()"
    return ", ".join(_part_source(i, first) for i in items)


def _part_source(part: Any, first: int) -> str:
    match part:
        case Arg(position):
            return f"{{{position + first}}}"
        case Slice(start, stop, step):
            ends = ["" if p is None else _part_source(p, first) for p in (start, stop)]
            tail = "" if step is None else f":{_part_source(step, first)}"
            return f"{ends[0]}:{ends[1]}{tail}"
        case NewAxis():
            return "None"
        case _:
            return str(part)
