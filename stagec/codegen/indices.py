"""Whether every index of a kernel surely lies inside of its array.

What is proven need not be checked at run time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from stagec.ir.alias import path_of
from stagec.ir.core import Apply, Block, For, If, Operand, While
from stagec.ir.function import Function
from stagec.ir.origins import Origins
from stagec.ir.path import Arg, Index, NewAxis, Slice
from stagec.ir.types import ArrayType, Dim, Size, affine
from stagec.ops.creation import empty
from stagec.ops.index_facts import IndexFacts, given_sizes
from stagec.ops.rounding import py_max


def in_bounds(fn: Function) -> bool:
    """Whether no index of the kernel needs to be checked."""
    facts = IndexFacts(given_sizes(fn.params), "place")
    return _Indices(facts, Origins.of_block(fn.body)).block(fn.body)


@dataclass(slots=True)
class _Indices:
    """Goes through a kernel in order.

    `least` are lower bounds of integers of which more is not known, `lengths` those of the
    lengths of arrays that the kernel makes.
    """

    facts: IndexFacts
    origins: Origins
    least: dict[Operand, Dim] = field(default_factory=dict[Operand, Dim])
    lengths: dict[Operand, tuple[Dim, ...]] = field(
        default_factory=dict[Operand, tuple[Dim, ...]]
    )

    def block(self, block: Block) -> bool:
        """Whether all indices of the block are known to be inside."""
        for stmt in block.stmts:
            match stmt:
                case Apply():
                    self.facts.note(stmt)
                    if not self.apply(stmt):
                        return False
                case If(then=then, orelse=orelse):
                    if not (self.block(then) and self.block(orelse)):
                        return False
                case For(body=body):
                    self.facts.index(stmt)
                    if not self.block(body):
                        return False
                case While(cond=cond, body=body):
                    if not (self.block(cond) and self.block(body)):
                        return False
                case _:
                    return False
        return True

    def apply(self, stmt: Apply) -> bool:
        """Whether the op's index is inside; notes the lengths of new arrays."""
        if stmt.op is py_max:
            numbers = [self.facts.of(a) for a in stmt.args]
            self.least[stmt.outs[0]] = next((n for n in numbers if isinstance(n, Size)), None)
        elif stmt.op is empty:
            self.lengths[stmt.outs[0]] = tuple(
                self.least.get(at := stmt.args[n.position]) or self.facts.of(at)
                if isinstance(n, Arg)
                else n
                for n in stmt.kwargs["shape"]
            )
        path = path_of(stmt)
        if path is None:
            return True
        base = stmt.args[0].type
        first = 1 if stmt.op.overwrites is None else 2
        return (
            len(path) <= 1
            and isinstance(base, ArrayType)
            and all(
                self.inside(
                    s,
                    self.lengths.get(self.origins.first(stmt.args[0]), base.shape),
                    stmt.args[first:],
                )
                for s in path
            )
        )

    def inside(
        self, step: object, lengths: tuple[Dim, ...], index: tuple[Operand, ...]
    ) -> bool:
        """Whether an index selects what is there."""
        if not isinstance(step, Index):
            return True
        axis = 0
        for item in step.items:
            if isinstance(item, NewAxis):
                continue
            dim = lengths[axis]
            axis += 1
            if isinstance(item, Slice):
                continue
            at: Dim = self.facts.of(index[item.position]) if isinstance(item, Arg) else item
            if isinstance(at, int) and at < 0:
                at = affine((dim, 1), const=at)
            if not (
                self.facts.holds(at) and self.facts.holds(affine((dim, 1), (at, -1), const=-1))
            ):
                return False
        return True
