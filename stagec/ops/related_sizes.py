"""Sizes of arguments that a program takes to be near each other.

In `a[1 : n - 1] + b[: n - 2]` all is well known if the integer `n` is the length of the arrays,
as it was meant to be; else each slice may be cut off, in a way of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from stagec.ir.alias import path_of, path_operands
from stagec.ir.core import Apply, Block, For, Operand, Stmt
from stagec.ir.function import Function
from stagec.ir.path import Arg, Index, Item, NewAxis, Slice
from stagec.ir.types import ArrayType, Dim, Shape, Size, Symbol, affine, measured_by, size
from stagec.ir.walk import regions
from stagec.ops.index_facts import IndexFacts, given_sizes
from stagec.ops.paths import full_items, path_type

LEAST = 8  # shorter ones are near each other by chance
MOST = 8  # how far apart two of them are at most


@dataclass(frozen=True, slots=True)
class Related:
    """Sizes in terms of others.

    Attributes
    ----------
    found : what symbols are: another symbol and so many more.
    made : the symbols of sizes that take the place of those of integers, which they belong to.
    """

    found: dict[Symbol, Dim]
    made: dict[Symbol, Symbol]


def related_sizes(fn: Function, now: Mapping[Symbol, int], numbers: set[Symbol]) -> Related:
    """Which symbols, of those whose values `now` are given, are near others that they meet.

    Those of `numbers` are integers that need not be sizes.
    """
    related = Related({}, {})
    values = {s: int(n) for s, n in now.items()}
    for gap, exact in _Search(IndexFacts(given_sizes(fn.params), "related")).block(fn.body):
        gap = in_terms(gap, related.found)
        if not isinstance(gap, Size) or [f for _, f in gap.terms] not in ([1, -1], [-1, 1]):
            continue
        small, large = sorted(
            (s for s, _ in gap.terms), key=lambda s: (values.get(s, 0), s in numbers)
        )
        away = values.get(large, 0) - values.get(small, 0)
        if away > MOST or (exact and measured_by(gap, values) != 0):
            continue
        # what `now` notes of this question tells when longer ones are to be related after all
        if now.get(small, values.get(small, 0)) < LEAST:
            continue
        base = small
        if small in numbers:
            base = Symbol(f"{small.name}_size")
            related.made[base] = small
            values[base] = values[small]
        new: dict[Symbol, Dim] = {large: affine((size(base), 1), const=away)}
        new |= {small: size(base)} if base != small else {}
        related.found.update({s: in_terms(d, new) for s, d in related.found.items()} | new)
    return related


def in_terms(dim: Dim, found: Mapping[Symbol, Dim]) -> Dim:
    """The size in terms of other symbols."""
    if not isinstance(dim, Size):
        return dim
    return affine(*((found.get(s, size(s)), f) for s, f in dim.terms), const=dim.const)


@dataclass(slots=True)
class _Search:
    """Goes through the blocks, and finds what is compared with the length of an axis."""

    facts: IndexFacts

    def block(self, block: Block) -> Iterator[tuple[Dim, bool]]:
        """The differences that should be known, and whether they have to be 0."""
        for stmt in block.stmts:
            if isinstance(stmt, For):
                self.facts.index(stmt)
            if isinstance(stmt, Apply):
                self.facts.note(stmt)
                yield from self.compared(stmt)
            for region in regions(stmt):
                yield from self.block(region)

    def compared(self, stmt: Stmt) -> Iterator[tuple[Dim, bool]]:
        """The differences of an op."""
        assert isinstance(stmt, Apply)
        shapes = [a.type.shape for a in stmt.args if isinstance(a.type, ArrayType)]
        path = path_of(stmt)
        if path is None and isinstance(stmt.op.scalar, str):
            yield from _pairs(shapes)
        base = stmt.args[0].type if stmt.args else None
        if path is None or not isinstance(base, ArrayType):
            return
        index = path_operands(stmt)
        types = tuple(a.type for a in index)
        for step in path:
            if isinstance(step, Index):
                for item, dim in _axes(full_items(base.rank, step.items, types), base.shape):  # type: ignore[arg-type]
                    yield from ((g, False) for g in self.beyond(item, dim, index))
            base = path_type(base, (step,), types)  # type: ignore[arg-type]
        if stmt.op.overwrites is not None:
            yield from _pairs([base.shape, shapes[1]])

    def beyond(self, item: Item, dim: Dim, index: tuple[Operand, ...]) -> Iterator[Dim]:
        """How far the bounds of a slice are from the end of the axis."""
        if isinstance(item, Slice):
            for bound in (item.start, item.stop):
                if isinstance(bound, Arg):
                    yield affine((dim, 1), (self.facts.of(index[bound.position]), -1))


def _axes(items: tuple[Item, ...], shape: Shape) -> Iterator[tuple[Item, Dim]]:
    """The items that take one axis, before any that takes more, with the axis."""
    taken = (i for i in items if not isinstance(i, NewAxis))
    return zip(taken, shape, strict=False)


def _pairs(shapes: list[Shape]) -> Iterator[tuple[Dim, bool]]:
    """The differences of lengths that meet."""
    for shape in shapes[1:]:
        for a, b in zip(reversed(shapes[0]), reversed(shape), strict=False):
            yield affine((a, 1), (b, -1)), True
