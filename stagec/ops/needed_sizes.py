"""Sizes of arguments that a program needs to be certain numbers.

In `points - np.zeros((k, 3))` the last size of `points` is 3, or the operation raises.  Where
it is 3, knowing so costs nothing: no other call could use the code.  So it is with the 4 of
`np.zeros(3) + points[0, 1:]`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from stagec.ir.core import Apply
from stagec.ir.function import Function
from stagec.ir.types import ArrayType, Dim, ListType, Size, Symbol, Type, affine, size
from stagec.ir.walk import clone, statements

Known = Mapping[Symbol, int]
Terms = Mapping[Symbol, Dim]


def needed_sizes(fn: Function, now: Known) -> dict[Symbol, int]:
    """The symbols, of those whose values `now` are given, that an op needs to be what they are.

    An op needs a size, or what is left of one, to be 3 if it meets a 3 in another operand and
    another size would not do.
    """
    found: dict[Symbol, int] = {}
    for inner in (fn, *fn.functions):
        for stmt in statements(inner.body):
            if isinstance(stmt, Apply):
                found.update(_needed_by(stmt, now))
    return found


def _needed_by(stmt: Apply, now: Known) -> dict[Symbol, int]:
    types = [a.type for a in stmt.args]
    dims = {d for t in types if isinstance(t, ArrayType) for d in t.shape}
    sizes = [d for d in dims if isinstance(d, Size) and len(d.terms) == 1]
    symbols = {d.terms[0][0] for d in sizes if _dim(d, now) in dims} & now.keys()
    return {
        s: now[s]
        for s in symbols
        if _accepts(stmt, types, {s: now[s]}) and not _accepts(stmt, types, {s: now[s] + 1})
    }


def _accepts(stmt: Apply, types: list[Type], known: Known) -> bool:
    try:
        stmt.op.infer(*(_sized(t, known) for t in types), **stmt.kwargs)
    except TypeError:
        return False
    return True


def with_sizes(fn: Function, known: Terms) -> Function:
    """The function for arguments whose sizes are known to be these."""
    functions = tuple(with_sizes(f, known) for f in fn.functions)
    body = clone(fn.body, {}, retyped=lambda type: _sized(type, known))
    return replace(fn, body=body, functions=functions)


def _sized(type: Type, known: Terms) -> Type:
    match type:
        case ListType(element):
            return ListType(_sized(element, known))
        case ArrayType():
            shape = tuple(_dim(d, known) for d in type.shape)
            exact = _dim(type.size, known)
            return replace(type, shape=shape, size=exact if isinstance(exact, Size) else None)
        case _:
            return type


def _dim(dim: Dim, known: Terms) -> Dim:
    if not isinstance(dim, Size) or not any(s in known for s, _ in dim.terms):
        return dim
    return affine(*((known.get(s, size(s)), f) for s, f in dim.terms), const=dim.const)
