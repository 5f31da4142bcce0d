"""Numbers that are not set on some path, where they are passed to kernels, are zero there.

    total = None                         total = 0.0
    for row in rows:              ->     for row in rows:
        total = kernel(row, total)           total = kernel(row, total)

Nobody reads such a number, but compiled code takes a number or nothing at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from stagec.ir.core import (
    Block,
    Call,
    Const,
    For,
    If,
    Operand,
    Stmt,
    Undef,
    Value,
    While,
    zero,
)
from stagec.ir.flows import flows
from stagec.ir.function import Function
from stagec.ir.rebuild import map_regions
from stagec.ir.types import ArrayType
from stagec.ir.walk import statements


def unset(fn: Function) -> Function:
    """The function, run after `opt/kernels`, with such numbers set to zero."""
    kernels = {f.name for f in fn.functions if f.kernel}
    functions = tuple(f if f.kernel else unset(f) for f in fn.functions)
    calls = (s for s in statements(fn.body) if isinstance(s, Call) and s.function in kernels)
    return replace(
        fn, body=settled(fn.body, (a for s in calls for a in s.args)), functions=functions
    )


def settled(body: Block, uses: Iterable[Operand]) -> Block:
    """The block with the numbers set that come to these uses, also through loops."""
    found = {a for a in uses if isinstance(a, Value)}
    if not found:
        return body
    joins = [(target, source) for s in statements(body) for source, target in flows(s)]
    while True:
        more = {b for a, b in joins if a in found and isinstance(b, Value)} - found
        if not more:
            return _settled(body, found)
        found |= more


def _settled(block: Block, passed: set[Value]) -> Block:
    """The block with the numbers among these values set."""
    return replace(block, stmts=tuple(_stmt(s, passed) for s in block.stmts))


def _stmt(stmt: Stmt, passed: set[Value]) -> Stmt:
    wanted = {target for _, target in flows(stmt)} & passed
    stmt = map_regions(stmt, lambda inner: _settled(inner, passed))
    match stmt:
        case If(then=then, orelse=orelse, outs=outs):
            flags = [out in wanted for out in outs]
            return replace(stmt, then=_set(then, flags), orelse=_set(orelse, flags))
        case For() | While():
            params = stmt.body.params[len(stmt.body.params) - len(stmt.carry) :]
            pairs = zip(stmt.carry, params, strict=True)
            flags = [not wanted.isdisjoint(pair) for pair in pairs]
            init = tuple(
                filled(v) if flag else v for v, flag in zip(stmt.init, flags, strict=True)
            )
            return replace(stmt, init=init, body=_set(stmt.body, flags))
        case _:
            return stmt


def _set(block: Block, flags: list[bool]) -> Block:
    """The block with those of its first results set that are flagged."""
    results = list(block.results)
    for k, flag in enumerate(flags):
        if flag:
            results[k] = filled(results[k])
    return replace(block, results=tuple(results))


def filled(operand: Operand) -> Operand:
    """A zero for a number that is not set; anything else as it is."""
    kind = operand.type
    if not isinstance(operand, Undef) or not isinstance(kind, ArrayType):
        return operand
    if kind.kind == "array" or kind.dtype.kind not in "biufc":
        return operand
    return Const(zero(kind).value, kind)
