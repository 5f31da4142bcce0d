"""Whether every index surely lies inside of its array.

What is proven need not be checked at run time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import assert_never

from stagec.ir.alias import path_of
from stagec.ir.core import Apply, Block, Call, For, If, Operand, Stmt, While
from stagec.ir.function import Function
from stagec.ir.origins import Origins
from stagec.ir.path import Arg, Index, NewAxis, Slice
from stagec.ir.types import ArrayType, Dim, Size, affine
from stagec.ir.walk import regions
from stagec.ops.creation import empty
from stagec.ops.index_facts import IndexFacts, given_sizes
from stagec.ops.rounding import py_max


def in_bounds(fn: Function) -> bool:
    """Whether no index of the kernel needs to be checked."""
    return next(Inside.of(fn).unproven(fn.body), None) is None


@dataclass(slots=True)
class Inside:
    """Goes through a function in order.

    `least` are lower bounds of integers of which more is not known, `lengths` those of the
    lengths of arrays that the function makes.
    """

    facts: IndexFacts
    origins: Origins
    least: dict[Operand, Dim] = field(default_factory=dict[Operand, Dim])
    lengths: dict[Operand, tuple[Dim, ...]] = field(
        default_factory=dict[Operand, tuple[Dim, ...]]
    )

    @classmethod
    def of(cls, fn: Function) -> Inside:
        """What is known before the first statement."""
        return cls(IndexFacts(given_sizes(fn.params), "place"), Origins.of_block(fn.body))

    def unproven(self, block: Block) -> Iterator[Stmt]:
        """The statements with an index that may be outside, and calls."""
        for stmt in block.stmts:
            match stmt:
                case Apply():
                    self.facts.note(stmt)
                    if not self.apply(stmt):
                        yield stmt
                case Call():
                    yield stmt
                case For():
                    self.facts.index(stmt)
                case If() | While():
                    pass
                case _:
                    assert_never(stmt)
            for region in regions(stmt):
                yield from self.unproven(region)

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
