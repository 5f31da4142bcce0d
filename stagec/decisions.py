"""What a specialisation depends on besides the types of its arguments, and how to test it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from stagec.frontend.arguments import NUMBER, Flat, layout_of
from stagec.frontend.stage import Program
from stagec.ir.types import ArrayType, Size, Symbol, size
from stagec.ops.needed_sizes import needed_sizes, with_sizes
from stagec.ops.related_sizes import related_sizes


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


def related(program: Program, flat: Flat) -> Program:
    """The program with the sizes that it takes to be near each other as they are at this call:
    one of them is a symbol, and others are that and so many more.
    """
    fn = program.function
    places = _places(program)
    now = {s: measured(flat, place) for s, place in places.items()}
    near = related_sizes(fn, now, {s for s, (_, axis) in places.items() if axis == NUMBER})
    if not near.found:
        return program
    offsets: set[tuple[str, Any]] = set()
    for symbol, dim in near.found.items():
        assert isinstance(dim, Size)
        base = near.made.get(dim.terms[0][0], dim.terms[0][0])
        if base != symbol:
            offsets.add(("offset", (places[symbol], places[base], dim.const)))
    lengths = [(s, n) for s, n in fn.lengths if s not in near.found]
    lengths += [(made, now[s]) for made, s in near.made.items()]
    return replace(
        program,
        function=replace(with_sizes(fn, near.found), lengths=tuple(lengths)),
        decisions=program.decisions | offsets,
    )


def _places(program: Program) -> dict[Symbol, tuple[int, int]]:
    """Where the symbols of sizes and integers come from: argument and axis."""
    found: dict[Symbol, tuple[int, int]] = {}
    for param, leaf in zip(program.function.params, program.leaves, strict=False):
        if isinstance(kind := param.type, ArrayType):
            dims = [*enumerate(kind.shape), *([(NUMBER, kind.size)] if kind.size else ())]
            for axis, dim in dims:
                if isinstance(dim, Size) and dim == size(symbol := dim.terms[0][0]):
                    found.setdefault(symbol, (leaf, axis))
    return found


def measured(flat: Flat, place: tuple[int, int]) -> int:
    """The length of the axis, or the integer."""
    leaf, axis = place
    value = flat.leaves[leaf]
    return value if axis == NUMBER else value.shape[axis]


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
    if kind == "offset":
        place, other, more = key
        return lambda now: measured(now, place) == measured(now, other) + more > more + 1
    if kind == "multiple":
        (leaf, axis), parts = key
        return lambda now: (
            now.leaves[leaf].shape[axis] % parts == 0 and now.leaves[leaf].shape[axis] > parts
        )
    if kind == "layout":
        layout = layout_of(flat.leaves[key])
        return lambda now: layout_of(now.leaves[key]) == layout
    return None
