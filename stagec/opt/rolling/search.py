"""Which arrays can be kept as a few rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from stagec.ir.alias import path_of, path_operands
from stagec.ir.chains import mentioned
from stagec.ir.core import Apply, Block, For, known
from stagec.ir.path import Arg, Index, NewAxis
from stagec.ir.types import ArrayType, Dim, Symbol, affine
from stagec.ops.creation import empty_like, ones_like, zeros_like
from stagec.ops.index_facts import MADE, IndexFacts
from stagec.ops.indexing import accumulate, read, update
from stagec.opt.contract import natural
from stagec.opt.siblings.accesses import followed

WRITES = (update, accumulate)
WIDEST = 3  # rows that a trip needs at most: more are hardly worth handing on


@dataclass(frozen=True, slots=True)
class Rows:
    """An array of which each trip of a loop needs neighbouring rows only.

    Attributes
    ----------
    made : what makes it.
    loop, at : the loop, and which of the values that it carries the array is.
    axis : the axis of the rows, which they lose.
    kind : the type of a row.
    direction : 1 if the index of the loop rises, -1 if it falls.
    fresh : the row that no trip before has used, as are all of these by how far they are from
        the index of the loop.
    carried : the rows that trips before have used.
    places : which row each op on the array is about; before the loop, as seen from the first
        trip, and behind it, from one more.
    """

    made: Apply
    loop: For
    at: int
    axis: int
    kind: ArrayType
    direction: int
    fresh: int
    carried: Sequence[int]
    places: Mapping[Apply, int]


@dataclass(frozen=True, slots=True)
class Search:
    """Looks for arrays.

    `facts` is what is known of integers, `given` are the symbols that may be negative.
    """

    facts: IndexFacts
    given: Collection[Symbol]

    def found(self, block: Block) -> Rows | None:
        """An array of the block that can be kept as rows."""
        made = {s.out: s for s in block.stmts if isinstance(s, Apply) and _makes(s)}
        if not made:
            return None
        writes = {s.out: s for s in block.stmts if isinstance(s, Apply) and s.op in WRITES}
        used = Counter(mentioned(block))
        for loop in block.stmts:
            for at, value in enumerate(loop.init if isinstance(loop, For) else ()):
                assert isinstance(loop, For)
                before: list[Apply] = []
                while value in writes and used[value] == 1:
                    before.append(writes[value])
                    value = writes[value].args[0]
                reads = (s for s in block.stmts if isinstance(s, Apply) and s.op is read)
                behind = [s for s in reads if s.args[0] is loop.carry[at]]
                if value in made and used[value] == 1 and used[loop.carry[at]] == len(behind):
                    rows = self.rows(made[value], loop, at, before, behind)
                    if rows is not None:
                        return rows
        return None

    def rows(
        self,
        made: Apply,
        loop: For,
        at: int,
        before: Sequence[Apply],
        behind: Sequence[Apply],
    ) -> Rows | None:
        """The rows that the loop needs of the array; None if it may need others.

        `before` is what writes to it in front of the loop, `behind` what reads from it then.
        """
        found = followed(loop, {loop.body.params[1 + at]})
        kind, step = made.out.type, known(loop.step)
        assert isinstance(kind, ArrayType)
        if loop.until or loop.trips is not None or step not in (1, -1) or found is None:
            return None
        inside = found.found
        if found.measured or not all(map(_simple, (*inside, *before, *behind))):
            return None
        if not all(natural(dim, self.given) for dim in kind.shape):
            return None
        frame = _Frame(made, loop, at, inside, before, behind)
        axes = range(kind.rank)
        return next((r for axis in axes if (r := self.along(frame, axis)) is not None), None)

    def along(self, frame: _Frame, axis: int) -> Rows | None:
        """The rows along one axis; None if there are none."""
        loop, kind, facts = frame.loop, frame.made.out.type, self.facts
        assert isinstance(kind, ArrayType)
        dim = kind.shape[axis]
        index = facts.of(loop.body.params[0])
        far = {s: _int(affine((self.row(s, axis), 1), (index, -1))) for s in frame.inside}
        places = {s: at for s, at in far.items() if at is not None}
        low, high = min(places.values(), default=0), max(places.values(), default=0)
        short = isinstance(dim, int) and dim <= high - low + 1
        if len(places) < len(far) or not 0 < high - low < WIDEST or short:
            return None
        rising = (known(loop.step) == 1) is not loop.reverse
        first, last = _ends(facts.of(loop.lo), facts.of(loop.hi), known(loop.step))
        inner = affine((first, 1), const=low), affine((dim, 1), (last, -1), const=-1 - high)
        if not all(map(facts.holds, inner)):
            return None  # an index that is outside has to raise
        carried = range(low, high) if rising else range(low + 1, high + 1)
        begin = first if rising else last
        end = affine((last, 1), const=1) if rising else affine((first, 1), const=-1)
        for stmts, index in ((frame.before, begin), (frame.behind, end)):
            for stmt in stmts:
                row = self.row(stmt, axis)
                at = _int(affine((row, 1), (index, -1)))
                inner = row, affine((dim, 1), (row, -1), const=-1)
                if at is None or at not in carried or not all(map(facts.holds, inner)):
                    return None
                places[stmt] = at
        # a loop without a trip leaves the rows that it begins with
        if frame.behind and not facts.holds(affine((last, 1), (first, -1), const=1)):
            return None
        return Rows(
            frame.made,
            loop,
            frame.at,
            axis,
            replace(kind, shape=(*kind.shape[:axis], *kind.shape[axis + 1 :])),
            1 if rising else -1,
            high if rising else low,
            carried,
            places,
        )

    def row(self, stmt: Apply, axis: int) -> Dim:
        """The index of the row that the op is about; None if that is not one row."""
        path, kind = path_of(stmt), stmt.args[0].type
        assert path is not None
        assert isinstance(kind, ArrayType)
        (step,) = path
        assert isinstance(step, Index)
        item = step.items[axis] if axis < len(step.items) else None
        if isinstance(item, int):
            return item if item >= 0 else affine((kind.shape[axis], 1), const=item)
        return (
            self.facts.of(path_operands(stmt)[item.position]) if isinstance(item, Arg) else None
        )


@dataclass(frozen=True, slots=True)
class _Frame:
    """An array that a loop carries at `at`, and the ops on it inside of the loop, before and
    behind it.
    """

    made: Apply
    loop: For
    at: int
    inside: Sequence[Apply]
    before: Sequence[Apply]
    behind: Sequence[Apply]


def _makes(stmt: Apply) -> bool:
    """Whether the op makes an array with rows that are all alike."""
    kind = stmt.out.type if len(stmt.outs) == 1 else None
    numbers = all(isinstance(a.type, ArrayType) and not a.type.rank for a in stmt.args)
    alike = (stmt.op in MADE and numbers) or stmt.op in (zeros_like, ones_like, empty_like)
    return alike and isinstance(kind, ArrayType) and kind.rank > 1


def _simple(stmt: Apply) -> bool:
    """Whether the op reads elements or writes to them, at integers and slices."""
    path = path_of(stmt)
    kinds = [a.type for a in path_operands(stmt)]
    return (
        (stmt.op is read or stmt.op in WRITES)
        and path is not None
        and len(path) == 1
        and isinstance(path[0], Index)
        and not any(isinstance(item, NewAxis) for item in path[0].items)
        and all(isinstance(k, ArrayType) and not k.rank and k.dtype.kind in "iu" for k in kinds)
    )


def _ends(lo: Dim, hi: Dim, step: int) -> tuple[Dim, Dim]:
    """The smallest and the largest index of the loop, if it makes a trip."""
    return (lo, affine((hi, 1), const=-1)) if step == 1 else (affine((hi, 1), const=1), lo)


def _int(dim: Dim) -> int | None:
    return dim if isinstance(dim, int) else None
