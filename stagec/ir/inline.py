"""Inlining: the body of a function as statements of another block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from stagec.ir.build import Builder
from stagec.ir.core import Operand, Stmt, Value
from stagec.ir.function import Function
from stagec.ir.types import ArrayType, Dim, ListType, Shape, Size, Symbol, Type, affine, size
from stagec.ir.walk import clone_stmt, rename


def inline(
    fn: Function, args: Sequence[Operand]
) -> tuple[tuple[Stmt, ...], tuple[Operand, ...]]:
    """The statements of `fn` on `args`, all definitions fresh, and the results.

    Calls inside keep their names: the caller takes over `fn.functions`.  The symbols of its
    sizes become those of the arguments.
    """
    names: dict[Value, Operand] = dict(zip(fn.params, args, strict=True))
    sizes = _sizes(fn.params, args)
    if all(dim == size(symbol) for symbol, dim in sizes.items()):
        stmts = tuple(clone_stmt(stmt, names) for stmt in fn.body.stmts)
    else:
        retyped = partial(resized, sizes)
        stmts = tuple(clone_stmt(stmt, names, retyped=retyped) for stmt in fn.body.stmts)
    return stmts, tuple(rename(result, names) for result in fn.results)


def _sizes(params: Sequence[Value], args: Sequence[Operand]) -> dict[Symbol, Dim]:
    """What the symbols of the parameters are in the arguments."""
    found: dict[Symbol, Dim] = {}
    for param, arg in zip(params, args, strict=True):
        for a, b in zip(_dims(param.type), _dims(arg.type), strict=False):
            if isinstance(a, Size) and len(a.terms) == 1 and a == size(a.terms[0][0]):
                known = found.get(a.terms[0][0])
                found[a.terms[0][0]] = b if known is None else known
    return found


def _dims(type: Type) -> Shape:
    if isinstance(type, ListType):
        return _dims(type.element)
    if not isinstance(type, ArrayType):
        return ()
    return type.shape if type.rank else (type.size,)


def resized(sizes: Mapping[Symbol, Dim], type: Type) -> Type:
    """The type with other sizes; what is said by a symbol that has none is not known."""
    if isinstance(type, ListType):
        return replace(type, element=resized(sizes, type.element))
    if not isinstance(type, ArrayType):
        return type
    dims = tuple(_renamed(sizes, d) for d in type.shape)
    exact = _renamed(sizes, type.size)
    return replace(type, shape=dims, size=exact if isinstance(exact, Size) else None)


def _renamed(sizes: Mapping[Symbol, Dim], dim: Dim) -> Dim:
    if not isinstance(dim, Size):
        return dim
    return affine(*((sizes.get(s), factor) for s, factor in dim.terms), const=dim.const)


def inline_into(builder: Builder, fn: Function, args: Sequence[Operand]) -> tuple[Operand, ...]:
    """The results of `fn` on `args`, its statements appended to the builder."""
    stmts, results = inline(fn, args)
    for stmt in stmts:
        builder.append(stmt)
    return results
