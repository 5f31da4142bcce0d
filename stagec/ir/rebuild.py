"""Statements rebuilt with other operands or regions: what passes that walk forwards need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import assert_never

from stagec.ir.core import Apply, Block, Call, For, If, Operand, Stmt, Value, While


def map_operands(stmt: Stmt, change: Callable[[Operand], Operand]) -> Stmt:
    """The statement with its own operands changed; its regions stay as they are."""

    def all_of(operands: tuple[Operand, ...]) -> tuple[Operand, ...]:
        return tuple(map(change, operands))

    match stmt:
        case Apply() | Call():
            args = all_of(stmt.args)
            same = all(a is b for a, b in zip(args, stmt.args, strict=True))
            if isinstance(stmt, Call) and stmt.work is not None:
                return replace(stmt, args=args, work=change(stmt.work))
            return stmt if same else replace(stmt, args=args)
        case If():
            return replace(stmt, cond=change(stmt.cond))
        case For():
            lo, hi, step = all_of((stmt.lo, stmt.hi, stmt.step))
            return replace(stmt, lo=lo, hi=hi, step=step, init=all_of(stmt.init))
        case While():
            return replace(stmt, init=all_of(stmt.init))
        case _:
            assert_never(stmt)


def map_regions(stmt: Stmt, change: Callable[[Block], Block]) -> Stmt:
    """The statement with the blocks nested in it changed."""
    match stmt:
        case Apply() | Call():
            return stmt
        case If():
            return replace(stmt, then=change(stmt.then), orelse=change(stmt.orelse))
        case For():
            return replace(stmt, body=change(stmt.body))
        case While():
            return replace(stmt, cond=change(stmt.cond), body=change(stmt.body))
        case _:
            assert_never(stmt)


def carrying(loop: For, init: Sequence[Operand], ends: Sequence[Operand], body: Block) -> For:
    """The loop with the body `body`, which carries more than the loop did.

    The further parameters of the body come last, and begin as `init`; `ends` is what they are
    after a trip.  The results of the body are still those of the loop, of which the last may
    say that it ends.
    """
    own = len(loop.init)
    results = (*body.results[:own], *ends, *body.results[own:])
    further = (Value(p.type, p.hint) for p in body.params[1 + own :])
    return replace(
        loop,
        init=(*loop.init, *init),
        body=replace(body, results=results),
        carry=(*loop.carry, *further),
    )
