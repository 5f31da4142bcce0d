"""Independent trips that do much with a few elements each are done several at a time.

    for i in range(n):                      for first in range(0, n, 64):
        for j in range(3):                      count = min(64, n - first)
            y[j] = points[at[i], j]             for q in range(count):
        ... sums and products of y ...   ->         for j in range(3):
        for j in range(3):                              read[j, q] = points[at[first + q], j]
            out[i, j] = z[j]                    for q in range(count):
                                                    ... the same, from read to made ...
                                                for q in range(count):
                                                    for j in range(3):
                                                        out[first + q, j] = made[j, q]

LLVM makes vectors of an innermost loop's trips, if it neither raises nor goes to memory in
large or unknown steps.  The loops over a few elements it writes out, so that the loop in the
middle is an innermost one, in which arrays of these elements are numbers in registers.  What
stands in the way of vectors is in the two loops around it, which do nothing else.

The pass is run before `opt/lift`, as long as each trip has arrays of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from stagec.ir.build import Builder
from stagec.ir.core import Apply, Block, For, Value, known
from stagec.ir.function import Function
from stagec.ir.rebuild import map_regions
from stagec.ir.sharing import Memory
from stagec.ir.types import Symbol, measured_by
from stagec.ops.index_facts import IndexFacts, given_sizes
from stagec.opt.abreast.rewrite import LANES, side_by_side
from stagec.opt.abreast.roles import Unfit, fails, roles
from stagec.opt.abreast.written_out import counted_few, written_out
from stagec.opt.parallel.independence import independent

MANY = 4 * LANES  # trips that are worth compiling three loops for


def abreast(fn: Function) -> Function:
    """The function with trips of loops done side by side."""
    return _function(fn, dict(fn.lengths))


def _function(fn: Function, lengths: Mapping[Symbol, int]) -> Function:
    functions = tuple(_function(f, lengths) for f in fn.functions)
    body = _Abreast(fn, lengths).block(fn.body) if fn.kernel else fn.body
    return replace(fn, body=body, functions=functions)


class _Abreast:
    """Looks through a kernel for such loops; `lengths` are sizes at the first call."""

    def __init__(self, kernel: Function, lengths: Mapping[Symbol, int]) -> None:
        self.kernel = kernel
        self.lengths = lengths
        self.memory = Memory(kernel.body, True)
        self.facts = IndexFacts(given_sizes(kernel.params), "trip")

    def block(self, block: Block) -> Block:
        """The block with its loops done side by side where that can be done."""
        builder = Builder()
        for stmt in block.stmts:
            match stmt:
                case Apply():
                    self.facts.note(stmt)
                    builder.append(stmt)
                case For() if self.changed(builder, stmt):
                    pass
                case _:
                    if isinstance(stmt, For):
                        self.facts.index(stmt)
                    builder.append(map_regions(stmt, self.block))
        return replace(block, stmts=tuple(builder.stmts))

    def changed(self, builder: Builder, loop: For) -> bool:
        """Whether the loop was put into the builder in its other form."""
        if not _simple(loop) or not self.many(loop) or not self.apart(loop):
            return False
        loop = written_out(loop)
        try:
            found = roles(loop, self.memory_of(loop))
        except Unfit:
            return False
        if not found.worth():
            return False
        side_by_side(builder, loop, found)
        return True

    def memory_of(self, loop: For) -> Memory:
        """Which values of the loop, and around it, may share memory."""
        return Memory(replace(self.kernel.body, stmts=(*self.kernel.body.stmts, loop)), True)

    def many(self, loop: For) -> bool:
        """Whether the loop makes many trips, as far as that is known."""
        whole, facts = self.kernel.whole, self.facts
        if whole is not None:
            facts = IndexFacts(given_sizes(whole.params), "trip")
            for stmt in whole.body.stmts:
                if isinstance(stmt, Apply):
                    facts.note(stmt)
                elif isinstance(stmt, For) and loop in self.kernel.body.stmts:
                    loop = stmt
        count = measured_by(facts.of(loop.hi), self.lengths)
        return count is None or count >= MANY

    def apart(self, loop: For) -> bool:
        """Whether the trips do not depend on each other, and carry no sums."""
        part = self.kernel.whole is not None and loop in self.kernel.body.stmts
        folds = {} if part else independent(loop, self.facts, self.memory)
        return folds == {} and not self.observed(loop)

    def observed(self, loop: For) -> bool:
        """Whether one may see which trips were done when one of them fails."""
        memory, kernel = self.memory, self.kernel.whole
        if kernel is not None:
            memory = Memory(kernel.body, True)
        kernel = kernel or self.kernel
        written = (memory.written(s) for s in kernel.body.stmts)
        given = memory.read(kernel.params)
        return _raises(loop.body) and not frozenset[Value]().union(*written).isdisjoint(given)


def _raises(body: Block) -> bool:
    return any(
        fails(s) if isinstance(s, Apply) else isinstance(s, For) and _raises(s.body)
        for s in body.stmts
    )


def _simple(loop: For) -> bool:
    """Whether the loop counts up, and its body has loops over a few elements and no others."""
    simple = known(loop.step) == 1 and not (loop.until or loop.reverse or loop.trips)
    return simple and _few(loop.body) and any(isinstance(s, For) for s in loop.body.stmts)


def _few(body: Block) -> bool:
    return all(
        isinstance(s, Apply) or (isinstance(s, For) and counted_few(s) and _few(s.body))
        for s in body.stmts
    )
