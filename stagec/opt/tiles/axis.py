"""Which statements work on the parts of a long axis one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stagec.ir.alias import path_of, path_operands
from stagec.ir.core import Apply, Effect, Moves, Operand
from stagec.ir.lowering import holds, is_integer
from stagec.ir.narrow import storable
from stagec.ir.path import Arg, Index, Item, NewAxis, Path, Slice, Transpose
from stagec.ir.types import ArrayType, Shape, Size, Symbol, Type, same, size
from stagec.ops.copying import copy
from stagec.ops.folding import plus
from stagec.ops.index_bounds import MADE_LIKE
from stagec.ops.index_facts import MADE
from stagec.ops.paths import path_type
from stagec.ops.products import matmul
from stagec.opt.scalarise.groups import fold_of, pointwise
from stagec.opt.scalarise.places import natural


@dataclass(frozen=True, slots=True)
class Axis:
    """The axes whose length is the symbol; an array has one of them or none."""

    symbol: Symbol

    def of(self, operand: Operand) -> int | None:
        """Which axis of the array it is; None if it has none."""
        shape = _shape(operand.type)
        whole = size(self.symbol)
        return shape.index(whole) if whole in shape else None

    def plain(self, kind: Type) -> bool:
        """Whether no other length of the array has to do with the symbol."""
        if not isinstance(kind, ArrayType) or not holds(kind):
            return False
        using = [d for d in kind.shape if isinstance(d, Size) and self.symbol in dict(d.terms)]
        return len(using) < 2 and all(d == size(self.symbol) for d in using)

    def used(self, stmt: Apply) -> bool:
        """Whether the op has to do with such an array, other than to ask for its length."""
        return any(self.of(v) is not None for v in (*stmt.args, *stmt.outs))

    def rows(self, stmt: Apply) -> bool:
        """Whether each part of the result, along the axis, is made from that part of all
        operands alone.
        """
        if not self._plain(stmt) or self.of(stmt.out) is None:
            return False
        if stmt.op.overwrites is not None or path_of(stmt) is not None:
            return self._path(stmt)
        if pointwise(stmt) or stmt.op in (*MADE_LIKE, copy):
            return all(self._aligned(a, stmt.out.type) for a in stmt.args)
        if fold_of(stmt) is not None:
            return True  # the axis is not folded: the result has it
        if isinstance(stmt.op.scalar, Moves):
            return len(stmt.args) == 1 and self._moved(stmt, stmt.op.scalar)
        if stmt.op in MADE:
            return isinstance(stmt.kwargs["shape"][self.of(stmt.out)], Arg)
        return self._matrices(stmt) and None in map(self.of, stmt.args)

    def total(self, stmt: Apply) -> bool:
        """Whether the result is the sum of what is made from the parts along the axis."""
        if not self._plain(stmt) or self.of(stmt.out) is not None:
            return False
        fold = fold_of(stmt)
        if fold is not None and self.of(stmt.args[0]) in fold.axes:
            return fold.combine is plus and fold.finish is None
        return self._matrices(stmt) and [self.of(a) for a in stmt.args] == [1, 0]

    def _plain(self, stmt: Apply) -> bool:
        """Whether the op makes one array of arrays whose lengths are understood."""
        kinds = [v.type for v in (*stmt.args, *stmt.outs)]
        one = len(stmt.outs) == 1 and stmt.op.effect is Effect.NONE
        return one and all(map(self.plain, kinds))

    def _aligned(self, operand: Operand, whole: Type) -> bool:
        """Whether the operand, broadcast to the type, has the axis where that has it, or is the
        same along it.
        """
        shape, wide = _shape(operand.type), _shape(whole)
        behind = len(wide) - wide.index(size(self.symbol))
        if behind > len(shape):
            return self.of(operand) is None
        return shape[-behind] in (1, size(self.symbol))

    def _moved(self, stmt: Apply, moves: Moves) -> bool:
        """Whether the op that moves elements leaves them where they are along the axis."""
        places = natural(len(_shape(stmt.out.type)))
        found = moves.rule(places, **stmt.kwargs)
        before, after = self.of(stmt.args[0]), self.of(stmt.out)
        if found is None or before is None or after is None:
            return False
        return all((p == places[after]) == (k == before) for k, p in enumerate(found))

    def _matrices(self, stmt: Apply) -> bool:
        """Whether it is a product of two matrices that compiled code makes."""
        if stmt.op is not matmul:
            return False
        kinds = [v.type for v in (*stmt.args, stmt.out)]
        first = kinds[0]
        return all(
            isinstance(k, ArrayType) and k.rank == 2 and k.inexact and k.dtype == first.dtype  # type: ignore[union-attr]
            for k in kinds
        )

    def _path(self, stmt: Apply) -> bool:
        """Whether the op reads or writes all of the axis, of an array that has it."""
        path, base = path_of(stmt), stmt.args[0]
        at = self.of(base)
        if path is None or at is None or stmt.op.overwrites not in (None, 0):
            return False
        index = path_operands(stmt)
        if not in_its_place(stmt) or item_at(path, at) != Slice():
            return False
        if stmt.op.overwrites is None:
            return True
        if not storable(*stmt.args[:2]):
            return False
        part = path_type(base.type, path, tuple(a.type for a in index))  # type: ignore[arg-type]
        return self._aligned(stmt.args[1], part)


def agreeing(stmt: Apply) -> bool:
    """Whether the lengths of two matrices surely agree that are multiplied."""
    a, b = (_shape(x.type) for x in stmt.args)
    return len(a) == len(b) == 2 and same(a[1], b[0])


def in_its_place(stmt: Apply) -> bool:
    """Whether what the op stores surely fits where its path, a plain one, points."""
    path, index = path_of(stmt), path_operands(stmt)
    if path is None or not plain_path(path, index):
        return False
    if stmt.op.overwrites is None:
        return True
    part = path_type(stmt.args[0].type, path, tuple(a.type for a in index)).shape  # type: ignore[arg-type]
    value = _shape(stmt.args[1].type)
    wide = part[len(part) - len(value) :]
    return len(value) <= len(part) and all(
        d == 1 or same(d, w) for d, w in zip(value, wide, strict=True)
    )


def plain_path(path: Path, index: Sequence[Operand]) -> bool:
    """Whether the path is one of numbers and slices, turned or not."""
    if not path:
        return True
    first, *others = path
    turned = all(isinstance(step, Transpose) for step in others)
    return isinstance(first, Index) and turned and all(is_integer(a.type) for a in index)


def item_at(path: Path, axis: int) -> Item:
    """What the path, one of `plain_path`, says of an axis of the array."""
    items = path[0].items if path and isinstance(path[0], Index) else ()
    consuming = [item for item in items if not isinstance(item, NewAxis)]
    return consuming[axis] if axis < len(consuming) else Slice()


def cut(path: Path, axis: int, count: int) -> Path:
    """The path with a slice of the axis, between operands `count` and `count + 1`."""
    first, *others = path or (Index(()),)
    assert isinstance(first, Index)
    part = Slice(Arg(count), Arg(count + 1))
    items: list[Item] = []
    at = 0
    for item in first.items:
        consuming = not isinstance(item, NewAxis)
        items.append(part if consuming and at == axis else item)
        at += consuming
    if at <= axis:
        items += [*(Slice(),) * (axis - at), part]
    return (Index(tuple(items)), *others)


def _shape(kind: Type) -> Shape:
    return kind.shape if isinstance(kind, ArrayType) else ()
