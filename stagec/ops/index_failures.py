"""When reads and writes raise, told beforehand: `Op.failing` of those that take an index."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from stagec.ir.path import Arg, Index, Path
from stagec.ir.types import Shape, at_least, may_be_one
from stagec.ops.comparison import bitwise_or, greater_equal, less
from stagec.ops.extent import extent
from stagec.ops.failing import Failure
from stagec.ops.paths import array_type, consumed, is_array_index
from stagec.ops.text import concat, format_

Read: TypeAlias = Callable[..., Any]


def outside(i: Any, n: Any) -> Any:
    """Whether the index is outside of an axis so long."""
    return bitwise_or(greater_equal(i, n), less(i, -n))


def outside_list(length: Callable[[Any], Any], text: str) -> Callable[..., tuple[Failure, ...]]:
    """Of an index into a list of which `length` gives the length."""

    def failing(xs: Any, i: Any, *value: Any) -> tuple[Failure, ...]:
        return ((IndexError, (text,), outside(i, length(xs))),)

    return failing


def outside_array(read: Read, base: Any, path: Path, index: tuple[Any, ...]) -> Any:
    """Of the numbers in a path; None if there are arrays of them."""
    types = tuple(array_type(i) for i in index)
    found: list[Failure] = []
    for k, step in enumerate(path):
        if not isinstance(step, Index):
            continue
        if any(is_array_index(item, types) for item in step.items):
            return None
        view = read(base, path[:k], *index) if k else base
        axis = 0
        for item in step.items:
            if isinstance(item, int | Arg):
                found += outside_axis(view, axis, item, index)
            axis += consumed(item, types)
    return (*found, (IndexError, (), False))  # and nothing else


def outside_axis(
    view: Any, axis: int, item: int | Arg, index: tuple[Any, ...]
) -> list[Failure]:
    """Of one number in an index."""
    i = item if isinstance(item, int) else index[item.position]
    least = at_least(array_type(view).shape[axis])
    if isinstance(i, int) and least is not None and -least <= i < least:
        return []
    n = extent(view, axis=axis)
    where = f" is out of bounds for axis {axis} with size "
    text = concat("index ", format_(i), where, format_(n))
    return [(IndexError, (text,), outside(i, n))]


def fits(shape: Shape, region: Shape) -> bool:
    """Whether a value of the shape may be stored in the region."""
    extra = max(0, len(shape) - len(region))
    pairs = zip(reversed(shape), reversed(region), strict=False)
    return all(may_be_one(d) for d in shape[:extra]) and all(
        d == r or may_be_one(d) or not (isinstance(d, int) and isinstance(r, int))
        for d, r in pairs
    )


def unstorable(read: Read, base: Any, value: Any, path: Path, index: tuple[Any, ...]) -> Any:
    """Of the indices and lengths in a write; None where it is not told."""
    outside = outside_array(read, base, path, index)
    if outside is None:
        return None
    shape = array_type(value).shape
    if not shape:
        return (*outside, (ValueError, (), False))
    region = read(base, path, *index)
    pairs = zip(reversed(shape), reversed(array_type(region).shape), strict=False)
    certain = len(shape) <= array_type(region).rank and all(
        (d is not None and d == r) or d == 1 for d, r in pairs
    )
    return (*outside, (ValueError, (), False)) if certain else None
