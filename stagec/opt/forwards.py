"""Loops of a backward pass run forwards, where no trip needs another one.

    for i in reversed(range(j + 1, n)):           for i in range(j + 1, n):
        for k in reversed(range(j)):                  for k in range(j):
            a_bar[j, k] -= t * a[i, k]     ->             a_bar[j, k] -= t * a[i, k]
            a_bar[i, k] -= t * a[j, k]                    a_bar[i, k] -= t * a[j, k]

They run in the opposite direction of the program's.  Compiled code that makes several trips at
a time would have to turn around whatever it loads and stores, and processors load ahead what
follows in memory: rows that were recorded on the way forward come several times faster in the
order in which they lie.

Trips are independent if what they do to each array lies at their own index, along one axis, or
is added to elements that surely are at no trip's index: in a backward pass the order of what is
added up is free.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from stagec.ir.alias import path_of, path_operands
from stagec.ir.chains import Chain
from stagec.ir.core import Apply, Block, Effect, For, If, Stmt, Value, known
from stagec.ir.function import Function
from stagec.ir.path import Arg, Index, NewAxis
from stagec.ir.rebuild import map_regions
from stagec.ir.types import ArrayType, ListType, affine
from stagec.ir.walk import defined, free_values, statements, uses
from stagec.ops.index_bounds import MADE, Indices
from stagec.ops.indexing import accumulate
from stagec.opt.memory import has_memory
from stagec.opt.siblings.accesses import followed, pinned


def forwards(fn: Function) -> Function:
    """The function with such loops counting upwards."""
    functions = tuple(map(forwards, fn.functions))
    return replace(fn, body=_Forwards(Indices.of(fn)).block(fn.body), functions=functions)


@dataclass(frozen=True, slots=True)
class _Forwards:
    """Goes through a function, whose integers are known from `indices`."""

    indices: Indices

    def block(self, block: Block) -> Block:
        """The block with its loops turned, and those inside of them."""
        stmts: list[Stmt] = []
        with self.indices.scope(block):
            for stmt in block.stmts:
                self.indices.note(stmt)
                made = map_regions(stmt, self.block)
                # what is known of the body has been noted by now
                if isinstance(made, For) and made.reverse and self.independent(made):
                    made = replace(made, reverse=False)
                stmts.append(made)
        return replace(block, stmts=tuple(stmts))

    def independent(self, loop: For) -> bool:
        """Whether the trips may be made in any order."""
        body, facts = loop.body, self.indices.facts
        values = {*uses(loop), *defined(body)}
        if loop.until or loop.trips is not None or not facts.holds(facts.of(loop.lo)):
            return False
        if known(loop.step) != 1 or any(isinstance(v.type, ListType) for v in values):
            return False
        if not all(map(self.silent, statements(body))):
            return False
        free = free_values(body)
        chain = Chain(body, lambda s: () if s.op.neutral is None else (0,))
        for start, param, result in zip(loop.init, body.params[1:], body.results, strict=True):
            if has_memory(param.type):
                if start in free or not self.apart(loop, param):
                    return False
            elif result is not param:
                ops = {s.op for s in chain.steps(param, result)}
                if len(ops) != 1 or not _is_float(param):
                    return False
        return True

    def silent(self, stmt: Stmt) -> bool:
        """Whether the statement can only give a result: on no trip would an error come."""
        if not isinstance(stmt, Apply):
            return isinstance(stmt, For | If)
        facts = self.indices.facts
        if stmt.op.effect is not Effect.NONE:
            return False
        if stmt.op in MADE and all(facts.holds(facts.of(a)) for a in stmt.args):
            return True  # but for want of memory, which may come at any time
        if path_of(stmt) is not None:
            return not self.indices.doubtful(stmt)
        return not stmt.op.exceptions([a.type for a in stmt.args], stmt.kwargs)

    def apart(self, loop: For, array: Value) -> bool:
        """Whether no trip sees what another one does to the array."""
        found = followed(loop, {array})
        if found is None:
            return False
        index = loop.body.params[0]
        own = [pinned(s, index) for s in found.found]
        others = [s for s, axes in zip(found.found, own, strict=True) if not axes]
        if others and not (loop.free and all(s.op is accumulate for s in others)):
            return False
        axes = set[int]().union(*own)
        return any(
            all(axis in axes or not axes for axes in own)
            and all(self.elsewhere(s, axis, loop) for s in others)
            for axis in axes
        ) or len(others) == len(own)

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


def _is_float(value: Value) -> bool:
    return isinstance(value.type, ArrayType) and value.type.inexact
