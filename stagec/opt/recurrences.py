"""An element that the trip before has written is handed on in a variable.

    for j in ...:                        last = h[i, 0]
        h[i, j] = h[i, j - 1] + t  ->    for j in ...:
                                             last = last + t
                                             h[i, j] = last

Compiled code would write the number and read it again, and wait for the memory on each trip.
LLVM sees that by itself only in loops that cannot be left early, as checks of indices do.
The first element is read even where the loop makes no trip, so that its place must surely be
inside of the array.

Reference: D. Callahan, S. Carr and K. Kennedy, Improving register allocation for subscripted
variables, 1990.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from stagec.ir.build import Builder
from stagec.ir.core import Apply, For, Operand, Value, const, known, operand_of
from stagec.ir.function import Function
from stagec.ir.rebuild import carrying, map_operands
from stagec.ir.types import ArrayType, Size, Symbol, affine, replaced, size
from stagec.ir.walk import defined, rename
from stagec.ops.arithmetic import Handle
from stagec.ops.cast import to_numpy
from stagec.ops.index_bounds import Indices
from stagec.ops.indexing import read, read_at, update
from stagec.opt.elements import element_path
from stagec.opt.places import (
    Where,
    at_innermost,
    from_front,
    operands_of,
    touched,
    where_of,
    writes_number,
)


def recurrences(fn: Function) -> Function:
    """The function with variables for what one trip hands to the next."""
    return at_innermost(fn, _loop)


def _loop(indices: Indices, builder: Builder, stmt: For) -> None:
    for k in range(len(stmt.init) if known(stmt.step) in (1, -1) else 0):
        found = _Recurrence.of(indices, stmt, k)
        if found is not None:
            stmt = found.applied(builder)
    builder.append(stmt)


@dataclass(frozen=True, slots=True)
class _Recurrence:
    """The reads of the carry number `k` of what the trip before wrote with `write`.

    `first` are the indices of the element that the first trip reads.
    """

    loop: For
    k: int
    write: Apply
    reads: tuple[Apply, ...]
    first: tuple[tuple[Operand, int], ...]

    @classmethod
    def of(cls, indices: Indices, loop: For, k: int) -> _Recurrence | None:
        """What is handed on, if there is something."""
        kind = loop.body.params[1 + k].type
        if not isinstance(kind, ArrayType) or not kind.rank or not kind.inexact:
            return None
        found = touched(loop, k) or []
        writes = [s for s in found if s.op is not read]
        if len(writes) != 1 or writes[0].op is not update or not writes_number(writes[0]):
            return None
        (write,) = writes
        if indices.doubtful(write):
            return None
        at = _Counter.of(indices, loop)
        reads = [s for s in found if s.op is read and at is not None and at.follows(s, write)]
        places = {where_of(s) for s in reads}
        if at is None or len(places) != 1:
            return None
        first = at.first(places.pop(), loop.init[k])
        return None if first is None else cls(loop, k, write, tuple(reads), first)

    def applied(self, builder: Builder) -> For:
        """The loop with a variable; the first element is read before it."""
        loop, body = self.loop, self.loop.body
        builder.loc = loop.loc
        index = [operand_of(Handle(builder, o) + more) if more else o for o, more in self.first]
        path = element_path(len(index))
        start = operand_of(read_at(Handle(builder, loop.init[self.k]), path, *index))
        last = Value(start.type, "last")
        names: dict[Value, Operand] = {s.out: last for s in self.reads}
        inside = Builder()
        handed: Operand = last
        for s in body.stmts:
            assert isinstance(s, Apply)
            if s in self.reads:
                continue
            made = map_operands(s, lambda a: rename(a, names))
            assert isinstance(made, Apply)
            inside.loc = s.loc
            if s is self.write:
                handed = operand_of(to_numpy(Handle(inside, made.args[1])))
                made = replace(made, args=(made.args[0], handed, *made.args[2:]))
            inside.append(made)
        results = [rename(r, names) for r in body.results]
        return carrying(loop, (start,), (handed,), inside.block((*body.params, last), results))


@dataclass(frozen=True, slots=True)
class _Counter:
    """The index of a loop: the symbol that stands for it, what is added to it from trip to
    trip, and the bound it begins at, with what is added to that.
    """

    indices: Indices
    loop: For
    symbol: Symbol
    step: int
    begin: Operand
    more: int

    @classmethod
    def of(cls, indices: Indices, loop: For) -> _Counter | None:
        """The counter of the loop, whose step is 1 or -1."""
        at = indices.facts.of(loop.body.params[0])
        if not isinstance(at, Size):
            return None
        step = known(loop.step)
        if loop.reverse:
            return cls(indices, loop, at.terms[0][0], -step, loop.hi, -step)
        return cls(indices, loop, at.terms[0][0], step, loop.lo, 0)

    def follows(self, later: Apply, earlier: Apply) -> bool:
        """Whether a trip reads with the one op what the trip before wrote with the other."""
        written = from_front(self.indices, where_of(earlier))
        seen = from_front(self.indices, where_of(later))
        step = affine((size(self.symbol), 1), const=self.step)
        moves = any(isinstance(d, Size) and self.symbol in dict(d.terms) for d in written)
        return moves and all(
            affine((replaced(a, self.symbol, step), 1), (b, -1)) == 0
            for a, b in zip(seen, written, strict=True)
        )

    def first(self, place: Where, array: Operand) -> tuple[tuple[Operand, int], ...] | None:
        """The indices of the element on the first trip, each an integer that is there and what
        is added to it; None if they may be outside of the array.
        """
        facts = self.indices.facts
        begin = facts.of(self.begin)
        start = affine((begin, 1), const=self.more)
        dims = [replaced(d, self.symbol, start) for d in from_front(self.indices, place)]
        if not all(map(self.indices.surely_in, dims, self.indices.lengths_of(array))):
            return None
        inner = set(defined(self.loop.body))
        found: list[tuple[Operand, int]] = []
        for dim, operand in zip(dims, operands_of(place), strict=True):
            away = affine((dim, 1), (begin, -1))
            if isinstance(dim, int):
                found.append((const(dim), 0))
            elif operand not in inner:
                found.append((operand, 0))
            elif isinstance(away, int):
                found.append((self.begin, away))
            else:
                return None
        return tuple(found)
