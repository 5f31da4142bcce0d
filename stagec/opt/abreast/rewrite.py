"""Writes the loops over trips that are done side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from stagec.ir.alias import path_operands
from stagec.ir.build import Builder, freeze
from stagec.ir.core import Apply, Block, For, Operand, Value, const
from stagec.ir.types import INT, ArrayType
from stagec.ir.walk import rename
from stagec.ops.arithmetic import add, subtract
from stagec.ops.creation import empty
from stagec.ops.growing import kept
from stagec.ops.indexing import read, update
from stagec.ops.rounding import py_min
from stagec.opt.abreast.roles import Roles, needed
from stagec.opt.abreast.written_out import trips
from stagec.opt.elements import element_path

LANES = 64  # trips that are done side by side: a few vectors, and the arrays between are near
Key = Apply | Value  # what goes through memory: an element read or written, an array outside


def side_by_side(builder: Builder, loop: For, found: Roles) -> None:
    """Put the loop into the builder, with its trips done side by side."""
    builder.loc = loop.loc
    through = found.staged()
    stages = {s: _stage(builder, found, s) for s in through}
    arrays = loop.body.params[1:]
    keys: tuple[Key, ...] = (*stages, *arrays)
    params = [like(v) for v in (*stages.values(), *arrays)]
    first, body = Value(INT, "first"), Builder(loc=loop.loc)
    (left,) = body.add(subtract, (loop.hi, first), {})
    (count,) = body.add(py_min, (const(LANES), left), {}, "count")
    trip = _Trip(found, first, frozenset(through), dict(zip(keys, params, strict=True)))
    for part in (_Reading, _Computing, _Writing):
        part(trip).loop(body, count)
    block = body.block((first, *params), [trip.arrays[k] for k in keys])
    init = (*stages.values(), *loop.init)
    outs = (*map(like, stages.values()), *loop.carry)
    builder.append(For(loop.lo, loop.hi, const(LANES), init, block, outs, loc=loop.loc))


def _stage(builder: Builder, found: Roles, stmt: Apply) -> Value:
    """A new array for the elements that the statement reads or writes in the trips."""
    element = stmt.out if stmt in found.reads else stmt.args[1]
    kind = element.type
    assert isinstance(kind, ArrayType)
    shape = (*(trips(c) for c in counters(found, stmt)), LANES)
    hint = element.hint if isinstance(element, Value) else ""
    array = Value(ArrayType(kind.dtype, shape), hint)
    builder.append(
        Apply(empty, (), freeze({"dtype": kind.dtype, "shape": shape}), (array,), builder.loc)
    )
    return array


def counters(found: Roles, stmt: Apply) -> tuple[For, ...]:
    """The loops whose counters say which element it is: of what is read, those of the index."""
    loops = found.counters[stmt]
    if stmt in found.writes:
        return loops
    used = {a for s in (stmt, *needed(found, list(path_operands(stmt)))) for a in s.args}
    return tuple(c for c in loops if c.body.params[0] in used)


@dataclass(slots=True)
class _Trip:
    """What the loops have in common.

    Attributes
    ----------
    first : the number of the first trip that is done.
    stages : the reads and writes whose elements go from loop to loop.
    arrays : the arrays that loops write to, as they are so far.
    """

    found: Roles
    first: Value
    stages: frozenset[Apply]
    arrays: dict[Key, Value]


@dataclass(slots=True)
class _Part:
    """One of the loops; `names` are what values are in it."""

    trip: _Trip
    names: dict[Value, Operand] = field(init=False)
    lane: Value = field(default_factory=lambda: Value(INT, "lane"))

    def __post_init__(self) -> None:
        self.names = {k: v for k, v in self.trip.arrays.items() if isinstance(k, Value)}

    def loop(self, builder: Builder, count: Operand) -> None:
        """Add the loop over the trips."""
        whole = self.trip.found.loop

        index = whole.body.params[0]

        def trip(inner: Builder) -> None:
            (self.names[index],) = inner.add(add, (self.trip.first, self.lane), {}, index.hint)

        self.nest(builder, whole, self.lane, count, trip, ())

    def nest(
        self, builder: Builder, source: For, counter: Value, count: Operand,
        begin: Callable[[Builder], None], own: Sequence[int],
    ) -> None:  # fmt: skip
        """Add a loop with its part of the body of `source`, which keeps the carries `own`."""
        body, arrays = source.body, self.trip.arrays
        keys = list(dict.fromkeys(self.written(body)))
        init = (*(rename(source.init[k], self.names) for k in own), *(arrays[k] for k in keys))
        params = self.fresh([body.params[1 + k] for k in own])
        for key in keys:
            arrays[key] = like(arrays[key])
        params += [arrays[k] for k in keys]
        inner = Builder(loc=source.loc)
        begin(inner)
        for stmt in body.stmts:
            if isinstance(stmt, Apply):
                inner.loc = stmt.loc
                self.apply(inner, stmt)
            elif isinstance(stmt, For) and self.does(stmt.body):
                index = like(stmt.body.params[0])
                self.names[stmt.body.params[0]] = index
                self.nest(inner, stmt, index, stmt.hi, lambda _: None, self.carries(stmt))
        ends = (*(rename(body.results[k], self.names) for k in own), *(arrays[k] for k in keys))
        outs = self.fresh([source.carry[k] for k in own])
        for key in keys:
            arrays[key] = like(arrays[key])
        outs += [arrays[k] for k in keys]
        block = inner.block((counter, *params), ends)
        lo, step = const(0), const(1)
        made = For(lo, count, step, init, block, tuple(outs), loc=source.loc, free=source.free)
        builder.append(made)

    def fresh(self, values: Sequence[Value]) -> list[Value]:
        """What the values are here."""
        made = [like(v) for v in values]
        self.names.update(zip(values, made, strict=True))
        return made

    def does(self, body: Block) -> bool:
        """Whether anything in the block is done in this loop."""
        return any(
            self.does(s.body) if isinstance(s, For) else isinstance(s, Apply) and self.role(s)
            for s in body.stmts
        )

    def written(self, body: Block) -> Iterator[Key]:
        """The arrays that this loop writes to in the block."""
        for stmt in body.stmts:
            if isinstance(stmt, For):
                yield from self.written(stmt.body)
            elif isinstance(stmt, Apply) and (key := self.target(stmt)) is not None:
                yield key

    def carries(self, loop: For) -> Sequence[int]:
        """Which of its carries the loop keeps."""
        del loop
        return ()

    def role(self, stmt: Apply) -> bool:
        """Whether the statement is done in this loop, or something for it."""
        raise NotImplementedError

    def target(self, stmt: Apply) -> Key | None:
        """The array from outside of the loop that is written to for the statement."""
        raise NotImplementedError

    def apply(self, builder: Builder, stmt: Apply) -> None:
        """Do what the statement does in this loop."""
        raise NotImplementedError

    def same(self, builder: Builder, stmt: Apply) -> None:
        """Do the statement as it is."""
        args = tuple(rename(a, self.names) for a in stmt.args)
        builder.append(replace(stmt, args=args, outs=tuple(self.fresh(stmt.outs))))

    def store(self, builder: Builder, stmt: Apply, value: Operand) -> None:
        """Hand the element that the statement reads or writes on to a later loop."""
        place = self.place(builder, stmt)
        args, attrs = (
            (self.trip.arrays[stmt], value, *place),
            {"path": element_path(len(place))},
        )
        (self.trip.arrays[stmt],) = builder.add(update, args, attrs)

    def load(self, builder: Builder, stmt: Apply) -> Value:
        """The element that the statement reads or writes, from an earlier loop."""
        place = self.place(builder, stmt)
        attrs = {"path": element_path(len(place)), "view": False}
        array = self.trip.arrays[stmt]
        return builder.add(read, (array, *place), attrs, array.hint)[0]

    def place(self, builder: Builder, stmt: Apply) -> tuple[Operand, ...]:
        """Where the element lies between the loops."""
        around = counters(self.trip.found, stmt)
        # as many lanes as trips are left, and surely no more than the array is long
        (lane,) = builder.add(kept, (self.lane,), {})
        return (*(rename(c.body.params[0], self.names) for c in around), lane)


class _Reading(_Part):
    """The first loop: reads what the trips need, and checks."""

    def role(self, stmt: Apply) -> bool:
        return stmt in self.trip.found.first

    def target(self, stmt: Apply) -> Key | None:
        return stmt if stmt in self.trip.found.reads and stmt in self.trip.stages else None

    def apply(self, builder: Builder, stmt: Apply) -> None:
        if self.role(stmt):
            self.same(builder, stmt)
        if self.target(stmt) is not None:
            self.store(builder, stmt, self.names[stmt.out])


class _Computing(_Part):
    """The loop in the middle."""

    def carries(self, loop: For) -> Sequence[int]:
        found = self.trip.found
        return [k for k, p in enumerate(loop.body.params[1:]) if not found.outer(p)]

    def role(self, stmt: Apply) -> bool:
        return stmt in self.trip.found.middle or self.target(stmt) is not None

    def target(self, stmt: Apply) -> Key | None:
        return stmt if stmt in self.trip.found.writes and stmt in self.trip.stages else None

    def apply(self, builder: Builder, stmt: Apply) -> None:
        found = self.trip.found
        if stmt in found.middle:
            self.same(builder, stmt)
        elif stmt in found.reads and stmt in self.trip.stages:
            self.names[stmt.out] = self.load(builder, stmt)
        elif self.target(stmt) is not None:
            self.store(builder, stmt, rename(stmt.args[1], self.names))


class _Writing(_Part):
    """The last loop: writes what was computed."""

    def role(self, stmt: Apply) -> bool:
        return stmt in self.trip.found.last

    def target(self, stmt: Apply) -> Key | None:
        return self.trip.found.writes.get(stmt)

    def apply(self, builder: Builder, stmt: Apply) -> None:
        root = self.target(stmt)
        if root is not None:
            value = self.load(builder, stmt) if stmt in self.trip.stages else stmt.args[1]
            where = (rename(a, self.names) for a in path_operands(stmt))
            out = like(self.trip.arrays[root])
            args = (self.trip.arrays[root], value, *where)
            builder.append(replace(stmt, args=args, outs=(out,)))
            self.trip.arrays[root] = out
        elif self.role(stmt):
            self.same(builder, stmt)


def like(value: Value) -> Value:
    """A new value of the same type."""
    return Value(value.type, value.hint)
