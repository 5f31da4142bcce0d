"""The innermost work of a nest: what its members do to one element each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from stagec.ir.build import Builder
from stagec.ir.core import Apply, Attrs, Const, Op, Operand, Value, const, operand_of
from stagec.ir.narrow import narrow
from stagec.ir.types import ArrayType, Dim, Size
from stagec.ops.arithmetic import Handle, add
from stagec.ops.cast import astype
from stagec.ops.copying import copy
from stagec.ops.indexing import update
from stagec.opt.elements import read_element, write_element
from stagec.opt.scalarise.additions import Additions
from stagec.opt.scalarise.folds import Index, Running, State
from stagec.opt.scalarise.groups import Group, array_type, element
from stagec.opt.scalarise.places import (
    Place,
    Places,
    broadcast,
    natural,
)


@dataclass(slots=True)
class Trip:
    """The statements of one trip: `state` is what the loops change, `values` what was made.

    `ends` are the lengths of axes that places are counted from the end of, `starts` where
    places begin.
    """

    group: Group
    ends: Mapping[tuple[Operand, int], Operand]
    starts: Mapping[Dim, Operand]
    builder: Builder
    index: Index
    state: State
    values: dict[Value, Operand] = field(default_factory=dict[Value, Operand])

    def run(self, folding: Mapping[Operand, Running], additions: Additions) -> None:
        """Add the work of all members but that of `additions`, which is done later."""
        for stmt in self.group.members:
            self.builder.loc = stmt.loc
            fold = folding.get(stmt.outs[0])
            if stmt in additions.kept:
                if stmt in additions.keeping:
                    value = self.element(stmt.args[1])
                    additions.keep(stmt, self.builder, self.index, self.state, value)
            elif fold is None:
                self.member(stmt)
            else:
                fold.step(self.builder, self.index, self.state, self.element(stmt.args[0]))

    def add(self, stmts: Sequence[Apply], additions: Additions) -> None:
        """Do additions that were postponed."""
        for stmt in stmts:
            maker = additions.makers.get(stmt)
            if maker is not None:
                self.builder.loc = maker.loc
                self.make(maker)
            self.builder.loc = stmt.loc
            value = additions.value(stmt, self.builder, self.index, self.state)
            self.write(stmt, self.element(stmt.args[1]) if value is None else value)

    def member(self, stmt: Apply) -> None:
        """A member's work on one element."""
        if stmt.outs[0] in self.group.made:
            self.make(stmt)
        else:
            self.write(stmt, self.element(stmt.args[1]))

    def write(self, stmt: Apply, value: Operand) -> None:
        """Write an element to an array that was there before."""
        if stmt.op is update:
            value = cast(self.builder, stmt, value)
        root = self.group.first[stmt.outs[0]]
        where = self.at(root, self.group.target(stmt))
        self.state[root] = write_element(
            self.builder, self.state[root], value, where, stmt.outs[0].hint, stmt.op
        )

    def make(self, stmt: Apply) -> None:
        """An element of a new array."""
        out = stmt.outs[0]
        assert isinstance(out.type, ArrayType)
        made = self.values[out] = self.made(stmt, element(out.type))
        if out in self.state:
            where = self.at(out, natural(len(self.group.shape)))
            self.state[out] = write_element(
                self.builder, self.state[out], plain(made), where, out.hint
            )

    def made(self, stmt: Apply, kind: ArrayType) -> Operand:
        """The value of the element."""
        if stmt.op.overwrites is not None:
            base, value = (self.element(a) for a in stmt.args[:2])
            return (
                cast(self.builder, stmt, value)
                if stmt.op is update
                else _applied(self.builder, add, (base, value), (), kind)
            )
        args = tuple(
            _shape_only(a) if k in stmt.op.shapes else self.element(a)
            for k, a in enumerate(stmt.args)
        )
        return on_elements(self.builder, stmt, args, kind)

    def element(self, operand: Operand) -> Operand:
        """The element of an operand that this trip reads; a number is itself."""
        kind = array_type(operand)
        if kind is None:
            return operand
        group = self.group
        found = group.resolve(operand, broadcast(natural(len(self.group.shape)), kind))
        leaf = found.leaf
        if array_type(leaf) is None:
            return leaf
        if isinstance(leaf, Value) and leaf in self.values:
            return self.values[leaf]
        root = group.first.get(leaf, leaf)
        where = self.at(root, found.places)
        return read_element(self.builder, self.state.get(root, leaf), where)

    def at(self, array: Operand, places: Places) -> tuple[Operand, ...]:
        """The index of an element."""
        return tuple(self.coordinate(array, axis, p) for axis, p in enumerate(places))

    def coordinate(self, array: Operand, axis: int, place: Place) -> Operand:
        """The index along one axis."""
        start = place.start
        if isinstance(start, int) and start < -1 and place.loop is None:
            return const(start)  # of `length + start`, -1 would be the last element
        if isinstance(start, int) and start < 0:
            return shifted(self.builder, self.ends[array, axis], start)
        begin = self.starts[start] if isinstance(start, Size) else start
        assert begin is not None
        if place.loop is None:
            return const(begin) if isinstance(begin, int) else begin
        at = Handle(self.builder, self.index[place.loop])
        if isinstance(begin, int) and place.step > 0:
            return shifted(self.builder, operand_of(_times(at, place.step)), begin)
        first = const(begin) if isinstance(begin, int) else begin
        if place.step < 0:
            return operand_of(Handle(self.builder, first) - _times(at, -place.step))
        return operand_of(Handle(self.builder, first) + _times(at, place.step))


def cast(builder: Builder, stmt: Apply, value: Operand) -> Operand:
    """An element of the array that the statement writes to a part of another, cut to the width
    of that: only of a number NumPy asks that it fits.
    """
    array, given = (array_type(a) for a in stmt.args[:2])
    assert array is not None
    if given is None or given.dtype == array.dtype or not narrow(array):
        return value
    return builder.add(astype, (value,), {"dtype": array.dtype})[0]


def on_elements(
    builder: Builder, stmt: Apply, args: tuple[Operand, ...], kind: ArrayType
) -> Operand:
    """What the statement makes of one element of each array."""
    if stmt.op is copy:
        return args[0]
    if stmt.op.scalar == "{}" and isinstance(args[0], Const):
        return const(kind.dtype.type(args[0].value))
    return _applied(builder, stmt.op, args, stmt.attrs, kind)


def _applied(
    builder: Builder, op: Op, args: tuple[Operand, ...], attrs: Attrs, kind: ArrayType
) -> Operand:
    """The op on elements, whose result is a number where NumPy makes an array of one."""
    out = Value(kind)
    builder.append(Apply(op, args, attrs, (out,), builder.loc))
    return out


def _times(at: Handle, step: int) -> Handle:
    return at if step == 1 else at * step


def plain(operand: Operand) -> Operand:
    """A constant as the Python number that a person writes."""
    if isinstance(operand, Const) and hasattr(operand.value, "item"):
        return const(operand.value.item())
    return operand


def shifted(builder: Builder, operand: Operand, by: int) -> Operand:
    """The integer plus a constant, as a person writes it."""
    if not isinstance(operand, Value):
        return const(operand.value + by)  # type: ignore[union-attr]
    if by == 0:
        return operand
    handle = Handle(builder, operand)
    return (handle - -by if by < 0 else handle + by).operand


def _shape_only(operand: Operand) -> Operand:
    """An operand of which only the shape was read: any number will do."""
    kind = operand.type
    assert isinstance(kind, ArrayType)
    return const(np.zeros((), kind.dtype)[()]) if kind.rank else operand
