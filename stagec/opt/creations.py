"""New arrays are made right before they are first used, so in the kernel that fills them.

One that is asked for in front of something that may fail stays there: the errors of a program
come in its own order.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import partial

from stagec.ir.alias import path_of
from stagec.ir.core import Apply, Block, Call, Effect, Operand, Stmt, While
from stagec.ir.function import Function
from stagec.ir.rebuild import map_regions
from stagec.ir.types import ArrayType
from stagec.ir.walk import regions, uses
from stagec.ops.index_bounds import Indices
from stagec.opt.memory import creates


def creations(fn: Function) -> Function:
    """The function with its new arrays made as late as possible in their blocks."""
    functions = tuple(map(creations, fn.functions))
    unproven = frozenset(Indices.of(fn).unproven(fn.body))
    return replace(fn, body=_late(unproven, fn.body), functions=functions)


def _late(unproven: AbstractSet[Stmt], block: Block) -> Block:
    """The block; `unproven` are the statements with an index that may be outside."""
    later: list[Stmt] = []  # from the last to the first
    failing: list[bool] = []
    for stmt in reversed(block.stmts):
        at = len(later)
        if _is_new(stmt):
            outs = set(stmt.outs)
            while at and not failing[at - 1] and outs.isdisjoint(uses(later[at - 1])):
                at -= 1
            while at < len(later) and _is_new(later[at]):
                at += 1
        later.insert(at, map_regions(stmt, partial(_late, unproven)))
        # two arrays may change places: both fail alike
        failing.insert(at, not _is_new(stmt) and _may_fail(stmt, unproven))
    return replace(block, stmts=tuple(reversed(later)))


def _is_new(stmt: Stmt) -> bool:
    """Whether the statement makes an array out of nothing."""
    return isinstance(stmt, Apply) and creates(stmt)


def _may_fail(stmt: Stmt, unproven: AbstractSet[Stmt]) -> bool:
    """Whether the statement may raise an error or does something besides its results."""
    if isinstance(stmt, Apply):
        if path_of(stmt) is not None and not any(map(_is_array, stmt.args[1:])):
            return stmt in unproven  # an element is read or written
        raised = stmt.raises
        return raised or stmt.op.effect is not Effect.NONE
    inner = (s for region in regions(stmt) for s in region.stmts)
    return isinstance(stmt, Call | While) or any(_may_fail(s, unproven) for s in inner)


def _is_array(operand: Operand) -> bool:
    return not isinstance(operand.type, ArrayType) or bool(operand.type.rank)
