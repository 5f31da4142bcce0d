"""How many trips loops make, and which one they are in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from stagec.ir.build import Builder
from stagec.ir.core import For, Operand, Value, While, const, known, operand_of
from stagec.ir.types import ArrayType, Symbol, at_least
from stagec.ir.walk import rename
from stagec.ops.arithmetic import Handle
from stagec.ops.extent import range_length
from stagec.ops.rounding import floor_divide, py_max


@dataclass(slots=True)
class Trips:
    """The trips of the loops of a function that is being rewritten.

    Attributes
    ----------
    names : what its values have become.
    given : symbols of integers that the caller passes, which may be negative.
    counts : how many trips those loops make that have been asked for.
    numbers : the number of the trip in each of these loops, counted in the order of `range`.
    """

    names: dict[Value, Operand]
    given: set[Symbol] = field(default_factory=set["Symbol"])
    counts: dict[For | While, Operand] = field(default_factory=dict["For | While", "Operand"])
    numbers: dict[For | While, Operand] = field(default_factory=dict["For | While", "Operand"])

    def count(self, builder: Builder, loop: For | While) -> Operand:
        """The number of trips of a counted loop, before it."""
        assert isinstance(loop, For)
        if loop not in self.counts:
            bounds = [rename(v, self.names) for v in (loop.lo, loop.hi, loop.step)]
            self.counts[loop] = self.length(builder, bounds)
        return self.counts[loop]

    def length(self, builder: Builder, bounds: Sequence[Operand]) -> Operand:
        """The length of a range."""
        lo, hi, step = bounds
        numbers = [known(b) for b in bounds]
        if None not in numbers:
            return const(len(range(*numbers)))
        if known(step) != 1:
            return builder.add(range_length, bounds, {})[0]
        count = hi
        if known(lo) != 0:
            count = operand_of(Handle(builder, hi) - Handle(builder, lo))
        return count if self.is_size(count) else builder.add(py_max, (count, const(0)), {})[0]

    def is_size(self, operand: Operand) -> bool:
        """Whether the integer is known to be a size."""
        kind = operand.type
        size = kind.size if isinstance(kind, ArrayType) else None
        least = at_least(size)
        own = size is not None and self.given.isdisjoint(s for s, _ in size.terms)
        return own and least is not None and least >= 0

    def enter(self, builder: Builder, stmt: For) -> None:
        """Find the number of the trip, at its start, if the loop's count is asked for."""
        if stmt not in self.counts:
            return
        self.numbers[stmt] = self.number(builder, stmt)

    def number(self, builder: Builder, stmt: For) -> Operand:
        """The number of the trip, counted in the order of `range`, at its start."""
        index = Handle(builder, stmt.body.params[0])
        lo, step = (rename(v, self.names) for v in (stmt.lo, stmt.step))
        if known(lo) != 0:
            index = index - Handle(builder, lo)
        if known(step) != 1:
            index = floor_divide(index, Handle(builder, step))
        return operand_of(index)

    def turn(self, builder: Builder, loop: For | While) -> Operand:
        """The number of the trip in the order in which they are made."""
        trip = self.numbers.get(loop, const(0))
        if loop not in self.counts or not isinstance(loop, For) or not loop.reverse:
            return trip
        last = Handle(builder, self.counts[loop]) - 1
        return operand_of(last - Handle(builder, trip))
