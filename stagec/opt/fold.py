"""Simplifying one op: constant folding, and the op's own rewrites.

Folding runs the op's reference semantics, so a folded program computes the same bits; an op
that raises or warns on its constants is left to do so at run time.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np

from stagec.errors import InternalError
from stagec.ir.build import Builder
from stagec.ir.core import Apply, Const, Effect, Operand, const, operand_of
from stagec.ir.types import ArrayType, Type
from stagec.ir.verifier import compatible
from stagec.ops.arithmetic import Handle


def folded(stmt: Apply) -> tuple[Const, ...] | None:
    """The results of an op whose operands are all constants; None if they must be computed."""
    if stmt.op.effect is not Effect.NONE or not stmt.args:
        return None
    if not all(_number(out.type) for out in stmt.outs):
        return None
    args: list[Any] = []
    for arg in stmt.args:
        if not isinstance(arg, Const):
            return None
        args.append(arg.value)
    try:
        with warnings.catch_warnings(), np.errstate(all="raise"):
            warnings.simplefilter("error")
            value = stmt.op.value(*args, **stmt.kwargs)
    except Exception:  # whatever it is, the program raises it when it runs
        return None
    values: tuple[Any, ...] = (value,) if len(stmt.outs) == 1 else value
    constants = tuple(map(const, values))
    if all(compatible(c.type, out.type) for c, out in zip(constants, stmt.outs, strict=True)):
        return constants
    return None


def _number(type: Type) -> bool:
    return isinstance(type, ArrayType) and type.kind != "array"


def rewritten(stmt: Apply, builder: Builder) -> tuple[Operand, ...] | None:
    """What the first of the op's rewrites that applies makes of it, built in `builder`."""
    builder.loc = stmt.loc
    mark = len(builder.stmts)
    handles = [Handle(builder, arg) for arg in stmt.args]
    for rule in stmt.op.rewrites:
        result = rule(*handles, **stmt.kwargs)
        if result is None:
            del builder.stmts[mark:]
            continue
        several = isinstance(result, tuple)
        results = tuple(map(operand_of, result if several else (result,)))  # type: ignore[reportUnknownArgumentType]
        _check(stmt, results)
        if _renamed(stmt, results, builder, mark):
            return stmt.outs
        return results
    return None


def _check(stmt: Apply, results: tuple[Operand, ...]) -> None:
    for result, out in zip(results, stmt.outs, strict=True):
        if not compatible(result.type, out.type):
            raise InternalError(
                f"a rewrite of {stmt.op.name} turns {out.type} into {result.type}"
            )


def _renamed(stmt: Apply, results: tuple[Operand, ...], builder: Builder, mark: int) -> bool:
    """Whether the replacement could keep the statement's own name: the user's, often."""
    if len(builder.stmts) == mark:
        return False
    last = builder.stmts[-1]
    if not isinstance(last, Apply) or last.outs != results:
        return False
    builder.stmts.pop()
    builder.append(replace(last, outs=stmt.outs))
    return True
