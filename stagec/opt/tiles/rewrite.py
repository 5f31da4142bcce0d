"""Writes the loop over the parts of a long axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from stagec.ir.alias import path_of, path_operands
from stagec.ir.build import Builder, freeze
from stagec.ir.core import Apply, Block, For, Op, Operand, Value, const, zero
from stagec.ir.path import Arg, Path
from stagec.ir.types import INT, ArrayType, Symbol, Type, size
from stagec.ir.walk import clone_stmt, rename
from stagec.ops.arithmetic import add, subtract
from stagec.ops.copying import copy
from stagec.ops.creation import empty, zeros
from stagec.ops.folding import plus
from stagec.ops.index_facts import MADE
from stagec.ops.indexing import WHOLE, accumulate, read, update
from stagec.ops.products import matmul
from stagec.ops.rounding import py_min
from stagec.opt.tapes.sizes import Lengths, Unknown, room
from stagec.opt.tiles.axis import Axis, cut
from stagec.opt.tiles.search import Tiled


def in_parts(block: Block, tiled: Tiled, lengths: Lengths, symbol: Symbol) -> Block:
    """The block with its members done part by part; may raise `Unknown`.

    `lengths` tells of sizes in front of the block, `symbol` is new: the length of a part.
    """
    before = Builder([*tiled.before])
    whole = lengths.size(before, size(tiled.axis.symbol), {})
    written = _written(tiled, block.results)
    slots = [
        *(Slot(_made(zeros, before, s.out, lengths), s.out) for s in tiled.totals),
        *(Slot(_made(empty, before, v, lengths), v) for v in tiled.outputs(block.results)),
        *(Slot(base, last) for base, last in written.items()),
    ]
    names: dict[Value, Operand] = {s.init: s.param for s in slots if s.out in written.values()}  # type: ignore[misc]
    trip = _Part(tiled, symbol, names)
    trip.begin(whole)
    for stmt in tiled.members:
        if isinstance(stmt, For):
            trip.loop(stmt)
        else:
            trip.member(stmt)
    results = tuple(map(trip.end, slots))
    body = trip.builder.block((trip.first, *(s.param for s in slots)), results)
    loop = For(
        const(0), whole, const(tiled.length), tuple(s.init for s in slots), body,
        tuple(s.out for s in slots), loc=tiled.members[0].loc, parts=True,
    )  # fmt: skip
    return replace(block, stmts=(*before.stmts, loop, *tiled.after))


@dataclass(frozen=True, slots=True)
class Slot:
    """What the loop carries: how it begins, in a trip, and what it is in the end."""

    init: Operand
    out: Value
    param: Value = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "param", Value(self.out.type, self.out.hint))


def _written(tiled: Tiled, results: Sequence[Operand]) -> dict[Value, Value]:
    """The arrays from outside that members write to, with what they are in the end."""
    made = tiled.made()
    roots: dict[Operand, Value] = {}
    last: dict[Value, Value] = {}
    for stmt in tiled.members:
        if isinstance(stmt, For):  # what is no part of it are sums, in arrays made for them
            pairs = zip(stmt.init, stmt.carry, strict=True)
            last.update((a, b) for a, b in pairs if isinstance(a, Value) and b not in made)
            continue
        base = stmt.args[0] if stmt.op.overwrites is not None else None
        if isinstance(base, Value) and base not in made:
            roots[stmt.out] = root = roots.get(base, base)
            last[root] = stmt.out
    passing = roots.keys() - last.values()
    if not passing.isdisjoint(tiled.needed(results)):
        raise Unknown  # an array as it is for one part after another
    return last


def _made(op: Op, builder: Builder, like: Value, lengths: Lengths) -> Operand:
    """A new array of the type, or the number that sums begin with."""
    kind = like.type
    assert isinstance(kind, ArrayType)
    if not kind.rank:
        return zero(kind)
    if None in kind.shape:
        raise Unknown
    sizes = [lengths.size(builder, dim, {}) for dim in kind.shape]
    return room(builder, sizes, kind.shape, kind.dtype, like.hint, op)


@dataclass(slots=True)
class _Part:
    """What is done with one part.

    Attributes
    ----------
    names : what values are here: whole arrays from outside, parts of those made here.
    parts : the parts of arrays from outside.
    first, stop, length : where the part begins and ends, and how long it is.
    builder, outer : the block that is written; that of the loop over the parts.
    """

    tiled: Tiled
    symbol: Symbol
    names: dict[Value, Operand]
    builder: Builder = field(default_factory=Builder)
    parts: dict[tuple[Operand, bool], Value] = field(
        default_factory=dict["tuple[Operand, bool]", Value]
    )
    outer: Builder = field(init=False)
    made: Mapping[Value, None] = field(init=False)
    first: Value = field(init=False)
    stop: Value = field(init=False)
    length: Value = field(init=False)

    def __post_init__(self) -> None:
        self.outer = self.builder
        self.made = self.tiled.made()
        self.first = Value(INT, "first")
        self.length = Value(replace(INT, size=size(self.symbol)), "part")

    @property
    def axis(self) -> Axis:
        """The long axis."""
        return self.tiled.axis

    def begin(self, whole: Operand) -> None:
        """Say which part it is: no more than is left."""
        (left,) = self.builder.add(subtract, (whole, self.first), {})
        args = (const(self.tiled.length), left)
        self.builder.append(Apply(py_min, args, (), (self.length,), self.builder.loc))
        (self.stop,) = self.builder.add(add, (self.first, self.length), {}, "stop")

    def loop(self, loop: For) -> None:
        """Do what the loop does with the part."""
        init = tuple(self.part(a, False) for a in loop.init)
        self.builder = Builder(loc=loop.loc)
        params = tuple(self.here(p) for p in loop.body.params)
        for stmt in loop.body.stmts:
            if isinstance(stmt, Apply) and stmt in self.tiled.within:
                self.member(stmt)
            else:
                self.builder.append(clone_stmt(stmt, self.names))
        results = [rename(r, self.names) for r in loop.body.results]
        body = self.builder.block(params, results)
        self.builder = self.outer
        carry = tuple(map(self.here, loop.carry))
        hi = rename(loop.hi, self.names)
        self.builder.append(replace(loop, hi=hi, init=init, body=body, carry=carry))

    def here(self, value: Value) -> Value:
        """What a value that a loop defines is for the part."""
        kind = self.shortened(value.type) if value in self.made else value.type
        self.names[value] = here = Value(kind, value.hint)
        return here

    def member(self, stmt: Apply) -> None:
        """Do what the statement does with the part."""
        self.builder.loc = stmt.loc
        attrs = stmt.kwargs
        args = list(stmt.args)
        path = path_of(stmt)
        if path is not None and args[0] not in self.made:
            at = self.axis.of(args[0])
            assert at is not None
            attrs["path"] = cut(path, at, len(path_operands(stmt)))
            values = [self.part(a, False) for a in args[1:]]
            args = [rename(args[0], self.names), *values, self.first, self.stop]
        else:
            args = [self.part(a, stmt.op is matmul) for a in args]
        if stmt.op in MADE:
            (position,) = self.sized(stmt)
            args[position] = self.length
        anew = stmt.op.overwrites is None or stmt.out in self.made
        kind = self.shortened(stmt.out.type) if anew else stmt.out.type
        out = self.names[stmt.out] = Value(kind, stmt.out.hint)
        self.builder.append(Apply(stmt.op, tuple(args), freeze(attrs), (out,), stmt.loc))

    def sized(self, stmt: Apply) -> list[int]:
        """Which operand says how long the new array is along the axis."""
        at = self.axis.of(stmt.out)
        shape = stmt.kwargs["shape"]
        return [d.position for k, d in enumerate(shape) if k == at and isinstance(d, Arg)]

    def shortened(self, kind: Type) -> Type:
        """The type of a part of the array."""
        assert isinstance(kind, ArrayType)
        whole = size(self.axis.symbol)
        shape = tuple(size(self.symbol) if dim == whole else dim for dim in kind.shape)
        return replace(kind, shape=shape)

    def part(self, operand: Operand, dense: bool) -> Operand:
        """The part of an array from outside, or what the operand is here.

        `dense`: the part of a matrix lies in one piece, as the library wants it; that of rows
        does so anyway.
        """
        at = self.axis.of(operand)
        here = rename(operand, self.names)
        if at is None or operand in self.made:
            return here
        if (operand, dense) not in self.parts:
            attrs: dict[str, object] = {"path": cut(WHOLE, at, 0), "view": True}
            found = self.lasting(read, (here, *self.ends()), attrs, operand)
            if dense and at:
                found = self.lasting(copy, (found,), {}, operand)
            self.parts[operand, dense] = found
        return self.parts[operand, dense]

    def ends(self) -> tuple[Value, Value]:
        """Where the part begins and ends."""
        return self.first, self.stop

    def lasting(
        self, op: Op, args: tuple[Operand, ...], attrs: dict[str, object], of: Operand
    ) -> Value:
        """Add an op that gives a part of an array, for all that is done with the part."""
        out = Value(self.shortened(of.type), getattr(of, "hint", ""))
        self.outer.append(Apply(op, args, freeze(attrs), (out,), self.builder.loc))
        return out

    def end(self, slot: Slot) -> Operand:
        """What is carried on to the next part."""
        here = rename(slot.out, self.names)
        if slot.out in self.made:
            at = self.axis.of(slot.out)
            assert at is not None
            return self._store(slot, here, cut(WHOLE, at, 0))
        if slot.out.type.rank and here.type == slot.out.type and slot.init in self.names:  # type: ignore[union-attr]
            return here
        return self._sum(slot, here)

    def _store(self, slot: Slot, here: Operand, path: Path) -> Operand:
        args = (slot.param, here, *self.ends())
        return self.builder.add(update, args, {"path": path}, slot.out.hint)[0]

    def _sum(self, slot: Slot, here: Operand) -> Operand:
        assert isinstance(slot.out.type, ArrayType)
        if slot.out.type.rank:
            args = (slot.param, here)
            return self.builder.add(accumulate, args, {"path": WHOLE}, slot.out.hint)[0]
        return self.builder.add(plus, (slot.param, here), {}, slot.out.hint)[0]
