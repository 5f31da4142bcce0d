"""Two loops over one range as one loop, where each trip needs only what its own index made."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Set as AbstractSet
from dataclasses import dataclass, replace
from enum import Enum, auto

from stagec.ir.core import Apply, Block, Cost, For, Operand, Value
from stagec.ir.types import ArrayType, rank_of
from stagec.ir.walk import free_values, statements, substitute
from stagec.opt.siblings.accesses import followed, own_axes


@dataclass(frozen=True, slots=True)
class Column:
    """What the joined loop carries: one array or number."""

    init: Operand
    param: Value
    result: Operand  # of a trip
    out: Value


class Kind(Enum):
    """What two loops do in their trips.

    ROWS: they have loops inside, which read an element several times.  STEPS: they run one trip
    after the other.  VECTORS: any others, which a machine may run several trips of at once.
    BESIDE: only one of them has loops inside.
    """

    ROWS = auto()
    BESIDE = auto()
    STEPS = auto()
    VECTORS = auto()


def joined(
    first: For,
    second: For,
    later: Collection[Operand],
    kind: Kind,
    outside: AbstractSet[Value],
) -> For | None:
    """One loop that does the trips of both, one of each in turn; None: not the same.

    `second` runs directly after `first`, over the same range, whose indices are not negative.
    `later` is what others than `second` use, `outside` the results of reads and writes whose
    index may be outside of the array.
    """
    found = _Join(first, second, later)
    return found.loop() if found.right() and found.worth(kind, outside) else None


def related(first: For, second: For, depends: bool) -> bool:
    """Whether the loops may become one, whatever else stands between them or joins them before.

    `depends`: the second one needs what is computed from results of the first one; else it is
    worth it only if both read an array.  It is asked for all pairs of loops.
    """
    pair = _Join(first, second, ())
    if depends:
        return all(map(pair.flows, range(len(first.carry))))
    return any(rank_of(v.type) > 0 for v in pair.free[0] if v in pair.free[1])


class _Join:
    """Two loops, and what the second one has of the first one."""

    def __init__(self, first: For, second: For, later: Collection[Operand]) -> None:
        self.first, self.second, self.later = first, second, later
        self.free = [free_values(loop.body) for loop in (first, second)]
        self.related = False

    def right(self) -> bool:
        """Whether the joined loop computes the same, without a copy."""
        bounds = {self.second.lo, self.second.hi, self.second.step}
        if not bounds.isdisjoint(self.first.outs):
            return False
        flows = all(map(self.flows, range(len(self.first.carry))))
        return flows and all(map(self.begins, self.second.init))

    def flows(self, position: int) -> bool:
        """Whether a result of the first loop may be used trip by trip."""
        out = self.first.carry[position]
        versions = self.versions(out)
        if not versions:
            return True
        if not isinstance(out.type, ArrayType) or not out.type.rank:
            return False
        if out in self.second.init and (out in self.later or self.second.init.count(out) > 1):
            return False
        self.related = True
        param = self.first.body.params[1 + position]
        return bool(own_axes(self.first, {param}) & own_axes(self.second, versions))

    def versions(self, value: Value) -> set[Value]:
        """The values that stand for an array in the second loop."""
        pairs = zip(self.second.init, self.second.body.params[1:], strict=True)
        found = {param for init, param in pairs if init is value}
        return found | ({value} if value in self.free[1] else set())

    def begins(self, init: Operand) -> bool:
        """Whether the second loop may begin to write to the array while the first one runs."""
        if not isinstance(init, Value) or init in self.first.carry:
            return True
        if init in self.first.init:
            return not isinstance(init.type, ArrayType) or not init.type.rank
        if init not in self.free[0] or getattr(init.type, "rank", 1) == 0:
            return True
        if self.second.init.count(init) > 1 or init in self.free[1]:
            return False
        return bool(own_axes(self.first, {init}) & own_axes(self.second, self.versions(init)))

    def worth(self, kind: Kind, outside: AbstractSet[Value]) -> bool:
        """Whether the joined loop is faster, and raises what the two raise.

        Where a trip reads what it has written itself, neither is done in the end.
        """
        if kind is Kind.ROWS:
            return self.reuses(2)
        if kind is Kind.BESIDE:
            worth = bool(self.spared()) and _cheap(self.first) and _cheap(self.second)
        else:
            worth = self.reuses(1) if kind is Kind.STEPS else self.spares()
        return worth and all(outside.isdisjoint(s.outs) for s in self.handed())

    def handed(self) -> Iterator[Apply]:
        """How both loops use what the first one hands to the second, and no one else; if they
        do costly work, also what others need: with elements of two rows that may be one LLVM
        vectorises nothing.
        """
        cheap = _cheap(self.first) and _cheap(self.second)
        for out, param in zip(self.first.carry, self.first.body.params[1:], strict=True):
            versions = self.versions(out)
            if versions and not (cheap and out in self.second.init):
                for found in (followed(self.first, {param}), followed(self.second, versions)):
                    yield from found.found if found else ()

    def reuses(self, rank: int) -> bool:
        """Whether the second loop reads what the first one made or read on the same trip, of
        arrays of this rank at least.
        """
        return self.related or any(
            rank_of(value.type) >= rank
            and own_axes(self.first, {value}) & own_axes(self.second, {value})
            for value in self.free[0]
            if value in self.free[1]
        )

    def spares(self) -> bool:
        """Whether an array is not needed any more that hands elements from trip to trip.

        Trips of costly work that depend on no others, which a machine does several at a time,
        stay apart from those that do.
        """
        alone = _apart(self.second) or not _apart(self.first) or _cheap(self.first)
        return alone and bool(self.spared())

    def spared(self) -> list[Value]:
        """The arrays that hand elements from trip to trip, and are not needed any more."""
        known = (*self.later, *self.second.init)
        return [v for v in self.first.carry if v in self.free[1] and v not in known]

    def loop(self) -> For:
        """The joined loop."""
        first, second = self.first, self.second
        starts: dict[Value, Operand] = {
            init: param
            for init, param in zip(second.init, second.body.params[1:], strict=True)
            if isinstance(init, Value) and init in self.free[0] and _array(init)
        }
        before = substitute(first.body, starts)
        names: dict[Value, Operand] = {second.body.params[0]: before.params[0]}
        names |= zip(first.carry, before.results, strict=True)
        columns: dict[Operand, Column] = {
            out: Column(init, param, result, out)
            for init, param, result, out in zip(
                first.init, before.params[1:], before.results, first.carry, strict=True
            )
        }
        for init, param, out in zip(
            second.init, second.body.params[1:], second.carry, strict=True
        ):
            column = columns.pop(init, None)
            if column is None:
                columns[out] = Column(init, param, out, out)
            else:
                names[param] = column.result
                columns[out] = Column(column.init, column.param, out, out)
        after = substitute(second.body, names)
        ends: dict[Operand, Operand] = dict(zip(second.carry, after.results, strict=True))
        rows = columns.values()
        results = tuple(ends.get(c.out, c.result) for c in rows)
        params = (before.params[0], *(c.param for c in rows))
        return replace(
            first,
            init=tuple(c.init for c in rows),
            body=Block(params, before.stmts + after.stmts, results),
            carry=tuple(c.out for c in rows),
        )


def _apart(loop: For) -> bool:
    """Whether trips use no place that another trip uses of the arrays that are written to."""
    return all(own_axes(loop, {p}) for p in loop.body.params[1:] if _array(p))


def _cheap(loop: For) -> bool:
    """Whether no op of the loop is one that is better stored than done again."""
    ops = (s for s in statements(loop.body) if isinstance(s, Apply))
    return all(s.cost is not Cost.COSTLY for s in ops)


def _array(value: Value) -> bool:
    return isinstance(value.type, ArrayType) and value.type.rank > 0
