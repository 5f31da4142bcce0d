"""What each statement of a trip does: read from memory outside, compute, or write there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from stagec.ir.alias import path_operands
from stagec.ir.core import Apply, Block, Const, Cost, Effect, For, Operand, Value
from stagec.ir.origins import Origins
from stagec.ir.sharing import Memory, holds_memory
from stagec.ir.types import ArrayType
from stagec.ir.walk import defined, free_values, statements
from stagec.ops.creation import empty
from stagec.ops.indexing import accumulate, read, update
from stagec.opt.abreast.written_out import trips

LEAST = 64  # operations of a trip that are worth vectors
OFTEN = 4  # operations of a trip for each element that goes through memory twice
ROW = 8  # trips of a loop that LLVM makes vectors of as well
COSTLY = 24  # operations that an exponential or the like takes as long as,
UNROLLED = 4  # if there are no more of their operands in a loop: LLVM does not write out others
MOST = 2000  # statements of a trip that are compiled in reasonable time
ON_ARRAYS = (read, update, accumulate, empty)


class Unfit(Exception):
    """The trips of the loop cannot be done side by side."""


@dataclass(slots=True)
class Roles:
    """What the statements of a trip do.

    Attributes
    ----------
    counters : the loops around each statement, outermost first.
    made : the statement that computes a value, or the loop that counts it.
    reads : the statements that read elements of arrays outside, which another trip may read
        elsewhere.
    writes : the statements that write elements of arrays outside, with the parameter of the
        loop that the array is.
    views : the parts of arrays outside that trips look at, as rows are.
    first, last : what the first and the last loop need for reading and writing, those included.
    middle : what the loop in the middle does, besides reading and writing outside.
    """

    loop: For
    memory: Memory
    counters: dict[Apply, tuple[For, ...]] = field(
        default_factory=dict["Apply", "tuple[For, ...]"]
    )
    made: dict[Value, Apply | For] = field(default_factory=dict["Value", "Apply | For"])
    reads: dict[Apply, None] = field(default_factory=dict["Apply", None])
    writes: dict[Apply, Value] = field(default_factory=dict["Apply", Value])
    views: set[Operand] = field(default_factory=set["Operand"])
    first: set[Apply] = field(default_factory=set[Apply])
    middle: set[Apply] = field(default_factory=set[Apply])
    last: set[Apply] = field(default_factory=set[Apply])
    outside: frozenset[Value] = frozenset()

    def times(self, stmt: Apply) -> int:
        """How often a trip does the statement."""
        found = 1
        for loop in self.counters[stmt]:
            found *= trips(loop)
        return found

    def outer(self, operand: Operand) -> bool:
        """Whether the operand is an array from outside of the trip."""
        return not self.memory.read((operand,)).isdisjoint(self.outside)

    def asked_for(self, operand: Operand) -> bool:
        """Whether the operand is computed in a trip, and no array of its own."""
        return not holds_memory(operand) or operand in self.views

    def staged(self) -> list[Apply]:
        """The reads whose elements the loop in the middle needs, and what it computes."""
        needed = {v for s in self.middle for v in s.args}
        needed.update(s.args[1] for s in self.writes)
        needed.update(v for s in self.loops() for v in numbers(s))
        reads = [s for s in self.reads if s.out in needed]
        return [*reads, *(s for s in self.writes if isinstance(s.args[1], Value))]

    def loops(self) -> list[For]:
        """The loops of the body."""
        return list(dict.fromkeys(loop for found in self.counters.values() for loop in found))

    def worth(self) -> bool:
        """Whether so much is computed that vectors are worth the way through memory."""
        whole = sum(map(self.times, self.counters))
        moves = sum(map(self.times, self.staged()))
        alone = (s for s in self.middle if s.op not in ON_ARRAYS and not self.in_row(s))
        work = sum(self.times(s) * self.weight(s) for s in alone)
        return whole <= MOST and work >= max(LEAST, OFTEN * moves)

    def weight(self, stmt: Apply) -> int:
        """How many simple operations the statement takes as long as, where it is a vector's."""
        if stmt.cost is not Cost.COSTLY:
            return 1
        loops = self.counters[stmt]
        if not loops:
            return COSTLY
        inside = (s for s in statements(loops[-1].body) if isinstance(s, Apply))
        operands = sum(len(s.args) for s in inside if s.cost is Cost.COSTLY)
        return COSTLY if operands * trips(loops[-1]) <= UNROLLED else 1

    def in_row(self, stmt: Apply) -> bool:
        """Whether LLVM makes vectors of the loop around the statement."""
        loops = self.counters[stmt]
        return bool(loops) and trips(loops[-1]) >= ROW


def numbers(loop: For) -> Iterator[Value]:
    """The numbers that a loop begins with or hands on."""
    for operand in (*loop.init, *loop.body.results):
        if isinstance(operand, Value) and not holds_memory(operand):
            yield operand


def roles(loop: For, memory: Memory) -> Roles:
    """The roles of the statements of a loop; may raise `Unfit`."""
    body = loop.body
    found = Roles(loop, memory)
    around = (*free_values(body), *body.params[1:])
    found.outside = memory.read(around)
    origins = Origins.of_block(body)
    _sort(found, origins, body, ())
    read_there = memory.read(s.args[0] for s in found.reads)
    if not read_there.isdisjoint(memory.read(s.args[0] for s in found.writes)):
        raise Unfit
    if any(
        origins.root(r) is not p for p, r in zip(body.params[1:], body.results, strict=True)
    ):
        raise Unfit
    _first(found)
    _middle(found)
    return found


def _sort(found: Roles, origins: Origins, block: Block, around: tuple[For, ...]) -> None:
    for stmt in block.stmts:
        if isinstance(stmt, For):
            found.made[stmt.body.params[0]] = stmt
            _sort(found, origins, stmt.body, (*around, stmt))
            continue
        assert isinstance(stmt, Apply)
        if len(stmt.outs) > 1 or stmt.op.effect is Effect.ORDERED:
            raise Unfit
        found.counters[stmt] = around
        found.made.update(dict.fromkeys(stmt.outs, stmt))
        _memory(found, origins, stmt)


def _memory(found: Roles, origins: Origins, stmt: Apply) -> None:
    """Say what the statement does with memory, and whether that is for elements."""
    here = {*free_values(found.loop.body), *found.loop.body.params[1:], *found.views}
    written = (stmt.args[stmt.op.overwrites],) if stmt.op.overwrites is not None else ()
    if any(found.outer(a) and a not in here and a not in written for a in stmt.args):
        raise Unfit  # another name of an array from outside
    arrays = [a for k, a in enumerate(stmt.args) if holds_memory(a) and k not in stmt.op.shapes]
    if stmt.op is empty:
        kind = stmt.out.type
        assert isinstance(kind, ArrayType)
        if not all(isinstance(dim, int) for dim in kind.shape):
            raise Unfit
        return
    if not arrays and not any(map(holds_memory, stmt.outs)):
        return
    if stmt.op not in (read, update, accumulate) or arrays != [stmt.args[0]]:
        raise Unfit
    if stmt.op is read and holds_memory(stmt.out):
        if not found.outer(arrays[0]):
            raise Unfit
        found.views.add(stmt.out)
        return
    if not found.outer(arrays[0]):
        return
    if stmt.op is read:
        found.reads[stmt] = None
        return
    root = origins.first(stmt.args[0])
    root = dict(zip(found.loop.init, found.loop.body.params[1:], strict=True)).get(root, root)
    if root not in found.loop.body.params[1:]:
        raise Unfit
    assert isinstance(root, Value)
    found.writes[stmt] = root


def needed(found: Roles, starts: list[Operand]) -> Iterator[Apply]:
    """The ops on numbers that compute what is asked for; may raise `Unfit`."""
    asked, seen = list(starts), set[Apply]()
    within = set(defined(found.loop.body))
    index = found.loop.body.params[0]
    while asked:
        value = asked.pop()
        if isinstance(value, Const) or value is index:
            continue
        assert isinstance(value, Value)
        stmt = found.made.get(value)
        if stmt is None and value in within:
            raise Unfit  # a number that an inner loop carries
        if not isinstance(stmt, Apply) or stmt in seen:
            continue
        if stmt.op in ON_ARRAYS and stmt not in found.reads and stmt.out not in found.views:
            raise Unfit  # from an array of the trip
        seen.add(stmt)
        yield stmt
        asked += [a for a in stmt.args if found.asked_for(a)]


def fails(stmt: Apply) -> bool:
    """Whether the statement may raise in a kernel, where indices are checked apart."""
    return stmt.raises and stmt.op not in ON_ARRAYS


def _first(found: Roles) -> None:
    raising = [s for s in found.counters if fails(s)]
    starts = [a for s in (*found.reads, *raising) for a in s.args if found.asked_for(a)]
    found.first = {*found.reads, *raising, *needed(found, starts)}
    where = [a for s in found.writes for a in path_operands(s)]
    found.last = {*found.writes, *needed(found, where)}
    if any(fails(s) or s in found.reads for s in found.last):
        raise Unfit


def _middle(found: Roles) -> None:
    """All that is neither read nor checked; of what is needed for that, what else needs it."""
    found.middle = {s for s in found.counters if s not in found.first and s not in found.writes}
    wanted = {a for s in found.middle for a in s.args}
    wanted |= {s.args[1] for s in found.writes}
    wanted |= {v for s in found.loops() for v in numbers(s)}
    for stmt in reversed(found.counters):
        if stmt not in found.first or stmt in found.reads or wanted.isdisjoint(stmt.outs):
            continue
        if fails(stmt):
            raise Unfit
        found.middle.add(stmt)
        wanted.update(stmt.args)
