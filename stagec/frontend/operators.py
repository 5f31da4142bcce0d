"""The functions of the operator module and `slice`: what syntax does, called by name."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import partial
from typing import Any

import gast

from stagec.errors import Loc
from stagec.frontend.assignments import in_place, set_subscript
from stagec.frontend.expressions import METHODS, binary, compare, subscript, unary
from stagec.frontend.machine import Machine, Raised
from stagec.frontend.state import State
from stagec.frontend.values import NONE, Known, SliceValue, Value

UNARY = (operator.neg, operator.pos, operator.invert)


def _slice(
    m: Machine, state: State, args: tuple[Value, ...], kwargs: dict[str, Value], loc: Loc | None
) -> Value:
    if not 1 <= len(args) <= 3 or kwargs or all(isinstance(a, Known) for a in args):
        plain = [m.need_known(state, a, loc, "a bound of this slice") for a in args]
        return m.host(state, slice, plain, {}, loc)
    lo, hi, step = (NONE, args[0], NONE) if len(args) == 1 else (*args, NONE)[:3]
    return SliceValue(lo, hi, step)


def _operator(count: int, name: str, run: Callable[..., Value | None]) -> Callable[..., Value]:
    """What `run` makes of the operands, whose number is checked."""

    def call(m: Machine, state: State, args: Any, kwargs: Any, loc: Loc | None) -> Value:
        if len(args) != count or kwargs:
            raise Raised(TypeError(f"{name} expected {count} arguments, got {len(args)}"))
        found = run(m, state, *args, loc)
        return NONE if found is None else found

    return call


def _binary(op: Any) -> Callable[..., Value]:
    return lambda m, state, a, b, loc: binary(m, state, op, a, b, loc)


def _unary(op: Any) -> Callable[..., Value]:
    return lambda m, state, a, loc: unary(m, state, op, a, loc)


def _in_place(op: Any) -> Callable[..., Value]:
    return lambda m, state, a, b, loc: in_place(m, state, op, a, b, loc)


def _compare(test: gast.AST) -> Callable[..., Value]:
    return lambda m, state, a, b, loc: compare(m, state, test, a, b, loc)


def _table() -> dict[Any, Callable[..., Any]]:
    two = partial(_operator, 2)
    found: dict[Any, Callable[..., Any]] = {
        slice: _slice,
        operator.getitem: two("getitem", subscript),
        operator.concat: two("concat", _binary(operator.add)),
        operator.setitem: _operator(3, "setitem", set_subscript),
        operator.contains: two(
            "contains", lambda m, s, a, b, loc: compare(m, s, gast.In(), b, a, loc)
        ),
        operator.is_: two("is_", _compare(gast.Is())),
        operator.is_not: two("is_not", _compare(gast.IsNot())),
    }
    for op, name in METHODS.items():
        if op in UNARY:
            found[op] = _operator(1, name, _unary(op))
            continue
        found[op] = two(name, _binary(op))
        if changing := getattr(operator, f"i{name.rstrip('_')}", None):
            found[changing] = two(f"i{name}", _in_place(op))
    return found


TABLE = _table()
