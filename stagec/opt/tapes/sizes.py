"""Sizes as integers, from the arrays that are there and from loop indices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from stagec.ir.build import Builder, freeze
from stagec.ir.core import Apply, Op, Operand, Value, const, known, operand_of
from stagec.ir.path import Arg
from stagec.ir.types import ArrayType, Dim, Shape, Size, Symbol, affine, at_least, size
from stagec.ir.walk import rename
from stagec.ops.arithmetic import Handle
from stagec.ops.creation import empty
from stagec.ops.extent import extent
from stagec.ops.rounding import py_max
from stagec.opt.scalarise.sizes import Sizes


class Unknown(Exception):
    """No array tells the size."""


@dataclass(slots=True)
class Lengths:
    """What arrays tell of sizes.

    Attributes
    ----------
    names : what the values of a function have become.
    arrays : arrays that are there and surely set, whose lengths may be asked for.
    """

    names: Mapping[Value, Operand]
    arrays: list[Value] = field(default_factory=list[Value])

    def room(self, builder: Builder, most: Dim) -> Operand:
        """The largest value of a length as the size of an array; may raise `Unknown`."""
        found = self.size(builder, most, {})
        least = at_least(most)
        if least is not None and least >= 0:
            return found
        return builder.add(py_max, (found, const(0)), {})[0]

    def size(self, builder: Builder, dim: Dim, indices: Mapping[Symbol, Operand]) -> Operand:
        """The size as an integer, where symbols stand for `indices`; may raise `Unknown`."""
        if not isinstance(dim, Size):
            return const(dim)
        found = self.axis(builder, dim)
        if found is not None:
            return found
        parts: dict[Dim, Operand] = {}
        for symbol, _ in dim.terms:
            part = indices.get(symbol) or self.axis(builder, size(symbol))
            if part is None:
                raise Unknown
            parts[size(symbol)] = part
        return Sizes({}, parts).value(builder, dim)

    def axis(self, builder: Builder, dim: Size) -> Operand | None:
        """The size from one axis of an array."""
        found: list[tuple[int, int, Value, int]] = []
        for array in self.arrays:
            kind = array.type
            assert isinstance(kind, ArrayType)
            for axis, d in enumerate(kind.shape):
                times = _times(dim, d)
                more = affine((dim, 1), (d, -times))
                if isinstance(more, int):
                    found.append((times, more, array, axis))
        if not found:
            return None
        times, more, array, axis = min(found, key=lambda f: f[0])
        there = rename(array, self.names)
        (length,) = builder.add(extent, (there,), {"axis": axis})
        return operand_of(_line(Handle(builder, length), times, more))


def room(
    builder: Builder,
    sizes: Sequence[Operand],
    element: Shape,
    dtype: np.dtype,
    hint: str,
    op: Op = empty,
) -> Value:
    """A new array of these sizes, of which the last are those of an element."""
    staged = tuple(s for s in sizes if isinstance(s, Value))
    shape = tuple(Arg(staged.index(s)) if isinstance(s, Value) else known(s) for s in sizes)
    attrs = {"shape": shape, "dtype": dtype}
    found = op.infer(*(s.type for s in staged), **attrs)
    assert isinstance(found, ArrayType)
    exact = (*found.shape[: len(sizes) - len(element)], *element)
    array = Value(replace(found, shape=exact), hint)
    builder.append(Apply(op, staged, freeze(attrs), (array,), builder.loc))
    return array


def _times(dim: Size, part: Dim) -> int:
    """How many times the part is in the size, if it is a multiple of the part and a number."""
    if not isinstance(part, Size):
        return 1
    (symbol, factor), *_ = part.terms
    return max(1, dict(dim.terms).get(symbol, 0) // factor)


def _line(length: Any, times: int, more: int) -> Any:
    """The length times a number, and something more."""
    found = length if times == 1 else times * length
    return found - -more if more < 0 else found + more if more else found
