"""Operators and methods of sets, whose elements are known at staging, and `|` of dicts."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from stagec.errors import Loc
from stagec.frontend import containers
from stagec.frontend.machine import Machine
from stagec.frontend.state import State
from stagec.frontend.values import NONE, Fields, Known, Ref, Value

ORDER = (operator.lt, operator.le, operator.gt, operator.ge)
OPERATORS = (operator.or_, operator.and_, operator.sub, operator.xor, *ORDER)
SETS = set | frozenset


def kind_of(value: Value) -> type:
    """The class of a container; that of other values is not looked at."""
    if isinstance(value, Ref):
        return value.cls
    return type(value.value) if isinstance(value, Known) else object


def binary(
    m: Machine, state: State, op: Any, a: Value, b: Value, loc: Loc | None
) -> Value | None:
    """`a op b` of two sets or two dicts; None where it is something else."""
    left, right = kind_of(a), kind_of(b)
    if op in OPERATORS and issubclass(left, SETS) and issubclass(right, SETS):
        return computed(m, state, op, (a, b), loc)
    merged = issubclass(left, dict) and left.__or__ is dict.__or__
    if op is operator.or_ and merged and issubclass(right, dict):
        if right.__ror__ is not dict.__ror__:
            return None
        content = Fields(tuple(containers.dict_items(m, state, a, loc)))
        for k, v in containers.dict_items(m, state, b, loc):
            content = content.set(k, v)
        return Ref(m.new_cell(state, content), dict)
    return None


def computed(
    m: Machine, state: State, function: Any, args: tuple[Value, ...], loc: Loc | None
) -> Value:
    """What a function of sets and other iterables returns."""
    found = m.host(state, function, elements(m, state, args, loc), {}, loc)
    if isinstance(found, Known) and isinstance(found.value, set):
        return containers.make_set(m, state, tuple(map(Known, found.value)), loc)
    return found


def elements(m: Machine, state: State, args: tuple[Value, ...], loc: Loc | None) -> list[Any]:
    """The sets and iterables as Python has them."""
    out: list[Any] = []
    for arg in args:
        found = containers.plain(m, state, arg)
        if found is containers.STAGED:
            parts = containers.unpack(m, state, arg, loc)
            found = [m.need_known(state, v, loc, "an element of a set") for v in parts]
        out.append(found)
    return out


def method(name: str) -> Callable[..., Value]:
    """A method of sets that makes something of the set."""

    def run(m: Machine, state: State, base: Any, args: Any, kwargs: Any, loc: Any) -> Value:
        function = getattr(kind_of(base), name)
        return computed(m, state, function, (base, *args), loc)

    return run


def changing(name: str) -> Callable[..., Value]:
    """A method of sets that changes the set."""

    def run(m: Machine, state: State, base: Any, args: Any, kwargs: Any, loc: Any) -> Value:
        ref = m.writable(state, base, loc)
        (held,) = elements(m, state, (ref,), loc)
        if name in ("discard", "remove"):
            given = [m.need_known(state, v, loc, "an element of a set") for v in args]
        else:
            given = elements(m, state, args, loc)
        m.host(state, getattr(set, name), [held, *given], {}, loc)
        made = containers.make_set(m, state, tuple(map(Known, held)), loc)
        m.write(state, ref, m.inside(state, made))
        return NONE

    return run


METHODS = {
    name: method(name)
    for name in (
        "union", "intersection", "difference", "symmetric_difference", "issubset",
        "issuperset", "isdisjoint",
    )
} | {
    name: changing(name)
    for name in (
        "update", "intersection_update", "difference_update", "symmetric_difference_update",
        "discard", "remove",
    )
}  # fmt: skip
