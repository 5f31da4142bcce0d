"""Iterators are read once: what is left of a generator, zip or map that something has read."""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gast

from stagec.errors import Loc, StagecError
from stagec.frontend import library, objects
from stagec.frontend.machine import Machine
from stagec.frontend.state import State
from stagec.frontend.values import (
    Args,
    Generator,
    Known,
    Kwargs,
    Mapped,
    Ref,
    Reversed,
    TupleValue,
    Value,
    Zipped,
)

ITERATORS = Generator | Mapped | Zipped | Reversed
FRESH, EMPTY, PARTLY = 0, 1, 2


def iterator(m: Machine, state: State, value: Value) -> Value:
    """The value, which can be read once; how far it is read is in a cell of its own."""
    if isinstance(value, ITERATORS):
        return replace(value, cell=m.new_cell(state, Known(FRESH)))
    return value


def makes(builtin: Callable[..., Any]) -> Callable[..., Any]:
    """The builtin, whose result is an iterator."""

    def run(m: Machine, state: State, args: Any, kwargs: Any, loc: Loc | None) -> Value:
        return iterator(m, state, builtin(m, state, args, kwargs, loc))

    return run


def read(m: Machine, state: State, value: Value, loc: Loc | None, whole: bool = True) -> bool:
    """Note that the value is iterated, to its end if `whole`; whether anything is left."""
    cell = value.cell if isinstance(value, ITERATORS) else None
    if cell is not None:
        content = state.cells.get(cell, Known(FRESH))
        before = content.value if isinstance(content, Known) else PARTLY
        if before == EMPTY:
            return False
        if before == PARTLY:
            raise StagecError(
                "SC375", "an iterator is read again", loc, "make a list of it first"
            )
        state.cells[cell] = Known(EMPTY if whole else PARTLY)
    if isinstance(value, Zipped | Mapped):
        for part in value.parts:
            if isinstance(part, ITERATORS):
                one = whole and isinstance(value, Mapped) and len(value.parts) == 1
                read(m, state, part, loc, whole=one)
    return True


def to_the_end(stmt: gast.For) -> bool:
    """Whether the loop surely reads what it iterates to its end."""
    leaving = gast.Break | gast.Return | gast.Raise
    return not any(isinstance(node, leaving) for part in stmt.body for node in gast.walk(part))


def iterated(m: Machine, state: State, value: Value, loc: Loc | None) -> Value:
    """What a loop over the value goes through, as its class says: by `__iter__` and
    `__next__`, or by `__getitem__`; else the value itself.
    """
    own = objects.operator_method(m, state, value, "__iter__", (), loc)
    if own is None and users(value, "__getitem__"):
        return m.call_value(state, library.items_in_turn, (value,), {}, loc)
    found = value if own is None else own
    if users(found, "__next__"):
        if isinstance(found, Ref) and found.cls is library.Iterator:
            content = m.inside(state, found)
            at = content.get("at")
            if own is not None and isinstance(at, Known) and at.value == 0:
                return content.get("items")  # made for this loop
        return m.call_value(state, library.advanced, (found,), {}, loc)
    return found


def users(value: Value, name: str) -> bool:
    """Whether the class of the value defines the method in Python."""
    if not isinstance(value, Ref | Known | TupleValue):
        return False
    return isinstance(
        objects.class_attribute(objects.class_of(value), name), types.FunctionType
    )


def _iter(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Any:
    (value,) = args
    if isinstance(value, ITERATORS) or users(value, "__next__"):
        return value
    if isinstance(value, Known) and not isinstance(value.value, list | tuple | dict | set):
        return m.host(state, iter, [m.guard(value)], {}, loc)
    if m.is_dict(state, value):
        value = TupleValue(tuple(Known(k) for k, _ in m.pairs(state, value, loc).items()))
    return m.call_value(state, library.Iterator, (value,), {}, loc)


def _next(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Any:
    if users(args[0], "__next__"):
        return m.call(Known(library.advance), args, {}, state, loc)
    if isinstance(args[0], ITERATORS):
        return m.call(Known(library.first), args, {}, state, loc)
    plain = [m.need_known(state, a, loc, "an iterator") for a in args]
    return m.host(state, next, plain, {}, loc)


TABLE: dict[Any, Any] = {iter: _iter, next: _next}
