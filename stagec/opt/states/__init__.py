"""States that a loop records at the start of each trip live in the rows of their tape.

    u = u0.copy()                           tape = np.empty((steps + 1, n))
    for t in range(steps):                  tape[0] = u0
        tape[t] = u[1:-1]                   for t in range(steps):
        u[1:-1] = f(u)             ->           tape[t + 1, 1:-1] = f(tape[t])
    ...                                         tape[t + 1, 0] = tape[t, 0]
    for t in reversed(range(steps)):            tape[t + 1, -1] = tape[t, -1]
        u[1:-1] = tape[t]                   ...
        g(u)                                for t in reversed(range(steps)):
                                                g(tape[t])

Each trip writes the next row in place of the state, which needs no memory of its own: nothing
is copied to the tape, and nothing back.  A trip that changes a part of the state writes the
whole row, so that the part may leave out no more than a rim.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from stagec.ir.build import Builder, freeze
from stagec.ir.chains import mentioned
from stagec.ir.core import Apply, Block, For, Operand, Stmt, Value, const, known
from stagec.ir.function import Function
from stagec.ir.path import Arg, Index, Item, Path, Slice
from stagec.ir.rebuild import map_regions
from stagec.ir.sharing import holds_memory
from stagec.ir.types import ArrayType
from stagec.ops.arithmetic import Handle, add
from stagec.ops.copying import copy
from stagec.ops.extent import extent
from stagec.ops.indexing import accumulate, read, update
from stagec.ops.rounding import py_max
from stagec.opt.parts import Part, Piece, cut, edges
from stagec.opt.states.found import Found, found
from stagec.opt.tapes.sizes import Lengths, Unknown, room

T = TypeVar("T")


def states(fn: Function) -> Function:
    """The function with states that live in the rows of tapes."""
    functions = tuple(map(states, fn.functions))
    lengths = Lengths({}, [p for p in fn.params if holds_memory(p)])

    def changed(block: Block) -> Block:
        block = replace(block, stmts=tuple(map_regions(s, changed) for s in block.stmts))
        while (state := found(block)) is not None:
            block = _Rewriter(state, block, lengths).rewritten()
        return block

    return replace(fn, body=changed(fn.body), functions=functions)


@dataclass(slots=True)
class _Rewriter:
    """Puts a state in the rows of its tape, in `block`.

    `lengths` are those of arrays that are there, `rows` is the tape after the loop.
    """

    found: Found
    block: Block
    lengths: Lengths
    rows: Value = field(init=False)

    def rewritten(self) -> Block:
        """The block with the state in the rows."""
        builder = Builder()
        for stmt in self.block.stmts:
            builder.loc = stmt.loc
            if stmt is self.found.loop:
                self.recording(builder)
            elif stmt is not self.found.made:
                self.replayed(builder, stmt)
        return replace(self.block, stmts=tuple(builder.stmts))

    # -- recording

    def recording(self, builder: Builder) -> None:
        """Add the loop that records, and the state after it."""
        found, loop = self.found, self.found.loop
        array = self.array(builder)
        (first,) = builder.add(
            update, (array, loop.init[found.at]), {"path": _row(0)}, array.hint
        )
        param, self.rows = Value(array.type, array.hint), Value(array.type, array.hint)
        inside = Builder()
        end = self.trip(inside, param)
        init, carry = list(loop.init), list(loop.carry)
        params, results = list(loop.body.params), list(loop.body.results)
        init[found.tape], carry[found.tape] = first, self.rows
        params[1 + found.tape], results[found.tape] = param, end
        body = inside.block(_without(params, 1 + found.at), _without(results, found.at))
        init, carry = _without(init, found.at), _without(carry, found.at)
        builder.append(replace(loop, init=init, carry=carry, body=body))
        self.row(builder, self.rows, const(-1), found.after, found.escapes(self.block))

    def array(self, builder: Builder) -> Value:
        """The tape with one more row, and with whole states as rows."""
        found, start = self.found, self.found.loop.init[self.found.at]
        kind = found.after.type
        assert isinstance(kind, ArrayType)
        rows = (Handle(builder, found.loop.hi) + 1).operand
        if found.trips is not found.loop.hi:
            (rows,) = builder.add(py_max, (rows, const(1)), {})
        sizes = [rows]
        for axis, dim in enumerate(kind.shape):
            try:
                sizes.append(self.lengths.size(builder, dim, {}))
            except Unknown:
                sizes += builder.add(extent, (start,), {"axis": axis})
        return room(builder, sizes, kind.shape, kind.dtype, found.made.out.hint)

    def trip(self, builder: Builder, rows: Value) -> Value:
        """Add what is done on a trip; the rows after it."""
        body, write = self.found.loop.body, self.found.write
        state, index = body.params[1 + self.found.at], body.params[0]
        copied = None if write.args[0] is state else write.args[0]
        self.row(builder, rows, index, state)
        for stmt in body.stmts:
            builder.loc = stmt.loc
            if stmt is write:
                rows = self.changed(builder, rows, write)
            elif stmt is not self.found.record and copied not in stmt.outs:
                builder.append(stmt)
        return rows

    def changed(self, builder: Builder, rows: Value, write: Apply) -> Value:
        """Add the next row, of which a part is written to; the rows after that."""
        body, part = self.found.loop.body, Part.of(write, 2)
        assert part is not None
        value = _written(builder, write, body.params[1 + self.found.at])
        rows = self.write(builder, rows, value, part.slices)
        for piece in edges(((0, 0),) * len(part.slices), part.slices):
            attrs = {"path": _row(Arg(0), piece), "view": True}
            (old,) = builder.add(read, (rows, body.params[0]), attrs)
            rows = self.write(builder, rows, old, piece)
        if Counter(mentioned(body))[write.out] > 1:
            self.row(builder, rows, self.next(builder, body.params[0]), write.out)
        return rows

    def next(self, builder: Builder, index: Operand) -> Operand:
        """The row after that with the index."""
        return builder.add(add, (index, const(1)), {})[0]

    def write(self, builder: Builder, rows: Value, value: Operand, piece: Piece) -> Value:
        """Add the write to a piece of the next row."""
        index = self.next(builder, self.found.loop.body.params[0])
        attrs = {"path": _row(Arg(0), piece)}
        return builder.add(update, (rows, value, index), attrs, rows.hint)[0]

    def row(
        self, builder: Builder, rows: Value, index: Operand, out: Value, copied: bool = False
    ) -> None:
        """Add that `out` is the row with the index, or a copy of it."""
        item, operands = (Arg(0), (index,)) if isinstance(index, Value) else (known(index), ())
        attrs = freeze({"path": _row(item), "view": True})
        part = Value(out.type, out.hint) if copied else out
        builder.append(Apply(read, (rows, *operands), attrs, (part,), builder.loc))
        if copied:
            builder.append(Apply(copy, (part,), (), (out,), builder.loc))

    # -- reading back

    def replayed(self, builder: Builder, stmt: Stmt) -> None:
        """Add a statement that may read back what is recorded."""
        if isinstance(stmt, For) and (found := self.found.restoring(stmt)) is not None:
            self.restored(builder, stmt, *found)
        else:
            builder.append(self.reading(stmt))

    def reading(self, stmt: Stmt) -> Stmt:
        """The statement, with reads of the recorded parts of states."""
        if isinstance(stmt, Apply):
            if stmt not in self.found.users:
                return stmt
            part = self.found.part
            path = _row(Arg(0), () if part is None else part.slices)
            attrs = freeze({"path": path, "view": True})
            return replace(stmt, args=(self.rows, self.found.users[stmt]), attrs=attrs)
        return map_regions(stmt, self.region)

    def region(self, block: Block) -> Block:
        """The block with such reads."""
        return replace(block, stmts=tuple(map(self.reading, block.stmts)))

    def restored(self, builder: Builder, loop: For, at: int, restore: Apply) -> None:
        """Add the loop that reads states in place of restoring them."""
        index, param = loop.body.params[0], loop.body.params[1 + at]
        inside = Builder()
        if Counter(mentioned(loop.body))[param] > 1:
            inside.loc = restore.loc
            self.row(inside, self.rows, self.next(inside, index), param)
        for stmt in loop.body.stmts:
            inside.loc = stmt.loc
            if stmt is restore:
                self.row(inside, self.rows, index, restore.out)
            else:
                inside.append(self.reading(stmt))

        init, carry = _without(loop.init, at), _without(loop.carry, at)
        body = inside.block(_without(loop.body.params, 1 + at), _without(loop.body.results, at))
        builder.append(replace(loop, init=init, carry=carry, body=body))
        if loop.carry[at] in set(mentioned(self.block)):
            self.row(builder, self.rows, const(0), loop.carry[at], copied=True)


def _without(values: Sequence[T], at: int) -> tuple[T, ...]:
    return (*values[:at], *values[at + 1 :])


def _row(index: Item, piece: Piece = ()) -> Path:
    """The path to a piece of the row with the index."""
    items = [cut(item) if isinstance(item, tuple) else item for item in piece]
    while items and items[-1] == Slice():
        items.pop()
    return (Index((index, *items)),)


def _written(builder: Builder, write: Apply, state: Value) -> Operand:
    """The part of the state that is written to, as it is after that."""
    value = write.args[1]
    if write.op is not accumulate:
        return value
    attrs = {"path": write.kwargs["path"], "view": True}
    (old,) = builder.add(read, (state, *write.args[2:]), attrs)
    return builder.add(add, (old, value), {})[0]
