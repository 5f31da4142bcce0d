"""Additions to shifted parts of one array that belong together."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from stagec.ir.chains import mentioned
from stagec.ir.core import Apply, Block, Stmt, Value
from stagec.ir.types import ArrayType, Dim, affine, at_least, same_shape
from stagec.ops.indexing import accumulate, read
from stagec.opt.parts import Part


@dataclass(slots=True, eq=False)
class Chain:
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


def chains_of(block: Block) -> list[Chain]:
    """The additions of the block that belong together and are worth a sum."""
    used = Counter(mentioned(block))
    found: list[Chain] = []
    for stmt in block.stmts:
        part = _candidate(stmt)
        if part is None:
            continue
        assert isinstance(stmt, Apply)
        base = stmt.args[0]
        alone = isinstance(base, Value) and used[base] == 1 and stmt.args[1] is not base
        chain = next((c for c in found if alone and c.takes(stmt, part)), None)
        if chain is None:
            found.append(Chain([stmt], [part]))
        else:
            chain.members.append(stmt)
            chain.parts.append(part)
    return [c for c in found if len(c.members) > 2 and c.choose(block)]
