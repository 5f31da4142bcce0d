"""Ops written in simpler ops: where they are differentiated, and in compiled loops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, assert_never

from stagec.ir.build import Builder
from stagec.ir.core import Apply, Block, Call, For, If, Operand, Stmt, Value, While, operand_of
from stagec.ir.types import ArrayType
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


def _stays(builder: Builder, begin: int, out: Value, found: Operand) -> bool:
    """Whether what was found is `out` from here on: an index, by which places are known.

    The statements since `begin` are those that found it.
    """
    kind = out.type
    if not isinstance(kind, ArrayType) or kind.rank or kind.dtype.kind not in "iu":
        return False
    made = builder.stmts[begin:]
    maker = next((s for s in made if isinstance(s, Apply) and s.outs == (found,)), None)
    if maker is None or maker.outs[0].type != kind:
        return False
    del builder.stmts[begin:]
    for stmt in made:
        builder.append(
            replace(maker, outs=(out,))
            if stmt is maker
            else substitute_stmt(stmt, {maker.outs[0]: out})
        )
    return True


def _stmt(stmt: Stmt, rules: Rules, names: dict[Value, Operand], builder: Builder) -> None:
    builder.loc = stmt.loc
    match stmt:
        case Apply() if (rule := rules(stmt)) is not None:
            args = [Handle(builder, rename(a, names)) for a in stmt.args]
            begin = len(builder.stmts)
            found: Any = rule(*args, **stmt.kwargs)
            operands = [operand_of(found)] if len(stmt.outs) == 1 else map(operand_of, found)
            for out, operand in zip(stmt.outs, operands, strict=True):
                if not _stays(builder, begin, out, operand):
                    names[out] = operand
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
