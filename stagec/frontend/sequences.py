"""Operators of lists and tuples."""

from __future__ import annotations

import operator
from typing import Any

from stagec.errors import Loc, StagecError
from stagec.frontend import library
from stagec.frontend.containers import unpack
from stagec.frontend.machine import Machine
from stagec.frontend.state import State
from stagec.frontend.values import (
    ArrayRef,
    Items,
    Known,
    Number,
    Ref,
    TupleValue,
    Value,
)

ORDER = (operator.lt, operator.le, operator.gt, operator.ge)


def binary(
    m: Machine, state: State, op: Any, a: Value, b: Value, loc: Loc | None
) -> Value | None:
    """`a op b` of lists and tuples; None if it is not theirs."""
    is_list = isinstance(a, Ref) and issubclass(a.cls, list)
    if op in ORDER and is_sequence(a) and is_sequence(b):
        for x in (a, b):
            refuse_staged(m, state, x, loc)
        return m.call_value(state, library.ordered_, (a, b, Known(op)), {}, loc)
    if (
        op is operator.add
        and (is_list or isinstance(a, TupleValue))
        and not isinstance(b, ArrayRef | Number)
    ):
        items = (*unpack(m, state, a, loc), *unpack(m, state, b, loc))
        return Ref(m.new_cell(state, Items(items)), list) if is_list else TupleValue(items)
    if op is operator.add and isinstance(a, Known) and isinstance(a.value, list | tuple):
        items = (*unpack(m, state, a, loc), *unpack(m, state, b, loc))
        return (
            Ref(m.new_cell(state, Items(items)), list)
            if isinstance(a.value, list)
            else TupleValue(items)
        )
    for x, n in ((a, b), (b, a)):
        sequence = isinstance(x, TupleValue) or (isinstance(x, Ref) and issubclass(x.cls, list))
        if op is operator.mul and sequence and not isinstance(n, ArrayRef | Ref | TupleValue):
            times = m.need_known(state, n, loc, "how often a list is repeated")
            if not isinstance(times, int):
                return None
            items = tuple(unpack(m, state, x, loc)) * times
            if isinstance(x, TupleValue):
                return TupleValue(items)
            return Ref(m.new_cell(state, Items(items)), list)
    return None


def is_sequence(value: Value) -> bool:
    """Whether the value is a list or a tuple."""
    if isinstance(value, Known):
        return isinstance(value.value, list | tuple)
    return isinstance(value, TupleValue) or (
        isinstance(value, Ref) and issubclass(value.cls, list)
    )


def refuse_staged(m: Machine, state: State, value: Value, loc: Loc | None) -> None:
    """A list whose length is known at run time only cannot be compared."""
    if m.is_staged_list(state, value):
        raise StagecError(
            "SC335", "lists of run-time length cannot be compared", loc, "compare arrays"
        )
