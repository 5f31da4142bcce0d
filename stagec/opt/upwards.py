"""Loops that run backwards run upwards, where their trips may come in any order.

    for i in reversed(range(n)):         for i in range(n):
        x_bar[i] += w[i]           ->        x_bar[i] += w[i]
        x_bar[i + 1] -= w[i]                 x_bar[i + 1] -= w[i]

Those of a backward pass run in the opposite direction of the program's, and the order in which
the terms of an adjoint are added up is free.  Nothing else may pass from one trip to another:
an array is only added to, or used at the place of the trip alone.  Then the loop may be joined
with the one whose adjoint it is (`opt/siblings`), and needs no tape; and compiled code that
makes several trips at a time need not turn around whatever it loads and stores.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from stagec.ir.alias import path_of
from stagec.ir.chains import Chain
from stagec.ir.core import Apply, Block, For, Operand, Stmt, Value
from stagec.ir.function import Function
from stagec.ir.rebuild import map_regions
from stagec.ir.types import ArrayType
from stagec.ir.walk import effectful, free_values
from stagec.ops.index_bounds import Indices
from stagec.ops.index_facts import IndexFacts
from stagec.ops.indexing import accumulate
from stagec.opt.memory import has_memory
from stagec.opt.siblings.accesses import followed, plain
from stagec.opt.sums import SUMS


def upwards(fn: Function) -> Function:
    """The function with such loops turned around."""
    functions = tuple(map(upwards, fn.functions))
    indices = Indices.of(fn)
    unproven = frozenset(indices.unproven(fn.body))
    return replace(
        fn, body=_Upwards(indices.facts, unproven).block(fn.body), functions=functions
    )


@dataclass(frozen=True, slots=True)
class _Upwards:
    """Turns loops around; `unproven` are the statements with an index that may be outside."""

    facts: IndexFacts
    unproven: AbstractSet[Stmt]

    def block(self, block: Block) -> Block:
        """The block with its loops turned around, and those inside of them."""
        stmts: list[Stmt] = []
        for stmt in block.stmts:
            made = map_regions(stmt, self.block)
            if isinstance(made, For) and made.reverse and self.any_order(made):
                made = replace(made, reverse=False)
            stmts.append(made)
        return replace(block, stmts=tuple(stmts))

    def any_order(self, loop: For) -> bool:
        """Whether the trips may come in any order."""
        body = loop.body
        if loop.until or loop.trips is not None or any(map(effectful, body.stmts)):
            return False
        # which of two errors comes first must stay, where a backward pass finds none
        if not loop.free and not all(map(self.silent, body.stmts)):
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
        """Whether the statement is an op that can only give a result."""
        if not isinstance(stmt, Apply):
            return False
        if path_of(stmt) is not None:
            return stmt not in self.unproven
        return not stmt.op.raises([a.type for a in stmt.args], stmt.kwargs)

    def apart(self, loop: For, param: Value) -> bool:
        """Whether trips use the array each at its own place, or only add to it."""
        found = followed(loop, {param})
        if found is None:
            return False
        added = loop.free and all(s.op is accumulate for s in found.found)
        return added or (plain(loop, self.facts) and bool(found.own_axes(loop.body.params[0])))


def _steps(loop: For, stmt: Apply) -> tuple[int, ...]:
    """At which operands a number comes in that is summed up in any order."""
    if loop.free and stmt.op in SUMS:
        return SUMS[stmt.op]
    return () if stmt.op.neutral is None else (0,)


def _summed(chain: Chain, param: Value, result: Operand) -> bool:
    """Whether trips do nothing with the number but take it on, by one op or by sums."""
    ops = {s.op for s in chain.steps(param, result)}
    kind = param.type
    return (
        isinstance(kind, ArrayType)
        and kind.inexact
        and (len(ops) == 1 or (bool(ops) and ops <= SUMS.keys()))
    )
