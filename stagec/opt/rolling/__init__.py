"""Arrays of which each trip of a loop needs a few neighbouring rows are kept as these rows.

    h = np.zeros((n, m))                 past = np.zeros(m)
    for i in range(1, n):                for i in range(1, n):
        h[i, 1:] = f(h[i - 1])    ->         now = np.zeros(m)
    return h[n - 1, 0]                       now[1:] = f(past)
                                             past = now
                                         return past[0]

The tables of dynamic programming are such arrays, and the adjoints of what a loop computes row
by row.  A table would go through the whole cache, and its memory be new at each call; rows take
turns (`opt/rotate`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from stagec.ir.alias import path_of, path_operands
from stagec.ir.build import Builder, freeze
from stagec.ir.core import Apply, Block, For, If, Operand, Stmt, Value, const
from stagec.ir.function import Function
from stagec.ir.path import Arg, Index, Item, Slice, path_args
from stagec.ir.rebuild import map_regions
from stagec.ir.types import ArrayType
from stagec.ir.walk import regions, statements
from stagec.ops.creation import empty, empty_like, ones, ones_like, zeros, zeros_like
from stagec.ops.extent import extent
from stagec.ops.filling import full
from stagec.ops.index_bounds import Indices
from stagec.ops.index_facts import given_sizes
from stagec.ops.indexing import read, update
from stagec.opt.rolling.search import Rows, Search

T = TypeVar("T")
PLAIN = {zeros_like: zeros, ones_like: ones, empty_like: empty}


def rolling(fn: Function) -> Function:
    """The function with rows in place of such arrays."""
    functions = tuple(map(rolling, fn.functions))
    search = Search(Indices.learned(fn).facts, given_sizes(fn.params))

    def changed(block: Block) -> Block:
        block = replace(block, stmts=tuple(map_regions(s, changed) for s in block.stmts))
        while (rows := search.found(block)) is not None:
            block = _Rewriter(rows).block(block)
        return block

    return replace(fn, body=changed(fn.body), functions=functions)


@dataclass(slots=True)
class _Rewriter:
    """Puts rows in the place of an array.

    Attributes
    ----------
    rows : the array.
    versions : the rows for each version of the array, by how far they are from the index of
        the loop.
    """

    rows: Rows
    versions: dict[Operand, Mapping[int, Operand]] = field(
        default_factory=dict["Operand", "Mapping[int, Operand]"]
    )

    def block(self, block: Block) -> Block:
        """The block with the rows."""
        builder = Builder()
        for stmt in block.stmts:
            builder.loc = stmt.loc
            self.stmt(stmt, builder)
        return replace(block, stmts=tuple(builder.stmts))

    def stmt(self, stmt: Stmt, builder: Builder) -> None:
        """Add the statement with the rows."""
        rows = self.rows
        if stmt is rows.made:
            start = {at: self.new(builder) for at in rows.carried}
            self.versions[rows.made.out] = start
        elif isinstance(stmt, Apply) and stmt in rows.places:
            self.access(stmt, rows.places[stmt], builder)
        elif stmt is rows.loop:
            self.loop(builder)
        elif isinstance(stmt, For | If) and any(s in rows.places for s in _inside(stmt)):
            builder.append(self.inner(stmt, self.written(stmt)))
        else:
            builder.append(stmt)

    def new(self, builder: Builder, unset: bool = False) -> Value:
        """A row like those that the array begins with, or without content."""
        made, axis = self.rows.made, self.rows.axis
        op = empty if unset else PLAIN.get(made.op, made.op)
        lengths: list[Operand | int]
        if "shape" in made.kwargs:
            plan = made.kwargs["shape"]
            lead = made.args[: len(made.args) - sum(isinstance(i, Arg) for i in plan)]
            lengths = [made.args[i.position] if isinstance(i, Arg) else i for i in plan]
            del lengths[axis]
        else:
            (like,), lead = made.args, ()
            axes = (k for k in range(self.rows.kind.rank + 1) if k != axis)
            lengths = [builder.add(extent, (like,), {"axis": k})[0] for k in axes]
        lead = () if unset else lead
        own = [n for n in lengths if not isinstance(n, int)]
        numbers = iter(range(len(lead), len(lead) + len(own)))
        shape = tuple(n if isinstance(n, int) else Arg(next(numbers)) for n in lengths)
        out = Value(self.rows.kind, made.out.hint)
        attrs = freeze({"shape": shape, "dtype": self.rows.kind.dtype})
        builder.append(Apply(op, (*lead, *own), attrs, (out,), made.loc))
        return out

    def of_trip(self, builder: Builder) -> Value:
        """The row that a trip is the first to use.

        Numbers are written to it, where `opt/rims` does not see to that: rows without content
        can take turns.
        """
        made, dtype = self.rows.made, self.rows.kind.dtype
        filled = made.op in (full, ones, ones_like)
        fill = made.args[0] if made.op is full else const(1)
        if not filled or not np.can_cast(_number(fill), dtype, "same_kind"):
            return self.new(builder)
        row, out = self.new(builder, unset=True), Value(self.rows.kind, made.out.hint)
        builder.append(Apply(update, (row, fill), (("path", ()),), (out,), made.loc))
        return out

    def access(self, stmt: Apply, at: int, builder: Builder) -> None:
        """Add what reads the row or writes to it."""
        rows = self.versions[stmt.args[0]]
        stmt = _without(replace(stmt, args=(rows[at], *stmt.args[1:])), self.rows.axis)
        if stmt.op is not read:
            row = Value(self.rows.kind, stmt.out.hint)
            self.versions[stmt.out] = {**rows, at: row}
            stmt = replace(stmt, outs=(row,))
        builder.append(stmt)

    def loop(self, builder: Builder) -> None:
        """Add the loop over the rows, which carries those that the next trip needs too."""
        rows, loop, k = self.rows, self.rows.loop, self.rows.at
        param, first = loop.body.params[1 + k], self.versions[loop.init[k]]
        begin = {at: Value(rows.kind, param.hint) for at in rows.carried}
        after = {at: Value(rows.kind, loop.carry[k].hint) for at in rows.carried}
        inside = Builder(loc=loop.loc)
        self.versions[param] = {**begin, rows.fresh: self.of_trip(inside)}
        body = self.block(loop.body)
        last = self.versions[body.results[k]]
        self.versions[loop.carry[k]] = after
        ends = [last[at + rows.direction] for at in rows.carried]
        body = Block(
            _put(body.params, 1 + k, begin.values()),
            (*inside.stmts, *body.stmts),
            _put(body.results, k, ends),
        )
        init = _put(loop.init, k, [first[at] for at in rows.carried])
        carry = _put(loop.carry, k, after.values())
        builder.append(replace(loop, init=init, body=body, carry=carry))

    def inner(self, stmt: For | If, written: Sequence[int]) -> Stmt:
        """A statement in the loop, which hands on the rows that it writes to."""
        if isinstance(stmt, If):
            then, orelse = (
                self.ending(self.block(b), written) for b in (stmt.then, stmt.orelse)
            )
            outs = self.handed(stmt.outs, stmt.then.results, written)
            return replace(stmt, then=then, orelse=orelse, outs=outs)
        params = self.handed(stmt.body.params[1:], stmt.init, written)
        body = self.ending(self.block(stmt.body), written)
        body = replace(body, params=(body.params[0], *params))
        init, carry = (
            self.all_of(stmt.init, written),
            self.handed(stmt.carry, stmt.init, written),
        )
        return replace(stmt, init=init, body=body, carry=carry)

    def ending(self, block: Block, written: Sequence[int]) -> Block:
        """The block, whose results are rows."""
        return replace(block, results=self.all_of(block.results, written))

    def all_of(self, values: Sequence[Operand], written: Sequence[int]) -> tuple[Operand, ...]:
        """The values, with rows for the array."""
        found: list[Operand] = []
        for value in values:
            rows = self.versions.get(value)
            found += [value] if rows is None else [rows[at] for at in written]
        return tuple(found)

    def handed(
        self, values: Sequence[Value], present: Sequence[Operand], written: Sequence[int]
    ) -> tuple[Value, ...]:
        """The values, with new rows for those that are the array, as `present` is."""
        found: list[Value] = []
        for value, before in zip(values, present, strict=True):
            rows = self.versions.get(before)
            if rows is None:
                found.append(value)
                continue
            own = {at: Value(self.rows.kind, value.hint) for at in written}
            self.versions[value] = {**rows, **own}
            found += own.values()
        return tuple(found)

    def written(self, stmt: Stmt) -> list[int]:
        """The rows that are written to inside of the statement."""
        places = self.rows.places
        return sorted({places[s] for s in _inside(stmt) if s in places and s.op is not read})


def _inside(stmt: Stmt) -> Iterator[Apply]:
    """The ops in the blocks of the statement."""
    for region in regions(stmt):
        yield from (s for s in statements(region) if isinstance(s, Apply))


def _number(operand: Operand) -> np.dtype:
    """The type of a number."""
    kind = operand.type
    assert isinstance(kind, ArrayType)
    return kind.dtype


def _put(values: Sequence[T], k: int, others: Iterable[T]) -> tuple[T, ...]:
    """The values with the others in place of number `k`."""
    return (*values[:k], *others, *values[k + 1 :])


def _without(stmt: Apply, axis: int) -> Apply:
    """The op on a row, whose index has no item for the axis."""
    path = path_of(stmt)
    assert path is not None
    (step,) = path
    assert isinstance(step, Index)
    index = path_operands(stmt)
    lead = stmt.args[: len(stmt.args) - len(index)]
    items = [item for at, item in enumerate(step.items) if at != axis]
    while items and items[-1] == Slice():
        items.pop()
    kept = [arg.position for arg in path_args((Index(tuple(items)),))]
    moved = tuple(_renumbered(item, kept) for item in items)
    attrs = freeze({**stmt.kwargs, "path": (Index(moved),) if items else ()})
    return replace(stmt, args=(*lead, *(index[at] for at in kept)), attrs=attrs)


def _renumbered(item: Item, kept: Sequence[int]) -> Item:
    """The item, whose operands are those at the places `kept`."""

    def number(part: int | Arg | None) -> int | Arg | None:
        return Arg(kept.index(part.position)) if isinstance(part, Arg) else part

    if isinstance(item, Slice):
        return Slice(number(item.start), number(item.stop), number(item.step))
    return Arg(kept.index(item.position)) if isinstance(item, Arg) else item
