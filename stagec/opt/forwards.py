"""Innermost loops that run backwards run forwards, where no trip needs another one.

    for k in reversed(range(j)):          for k in range(j):
        a_bar[i, k] -= t * a[j, k]   ->       a_bar[i, k] -= t * a[j, k]

The loops of a backward pass run in the opposite direction of the program's.  Compiled code that
makes several trips at a time would have to turn around whatever it loads and stores, which
costs more than the arithmetic.
"""

from __future__ import annotations

from dataclasses import replace

from stagec.ir.alias import path_of
from stagec.ir.build import Builder
from stagec.ir.chains import Chain
from stagec.ir.core import Apply, Effect, For, Stmt, known
from stagec.ir.function import Function
from stagec.ir.types import ArrayType, ListType
from stagec.ir.walk import defined, free_values, uses
from stagec.ops.index_bounds import Indices
from stagec.opt.memory import has_memory
from stagec.opt.places import at_innermost
from stagec.opt.siblings.accesses import own_axes


def forwards(fn: Function) -> Function:
    """The function with such loops counting upwards."""
    return at_innermost(fn, _loop)


def _loop(indices: Indices, builder: Builder, stmt: For) -> None:
    turned = stmt.reverse and _upwards(indices, stmt) and _independent(indices, stmt)
    builder.append(replace(stmt, reverse=False) if turned else stmt)


def _upwards(indices: Indices, stmt: For) -> bool:
    """Whether the numbers are counted in ones, and none of them counts from the end."""
    return known(stmt.step) == 1 and indices.facts.holds(indices.facts.of(stmt.lo))


def _independent(indices: Indices, stmt: For) -> bool:
    """Whether the trips may be made in any order."""
    body = stmt.body
    values = {*uses(stmt), *defined(body)}
    if stmt.trips is not None or any(isinstance(v.type, ListType) for v in values):
        return False
    if not all(_silent(indices, s) for s in body.stmts):
        return False
    free = free_values(body)
    chain = Chain(body, lambda s: () if s.op.neutral is None else (0,))
    for start, param, result in zip(stmt.init, body.params[1:], body.results, strict=True):
        if has_memory(param.type):
            if start in free or not own_axes(stmt, {param}):
                return False
        elif result is not param:
            ops = {s.op for s in chain.steps(param, result)}
            if len(ops) != 1 or not isinstance(param.type, ArrayType) or not param.type.inexact:
                return False
    return True


def _silent(indices: Indices, stmt: Stmt) -> bool:
    """Whether the op can only give a result: no error would come on another trip."""
    assert isinstance(stmt, Apply)
    if stmt.op.effect is not Effect.NONE:
        return False
    if path_of(stmt) is not None:
        return not indices.doubtful(stmt)
    return not stmt.op.exceptions([a.type for a in stmt.args], stmt.kwargs)
