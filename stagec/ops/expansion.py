"""Ops written in simpler ops: where they are differentiated, and in compiled loops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, assert_never

from stagec.ir.build import Builder
from stagec.ir.core import Apply, Block, Call, For, If, Operand, Stmt, Value, While, operand_of
from stagec.ir.walk import rename, statements, substitute_stmt
from stagec.ops.arithmetic import Handle

Rules = Callable[[Apply], Callable[..., Any] | None]  # how an op is written, if it is


def expandable(block: Block, rules: Rules) -> bool:
    """Whether the block has an op to expand."""
    return any(isinstance(s, Apply) and rules(s) is not None for s in statements(block))


def expanded(block: Block, rules: Rules) -> Block:
    """The block with every op that has a rule written in simpler ops, once."""
    return _block(block, rules, {})


def _block(block: Block, rules: Rules, names: dict[Value, Operand]) -> Block:
    builder = Builder()
    for stmt in block.stmts:
        _stmt(stmt, rules, names, builder)
    return builder.block(block.params, [rename(r, names) for r in block.results])


def _stmt(stmt: Stmt, rules: Rules, names: dict[Value, Operand], builder: Builder) -> None:
    builder.loc = stmt.loc
    match stmt:
        case Apply() if (rule := rules(stmt)) is not None:
            args = [Handle(builder, rename(a, names)) for a in stmt.args]
            found: Any = rule(*args, **stmt.kwargs)
            operands = [operand_of(found)] if len(stmt.outs) == 1 else map(operand_of, found)
            names.update(zip(stmt.outs, operands, strict=True))
        case Apply() | Call():
            builder.append(substitute_stmt(stmt, names))
        case If():
            then, orelse = _block(stmt.then, rules, names), _block(stmt.orelse, rules, names)
            cond = rename(stmt.cond, names)
            builder.append(replace(stmt, cond=cond, then=then, orelse=orelse))
        case For():
            lo, hi, step = (rename(x, names) for x in (stmt.lo, stmt.hi, stmt.step))
            init = tuple(rename(x, names) for x in stmt.init)
            body = _block(stmt.body, rules, names)
            builder.append(replace(stmt, lo=lo, hi=hi, step=step, init=init, body=body))
        case While():
            init = tuple(rename(x, names) for x in stmt.init)
            cond, body = _block(stmt.cond, rules, names), _block(stmt.body, rules, names)
            builder.append(replace(stmt, init=init, cond=cond, body=body))
        case _:
            assert_never(stmt)
