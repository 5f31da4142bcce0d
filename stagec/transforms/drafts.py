"""Forward statements that residuals are being added to.

A `Draft` is a block with room before and after each statement; loops and branches in it hand
out values that a backward pass asks for: a loop as a tape (a list with one entry a trip), a
branch as a further result.  `finished` gives the new block.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from stagec.ir.build import Builder
from stagec.ir.core import (
    Apply,
    Block,
    Call,
    For,
    If,
    Operand,
    Stmt,
    Value,
    While,
    const,
    zero,
)
from stagec.ir.nouns import TAPE, noun
from stagec.ir.types import INT, ArrayType, GeneratorType, ListType, TextType, Type
from stagec.ops.copying import copy
from stagec.ops.creation import zeros
from stagec.ops.extent import extent
from stagec.ops.lists import list_append, list_new
from stagec.transforms.activity import loop_params


@dataclass(slots=True)
class Draft:
    """A block under extension; `before` and `after` hold what comes around each statement."""

    block: Block
    before: dict[Stmt, list[Stmt]] = field(default_factory=dict[Stmt, list[Stmt]])
    after: dict[Stmt | None, list[Stmt]] = field(
        default_factory=dict["Stmt | None", list[Stmt]]
    )
    nested: dict[Stmt, LoopDraft | BranchDraft | CallDraft] = field(
        default_factory=dict["Stmt", "LoopDraft | BranchDraft | CallDraft"]
    )
    defs: dict[Value, Stmt | None] = field(default_factory=dict["Value", "Stmt | None"])
    early: dict[Value, Apply] = field(default_factory=dict[Value, Apply])
    late: dict[Value, Apply] = field(default_factory=dict[Value, Apply])

    def __post_init__(self) -> None:
        self.defs.update(dict.fromkeys(self.block.params))
        for stmt in self.block.stmts:
            self.defs.update(dict.fromkeys(stmt.outs, stmt))

    def loop(self, stmt: For | While) -> LoopDraft:
        """The draft of a loop of this block."""
        found = self.nested.setdefault(stmt, LoopDraft(self, stmt, Draft(stmt.body)))
        assert isinstance(found, LoopDraft)
        return found

    def branch(self, stmt: If) -> BranchDraft:
        """The draft of an `If` of this block."""
        drafts = Draft(stmt.then), Draft(stmt.orelse)
        found = self.nested.setdefault(stmt, BranchDraft(self, stmt, drafts))
        assert isinstance(found, BranchDraft)
        return found

    def define(self, stmts: Iterable[Stmt], before: Stmt) -> None:
        """Put further ops before a statement of the block."""
        for stmt in stmts:
            assert isinstance(stmt, Apply)
            self.before.setdefault(before, []).append(stmt)
            self.defs.update(dict.fromkeys(stmt.outs, before))
            self.early.update(dict.fromkeys(stmt.outs, stmt))

    def producer(self, value: Value) -> Apply | None:
        """The op of this block that computes the value."""
        stmt = self.early.get(value) or self.late.get(value) or self.defs.get(value)
        return stmt if isinstance(stmt, Apply) else None

    def follow(self, value: Value, stmts: Iterable[Stmt]) -> None:
        """Put statements right after the definition of the value."""
        stmt = self.defs[value]
        if stmt is not None and value in self.early:
            self.before[stmt] += stmts
        else:
            self.after.setdefault(stmt, []).extend(stmts)

    def extents(self, value: Value) -> list[Operand]:
        """The sizes of an array of this block, computed right after it."""
        assert isinstance(value.type, ArrayType)
        found: list[Operand] = []
        for axis, dim in enumerate(value.type.shape):
            if isinstance(dim, int):
                found.append(const(dim))
                continue
            builder = Builder()
            (size,) = builder.add(extent, (value,), {"axis": axis})
            stmt = builder.stmts[0]
            assert isinstance(stmt, Apply)
            self.follow(value, [stmt])
            self.defs[size] = self.defs[value]
            (self.early if value in self.early else self.late)[size] = stmt
            found.append(size)
        return found

    def own(self, value: Value) -> Value:
        """The value, copied right away if it shares the memory of another one."""
        stmt = self.producer(value)
        if stmt is None or stmt.op.aliased(stmt.kwargs) is None:
            return value
        if not (isinstance(value.type, ArrayType) and value.type.kind == "array"):
            return value
        builder = Builder(loc=stmt.loc)
        (copied,) = builder.add(copy, (value,), {}, value.hint)
        self.follow(value, builder.stmts)
        return copied

    def originals(self) -> Iterator[Stmt]:
        """The statements of the block, and the ops that were defined before them."""
        for stmt in self.block.stmts:
            yield from self.before.get(stmt, ())
            yield stmt

    def stmts(self) -> tuple[Stmt, ...]:
        """The statements with all that was added."""
        found = list(self.after.get(None, ()))
        for stmt in self.block.stmts:
            found += self.before.get(stmt, ())
            draft = self.nested.get(stmt)
            found += [stmt] if draft is None else draft.finished()
            found += self.after.get(stmt, ())
        return tuple(found)


@dataclass(slots=True)
class Tape:
    """A list carried by a loop: its first, current, next and final value."""

    new: Apply
    param: Value
    append: Apply
    final: Value


@dataclass(slots=True)
class LoopDraft:
    """A loop of the block `outer` under extension."""

    outer: Draft
    stmt: For | While
    body: Draft
    tapes: dict[Value, Tape] = field(default_factory=dict[Value, Tape])
    count: Value | None = None

    def tape(self, value: Value) -> Value:
        """The list of all values that `value`, of the body, had."""
        if value not in self.tapes:
            self.tapes[value] = self._tape(value)
            self.outer.defs[self.tapes[value].final] = self.stmt
        return self.tapes[value].final

    def _tape(self, value: Value) -> Tape:
        hint = self._hint(value)
        builder = Builder(loc=self.stmt.loc)
        (new,) = builder.add(list_new, (), {"element": value.type}, hint)
        param, final = Value(new.type, hint), Value(new.type, hint)
        stored = self.body.own(value)
        builder.add(list_append, (param, stored), {}, hint)
        first, append = builder.stmts
        assert isinstance(first, Apply)
        assert isinstance(append, Apply)
        self.body.follow(value, [append])
        return Tape(first, param, append, final)

    def _hint(self, value: Value) -> str:
        """The name of the tape: after the value, or what its op says that it is."""
        made = self.body.producer(value)
        name = value.hint or (noun(made) if made else "")
        if name.endswith("tape"):
            return f"{name}s"
        return f"{name}{TAPE}" if name else "tape"

    def trips(self) -> Value:
        """The number of trips that the loop made."""
        if self.count is None:
            self.count = self.stmt.trips or Value(INT, "trips")
            self.outer.defs[self.count] = self.stmt
        return self.count

    def finished(self) -> list[Stmt]:
        """The loop with its tapes, after their empty lists."""
        tapes = list(self.tapes.values())
        carried = len(loop_params(self.stmt))
        results = self.stmt.body.results
        body = Block(
            (*self.stmt.body.params, *(t.param for t in tapes)),
            self.body.stmts(),
            (*results[:carried], *(t.append.out for t in tapes), *results[carried:]),
        )
        init = (*self.stmt.init, *(t.new.out for t in tapes))
        carry = (*self.stmt.carry, *(t.final for t in tapes))
        trips = self.count or self.stmt.trips
        loop = replace(self.stmt, init=init, body=body, carry=carry, trips=trips)
        if isinstance(loop, While):
            params = tuple(Value(t.param.type, t.param.hint) for t in tapes)
            loop = replace(loop, cond=replace(loop.cond, params=(*loop.cond.params, *params)))
        return [*(t.new for t in tapes), loop]


@dataclass(slots=True)
class BranchDraft:
    """An `If` of the block `outer` under extension."""

    outer: Draft
    stmt: If
    sides: tuple[Draft, Draft]
    extra: dict[Value, tuple[int, Value, Value]] = field(
        default_factory=dict["Value", "tuple[int, Value, Value]"]
    )

    def result(self, side: int, value: Value) -> Value:
        """The value, of one side, as a result of the whole statement."""
        if value not in self.extra:
            out = Value(unsized(value.type), value.hint)
            self.extra[value] = side, self.sides[side].own(value), out
            self.outer.defs[out] = self.stmt
        return self.extra[value][2]

    def finished(self) -> list[Stmt]:
        """The statement with its further results."""
        blocks = [self._side(k, draft) for k, draft in enumerate(self.sides)]
        outs = (*self.stmt.outs, *(out for _, _, out in self.extra.values()))
        return [replace(self.stmt, then=blocks[0], orelse=blocks[1], outs=outs)]

    def _side(self, side: int, draft: Draft) -> Block:
        builder = Builder(list(draft.stmts()), loc=self.stmt.loc)
        results = list(draft.block.results)
        for origin, value, out in self.extra.values():
            results.append(value if origin == side else placeholder(builder, out.type))
        return builder.block((), results)


@dataclass(slots=True)
class CallDraft:
    """A call of a function that returns residuals too."""

    stmt: Call

    def finished(self) -> list[Stmt]:
        """The call."""
        return [self.stmt]


def unsized(type: Type) -> Type:
    """The type of a value that has other sizes, or none, on another path."""
    if isinstance(type, ArrayType):
        return replace(type, shape=(None,) * type.rank, size=None)
    return type


def placeholder(builder: Builder, type: Type) -> Operand:
    """A value of the type, for a path on which nobody looks at it."""
    match type:
        case ListType(element):
            return builder.add(list_new, (), {"element": element})[0]
        case TextType():
            return const("")
        case GeneratorType():  # its maker is an effect, which happens on one path only
            raise TypeError("a source of random numbers that some paths do not make")
        case ArrayType(dtype=dtype, kind="array", shape=shape):
            attrs = {"shape": (0,) * len(shape), "dtype": dtype}
            return builder.add(zeros, (), attrs)[0]
        case ArrayType():
            return zero(type)
