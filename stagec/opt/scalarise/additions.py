"""Additions to an array in loops of their own.

A trip that adds to elements which the next trip reads or adds to has to wait for the one
before.  What it adds is therefore kept for one run of the innermost loop, and added by another
loop, whose trips do not depend on each other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from stagec.ir.build import Builder
from stagec.ir.core import Apply, Operand
from stagec.ir.path import Arg
from stagec.ir.types import ArrayType
from stagec.ops.creation import empty
from stagec.ops.indexing import read, update
from stagec.opt.scalarise.folds import Index, State
from stagec.opt.scalarise.groups import Group, array_type, target
from stagec.opt.scalarise.places import (
    APART,
    Places,
    broadcast,
    lag,
    natural,
    path_of_element,
)


def added_to(group: Group, stmt: Apply) -> Operand | None:
    """The array that the member only adds to, as do all others; None if it does not."""
    root = None if stmt.op.overwrites is None else group.first.get(stmt.outs[0])
    return root if root is not None and group.adding.get(root) else None


def postponed(group: Group) -> list[Apply]:
    """The members that add to elements which other trips of the innermost loop use."""
    found: list[Apply] = []
    seen: dict[Operand, Places] = {}
    for stmt in group.members:
        root, places = added_to(group, stmt), None
        if root is not None:
            places = target(stmt)
        if root is None or places is None:
            continue
        read = any(a.leaf is root and a.places != places for a in group.reads)
        if read or places != seen.setdefault(root, places):
            found.append(stmt)
    return found


def backwards(group: Group, later: Sequence[Apply]) -> bool:
    """Whether the loops must run backwards, where `later` are postponed."""
    if not group.descending:
        return False
    for stmt in group.members:
        root = group.first.get(stmt.outs[0])
        places = None if root is None or stmt.outs[0] in group.made else target(stmt)
        if places is None:
            continue
        for access in group.reads:
            delay = lag(access.places, places) if access.leaf is root else APART
            if delay is None or any(delay[:-1] if stmt in later else delay):
                return True
    return False


@dataclass(frozen=True, slots=True)
class Additions:
    """Members whose additions are postponed, and the keys of what they add in the state.

    Attributes
    ----------
    kept : what is kept for each of them; None where it can be computed again.
    keeping : those that see to that, one for each value.
    axis : that of the innermost loop.
    """

    group: Group
    members: Sequence[Apply]
    kept: Mapping[Apply, Operand | None]
    keeping: Collection[Apply]
    axis: int

    @classmethod
    def of(
        cls, group: Group, members: Sequence[Apply], axis: int, length: Operand,
        builder: Builder, state: State,
    ) -> Additions:  # fmt: skip
        """The additions, with arrays for what is kept in front of the nest."""
        kept: dict[Apply, Operand | None] = {}
        keeping: list[Apply] = []
        for stmt in members:
            value = stmt.args[1]
            kept[stmt] = None if stays(group, value) else value
            if kept[stmt] is not None and ("kept", value) not in state:
                assert isinstance(value.type, ArrayType)
                attrs = {"shape": (Arg(0),), "dtype": value.type.dtype}
                state["kept", value] = builder.add(empty, (length,), attrs, "terms")[0]
                keeping.append(stmt)
        return cls(group, members, kept, keeping, axis)

    def keep(
        self, stmt: Apply, builder: Builder, index: Index, state: State, value: Operand
    ) -> None:
        """Keep what the member will add."""
        key = ("kept", self.kept[stmt])
        attrs = {"path": path_of_element(1)}
        (state[key],) = builder.add(update, (state[key], value, index[self.axis]), attrs)

    def value(
        self, stmt: Apply, builder: Builder, index: Index, state: State
    ) -> Operand | None:
        """What was kept; None if it is to be computed."""
        if self.kept[stmt] is None:
            return None
        attrs = {"path": path_of_element(1), "view": False}
        return builder.add(read, (state["kept", self.kept[stmt]], index[self.axis]), attrs)[0]


def stays(group: Group, operand: Operand) -> bool:
    """Whether the elements of the operand are the same after the innermost loop."""
    kind = array_type(operand)
    if kind is None:
        return operand not in group.made
    found = group.resolve(operand, broadcast(natural(len(group.shape)), kind))
    root = group.first.get(found.leaf, found.leaf)
    return found.leaf not in group.made and root not in group.last
