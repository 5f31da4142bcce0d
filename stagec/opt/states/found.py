"""Which states can live in the rows of their tapes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from stagec.ir.chains import mentioned
from stagec.ir.core import Apply, Block, For, Operand, Value, known
from stagec.ir.path import Arg, Index, Slice
from stagec.ir.types import ArrayType, Type
from stagec.ir.walk import counted, operands, regions, statements
from stagec.ops.copying import copy
from stagec.ops.creation import empty
from stagec.ops.indexing import accumulate, read, update
from stagec.ops.rounding import py_max
from stagec.opt.memory import overwritten
from stagec.opt.parts import Part, inner


@dataclass(frozen=True, slots=True)
class Found:
    """A state that can live in the rows of its tape.

    Attributes
    ----------
    made : the tape without content.
    loop : the loop that records; `tape` is the number of the tape in what it carries.
    record : the write to the tape.
    at : the number of the state in what the loop carries.
    part : the part of it that is recorded; None: the state itself.
    write : what makes the next state.
    trips : how often the loop is run: its end, or nothing if that is negative.
    users : the reads of rows, each with its index.
    """

    made: Apply
    loop: For
    tape: int
    record: Apply
    at: int
    part: Part | None
    write: Apply
    trips: Operand
    users: dict[Apply, Value]

    @property
    def after(self) -> Value:
        """The state after the loop."""
        return self.loop.carry[self.at]

    def restoring(self, loop: For) -> tuple[int, Apply] | None:
        """Which carry of the loop is the state on each trip backwards, and what restores it."""
        if not counted(loop) or not loop.reverse or self.part is None:
            return None
        body = loop.body
        makers = {v: s for s in body.stmts if isinstance(s, Apply) for v in s.outs}
        for at, init in enumerate(loop.init):
            end = body.results[at]
            stmt = makers.get(end) if isinstance(end, Value) else None
            if init is not self.after or stmt is None or stmt.op is not update:
                continue
            value = stmt.args[1]
            back = makers.get(value) if isinstance(value, Value) else None
            row = back is not None and self.users.get(back) is body.params[0]
            if row and stmt.args[0] is body.params[1 + at] and Part.of(stmt, 2) == self.part:
                return at, stmt
        return None

    def escapes(self, block: Block) -> bool:
        """Whether the state after the loop is handed on, and with it would be all rows."""
        found = self.after in block.results
        for stmt in block.stmts:
            ends = {r for region in regions(stmt) for r in region.results}
            restored = isinstance(stmt, For) and self.restoring(stmt) is not None
            handed = operands(stmt).count(self.after) > restored
            found = found or (handed and not isinstance(stmt, Apply)) or self.after in ends
        return found


def found(block: Block) -> Found | None:
    """A state that can live in its tape.

    The loop may carry no other arrays: LLVM often does not vectorise a loop over a row, the
    next row and other arrays that are written to, as it cannot tell what they share.
    """
    makers = {s.out: s for s in block.stmts if isinstance(s, Apply) and s.op is empty}
    for loop in block.stmts:
        if not isinstance(loop, For) or not counted(loop) or loop.reverse:
            continue
        states: list[Found] = []
        for tape, init in enumerate(loop.init):
            made = makers.get(init) if isinstance(init, Value) else None
            state = None if made is None else _state(block, made, loop, tape)
            if state is not None:
                states.append(state)
        kept = {k for state in states for k in (state.at, state.tape)}
        if states and not any(_rank(v) for k, v in enumerate(loop.carry) if k not in kept):
            return states[0]
    return None


def _rank(value: Value) -> int:
    return value.type.rank if isinstance(value.type, ArrayType) else 1


def _state(block: Block, made: Apply, loop: For, tape: int) -> Found | None:
    """The state that lives in the tape number `tape` of the loop's carries, if one can."""
    body = loop.body
    record = next((s for s in body.stmts if body.results[tape] in s.outs), None)
    param = body.params[1 + tape]
    if not isinstance(record, Apply) or record.op is not update:
        return None
    if record.args[0] is not param or not _is_row(record, 2, body.params[0]):
        return None
    state, part = _recorded(body, record)
    at = body.params.index(state) - 1 if state in body.params[1:] else None
    if at is None or not isinstance(state, Value) or state in body.results:
        return None
    inside, trips = Counter(mentioned(body)), _trips(block, made, loop)
    if not inside[param] == inside[record.out] == 1 or trips is None:
        return None
    users = dict(_rows_read(block, loop, loop.carry[tape]))
    counts = Counter(mentioned(block))
    if counts[loop.carry[tape]] != len(users) or not users or counts[made.out] != 1:
        return None
    write = _write(body, state, body.results[at], inside)
    others = (s for s in body.stmts if s is not write)
    if write is None or (part is not None and Part.of(write, 2) != part):
        return None
    if any(state in overwritten(s) for s in others):
        return None
    if body.results[at].type != state.type or not _fixed(state.type):
        return None
    return Found(made, loop, tape, record, at, part, write, trips, users)


def _fixed(kind: Type) -> bool:
    """Whether it is that of arrays, all of one shape."""
    array = isinstance(kind, ArrayType) and kind.kind == "array" and kind.rank > 0
    return array and isinstance(kind, ArrayType) and None not in kind.shape


def _trips(block: Block, made: Apply, loop: For) -> Operand | None:
    """How often the loop is run, if the tape has so many rows."""
    item = made.kwargs["shape"][0]
    rows = made.args[item.position] if isinstance(item, Arg) else None
    if rows is None:
        count = known(loop.hi)
        return loop.hi if isinstance(item, int) and count == item else None
    maker = next((s for s in block.stmts if rows in s.outs), None)
    cut = isinstance(maker, Apply) and maker.op is py_max and known(maker.args[1]) == 0
    end = maker.args[0] if cut and isinstance(maker, Apply) else rows
    return rows if end is loop.hi else None


def _is_row(stmt: Apply, first: int, index: Operand) -> bool:
    """Whether the op addresses one whole row, that with this index."""
    path = stmt.kwargs["path"]
    items = path[0].items if len(path) == 1 and isinstance(path[0], Index) else ()
    return (
        stmt.args[first:] == (index,)
        and items[:1] == (Arg(0),)
        and all(item == Slice() for item in items[1:])
    )


def _recorded(body: Block, record: Apply) -> tuple[Operand | None, Part | None]:
    """What is recorded: an array, or a part of it that is known; None: another thing."""
    value, rows = record.args[1], record.args[0].type
    makers = {s.out: s for s in body.stmts if isinstance(s, Apply) and len(s.outs) == 1}
    kind = value.type
    assert isinstance(rows, ArrayType)
    whole = isinstance(kind, ArrayType) and kind.shape == rows.shape[1:]
    if not whole or not _fixed(kind) or kind.dtype != rows.dtype:  # type: ignore[union-attr]
        return None, None
    taken = makers.get(value) if isinstance(value, Value) else None
    if taken is None or taken.op is not read:
        return value, None
    part = Part.of(taken, 1)
    known_part = part is not None and not any(f is not None for f in part.fixed)
    return (taken.args[0], part) if known_part else (None, None)


def _write(body: Block, state: Value, end: Operand, inside: Counter[Operand]) -> Apply | None:
    """What makes the next state by writing to the state, or to a copy of it, all of it but a
    rim; None: the state is made in another way.
    """
    makers = {s.out: s for s in body.stmts if isinstance(s, Apply) and len(s.outs) == 1}
    write = makers.get(end) if isinstance(end, Value) else None
    if write is None or write.op not in (accumulate, update) or state in write.args[1:]:
        return None
    base = write.args[0]
    copied = makers.get(base) if isinstance(base, Value) else None
    if copied is not None and copied.op is copy and inside[base] == 1:
        base = copied.args[0]
    return write if base is state and inner(write) is not None else None


def _rows_read(block: Block, recorder: For, tape: Value) -> Iterator[tuple[Apply, Value]]:
    """The reads of rows of the tape, and their indices, in loops like that which recorded."""
    for loop in statements(block):
        if not isinstance(loop, For) or not counted(loop) or loop.hi != recorder.hi:
            continue
        index = loop.body.params[0]
        reads = (s for s in statements(loop.body) if isinstance(s, Apply) and s.op is read)
        for stmt in reads:
            if stmt.args[0] is tape and _is_row(stmt, 1, index):
                yield stmt, index
