"""Which values a statement uses for more than their shape."""

from __future__ import annotations

from stagec.ir.core import Apply, Block, Stmt, Value
from stagec.ir.walk import operands, regions, uses


def contents(stmt: Stmt) -> dict[Value, None]:
    """The values of enclosing blocks whose contents the statement uses, in order."""
    found: dict[Value, None] = {}
    _collect(stmt, set(), found)
    return found


def shapes_only(stmt: Stmt) -> list[Value]:
    """The values of enclosing blocks of which the statement uses nothing but the shape."""
    used = contents(stmt)
    return [v for v in uses(stmt) if v not in used]


def _collect(stmt: Stmt, inner: set[Value], found: dict[Value, None]) -> None:
    skipped = stmt.op.shapes if isinstance(stmt, Apply) else ()
    for k, operand in enumerate(operands(stmt)):
        if isinstance(operand, Value) and operand not in inner and k not in skipped:
            found.setdefault(operand)
    for region in regions(stmt):
        _collect_block(region, set(inner), found)


def _collect_block(block: Block, inner: set[Value], found: dict[Value, None]) -> None:
    inner.update(block.params)
    for stmt in block.stmts:
        _collect(stmt, inner, found)
        inner.update(stmt.outs)
    for result in block.results:
        if isinstance(result, Value) and result not in inner:
            found.setdefault(result)
