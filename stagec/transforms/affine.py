"""Affine integer expressions over loop indices, and what their bounds prove about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from stagec.ir.core import Apply, For, If, Op, Operand, Value, known
from stagec.ir.lowering import is_integer
from stagec.ir.types import ArrayType, Dim, Size, Symbol, affine, replaced, size
from stagec.ops.comparison import (
    equal,
    greater,
    greater_equal,
    less,
    less_equal,
    not_,
    not_equal,
)

DEPTH = 6  # how many bounds in a row a proof may use


@dataclass(slots=True)
class Integers:
    """The integers of a function as affine expressions.

    An integer of which nothing better is known is a symbol of its own.

    Attributes
    ----------
    producers : the op that computes each value.
    lasting : the symbols that stand for one size in the whole run.  All others, those of
        lengths that a loop finds anew in each trip, are other symbols in a later trip.
    """

    producers: Mapping[Value, Apply]
    lasting: set[Symbol] = field(default_factory=set[Symbol])
    _known: dict[Value, Dim] = field(default_factory=dict[Value, Dim])
    _symbols: dict[Value, Symbol] = field(default_factory=dict[Value, Symbol])
    _values: dict[Symbol, Value] = field(default_factory=dict[Symbol, Value])

    def of(self, operand: Operand) -> Dim:
        """The integer operand."""
        plain = known(operand)
        if plain is not None:
            return int(plain)
        assert isinstance(operand, Value)
        if operand not in self._known:
            self._known[operand] = self._found(operand)
        return self._known[operand]

    def _found(self, value: Value) -> Dim:
        type = value.type
        assert isinstance(type, ArrayType)
        if type.size is not None:
            return type.size
        stmt = self.producers.get(value)
        made = None
        if stmt is not None and stmt.op.measure is not None and type.kind == "py":
            made = stmt.op.measure(*map(self.of, stmt.args))
        return size(self.symbol(value)) if made is None else made

    def symbol(self, value: Value) -> Symbol:
        """The symbol that the integer has of its own."""
        if value not in self._symbols:
            symbol = Symbol(f"__integer{len(self._symbols)}", unit=True, index=True)
            self._symbols[value], self._values[symbol] = symbol, value
        return self._symbols[value]

    def later(self, expression: Dim, inner: set[Value]) -> Dim:
        """The expression with the values `inner` of a later trip."""
        if not inner:
            return expression
        for symbol, _ in expression.terms if isinstance(expression, Size) else ():
            value = self._values.get(symbol)
            if value in inner if value is not None else symbol not in self.lasting:
                expression = replaced(expression, symbol, size(later(symbol)))
        return expression


def later(symbol: Symbol) -> Symbol:
    """The symbol of the same integer in a later trip of a loop."""
    return replace(symbol, name=f"{symbol.name}'")


# the signs that the difference of the operands may have where the comparison holds, or does not
SIGNS: dict[tuple[Op, bool], set[int]] = {
    (op, taken): signs if taken else {-1, 0, 1} - signs
    for op, signs in (
        (less, {-1}),
        (less_equal, {-1, 0}),
        (greater, {1}),
        (greater_equal, {0, 1}),
        (equal, {0}),
        (not_equal, {-1, 1}),
    )
    for taken in (True, False)
}


@dataclass(slots=True)
class Facts:
    """Bounds of symbols."""

    lower: dict[Symbol, list[Dim]] = field(default_factory=dict[Symbol, "list[Dim]"])
    upper: dict[Symbol, list[Dim]] = field(default_factory=dict[Symbol, "list[Dim]"])

    def at_least(self, symbol: Symbol, bound: Dim) -> None:
        """Note a lower bound."""
        self.lower.setdefault(symbol, []).append(bound)

    def at_most(self, symbol: Symbol, bound: Dim) -> None:
        """Note an upper bound."""
        self.upper.setdefault(symbol, []).append(bound)

    def indexed(self, loop: For, integers: Integers, inner: set[Value]) -> None:
        """Note the bounds of the index of a loop; values `inner` are those of a later trip."""
        step = known(loop.step)
        if step is None:
            return
        index = loop.body.params[0]
        symbol = later(integers.symbol(index)) if index in inner else integers.symbol(index)
        lo, hi = (integers.later(integers.of(x), inner) for x in (loop.lo, loop.hi))
        if step > 0:
            self.at_least(symbol, lo)
            self.at_most(symbol, affine((hi, 1), const=-1))
        else:
            self.at_least(symbol, affine((hi, 1), const=1))
            self.at_most(symbol, lo)

    def ordered(self, loop: For, integers: Integers) -> None:
        """Note that the later index of a loop comes after the earlier one."""
        step = known(loop.step)
        if step is None:
            return
        first = integers.symbol(loop.body.params[0])
        second = later(first)
        if (step > 0) == loop.reverse:
            first, second = second, first
        self.at_least(second, affine((size(first), 1), const=1))
        self.at_most(first, affine((size(second), 1), const=-1))

    def branch(self, stmt: If, taken: bool, integers: Integers, inner: set[Value]) -> None:
        """Note what the branch says of the integers that its condition compares.

        `taken` says that the condition is true; values `inner` are those of a later trip.
        """
        test = integers.producers.get(stmt.cond) if isinstance(stmt.cond, Value) else None
        while test is not None and test.op is not_:
            taken = not taken
            (operand,) = test.args
            test = integers.producers.get(operand) if isinstance(operand, Value) else None
        if test is None or not all(is_integer(a.type) for a in test.args):
            return
        signs = SIGNS.get((test.op, taken))
        if signs is None:
            return
        left, right = (integers.later(integers.of(a), inner) for a in test.args)
        self.signed(affine((left, 1), (right, -1)), signs)

    def signed(self, expression: Dim, signs: set[int]) -> None:
        """Note which signs the expression may have."""
        opposite = affine((expression, -1))
        if self.natural(expression):
            signs = signs - {-1}
        if self.natural(opposite):
            signs = signs - {1}
        least = 0 if 0 in signs else 1
        if -1 not in signs:
            self.not_negative(affine((expression, 1), const=-least))
        if 1 not in signs:
            self.not_negative(affine((opposite, 1), const=-least))

    def not_negative(self, expression: Dim) -> None:
        """Note that the expression is at least 0."""
        for symbol, factor in expression.terms if isinstance(expression, Size) else ():
            if factor == 1:
                self.at_least(symbol, affine((size(symbol), 1), (expression, -1)))
            elif factor == -1:
                self.at_most(symbol, affine((size(symbol), 1), (expression, 1)))

    def impossible(self) -> bool:
        """Whether the facts contradict each other."""
        return any(
            self.positive(affine((low, 1), (high, -1)))
            for symbol in self.lower.keys() & self.upper.keys()
            for low in self.lower[symbol]
            for high in self.upper[symbol]
        )

    def positive(self, expression: Dim, depth: int = DEPTH) -> bool:
        """Whether the expression is surely at least 1."""
        if not isinstance(expression, Size):
            return expression is not None and expression >= 1
        if depth == 0:
            return False
        for symbol, factor in expression.terms:
            bounds = (self.lower if factor > 0 else self.upper).get(symbol, [])
            if not symbol.index and factor > 0:
                bounds = [*bounds, 0]
            for bound in bounds:
                if self.positive(replaced(expression, symbol, bound), depth - 1):
                    return True
        return False

    def natural(self, expression: Dim) -> bool:
        """Whether the expression is surely at least 0."""
        return self.positive(affine((expression, 1), const=1))
