"""Which `If` statements are one nameless value computed by two short expressions."""

from __future__ import annotations

from collections import Counter

import numpy as np

from stagec.codegen.plan import MAX_DEPTH, Plan, atom_width
from stagec.ir.core import Apply, Block, Const, If, Operand, Stmt, Value
from stagec.ir.walk import effectful, regions

SHORT = 60


def find_expressions(plan: Plan, block: Block) -> None:
    """Fill in `plan.expressions` for the block, the innermost first."""
    for stmt in block.stmts:
        for region in regions(stmt):
            find_expressions(plan, region)
        if isinstance(stmt, If):
            width = _width(plan, stmt)
            if width is not None:
                plan.expressions[stmt] = width


def _width(plan: Plan, stmt: If) -> int | None:
    """The width of the expression besides the condition, None if it is not one."""
    if len(stmt.outs) != 1 or stmt.outs[0].hint or effectful(stmt):
        return None
    then, orelse = (_branch(plan, region) for region in (stmt.then, stmt.orelse))
    if then is None or orelse is None:
        return None
    width = then + orelse + len(" if  else ")
    if any(_is_bool(r.results[0]) for r in (stmt.then, stmt.orelse)):
        width = max(then, orelse) + len(" and ")
    return width if width + atom_width(stmt.cond) <= SHORT else None


def _is_bool(result: Operand) -> bool:
    """Whether it is True or False: the `If` is a connective."""
    return isinstance(result, Const) and isinstance(result.value, bool | np.bool_)


def _branch(plan: Plan, block: Block) -> int | None:
    """The width of the branch as an expression, None if it is not one."""
    (result,) = block.results
    if not isinstance(result, Value | Const):
        return None
    uses = Counter([result, *(o for s in block.stmts for o in _operands(plan, s))])
    known: dict[Operand, tuple[int, int]] = {}
    for stmt in block.stmts:
        if not _simple(plan, stmt) or stmt.outs[0].hint or uses[stmt.outs[0]] != 1:
            return None
        parts = [known.get(o, (atom_width(o), 0)) for o in _operands(plan, stmt)]
        depth = 1 + max((d for _, d in parts), default=0)
        if depth > MAX_DEPTH // 2:
            return None
        known[stmt.outs[0]] = _own(plan, stmt) + sum(w for w, _ in parts), depth
    return known.get(result, (atom_width(result), 0))[0]


def _simple(plan: Plan, stmt: Stmt) -> bool:
    """Whether the statement may stand in a branch of an expression."""
    if not plan.is_plain(stmt):
        return False
    return not (isinstance(stmt, Apply) and plan.templates[stmt].optional)


def _own(plan: Plan, stmt: Stmt) -> int:
    if isinstance(stmt, If):
        return plan.expressions[stmt]
    assert isinstance(stmt, Apply)
    return plan.templates[stmt].width


def _operands(plan: Plan, stmt: Stmt) -> list[Operand]:
    """The operands of a plain statement, those of nested expressions included."""
    if isinstance(stmt, Apply):
        return list(plan.slots(stmt))
    if not isinstance(stmt, If) or stmt not in plan.expressions:
        return []
    found: list[Operand] = [stmt.cond]
    for region in regions(stmt):
        found += [o for s in region.stmts for o in _operands(plan, s)]
        found += region.results
    return found
