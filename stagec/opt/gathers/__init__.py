"""Additions to shifted parts of one array, which are the adjoints of stencils, as one sum.

    for ...:                        padded = np.zeros(n + 2)
        x[:-2] += v                 for ...:
        x[1:-1] += v         ->         padded[2:-2] = v
        x[2:] += v                      x += padded[2:] + padded[1:-1] + padded[:-2]

What is added is kept between zeros, so that the sum goes over every element that any of the
additions meets, in one loop whose trips do not depend on each other, and needs no loops of its
own for the edges.  The array with the zeros is made once, in front of the loops.
Where `x` has been set to zero inside, the sum takes its place there, and only the edges are
added to (`blanks`).  Planes of an array are kept as long as they are needed only (`windows`).

Reference: J. Hückelheim, N. Kukreja, S. H. K. Narayanan, F. Luporini, G. Gorman, P. Hovland,
Automatic differentiation for adjoint stencil loops (2019): the same sums, with loops for edges
in place of zeros.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from stagec.ir.build import Builder, freeze
from stagec.ir.chains import mentioned
from stagec.ir.core import Apply, Block, For, Operand, Stmt, Value, const
from stagec.ir.function import Function
from stagec.ir.path import Arg
from stagec.ir.rebuild import carrying, map_regions
from stagec.ir.types import (
    ArrayType,
    Dim,
    Size,
    Symbol,
    at_least,
    symbols_of,
)
from stagec.ir.walk import rename, substitute_stmt
from stagec.ops.arithmetic import add
from stagec.ops.creation import zeros, zeros_like
from stagec.ops.indexing import accumulate, read, update
from stagec.opt.gathers.blanks import Blank
from stagec.opt.gathers.chains import Chain, chains_of
from stagec.opt.gathers.windows import Window
from stagec.opt.parts import Part, Piece, edges, encloses, inside, outside, path_to, place_of
from stagec.opt.scalarise.sizes import Sizes


def gathers(fn: Function) -> Function:
    """The function with one sum for additions in loops to shifted parts of an array."""
    functions = tuple(map(gathers, fn.functions))
    lasting = {s for p in fn.params for s in symbols_of(p.type)}
    used = set(mentioned(fn.body))
    body = _Gatherer(lasting, dict(fn.lengths), used).outside(fn.body, Sizes({}))
    return replace(fn, body=body, functions=functions)


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

    def __init__(
        self,
        chains: list[Chain],
        blanks: dict[Chain, Blank],
        windows: dict[Chain, Window],
        carried: list[_Carried],
    ) -> None:
        self.names: dict[Value, Operand] = {}
        self._blanks = blanks
        self._windows = windows
        self._dropped: set[Operand] = {s for blank in blanks.values() for s in blank.dropped}
        self._dropped.update(v for window in windows.values() for v in window.makers)
        self._carried = carried
        self._member = {m.out: (chain, m) for chain in chains for m in chain.members}
        self._kept: dict[tuple[Chain, Operand], Value] = {}
        self._direct: dict[Chain, list[Operand]] = {}

    def take(self, stmt: Stmt, builder: Builder, sizes: Sizes) -> bool:
        """Whether the statement was one of the additions; it is dealt with then."""
        if stmt.outs and stmt.outs[0] in self._dropped:
            if isinstance(stmt, Apply) and stmt.op is update:
                self.names[stmt.out] = stmt.args[0]
            return True
        if not isinstance(stmt, Apply) or len(stmt.outs) != 1 or stmt.out not in self._member:
            return False
        chain, member = self._member[stmt.out]
        if chain in self._windows:
            if member is chain.members[-1]:
                self.names[member.out] = self.planes(self._windows[chain], builder, sizes)
            return True
        if member in chain.direct and chain in self._blanks:
            self._direct.setdefault(chain, []).append(stmt.args[1])
            present: Operand = stmt.args[0]
        elif member in chain.direct:
            builder.append(stmt)
            present = stmt.out
        else:
            self.keep(chain, member, stmt.args[1], builder)
            present = stmt.args[0]
        if member is chain.members[-1] and chain in self._blanks:
            self.fill(chain, self._blanks[chain], builder)
            return True
        if member is chain.members[-1]:
            present = self.sum(chain, present, builder)
        if present is not member.out:
            self.names[member.out] = present
        return True

    def planes(self, window: Window, builder: Builder, sizes: Sizes) -> Value:
        """Write the loops over the planes; the array with everything added."""
        kind = window.kind
        zeros = Value(kind, "zeros")
        self._carried.append(_Carried(kind.shape, kind.dtype, zeros, zeros))
        return window.write(builder, sizes, self.names, zeros)

    def keep(self, chain: Chain, member: Apply, value: Operand, builder: Builder) -> None:
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

    def sum(self, chain: Chain, present: Operand, builder: Builder) -> Operand:
        """The array with everything added that the chain adds."""
        hull = chain.hull
        total = self.total(chain, builder, tuple((0, 0) for _ in hull.slices))
        assert total is not None
        path, index = hull.path()
        added = (present, total, *(rename(i, self.names) for i in index))
        return builder.add(accumulate, added, {"path": path}, chain.members[-1].out.hint)[0]

    def total(self, chain: Chain, builder: Builder, piece: Piece) -> Operand | None:
        """What the chain adds to a piece of the hull; None: nothing."""
        hull = chain.hull
        spans = chain.spans(hull)
        total: Operand | None = None
        for member in chain.gathered:
            kept = self._kept[chain, member.args[1]]
            ahead = [
                part[0] - whole[0]
                for part, whole in zip(chain.part(member).slices, hull.slices, strict=True)
            ]
            place = place_of([(s - a, a) for s, a in zip(spans, ahead, strict=True)], piece)
            if not outside(place, spans):
                attrs = {"path": path_to(place), "view": True}
                term = builder.add(read, (kept,), attrs)[0]
                total = term if total is None else builder.add(add, (total, term), {})[0]
        return total

    def fill(self, chain: Chain, blank: Blank, builder: Builder) -> None:
        """Put the sum where the array is zero, and add at the edges."""
        whole, part = chain.hull.slices, blank.part.slices
        total = self.total(chain, builder, inside(whole, part))
        assert total is not None
        for value in self._direct.get(chain, ()):
            total = builder.add(add, (value, total), {})[0]
        present, hint = rename(blank.root, self.names), blank.root.hint
        if not blank.passing:
            path, _ = blank.part.path()
            present = builder.add(update, (present, total), {"path": path}, hint)[0]
        for piece in edges(whole, part):
            added = self.total(chain, builder, piece)
            if added is not None:
                attrs = {"path": path_to(place_of(whole, piece))}
                present = builder.add(accumulate, (present, added), attrs, hint)[0]
        self.names[chain.members[-1].out] = present
        self.names |= dict.fromkeys((r.out for r in blank.reads), total)


@dataclass(frozen=True, slots=True)
class _Gatherer:
    """Goes through the blocks of a function.

    `lasting` are the symbols of its parameters: others may be another length in each trip.
    `lengths` is how long they were at the first call, `used` is what any statement needs, and
    `zeros` are the arrays made of zeros.
    """

    lasting: Collection[Symbol]
    lengths: Mapping[Symbol, int]
    used: Collection[Operand]
    zeros: set[Value] = field(default_factory=set[Value])

    def outside(self, block: Block, sizes: Sizes) -> Block:
        """A block that is not the body of a loop; `sizes` are known in front of it."""
        sizes = sizes.inside()
        sizes.note(block.params)
        builder = Builder()
        for stmt in block.stmts:
            builder.loc = stmt.loc
            if isinstance(stmt, For):
                stmt, needed, behind = self.loop(stmt, sizes)
                made = [self.made(builder, sizes, array) for array in needed]
                builder.append(replace(stmt, init=(*stmt.init, *made)))
                builder.stmts += behind
            else:
                here = sizes
                stmt = map_regions(stmt, lambda b, here=here: self.outside(b, here))
                builder.append(stmt)
            self.note(stmt, sizes)
        return replace(block, stmts=tuple(builder.stmts))

    def note(self, stmt: Stmt, sizes: Sizes) -> None:
        """Note what the statement makes."""
        sizes.note(stmt.outs)
        if isinstance(stmt, Apply) and stmt.op in (zeros, zeros_like):
            self.zeros.update(stmt.outs)

    def fits(self, chain: Chain, around: Sizes) -> bool:
        """Whether the arrays that the chain needs may be made in front of the loop."""
        return all(
            around.there(dim) and (isinstance(dim, int) or self.last(dim)) for dim in chain.room
        )

    def blank(self, chain: Chain, loop: For) -> Blank | None:
        """The part of the chain's array that is zero when it begins, if it is the inner one."""
        if not loop.free:
            return None
        found = Blank.of(chain.members, loop, self.zeros)
        if found is None or any(f is not None for f in (*chain.hull.fixed, *found.part.fixed)):
            return None
        if any(chain.part(m) != found.part for m in chain.direct):
            return None
        least = [at_least(length) for length in chain.lengths(found.part)]
        fits = all(length is not None and length >= 0 for length in least)
        return found if fits and encloses(chain.hull.slices, found.part.slices) else None

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

    def loop(self, stmt: For, sizes: Sizes) -> tuple[For, list[_Carried], list[Apply]]:
        """The loop, still without what it begins with of the arrays that it needs, and what
        comes behind it.
        """
        body, found, left = self.inside(stmt, sizes)
        params = (*body.params, *(array.begin for array in found))
        made = carrying(stmt, (), [a.end for a in found], replace(body, params=params))
        outer = [
            replace(a, begin=Value(a.begin.type, a.begin.hint), end=end)
            for a, end in zip(found, made.carry[len(stmt.carry) :], strict=True)
        ]
        carry, behind = list(made.carry), list[Apply]()
        for k, part in left.items():
            if carry[k] in self.used:
                carry[k] = Value(carry[k].type, carry[k].hint)
                path, _ = part.path()
                attrs = freeze({"path": path})
                clear = Apply(update, (carry[k], const(0)), attrs, (stmt.carry[k],), stmt.loc)
                behind.append(clear)
        return replace(made, carry=tuple(carry)), outer, behind

    def inside(self, loop: For, around: Sizes) -> tuple[Block, list[_Carried], dict[int, Part]]:
        """The body of a loop, the arrays that it needs from `around` the loop, and the parts of
        what it carries that it leaves behind with something in them instead of zero.
        """
        block = loop.body
        sizes = around.inside()
        sizes.note(block.params)
        builder = Builder()
        carried: list[_Carried] = []
        chains = [c for c in chains_of(block) if self.fits(c, around)]
        blanks = {c: b for c in chains if (b := self.blank(c, loop)) is not None}
        apart = (c for c in chains if c not in blanks)
        windows = {c: w for c in apart if (w := Window.of(c, loop, self.lengths)) is not None}
        sums = _Sums(chains, blanks, windows, carried)
        for stmt in block.stmts:
            builder.loc = stmt.loc
            behind: list[Apply] = []
            if isinstance(stmt, For):
                stmt, needed, behind = self.loop(stmt, sizes)
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
            stmt = substitute_stmt(stmt, sums.names)
            if not sums.take(stmt, builder, sizes):
                builder.append(stmt)
            builder.stmts += behind
            self.note(stmt, sizes)
        results = tuple(rename(r, sums.names) for r in block.results)
        left = {b.left: b.part for b in blanks.values() if b.left is not None}
        return Block(block.params, tuple(builder.stmts), results), carried, left
