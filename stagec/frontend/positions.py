"""Two views at different places of one array as views at a place that staging does not know."""

from __future__ import annotations

from dataclasses import dataclass, field

from stagec.frontend.values import ArrayRef
from stagec.ir.core import Operand, const
from stagec.ir.path import Arg, Index, Item, Path, Reshape, Slice, Step


@dataclass(slots=True)
class Renumbered:
    """A path and its operands, with some constants turned into operands."""

    ref: ArrayRef
    items: list[Operand] = field(default_factory=list[Operand])

    def add(self, operand: Operand) -> Arg:
        self.items.append(operand)
        return Arg(len(self.items) - 1)

    def moved(self, part: int | Arg | None) -> int | Arg | None:
        return self.add(self.ref.index[part.position]) if isinstance(part, Arg) else part

    def item(self, item: Item, opened: bool) -> Item:
        if opened and isinstance(item, int):
            return self.add(const(item))
        if isinstance(item, Arg):
            return self.add(self.ref.index[item.position])
        if isinstance(item, Slice):
            return Slice(*map(self.moved, (item.start, item.stop, item.step)))
        return item

    def step(self, step: Step, other: Step) -> Step:
        if not isinstance(step, Index):
            return step
        assert isinstance(other, Index)
        pairs = zip(step.items, other.items, strict=True)
        return Index(tuple(self.item(i, i != j) for i, j in pairs))

    def against(self, path: Path) -> ArrayRef:
        """The view with each constant that differs in the other path as an operand."""
        steps = tuple(map(self.step, self.ref.path, path))
        return ArrayRef(self.ref.cell, steps, tuple(self.items))


def alike(a: ArrayRef, b: ArrayRef) -> tuple[ArrayRef, ArrayRef] | None:
    """The two views of one array with the same path, if they differ only in places that do not
    count from the end; None if they do otherwise.
    """
    if a.cell != b.cell or len(a.path) != len(b.path):
        return None
    for left, right in zip(a.path, b.path, strict=True):
        if isinstance(left, Index) and isinstance(right, Index):
            if len(left.items) != len(right.items):
                return None
            if not all(map(same_place, left.items, right.items)):
                return None
        elif left != right or isinstance(left, Reshape):
            return None
    opened = Renumbered(a).against(b.path), Renumbered(b).against(a.path)
    return opened if opened[0].path == opened[1].path else None


def same_place(a: Item, b: Item) -> bool:
    """Whether the items are the same but for which element of the axis they take."""
    places = isinstance(a, int | Arg) and isinstance(b, int | Arg)
    counted = all(item >= 0 for item in (a, b) if isinstance(item, int))
    return (places and counted) or (isinstance(a, Slice) and isinstance(b, Slice)) or a == b
