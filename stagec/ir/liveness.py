"""Liveness: which values are still needed after a statement.

A value is live where a later statement, a result of the block, a later trip of a loop around
the block, or the code after the block may use it.  Blocks are analysed one at a time; nested
ones on demand, from what `live_out` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Set as AbstractSet
from typing import assert_never

from stagec.ir.core import Apply, Block, Call, For, If, Operand, Stmt, Value, While
from stagec.ir.walk import free_values, uses


def live_after(block: Block, live: AbstractSet[Value] = frozenset()) -> list[set[Value]]:
    """For each statement of the block the values that are live after it.

    `live` are the values of enclosing blocks (or parameters of this one) that are needed after
    the block; its results are always live at its end.
    """
    current = set(live) | values_of(block.results)
    after: list[set[Value]] = []
    for stmt in reversed(block.stmts):
        after.append(set(current))
        current -= set(stmt.outs)
        current |= uses(stmt).keys()
    after.reverse()
    return after


def live_out(stmt: Stmt, after: AbstractSet[Value]) -> tuple[set[Value], ...]:
    """For each region of the statement what is live after it, given what is after `stmt`.

    What a loop body uses of enclosing blocks stays live throughout the loop; so do the
    parameters of a loop condition, which the body reads after it.
    """
    outer = set(after) - set(stmt.outs)
    match stmt:
        case Apply() | Call():
            return ()
        case If():
            return outer, set(outer)
        case For(body=body):
            return (outer | free_values(body).keys(),)
        case While(cond=cond, body=body):
            outer |= free_values(cond).keys() | free_values(body).keys()
            return outer | set(cond.params), outer
        case _:
            assert_never(stmt)


def values_of(operands: Iterable[Operand]) -> set[Value]:
    """The operands that are values."""
    return {operand for operand in operands if isinstance(operand, Value)}
