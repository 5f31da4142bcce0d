"""Arrays that each trip of a loop makes and fills are made once, in front of the loop.

The pass is run last: as long as each trip has arrays of its own, one can see that the trips do
not depend on each other (`opt/parallel`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from stagec.ir.core import Apply, Block, For, Stmt, Value
from stagec.ir.function import Function
from stagec.ir.origins import Origins
from stagec.ir.rebuild import carrying, map_regions
from stagec.ir.sharing import Memory
from stagec.ir.types import ArrayType, Symbol
from stagec.ir.walk import free_values, uses
from stagec.ops.creation import empty
from stagec.ops.index_facts import given_sizes
from stagec.opt.contract import natural


def lift(fn: Function) -> Function:
    """The function with arrays without content made outside of loops."""
    functions = tuple(map(lift, fn.functions))
    found = _Lift(Memory(fn.body, True), given_sizes(fn.params))
    return replace(fn, body=found.block(fn.body), functions=functions)


class _Lift:
    """Takes new arrays out of loops; `given` are the symbols that may be negative."""

    def __init__(self, memory: Memory, given: Collection[Symbol]) -> None:
        self.memory = memory
        self.given = given

    def block(self, block: Block) -> Block:
        """The block with the arrays that its loops can share in front of them."""
        stmts: list[Stmt] = []
        for stmt in block.stmts:
            stmt = map_regions(stmt, self.block)
            if isinstance(stmt, For):
                body = stmt.body
                lifted = [
                    s for s in body.stmts if isinstance(s, Apply) and self.shared(s, body)
                ]
                made, stmt = _carrying(stmt, lifted)
                stmts += made
            stmts.append(stmt)
        return replace(block, stmts=tuple(stmts))

    def shared(self, stmt: Apply, body: Block) -> bool:
        """Whether one array from the statement serves all trips: none outlives its trip."""
        if stmt.op is not empty:
            return False
        kind = stmt.out.type
        assert isinstance(kind, ArrayType)
        outer = free_values(body)
        passed_on = self.memory.read((*outer, *body.params, *body.results))
        return (
            all(v in outer for v in uses(stmt))
            and all(natural(dim, self.given) for dim in kind.shape)
            and self.memory.read((stmt.out,)).isdisjoint(passed_on)
        )


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
