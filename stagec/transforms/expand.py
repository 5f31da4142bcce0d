"""Ops that are differentiated through their definition in simpler ops.

After `expanded`, no op that `wanted` holds for has an `expand` rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, assert_never

from stagec.ir.build import Builder
from stagec.ir.core import Apply, Block, Call, For, If, Operand, Stmt, Value, While, operand_of
from stagec.ir.walk import rename, statements, substitute_stmt
from stagec.ops.arithmetic import Handle

Wanted = Callable[[Apply], bool]


def expandable(block: Block, wanted: Wanted) -> bool:
    """Whether the block has an op to expand."""
    return any(
        isinstance(s, Apply) and s.op.expand is not None and wanted(s)
        for s in statements(block)
    )


def expanded(block: Block, wanted: Wanted) -> Block:
    """The block with every wanted op that has an `expand` rule written in simpler ops, once."""
    return _block(block, wanted, {})


def _block(block: Block, wanted: Wanted, names: dict[Value, Operand]) -> Block:
    builder = Builder()
    for stmt in block.stmts:
        _stmt(stmt, wanted, names, builder)
    return builder.block(block.params, [rename(r, names) for r in block.results])


def _stmt(stmt: Stmt, wanted: Wanted, names: dict[Value, Operand], builder: Builder) -> None:
    builder.loc = stmt.loc
    match stmt:
        case Apply(op=op) if op.expand is not None and wanted(stmt):
            args = [Handle(builder, rename(a, names)) for a in stmt.args]
            found: Any = op.expand(*args, **stmt.kwargs)
            operands = [operand_of(found)] if len(stmt.outs) == 1 else map(operand_of, found)
            names.update(zip(stmt.outs, operands, strict=True))
        case Apply() | Call():
            builder.append(substitute_stmt(stmt, names))
        case If():
            then, orelse = _block(stmt.then, wanted, names), _block(stmt.orelse, wanted, names)
            cond = rename(stmt.cond, names)
            builder.append(replace(stmt, cond=cond, then=then, orelse=orelse))
        case For():
            lo, hi, step = (rename(x, names) for x in (stmt.lo, stmt.hi, stmt.step))
            init = tuple(rename(x, names) for x in stmt.init)
            body = _block(stmt.body, wanted, names)
            builder.append(replace(stmt, lo=lo, hi=hi, step=step, init=init, body=body))
        case While():
            init = tuple(rename(x, names) for x in stmt.init)
            cond, body = _block(stmt.cond, wanted, names), _block(stmt.body, wanted, names)
            builder.append(replace(stmt, init=init, cond=cond, body=body))
        case _:
            assert_never(stmt)
