"""Lengths that staging needs: the sizes of arguments that they come from join the key."""

from __future__ import annotations

from collections.abc import Iterable

from stagec.frontend.machine import Machine, Restart
from stagec.ir.core import Apply, Operand, Value as Staged
from stagec.ir.types import ArrayType, Dim, Shape, Size, Symbol
from stagec.ir.walk import uses
from stagec.ops.extent import extent


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


def argument_sizes(m: Machine, dims: Iterable[Dim]) -> list[Symbol]:
    """The sizes of arguments in dimensions."""
    terms = [t for dim in dims if isinstance(dim, Size) for t in dim.terms]
    return [symbol for symbol, _ in terms if symbol in m.size_origin]


def is_argument_size(m: Machine, dim: Dim) -> bool:
    """Whether the dimension is known or made of sizes of arguments."""
    if isinstance(dim, Size):
        return all(s in m.size_origin for s, _ in dim.terms)
    return dim is not None
