"""A destructive executor: every op that overwrites an operand really does so, in place.

What codegen makes of a bufferised function, without the printing.  Views are NumPy's own views,
so a missing copy shows as a wrong result.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, assert_never

import numpy as np

from stagec.ir.core import (
    Apply,
    Block,
    Call,
    Const,
    For,
    If,
    Operand,
    Stmt,
    Undef,
    Value,
    While,
)
from stagec.ir.function import Function

UNSET = object()
Env = dict[Value, Any]


def execute(fn: Function, *args: Any) -> tuple[Any, ...]:
    """The results of running the function in place; it may write to its arguments."""
    functions = {f.name: f for f in _family(fn)}
    return _block(fn.body, args, {}, functions)


def _family(fn: Function) -> list[Function]:
    return [fn, *(g for inner in fn.functions for g in _family(inner))]


def _block(
    block: Block, args: tuple[Any, ...], env: Env, functions: Mapping[str, Function]
) -> tuple[Any, ...]:
    local = env | dict(zip(block.params, args, strict=True))
    for stmt in block.stmts:
        local.update(zip(stmt.outs, _stmt(stmt, local, functions), strict=True))
    return _values(block.results, local)


def _stmt(stmt: Stmt, env: Env, functions: Mapping[str, Function]) -> tuple[Any, ...]:
    match stmt:
        case Apply():
            return _apply(stmt, env)
        case Call(function, args):
            return _block(functions[function].body, _values(args, env), {}, functions)
        case If(cond, then, orelse):
            (chosen,) = _values((cond,), env)
            return _block(then if chosen else orelse, (), env, functions)
        case For():
            lo, hi, step = _values((stmt.lo, stmt.hi, stmt.step), env)
            indices = range(lo, hi, step)
            order = reversed(indices) if stmt.reverse else iter(indices)
            return _loop(stmt, order, env, functions)
        case While():
            return _loop(stmt, iter(()), env, functions)
        case _:
            assert_never(stmt)


def _loop(
    stmt: For | While, indices: Iterator[int], env: Env, functions: Mapping[str, Function]
) -> tuple[Any, ...]:
    state = _values(stmt.init, env)
    trips = 0
    while True:
        lead: tuple[Any, ...] = ()
        if isinstance(stmt, For):
            index = next(indices, None)
            if index is None:
                break
            lead = (index,)
        elif not _block(stmt.cond, state, env, functions)[0]:
            break
        results = _block(stmt.body, (*lead, *state), env, functions)
        trips += 1
        state, done = (results[:-1], results[-1]) if stmt.until else (results, False)
        if done:
            break
    return state if stmt.trips is None else (*state, trips)


def _apply(stmt: Apply, env: Env) -> tuple[Any, ...]:
    args = _values(stmt.args, env)
    found: Any = stmt.op.value(*args, **stmt.kwargs)
    results = [found] if len(stmt.outs) == 1 else list(found or ())
    if stmt.op.overwrites is not None:
        results[0] = _overwritten(args[stmt.op.overwrites], results[0])
    return tuple(results)


def _overwritten(target: Any, content: Any) -> Any:
    """The target with the content, if it is an object that can change."""
    if isinstance(target, np.ndarray):
        target[...] = content
        return target  # pyright: ignore[reportUnknownVariableType]
    if isinstance(target, list):
        target[:] = content
        return target  # pyright: ignore[reportUnknownVariableType]
    return content


def _values(operands: tuple[Operand, ...], env: Env) -> tuple[Any, ...]:
    found: list[Any] = []
    for operand in operands:
        match operand:
            case Value():
                found.append(env[operand])
            case Const(value):
                found.append(value)
            case Undef():
                found.append(UNSET)
            case _:
                assert_never(operand)
    return tuple(found)
