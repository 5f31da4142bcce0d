"""Operators of lists and tuples."""

from __future__ import annotations

import operator
from typing import Any

from stagec.errors import Loc, StagecError
from stagec.frontend.containers import unpack
from stagec.frontend.machine import Machine
from stagec.frontend.state import State
from stagec.frontend.unify import same_abstract
from stagec.frontend.values import (
    ArrayRef,
    Items,
    Known,
    Number,
    Ref,
    TupleValue,
    Value,
)


def binary(
    m: Machine, state: State, op: Any, a: Value, b: Value, loc: Loc | None
) -> Value | None:
    """`a op b` of lists and tuples; None if it is not theirs."""
    is_list = isinstance(a, Ref) and issubclass(a.cls, list)
    if (
        op in (operator.eq, operator.ne)
        and isinstance(a, TupleValue | Ref)
        and isinstance(b, TupleValue | Ref | Known)
    ):
        return equality(m, state, op, a, b, loc)
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


def equality(
    m: Machine, state: State, op: Any, a: Value, b: Value, loc: Loc | None
) -> Value | None:
    """`==` of two sequences of values known at staging."""
    if isinstance(b, Known) and not isinstance(b.value, list | tuple):
        return None
    left, right = unpack(m, state, a, loc), unpack(m, state, b, loc)
    if len(left) != len(right):
        return Known(op is operator.ne)
    if all(isinstance(v, Known) for v in (*left, *right)):
        same = all(m.guard(x) == m.guard(y) for x, y in zip(left, right, strict=True))  # type: ignore[arg-type]
        return Known(same if op is operator.eq else not same)
    if same_abstract(tuple(left), tuple(right)):
        return Known(op is operator.eq)
    raise StagecError(
        "SC335", "lists of staged values cannot be compared", loc, "compare arrays"
    )
