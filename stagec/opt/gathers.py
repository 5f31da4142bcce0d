"""Additions to shifted parts of one array, which are the adjoints of stencils, as one sum.

    for ...:                        padded = np.zeros(n + 2)
        x[:-2] += v                 for ...:
        x[1:-1] += v         ->         padded[2:-2] = v
        x[2:] += v                      x += padded[2:] + padded[1:-1] + padded[:-2]

What is added is kept between zeros, so that the sum goes over every element that any of the
additions meets, in one loop whose trips do not depend on each other, and needs no loops of its
own for the edges.  The array with the zeros is made once, in front of the loops.

Reference: J. Hückelheim, N. Kukreja, S. H. K. Narayanan, F. Luporini, G. Gorman, P. Hovland,
Automatic differentiation for adjoint stencil loops (2019): the same sums, with loops for edges
in place of zeros.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field, replace

import numpy as np

from stagec.ir.build import Builder
from stagec.ir.core import Apply, Block, For, Operand, Stmt, Value
from stagec.ir.function import Function
from stagec.ir.path import Arg
from stagec.ir.rebuild import carrying, map_operands, map_regions
from stagec.ir.types import (
    ArrayType,
    Dim,
    Size,
    Symbol,
    affine,
    at_least,
    same_shape,
    symbols_of,
)
from stagec.ir.walk import rename, uses
from stagec.ops.arithmetic import add
from stagec.ops.creation import zeros
from stagec.ops.indexing import accumulate, read, update
from stagec.opt.parts import Part
from stagec.opt.scalarise.sizes import Sizes


def gathers(fn: Function) -> Function:
    """The function with one sum for additions in loops to shifted parts of an array."""
    functions = tuple(map(gathers, fn.functions))
    lasting = {s for p in fn.params for s in symbols_of(p.type)}
    body = _Gatherer(lasting).outside(fn.body, Sizes({}))
    return replace(fn, body=body, functions=functions)


# --- additions that belong together --------------------------------------------------------


@dataclass(slots=True, eq=False)
class _Chain:
    """Additions to one array, each to what the one before made, which nothing else uses.

    Attributes
    ----------
    members : the additions.
    parts : where each of them adds.
    direct : those that stay: they add to the only elements that what is added depends on, or
        add what no other one adds.
    """

    members: list[Apply]
    parts: list[Part]
    direct: set[Apply] = field(default_factory=set[Apply])

    def takes(self, stmt: Apply, part: Part) -> bool:
        """Whether the addition may be the next one."""
        value, first = stmt.args[1].type, self.members[0].args[1].type
        assert isinstance(value, ArrayType)
        assert isinstance(first, ArrayType)
        pairs = zip(part.slices, self.parts[0].slices, strict=False)
        return (
            stmt.args[0] is self.members[-1].out
            and part.fixed == self.parts[0].fixed
            and same_shape(value.shape, first.shape)
            and all(sum(a) == sum(b) for a, b in pairs)
        )

    def choose(self, block: Block) -> bool:
        """Say which members stay; whether it is worth while to gather the others."""
        root = self.members[0].args[0]
        read_at = {
            Part.of(s, 1)
            for s in block.stmts
            if isinstance(s, Apply) and s.op is read and s.args[0] is root
        }
        if not read_at:
            counts = Counter(m.args[1] for m in self.members)
            once = [m for m in self.members if counts[m.args[1]] == 1]
            if len(counts) > 1 and once:
                at = self.part(once[-1])
                read_at = {at}
        if len(read_at) == 1:
            self.direct = {m for m in self.members if self.part(m) in read_at}
        values = {m.args[1] for m in self.gathered}
        if not values:
            return False
        if not all((at_least(length) or 0) >= 0 for length in self.lengths(self.hull)):
            return False
        # arrays for every value are large where rows would do
        rows = len(self.parts[0].slices) == 1
        return len(self.gathered) > 1 and (rows or 2 * len(values) <= len(self.gathered))

    def part(self, member: Apply) -> Part:
        """Where the member adds."""
        return self.parts[self.members.index(member)]

    @property
    def gathered(self) -> list[Apply]:
        """The members that become one sum."""
        return [m for m in self.members if m not in self.direct]

    @property
    def hull(self) -> Part:
        """Every element that a member meets."""
        parts = [self.part(m).margins for m in self.gathered]
        margins = [
            None if None in axis else (min(m[0] for m in axis), min(m[1] for m in axis))
            for axis in zip(*parts, strict=True)
        ]
        return Part(self.parts[0].fixed, tuple(margins))

    def spans(self, hull: Part) -> tuple[int, ...]:
        """How far apart the members are along each axis."""
        pairs = zip(self.parts[0].slices, hull.slices, strict=True)
        return tuple(sum(part) - sum(whole) for part, whole in pairs)

    def lengths(self, part: Part) -> tuple[Dim, ...]:
        """The shape of a part."""
        base = self.members[0].args[0].type
        assert isinstance(base, ArrayType)
        pairs = zip(base.shape, part.margins, strict=True)
        return tuple(affine((dim, 1), const=-sum(m)) for dim, m in pairs if m is not None)

    @property
    def room(self) -> tuple[Dim, ...]:
        """The shape of an array for a value with zeros around it."""
        hull = self.hull
        pairs = zip(self.lengths(hull), self.spans(hull), strict=True)
        return tuple(affine((length, 1), const=span) for length, span in pairs)


def _candidate(stmt: Stmt) -> Part | None:
    """Where the statement adds an array to a part of another of the same type."""
    if not isinstance(stmt, Apply) or stmt.op is not accumulate:
        return None
    base, value = stmt.args[0].type, stmt.args[1].type
    if not isinstance(base, ArrayType) or not isinstance(value, ArrayType):
        return None
    if value.kind != "array" or value.dtype != base.dtype or base.dtype.kind not in "fc":
        return None
    part = Part.of(stmt, 2)
    if part is None or None in value.shape or len(part.slices) != value.rank or not value.rank:
        return None
    dims = [dim for dim, m in zip(base.shape, part.margins, strict=True) if m is not None]
    lengths = [affine((d, 1), const=-sum(m)) for d, m in zip(dims, part.slices, strict=True)]
    # the value is not broadcast, and what it is added to may be empty, but no shorter
    fits = same_shape(value.shape, tuple(lengths))
    return part if fits and all((at_least(d) or -1) >= 0 for d in dims) else None


def _chains(block: Block) -> list[_Chain]:
    """The additions of the block that belong together and are worth a sum."""
    used = Counter(v for s in block.stmts for v in uses(s))
    used.update(v for v in block.results if isinstance(v, Value))
    found: list[_Chain] = []
    for stmt in block.stmts:
        part = _candidate(stmt)
        if part is None:
            continue
        assert isinstance(stmt, Apply)
        base = stmt.args[0]
        alone = isinstance(base, Value) and used[base] == 1 and stmt.args[1] is not base
        chain = next((c for c in found if alone and c.takes(stmt, part)), None)
        if chain is None:
            found.append(_Chain([stmt], [part]))
        else:
            chain.members.append(stmt)
            chain.parts.append(part)
    return [c for c in found if len(c.members) > 2 and c.choose(block)]


# --- the sums ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Carried:
    """An array with zeros around a value, as a loop carries it.

    Attributes
    ----------
    shape, dtype : its type.
    begin : the array at the start of a trip.
    end : at the end of it.
    """

    shape: tuple[Dim, ...]
    dtype: np.dtype
    begin: Value
    end: Value


class _Sums:
    """Writes the sums of one block.

    Attributes
    ----------
    names : what takes the place of what the additions made.
    """

    def __init__(self, chains: list[_Chain], carried: list[_Carried]) -> None:
        self.names: dict[Value, Operand] = {}
        self._carried = carried
        self._member = {m.out: (chain, m) for chain in chains for m in chain.members}
        self._kept: dict[tuple[_Chain, Operand], Value] = {}

    def take(self, stmt: Stmt, builder: Builder) -> bool:
        """Whether the statement was one of the additions; it is dealt with then."""
        if not isinstance(stmt, Apply) or len(stmt.outs) != 1 or stmt.out not in self._member:
            return False
        chain, member = self._member[stmt.out]
        if member in chain.direct:
            builder.append(stmt)
            present: Operand = stmt.out
        else:
            self.keep(chain, member, stmt.args[1], builder)
            present = stmt.args[0]
        if member is chain.members[-1]:
            present = self.sum(chain, present, builder)
        if present is not member.out:
            self.names[member.out] = present
        return True

    def keep(self, chain: _Chain, member: Apply, value: Operand, builder: Builder) -> None:
        """Put the value between zeros, where it is not there yet."""
        key = chain, member.args[1]
        if key in self._kept:
            return
        base = member.args[0].type
        assert isinstance(base, ArrayType)
        begin = Value(ArrayType(base.dtype, chain.room), "padded")
        margins = tuple((span, span) for span in chain.spans(chain.hull))
        path, _ = Part((None,) * len(margins), margins).path()
        end = builder.add(update, (begin, value), {"path": path}, "padded")[0]
        self._kept[key] = end
        self._carried.append(_Carried(chain.room, base.dtype, begin, end))

    def sum(self, chain: _Chain, present: Operand, builder: Builder) -> Operand:
        """The array with everything added that the chain adds."""
        hull = chain.hull
        spans = chain.spans(hull)
        total: Operand | None = None
        for member in chain.gathered:
            kept = self._kept[chain, member.args[1]]
            ahead = [
                part[0] - whole[0]
                for part, whole in zip(chain.part(member).slices, hull.slices, strict=True)
            ]
            margins = tuple((s - a, a) for s, a in zip(spans, ahead, strict=True))
            path, _ = Part((None,) * len(margins), margins).path()
            term = builder.add(read, (kept,), {"path": path, "view": True})[0]
            total = term if total is None else builder.add(add, (total, term), {})[0]
        assert total is not None
        path, index = hull.path()
        index = tuple(rename(i, self.names) for i in index)
        added = (present, total, *index)
        return builder.add(accumulate, added, {"path": path}, chain.members[-1].out.hint)[0]


@dataclass(frozen=True, slots=True)
class _Gatherer:
    """Goes through the blocks of a function.

    `lasting` are the symbols of its parameters: others may be another length in each trip.
    """

    lasting: Collection[Symbol]

    def outside(self, block: Block, sizes: Sizes) -> Block:
        """A block that is not the body of a loop; `sizes` are known in front of it."""
        sizes = sizes.inside()
        sizes.note(block.params)
        builder = Builder()
        for stmt in block.stmts:
            builder.loc = stmt.loc
            if isinstance(stmt, For):
                stmt, needed = self.loop(stmt, sizes)
                made = [self.made(builder, sizes, array) for array in needed]
                stmt = replace(stmt, init=(*stmt.init, *made))
            else:
                here = sizes
                stmt = map_regions(stmt, lambda b, here=here: self.outside(b, here))
            builder.append(stmt)
            sizes.note(stmt.outs)
        return replace(block, stmts=tuple(builder.stmts))

    def fits(self, chain: _Chain, around: Sizes) -> bool:
        """Whether the arrays that the chain needs may be made in front of the loop."""
        return all(
            around.there(dim) and (isinstance(dim, int) or self.last(dim)) for dim in chain.room
        )

    def last(self, dim: Dim) -> bool:
        """Whether the size is the same wherever it stands."""
        return isinstance(dim, Size) and all(s in self.lasting for s, _ in dim.terms)

    @staticmethod
    def made(builder: Builder, sizes: Sizes, array: _Carried) -> Value:
        """The array, full of zeros."""
        lengths = [sizes.value(builder, dim) for dim in array.shape]
        plan = tuple(map(Arg, range(len(lengths))))
        attrs = {"shape": plan, "dtype": array.dtype}
        return builder.add(zeros, lengths, attrs, array.begin.hint)[0]

    def loop(self, stmt: For, sizes: Sizes) -> tuple[For, list[_Carried]]:
        """The loop, still without what it begins with of the arrays that it needs."""
        body, found = self.inside(stmt.body, sizes)
        params = (*body.params, *(array.begin for array in found))
        made = carrying(stmt, (), [a.end for a in found], replace(body, params=params))
        outer = [
            replace(a, begin=Value(a.begin.type, a.begin.hint), end=end)
            for a, end in zip(found, made.carry[len(stmt.carry) :], strict=True)
        ]
        return made, outer

    def inside(self, block: Block, around: Sizes) -> tuple[Block, list[_Carried]]:
        """The body of a loop, and the arrays that it needs from `around` the loop."""
        sizes = around.inside()
        sizes.note(block.params)
        builder = Builder()
        carried: list[_Carried] = []
        sums = _Sums([c for c in _chains(block) if self.fits(c, around)], carried)
        for stmt in block.stmts:
            builder.loc = stmt.loc
            if isinstance(stmt, For):
                stmt, needed = self.loop(stmt, sizes)
                far = [all(map(around.there, a.shape)) for a in needed]
                init = [
                    a.begin if there else self.made(builder, sizes, a)
                    for a, there in zip(needed, far, strict=True)
                ]
                carried += [a for a, there in zip(needed, far, strict=True) if there]
                stmt = replace(stmt, init=(*stmt.init, *init))
            elif not isinstance(stmt, Apply):
                here = sizes
                stmt = map_regions(stmt, lambda b, here=here: self.outside(b, here))
            stmt = map_operands(stmt, lambda v: rename(v, sums.names))
            if not sums.take(stmt, builder):
                builder.append(stmt)
            sizes.note(stmt.outs)
        results = tuple(rename(r, sums.names) for r in block.results)
        return Block(block.params, tuple(builder.stmts), results), carried
