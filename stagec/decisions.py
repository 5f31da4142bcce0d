"""What a specialisation depends on besides the types of its arguments, and how to test it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from stagec.frontend.arguments import Flat, layout_of
from stagec.frontend.stage import Program
from stagec.ir.types import ArrayType, Size, Symbol, size
from stagec.ops.needed_sizes import needed_sizes, with_sizes


def settled(program: Program, flat: Flat) -> Program:
    """The program with the sizes that it needs to be what they are at this call as numbers."""
    fn = program.function
    now: dict[Symbol, int] = {}
    places: list[tuple[Symbol, tuple[int, int]]] = []
    for param, leaf in zip(fn.params, program.leaves, strict=False):
        shape = param.type.shape if isinstance(param.type, ArrayType) else ()
        for axis, dim in enumerate(shape):
            if isinstance(dim, Size) and dim == size(symbol := dim.terms[0][0]):
                places.append((symbol, (leaf, axis)))
                now[symbol] = flat.leaves[leaf].shape[axis]
    known = needed_sizes(fn, now)
    if not known:
        return program
    decisions = program.decisions | {("size", at) for s, at in places if s in known}
    return replace(program, function=with_sizes(fn, known), decisions=decisions)


def checker(decision: tuple[str, Any], flat: Flat) -> Callable[[Flat], bool] | None:
    """The test that an argument is still what staging was told."""
    kind, key = decision
    if kind == "int":
        wanted = flat.leaves[key]
        return lambda now: now.leaves[key] == wanted
    if kind == "size":
        leaf, axis = key
        length = flat.leaves[leaf].shape[axis]
        return lambda now: now.leaves[leaf].shape[axis] == length
    if kind == "equal":
        (leaf, axis), (other, at) = key
        return lambda now: now.leaves[leaf].shape[axis] == now.leaves[other].shape[at]
    if kind == "part":
        (leaf, axis), (other, at), parts = key
        return lambda now: parts * now.leaves[leaf].shape[axis] == now.leaves[other].shape[at]
    if kind == "multiple":
        (leaf, axis), parts = key
        return lambda now: (
            now.leaves[leaf].shape[axis] % parts == 0 and now.leaves[leaf].shape[axis] > parts
        )
    if kind == "layout":
        layout = layout_of(flat.leaves[key])
        return lambda now: layout_of(now.leaves[key]) == layout
    return None
