"""Which indices surely lie inside of their arrays.

What is proven need not be checked at run time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from stagec.ir.alias import path_of, path_operands
from stagec.ir.core import Apply, Block, Call, For, If, Operand, Stmt, While, known
from stagec.ir.function import Function
from stagec.ir.origins import Origins
from stagec.ir.path import Arg, Index, NewAxis, Slice, Step
from stagec.ir.types import ArrayType, Dim, Size, Symbol, affine, size
from stagec.ir.walk import regions, statements
from stagec.ops.arithmetic import subtract
from stagec.ops.comparison import greater, greater_equal, less, less_equal
from stagec.ops.creation import empty_like, ones_like, zeros_like
from stagec.ops.effects import agree
from stagec.ops.extent import CHECKS, extent
from stagec.ops.filling import full_like
from stagec.ops.growing import kept
from stagec.ops.index_facts import MADE, IndexFacts, given_sizes
from stagec.ops.paths import consumed, path_type
from stagec.ops.rounding import py_max

MADE_LIKE = (empty_like, zeros_like, ones_like, full_like)
# by how much the smaller operand is less, where the comparison holds; which of them it is
ORDERS = {less: (0, 1), less_equal: (0, 0), greater: (1, 1), greater_equal: (1, 0)}


def in_bounds(fn: Function) -> bool:
    """Whether no index of the kernel needs to be checked any more."""
    return next(Indices.of(fn).unproven(fn.body), None) is None


@dataclass(frozen=True, slots=True)
class Place:
    """The item number `item` of an index into an array, which selects from its `axis`."""

    item: int
    axis: int
    index: Operand | int


@dataclass(slots=True)
class Indices:
    """Goes through a function in order.

    `least` are lower bounds of integers of which more is not known, `lengths` those of the
    lengths of arrays that the function makes, `least_numbers` and `numbers` those that are
    plain numbers; `sizes` the lengths of axes and `ends` what counts from there; `checked` the
    integers that lie inside of an axis of an array, and which that is; `kept` those of which
    that is known otherwise; `tests` the comparisons that hold in branches.
    """

    facts: IndexFacts
    origins: Origins
    least: dict[Operand, Dim] = field(default_factory=dict[Operand, Dim])
    lengths: dict[Operand, tuple[Dim, ...]] = field(
        default_factory=dict[Operand, tuple[Dim, ...]]
    )
    least_numbers: dict[Operand, int] = field(default_factory=dict["Operand", int])
    numbers: dict[tuple[Operand, int], int] = field(
        default_factory=dict["tuple[Operand, int]", int]
    )
    ends: dict[Operand, tuple[tuple[Operand, int], int]] = field(
        default_factory=dict["Operand", "tuple[tuple[Operand, int], int]"]
    )
    sizes: dict[Operand, tuple[Operand, int]] = field(
        default_factory=dict[Operand, tuple[Operand, int]]
    )
    checked: dict[Operand, tuple[Operand, int]] = field(
        default_factory=dict[Operand, tuple[Operand, int]]
    )
    kept: set[Operand] = field(default_factory=set[Operand])
    compared: dict[Operand, Apply] = field(default_factory=dict[Operand, Apply])
    tests: dict[Block, Apply] = field(default_factory=dict[Block, Apply])

    @classmethod
    def of(cls, fn: Function) -> Indices:
        """What is known before the first statement."""
        facts = IndexFacts(given_sizes(fn.params), "place")
        for param, (low, high) in fn.ranges.items():
            facts.within(param, low, high)
        return cls(facts, Origins.of_block(fn.body))

    @classmethod
    def learned(cls, fn: Function) -> Indices:
        """What is known after the last statement, of the bounds of all loops."""
        found = cls.of(fn)
        for _ in found.noted(fn.body):
            pass
        return found

    def unproven(self, block: Block) -> Iterator[Stmt]:
        """The statements with an index that may be outside, and calls, in order."""
        for stmt in self.noted(block):
            if isinstance(stmt, Call) or (isinstance(stmt, Apply) and not self.proven(stmt)):
                yield stmt

    def natural(self, block: Block) -> Iterator[For]:
        """The innermost loops that count in ones, and surely by no negative number."""
        for stmt in self.noted(block):
            nested = (s for r in regions(stmt) for s in statements(r))
            inner = any(isinstance(s, For | While) for s in nested)
            match stmt:
                case For(lo=lo, step=step) if known(step) == 1 and not inner:
                    if self.facts.holds(self.facts.of(lo)):
                        yield stmt
                case _:
                    pass

    def noted(self, block: Block) -> Iterator[Stmt]:
        """The statements of the block and of those inside, each when what it tells is noted."""
        with self.scope(block):
            for stmt in block.stmts:
                self.note(stmt)
                yield stmt
                for region in regions(stmt):
                    yield from self.noted(region)

    @contextmanager
    def scope(self, block: Block) -> Iterator[None]:
        """Goes through a block: sizes compared there are only known to be equal there, and what
        a branch tests holds in it.
        """
        before = dict(self.facts.equal)
        test = self.tests.get(block)
        ranges = [] if test is None else [*self._narrowed(test)]
        yield
        self.facts.ranges.update(ranges)
        self.facts.equal = before

    def _narrowed(self, test: Apply) -> Iterator[tuple[Symbol, tuple[Dim, Dim]]]:
        """Narrow the ranges of loop indices to where the test holds; yields those before."""
        facts = self.facts
        position, gap = ORDERS[test.op]
        small, large = (facts.of(test.args[k]) for k in (position, 1 - position))
        for at, limit, end in ((small, large, 1), (large, small, 0)):
            symbol = self._index_in(at)
            if symbol is None or any(s in facts.ranges for s in _symbols(limit)):
                continue
            sign = 1 if end else -1
            # what the index is at most, or at least
            new = affine((limit, 1), (at, -1), (size(symbol), 1), const=-sign * gap)
            old = facts.ranges[symbol]
            present = old[end]
            tighter = (
                present is None
                or new is None
                or facts.holds(affine((present, sign), (new, -sign)))
            )
            if new is not None and tighter:
                facts.ranges[symbol] = (old[0], new) if end else (new, old[1])
                yield symbol, old

    def _index_in(self, at: Dim) -> Symbol | None:
        """The loop index that the integer is, but for a constant; None: it is not one."""
        symbols = _symbols(at)
        single = len(symbols) == 1 and symbols[0] in self.facts.ranges
        only = single and isinstance(affine((at, 1), (size(symbols[0]), -1)), int)
        return symbols[0] if only else None

    def note(self, stmt: Stmt) -> None:
        """Note what the statement tells of integers and of the lengths of new arrays."""
        match stmt:
            case Apply():
                self.facts.note(stmt)
                self._apply(stmt)
            case For():
                self.facts.index(stmt)
            case If(cond=cond, then=then) if cond in self.compared:
                self.tests[then] = self.compared[cond]
            case _:
                pass

    def _made(self, stmt: Apply) -> None:
        """Note the lengths of a new array."""
        shape = stmt.kwargs["shape"]
        sizes = [stmt.args[n.position] if isinstance(n, Arg) else n for n in shape]
        self.lengths[stmt.outs[0]] = tuple(
            at if isinstance(at, int) else self.least.get(at) or self.facts.of(at)
            for at in sizes
        )
        for axis, at in enumerate(sizes):
            if at in self.least_numbers:
                self.numbers[stmt.outs[0], axis] = self.least_numbers[at]

    def _apply(self, stmt: Apply) -> None:
        if stmt.op is py_max:
            numbers = [self.facts.of(a) for a in stmt.args]
            self.least[stmt.outs[0]] = next((n for n in numbers if isinstance(n, Size)), None)
            least = next((n for n in numbers if isinstance(n, int)), 0)
            self.least_numbers[stmt.outs[0]] = least
        elif stmt.op in MADE:
            self._made(stmt)
        elif stmt.op in MADE_LIKE:
            self.lengths[stmt.outs[0]] = self.lengths_of(stmt.args[0])
        elif stmt.op is extent:
            array = self.origins.first(stmt.args[0])
            self.sizes[stmt.outs[0]] = array, stmt.kwargs["axis"]
        elif stmt.op is subtract and stmt.args[0] in self.sizes:
            count = known(stmt.args[1])
            if isinstance(count, int) and count > 0:
                self.ends[stmt.outs[0]] = self.sizes[stmt.args[0]], -count
        elif stmt.op in CHECKS and stmt.args[1] in self.sizes:
            self.checked[stmt.outs[0]] = self.sizes[stmt.args[1]]
        elif stmt.op is kept:
            self.kept.add(stmt.outs[0])
        elif stmt.op in ORDERS:
            self.compared[stmt.outs[0]] = stmt
        elif stmt.op is agree:
            self._compared(*map(self.facts.of, stmt.args))
        elif stmt.args and stmt.op.aliased(stmt.kwargs) == 0:
            self._part(stmt)

    def _part(self, stmt: Apply) -> None:
        """Note the lengths of the first elements of an array, if there are as many."""
        match path_of(stmt):
            case (Index(items=(Slice(start=None, stop=Arg(position=k), step=None),)),):
                length = self.facts.of(path_operands(stmt)[k])
                first, *others = self.lengths_of(stmt.args[0])
                rest = affine((first, 1), (length, -1))
                if self.facts.holds(length) and self.facts.holds(rest):
                    self.lengths[stmt.out] = (length, *others)
            case _:
                pass

    def _compared(self, a: Dim, b: Dim) -> None:
        """Note that two sizes are equal from here on."""
        for one, other in ((a, b), (b, a)):
            if isinstance(one, Size) and not one.const and len(one.terms) == 1:
                ((symbol, factor),) = one.terms
                circular = isinstance(other, Size) and symbol in dict(other.terms)
                if factor == 1 and symbol not in self.facts.ranges and not circular:
                    self.facts.equal[symbol] = other
                    return

    def proven(self, stmt: Apply) -> bool:
        """Whether the indices of the op are known to be inside."""
        path, base = path_of(stmt), stmt.args[0].type if stmt.args else None
        if not path:
            return True
        index = path_operands(stmt)
        types: Any = tuple(a.type for a in index)
        return (
            not self.doubtful(stmt)
            and isinstance(base, ArrayType)
            and all(
                self._inside(place.index, path_type(base, path[:k], types).shape[place.axis])
                for k, step in enumerate(path)
                if k
                for place in _places(step, index)
            )
        )

    def doubtful(self, stmt: Apply) -> list[Place]:
        """The indices in the first step of the op's path that may be outside."""
        path = path_of(stmt)
        if not path:
            return []
        array, lengths = self.origins.first(stmt.args[0]), self.lengths_of(stmt.args[0])
        kind = stmt.args[0].type
        assert isinstance(kind, ArrayType)
        return [
            place
            for place in _places(path[0], path_operands(stmt))
            if not self._checked(place, array, lengths[place.axis])
            and not self._inside(place.index, lengths[place.axis])
            and not self._inside(place.index, kind.shape[place.axis])
            and not self._in_number(place, array)
        ]

    def _checked(self, place: Place, array: Operand, dim: Dim) -> bool:
        """Whether the index was checked for this axis, or for one that is surely as long."""
        if not isinstance(place.index, int) and place.index in self.kept:
            return True
        if isinstance(place.index, int) or place.index not in self.checked:
            return False
        other, axis = self.checked[place.index]
        return (other, axis) == (array, place.axis) or (
            dim is not None and dim == self.lengths_of(other)[axis]
        )

    def _in_number(self, place: Place, array: Operand) -> bool:
        """Whether the index is a number, or one counted from the end, that is inside because
        the axis has surely so many elements.
        """
        axis, index = (array, place.axis), place.index
        from_end, number = self.ends.get(index, (axis, known(index)))  # type: ignore[arg-type]
        least = self.numbers.get(axis, 0)
        return from_end == axis and isinstance(number, int) and -least <= number < least

    def lengths_of(self, array: Operand) -> tuple[Dim, ...]:
        """The lengths of an array, which are those of its first version."""
        first = self.origins.first(array)
        assert isinstance(first.type, ArrayType)
        return self.lengths.get(first, first.type.shape)

    def _inside(self, index: Operand | int, dim: Dim) -> bool:
        """Whether the index selects one of so many elements."""
        at: Dim = index if isinstance(index, int) else self.facts.of(index)
        if isinstance(at, int) and at < 0:
            at = affine((dim, 1), const=at)
        return self.surely_in(at, dim)

    def surely_in(self, at: Dim, dim: Dim) -> bool:
        """Whether the expression is surely the place of one of so many elements."""
        return self.facts.holds(at) and self.facts.holds(affine((dim, 1), (at, -1), const=-1))


def _places(step: Step, index: tuple[Operand, ...]) -> Iterator[Place]:
    """The single elements that the step selects."""
    axis = 0
    types: Any = tuple(a.type for a in index)
    for k, item in enumerate(step.items if isinstance(step, Index) else ()):
        count = consumed(item, types)
        if count and not isinstance(item, Slice | NewAxis):
            yield Place(k, axis, index[item.position] if isinstance(item, Arg) else item)
        axis += count


def _symbols(dim: Dim) -> list[Symbol]:
    """The symbols of an expression."""
    return [s for s, _ in dim.terms] if isinstance(dim, Size) else []
