"""Lengths as sums of integers of the program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from stagec.ir.build import Builder
from stagec.ir.core import Apply, For, Operand, Stmt, Value, const, known
from stagec.ir.types import ArrayType, Dim, Size, Symbol, affine, at_least, size
from stagec.ir.walk import rename
from stagec.ops.arithmetic import add, subtract
from stagec.ops.extent import extent
from stagec.opt.scalarise.sizes import Sizes
from stagec.opt.tapes.trips import Trips


@dataclass(slots=True)
class Counts:
    """The lengths of lists and the indices of loops, as sums of integers.

    Attributes
    ----------
    names : what the values of the function have become.
    trips : how many trips loops make.
    sums : the sum that an integer is.
    parts : the integers that the symbols stand for.
    ranges : the least and the largest value of an index.
    lengths : what symbols of the program's types are.
    made : the numbers of trips by the bounds of their loops.
    """

    names: dict[Value, Operand]
    trips: Trips = field(init=False)
    sums: dict[Operand, Dim] = field(default_factory=dict["Operand", "Dim"])
    parts: dict[Dim, Operand] = field(default_factory=dict["Dim", "Operand"])
    ranges: dict[Symbol, tuple[Dim, Dim]] = field(
        default_factory=dict["Symbol", "tuple[Dim, Dim]"]
    )
    lengths: dict[Symbol, Dim] = field(default_factory=dict["Symbol", "Dim"])
    made: dict[tuple[Operand, ...], Dim] = field(
        default_factory=dict["tuple[Operand, ...]", "Dim"]
    )

    def __post_init__(self) -> None:
        self.trips = Trips(self.names)

    def symbol(self, operand: Operand) -> Dim:
        """The sum of one integer, which is never negative."""
        number = known(operand)
        if number is not None:
            return int(number)
        if operand not in self.sums:
            one = size(Symbol(f"__count{len(self.sums)}", unit=True))
            self.sums[operand] = one
            self.parts[one] = operand
        return self.sums[operand]

    def axis(self, builder: Builder, array: Operand) -> Dim:
        """The length of the array's first axis."""
        kind = array.type
        assert isinstance(kind, ArrayType)
        dim = kind.shape[0]
        if isinstance(dim, int):
            return dim
        if isinstance(dim, Size) and not dim.const and len(dim.terms) == 1:
            ((symbol, factor),) = dim.terms
            if factor == 1 and symbol in self.lengths:
                return self.lengths[symbol]
        return self.symbol(builder.add(extent, (array,), {"axis": 0})[0])

    def count(self, builder: Builder, loop: For) -> Dim:
        """How many trips the loop makes."""
        return self.trip_count(builder, (loop.lo, loop.hi, loop.step))

    def trip_count(self, builder: Builder, given: tuple[Operand, ...]) -> Dim:
        """The length of a range with these bounds."""
        bounds = tuple(rename(v, self.names) for v in given)
        lo, hi, step = bounds
        if (known(lo), known(step)) == (0, 1) and hi in self.sums:
            return self.sums[hi]
        if bounds not in self.made:
            self.made[bounds] = self.symbol(self.sized(builder, bounds))
        return self.made[bounds]

    def repeats(self, builder: Builder, operand: Operand, makers: Mapping[Value, Stmt]) -> Dim:
        """How long a list is that repeats one element so many times."""
        stmt = makers.get(operand) if isinstance(operand, Value) else None
        summed = isinstance(stmt, Apply) and stmt.op in (add, subtract)
        for part in stmt.args if summed else (operand,):  # type: ignore[union-attr]
            if isinstance(part, Value) and self.trips.is_size(part):
                self.symbol(rename(part, self.names))
        found = self.of(operand, makers)
        if found is not None and self.never_less(found, 0):
            return found
        return self.trip_count(builder, (const(0), operand, const(1)))

    def sized(self, builder: Builder, bounds: tuple[Operand, ...]) -> Operand:
        """The length of a range, as an integer that is known to be a size."""
        found = self.trips.length(builder, bounds)
        kind, made = found.type, builder.stmts[-1] if builder.stmts else None
        assert isinstance(kind, ArrayType)
        if kind.size is not None or not isinstance(made, Apply) or made.outs != (found,):
            return found
        symbol = Symbol(f"__trips{len(self.parts)}", unit=True)
        out = Value(replace(kind, size=size(symbol)))
        builder.stmts[-1] = replace(made, outs=(out,))
        return out

    def index(self, builder: Builder, loop: For, count: Dim) -> Dim:
        """The number of the trip, at its start, in the order in which they are made."""
        param = loop.body.params[0]
        lo, step = (known(rename(v, self.names)) for v in (loop.lo, loop.step))
        least = lo if lo is not None and lo >= 0 and step == 1 else None
        index = self.symbol(self.trips.number(builder, loop) if least is None else param)
        assert isinstance(index, Size)
        ((symbol, _),) = index.terms
        bound = None
        if least is not None:  # what is known of the bound tells more than the number of trips
            made = self.made.get((const(0), rename(loop.hi, self.names), const(1)))
            bound = self.of(loop.hi, {}) or made
        least = least or 0
        high = affine((count, 1), const=least) if bound is None else bound
        self.ranges[symbol] = (least, affine((high, 1), const=-1))
        number = affine((index, 1), const=-least)
        return affine((count, 1), (number, -1), const=-1) if loop.reverse else number

    def of(self, operand: Operand, makers: Mapping[Value, Stmt]) -> Dim:
        """The sum that an integer of the program is, made of what is known; None: not known."""
        number = known(operand)
        if number is not None:
            return int(number)
        now = rename(operand, self.names)
        if now in self.sums:
            return self.sums[now]
        stmt = makers.get(operand) if isinstance(operand, Value) else None
        if not isinstance(stmt, Apply) or stmt.op not in (add, subtract):
            return None
        first, second = (self.of(a, makers) for a in stmt.args)
        return affine((first, 1), (second, 1 if stmt.op is add else -1))

    def least(self, dim: Dim) -> int | None:
        """A lower bound of the sum."""
        for _ in range(len(self.ranges)):
            if not isinstance(dim, Size):
                break
            found = next((p for p in dim.terms if p[0] in self.ranges), None)
            if found is None:
                break
            symbol, factor = found
            low, high = self.ranges[symbol]
            dim = affine(
                (dim, 1), (size(symbol), -factor), (low if factor > 0 else high, factor)
            )
        return at_least(dim)

    def never_less(self, dim: Dim, least: int) -> bool:
        """Whether the sum is known to be as large."""
        found = self.least(dim)
        return found is not None and found >= least

    def value(self, builder: Builder, dim: Dim) -> Operand:
        """The sum as an integer."""
        found = Sizes({}, self.parts).value(builder, dim)
        self.sums.setdefault(found, dim)
        return found
