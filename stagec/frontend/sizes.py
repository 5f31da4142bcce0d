"""Lengths that staging needs: the sizes of arguments that they come from join the key."""

from __future__ import annotations

from collections.abc import Iterable
from math import gcd
from typing import Any

from stagec.frontend.machine import Machine, Restart
from stagec.frontend.state import Branch, Tree
from stagec.ir.build import exact
from stagec.ir.core import Apply, Operand, Value as Staged
from stagec.ir.path import Arg
from stagec.ir.types import (
    ArrayType,
    Dim,
    Shape,
    Size,
    Symbol,
    Type,
    product,
    quotient,
    same,
)
from stagec.ir.walk import uses
from stagec.ops.arithmetic import Handle
from stagec.ops.extent import extent
from stagec.ops.rounding import floor_divide
from stagec.ops.shape import reshape


def need_sizes(m: Machine, operand: Operand) -> None:
    """Restage with a size of an argument on which an array's shape, or a length, depends.

    A size that the graph does not know, such as that of a slice, comes from an axis of what the
    array was made from: the same one from behind, or else any that the array does not have.
    """
    if not isinstance(operand, Staged):
        return
    array, axes = operand, range(len(shape_of(operand)))
    made = m.defs.producer.get(operand)
    if isinstance(made, Apply) and made.op is extent and isinstance(made.args[0], Staged):
        array = made.args[0]
        axes = range(axis := dict(made.attrs)["axis"], axis + 1)
    shape = shape_of(array)
    own = argument_sizes(m, shape)
    unknown = [k - len(shape) for k in axes if not is_argument_size(m, shape[k])]
    parts = sources(m, array) if unknown else []
    same_axes = [[s[k] for k in unknown if -k <= len(s)] for s in map(shape_of, parts)]
    for dims in (*same_axes, *map(shape_of, parts)):
        for symbol in argument_sizes(m, dims):
            if symbol not in own:
                raise Restart("size", m.size_origin[symbol])
    for symbol in argument_sizes(m, [shape[k] for k in axes]):
        raise Restart("size", m.size_origin[symbol])


def need_tested_sizes(m: Machine, tree: Tree) -> None:
    """Restage with a size of an argument that the conditions of the tree ask about, if any."""
    if not isinstance(tree, Branch):
        return
    tested = [tree.cond, *sources(m, tree.cond)] if isinstance(tree.cond, Staged) else []
    for value in tested:
        made = m.defs.producer.get(value)
        if isinstance(made, Apply) and made.op is extent:
            dim = shape_of(made.args[0])[dict(made.attrs)["axis"]]
            for symbol in argument_sizes(m, [dim]):
                raise Restart("size", m.size_origin[symbol])
    need_tested_sizes(m, tree.then)
    need_tested_sizes(m, tree.orelse)


def sources(m: Machine, value: Staged) -> list[Staged]:
    """The values that a value was made from, nearest first."""
    found = {value: None}
    work = [value]
    for part in work:
        made = m.defs.producer.get(part)
        new = [u for u in uses(made) if u not in found] if made is not None else []
        found.update(dict.fromkeys(new))
        work += new
    return work[1:]


def shape_of(operand: Operand) -> Shape:
    """The shape of an array; none of anything else."""
    return operand.type.shape if isinstance(operand.type, ArrayType) else ()


def divide_sizes(m: Machine, result: Any) -> None:
    """Restage with an axis of an argument as a multiple, where that tells a size.

    A quotient of the axis, and the sizes that it is reshaped to, are then known to fit; the
    program is staged again for calls where the axis is no such multiple.
    """
    if not isinstance(result, Handle) or not isinstance(result.operand, Staged):
        return
    made = m.defs.producer.get(result.operand)
    if not isinstance(made, Apply):
        return
    if made.op is floor_divide:
        a, b = map(exact, made.args)
        if isinstance(b, int) and isinstance(a, Size) and quotient(a, b) is None:
            divide(m, a, b)
    elif made.op is reshape:
        _divide_reshaped(m, made)


def _divide_reshaped(m: Machine, made: Apply) -> None:
    """The same for an axis of an array that is split by a reshape."""
    old = shape_of(made.args[0])
    given = made.kwargs["shape"]
    new = [exact(made.args[1 + d.position]) if isinstance(d, Arg) else d for d in given]
    while old and new and same(old[-1], new[-1]):
        old, new = old[:-1], new[:-1]
    while old and new and same(old[0], new[0]):
        old, new = old[1:], new[1:]
    others = [d for d in new if d != -1]
    if len(old) != 1 or not isinstance(old[0], Size) or None in others:
        return
    whole: Dim = 1
    for dim in others:
        whole = product(whole, dim)
    if isinstance(whole, int) and -1 in new and quotient(old[0], whole) is None:
        divide(m, old[0], whole)
    if isinstance(whole, int) and -1 not in new and whole == value_of(m, old[0]):
        for symbol in argument_sizes(m, [old[0]]):
            raise Restart("size", m.size_origin[symbol])
    if isinstance(whole, Size) and not same(whole, old[0]) and len(whole.terms) == 1:
        ((symbol, factor),) = whole.terms
        wanted = factor * m.size_values.get(symbol, 0)
        if not whole.const and wanted and wanted == value_of(m, old[0]):
            divide(m, old[0], factor)


def divide(m: Machine, dim: Size, by: int) -> None:
    """Restage with the axis that the size comes from as a multiple, if it is one."""
    if len(dim.terms) != 1 or dim.const:
        return
    ((symbol, factor),) = dim.terms
    more = by // gcd(by, factor)
    value = m.size_values.get(symbol, 0)
    if more > 1 and value % more == 0 and value // more > 1:
        axis = m.size_origin[symbol]
        raise Restart("multiple", (axis, m.parts(axis) * more))


def joined_sizes(m: Machine, a: Type, b: Type) -> None:
    """Restage with a size that is a number on one path, and is that number at this call.

    A step `y + h * np.array([...])` turns an array of `n` elements into one of 3: the loop
    around it would not know how many there are.
    """
    if not isinstance(a, ArrayType) or not isinstance(b, ArrayType):
        return
    for pair in zip(a.shape, b.shape, strict=False):
        for dim, number in (pair, pair[::-1]):
            if not isinstance(dim, Size) or not isinstance(number, int):
                continue
            if value_of(m, dim) == number:
                for symbol in argument_sizes(m, [dim]):
                    raise Restart("size", m.size_origin[symbol])


def value_of(m: Machine, dim: Size) -> int | None:
    """The size at the first call, if it is one of an argument."""
    if not all(symbol in m.size_values for symbol, _ in dim.terms):
        return None
    return dim.const + sum(factor * m.size_values[symbol] for symbol, factor in dim.terms)


def argument_sizes(m: Machine, dims: Iterable[Dim]) -> list[Symbol]:
    """The sizes of arguments in dimensions."""
    terms = [t for dim in dims if isinstance(dim, Size) for t in dim.terms]
    return [symbol for symbol, _ in terms if symbol in m.size_origin]


def is_argument_size(m: Machine, dim: Dim) -> bool:
    """Whether the dimension is known or made of sizes of arguments."""
    if isinstance(dim, Size):
        return all(s in m.size_origin for s, _ in dim.terms)
    return dim is not None
