"""Elements of arrays that are not written to again: they can be read from the last version.

What is read in a nest of loops often survives to the end of the nest, as in a factorisation in
place.  It needs no tape and no rebuilding: the backward pass reads the final array.  So does a
value that is stored in an element which survives.

Reference: P. Feautrier, "Dataflow analysis of array and scalar references", IJPP 20, 1991; here
only disjointness in a single dimension is tried, by bounds of affine indices.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from stagec.ir.build import Builder
from stagec.ir.core import Apply, Block, For, If, Operand, Value, While, operand_of
from stagec.ir.path import Arg, Index, Item, Path, Slice
from stagec.ir.types import ArrayType, Dim, Symbol, Type, affine, rank_of, symbols_of
from stagec.ir.walk import defined, regions
from stagec.ops.arithmetic import Handle
from stagec.ops.indexing import read_at, update
from stagec.transforms.activity import loop_params, loop_results
from stagec.transforms.affine import Facts, Integers
from stagec.transforms.shapes import known_same, pointwise
from stagec.transforms.versions import History, Step, is_read

Interval = tuple[Dim, Dim]


@dataclass(frozen=True, slots=True)
class Frame:
    """A statement, and the block of it that we are in."""

    stmt: For | While | If
    block: Block


@dataclass(frozen=True, slots=True)
class Region:
    """A part of an array, addressed in a nest of frames."""

    path: Path
    index: tuple[Operand, ...]
    frames: tuple[Frame, ...]

    @property
    def loops(self) -> Iterator[For]:
        """The loops around it that have an index."""
        return (f.stmt for f in self.frames if isinstance(f.stmt, For))

    @property
    def branches(self) -> Iterator[tuple[If, bool]]:
        """The branches around it, each with whether its condition holds."""
        return ((f.stmt, f.block is f.stmt.then) for f in self.frames if isinstance(f.stmt, If))


@dataclass(slots=True)
class Survival:
    """What the last versions of the arrays of a block still hold.

    Attributes
    ----------
    frames : the statements around each op.
    home : the same of what makes each value.
    stores : the first op that stores a value in an array, in the block that makes it.
    """

    block: Block
    history: History
    integers: Integers
    frames: dict[Apply, tuple[Frame, ...]] = field(
        default_factory=dict[Apply, tuple[Frame, ...]]
    )
    home: dict[Value, tuple[Frame, ...]] = field(
        default_factory=dict["Value", "tuple[Frame, ...]"]
    )
    stores: dict[Value, Apply] = field(default_factory=dict[Value, Apply])
    _defined: dict[Block, set[Value]] = field(default_factory=dict[Block, "set[Value]"])
    _proofs: dict[tuple[Region, Region, For | While | None], bool] = field(
        default_factory=dict["tuple[Region, Region, For | While | None]", bool]
    )
    _found: dict[Value, Apply | None] = field(default_factory=dict["Value", "Apply | None"])

    @classmethod
    def of(cls, block: Block, history: History) -> Survival:
        """The analysis of a function's block."""
        found = cls(block, history, Integers({}))
        found._collect(block, ())
        producers = {v: s for s in found.frames for v in s.outs}
        found.integers = Integers(producers, _lasting(block))
        return found

    def _collect(self, block: Block, frames: tuple[Frame, ...]) -> None:
        self.home.update(dict.fromkeys(block.params, frames))
        for stmt in block.stmts:
            self.home.update(dict.fromkeys(stmt.outs, frames))
            if isinstance(stmt, Apply):
                self.frames[stmt] = frames
                value = stmt.args[1] if stmt.op is update else None
                # what a branch or loop inside of the value's block stores may not be stored
                if isinstance(value, Value) and self.home.get(value) == frames:
                    self.stores.setdefault(value, stmt)
            elif isinstance(stmt, For | While | If):
                for region in regions(stmt):
                    self._collect(region, (*frames, Frame(stmt, region)))

    def read(self, value: Value) -> Apply | None:
        """The op that reads the value from the last version of an array, if it is there."""
        if value not in self._found:
            self._found[value] = self._stored(value) or self._still_there(value)
        return self._found[value]

    def _still_there(self, value: Value) -> Apply | None:
        stmt = self.integers.producers.get(value)
        if stmt is None or not is_read(stmt):
            return None
        array, *index = stmt.args
        region = Region(stmt.kwargs["path"], tuple(index), self.frames[stmt])
        last = self._last(array, region)
        return None if last is None else replace(stmt, args=(last, *index))

    def _stored(self, value: Value) -> Apply | None:
        stmt = self.stores.get(value)
        if stmt is None:
            return None
        path, index = stmt.kwargs["path"], stmt.args[2:]
        if any(not isinstance(i.type, ArrayType) or i.type.rank for i in index):
            return None  # of several values stored in one element one survives
        last = self._last(stmt.out, Region(path, index, self.frames[stmt]))
        if last is None:
            return None
        builder = Builder(loc=stmt.loc)
        where = [Handle(builder, i) for i in index]
        out = operand_of(read_at(Handle(builder, last), path, *where))
        (made,) = builder.stmts
        assert isinstance(made, Apply)
        same = _same_kind(out, value) and self._fills(value, stmt, out.type)
        return replace(made, outs=(value,)) if same else None

    def _fills(self, value: Operand, stmt: Apply, part: Type) -> bool:
        """Whether what is stored has the shape of the part that it is stored in.

        It broadcasts to that shape.  So it has that shape if it was computed, element by
        element, from an array that has it.
        """
        if known_same(value.type, part):
            return True
        made = self.integers.producers.get(value) if isinstance(value, Value) else None
        if made is None:
            return False
        if is_read(made):
            return self._same_part(made, stmt)
        return pointwise(made) and any(
            rank_of(a.type) == rank_of(value.type) and self._fills(a, stmt, part)
            for a in made.args
        )

    def _same_part(self, read: Apply, stmt: Apply) -> bool:
        """Whether the op reads a part as large as the other writes to."""
        where = read.kwargs["path"], read.args[1:]
        there = stmt.kwargs["path"], stmt.args[2:]
        return where == there and known_same(read.args[0].type, stmt.args[0].type)

    def _last(self, array: Operand, region: Region) -> Value | None:
        """The array outside of all loops that still holds the region of `array`."""
        if not isinstance(array, Value) or not region.frames:
            return None
        current = array
        for frame in reversed(region.frames):
            after = self._leave(frame, current, region)
            if after is None:
                return None
            current = after
        return current

    def _leave(self, frame: Frame, current: Value, region: Region) -> Value | None:
        """What the array becomes by the end of the frame's statement, if the region stays."""
        stmt, block = frame.stmt, frame.block
        if current not in self._inside(block):
            return current
        results = block.results if isinstance(stmt, If) else loop_results(stmt)
        outs = stmt.outs if isinstance(stmt, If) else stmt.carry
        for j, result in enumerate(results):
            if not isinstance(result, Value):
                continue
            undo = self.history.undo(block, (result,))
            if current not in undo.origin:
                continue
            if not self._kept(region, undo.towards((current,)), None):
                return None
            if not isinstance(stmt, If):
                param = loop_params(stmt)[j]
                if param is not result and (j,) not in self.history.groups(stmt):
                    return None
                if not self._kept(region, undo.towards((param,)), stmt):
                    return None
            return outs[j]
        return None

    def _inside(self, block: Block) -> set[Value]:
        if block not in self._defined:
            self._defined[block] = set(defined(block))
        return self._defined[block]

    def _kept(self, region: Region, steps: Iterable[Step], again: For | While | None) -> bool:
        """Whether no write of the steps (in later trips of `again`) touches the region."""
        inner = self._inside(again.body) if again is not None else set[Value]()
        for write in self._writes(steps):
            if write is None:
                return False
            other = Region(write.kwargs["path"], write.args[2:], self.frames[write])
            key = region, other, again
            if key not in self._proofs:
                self._proofs[key] = self._disjoint(region, other, inner, again)
            if not self._proofs[key]:
                return False
        return True

    def _writes(self, steps: Iterable[Step]) -> Iterator[Apply | None]:
        """All writes of the steps; None for what is not understood."""
        for step in steps:
            match step.stmt:
                case Apply():
                    yield step.stmt
                case For() | While() if len(step.carries) == 1:
                    results = loop_results(step.stmt)
                    result = results[step.carries[0]]
                    undo = self.history.undo(step.stmt.body, _values(result))
                    yield from self._writes(undo.steps)
                case If():
                    for block in (step.stmt.then, step.stmt.orelse):
                        undo = self.history.undo(block, _values(block.results[step.carries[0]]))
                        yield from self._writes(undo.towards(step.before))
                case _:
                    yield None

    def _disjoint(
        self, read: Region, write: Region, inner: set[Value], again: For | While | None
    ) -> bool:
        facts = Facts()
        for loop in read.loops:
            facts.indexed(loop, self.integers, set())
        for loop in write.loops:
            facts.indexed(loop, self.integers, inner)
        if isinstance(again, For):
            facts.ordered(again, self.integers)
        for region, values in ((read, set[Value]()), (write, inner)):
            for stmt, taken in region.branches:
                facts.branch(stmt, taken, self.integers, values)
        first = self._intervals(read, set(), facts)
        second = self._intervals(write, inner, facts)
        apart = any(_apart(a, b, facts) for a, b in zip(first, second, strict=False))
        return apart or facts.impossible()

    def _intervals(self, region: Region, inner: set[Value], facts: Facts) -> list[Interval]:
        """The region in each dimension, as far as it is known; ends included."""
        if len(region.path) != 1 or not isinstance(step := region.path[0], Index):
            return []
        if any(not isinstance(i.type, ArrayType) or i.type.rank for i in region.index):
            return []
        if any(i.type.dtype.kind == "b" for i in region.index):  # type: ignore[union-attr]
            return []
        found: list[Interval] = []
        for item in step.items:
            if not isinstance(item, int | Arg | Slice):
                return []
            found.append(self._interval(item, region, inner, facts))
        return found

    def _interval(
        self, item: Item, region: Region, inner: set[Value], facts: Facts
    ) -> Interval:
        def natural(part: Item | None) -> Dim:
            """The part as an expression, unless it may count from the end."""
            if not isinstance(part, int | Arg):
                return None
            e = self.integers.of(region.index[part.position]) if isinstance(part, Arg) else part
            e = self.integers.later(e, inner)
            return e if facts.natural(e) else None

        if isinstance(item, Slice):
            if item.step not in (None, 1):
                return None, None
            stop = natural(item.stop)
            start = 0 if item.start is None else natural(item.start)
            return start, affine((stop, 1), const=-1)
        place = natural(item)
        return place, place


def _lasting(block: Block) -> set[Symbol]:
    """The symbols of sizes that are found once, not in the trips of loops."""
    found = {s for p in block.params for s in symbols_of(p.type)}
    passing = set[Symbol]()
    for stmt in block.stmts:
        passing |= {s for r in regions(stmt) for v in defined(r) for s in symbols_of(v.type)}
        passing -= found
        found |= {s for v in stmt.outs for s in symbols_of(v.type)} - passing
    return found


def _values(operand: Operand) -> tuple[Value, ...]:
    return (operand,) if isinstance(operand, Value) else ()


def _apart(a: Interval, b: Interval, facts: Facts) -> bool:
    """Whether the intervals surely have nothing in common."""
    (a_lo, a_hi), (b_lo, b_hi) = a, b
    above, below = affine((b_lo, 1), (a_hi, -1)), affine((a_lo, 1), (b_hi, -1))
    return facts.positive(above) or facts.positive(below)


def _same_kind(read: Operand, value: Value) -> bool:
    a, b = read.type, value.type
    if not isinstance(a, ArrayType) or not isinstance(b, ArrayType):
        return False
    return (a.dtype, a.kind, a.rank) == (b.dtype, b.kind, b.rank)
