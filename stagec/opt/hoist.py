"""Loop-invariant ops move in front of their loop.

An op that may raise stays unless the loop surely reaches it on its first trip; new memory stays
where the loop writes to it, since each trip needs its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeGuard, assert_never

from stagec.ir.core import Apply, Block, Call, Const, Effect, For, If, Stmt, Undef, Value, While
from stagec.ir.function import Function
from stagec.ir.liveness import values_of
from stagec.ir.rebuild import map_regions
from stagec.ir.walk import effectful, regions, statements
from stagec.opt.memory import allocates, overwritten


def hoist(fn: Function) -> Function:
    """Move ops that compute the same on each trip out of their loops."""
    functions = tuple(replace(f, body=_block(f.body)) for f in fn.functions)
    return replace(fn, body=_block(fn.body), functions=functions)


def _block(block: Block) -> Block:
    stmts: list[Stmt] = []
    for stmt in block.stmts:
        stmt = map_regions(stmt, _block)
        match stmt:
            case Apply() | Call() | If():
                pass
            case For(body=body):
                lifted, body = _split(body, _consumed(body), _runs(stmt))
                stmts += lifted
                stmt = replace(stmt, body=body)
            case While(cond=cond, body=body):
                consumed = _consumed(cond) | _consumed(body)
                lifted, cond = _split(cond, consumed, True)
                stmts += lifted
                lifted, body = _split(body, consumed, False)
                stmts += lifted
                stmt = replace(stmt, cond=cond, body=body)
            case _:
                assert_never(stmt)
        stmts.append(stmt)
    return replace(block, stmts=tuple(stmts))


def _split(block: Block, consumed: set[Value], reached: bool) -> tuple[list[Stmt], Block]:
    """The statements that may leave the block, and the block without them.

    `reached` says that the block runs at least once.
    """
    lifted: list[Stmt] = []
    kept: list[Stmt] = []
    inside = set(block.params)
    for stmt in block.stmts:
        if _invariant(stmt, inside) and _movable(stmt, consumed, reached):
            lifted.append(stmt)
            continue
        kept.append(stmt)
        inside |= set(stmt.outs)
        reached = reached and not effectful(stmt)
    return lifted, replace(block, stmts=tuple(kept))


def _invariant(stmt: Stmt, inside: set[Value]) -> TypeGuard[Apply]:
    if not isinstance(stmt, Apply) or any(isinstance(arg, Undef) for arg in stmt.args):
        return False
    return inside.isdisjoint(values_of(stmt.args))


def _movable(stmt: Apply, consumed: set[Value], reached: bool) -> bool:
    if stmt.op.effect is not Effect.NONE or (
        not reached and stmt.op.raises((a.type for a in stmt.args), stmt.kwargs)
    ):
        return False
    return not allocates(stmt) or consumed.isdisjoint(stmt.outs)


def _runs(stmt: For) -> bool:
    """Whether the loop surely makes a trip."""
    values = [b.value for b in (stmt.lo, stmt.hi, stmt.step) if isinstance(b, Const)]
    return len(values) == 3 and values[2] != 0 and len(range(*map(int, values))) > 0


def _consumed(block: Block) -> set[Value]:
    """The values whose memory the block, on each trip, may write to or pass on."""
    consumed = values_of(block.results)
    for stmt in reversed(list(statements(block))):
        consumed |= overwritten(stmt)
        for region in regions(stmt):
            consumed |= values_of(region.results)
        if isinstance(stmt, Apply) and not consumed.isdisjoint(stmt.outs):
            alias = stmt.op.aliased(stmt.kwargs)
            if alias is not None:
                consumed |= values_of((stmt.args[alias],))
    return consumed
