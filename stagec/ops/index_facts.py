"""What is known of integers: loop indices and what is computed from them.

They are followed as affine expressions of sizes and of loop indices, each of which is a symbol
with a range of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from stagec.ir.core import Apply, Const, For, Operand, Value
from stagec.ir.lowering import is_integer
from stagec.ir.path import Arg
from stagec.ir.types import (
    ArrayType,
    Dim,
    Size,
    Symbol,
    affine,
    at_least,
    clipped,
    replaced,
    size,
)
from stagec.ops.creation import empty, ones, zeros
from stagec.ops.extent import CHECKS, distance, extent, from_start
from stagec.ops.filling import full
from stagec.ops.rounding import py_min

MADE = (empty, zeros, ones, full)  # of lengths that are never negative, or they fail


def given_sizes(params: Iterable[Value]) -> set[Symbol]:
    """The symbols of integer parameters, which need not be sizes; those of arrays are."""
    return {
        s
        for p in params
        if isinstance(p.type, ArrayType) and p.type.size is not None and not p.type.rank
        for s, _ in p.type.size.terms
        if s.unit
    }


@dataclass(slots=True)
class IndexFacts:
    """What is known of integers.

    Attributes
    ----------
    given : the symbols that need not be sizes.
    prefix : what the names of symbols begin with.
    exact : integers as expressions.
    ranges : the smallest and the largest value of each loop index, of inner loops last.
    values : the loop index that each symbol stands for.
    equal : what sizes are equal to: what they were compared with, or arrays were made with.
    apart : distances, where they are not 0.
    """

    given: set[Symbol]
    prefix: str
    exact: dict[Value, Dim] = field(default_factory=dict[Value, Dim])
    ranges: dict[Symbol, tuple[Dim, Dim]] = field(default_factory=dict[Symbol, tuple[Dim, Dim]])
    values: dict[Symbol, Value] = field(default_factory=dict[Symbol, Value])
    equal: dict[Symbol, Dim] = field(default_factory=dict[Symbol, Dim])
    apart: dict[Operand, Dim] = field(default_factory=dict["Operand", "Dim"])

    def of(self, operand: Operand) -> Dim:
        """The integer as an expression: a symbol of its own if it is not known."""
        if not isinstance(operand, Value):
            value = operand.value if isinstance(operand, Const) else None
            return value if isinstance(value, int) else None
        if self.exact.get(operand) is None and is_integer(operand.type):
            assert isinstance(operand.type, ArrayType)
            found = operand.type.size
            if found is None:
                symbol = Symbol(f"__integer{len(self.given)}", True)
                self.given.add(symbol)
                found = size(symbol)
            self.exact[operand] = found
        return self.exact.get(operand)

    def index(self, stmt: For) -> None:
        """Note the range of a loop index."""
        lo, step = self.of(stmt.lo), self.of(stmt.step)
        # a trip is made only if the distance is not 0
        hi = self.apart.get(stmt.hi, self.of(stmt.hi))
        if not isinstance(step, int) or step == 0:
            return
        first, last = (lo, affine((hi, 1), const=-1)) if step > 0 else (
            affine((hi, 1), const=1), lo)  # fmt: skip
        self.values[self.within(stmt.body.params[0], first, last)] = stmt.body.params[0]

    def within(self, value: Value, low: Dim, high: Dim) -> Symbol:
        """Note the range of an integer, and return the symbol that stands for it.

        That is the one which is its size, if there is one that nothing else is known of.
        """
        symbol = Symbol(f"__{self.prefix}{len(self.ranges)}", unit=True, index=True)
        own = value.type.size if isinstance(value.type, ArrayType) else None
        if own is not None and self._new(own, low, high):
            symbol = own.terms[0][0]
        self.ranges[symbol] = low, high
        self.exact[value] = size(symbol)
        return symbol

    def _new(self, expression: Size, *others: Dim) -> bool:
        """Whether the expression is a symbol of which nothing is known, nor by the others."""
        symbol = expression.terms[0][0]
        known = {s for o in others if isinstance(o, Size) for s, _ in o.terms}
        known.update(self.ranges, self.given)
        return expression == size(symbol) and symbol.unit and symbol not in known

    def natural(self, expression: Dim) -> bool:
        """Whether neither the expression nor any loop index in it is ever negative."""
        terms = expression.terms if isinstance(expression, Size) else ()
        indices = [size(s) for s, _ in terms if s in self.ranges]
        return all(map(self.holds, (expression, *indices)))

    def note(self, stmt: Apply) -> None:
        """Note the result of an op on integers."""
        if stmt.op is extent:
            array = stmt.args[0].type
            assert isinstance(array, ArrayType)
            dim = array.shape[stmt.kwargs["axis"]]
            if not clipped(dim) or self.holds(dim):
                self.exact[stmt.outs[0]] = dim
        elif stmt.op in CHECKS:
            self.within(stmt.out, 0, affine((self.of(stmt.args[1]), 1), const=-1))
        elif stmt.op.measure is not None and is_integer(stmt.out.type):
            self.exact[stmt.out] = stmt.op.measure(*map(self.of, stmt.args))
        elif stmt.op in MADE:
            self.made(stmt)
        elif stmt.op is py_min:
            least = [self.of(a) for a in stmt.args]
            low = 0 if all(map(self.holds, least)) else None
            self.within(stmt.out, low, next((x for x in least if isinstance(x, Size)), None))
        elif stmt.op is from_start:
            self.within(stmt.out, 0, None)
        elif stmt.op is distance:
            low, high = map(self.of, stmt.args)
            self.apart[stmt.out] = affine((high, 1), (low, -1))

    def made(self, stmt: Apply) -> None:
        """Note that the lengths of a new array are the integers that it was made with."""
        kind = stmt.out.type
        assert isinstance(kind, ArrayType)
        for dim, given in zip(kind.shape, stmt.kwargs["shape"], strict=True):
            length = self.of(stmt.args[given.position]) if isinstance(given, Arg) else None
            if not isinstance(dim, Size) or not isinstance(length, Size) or dim == length:
                continue
            known = {s for s, _ in length.terms}
            if self._new(dim, length) and known.isdisjoint({*self.given, *self.ranges}):
                self.equal[dim.terms[0][0]] = length

    def _extreme(self, expression: Dim, sign: int) -> Dim:
        """The largest (`sign` 1) or smallest (-1) value of the expression over loop indices."""
        factors = _factors(expression)
        if self.ranges.keys().isdisjoint(factors):
            return expression
        for symbol in reversed(self.ranges):
            if symbol not in factors:
                continue
            low, high = self.ranges[symbol]
            expression = replaced(
                expression, symbol, high if factors[symbol] * sign > 0 else low
            )
            factors = _factors(expression)
            if self.ranges.keys().isdisjoint(factors):
                break
        return expression

    def most(self, expression: Dim) -> Dim:
        """The largest value of the expression, free of loop indices; None: not known."""
        expression = self._extreme(expression, 1)
        return expression if self._settled(expression) else None

    def bounds(self, operand: Operand) -> tuple[Dim, Dim]:
        """The smallest and the largest value of the integer, of sizes; None: not known."""
        at = self.of(operand)
        low, high = self._extreme(at, -1), self._extreme(at, 1)
        return low if self._settled(low) else None, high if self._settled(high) else None

    def _settled(self, expression: Dim) -> bool:
        """Whether the expression is of sizes only."""
        terms = expression.terms if isinstance(expression, Size) else ()
        return not any(s in self.given for s, _ in terms)

    def holds(self, expression: Dim) -> bool:
        """Whether the expression is surely not negative."""
        expression = self._extreme(expression, -1)
        if self._natural(expression):
            return True
        if self.equal.keys().isdisjoint(_factors(expression)):
            return False
        for symbol, other in self.equal.items():
            expression = replaced(expression, symbol, other)
        return self._natural(expression)

    def _natural(self, expression: Dim) -> bool:
        """Whether the expression, of sizes, is never negative."""
        if isinstance(expression, Size) and any(s in self.given for s, _ in expression.terms):
            return False
        least = at_least(expression)
        return least is not None and least >= 0


def _factors(expression: Dim) -> dict[Symbol, int]:
    """The symbols of the expression, and how often it has each of them."""
    return dict(expression.terms) if isinstance(expression, Size) else {}
