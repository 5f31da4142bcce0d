"""Iterators are read once: what is left of a generator, zip or map that something has read."""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gast
import numpy as np

from stagec.errors import Loc, StagecError
from stagec.frontend import iterator_library, library, objects
from stagec.frontend.machine import Machine
from stagec.frontend.state import State
from stagec.frontend.values import (
    NONE,
    Args,
    ArrayRef,
    Generator,
    Known,
    Kwargs,
    Mapped,
    RangeValue,
    Ref,
    Reversed,
    TupleValue,
    Value,
    Zipped,
    endless_range,
)

ITERATORS = Generator | Mapped | Zipped | Reversed
INDEXED = list | tuple | range | str | np.ndarray
LOOPED = Generator | Mapped | Zipped
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


def taken(m: Machine, state: State, value: Value, loc: Loc | None, whole: bool = True) -> Value:
    """What is left of an iterator for the loop that reads it, to its end if `whole`: what it is
    noted in is not part of it, so that it can be handed on.
    """
    if not isinstance(value, ITERATORS):
        return value
    if value.cell is not None:
        content = state.cells.get(value.cell, Known(FRESH))
        before = content.value if isinstance(content, Known) else PARTLY
        if before == EMPTY:
            return TupleValue(())
        if before == PARTLY:
            raise StagecError(
                "SC375", "an iterator is read again", loc, "make a list of it first"
            )
        state.cells[value.cell] = Known(EMPTY if whole else PARTLY)
    if isinstance(value, Zipped | Mapped):
        one = whole and isinstance(value, Mapped) and len(value.parts) == 1
        parts = tuple(taken(m, state, part, loc, whole=one) for part in value.parts)
        return replace(value, parts=parts, cell=None)
    return replace(value, cell=None)


def to_the_end(stmt: gast.For) -> bool:
    """Whether the loop surely reads what it iterates to its end."""
    leaving = gast.Break | gast.Return | gast.Raise
    return not any(isinstance(node, leaving) for part in stmt.body for node in gast.walk(part))


def iterated(m: Machine, state: State, value: Value, loc: Loc | None) -> Value:
    """What a loop over the value goes through, as its class says: by `__iter__` and
    `__next__`, or by `__getitem__`; else the value itself.
    """
    if isinstance(value, Known) and isinstance(value.value, type):  # as its metaclass says
        return TupleValue(tuple(map(Known, m.host(state, list, [value.value], {}, loc).value)))
    before = m.cells
    own = objects.operator_method(m, state, value, "__iter__", (), loc)
    if own is None and users(value, "__getitem__"):
        return m.call_value(state, library.items_in_turn, (value,), {}, loc)
    found = value if own is None else own
    if users(found, "__next__"):
        if isinstance(found, Ref) and found.cls is library.Iterator:
            content = m.inside(state, found)
            at = content.get("at")
            if found.cell > before and isinstance(at, Known) and at.value == 0:
                return content.get("items")  # made for this loop: nothing else reads it
        return m.call_value(state, library.advanced, (found,), {}, loc)
    return found


def zipped(m: Machine, state: State, value: Zipped, loc: Loc | None) -> Value:
    """What a loop over the parts goes through, if some part says what comes next only when it
    is asked; else the value itself.
    """
    parts = [stepping(m, state, p, loc) for p in value.parts]
    if not any(asked(p) for p in parts):
        return value
    first, driving = parts[0], [k for k, p in enumerate(parts) if isinstance(p, LOOPED)]
    if len(parts) == 2 and isinstance(first, RangeValue) and endless_range(first) and driving:
        # the numbers never end first, so that the other part may be endless too
        return m.call_value(state, library.enumerate_, (parts[1], first.lo), {}, loc)
    last = parts[-1]
    if driving == [len(parts) - 1] and endless(last):
        before = counted(m, state, parts[:-1], loc)
        if before is not None:
            return m.call_value(state, iterator_library.zip_counted, (before, last), {}, loc)
    if len(driving) > 1 or any(endless(parts[k]) for k in driving if k):
        raise StagecError(
            "SC375", "zip of generators", loc, "make lists of the generators first"
        )
    if not driving:  # a loop over indices is a loop of known length
        sized = [
            k for k, p in enumerate(parts) if not (users(p, "__next__") or endless_range(p))
        ]
        driving = sized[:1]
    steps = tuple(
        p if k in driving else steps_of(m, state, p, loc) for k, p in enumerate(parts)
    )
    if not driving:
        return m.call_value(state, iterator_library.zip_steps, (TupleValue(steps),), {}, loc)
    (k,) = driving
    around = TupleValue(steps[:k]), steps[k], TupleValue(steps[k + 1 :])
    return m.call_value(state, iterator_library.zip_around, around, {}, loc)


def counted(m: Machine, state: State, parts: list[Value], loc: Loc | None) -> TupleValue | None:
    """Of each part how many items it has, and what gives them; None if one has no length."""
    found: list[Value] = []
    for p in parts:
        kind = objects.class_of(p)
        if isinstance(p, ArrayRef | TupleValue) or kind in (list, tuple, range, np.ndarray):
            found.append(TupleValue((NONE, NONE, NONE, p)))
        elif not isinstance(p, RangeValue) or p.reverse or endless_range(p):
            return None
        else:
            length = m.call_value(state, len, (p,), {}, loc)
            found.append(TupleValue((length, p.lo, p.step, NONE)))
    return TupleValue(tuple(found))


def endless(value: Value) -> bool:
    """Whether no item may be the last of what generators and iterators give."""
    if isinstance(value, Generator):
        return any(isinstance(node, gast.While) for node in gast.walk(value.function.node))
    if isinstance(value, Mapped | Zipped):
        return any(map(endless, value.parts))
    return users(value, "__next__")


def asked(value: Value) -> bool:
    """Whether it is known only in turn what comes next in the value."""
    if isinstance(value, Zipped):
        return any(map(asked, value.parts))
    return isinstance(value, Generator | Mapped) or users(value, "__next__")


def stepping(m: Machine, state: State, value: Value, loc: Loc | None) -> Value:
    """The iterator that the user's class makes of the value; else the value itself."""
    found = objects.operator_method(m, state, value, "__iter__", (), loc)
    return value if found is None else found


def steps_of(m: Machine, state: State, value: Value, loc: Loc | None) -> Value:
    """An object whose `__next__` gives the items, if it needs no loop of its own."""
    if isinstance(value, LOOPED) or users(value, "__next__"):
        return value
    if isinstance(value, RangeValue) and endless_range(value):
        return m.call_value(state, iterator_library.Count, (value.lo,), {}, loc)
    return m.call_value(state, library.Iterator, (value,), {}, loc)


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
    if isinstance(value, Known) and not isinstance(value.value, INDEXED | dict | set):
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
    if state.builder.depth:  # staging would read on once, whatever happens at run time
        name = type(plain[0]).__name__
        raise StagecError(
            "SC375", f"next of a {name} in a staged loop or branch", loc,
            "make a list of it outside of the loop, and count",
        )  # fmt: skip
    return m.host(state, next, plain, {}, loc)


TABLE: dict[Any, Any] = {iter: _iter, next: _next}
