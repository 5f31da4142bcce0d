"""Activity: which values carry derivatives.

A value is *varied* if it depends on a chosen parameter through differentiable operations, and
*useful* if a chosen result depends on it so.  A value is active if it is both; only active
values have cotangents.  The carries of a loop share one answer over all trips.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, assert_never

from stagec.ir.core import Apply, Block, Call, For, If, Operand, Stmt, Value, While
from stagec.ir.types import ArrayType, ListType, Type


@dataclass(frozen=True, slots=True)
class Activity:
    """The varied and the useful values of a block and of the blocks nested in it."""

    varied: set[Value] = field(default_factory=set[Value])
    useful: set[Value] = field(default_factory=set[Value])

    def __contains__(self, operand: Operand) -> bool:
        """Whether the operand is active."""
        return operand in self.varied and operand in self.useful

    def definition(self, stmt: Apply) -> Callable[..., Any] | None:
        """The definition in simpler ops that an active op is differentiated through."""
        return stmt.op.expand if any(v in self for v in stmt.outs) else None


def activity(block: Block, wrt: Iterable[Value], of: Iterable[Operand]) -> Activity:
    """What is active between the values `wrt` and the operands `of` of the block."""
    found = Activity()
    _mark(found.varied, wrt)
    _until_stable(found.varied, lambda: _varied_block(block, found.varied))
    _mark(found.useful, of)
    _until_stable(found.useful, lambda: _useful_block(block, found.useful))
    return found


def differentiable(type: Type) -> bool:
    """Whether values of the type have derivatives."""
    match type:
        case ArrayType():
            return type.inexact
        case ListType():
            return differentiable(type.element)
        case _:
            return False


def constant(stmt: Apply) -> bool:
    """Whether the op is constant almost everywhere."""
    return stmt.op.vjp is None and stmt.op.jvp is None and stmt.op.expand is None


def _until_stable(marked: set[Value], sweep: Callable[[], None]) -> None:
    size = -1
    while size != len(marked):
        size = len(marked)
        sweep()


def _mark(marked: set[Value], operands: Iterable[Operand]) -> None:
    marked.update(v for v in operands if isinstance(v, Value) and differentiable(v.type))


def _varied_block(block: Block, varied: set[Value]) -> None:
    for stmt in block.stmts:
        _varied_stmt(stmt, varied)


def _varied_stmt(stmt: Stmt, varied: set[Value]) -> None:
    match stmt:
        case Apply(args=args, outs=outs):
            if not constant(stmt) and any(a in varied for a in args):
                _mark(varied, outs)
        case Call(args=args, outs=outs):
            if any(a in varied for a in args):
                _mark(varied, outs)
        case If(then=then, orelse=orelse, outs=outs):
            _varied_block(then, varied)
            _varied_block(orelse, varied)
            for a, b, out in zip(then.results, orelse.results, outs, strict=True):
                if a in varied or b in varied:
                    _mark(varied, (out,))
        case For() | While():
            for init, param, result, out in carries(stmt):
                if init in varied or result in varied:
                    _mark(varied, (param, out))
            _varied_block(stmt.body, varied)
        case _:
            assert_never(stmt)


def _useful_block(block: Block, useful: set[Value]) -> None:
    for stmt in reversed(block.stmts):
        _useful_stmt(stmt, useful)


def _useful_stmt(stmt: Stmt, useful: set[Value]) -> None:
    match stmt:
        case Apply(args=args, outs=outs):
            if not constant(stmt) and any(v in useful for v in outs):
                _mark(useful, args)
        case Call(args=args, outs=outs):
            if any(v in useful for v in outs):
                _mark(useful, args)
        case If(then=then, orelse=orelse, outs=outs):
            for a, b, out in zip(then.results, orelse.results, outs, strict=True):
                if out in useful:
                    _mark(useful, (a, b))
            _useful_block(then, useful)
            _useful_block(orelse, useful)
        case For() | While():
            # the initial value is the final one of a loop that makes no trip
            for carry in carries(stmt):
                if carry[3] in useful or carry[1] in useful:
                    _mark(useful, carry)
            _useful_block(stmt.body, useful)
        case _:
            assert_never(stmt)


def loop_params(stmt: For | While) -> tuple[Value, ...]:
    """The parameters of the body that are carried, without a loop index."""
    return stmt.body.params[1:] if isinstance(stmt, For) else stmt.body.params


def loop_results(stmt: For | While) -> tuple[Operand, ...]:
    """The results of the body that are carried, without that of `until`."""
    return stmt.body.results[:-1] if stmt.until else stmt.body.results


def carries(stmt: For | While) -> list[tuple[Operand, Value, Operand, Value]]:
    """For each carried variable its initial value, parameter, result and final value."""
    params, results = loop_params(stmt), loop_results(stmt)
    return list(zip(stmt.init, params, results, stmt.carry, strict=True))
