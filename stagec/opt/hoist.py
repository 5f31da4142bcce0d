"""Loop-invariant ops move in front of their loop.

An op that may raise stays unless the loop surely reaches it on its first trip; new memory stays
where the loop writes to it, since each trip needs its own.  The length of an array of a trip,
if it is the same on each, is that of a parameter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeGuard, assert_never

from stagec.ir.core import (
    Apply,
    Block,
    Call,
    Const,
    Effect,
    For,
    If,
    Stmt,
    Undef,
    Value,
    While,
)
from stagec.ir.function import Function
from stagec.ir.liveness import values_of
from stagec.ir.lowering import is_integer
from stagec.ir.rebuild import map_regions
from stagec.ir.types import ArrayType, Dim
from stagec.ir.walk import effectful, regions, statements
from stagec.ops.extent import extent
from stagec.opt.memory import allocates, overwritten


def hoist(fn: Function) -> Function:
    """Move ops that compute the same on each trip out of their loops."""
    functions = tuple(map(_hoisted, fn.functions))
    return replace(_hoisted(fn), functions=functions)


def _hoisted(fn: Function) -> Function:
    axes = {
        dim: (param, axis)
        for param in reversed(fn.params)
        if isinstance(param.type, ArrayType)
        for axis, dim in enumerate(param.type.shape)
    }
    return replace(fn, body=_Hoister(axes).block(fn.body))


@dataclass(frozen=True, slots=True)
class _Hoister:
    """Goes through the blocks; `axes` has an axis of a parameter by its length."""

    axes: Mapping[Dim, tuple[Value, int]]

    def block(self, block: Block, trip: bool = False) -> Block:
        """The block, which is what a loop does on each trip or any other, with less in its
        loops.
        """
        stmts: list[Stmt] = []
        for stmt in block.stmts:
            inside = isinstance(stmt, For | While)
            stmt = map_regions(stmt, lambda region, trip=inside: self.block(region, trip))
            match stmt:
                case Apply() if trip and stmt.op is extent:
                    stmt = self.measured(stmt)
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

    def measured(self, stmt: Apply) -> Apply:
        """The length of an array of a trip as that of a parameter, where that is as long."""
        dim = stmt.out.type.size if is_integer(stmt.out.type) else None
        if dim is None or dim not in self.axes:
            return stmt
        param, axis = self.axes[dim]
        return replace(stmt, args=(param,), attrs=(("axis", axis),))


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
    if stmt.op.effect is not Effect.NONE or (not reached and stmt.raises):
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
