"""Where an element of a view lies: from the index of a loop nest to that of an array."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from stagec.ir.build import exact
from stagec.ir.core import Operand
from stagec.ir.path import Arg, Index, Item, NewAxis, Path, Reshape, Slice, Transpose
from stagec.ir.types import ArrayType, Dim, Shape, at_least, product, same
from stagec.ops.paths import path_type


@dataclass(frozen=True, slots=True)
class Place:
    """The index along one axis: `start + step * (the index of the loop)`.

    `loop` is None for a fixed index.  `start` is a number, counted from the end of the axis if
    it is negative, or a staged integer, which with a loop is known not to be negative.
    """

    loop: int | None
    step: int = 1
    start: int | Operand | Sum = 0


@dataclass(frozen=True, slots=True)
class Sum:
    """A sum of products of a positive number and lengths: where a row of a matrix begins."""

    terms: tuple[tuple[int, tuple[Operand, ...]], ...]


Places: TypeAlias = tuple[Place, ...]


def natural(rank: int) -> Places:
    """Each axis is that of the loop with its number."""
    return tuple(Place(k) for k in range(rank))


def broadcast(places: Places, type: ArrayType) -> Places:
    """The places in an array that is broadcast to the rank of `places`."""
    inner = places[len(places) - type.rank :]
    return tuple(
        Place(None) if dim == 1 else p for p, dim in zip(inner, type.shape, strict=True)
    )


Through: TypeAlias = Callable[[Places], "Places | None"]


def through(path: Path, base: ArrayType, index: Sequence[Operand]) -> Through:
    """The places in `base` for places in what the path selects; None: cannot be said."""

    def place(places: Places) -> Places | None:
        if not path:
            return places
        types = [path_type(base, path[:k], _types(index)) for k in range(len(path) + 1)]
        found: Places | None = places
        for step, (whole, part) in zip(
            reversed(path), reversed([*pairwise(types)]), strict=True
        ):
            if found is None:
                return None
            found = _back(step, whole, part, found, index)
        return found

    return place


def _back(
    step: object, whole: ArrayType, part: ArrayType, places: Places, index: Sequence[Operand]
) -> Places | None:
    match step:
        case Transpose(axes):
            return tuple(places[axes.index(k)] for k in range(len(axes)))
        case Index(items):
            return _indexed(items, whole.rank, part.shape, places, index)
        case Reshape(shape):
            return unshaped(whole, shape, places, index)
        case _:
            return None


def _indexed(
    items: tuple[Item, ...], rank: int, shape: Shape, places: Places, index: Sequence[Operand]
) -> Places | None:
    """The places in an array of this rank of places in a part of it, which has this shape."""
    taken = sum(not isinstance(i, NewAxis) for i in items)
    items = items + (Slice(),) * (rank - taken)
    found: list[Place] = []
    at = 0
    for item in items:
        if isinstance(item, NewAxis):
            at += 1
        elif isinstance(item, int):
            found.append(Place(None, 0, item))
        elif isinstance(item, Arg):
            operand = index[item.position]
            if not isinstance(operand.type, ArrayType) or operand.type.dtype.kind not in "iu":
                return None
            if operand.type.rank or operand.type.kind == "array":
                return None
            found.append(Place(None, 0, operand))
        else:
            place = (
                _sliced(item, places[at], index) if _safe(item, places[at], shape[at]) else None
            )
            if place is None:
                return None
            found.append(place)
            at += 1
    return tuple(found)


def _safe(item: Slice, place: Place, dim: Dim) -> bool:
    """Whether an index outside a slice of this length is one outside the whole axis too."""
    if place.loop is not None or item == Slice():
        return True
    if not isinstance(place.start, int):
        return False
    least = at_least(dim) or 0
    if -least <= place.start < least:
        return True
    return place.start >= 0 and item.stop is None and item.step in (None, 1)


def _sliced(item: Slice, place: Place, index: Sequence[Operand]) -> Place | None:
    """The place in the whole axis of a place in a slice of it."""
    start, step = item.start, 1 if item.step is None else item.step
    if isinstance(step, Arg):
        return None
    if isinstance(place.start, int) and place.start < 0:
        return _from_end(item, place)
    if isinstance(start, Arg):
        found = index[start.position]
        plain = step == 1 and place.start == 0
        return Place(place.loop, place.step, found) if plain and _counts(found) else None
    if start is None:
        start = 0 if step > 0 else -1
    elif (start < 0 and start != -1) or (step < 0 and start != -1):
        return None  # the slice may be cut short at an end of the axis
    if start == 0 and step == 1:
        return place
    if not isinstance(place.start, int):
        return None
    base = start + step * place.start
    if (base < 0) != (start < 0):
        return None
    return Place(place.loop, step * place.step, base)


def _from_end(item: Slice, place: Place) -> Place | None:
    """The same for a place that is counted from the end of the slice."""
    assert isinstance(place.start, int)
    stop = 0 if item.stop is None else item.stop
    if item.step == -1 and item.start in (None, -1) and item.stop is None:
        return Place(place.loop, -place.step, -1 - place.start)
    if item.step not in (None, 1) or not isinstance(stop, int) or stop > 0 or item.stop == 0:
        return None
    return Place(place.loop, place.step, stop + place.start)


def _counts(operand: Operand) -> bool:
    """Whether it is an integer that is known not to be negative: of sizes, or loop indices."""
    kind = operand.type
    size = kind.size if isinstance(kind, ArrayType) else None
    indices = size is not None and any(symbol.index for symbol, _ in size.terms)
    return indices or exact(operand) is not None


def unshaped(
    type: ArrayType, shape: tuple[int | Arg, ...], places: Places, index: Sequence[Operand]
) -> Places | None:
    """The places in an array for places in what it was reshaped to: axes that stay, and one
    that was split.
    """
    old, new = type.shape, path_type(type, (Reshape(shape),), _types(index)).shape
    front = 0
    while front < min(len(old), len(new)) and same(old[front], new[front]):
        front += 1
    back = 0
    while back < min(len(old), len(new)) - front and same(old[-1 - back], new[-1 - back]):
        back += 1
    middle = slice(front, len(new) - back)
    long = [k for k in range(front, len(old) - back) if old[k] != 1]
    if len(long) > 1:
        return None
    found = [Place(None)] * (len(old) - back - front)
    if long:
        whole = product_of(new[middle])
        if not same(whole, old[long[0]]):
            return None
        joined = _joined(places[middle], new[middle], shape[middle], index)
        if joined is None:
            return None
        found[long[0] - front] = joined
    return (*places[:front], *found, *places[len(new) - back :])


def product_of(dims: Sequence[Dim]) -> Dim:
    """The product of sizes, where it is affine."""
    total: Dim = 1
    for dim in dims:
        total = product(total, dim)
    return total


def _joined(
    places: Places, dims: Sequence[Dim], sizes: Sequence[int | Arg], index: Sequence[Operand]
) -> Place | None:
    """One place for places along axes that are one axis in memory."""
    loop, step, start = None, 0, 0
    terms: list[tuple[int, tuple[Operand, ...]]] = []
    factor: int = 1
    lengths: tuple[Operand, ...] = ()
    for k, place in reversed(tuple(enumerate(places))):
        dim, length = dims[k], sizes[k]
        if not isinstance(place.start, int):
            return None
        if place.loop is not None:
            if loop is not None or lengths or place.start < 0:
                return None
            loop, step = place.loop, place.step * factor
        elif not _inside(place.start, dim):
            return None
        at = _from_the_front(place.start, dim)
        if at and lengths:
            terms.append((at * factor, lengths))
        else:
            start += at * factor
        if isinstance(length, Arg):
            lengths = (*lengths, index[length.position])
        elif length > 0:
            factor *= length
        elif isinstance(dim, int):
            factor *= dim
        elif k:
            return None
    if terms and start:
        terms.append((start, ()))
    return Place(loop, step, Sum(tuple(terms)) if terms else start)


def _from_the_front(at: int, dim: Dim) -> int:
    """The index, which may count from the end of an axis of known length."""
    return at + dim if at < 0 and isinstance(dim, int) else at


def _inside(at: int, dim: Dim) -> bool:
    """Whether an axis surely has the element."""
    if isinstance(dim, int):
        return -dim <= at < dim
    least = at_least(dim)
    return at >= 0 and least is not None and at < least


def _types(index: Sequence[Operand]) -> tuple[ArrayType, ...]:
    return tuple(a.type for a in index)  # type: ignore[misc]


APART: tuple[int, ...] = ()


def lag(read: Places, write: Places) -> tuple[int, ...] | None:
    """How many trips of each loop, outermost first, an element is read before it is written.

    None: not known; `APART`: it is another element.
    """
    found: list[tuple[int, int]] = []
    for r, w in zip(read, write, strict=True):
        if r.loop != w.loop or r.step != w.step:
            return None
        if r.loop is None:
            fixed = isinstance(r.start, int) and isinstance(w.start, int)
            if fixed and (r.start < 0) == (w.start < 0) and r.start != w.start:  # type: ignore[operator]
                return APART
            if r.start != w.start:
                return None
            continue
        if r.start == w.start:
            found.append((r.loop, 0))
            continue
        same_end = isinstance(r.start, int) and isinstance(w.start, int)
        if not same_end or (r.start < 0) != (w.start < 0):  # type: ignore[operator]
            return None
        steps, rest = divmod(r.start - w.start, w.step)  # type: ignore[operator]
        if rest:
            return None
        found.append((r.loop, steps))
    return tuple(steps for _, steps in sorted(found))
