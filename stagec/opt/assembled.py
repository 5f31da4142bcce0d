"""Arrays of a kernel that are put together are made as parts of the result.

    a = np.empty((n, 2))                 whole = np.empty(2 * n + m)
    b = np.empty(m)                      a = whole[: 2 * n].reshape(n, 2)
    ...                           ->     b = whole[2 * n : 2 * n + m]
    return np.concatenate(               ...
        (a.reshape(-1), b)               return whole
    )

Nothing needs them afterwards, so that nobody sees that they share memory.  Other operands are
copied to their places by loops.  The pass is run after bufferisation: what it makes are views
that are written to, and a value stands for its memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise
from operator import mul
from typing import Any, NamedTuple

from stagec.ir.alias import path_of
from stagec.ir.build import Builder, exact, freeze
from stagec.ir.core import Apply, Block, For, Operand, Value, const, known, operand_of
from stagec.ir.function import Function
from stagec.ir.origins import Origins
from stagec.ir.path import Arg, Index, Path, Reshape, Slice, shift
from stagec.ir.rebuild import map_regions
from stagec.ir.sharing import Memory
from stagec.ir.types import INT, ArrayType, Dim, Shape, Size, same_shape
from stagec.ir.walk import uses
from stagec.ops.arithmetic import Handle
from stagec.ops.assembling import put_together
from stagec.ops.creation import empty
from stagec.ops.extent import extent
from stagec.ops.family import sizes
from stagec.ops.indexing import read
from stagec.ops.joining import concatenate
from stagec.ops.shape import reshape
from stagec.opt.elements import read_element, write_element

Lengths = Mapping[Dim, Operand]


def assembled(fn: Function) -> Function:
    """The function whose kernels make such arrays in their places."""
    functions = tuple(map(assembled, fn.functions))
    fn = replace(fn, functions=functions)
    if not fn.kernel:
        return fn
    found = _Assembly(Memory(fn.body, True), Origins.of_block(fn.body))
    return replace(fn, body=found.block(fn.body))


class Part(NamedTuple):
    """An operand of what is put together.

    `made` is what makes its memory; None if it is copied.  `filled` is that memory behind all
    that is written to it.  `rows` is the length of its first axis, as factors.
    """

    array: Value
    filled: Operand
    made: Apply | None
    rows: Sequence[Operand]


@dataclass(frozen=True, slots=True)
class _Assembly:
    """Goes through the blocks of a kernel."""

    memory: Memory
    origins: Origins

    def block(self, block: Block) -> Block:
        """The block with results that are made before their parts."""
        block = replace(block, stmts=tuple(map_regions(s, self.block) for s in block.stmts))
        for stmt in block.stmts:
            if isinstance(stmt, Apply) and stmt.op is concatenate and not stmt.kwargs["axis"]:
                block = self.put_together(block, stmt)
        return block

    def put_together(self, block: Block, join: Apply) -> Block:
        """The block with the operands of one statement made in their places, if they can be."""
        at = block.stmts.index(join)
        made = {s.out: s for s in block.stmts[:at] if isinstance(s, Apply) and len(s.outs) == 1}
        lengths = dict(reversed([*_lengths(made.values())]))  # the first of each length
        parts = list(self.parts(block, join, made, lengths))
        makers = [p.made for p in parts if p.made is not None]
        tail = [_length(dim, lengths) for dim in shape_of(join.out)[1:]]
        if not makers or len(parts) < len(join.args) or None in tail:
            return block
        first = min(map(block.stmts.index, makers))
        late = {v for s in block.stmts[first:] for v in s.outs}
        if not late.isdisjoint((*tail, *(n for p in parts for n in p.rows))):
            return block
        return _rebuilt(block, join, parts, [n for n in tail if n is not None], first)

    def parts(
        self, block: Block, join: Apply, made: Mapping[Value, Apply], lengths: Lengths
    ) -> Iterator[Part]:
        """The operands, as far as they fit and their lengths are known."""
        kind, shape = join.out.type, shape_of(join.out)
        later = {v for s in block.stmts[block.stmts.index(join) + 1 :] for v in uses(s)}
        seen = self.memory.read((*later, *block.params, *block.results))
        taken: set[Apply] = set()
        for operand in join.args:
            mine = operand.type
            if not isinstance(operand, Value) or not isinstance(mine, ArrayType):
                return
            before = _unshaped(operand, made)
            source = self.source(before, made)
            if source in taken or not self.memory.read((operand,)).isdisjoint(seen):
                source = None
            rows = [_length(mine.shape[0], lengths)]
            if None in rows and source is not None and mine.rank == 1:
                rows = [_length(dim, lengths) for dim in shape_of(source.out)]
            if None in rows or not same_shape(mine.shape[1:], shape[1:]):
                return
            if not isinstance(kind, ArrayType) or mine.dtype != kind.dtype:
                return
            if source is not None:
                taken.add(source)
            yield Part(operand, before, source, [n for n in rows if n is not None])

    def source(self, array: Operand, made: Mapping[Value, Apply]) -> Apply | None:
        """What makes the memory of the array, if that cannot fail."""
        root = self.origins.first(array)
        stmt = made.get(root) if isinstance(root, Value) else None
        if stmt is None or stmt.op is not empty:
            return None
        return stmt if all(exact(n) is not None for n in _shape(stmt)) else None


def _unshaped(operand: Operand, made: Mapping[Value, Apply]) -> Operand:
    """The array of which the operand is all, in its order."""
    while isinstance(operand, Value) and operand in made and _reshapes(made[operand]):
        operand = made[operand].args[0]
    return operand


def _reshapes(stmt: Apply) -> bool:
    """Whether the op makes a view of all of contiguous memory."""
    steps = path_of(stmt)
    return stmt.op is reshape or (
        stmt.op is read and bool(steps) and all(isinstance(s, Reshape) for s in steps or ())
    )


def _lengths(stmts: Iterable[Apply]) -> Iterator[tuple[Dim, Operand]]:
    """Integers that are lengths of axes and surely not negative."""
    for stmt in stmts:
        for operand in _shape(stmt) if stmt.op is empty else stmt.outs:
            if isinstance(size := exact(operand), Size):
                yield size, operand


def _length(dim: Dim, lengths: Lengths) -> Operand | None:
    """The integer that is the length; None if none is known."""
    if isinstance(dim, int):
        return const(dim)
    return None if dim is None else lengths.get(dim)


def _shape(stmt: Apply) -> tuple[Operand, ...]:
    """The lengths of the axes of what the op makes, as integers."""
    plan = stmt.kwargs["shape"]
    return tuple(stmt.args[n.position] if isinstance(n, Arg) else const(n) for n in plan)


def shape_of(operand: Operand) -> Shape:
    """The lengths of the axes of an array."""
    assert isinstance(operand.type, ArrayType)
    return operand.type.shape


# --- the block anew ---------------------------------------------------------------------------


def _rebuilt(
    block: Block, join: Apply, parts: Sequence[Part], tail: Sequence[Operand], first: int
) -> Block:
    """The block, which makes the result in front of the statement number `first`."""
    builder = Builder(list(block.stmts[:first]), join.loc)
    ends: list[Any] = [None]
    for part in parts:
        factor, *others = (_number(builder, n) for n in part.rows)
        rows = reduce(mul, others, factor)
        ends.append(rows if ends[-1] is None else ends[-1] + rows)
    spans = list(pairwise(ends))
    plan, staged = sizes((ends[-1], *(_number(builder, n) for n in tail)))
    copied = [
        (p.array, start) for p, (start, _) in zip(parts, spans, strict=True) if p.made is None
    ]
    kind = join.out.type
    assert isinstance(kind, ArrayType)
    whole = Value(kind, join.out.hint)
    attrs = freeze({"dtype": kind.dtype, "shape": plan})
    builder.append(Apply(empty, tuple(map(operand_of, staged)), attrs, (whole,), join.loc))
    views = {p.made: (p.array, span) for p, span in zip(parts, spans, strict=True) if p.made}
    for stmt in block.stmts[first:]:
        builder.loc = stmt.loc
        if isinstance(stmt, Apply) and stmt in views:
            _view(builder, whole, stmt, *views[stmt])
        elif stmt is join:
            for array, start in copied:
                whole = _copied(builder, whole, array, start)
            made = (p.filled for p in parts if p.made is not None)
            builder.append(Apply(put_together, (whole, *made), (), join.outs, join.loc))
        else:
            builder.append(stmt)
    return replace(block, stmts=tuple(builder.stmts))


def _number(builder: Builder, operand: Operand) -> Any:
    """The integer, to compute with."""
    plain = known(operand)
    return Handle(builder, operand) if plain is None else plain


def _view(
    builder: Builder, whole: Value, made: Apply, array: Value, span: tuple[Any, Any]
) -> None:
    """Add the memory that the op would make, as a part of the whole."""
    ends, staged = sizes([end for end in span if end is not None])
    path: Path = (Index((Slice(*(None,) * (2 - len(ends)), *ends),)),)
    args = (whole, *map(operand_of, staged))
    if not same_shape(shape_of(made.out), shape_of(array)):
        path = (*path, *shift((Reshape(made.kwargs["shape"]),), len(staged)))
        args = (*args, *made.args)
    attrs = freeze({"path": path, "view": True})
    builder.append(Apply(read, args, attrs, made.outs, made.loc))


def _copied(builder: Builder, whole: Value, array: Value, start: Any) -> Value:
    """The whole, with loops that copy the array to its place."""
    lengths = [
        const(dim) if isinstance(dim, int) else builder.add(extent, (array,), {"axis": axis})[0]
        for axis, dim in enumerate(shape_of(array))
    ]
    return _Copying(array, start, lengths).loop(builder, whole, ())


@dataclass(frozen=True, slots=True)
class _Copying:
    """Loops that copy an array into another, from one row on."""

    array: Value
    start: Any  # None: the first
    lengths: Sequence[Operand]

    def loop(self, builder: Builder, whole: Value, where: tuple[Value, ...]) -> Value:
        """Add the loop along the next axis."""
        index, inner = Value(INT), Value(whole.type, whole.hint)
        body, at = builder.nested(), (*where, index)
        if len(at) < len(self.lengths):
            result = self.loop(body, inner, at)
        else:
            element = read_element(body, self.array, at)
            row = at[0] if self.start is None else operand_of(Handle(body, at[0]) + self.start)
            result = write_element(body, inner, element, (row, *at[1:]), whole.hint)
        block = body.block((index, inner), (result,))
        out, end = Value(whole.type, whole.hint), self.lengths[len(where)]
        loop = For(const(0), end, const(1), (whole,), block, (out,), loc=builder.loc)
        builder.append(loop)
        return out
