"""The loops of a group: one nest, with the elements of arrays as its values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from stagec.ir.build import Builder
from stagec.ir.core import Apply, Attrs, Block, Const, For, Op, Operand, Value, const
from stagec.ir.path import Arg
from stagec.ir.types import INT, ArrayType, Dim, affine, at_least, same
from stagec.ops.arithmetic import Handle, add
from stagec.ops.creation import empty
from stagec.ops.effects import agree
from stagec.ops.extent import extent
from stagec.ops.indexing import read, update
from stagec.ops.rounding import py_max
from stagec.opt.scalarise.groups import Access, Group, array_type, element, target
from stagec.opt.scalarise.places import (
    Place,
    Places,
    broadcast,
    natural,
    path_of_element,
)

NAMES = "ijklmnpq"


@dataclass(slots=True)
class Nest:
    """Emits the nest of a group into `builder`; `needed` says what is used after it."""

    group: Group
    builder: Builder
    needed: Callable[[Value], bool]
    extents: list[Operand] = field(default_factory=list[Operand])
    ends: dict[tuple[Operand, int], Operand] = field(
        default_factory=dict[tuple[Operand, int], Operand]
    )
    carried: list[Value] = field(default_factory=list[Value])
    roots: list[Operand] = field(default_factory=list[Operand])

    def emit(self) -> None:
        """Add the nest, and before it the sizes and arrays that it needs."""
        group = self.group
        self.builder.loc = group.members[0].loc
        self.extents = [self.extent_of(k) for k in range(len(group.shape))]
        self.check()
        inits: list[Operand] = []
        for root, (present, _) in group.last.items():
            assert isinstance(present, Value)
            self.carried.append(present)
            self.roots.append(root)
            inits.append(root)
        for stmt in group.members:
            out = stmt.outs[0]
            if out in group.made and self.needed(out):
                self.carried.append(out)
                self.roots.append(out)
                inits.append(self.allocated(out))
        self.find_ends()
        outs = tuple(self.carried)
        self.builder.append(self.loop(0, [], tuple(inits), outs))

    # -- sizes ------------------------------------------------------------------------------

    def accesses(self) -> list[Access]:
        """Every element that is read or written."""
        group = self.group
        found = [Access(group.first.get(a.leaf, a.leaf), a.places) for a in group.reads]
        for stmt in group.members:
            places = None if stmt.outs[0] in group.made else target(stmt)
            if places is not None:
                found.append(Access(group.first.get(stmt.args[0], stmt.args[0]), places))
        return found

    def extent_of(self, axis: int) -> Operand:
        """The length of an axis of the iteration space."""
        dim = self.group.shape[axis]
        if isinstance(dim, int):
            return const(dim)
        for access in self.accesses():
            found = self.length_by(access, axis, dim)
            if found is not None:
                return found
        for stmt in self.group.members:
            # what is not broadcast is as long as the result
            for operand in stmt.args if stmt.op.overwrites is None else stmt.args[1:2]:
                kind = array_type(operand)
                at = axis - len(self.group.shape) + (kind.rank if kind else 0)
                outside = kind is not None and operand not in self.group.made
                if not outside or kind is None or at < 0:
                    continue
                if kind.shape[at] != 1:
                    return self.add(extent, (operand,), axis=at)
        stmt = next(s for s in self.group.members if s.outs[0] in self.group.first)
        base = self.group.first[stmt.outs[0]]
        part = self.add(read, (base, *stmt.args[2:]), path=stmt.kwargs["path"], view=True)
        return self.add(extent, (part,), axis=axis)

    def length_by(self, access: Access, axis: int, dim: Dim) -> Operand | None:
        """The length as that of an axis of an array, less a constant."""
        kind = array_type(access.leaf)
        for at, place in enumerate(access.places):
            if place.loop != axis or abs(place.step) != 1 or kind is None:
                continue
            less = affine((dim, 1), (kind.shape[at], -1))
            if isinstance(less, int):
                return self.shifted(self.add(extent, (access.leaf,), axis=at), less)
        return None

    def check(self) -> None:
        """Have the lengths compared that are only equal if the program is right."""
        known: set[tuple[Dim, Dim]] = set()
        for stmt in self.group.members:
            operands = stmt.args if stmt.op.overwrites is None else stmt.args[1:2]
            for k, operand in enumerate(operands):
                kind = array_type(operand)
                if kind is None or operand in self.group.made:
                    continue
                if stmt.op.overwrites is None and k in stmt.op.shapes:
                    continue
                offset = len(self.group.shape) - kind.rank
                for axis, dim in enumerate(kind.shape):
                    wide = self.group.shape[axis + offset]
                    if dim != 1 and not same(dim, wide) and (dim, wide) not in known:
                        known.add((dim, wide))
                        before = self.group.first.get(operand, operand)
                        length = self.add(extent, (before,), axis=axis)
                        self.builder.add(agree, (length, self.extents[axis + offset]), {})

    def allocated(self, out: Value) -> Operand:
        """A new array for what a member makes."""
        kind = out.type
        assert isinstance(kind, ArrayType)
        sizes: list[Operand] = []
        plan: list[int | Arg] = []
        for dim, length in zip(kind.shape, self.extents, strict=True):
            if isinstance(dim, int):
                plan.append(dim)
                continue
            plan.append(Arg(len(sizes)))
            least = at_least(dim)
            sizes.append(
                length
                if least is not None and least >= 0
                else self.add(py_max, (length, const(0)))
            )
        (made,) = self.builder.add(
            empty, sizes, {"shape": tuple(plan), "dtype": kind.dtype}, out.hint
        )
        return made

    def find_ends(self) -> None:
        """The lengths of axes that places are counted from the end of."""
        for access in self.accesses():
            for axis, place in enumerate(access.places):
                key = (access.leaf, axis)
                if isinstance(place.start, int) and place.start < 0 and key not in self.ends:
                    self.ends[key] = self.add(extent, (access.leaf,), axis=axis)

    def add(self, op: object, args: tuple[Operand, ...], **attrs: object) -> Operand:
        """One op in front of the nest."""
        return self.builder.add(op, args, dict(attrs))[0]  # type: ignore[arg-type]

    def shifted(self, operand: Operand, by: int) -> Operand:
        """The integer plus a constant."""
        return shifted(self.builder, operand, by)

    # -- loops ------------------------------------------------------------------------------

    def loop(
        self, axis: int, index: list[Value], inits: tuple[Operand, ...], outs: tuple[Value, ...]
    ) -> For:
        """The loop over an axis and those inside it."""
        at = Value(INT, NAMES[axis % len(NAMES)])
        params = tuple(Value(o.type, o.hint) for o in outs)
        inner = [*index, at]
        body = Builder(loc=self.builder.loc)
        if axis + 1 < len(self.group.shape):
            made = tuple(Value(o.type, o.hint) for o in outs)
            body.append(self.loop(axis + 1, inner, params, made))
            results: tuple[Operand, ...] = made
        else:
            results = self.body(body, inner, params)
        return For(
            const(0), self.extents[axis], const(1), inits,
            Block((at, *params), tuple(body.stmts), results), outs,
            reverse=bool(self.group.descending), loc=self.builder.loc,
        )  # fmt: skip

    def body(
        self, body: Builder, index: list[Value], params: tuple[Value, ...]
    ) -> tuple[Operand, ...]:
        """One trip of the innermost loop."""
        trip = _Trip(self, body, index, dict(zip(self.roots, params, strict=True)))
        for stmt in self.group.members:
            body.loc = stmt.loc
            trip.member(stmt)
        return tuple(trip.arrays[root] for root in self.roots)


@dataclass(slots=True)
class _Trip:
    """The statements of one trip: `arrays` are the present versions, `values` what was made."""

    nest: Nest
    builder: Builder
    index: list[Value]
    arrays: dict[Operand, Operand]
    values: dict[Value, Operand] = field(default_factory=dict[Value, Operand])

    def member(self, stmt: Apply) -> None:
        """A member's work on one element."""
        if stmt.outs[0] in self.nest.group.made:
            self.make(stmt)
            return
        group = self.nest.group
        root = group.first[stmt.outs[0]]
        places = target(stmt)
        assert places is not None
        value = self.element(stmt.args[1])
        where = self.at(root, places)
        attrs = {"path": path_of_element(len(where))}
        (self.arrays[root],) = self.builder.add(
            stmt.op, (self.arrays[root], value, *where), attrs, stmt.outs[0].hint
        )

    def make(self, stmt: Apply) -> None:
        """An element of a new array."""
        out = stmt.outs[0]
        assert isinstance(out.type, ArrayType)
        made = self.values[out] = self.made(stmt, element(out.type))
        if out in self.arrays:
            where = self.at(out, natural(len(self.index)))
            attrs = {"path": path_of_element(len(where))}
            (self.arrays[out],) = self.builder.add(
                update, (self.arrays[out], plain(made), *where), attrs, out.hint
            )

    def made(self, stmt: Apply, kind: ArrayType) -> Operand:
        """The value of the element."""
        if stmt.op.overwrites is not None:
            base, value = (self.element(a) for a in stmt.args[:2])
            return value if stmt.op is update else self.apply(add, (base, value), (), kind)
        args = tuple(
            _shape_only(a) if k in stmt.op.shapes else self.element(a)
            for k, a in enumerate(stmt.args)
        )
        if stmt.op.scalar == "{}" and isinstance(args[0], Const):
            return const(kind.dtype.type(args[0].value))
        return self.apply(stmt.op, args, stmt.attrs, kind)

    def apply(
        self, op: Op, args: tuple[Operand, ...], attrs: Attrs, kind: ArrayType
    ) -> Operand:
        """The op on elements, whose result is a number where NumPy makes an array of one."""
        out = Value(kind)
        self.builder.append(Apply(op, args, attrs, (out,), self.builder.loc))
        return out

    def element(self, operand: Operand) -> Operand:
        """The element of an operand that this trip reads; a number is itself."""
        kind = array_type(operand)
        if kind is None:
            return operand
        group = self.nest.group
        found = group.resolve(operand, broadcast(natural(len(self.index)), kind))
        leaf = found.leaf
        if array_type(leaf) is None:
            return leaf
        if isinstance(leaf, Value) and leaf in self.values:
            return self.values[leaf]
        root = group.first.get(leaf, leaf)
        where = self.at(root, found.places)
        attrs = {"path": path_of_element(len(where)), "view": False}
        return self.builder.add(read, (self.arrays.get(root, leaf), *where), attrs)[0]

    def at(self, array: Operand, places: Places) -> tuple[Operand, ...]:
        """The index of an element."""
        return tuple(self.coordinate(array, axis, p) for axis, p in enumerate(places))

    def coordinate(self, array: Operand, axis: int, place: Place) -> Operand:
        """The index along one axis."""
        if not isinstance(place.start, int):
            return place.start
        base: Operand = const(0)
        if place.loop is not None:
            base = self.index[place.loop]
            if place.step != 1:
                base = (Handle(self.builder, base) * place.step).operand
        if place.start < 0:
            end = shifted(self.builder, self.nest.ends[array, axis], place.start)
            if place.loop is None:
                return end
            return (Handle(self.builder, end) + Handle(self.builder, base)).operand
        return shifted(self.builder, base, place.start)


def plain(operand: Operand) -> Operand:
    """A constant as the Python number that a person writes."""
    return const(operand.value.item()) if isinstance(operand, Const) else operand


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
