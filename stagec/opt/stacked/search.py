"""Which sums of products in loops are worth one product behind the loop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from stagec.ir.build import exact
from stagec.ir.chains import Chain
from stagec.ir.core import Apply, For, Op, Operand, Value
from stagec.ir.path import Arg, Index, Slice
from stagec.ir.types import ArrayType, Dim, same, same_shape
from stagec.ir.walk import counted, defined, effectful
from stagec.ops.arithmetic import add, negative, subtract
from stagec.ops.axes import transpose
from stagec.ops.indexing import accumulate, read, update
from stagec.ops.products import matmul, outer
from stagec.opt.loop_products.first_call import FirstCall

SUMS = {add: (0, 1), subtract: (0,), accumulate: (0,)}  # at which operands a sum may come in
PRODUCTS = (matmul, outer)
FEW = 4  # rows or columns: fewer are little work for each number that is kept
SHORT = 8  # terms: fewer are soon added up
WORTH = 2**15  # multiplications: fewer take no longer than a call of the library
LARGE = 2**24  # numbers that are kept


@dataclass(frozen=True, slots=True, eq=False)
class Factor:
    """One of the factors of a term.

    Attributes
    ----------
    value : the rows of one trip: a vector, or a matrix whose first axis is summed over.
    turned : whether the program has the matrix transposed, and no `value` yet.
    rows : the array of which `value` is a row, that of the trip, or behind the loop, which
        stores it; None if it has to be kept.
    """

    value: Value
    turned: bool
    rows: Value | None

    @property
    def key(self) -> tuple[Value, bool]:
        """What is equal for equal rows."""
        return self.value, self.turned


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """A product that is added to a sum: `left.T @ right`.

    Attributes
    ----------
    step : what adds, or subtracts, the product; its operand `at` is the sum so far.
    maker : what makes the product.
    sign : what turns its sign before it is added, if anything does.
    left, right : the factors.
    """

    step: Apply
    at: int
    maker: Apply
    sign: Apply | None
    left: Factor
    right: Factor


@dataclass(frozen=True, slots=True, eq=False)
class Sum:
    """A matrix that the loop carries, to which it only adds products; `at` is its position."""

    at: int
    terms: tuple[Term, ...]


def found(loop: For, first: FirstCall) -> list[Sum]:
    """The sums in the loop that are worth a product behind it."""
    if not counted(loop) or loop.trips is not None or any(map(effectful, loop.body.stmts)):
        return []
    chain = Chain(loop.body, lambda s: SUMS.get(s.op, ()))
    makers = {out: s for s in loop.body.stmts if isinstance(s, Apply) for out in s.outs}
    finder = _Finder(loop, chain, makers, frozenset(defined(loop.body)), first)
    sums = [s for s in map(finder.sum, range(len(loop.carry))) if s is not None]
    return sums if sums and finder.there_is_room(sums) else []


@dataclass(frozen=True, slots=True)
class _Finder:
    """Looks at what a loop carries.

    Attributes
    ----------
    chain : how the body makes one number of another.
    makers : what makes each value, of the statements of the body itself.
    inside : all values of the body.
    first : what is known of the first call.
    """

    loop: For
    chain: Chain
    makers: Mapping[Value, Apply]
    inside: frozenset[Value]
    first: FirstCall

    def sum(self, at: int) -> Sum | None:
        """What is carried as a sum of products."""
        param, result = self.loop.body.params[1 + at], self.loop.body.results[at]
        kind = param.type
        if not isinstance(kind, ArrayType) or kind.rank != 2 or not kind.inexact:
            return None
        if not isinstance(self.loop.init[at], Value):
            return None
        terms: list[Term] = []
        for step, position in self.chain.steps(param, result).items():
            term = self.term(step, position, kind)
            if term is None or not self.worth(term):
                return None
            terms.append(term)
        return Sum(at, tuple(terms)) if terms else None

    def term(self, step: Apply, at: int, kind: ArrayType) -> Term | None:
        """What the step adds, as a product."""
        if step not in self.makers.values() or step.kwargs.get("path"):
            return None
        maker, sign = self.maker(step.args[1 - at]), None
        if maker is not None and maker.op is negative:
            maker, sign = self.maker(maker.args[0]), maker
        if maker is None or maker.op not in PRODUCTS:
            return None
        types = [a.type for a in (*maker.args, maker.out, step.out)]
        if not all(isinstance(t, ArrayType) and t.dtype == kind.dtype for t in types):
            return None
        left, right = maker.args
        ranks = {a.type.rank for a in maker.args if isinstance(a.type, ArrayType)}
        if ranks != {1 if maker.op is outer else 2}:
            return None
        if not isinstance(left, Value) or not isinstance(right, Value):
            return None
        if not {left, right} <= self.inside:
            return None
        factors = self.left(maker, left), self.factor(right)
        return self.factors(Term(step, at, maker, sign, *factors))

    def maker(self, value: Operand) -> Apply | None:
        """What makes the value, if nothing else sees it."""
        if not isinstance(value, Value) or not self.chain.once(value):
            return None
        return self.makers.get(value)

    @staticmethod
    def factors(term: Term) -> Term | None:
        """The term, if its factors surely have as many rows."""
        if term.maker.op is outer:
            return term
        left, right = shape_of(term.left), shape_of(term.right)
        return term if same(left[0], right[0]) else None

    def left(self, maker: Apply, value: Value) -> Factor:
        """The first operand of the product as a factor."""
        if maker.op is outer:
            return self.factor(value)
        turn = self.makers.get(value)
        if turn is not None and turn.op is transpose and isinstance(turn.args[0], Value):
            return self.factor(turn.args[0])
        return Factor(value, True, None)

    def factor(self, value: Value) -> Factor:
        """The value as a factor, with the array that it is a row of."""
        maker = self.makers.get(value)
        rows = maker.args[0] if maker is not None and self.is_row(maker, read) else None
        if rows is None or rows in self.inside or not self.whole(rows):
            rows = self.stored(value)
        return Factor(value, False, rows)  # type: ignore[arg-type]

    def stored(self, value: Value) -> Value | None:
        """The array behind the loop that each trip stores the value in, as its row."""
        for param, result, behind in zip(
            self.loop.body.params[1:], self.loop.body.results, self.loop.carry, strict=True
        ):
            maker = self.makers.get(result) if isinstance(result, Value) else None
            if (
                maker is None
                or maker.args[:2] != (param, value)
                or not self.is_row(maker, update)
            ):
                continue
            rows, row = behind.type, value.type
            assert isinstance(rows, ArrayType)
            assert isinstance(row, ArrayType)
            if (
                rows.dtype == row.dtype
                and same_shape(rows.shape[1:], row.shape)
                and self.whole(behind)
            ):
                return behind
        return None

    def whole(self, rows: Operand) -> bool:
        """Whether the array has a row for each trip, and no more."""
        assert isinstance(rows.type, ArrayType)
        return same(rows.type.shape[0], exact(self.loop.hi))

    def is_row(self, stmt: Apply, op: Op) -> bool:
        """Whether the op reads or stores the row of an array with the number of the trip."""
        index = self.loop.body.params[0]
        if stmt.op is not op or not isinstance(stmt.args[0], Value):
            return False
        if len(stmt.args) != (2 if op is read else 3) or stmt.args[-1] is not index:
            return False
        path = stmt.kwargs["path"]
        if len(path) != 1 or not isinstance(path[0], Index):
            return False
        row, *others = path[0].items
        return row == Arg(0) and all(item == Slice() for item in others)

    # -- whether it is worth it

    def worth(self, term: Term) -> bool:
        """Whether one product is less work, as sizes were at the first call."""
        left, right = self.numbers(term.left), self.numbers(term.right)
        trips = self.first.trips(self.loop)
        if left is None or right is None:
            return False
        rows, columns = left[-1], right[-1]
        terms = trips * (left[0] if len(left) == 2 else 1)
        kept = sum(prod(n) for n, f in ((left, term.left), (right, term.right)) if not f.rows)
        if min(rows, columns) < FEW or terms < SHORT or rows * columns * terms < WORTH:
            return False
        return kept <= rows * columns

    def there_is_room(self, sums: Sequence[Sum]) -> bool:
        """Whether no more is kept than the loop reads of other arrays."""
        kept = {f.key: f for f in factors_of(sums) if f.rows is None}
        if not kept:
            return True
        rows = {s.args[0]: s.out for s in self.makers.values() if self.is_row(s, read)}
        there = [self.first.shape(v) for a, v in rows.items() if a not in self.inside]
        total = sum(prod(self.numbers(f) or (LARGE,)) for f in kept.values())
        read_ = sum(prod(n) for n in there if n is not None)
        return total <= read_ and total * self.first.trips(self.loop) <= LARGE

    def numbers(self, factor: Factor) -> tuple[int, ...] | None:
        """The shape of the factor at the first call; None if it is not known."""
        found = self.first.shape(factor.value)
        return found[::-1] if found is not None and factor.turned else found


def shape_of(factor: Factor) -> tuple[Dim, ...]:
    """The shape of the factor."""
    kind = factor.value.type
    assert isinstance(kind, ArrayType)
    return kind.shape[::-1] if factor.turned else kind.shape


def factors_of(sums: Sequence[Sum]) -> Iterator[Factor]:
    """All factors of the sums."""
    for each in sums:
        for term in each.terms:
            yield term.left
            yield term.right
