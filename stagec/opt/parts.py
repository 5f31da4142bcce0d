"""Parts of arrays that say how many elements they leave out at each end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stagec.ir.core import Apply, Operand, const
from stagec.ir.path import Arg, Index, Item, Path, Slice
from stagec.ir.types import ArrayType


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
