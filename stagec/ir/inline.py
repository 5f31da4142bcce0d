"""Inlining: the body of a function as statements of another block."""

from __future__ import annotations

from collections.abc import Sequence

from stagec.ir.build import Builder
from stagec.ir.core import Operand, Stmt, Value
from stagec.ir.function import Function
from stagec.ir.walk import clone_stmt, rename


def inline(
    fn: Function, args: Sequence[Operand]
) -> tuple[tuple[Stmt, ...], tuple[Operand, ...]]:
    """The statements of `fn` on `args`, all definitions fresh, and the results.

    Calls inside keep their names: the caller takes over `fn.functions`.
    """
    names: dict[Value, Operand] = dict(zip(fn.params, args, strict=True))
    stmts = tuple(clone_stmt(stmt, names) for stmt in fn.body.stmts)
    return stmts, tuple(rename(result, names) for result in fn.results)


def inline_into(builder: Builder, fn: Function, args: Sequence[Operand]) -> tuple[Operand, ...]:
    """The results of `fn` on `args`, its statements appended to the builder."""
    stmts, results = inline(fn, args)
    for stmt in stmts:
        builder.append(stmt)
    return results
