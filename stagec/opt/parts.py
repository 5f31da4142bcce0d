"""Parts of arrays that say how many elements they leave out at each end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stagec.ir.core import Apply, Operand, const
from stagec.ir.path import Arg, Index, Item, Path, Slice
from stagec.ir.types import ArrayType, affine, at_least

Margin = tuple[int, int]
# of each axis the index of one element, from the front or the end, or what is left out
Piece = tuple[int | Margin, ...]
EDGES = 8  # pieces around a part; more would be more text than they are worth


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an array, along each of its axes.

    `fixed` has an index, or None where the part is a slice, `margins` how many elements the
    slice leaves out in front and behind.
    """

    fixed: tuple[Operand | None, ...]
    margins: tuple[tuple[int, int] | None, ...]

    @classmethod
    def of(cls, stmt: Apply, first: int) -> Part | None:
        """The part that the path selects, whose operands are those from `first` on."""
        path, base = stmt.kwargs["path"], stmt.args[0].type
        if len(path) > 1 or not isinstance(base, ArrayType):
            return None
        items: tuple[Item, ...] = path[0].items if path and isinstance(path[0], Index) else ()
        if path and not items:
            return None
        fixed: list[Operand | None] = []
        margins: list[tuple[int, int] | None] = []
        for item in (*items, *(Slice(),) * (base.rank - len(items))):
            margin = _margin(item)
            index = _fixed(item, stmt.args[first:])
            if margin is None and index is None:
                return None
            fixed.append(index)
            margins.append(margin)
        return cls(tuple(fixed), tuple(margins))

    @property
    def slices(self) -> tuple[tuple[int, int], ...]:
        """The margins along the axes that are not fixed."""
        return tuple(m for m in self.margins if m is not None)

    def path(self) -> tuple[Path, tuple[Operand, ...]]:
        """A path that selects the part, and its operands."""
        index = [f for f in self.fixed if f is not None]
        args = iter(range(len(index)))
        items = tuple(Arg(next(args)) if m is None else cut(m) for m in self.margins)
        whole = all(m == (0, 0) for m in self.margins)
        return () if whole else (Index(items),), tuple(index)


def cut(margin: tuple[int, int]) -> Slice:
    """The slice that leaves out so many elements in front and behind."""
    front, behind = margin
    return Slice(front or None, -behind or None)


def _margin(item: Item) -> tuple[int, int] | None:
    """How many elements a slice leaves out in front and behind, where it says so."""
    if not isinstance(item, Slice) or item.step not in (None, 1):
        return None
    start, stop = item.start or 0, item.stop
    if not isinstance(start, int) or start < 0 or isinstance(stop, Arg):
        return None
    if stop is None:
        return start, 0
    return (start, -stop) if stop < 0 else None


def _fixed(item: Item, operands: Sequence[Operand]) -> Operand | None:
    """The index of one element along an axis."""
    if isinstance(item, int):
        return const(item)
    index = operands[item.position] if isinstance(item, Arg) else None
    kind = None if index is None else index.type
    scalar = isinstance(kind, ArrayType) and not kind.rank and kind.kind != "array"
    return index if scalar and kind.dtype.kind in "iu" else None  # type: ignore[union-attr]


# --- what is around a part -----------------------------------------------------------------


def encloses(whole: Sequence[Margin], part: Sequence[Margin]) -> bool:
    """Whether the part lies inside of the whole, and its edges are few."""
    around = [d for pair in _around(whole, part) for d in pair]
    return min(around) >= 0 and sum(around) <= EDGES


def inner(write: Apply) -> Part | None:
    """The part that is written to, if a rim is around it and nothing else."""
    part, array = Part.of(write, 2), write.args[0].type
    assert isinstance(array, ArrayType)
    if part is None or any(f is not None for f in part.fixed):
        return None
    pairs = zip(array.shape, part.slices, strict=True)
    least = [at_least(affine((dim, 1), const=-sum(m))) for dim, m in pairs if dim is not None]
    fits = len(least) == array.rank > 0 and all(n is not None and n >= 0 for n in least)
    whole = ((0, 0),) * array.rank
    return part if fits and encloses(whole, part.slices) else None


def edges(whole: Sequence[Margin], part: Sequence[Margin]) -> Iterator[Piece]:
    """What is around the part, in pieces one element thick, relative to the whole."""
    around = _around(whole, part)
    for axis, (front, behind) in enumerate(around):
        before, after = around[:axis], ((0, 0),) * (len(around) - axis - 1)
        for at in (*range(front), *range(-behind, 0)):
            yield (*before, at, *after)


def inside(whole: Sequence[Margin], part: Sequence[Margin]) -> Piece:
    """The part, relative to the whole."""
    return _around(whole, part)


def _around(whole: Sequence[Margin], part: Sequence[Margin]) -> tuple[Margin, ...]:
    pairs = zip(whole, part, strict=True)
    return tuple((p[0] - w[0], p[1] - w[1]) for w, p in pairs)


def place_of(whole: Sequence[Margin], piece: Piece) -> Piece:
    """A piece of a part, which leaves out these margins, relative to the array."""
    found: list[int | Margin] = []
    for (front, behind), at in zip(whole, piece, strict=True):
        if isinstance(at, tuple):
            found.append((front + at[0], behind + at[1]))
        else:
            found.append(front + at if at >= 0 else at - behind)
    return tuple(found)


def outside(place: Piece, margins: Sequence[int]) -> bool:
    """Whether the place lies in the margins of the array, along one of its axes."""
    pairs = zip(place, margins, strict=True)
    return any(isinstance(at, int) and (at if at >= 0 else ~at) < m for at, m in pairs)


def path_to(place: Piece) -> Path:
    """The path to a piece of an array."""
    if all(item == (0, 0) for item in place):
        return ()
    return (Index(tuple(cut(item) if isinstance(item, tuple) else item for item in place)),)
