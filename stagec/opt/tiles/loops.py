"""Loops of which a part of a long axis is one step: cut into what parts do, and the rest.

    for c in ...:                              for c in ...:       # for each part
        z = q[c] @ (x - mu[:, c])                  z = q[c] @ (x - mu[:, c])
        whole = np.sum(z, axis=1)      ->          wholes[c] += np.sum(z, axis=1)
        m[c] = whole @ q[c]                    for c in ...:       # behind all parts
                                                   m[c] = wholes[c] @ q[c]

A sum over the axis is kept for each trip, as it is there only when all parts are done.  What
needs it is done by a second loop; what both need and is small is computed in both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import TypeAlias

from stagec.ir.build import Builder, exact, freeze
from stagec.ir.core import Apply, Block, For, Operand, Stmt, Value, const
from stagec.ir.path import Arg, Index
from stagec.ir.types import ArrayType, rank_of
from stagec.ir.walk import counted, substitute, uses
from stagec.ops.creation import zeros
from stagec.ops.indexing import accumulate, read
from stagec.ops.paths import path_type
from stagec.ops.rounding import py_max
from stagec.opt.loop_products.first_call import FirstCall
from stagec.opt.tapes.sizes import Lengths, Unknown, room
from stagec.opt.tiles.axis import Axis

OWN = (Index((Arg(0),)),)  # the row of the trip
SORTS = ("rows", "total", "soon", "late")
MOST = 2**16  # numbers that are sums over the axis, for all trips: they stay near


@dataclass(slots=True)
class Cut:
    """A loop in two.

    Attributes
    ----------
    sums : what makes the arrays of zeros that hold the sums over the axis, for each trip.
    member : the loop over what is done with one part.
    along : its statements that have to do with the axis.
    rest : the loop over what needs the sums, behind all parts; None if nothing does.
    """

    sums: list[Stmt]
    member: For
    along: list[Apply]
    rest: For | None


Sort: TypeAlias = Callable[[Stmt, set[Operand], set[Operand]], str]


def cut(
    loop: For,
    axis: Axis,
    first: FirstCall,
    sort: Sort,
    lengths: Lengths,
    needed: set[Operand],
) -> Cut | None:
    """The loop in two, if it can be; may raise `Unknown`.

    `sort` says what a statement of the body is, given what is late in the body and what it
    makes along the axis: "rows", "total", "soon" (it needs no part, and is cheap) or "late".
     `needed` is what the block uses of its loops.
    """
    if not counted(loop) or loop.trips is not None:
        return None
    loop = passing(loop, needed)
    cutter = _Cutter(loop, axis, first)
    if not cutter.sorts(sort):
        return None
    return cutter.cut(lengths)


def passing(loop: For, needed: set[Operand]) -> For:
    """The loop without what it carries as it is, where nothing behind needs that."""
    trip, *params = loop.body.params
    results = loop.body.results
    pairs = list(zip(params, results, loop.carry, strict=True))
    kept = [k for k, (p, r, out) in enumerate(pairs) if p is not r or out in needed]
    if len(kept) == len(params):
        return loop
    names = {
        p: a for k, (p, a) in enumerate(zip(params, loop.init, strict=True)) if k not in kept
    }
    block = Block(
        (trip, *(params[k] for k in kept)), loop.body.stmts, tuple(results[k] for k in kept)
    )
    init = tuple(loop.init[k] for k in kept)
    carry = tuple(loop.carry[k] for k in kept)
    return replace(loop, init=init, carry=carry, body=substitute(block, names))


@dataclass(slots=True)
class _Cutter:
    """Cuts one loop.

    Attributes
    ----------
    first : what sizes were at the first call.
    made : what a trip makes along the axis, or carries.
    late : what needs sums over the axis.
    """

    loop: For
    axis: Axis
    first: FirstCall
    made: set[Operand] = field(default_factory=set["Operand"])
    late: set[Operand] = field(default_factory=set["Operand"])
    groups: dict[str, list[Stmt]] = field(default_factory=lambda: {s: [] for s in SORTS})

    @property
    def rows(self) -> list[int]:
        """The arrays along the axis that are carried."""
        return [k for k, a in enumerate(self.loop.init) if self.axis.of(a) is not None]

    @property
    def others(self) -> list[int]:
        """What else is carried."""
        return [k for k, a in enumerate(self.loop.init) if self.axis.of(a) is None]

    def sorts(self, sort: Sort) -> bool:
        """Sort the statements of the body; whether it can be cut so."""
        body = self.loop.body
        self.made.update(body.params[1 + k] for k in self.rows)
        self.late.update(body.params[1 + k] for k in self.others)
        for stmt in body.stmts:
            found = sort(stmt, self.late, self.made)
            self.groups[found].append(stmt)
            if found in ("total", "late"):
                self.late.update(stmt.outs)
            if found == "rows":
                self.made.update(stmt.outs)
            elif found != "total" and not self.made.isdisjoint(uses(stmt)):
                return False
        along = self.groups["rows"] or self.groups["total"]
        return bool(along) and all(map(self.lasting, range(len(self.loop.init))))

    def lasting(self, k: int) -> bool:
        """Whether what is carried lies along the axis for good, or never does."""
        loop, result = self.loop, self.loop.body.results[k]
        kinds = (loop.init[k], loop.body.params[1 + k], result, loop.carry[k])
        one = len(set(map(self.axis.of, kinds))) == 1
        return one and (result in self.made) == (k in self.rows)

    def cut(self, lengths: Lengths) -> Cut:
        """Write both loops."""
        builder = Builder(loc=self.loop.loc)
        totals = [s for s in self.groups["total"] if isinstance(s, Apply)]
        sums = [self.sum(builder, s, lengths) for s in totals]
        outs = [Value(s.type, s.hint) for s in sums]
        along = {*self.groups["rows"], *totals}
        ordered = [s for s in self.loop.body.stmts if isinstance(s, Apply) and s in along]
        return Cut(
            builder.stmts, self.member(totals, sums, outs), ordered, self.rest(totals, outs)
        )

    def member(self, totals: Sequence[Apply], sums: list[Value], outs: list[Value]) -> For:
        """The loop over what is done with one part."""
        loop, body, rows = self.loop, self.loop.body, self.rows
        within = Builder(loc=loop.loc)
        behind = set(self.groups["late"])
        within.stmts.extend(s for s in body.stmts if s not in behind)
        params, ends = [Value(s.type, s.hint) for s in sums], list[Value]()
        trip = body.params[0]
        for stmt, param in zip(totals, params, strict=True):
            args = (param, stmt.out, trip)
            ends += within.add(accumulate, args, {"path": OWN}, stmt.out.hint)
        block = within.block(
            (trip, *(body.params[1 + k] for k in rows), *params),
            (*(body.results[k] for k in rows), *ends),
        )
        init = (*(loop.init[k] for k in rows), *sums)
        return replace(
            loop, init=init, body=block, carry=(*(loop.carry[k] for k in rows), *outs)
        )

    def sum(self, builder: Builder, stmt: Apply, lengths: Lengths) -> Value:
        """Make the array of the sums that the statement gives, for all trips."""
        kind = stmt.out.type
        assert isinstance(kind, ArrayType)
        count, shape = self.first.integer(self.loop.hi), self.first.shape(stmt.out)
        if count is None or shape is None or count * prod(shape) > MOST:
            raise Unknown
        trips = self.loop.hi
        if exact(trips) is None:  # as a length of an array it may not be negative
            (trips,) = builder.add(py_max, (trips, const(0)), {})
        sizes = [trips, *(lengths.size(builder, dim, {}) for dim in kind.shape)]
        whole = room(builder, sizes, kind.shape, kind.dtype, stmt.out.hint, zeros)
        if path_type(whole.type, OWN, (self.loop.body.params[0].type,)) != kind:  # type: ignore[arg-type]
            raise Unknown
        return whole

    def rest(self, totals: Sequence[Apply], sums: list[Value]) -> For | None:
        """The loop behind all parts."""
        loop, body = self.loop, self.loop.body
        late = [s for s in body.stmts if s in self.groups["late"]]
        if not late and not self.others:
            return None
        within = Builder(loc=loop.loc)
        within.stmts.extend(self.groups["soon"])
        for stmt, whole in zip(totals, sums, strict=True):
            attrs = freeze({"path": OWN, "view": rank_of(stmt.out.type) > 0})
            within.append(Apply(read, (whole, body.params[0]), attrs, (stmt.out,), loop.loc))
        within.stmts.extend(late)
        others = self.others
        params = (body.params[0], *(body.params[1 + k] for k in others))
        block = within.block(params, [body.results[k] for k in others])
        init, carry = (loop.init[k] for k in others), (loop.carry[k] for k in others)
        return replace(loop, init=tuple(init), body=block, carry=tuple(carry))
