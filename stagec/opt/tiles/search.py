"""Which statements of a block are worth being done for one part of a long axis at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

from stagec.ir.alias import path_of
from stagec.ir.core import Apply, Block, Effect, For, Operand, Stmt, Value
from stagec.ir.types import ArrayType, Size, Symbol, rank_of
from stagec.ir.walk import uses
from stagec.ops.index_bounds import Indices
from stagec.ops.products import matmul
from stagec.opt.failures import failures
from stagec.opt.loop_products.first_call import FirstCall
from stagec.opt.memory import creates
from stagec.opt.scalarise.groups import fold_of
from stagec.opt.tapes.sizes import Lengths, Unknown
from stagec.opt.tiles.axis import Axis, agreeing, in_its_place
from stagec.opt.tiles.loops import cut

NARROW = 32  # elements beside each other: wider ones keep BLAS busy as they are
FEWEST = 1024  # elements along the axis: fewer fit into the nearest cache anyway
WIDE = 512  # as many, of what is not multiplied: the cache behind the nearest holds a part
SMALL = 2**15  # elements that are made on the way: fewer fit as well
NEAR = 2**12  # elements of one array that are near at the same time
LONGEST = 2**10  # elements along the axis that are one part
SHORTEST = 2**7  # as many, where loops hand each other parts: fewer keep BLAS waiting


@dataclass(slots=True)
class Tiled:
    """Statements that are done part by part, and those around them.

    Attributes
    ----------
    axis : the long axis.
    length : how many elements along it are one part.
    before : the statements that the members need.
    members : the statements done part by part; loops of which that is one step.
    totals : those among them that sum over the axis.
    within : what such loops do with a part.
    after : all other statements.
    """

    axis: Axis
    length: int
    before: list[Stmt] = field(default_factory=list[Stmt])
    members: list[Apply | For] = field(default_factory=list["Apply | For"])
    totals: list[Apply] = field(default_factory=list[Apply])
    within: list[Apply] = field(default_factory=list[Apply])
    after: list[Stmt] = field(default_factory=list[Stmt])

    def made(self) -> dict[Value, None]:
        """The arrays along the axis that the members make anew, and their later versions."""
        found: dict[Value, None] = {}
        for stmt in self.members:
            if isinstance(stmt, For):
                found.update((p, None) for p in stmt.body.params if self._along(p))
                self._note(found, (s for s in stmt.body.stmts if s in self.within))
                found.update((v, None) for v in stmt.outs if self._along(v))
            else:
                self._note(found, (stmt,))
        return found

    def _along(self, value: Value) -> bool:
        return self.axis.of(value) is not None

    def _note(self, found: dict[Value, None], stmts: Iterable[Stmt]) -> None:
        for stmt in stmts:
            assert isinstance(stmt, Apply)
            anew = stmt.op.overwrites is None or stmt.args[0] in found
            if anew and self._along(stmt.out):
                found[stmt.out] = None

    def applied(self) -> list[Apply]:
        """The members, and what loops among them do with a part."""
        return [*(s for s in self.members if isinstance(s, Apply)), *self.within]

    def outputs(self, results: Sequence[Operand]) -> list[Value]:
        """Those of them that others need."""
        needed = self.needed(results)
        return [v for v in self.made() if v in needed]

    def needed(self, results: Sequence[Operand]) -> set[Operand]:
        """What the statements behind use, or the block gives."""
        return {v for s in self.after for v in uses(s)} | set(results)


def found(
    block: Block, indices: Indices, first: FirstCall, lengths: Lengths | None
) -> Tiled | None:
    """What of the block is worth it; None: nothing.

    `lengths` tells of the sizes in front of the block, if loops in it are looked for that
    hand parts to what is around them; else loops stay whole.
    """
    for axis in _long_axes(block, first.lengths, lengths is not None):
        tiled = _Search(block, indices, axis, first, lengths).run()
        length = None if tiled is None else _length(tiled, first, lengths is not None)
        if tiled is not None and length is not None and (lengths is None or _handing(tiled)):
            tiled.length = length
            return tiled
    return None


def _long_axes(block: Block, lengths: Mapping[Symbol, int], loops: bool) -> Iterator[Axis]:
    """The long axes of products in the block; of its loops, if `loops`."""
    inner = (s for f in block.stmts if isinstance(f, For) for s in f.body.stmts)
    stmts = inner if loops else block.stmts
    products = (s for s in stmts if isinstance(s, Apply) and s.op is matmul)
    kinds = (v.type for s in products for v in (*s.args, s.out))
    dims = (d for k in kinds if isinstance(k, ArrayType) for d in k.shape)
    symbols = dict.fromkeys(s for d in dims if isinstance(d, Size) for s, _ in d.terms)
    return (Axis(s) for s in symbols if lengths.get(s, 0) >= FEWEST)


def _handing(tiled: Tiled) -> bool:
    """Whether a loop with a product gets a part from another member, or hands it one."""
    made = tiled.made()
    for stmt in tiled.members:
        if isinstance(stmt, For) and any(_multiplies(s) for s in stmt.body.stmts):
            others = {v for s in tiled.members if s is not stmt for v in uses(s)}
            given, taken = {*stmt.outs} & others, {*uses(stmt)} & made.keys()
            if any(v in made for v in given) or taken:
                return True
    return False


def _multiplies(stmt: Stmt) -> bool:
    return isinstance(stmt, Apply) and stmt.op is matmul


def _length(tiled: Tiled, first: FirstCall, around: bool) -> int | None:
    """How long a part should be, as sizes were at the first call; None: it is not worth it.

    `around` says whether the loop over the parts is around others: what they hand each other
    may be wider than what they multiply.
    """
    made = tiled.made()
    shapes = [first.shape(v) for v in made]
    sizes = [prod(shape) for shape in shapes if shape is not None]
    products = [s for s in tiled.applied() if _multiplies(s)]
    if not products or not sizes or len(sizes) < len(shapes) or sum(sizes) < SMALL:
        return None
    count = first.lengths[tiled.axis.symbol]
    width = max(sizes) // count
    factors = [v for s in products for v in (*s.args, *s.outs) if v in made]
    multiplied = max((prod(first.shape(v) or ()) // count for v in factors), default=0)
    if width > (WIDE if around else NARROW) or multiplied > NARROW:
        return None
    length, least = LONGEST, SHORTEST if around else 1
    while length * width > NEAR and length > least:
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
    first: FirstCall
    lengths: Lengths | None
    tiled: Tiled = field(init=False)
    late: set[Operand] = field(default_factory=set["Operand"])
    needed: set[Operand] = field(init=False)

    def __post_init__(self) -> None:
        self.needed = {v for s in self.block.stmts for v in uses(s)} | set(self.block.results)

    def run(self) -> Tiled | None:
        """The statements in three groups; None: they cannot be put in another order."""
        self.tiled = Tiled(self.axis, 0)
        order: list[Stmt] = []
        for stmt in self.block.stmts:
            halves = self.halves(stmt)
            if halves is not None:
                order += halves
                continue
            if not self.member(stmt) and not self.soon(stmt):
                self.late.update(stmt.outs)
            order.append(stmt)
        self.settle(order)
        return self.tiled if self.lengths is None or self.ordered(order) else None

    def halves(self, stmt: Stmt) -> list[Stmt] | None:
        """What a loop is that is a member: itself, and what comes before and behind."""
        if self.lengths is None or not isinstance(stmt, For):
            return None
        rows = [a for a in stmt.init if self.axis.of(a) is not None]
        if not self.late.isdisjoint((stmt.hi, *rows)):
            return None
        try:
            halves = cut(stmt, self.axis, self.first, self.sort, self.lengths, self.needed)
        except Unknown:
            return None
        if halves is None:
            return None
        for made in halves.sums:
            self.indices.note(made)
        self.tiled.members.append(halves.member)
        self.tiled.within += halves.along
        rest = [] if halves.rest is None else [halves.rest]
        self.late.update(v for s in rest for v in s.outs)
        self.late.update(v for v in halves.member.outs if self.axis.of(v) is None)
        return [*halves.sums, halves.member, *rest]

    def sort(self, stmt: Stmt, late: set[Operand], made: set[Operand]) -> str:
        """What a statement of a loop is: see `cut`."""
        needed = uses(stmt)
        free = self.late.isdisjoint(needed) and late.isdisjoint(needed)
        if not isinstance(stmt, Apply) or not free or not self.silent(stmt):
            return "late"
        own = stmt.op.overwrites is None or stmt.args[0] in made
        if self.axis.used(stmt) and own and self.axis.total(stmt):
            return "total"
        if self.axis.used(stmt) and own and self.axis.rows(stmt):
            return "rows"
        cheap = stmt.op.overwrites is None and self.tiled.made().keys().isdisjoint(needed)
        return "soon" if cheap and all(map(self.small, stmt.outs)) else "late"

    def small(self, value: Value) -> bool:
        """Whether it may be computed for each part anew."""
        if not rank_of(value.type):
            return True
        shape = self.first.shape(value)
        return self.axis.of(value) is None and shape is not None and prod(shape) <= NEAR

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
        inside = {v for s in self.tiled.members for v in s.outs}
        if self.lengths is not None and not isinstance(stmt, Apply):
            plain = True  # in front of members, which are silent; see `ordered`
        return plain and self.late.isdisjoint(uses(stmt)) and inside.isdisjoint(uses(stmt))

    def settle(self, order: Sequence[Stmt]) -> None:
        """Say what comes before and what after: only what members need comes before.

        An array that only others fill is not made in parts.
        """
        members = set(self.tiled.members)
        needed: set[Operand] = set()
        for stmt in reversed(order):
            made = isinstance(stmt, Apply) and creates(stmt) and needed.isdisjoint(stmt.outs)
            if stmt in members and made:
                self.tiled.members.remove(stmt)
                self.tiled.after.insert(0, stmt)
            elif stmt in members:
                needed.update(uses(stmt))
            elif self.late.isdisjoint(stmt.outs) and not needed.isdisjoint(stmt.outs):
                needed.update(uses(stmt))
                self.tiled.before.insert(0, stmt)
            else:
                self.tiled.after.insert(0, stmt)

    def ordered(self, order: Sequence[Stmt]) -> bool:
        """Whether what now comes before raises nothing that others would have raised first."""
        before, after, behind = set(self.tiled.before), set(self.tiled.after), False
        for stmt in order:
            if isinstance(stmt, Apply) and self.silent(stmt):
                continue
            if stmt in before and behind:
                return False
            behind = behind or stmt in after
        return True
