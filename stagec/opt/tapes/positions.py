"""Whether an index into a list is the number of the trip that stored the element.

The backward pass of a loop makes the same trips; its index, counted from 0, is then inside of
the list.  What was recorded is matched with what is computed again: expressions of the two
loops are equal if they are the same ops on equal operands.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stagec.ir.core import Apply, Effect, For, If, Operand, Stmt, Value, While, const, known
from stagec.ops.arithmetic import subtract
from stagec.ops.lists import list_append, list_get, list_length, list_new
from stagec.ops.rounding import floor_divide
from stagec.opt.tapes.webs import Program, Web, carried

Pairs = dict[For, "For | While"]
RECORDED = {list_new, list_append, list_get, list_length}


@dataclass(frozen=True, slots=True)
class Recorder:
    """A loop that appends one element to a list on each trip.

    The list is the carry with number `position`, and `root` the empty list before the loop.
    """

    web: Web
    loop: For | While
    position: int
    root: Apply
    append: Apply

    @property
    def param(self) -> Value:
        """The list at the start of a trip."""
        return carried(self.loop)[self.position]

    @property
    def carry(self) -> Value:
        """The list after the loop."""
        return self.loop.carry[self.position]


def recorder(program: Program, web: Web) -> Recorder | None:
    """The only loop that appends to the list, if it does so once on each trip."""
    if len(web.by(list_append)) != 1 or not web.uses.keys() <= RECORDED:
        return None
    (append,) = web.by(list_append)
    before = append.args[0]
    assert isinstance(before, Value)
    loop = program.maker.get(before)
    if not isinstance(loop, For | While) or program.home[append] is not loop.body:
        return None
    if before not in carried(loop):
        return None
    position = carried(loop).index(before)
    root = next((r for r in web.roots if r.out is loop.init[position]), None)
    if root is None or loop.body.results[position] is not append.out:
        return None
    return Recorder(web, loop, position, root, append)


@dataclass(slots=True)
class Positions:
    """Proves that indices are inside."""

    program: Program
    recorders: dict[Web, Recorder | None]

    def proven(self, get: Apply) -> Pairs | None:
        """The loops around the read matched with those that recorded; None: not known."""
        xs, index = get.args
        assert isinstance(xs, Value)
        found = self.recorders.get(self.program.webs[xs])
        if found is None:
            return None
        outer = self.program.maker.get(xs)
        pairs: Pairs | None = {}
        if isinstance(outer, Apply) and outer.op is list_get:
            pairs = self.proven(outer)
        elif xs is not found.carry:
            return None  # the list may have fewer elements here
        if pairs is None:
            return None
        loop = self.counted(index, found)
        if loop is None or not self.same_trips(loop, found.loop, pairs):
            return None
        return pairs | {loop: found.loop}

    def counted(self, index: Operand, found: Recorder) -> For | None:
        """The loop of whose trips the index is the number, in the order of the recorder."""
        if isinstance(found.loop, For) and found.loop.reverse and not found.loop.until:
            last, place = self.operands(index, subtract)
            length, one = self.operands(last, subtract)
            (measured,) = self.operands(length, list_length, 1)
            if one is None or known(one) != 1 or not isinstance(measured, Value):
                return None
            if self.program.webs.get(measured) is not found.web:
                return None
            return self.forward(place)
        return self.forward(index)

    def forward(self, index: Operand | None) -> For | None:
        """The loop of which the index is that of the trip, counted upwards from 0."""
        divided, step = self.operands(index, floor_divide)
        shifted, start = self.operands(divided or index, subtract)
        param = shifted or divided or index
        loop = self.program.maker.get(param) if isinstance(param, Value) else None
        if not isinstance(loop, For) or loop.until or param is not loop.body.params[0]:
            return None
        found = (const(0) if start is None else start, const(1) if step is None else step)
        return loop if found == (loop.lo, loop.step) else None

    def operands(
        self, value: Operand | None, op: object, count: int = 2
    ) -> tuple[Operand | None, ...]:
        """The operands of the op that computed the value; None if another did."""
        stmt = self.program.maker.get(value) if isinstance(value, Value) else None
        if not isinstance(stmt, Apply) or stmt.op is not op:
            return (None,) * count
        return stmt.args

    def same_trips(self, loop: For, recording: For | While, pairs: Pairs) -> bool:
        """Whether the loop makes as many trips."""
        if isinstance(recording, For) and not recording.until:
            bounds = zip(
                (loop.lo, loop.hi, loop.step),
                (recording.lo, recording.hi, recording.step),
                strict=True,
            )
            return all(self.equal(a, b, pairs) for a, b in bounds)
        if known(loop.lo) != 0 or known(loop.step) != 1 or recording.trips is None:
            return False
        counts = [recording.trips, *self.or_none(recording)]
        return any(self.equal(loop.hi, count, pairs) for count in counts)

    def or_none(self, recording: For | While) -> Iterator[Value]:
        """What is the number of trips of the loop, or 0 where a branch does not make it."""
        stmt: Stmt = recording
        count = recording.trips
        while isinstance(around := self.program.owner.get(self.program.home[stmt]), If):
            mine = around.then if self.program.home[stmt] is around.then else around.orelse
            other = around.orelse if mine is around.then else around.then
            if count not in mine.results:
                return
            position = mine.results.index(count)
            if known(other.results[position]) != 0:
                return
            count, stmt = around.outs[position], around
            yield count

    def equal(self, a: Operand, b: Operand, pairs: Pairs) -> bool:
        """Whether `a` is what `b` was in the matching trip."""
        if not isinstance(a, Value) or not isinstance(b, Value):
            return a == b
        if a is b:
            return True
        first, second = self.program.maker.get(a), self.program.maker.get(b)
        if isinstance(first, For) and first in pairs and pairs[first] is second:
            return isinstance(second, For) and self.same_index(a, b, pairs)
        if not isinstance(first, Apply):
            return False
        if first.op is list_get:
            return self.recorded(first, b, pairs)
        return (
            isinstance(second, Apply)
            and first.op is second.op
            and first.attrs == second.attrs
            and first.op.effect is Effect.NONE
            and first.outs.index(a) == second.outs.index(b)
            and len(first.args) == len(second.args)
            and all(
                self.equal(x, y, pairs) for x, y in zip(first.args, second.args, strict=True)
            )
        )

    def same_index(self, a: Value, b: Value, pairs: Pairs) -> bool:
        """Whether the two are the indices of loops over the same range, or of its start."""
        first, second = self.program.maker[a], self.program.maker[b]
        assert isinstance(first, For)
        assert isinstance(second, For)
        indices = a is first.body.params[0] and b is second.body.params[0]
        # trips of a loop that is left early are counted from its last index if it is reversed
        forwards = not (second.until and second.reverse)
        starts = self.equal(first.lo, second.lo, pairs)
        same = starts and self.equal(first.step, second.step, pairs)
        return indices and forwards and same

    def now(self, index: Value, get: Apply, pairs: Pairs) -> Value | None:
        """The loop index that the read has for an index of when the element was stored."""
        recording = self.program.maker[index]
        if recording in self.program.around(get):
            return index
        for loop, other in pairs.items():
            if other is recording and self.same_index(loop.body.params[0], index, pairs):
                return loop.body.params[0]
        return None

    def recorded(self, get: Apply, value: Value, pairs: Pairs) -> bool:
        """Whether the op reads what the value was in the matching trip."""
        xs = get.args[0]
        web = self.program.webs.get(xs) if isinstance(xs, Value) else None
        found = self.recorders.get(web) if web is not None else None
        if found is None or found.append.args[1] is not value:
            return False
        own = self.proven(get)
        return own is not None and own.items() <= pairs.items()
