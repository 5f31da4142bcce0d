"""Affine integer expressions over loop indices, and what their bounds prove about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from stagec.ir.core import Apply, For, If, Op, Operand, Value, known
from stagec.ir.lowering import is_integer
from stagec.ir.types import ArrayType, Symbol
from stagec.ops.arithmetic import add, multiply, negative, subtract
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


@dataclass(frozen=True, slots=True)
class Later:
    """The value in a later trip of a loop."""

    value: Value


Unknown: TypeAlias = Value | Later | Symbol


@dataclass(frozen=True, slots=True)
class Affine:
    """`sum(factor * unknown) + const`."""

    terms: Mapping[Unknown, int]
    const: int = 0

    def __add__(self, other: Affine) -> Affine:
        return self.plus(other, 1)

    def __sub__(self, other: Affine) -> Affine:
        return self.plus(other, -1)

    def plus(self, other: Affine, factor: int) -> Affine:
        """`self + factor * other`."""
        terms = dict(self.terms)
        for unknown, f in other.terms.items():
            terms[unknown] = terms.get(unknown, 0) + factor * f
        kept = {u: f for u, f in terms.items() if f}
        return Affine(kept, self.const + factor * other.const)

    def replaced(self, unknown: Unknown, by: Affine) -> Affine:
        """The expression with `by` for the unknown."""
        factor = self.terms[unknown]
        rest = Affine({u: f for u, f in self.terms.items() if u != unknown}, self.const)
        return rest.plus(by, factor)

    def later(self, inner: set[Value]) -> Affine:
        """The expression with the values `inner` of a later trip."""
        terms = {
            Later(u) if isinstance(u, Value) and u in inner else u: f
            for u, f in self.terms.items()
        }
        return Affine(terms, self.const)


def number(value: int) -> Affine:
    """A constant."""
    return Affine({}, value)


def _sum(x: Affine, y: Affine) -> Affine:
    return x + y


def _difference(x: Affine, y: Affine) -> Affine:
    return x - y


def _opposite(x: Affine) -> Affine:
    return number(0) - x


def _product(x: Affine, y: Affine) -> Affine | None:
    if y.terms:
        x, y = y, x
    return None if y.terms else number(0).plus(x, y.const)


RULES: dict[Op, Callable[..., Affine | None]] = {
    add: _sum,
    subtract: _difference,
    negative: _opposite,
    multiply: _product,
}


@dataclass(slots=True)
class Integers:
    """The integers of a function as affine expressions."""

    producers: Mapping[Value, Apply]
    _known: dict[Value, Affine] = field(default_factory=dict[Value, Affine])

    def of(self, operand: Operand) -> Affine:
        """The integer operand; an unknown of its own where nothing better is known."""
        plain = known(operand)
        if plain is not None:
            return number(int(plain))
        assert isinstance(operand, Value)
        if operand not in self._known:
            self._known[operand] = self._value(operand)
        return self._known[operand]

    def _value(self, value: Value) -> Affine:
        type = value.type
        if isinstance(type, ArrayType) and type.size is not None:
            return Affine(dict(type.size.terms), type.size.const)
        stmt = self.producers.get(value)
        rule = RULES.get(stmt.op) if stmt is not None else None
        if stmt is not None and rule is not None and type.kind == "py":  # type: ignore[union-attr]
            found = rule(*map(self.of, stmt.args))
            if found is not None:
                return found
        return Affine({value: 1})


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
    """Bounds of unknowns."""

    lower: dict[Unknown, list[Affine]] = field(default_factory=dict[Unknown, "list[Affine]"])
    upper: dict[Unknown, list[Affine]] = field(default_factory=dict[Unknown, "list[Affine]"])

    def at_least(self, unknown: Unknown, bound: Affine) -> None:
        """Note a lower bound."""
        self.lower.setdefault(unknown, []).append(bound)

    def at_most(self, unknown: Unknown, bound: Affine) -> None:
        """Note an upper bound."""
        self.upper.setdefault(unknown, []).append(bound)

    def indexed(self, loop: For, integers: Integers, inner: set[Value]) -> None:
        """Note the bounds of the index of a loop; values `inner` are those of a later trip."""
        step = known(loop.step)
        if step is None:
            return
        index = loop.body.params[0]
        unknown = Later(index) if index in inner else index
        lo, hi = (integers.of(x).later(inner) for x in (loop.lo, loop.hi))
        if step > 0:
            self.at_least(unknown, lo)
            self.at_most(unknown, hi - number(1))
        else:
            self.at_least(unknown, hi + number(1))
            self.at_most(unknown, lo)

    def ordered(self, loop: For) -> None:
        """Note that the later index of a loop comes after the earlier one."""
        step = known(loop.step)
        if step is None:
            return
        index = loop.body.params[0]
        first, second = Affine({index: 1}), Affine({Later(index): 1})
        if (step > 0) != loop.reverse:
            self.at_least(Later(index), first + number(1))
            self.at_most(index, second - number(1))
        else:
            self.at_most(Later(index), first - number(1))
            self.at_least(index, second + number(1))

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
        left, right = (integers.of(a).later(inner) for a in test.args)
        self.signed(left - right, signs)

    def signed(self, expression: Affine, signs: set[int]) -> None:
        """Note which signs the expression may have."""
        opposite = number(0) - expression
        if self.natural(expression):
            signs = signs - {-1}
        if self.natural(opposite):
            signs = signs - {1}
        least = 0 if 0 in signs else 1
        if -1 not in signs:
            self.not_negative(expression - number(least))
        if 1 not in signs:
            self.not_negative(opposite - number(least))

    def not_negative(self, expression: Affine) -> None:
        """Note that the expression is at least 0."""
        for unknown, factor in expression.terms.items():
            rest = Affine(
                {u: f for u, f in expression.terms.items() if u != unknown}, expression.const
            )
            if factor == 1:
                self.at_least(unknown, number(0) - rest)
            elif factor == -1:
                self.at_most(unknown, rest)

    def impossible(self) -> bool:
        """Whether the facts contradict each other."""
        return any(
            self.positive(low - high)
            for unknown in self.lower.keys() & self.upper.keys()
            for low in self.lower[unknown]
            for high in self.upper[unknown]
        )

    def positive(self, expression: Affine, depth: int = DEPTH) -> bool:
        """Whether the expression is surely at least 1."""
        if not expression.terms:
            return expression.const >= 1
        if depth == 0:
            return False
        for unknown, factor in expression.terms.items():
            bounds = (self.lower if factor > 0 else self.upper).get(unknown, [])
            if isinstance(unknown, Symbol) and factor > 0:
                bounds = [*bounds, number(0)]
            for bound in bounds:
                if self.positive(expression.replaced(unknown, bound), depth - 1):
                    return True
        return False

    def natural(self, expression: Affine) -> bool:
        """Whether the expression is surely at least 0."""
        return self.positive(expression + number(1))
