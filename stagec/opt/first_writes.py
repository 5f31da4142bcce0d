"""An adjoint of zeros whose elements a backward loop adds to once each is written instead.

    x_bar = np.zeros_like(x)             x_bar = np.empty_like(x)
    for i in range(n):            ->     for i in range(n):
        x_bar[i] += w[i]                     x_bar[i] = w[i]

The zeros stay where the loop leaves some of them out.  A program's own additions stay as they
are: what adds `-0.0` to a zero does not give what writing it gives.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from stagec.ir.alias import path_of, path_operands
from stagec.ir.chains import mentioned
from stagec.ir.core import Apply, Block, For, Op, Stmt, Value
from stagec.ir.function import Function
from stagec.ir.path import Arg
from stagec.ir.rebuild import map_regions
from stagec.ir.types import ArrayType, same
from stagec.ops.creation import empty, empty_like, zeros, zeros_like
from stagec.ops.index_bounds import Indices
from stagec.ops.index_facts import IndexFacts
from stagec.ops.indexing import accumulate, update
from stagec.opt.siblings.accesses import pinned, plain

UNFILLED: dict[Op, Op] = {zeros: empty, zeros_like: empty_like}


def first_writes(fn: Function) -> Function:
    """The function with such additions as writes."""
    functions = tuple(map(first_writes, fn.functions))
    found = _Writes(Indices.learned(fn).facts, {})
    found.collect(fn.body)
    return replace(fn, body=found.block(fn.body), functions=functions)


@dataclass(frozen=True, slots=True)
class _Writes:
    """The statements that change, and what they become."""

    facts: IndexFacts
    instead: dict[Stmt, Apply]

    def collect(self, block: Block) -> None:
        """Find the additions in the loops of the block."""
        made = {s.out: s for s in block.stmts if isinstance(s, Apply) and s.op in UNFILLED}
        used = Counter(mentioned(block))
        for stmt in block.stmts:
            map_regions(stmt, self._visited)
            if not isinstance(stmt, For) or not stmt.free:
                continue
            for k, init in enumerate(stmt.init):
                if isinstance(init, Value) and init in made and used[init] == 1:
                    self.take(made[init], stmt, k)

    def _visited(self, block: Block) -> Block:
        self.collect(block)
        return block

    def take(self, zero: Apply, loop: For, k: int) -> None:
        """Note what the loop does to the zeros that its carry number `k` begins with."""
        loops: list[For] = []
        write = self.only(loop, k, loops)
        if write is None:
            return
        found = [pinned(write, inner.body.params[0]) for inner in loops]
        axes = [axis for each in found for axis in each]
        if not len(axes) == len(set(axes)) == len(loops) or not all(found):
            return
        self.instead[write] = replace(write, op=update)
        if self.covers(write, loops, axes):
            self.instead[zero] = replace(zero, op=UNFILLED[zero.op])

    def only(self, loop: For, k: int, loops: list[For]) -> Apply | None:
        """The addition that is all that the loop does to its carry number `k`, if it is so.

        `loops` are then those it is in.
        """
        loops.append(loop)
        param, result = loop.body.params[1 + k], loop.body.results[k]
        used = Counter(mentioned(loop.body))
        if not plain(loop, self.facts) or used[param] != 1 or used[result] != 1:
            return None
        for stmt in loop.body.stmts:
            if isinstance(stmt, For) and param in stmt.init:
                j = stmt.init.index(param)
                return self.only(stmt, j, loops) if stmt.carry[j] is result else None
            if isinstance(stmt, Apply) and stmt.op is accumulate and stmt.args[0] is param:
                return stmt if stmt.out is result else None
        return None

    def covers(self, write: Apply, loops: Sequence[For], axes: Sequence[int]) -> bool:
        """Whether the loops, of which each counts along one axis, come to every element."""
        kind, path = write.args[0].type, path_of(write)
        assert isinstance(kind, ArrayType)
        assert path is not None
        facts = self.facts
        whole = all(isinstance(item, Arg) for item in path[0].items)  # type: ignore[union-attr]
        return (
            whole
            and len(path_operands(write)) == len(loops)
            and all(
                facts.of(loop.lo) == 0
                and facts.of(loop.step) == 1
                and same(facts.of(loop.hi), kind.shape[axis])
                for loop, axis in zip(loops, axes, strict=True)
            )
        )

    def block(self, block: Block) -> Block:
        """The block with the changes made."""
        stmts = (self.instead.get(s) or map_regions(s, self.block) for s in block.stmts)
        return replace(block, stmts=tuple(stmts))
