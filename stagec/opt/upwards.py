"""Loops that run backwards run upwards, where their trips may come in any order.

    for i in reversed(range(j + 1, n)):           for i in range(j + 1, n):
        for k in reversed(range(j)):                  for k in range(j):
            a_bar[j, k] -= t * a[i, k]     ->             a_bar[j, k] -= t * a[i, k]
            a_bar[i, k] -= t * a[j, k]                    a_bar[i, k] -= t * a[j, k]

Those of a backward pass run in the opposite direction of the program's.  The right way round
they may be joined with the loops whose adjoints they are (`opt/siblings`), and need no tape.
Compiled code that makes several trips at a time need not turn around whatever it loads and
stores, and processors load ahead what follows in memory: rows that were recorded on the way
forward come several times faster in the order in which they lie.

Trips may come in any order if what they do to each array lies at their own index, along one
axis, or is added to elements that surely are at no trip's index, or nothing is done but adding:
in a backward pass the order of what is added up is free.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from stagec.ir.alias import path_of, path_operands
from stagec.ir.chains import Chain
from stagec.ir.core import Apply, Block, For, If, Operand, Stmt, Value
from stagec.ir.function import Function
from stagec.ir.path import Arg, Index, NewAxis
from stagec.ir.rebuild import map_regions
from stagec.ir.types import ArrayType, affine
from stagec.ir.walk import defined, effectful, free_values, statements
from stagec.ops.index_bounds import Indices
from stagec.ops.indexing import accumulate
from stagec.opt.failures import failures
from stagec.opt.memory import has_memory
from stagec.opt.siblings.accesses import followed, pinned, plain
from stagec.opt.sums import SUMS


def upwards(fn: Function) -> Function:
    """The function with such loops turned around."""
    functions = tuple(map(upwards, fn.functions))
    return replace(fn, body=_Upwards(Indices.of(fn)).block(fn.body), functions=functions)


@dataclass(frozen=True, slots=True)
class _Upwards:
    """Goes through a function, whose integers are known from `indices`."""

    indices: Indices

    def block(self, block: Block) -> Block:
        """The block with its loops turned around, and those inside of them."""
        stmts: list[Stmt] = []
        with self.indices.scope(block):
            for stmt in block.stmts:
                self.indices.note(stmt)
                made = map_regions(stmt, self.block)
                # what is known of the body has been noted by now
                if isinstance(made, For) and made.reverse and self.any_order(made):
                    made = replace(made, reverse=False)
                stmts.append(made)
        return replace(block, stmts=tuple(stmts))

    def any_order(self, loop: For) -> bool:
        """Whether the trips may come in any order."""
        body = loop.body
        if loop.until or loop.trips is not None or any(map(effectful, body.stmts)):
            return False
        # which of two errors comes first must stay; a backward pass finds none of its own
        if not loop.free and not all(map(self.silent, statements(body))):
            return False
        free = free_values(body)
        chain = Chain(body, lambda s: _steps(loop, s))
        return all(
            start not in free and self.apart(loop, param)
            if has_memory(param.type)
            else result is param or _summed(chain, param, result)
            for start, param, result in zip(
                loop.init, body.params[1:], body.results, strict=True
            )
        )

    def silent(self, stmt: Stmt) -> bool:
        """Whether the statement can only give a result: on no trip would an error come."""
        if not isinstance(stmt, Apply):
            return isinstance(stmt, For | If)
        return not failures(stmt, self.indices.facts, bool(self.indices.doubtful(stmt)))

    def apart(self, loop: For, array: Value) -> bool:
        """Whether no trip sees what another one does to the array."""
        found = followed(loop, {array})
        if found is None:
            return False
        index = loop.body.params[0]
        if loop.free and all(s.op is accumulate for s in found.found):
            return True
        if not plain(loop, self.indices.facts):
            return False
        own = [pinned(s, index) for s in found.found]
        others = [s for s, axes in zip(found.found, own, strict=True) if not axes]
        if others and not (loop.free and all(s.op is accumulate for s in others)):
            return False
        axes = set[int]().union(*own)
        return any(
            all(axis in axes or not axes for axes in own)
            and all(self.elsewhere(s, axis, loop) for s in others)
            for axis in axes
        )

    def elsewhere(self, stmt: Apply, axis: int, loop: For) -> bool:
        """Whether the op's place along the axis is the index of no trip."""
        index = loop.body.params[0]
        facts, path = self.indices.facts, path_of(stmt)
        if path is None or len(path) != 1 or not isinstance(path[0], Index):
            return False
        items = [item for item in path[0].items if not isinstance(item, NewAxis)]
        item = items[axis] if axis < len(items) else None
        if not isinstance(item, Arg):
            return False
        place = path_operands(stmt)[item.position]
        if place in {index, *defined(loop.body)}:
            return False  # the place moves: it may be the index of another trip
        at, own = facts.of(place), facts.of(index)
        gaps = (affine((at, 1), (own, -1), const=-1), affine((own, 1), (at, -1), const=-1))
        return facts.natural(at) and any(map(facts.holds, gaps))


def _steps(loop: For, stmt: Apply) -> tuple[int, ...]:
    """At which operands a number comes in that is summed up in any order."""
    if loop.free and stmt.op in SUMS:
        return SUMS[stmt.op]
    return () if stmt.op.neutral is None else (0,)


def _summed(chain: Chain, param: Value, result: Operand) -> bool:
    """Whether trips do nothing with the number but take it on, by one op or by sums."""
    ops = {s.op for s in chain.steps(param, result)}
    inexact = isinstance(param.type, ArrayType) and param.type.inexact
    return inexact and (len(ops) == 1 or (bool(ops) and ops <= SUMS.keys()))
