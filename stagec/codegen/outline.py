"""Statements nested too deep for CPython become functions of their own.

CPython accepts 20 nested loops and 100 levels of indentation; the compiler's own recursion is
bounded by the same measure.
"""

from __future__ import annotations

from dataclasses import replace

from stagec.ir.core import Block, Call, For, If, Stmt, While
from stagec.ir.function import Function
from stagec.ir.rebuild import map_regions
from stagec.ir.walk import clone, uses

MAX_LOOPS = 15
MAX_BRANCHES = 60


def outline(fn: Function) -> Function:
    """The function with what is nested too deep moved into residual functions."""
    helpers: list[Function] = []
    taken = {fn.name, *(f.name for f in fn.functions)}
    body = _bounded(fn.body, 0, 0, fn.name, taken, helpers)
    inner = tuple(outline(f) for f in fn.functions)
    return replace(fn, body=body, functions=(*inner, *helpers))


def _bounded(
    block: Block, loops: int, branches: int, name: str, taken: set[str], helpers: list[Function]
) -> Block:
    return replace(
        block, stmts=tuple(_step(s, loops, branches, name, taken, helpers) for s in block.stmts)
    )


def _step(
    stmt: Stmt, loops: int, branches: int, name: str, taken: set[str], helpers: list[Function]
) -> Stmt:
    if not isinstance(stmt, If | For | While):
        return stmt
    loops += isinstance(stmt, For | While)
    branches += isinstance(stmt, If)
    if loops > MAX_LOOPS or branches > MAX_BRANCHES:
        return _helper(stmt, name, taken, helpers)
    return map_regions(
        stmt, lambda region: _bounded(region, loops, branches, name, taken, helpers)
    )


def _helper(stmt: Stmt, name: str, taken: set[str], helpers: list[Function]) -> Stmt:
    """The call that replaces the statement; its function is added to `helpers`."""
    number = 1
    while f"{name}_part_{number}" in taken:
        number += 1
    helper = f"{name}_part_{number}"
    taken.add(helper)
    given = tuple(uses(stmt))
    body = clone(Block(given, (stmt,), stmt.outs), {})
    inner = _bounded(body, 0, 0, name, taken, helpers)
    helpers.append(Function(helper, inner))
    return Call(helper, given, stmt.outs, stmt.loc)
