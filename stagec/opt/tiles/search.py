"""Which statements of a block are worth being done for one part of a long axis at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

from stagec.ir.alias import path_of
from stagec.ir.core import Apply, Block, Effect, Operand, Stmt, Value
from stagec.ir.types import ArrayType, Size, Symbol
from stagec.ir.walk import uses
from stagec.ops.index_bounds import Indices
from stagec.ops.products import matmul
from stagec.opt.failures import failures
from stagec.opt.loop_products.first_call import FirstCall
from stagec.opt.scalarise.groups import fold_of
from stagec.opt.tiles.axis import Axis, agreeing, in_its_place

NARROW = 32  # elements beside each other: wider ones keep BLAS busy as they are
FEWEST = 1024  # elements along the axis: fewer fit into the nearest cache anyway
SMALL = 2**15  # elements that are made on the way: fewer fit as well
NEAR = 2**12  # elements of one array that are near at the same time
LONGEST = 2**10  # elements along the axis that are one part


@dataclass(slots=True)
class Tiled:
    """Statements that are done part by part, and those around them.

    Attributes
    ----------
    axis : the long axis.
    length : how many elements along it are one part.
    before : the statements that the members need.
    members : the statements done part by part.
    totals : those among them that sum over the axis.
    after : all other statements.
    """

    axis: Axis
    length: int
    before: list[Stmt] = field(default_factory=list[Stmt])
    members: list[Apply] = field(default_factory=list[Apply])
    totals: list[Apply] = field(default_factory=list[Apply])
    after: list[Stmt] = field(default_factory=list[Stmt])

    def made(self) -> dict[Value, None]:
        """The arrays along the axis that the members make anew, and their later versions."""
        found: dict[Value, None] = {}
        for stmt in self.members:
            anew = stmt.op.overwrites is None or stmt.args[0] in found
            if anew and stmt not in self.totals:
                found[stmt.out] = None
        return found

    def outputs(self, results: Sequence[Operand]) -> list[Value]:
        """Those of them that others need."""
        needed = self.needed(results)
        return [v for v in self.made() if v in needed]

    def needed(self, results: Sequence[Operand]) -> set[Operand]:
        """What the statements behind use, or the block gives."""
        return {v for s in self.after for v in uses(s)} | set(results)


def found(block: Block, indices: Indices, first: FirstCall) -> Tiled | None:
    """What of the block is worth it; None: nothing."""
    for axis in _long_axes(block, first.lengths):
        tiled = _Search(block, indices, axis).run()
        length = _length(tiled, first)
        if length is not None:
            tiled.length = length
            return tiled
    return None


def _long_axes(block: Block, lengths: Mapping[Symbol, int]) -> Iterator[Axis]:
    """The long axes of products in the block."""
    products = (s for s in block.stmts if isinstance(s, Apply) and s.op is matmul)
    kinds = (v.type for s in products for v in (*s.args, s.out))
    dims = (d for k in kinds if isinstance(k, ArrayType) for d in k.shape)
    symbols = dict.fromkeys(s for d in dims if isinstance(d, Size) for s, _ in d.terms)
    return (Axis(s) for s in symbols if lengths.get(s, 0) >= FEWEST)


def _length(tiled: Tiled, first: FirstCall) -> int | None:
    """How long a part should be, as sizes were at the first call; None: it is not worth it."""
    if not any(s.op is matmul for s in tiled.members):
        return None
    shapes = [first.shape(v) for v in tiled.made()]
    sizes = [prod(shape) for shape in shapes if shape is not None]
    if not sizes or len(sizes) < len(shapes) or sum(sizes) < SMALL:
        return None
    width = max(sizes) // first.lengths[tiled.axis.symbol]
    if width > NARROW:
        return None
    length = LONGEST
    while length * width > NEAR:
        length //= 2
    return length


@dataclass(slots=True)
class _Search:
    """Goes through a block once.

    Attributes
    ----------
    late : what is there only when all parts are done.
    """

    block: Block
    indices: Indices
    axis: Axis
    tiled: Tiled = field(init=False)
    late: set[Operand] = field(default_factory=set["Operand"])
    early: list[Apply] = field(default_factory=list[Apply])

    def run(self) -> Tiled:
        """The statements in three groups."""
        self.tiled = Tiled(self.axis, 0)
        order: list[Stmt] = []
        for stmt in self.block.stmts:
            if not self.member(stmt) and not self.soon(stmt):
                self.late.update(stmt.outs)
            order.append(stmt)
        self.settle(order)
        return self.tiled

    def silent(self, stmt: Apply) -> bool:
        """Whether the op can only give a result."""
        if stmt.op.effect is not Effect.NONE:
            return False
        if path_of(stmt) is not None:
            return in_its_place(stmt) and not self.indices.doubtful(stmt)
        if stmt.op is matmul:
            return agreeing(stmt)
        return fold_of(stmt) is not None or not failures(stmt, self.indices.facts, False)

    def member(self, stmt: Stmt) -> bool:
        """Whether the statement may be done part by part; it is a member then."""
        if not isinstance(stmt, Apply) or not self.late.isdisjoint(uses(stmt)):
            return False
        if not self.axis.used(stmt) or not self.silent(stmt):
            return False
        if self.axis.total(stmt):
            self.tiled.totals.append(stmt)
            self.late.add(stmt.out)
        elif not self.axis.rows(stmt):
            return False
        self.tiled.members.append(stmt)
        return True

    def soon(self, stmt: Stmt) -> bool:
        """Whether the statement may be done before all parts."""
        plain = isinstance(stmt, Apply) and stmt.op.overwrites is None and self.silent(stmt)
        inside = {s.out for s in self.tiled.members}
        return plain and self.late.isdisjoint(uses(stmt)) and inside.isdisjoint(uses(stmt))

    def settle(self, order: Sequence[Stmt]) -> None:
        """Say what comes before and what after: only what members need comes before."""
        members = set(self.tiled.members)
        needed: set[Operand] = set()
        for stmt in reversed(order):
            if stmt in members:
                needed.update(uses(stmt))
            elif self.late.isdisjoint(stmt.outs) and not needed.isdisjoint(stmt.outs):
                needed.update(uses(stmt))
                self.tiled.before.insert(0, stmt)
            else:
                self.tiled.after.insert(0, stmt)
