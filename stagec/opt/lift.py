"""Arrays that each trip of a loop makes and fills are made once, in front of the loop.

    for m in range(1, n):               t = np.empty(n - 2)
        t = np.empty(m - 1)      ->     for m in range(1, n):
                                            t_1 = t[:m - 1]

Where their first axis is longer on some trips than on others, there is room for the longest,
and each trip uses as much as it needs.

The pass is run last: as long as each trip has arrays of its own, one can see that the trips do
not depend on each other (`opt/parallel`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from stagec.ir.build import Builder, freeze
from stagec.ir.core import Apply, Block, Const, For, Operand, Stmt, Value, const, known
from stagec.ir.function import Function
from stagec.ir.origins import Origins
from stagec.ir.path import Arg, Index, Slice
from stagec.ir.rebuild import carrying, map_regions
from stagec.ir.sharing import Memory
from stagec.ir.types import ArrayType, Size, Symbol
from stagec.ir.walk import free_values, uses
from stagec.ops.arithmetic import Handle, add, subtract
from stagec.ops.creation import empty
from stagec.ops.index_bounds import Indices
from stagec.ops.index_facts import given_sizes
from stagec.ops.indexing import read
from stagec.ops.rounding import py_max
from stagec.opt.contract import natural


def lift(fn: Function) -> Function:
    """The function with arrays without content made outside of loops."""
    functions = tuple(map(lift, fn.functions))
    found = _Lift(Memory(fn.body, True), given_sizes(fn.params), Indices.of(fn))
    return replace(fn, body=found.block(fn.body), functions=functions)


class Sum(NamedTuple):
    """An integer and so many more."""

    start: Operand
    more: int

    def operand(self, builder: Builder) -> Operand:
        """The sum as one integer."""
        if isinstance(self.start, Const):
            return const(self.start.value + self.more)
        found = Handle(builder, self.start)
        if self.more > 0:
            return (found + self.more).operand
        return (found - -self.more).operand if self.more else self.start


def _sum(operand: Operand, sums: Mapping[Value, Sum]) -> Sum:
    return sums.get(operand, Sum(operand, 0)) if isinstance(operand, Value) else Sum(operand, 0)


class _Lift:
    """Takes new arrays out of loops; `given` are the symbols that may be negative."""

    def __init__(self, memory: Memory, given: Collection[Symbol], indices: Indices) -> None:
        self.memory = memory
        self.given = given
        self.indices = indices

    def block(self, block: Block) -> Block:
        """The block with the arrays that its loops can share in front of them."""
        builder = Builder()
        with self.indices.scope(block):
            for stmt in block.stmts:
                self.indices.note(stmt)
                stmt = map_regions(stmt, self.block)
                if isinstance(stmt, For):
                    stmt = self.loop(builder, stmt)
                builder.append(stmt)
        return replace(block, stmts=tuple(builder.stmts))

    def loop(self, builder: Builder, loop: For) -> For:
        """The loop without the arrays that all its trips can share."""
        outer = free_values(loop.body)
        private = [s for s in loop.body.stmts if isinstance(s, Apply) and self.private(s, loop)]
        fixed = [s for s in private if self.fixed(s, outer)]
        for stmt in private:
            if stmt not in fixed:
                loop = self.roomy(builder, loop, stmt)
        made, loop = _carrying(loop, fixed)
        for stmt in made:
            builder.append(stmt)
        return loop

    def private(self, stmt: Apply, loop: For) -> bool:
        """Whether the statement makes an array that does not outlive the trip."""
        if stmt.op is not empty:
            return False
        body = loop.body
        passed_on = self.memory.read((*free_values(body), *body.params, *body.results))
        return self.memory.read((stmt.out,)).isdisjoint(passed_on)

    def fixed(self, stmt: Apply, outer: Collection[Value]) -> bool:
        """Whether the array is as large on each trip."""
        kind = stmt.out.type
        assert isinstance(kind, ArrayType)
        return all(v in outer for v in uses(stmt)) and all(
            natural(dim, self.given) for dim in kind.shape
        )

    def roomy(self, builder: Builder, loop: For, stmt: Apply) -> For:
        """The loop with part of one array for those that are as long as its index says."""
        first, *others = stmt.kwargs["shape"]
        kind, outer = stmt.out.type, free_values(loop.body)
        assert isinstance(kind, ArrayType)
        length = stmt.args[first.position] if isinstance(first, Arg) else None
        if (
            not isinstance(length, Value)
            or not all(natural(dim, self.given) for dim in kind.shape[1:])
            or not all(v in outer for v in uses(stmt) if v is not length)
            or any(stmt.args[n.position] is length for n in others if isinstance(n, Arg))
        ):
            return loop
        room = self.most(builder, loop, length)
        if room is None:
            return loop
        at = stmt.args.index(length)
        array = Value(replace(kind, shape=(None, *kind.shape[1:])), stmt.out.hint)
        args = (*stmt.args[:at], room, *stmt.args[at + 1 :])
        builder.append(replace(stmt, args=args, outs=(array,)))
        path = (Index((Slice(stop=Arg(0)),)),)
        attrs = freeze({"path": path, "view": True})
        part = Apply(read, (array, length), attrs, stmt.outs, stmt.loc)
        stmts = tuple(part if s is stmt else s for s in loop.body.stmts)
        return replace(loop, body=replace(loop.body, stmts=stmts))

    def most(self, builder: Builder, loop: For, length: Value) -> Operand | None:
        """The largest value of the length on any trip, computed in front of the loop."""
        facts, index = self.indices.facts, loop.body.params[0]
        chain = _chain(loop.body, length)
        at, step = facts.of(index), known(loop.step)
        if chain is None or not isinstance(at, Size) or not isinstance(step, int):
            return None
        found = facts.of(length)
        inner = bool(chain) and chain[-1].op is py_max  # room for inner loops
        if inner:
            found = facts.of(chain[-1].args[0])
        elif not facts.holds(found):
            return None
        factor = dict(found.terms).get(at.terms[0][0], 0) if isinstance(found, Size) else 0
        if step * factor == 0:
            return None
        new = Builder(loc=builder.loc)
        end = Sum(loop.lo, 0) if step * factor < 0 else Sum(loop.hi, -1 if step > 0 else 1)
        sums = {index: end}
        for stmt in chain:
            args = [_sum(a, sums) for a in stmt.args]
            if stmt.op in (add, subtract) and isinstance(args[1].start, Const):
                times = 1 if stmt.op is add else -1
                more = times * (args[1].start.value + args[1].more)
                sums[stmt.out] = Sum(args[0].start, args[0].more + more)
            else:
                operands = [a.operand(new) for a in args]
                sums[stmt.out] = Sum(new.add(stmt.op, operands, stmt.kwargs)[0], 0)
        room = _sum(length, sums).operand(new)
        for stmt in new.stmts:
            self.indices.note(stmt)
        if not inner and not facts.holds(facts.of(room)):  # where no trip is made
            (room,) = new.add(py_max, (room, const(0)), {})
            self.indices.note(new.stmts[-1])
        for stmt in new.stmts:
            builder.append(stmt)
        return room


def _chain(body: Block, length: Value) -> list[Apply] | None:
    """The statements of the body that compute the length, the last of which may be its maximum
    with 0; None if it needs more than the loop's index and what is known in front of the loop.
    """
    made = {v: s for s in body.stmts for v in s.outs}
    carried = set(body.params[1:])
    chain: set[Stmt] = set()
    asked: list[Operand] = [length]
    while asked:
        value = asked.pop()
        stmt = made.get(value) if isinstance(value, Value) else None
        if value in carried:
            return None
        if stmt is not None and stmt not in chain:
            if not isinstance(stmt, Apply):
                return None
            room = stmt.op is py_max and value is length and known(stmt.args[1]) == 0
            if not room and stmt.op.measure is None:
                return None
            chain.add(stmt)
            asked += stmt.args
    return [s for s in body.stmts if isinstance(s, Apply) and s in chain]


def _carrying(loop: For, lifted: Sequence[Apply]) -> tuple[list[Apply], For]:
    """The statements in front of the loop, which carries what they make from trip to trip."""
    if not lifted:
        return [], loop
    body = loop.body
    origins = Origins.of_block(body)
    last = {s.out: s.out for s in lifted}
    for stmt in body.stmts:
        for out in stmt.outs:
            root = origins.root(out)
            if isinstance(root, Value) and root in last:
                last[root] = out
    made = [replace(s, outs=(Value(s.out.type, s.out.hint),)) for s in lifted]
    block = Block(
        (*body.params, *last),
        tuple(s for s in body.stmts if s not in lifted),
        body.results,
    )
    return made, carrying(loop, [s.out for s in made], tuple(last.values()), block)
