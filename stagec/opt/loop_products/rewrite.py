"""Products of matrices in place of sums in loops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stagec.ir.build import Builder, exact
from stagec.ir.core import Apply, Const, For, Operand, Value, const, known, operand_of
from stagec.ir.types import ArrayType, same
from stagec.ir.walk import clone_stmt, rename
from stagec.ops.arithmetic import Handle
from stagec.ops.axes import transpose
from stagec.ops.family import sizes
from stagec.ops.indexing import read
from stagec.ops.products import matmul
from stagec.ops.shape import reshape, total_size
from stagec.opt.elements import indices_of, is_element, read_element, write_element
from stagec.opt.loop_products.search import Factor, Found
from stagec.opt.tapes.sizes import room
from stagec.opt.tapes.trips import Trips


def needs(product: Found) -> set[Operand]:
    """What the product is computed from, and its loops' own values."""
    loops = (*product.around, *product.summed)
    steps = (*product.left.steps, *product.right.steps)
    return {v for loop in loops for v in (loop.lo, loop.hi)} | {
        a for s in steps for a in s.args
    }


def made(builder: Builder, product: Found) -> Value:
    """The product, with an axis for each of the loops around the sum: those of the left factor,
    then those of the right one.
    """
    loops = (*product.around, *product.summed)
    trips = Trips({})
    counts = {loop: trips.count(builder, loop) for loop in loops}
    left, right = product.left, product.right
    a = _matrix(builder, left, left.own, product.summed, counts)
    b = _matrix(builder, right, product.summed, right.own, counts)
    (whole,) = builder.add(matmul, (a, b), {})
    return _reshaped(builder, whole, [counts[loop] for loop in (*left.own, *right.own)])


def term(builder: Builder, product: Found, whole: Value) -> None:
    """Add what the loop has summed up, in place of the loop."""
    where = _places(builder, (*product.left.own, *product.right.own), {})
    value = read_element(builder, whole, where)
    args = (product.loop.init[0], value)
    builder.append(Apply(product.step.op, args, (), product.loop.carry, builder.loc))


def _matrix(
    builder: Builder, factor: Factor, rows: Sequence[For], columns: Sequence[For],
    counts: dict[For, Operand],
) -> Value:  # fmt: skip
    """The factor as a matrix."""
    groups = [[counts[loop] for loop in loops] for loops in (rows, columns)]
    array = _elements(factor, (*rows, *columns))
    if array is None:
        turned = _elements(factor, (*columns, *rows))
        if turned is not None:
            flat = _flat(builder, turned, groups[::-1])
            return operand_of(transpose(Handle(builder, flat), axes=(1, 0)))  # type: ignore[return-value]
        array = _read(builder, factor, (*rows, *columns), counts)
    return _flat(builder, array, groups)


def _flat(builder: Builder, array: Value, groups: Sequence[Sequence[Operand]]) -> Value:
    """The array with one axis for each group of axes."""
    lengths = [total_size([_number(builder, n) for n in group]) for group in groups]
    return _reshaped(builder, array, [operand_of(n) for n in lengths])


def _reshaped(builder: Builder, array: Value, lengths: Sequence[Operand]) -> Value:
    kind = array.type
    assert isinstance(kind, ArrayType)
    if kind.rank == len(lengths):
        return array
    plan, given = sizes(tuple(_number(builder, n) for n in lengths))
    return operand_of(reshape(Handle(builder, array), *given, shape=plan))  # type: ignore[return-value]


def _number(builder: Builder, operand: Operand) -> Any:
    """The operand as a number or a handle."""
    return operand.value if isinstance(operand, Const) else Handle(builder, operand)


def _elements(factor: Factor, loops: Sequence[For]) -> Value | None:
    """The array whose elements in order are the factor in these loops, if there is one."""
    if len(factor.steps) != 1:
        return None
    (stmt,) = factor.steps
    array = stmt.args[0]
    kind, indices = array.type, [loop.body.params[0] for loop in loops]
    if stmt.op is not read or not is_element(stmt) or not isinstance(array, Value):
        return None
    assert isinstance(kind, ArrayType)
    chosen = list(indices_of(stmt))
    axes = [axis for axis, _ in chosen]
    if [index for _, index in chosen] != indices:
        return None
    long = (axis for axis, dim in enumerate(kind.shape) if axis not in axes and dim != 1)
    pairs = zip(loops, (kind.shape[axis] for axis in axes), strict=True)
    whole = all(known(loop.lo) == 0 and same(exact(loop.hi), dim) for loop, dim in pairs)
    return array if whole and next(long, None) is None else None


def _read(
    builder: Builder, factor: Factor, loops: Sequence[For], counts: dict[For, Operand]
) -> Value:
    """A new array of what the factor is in the loops."""
    kind = factor.value.type
    assert isinstance(kind, ArrayType)
    array = room(builder, [counts[loop] for loop in loops], (), kind.dtype, "")
    return _nest(builder, factor, loops, 0, array, {})


def _nest(
    builder: Builder, factor: Factor, loops: Sequence[For], depth: int, array: Value,
    names: dict[Value, Operand],
) -> Value:  # fmt: skip
    """Add the loops from `depth` on; the array that they write to."""
    loop, body = loops[depth], Builder(loc=builder.loc)
    index = loop.body.params[0]
    names[index] = own = Value(index.type, index.hint)
    param, out = Value(array.type), Value(array.type)
    if depth + 1 < len(loops):
        result = _nest(body, factor, loops, depth + 1, param, names)
    else:
        for stmt in factor.steps:
            body.append(clone_stmt(stmt, names))
        value = rename(factor.value, names)
        result = write_element(body, param, value, _places(body, loops, names))
    block = body.block((own, param), (result,))
    builder.append(For(loop.lo, loop.hi, const(1), (array,), block, (out,), loc=builder.loc))
    return out


def _places(
    builder: Builder, loops: Sequence[For], names: dict[Value, Operand]
) -> list[Operand]:
    """The numbers of the trips of the loops."""
    found: list[Operand] = []
    for loop in loops:
        index = rename(loop.body.params[0], names)
        if known(loop.lo) != 0:
            index = operand_of(Handle(builder, index) - _number(builder, loop.lo))
        found.append(index)
    return found
