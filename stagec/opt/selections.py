"""What arrays of integers select, as loops over those integers.

    y = x[columns]            ->  for i in range(len(columns)): y[i] = x[columns[i]]
    np.add.at(x, columns, v)  ->  for i in range(len(columns)): x[columns[i]] += v[i]

Such a loop can be one with the loops around it, so that what is selected is in no array of its
own.  What only the library uses is selected by NumPy, which is as fast.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from stagec.ir.build import Builder
from stagec.ir.core import LIBRARY, Apply, Block, For, Operand, Stmt, Value, const, known
from stagec.ir.function import Function
from stagec.ir.lowering import fits, holds
from stagec.ir.path import Arg, Index, Item, Path
from stagec.ir.rebuild import map_regions
from stagec.ir.types import INT, ArrayType, Shape, broadcast_shapes, rank_of, same
from stagec.ir.walk import uses
from stagec.ops.creation import empty
from stagec.ops.extent import extent
from stagec.ops.indexing import accumulate, read, update
from stagec.ops.paths import FULL, advanced_block, full_items, is_array_index, is_mask
from stagec.opt.elements import read_element
from stagec.opt.scalarise.lengths import Measured, with_lengths


def selections(fn: Function) -> Function:
    """The function with loops where arrays of integers select elements."""
    functions = tuple(map(selections, fn.functions))
    return replace(fn, body=_block(fn.body, _Shapes(fn.body)), functions=functions)


@dataclass(slots=True)
class _Shapes:
    """The shapes of the arrays of a function, with names for lengths that only the run time
    knows; found when they are asked for.
    """

    body: Block
    measured: Measured | None = None

    def of(self, operand: Operand) -> Shape:
        """The shape of an array."""
        if self.measured is None:
            self.measured = with_lengths(self.body)
        return self.measured.shape(operand)


def _block(block: Block, shapes: _Shapes) -> Block:
    builder = Builder()
    for stmt in block.stmts:
        builder.loc = stmt.loc
        found = _Selection.of(stmt, shapes) if isinstance(stmt, Apply) else None
        if found is not None and _worth(found.stmt, block):
            found.loop(builder)
        else:
            builder.append(map_regions(stmt, lambda b: _block(b, shapes)))
    return replace(block, stmts=tuple(builder.stmts))


def _worth(stmt: Apply, block: Block) -> bool:
    """Whether other loops may use what is selected, or give what is stored."""
    if stmt.op is accumulate:
        return True  # the library is slow
    if stmt.op is update:
        made = stmt.args[1]
        return any(made in s.outs and _in_loops(s) for s in block.stmts)
    return any(stmt.out in uses(s) and _in_loops(s) for s in block.stmts)


def _in_loops(stmt: Stmt) -> bool:
    return not isinstance(stmt, Apply) or stmt.op.scalar is not LIBRARY


@dataclass(frozen=True, slots=True)
class _Selection:
    """A read or write of what arrays of integers select.

    Attributes
    ----------
    items : the index, one item an axis.
    chosen : the shape that the arrays have together.
    first : the axis of what is selected where theirs begin.
    """

    stmt: Apply
    items: tuple[Item, ...]
    chosen: Shape
    first: int

    @classmethod
    def of(cls, stmt: Apply, shapes: _Shapes) -> _Selection | None:
        """The selection; None if the statement is none that loops can make."""
        if stmt.op not in (read, update, accumulate) or not all(
            holds(v.type) if v in _index(stmt) else fits(v.type)
            for v in (*stmt.args, *stmt.outs)
        ):
            return None
        path, base = stmt.kwargs["path"], stmt.args[0].type
        if len(path) != 1 or not isinstance(path[0], Index) or not isinstance(base, ArrayType):
            return None
        types = tuple(a.type for a in _index(stmt) if isinstance(a.type, ArrayType))
        items = full_items(base.rank, path[0].items, types)
        block = advanced_block(items, types)
        plain = all(i == FULL or isinstance(i, int | Arg) for i in items)
        if block is None or not plain or any(is_mask(i, types) for i in items):
            return None
        arrays = [types[i.position].shape for i in items if is_array_index(i, types)]  # type: ignore[union-attr]
        chosen = broadcast_shapes(*arrays)
        found = cls(stmt, items, chosen, block[0])
        known = all(found.known(axis, arrays) for axis in range(-len(chosen), 0))
        return found if known and found.stores_known(shapes) else None

    @staticmethod
    def known(axis: int, shapes: list[Shape]) -> bool:
        """Whether it is known which of the arrays are repeated along an axis."""
        own = [s[axis] for s in shapes if len(s) >= -axis and s[axis] != 1]
        return all(same(own[0], dim) for dim in own[1:])

    def stores_known(self, shapes: _Shapes) -> bool:
        """Whether it is known how what is stored, if anything is, meets what is selected."""
        if self.stmt.op is read:
            return True
        value, index = self.stmt.args[1], _index(self.stmt)
        assert isinstance(value.type, ArrayType)
        start, stop = self.start, self.start + len(self.chosen)
        if stop <= 0 or start < 0:
            return stop <= 0
        if _equal(value.type.shape[start:stop], self.chosen):
            return True
        # slices of two arrays may be equally long, however long that is
        arrays = [a for a in index if rank_of(a.type)]
        same_rank = all(rank_of(a.type) == len(self.chosen) for a in arrays)
        inside = shapes.of(value)[start:stop]
        return same_rank and all(_equal(inside, shapes.of(a)) for a in arrays)

    @property
    def start(self) -> int:
        """The axis of what is stored that belongs to the first one of the arrays."""
        value = self.stmt.args[1].type
        assert isinstance(value, ArrayType)
        rest = sum(i == FULL for i in self.items)
        return self.first + value.rank - rest - len(self.chosen)

    def loop(self, builder: Builder) -> None:
        """Add the loops."""
        stmt = self.stmt
        array = stmt.args[0] if stmt.op is not read else self.room(builder)
        lengths = self.lengths(builder)
        self.nest(builder, array, lengths, (), stmt.out)

    def lengths(self, builder: Builder) -> list[Operand]:
        """The lengths of the axes that the arrays have together."""
        return [self.length(builder, axis) for axis in range(len(self.chosen))]

    def length(self, builder: Builder, axis: int) -> Operand:
        """The length of one axis, as an array has it that is not repeated along it."""
        for array in _index(self.stmt):
            own = axis - len(self.chosen) + rank_of(array.type)
            if own >= 0 and array.type.shape[own] != 1:  # type: ignore[union-attr]
                return _length(builder, array, own)
        return const(1)

    def room(self, builder: Builder) -> Operand:
        """A new array for what is selected."""
        stmt = self.stmt
        sizes = [
            _length(builder, stmt.args[0], axis)
            for axis, item in enumerate(self.items)
            if item == FULL
        ]
        sizes[self.first : self.first] = self.lengths(builder)
        assert isinstance(stmt.out.type, ArrayType)
        given = [s for s in sizes if known(s) is None]
        shape = tuple(Arg(given.index(s)) if s in given else known(s) for s in sizes)
        attrs = {"shape": shape, "dtype": stmt.out.type.dtype}
        return builder.add(empty, given, attrs, stmt.out.hint)[0]

    def nest(
        self, builder: Builder, array: Operand, lengths: list[Operand],
        at: tuple[Value, ...], out: Value,
    ) -> None:  # fmt: skip
        """Add the loops inside of those with the indices `at`."""
        index, param = Value(INT, "i"), Value(array.type, out.hint)
        body = Builder(loc=builder.loc)
        now = (*at, index)
        if len(now) < len(lengths):
            result = Value(param.type, out.hint)
            self.nest(body, param, lengths, now, result)
        else:
            result = self.element(body, param, now)
        length = lengths[len(at)]
        block = body.block((index, param), (result,))
        builder.append(
            For(const(0), length, const(1), (array,), block, (out,), loc=builder.loc)
        )

    def element(self, body: Builder, array: Operand, at: tuple[Value, ...]) -> Value:
        """What one trip does, for one element of each of the arrays."""
        stmt, given = self.stmt, _index(self.stmt)
        index = [self.integer(body, a, at) for a in given]
        path: Path = (Index(self.items),)
        where = (FULL,) * (self.first if stmt.op is read else max(self.start, 0))
        own: Path = (Index((*where, *(Arg(k) for k in range(len(at))))),)
        if stmt.op is read:
            view = any(i == FULL for i in self.items)
            (value,) = body.add(read, (stmt.args[0], *index), {"path": path, "view": view})
            return body.add(update, (array, value, *at), {"path": own})[0]
        value = stmt.args[1]
        assert isinstance(value.type, ArrayType)
        if self.start + len(self.chosen) > 0:
            view = value.type.rank > len(at)
            (value,) = body.add(read, (value, *at), {"path": own, "view": view})
        return body.add(stmt.op, (array, value, *index), {"path": path})[0]

    def integer(self, body: Builder, array: Operand, at: tuple[Value, ...]) -> Operand:
        """What one of the arrays says for these indices; a number says the same for all."""
        rank = rank_of(array.type)
        if not rank:
            return array
        assert isinstance(array.type, ArrayType)
        axes = zip(array.type.shape, at[len(at) - rank :], strict=True)
        return read_element(body, array, [const(0) if dim == 1 else k for dim, k in axes])


def _index(stmt: Apply) -> tuple[Operand, ...]:
    return stmt.args[1 if stmt.op is read else 2 :]


def _equal(a: Shape, b: Shape) -> bool:
    return len(a) == len(b) and all(map(same, a, b))


def _length(builder: Builder, array: Operand, axis: int) -> Operand:
    assert isinstance(array.type, ArrayType)
    dim = array.type.shape[axis]
    if isinstance(dim, int):
        return const(dim)
    return builder.add(extent, (array,), {"axis": axis})[0]
