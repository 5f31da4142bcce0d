"""Additions to an array in loops of their own.

A trip that adds to elements which the next trip reads or adds to has to wait for the one
before.  What it adds is therefore kept for one run of the innermost loop, and added by another
loop, whose trips do not depend on each other; simple arithmetic on one array that stays as
it is is done by that loop.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from stagec.ir.build import Builder
from stagec.ir.core import Apply, Operand, Value
from stagec.ir.path import Arg
from stagec.ir.types import ArrayType
from stagec.ops.creation import empty
from stagec.opt.elements import read_element, write_element
from stagec.opt.scalarise.folds import Index, State
from stagec.opt.scalarise.groups import Group, array_type
from stagec.opt.scalarise.places import (
    APART,
    Places,
    broadcast,
    natural,
)
from stagec.opt.scalarise.postponed import simple


def postponed(group: Group) -> list[Apply]:
    """The members that add to elements which other trips of the innermost loop use."""
    found: list[Apply] = []
    seen: dict[Operand, Places] = {}
    for stmt in group.members:
        root = group.first.get(stmt.outs[0])
        if root is None or not group.adding[root]:
            continue
        places = group.target(stmt)
        read = any(
            read_at is not None and read_at != places and group.lag(read_at, places) != APART
            for read_at in (a.of(root) for a in group.reads)
        )
        if read or places != seen.setdefault(root, places):
            found.append(stmt)
    return found


def backwards(group: Group, later: Sequence[Apply]) -> bool:
    """Whether the loops must run backwards, where `later` are postponed."""
    if not group.descending:
        return False
    for stmt in group.members:
        root = group.first.get(stmt.outs[0])
        if root is None:
            continue
        places = group.target(stmt)
        for access in group.reads:
            read_at = access.of(root)
            delay = APART if read_at is None else group.lag(read_at, places)
            if delay is None or any(delay[:-1] if stmt in later else delay):
                return True
    return False


@dataclass(frozen=True, slots=True)
class Additions:
    """Members whose additions are postponed.

    Attributes
    ----------
    kept : what is kept for each of them; None where it is computed by the other loop.
    makers : the members that compute it there.
    keeping : those that see to that, one for each value.
    axis : that of the innermost loop.
    """

    kept: Mapping[Apply, Operand | None]
    makers: Mapping[Apply, Apply]
    keeping: Collection[Apply]
    axis: int

    @classmethod
    def of(
        cls, group: Group, members: Sequence[Apply], axis: int, room: Callable[[int], Operand],
        needed: Collection[Value], builder: Builder, state: State,
    ) -> Additions:  # fmt: skip
        """The additions, with arrays for what is kept in front of the nest.

        `room` is the size of arrays along an axis, `needed` is used behind the nest.
        """
        kept: dict[Apply, Operand | None] = {}
        makers = {s: m for s in members if (m := _maker(group, s, needed)) is not None}
        keeping: list[Apply] = []
        for stmt in members:
            value = stmt.args[1]
            kept[stmt] = None if stmt in makers or stays(group, value) else value
            if kept[stmt] is not None and ("kept", value) not in state:
                assert isinstance(value.type, ArrayType)
                attrs = {"shape": (Arg(0),), "dtype": value.type.dtype}
                state["kept", value] = builder.add(empty, (room(axis),), attrs, "terms")[0]
                keeping.append(stmt)
        return cls(kept, makers, keeping, axis)

    def keep(
        self, stmt: Apply, builder: Builder, index: Index, state: State, value: Operand
    ) -> None:
        """Keep what the member will add."""
        key = ("kept", self.kept[stmt])
        state[key] = write_element(builder, state[key], value, (index[self.axis],))

    def value(
        self, stmt: Apply, builder: Builder, index: Index, state: State
    ) -> Operand | None:
        """What was kept; None if it is to be computed."""
        if self.kept[stmt] is None:
            return None
        kept = state["kept", self.kept[stmt]]
        return read_element(builder, kept, (index[self.axis],))


def _maker(group: Group, stmt: Apply, needed: Collection[Value]) -> Apply | None:
    """The member that makes what is added for this addition alone, if it may do so later."""
    value = stmt.args[1]
    maker = next((m for m in group.members if m.outs[0] is value), None)
    if maker is None or value in needed or sum(value in m.args for m in group.members) > 1:
        return None
    later = simple(group, maker) and all(stays(group, operand) for operand in maker.args)
    return maker if later else None


def stays(group: Group, operand: Operand) -> bool:
    """Whether the elements of the operand are the same after the innermost loop."""
    kind = array_type(operand)
    if kind is None:
        return operand not in group.made
    found = group.resolve(operand, broadcast(natural(len(group.shape)), kind))
    root = group.first.get(found.leaf, found.leaf)
    return found.leaf not in group.made and root not in group.last
