"""The reference interpreter: what a graph means, op by op, slowly and obviously right.

It never writes to its inputs, because the `value` of an op never does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, assert_never

from stagec.errors import InternalError
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
from stagec.ir.printer import statement_text
from stagec.ir.types import Type


@dataclass(frozen=True, slots=True)
class Unset:
    """The run-time value of an `Undef`: may be passed on, never used."""

    type: Type


def evaluate(fn: Function, *args: Any) -> tuple[Any, ...]:
    """The results of the function for the arguments."""
    return _Interpreter(_named(fn)).block(fn.body, args, {})


def _named(fn: Function) -> dict[str, Function]:
    found = {fn.name: fn}
    for inner in fn.functions:
        found |= _named(inner)
    return found


class _Interpreter:
    """Evaluates blocks in environments; a nested block sees a copy of the outer one."""

    def __init__(self, functions: dict[str, Function]) -> None:
        self._functions = functions

    def block(
        self, block: Block, args: tuple[Any, ...], env: dict[Value, Any]
    ) -> tuple[Any, ...]:
        local = env | dict(zip(block.params, args, strict=True))
        for stmt in block.stmts:
            local.update(zip(stmt.outs, self._stmt(stmt, local), strict=True))
        return _look_up(block.results, local)

    def _stmt(self, stmt: Stmt, env: dict[Value, Any]) -> tuple[Any, ...]:
        match stmt:
            case Apply():
                return _apply(stmt, env)
            case Call(function, args):
                body = self._functions[function].body
                return self.block(body, _look_up(args, env), {})
            case If(cond, then, orelse):
                return self.block(then if _truth(cond, env) else orelse, (), env)
            case For():
                return self._for(stmt, env)
            case While():
                return self._while(stmt, env)
            case _:
                assert_never(stmt)

    def _for(self, stmt: For, env: dict[Value, Any]) -> tuple[Any, ...]:
        lo, hi, step = (int(x) for x in _look_up((stmt.lo, stmt.hi, stmt.step), env))
        indices = range(lo, hi, step)
        state = _look_up(stmt.init, env)
        trips = 0
        for i in reversed(indices) if stmt.reverse else indices:
            results = self.block(stmt.body, (i, *state), env)
            trips += 1
            state, done = (results[:-1], results[-1]) if stmt.until else (results, False)
            if done:
                break
        return state if stmt.trips is None else (*state, trips)

    def _while(self, stmt: While, env: dict[Value, Any]) -> tuple[Any, ...]:
        state = _look_up(stmt.init, env)
        trips = 0
        while self.block(stmt.cond, state, env)[0]:
            results = self.block(stmt.body, state, env)
            trips += 1
            state, done = (results[:-1], results[-1]) if stmt.until else (results, False)
            if done:
                break
        return state if stmt.trips is None else (*state, trips)


def _apply(stmt: Apply, env: dict[Value, Any]) -> tuple[Any, ...]:
    args = _look_up(stmt.args, env)
    for k, arg in enumerate(args):
        if isinstance(arg, Unset) and k not in stmt.op.lenient:
            raise InternalError(f"an undefined value is used in\n{statement_text(stmt)}")
    results = stmt.op.value(*args, **stmt.kwargs)
    return (results,) if len(stmt.outs) == 1 else tuple(results or ())


def _truth(cond: Operand, env: dict[Value, Any]) -> bool:
    (value,) = _look_up((cond,), env)
    if isinstance(value, Unset):
        raise InternalError("an undefined value is used as a condition")
    return bool(value)


def _look_up(operands: tuple[Operand, ...], env: dict[Value, Any]) -> tuple[Any, ...]:
    found: list[Any] = []
    for operand in operands:
        match operand:
            case Value():
                found.append(env[operand])
            case Const(value):
                found.append(value)
            case Undef(type):
                found.append(Unset(type))
            case _:
                assert_never(operand)
    return tuple(found)
