"""Operators of lists and tuples."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from stagec.errors import Loc, StagecError
from stagec.frontend import library
from stagec.frontend.containers import extend, unpack
from stagec.frontend.machine import Machine
from stagec.frontend.state import State
from stagec.frontend.unify import REPEATS
from stagec.frontend.values import (
    ArrayRef,
    Items,
    Known,
    Number,
    Ref,
    TupleValue,
    Value,
)
from stagec.ir.core import Const, Value as Staged
from stagec.ir.types import ArrayType
from stagec.ops.list_full import list_full

ORDER = (operator.lt, operator.le, operator.gt, operator.ge)
Scalar = bool | int | float | complex | np.generic


def binary(
    m: Machine, state: State, op: Any, a: Value, b: Value, loc: Loc | None
) -> Value | None:
    """`a op b` of lists and tuples, one of them at least; None where NumPy does it, or an
    operator of another type.
    """
    if op in ORDER and is_sequence(a) and is_sequence(b):
        for x in (a, b):
            refuse_staged(m, state, x, loc)
        return m.call_value(state, library.ordered_, (a, b, Known(op)), {}, loc)
    known = isinstance(b, Known) and not is_sequence(b)
    if (
        op is operator.add
        and is_sequence(a)
        and not (known or isinstance(b, ArrayRef | Number))
    ):
        if is_sequence(b) and kind_of(a) is not kind_of(b):
            m.host(state, op, [stand_in(a), stand_in(b)], {}, loc)
        if m.is_staged_list(state, a) or m.is_staged_list(state, b):
            copy = m.call_value(state, list, (a,), {}, loc)
            extend(m, state, m.writable(state, copy, loc), b, loc)
            return copy
        return made(m, state, a, (*unpack(m, state, a, loc), *unpack(m, state, b, loc)))
    if op is operator.mul:
        for x, n in ((a, b), (b, a)):
            if is_sequence(x) and is_number(n) and not is_sequence(n):
                return repeated(m, state, x, n, loc)
    plain = [stand_in(v) for v in (a, b)]
    if op not in (operator.eq, operator.ne) and not any(p is None for p in plain):
        m.host(state, op, plain, {}, loc)  # neither is an array: it raises
    return None


def repeated(m: Machine, state: State, x: Value, n: Value, loc: Loc | None) -> Value:
    """A list or tuple times a number, which must be an integer."""
    sample = sample_of(n)
    if isinstance(sample, float | complex | np.inexact):
        m.host(state, operator.mul, [stand_in(x), sample], {}, loc)
    staged = repeated_staged(m, state, x, n, loc)
    if staged is not None:
        return staged
    times = m.need_known(state, n, loc, "how often a list is repeated")
    if not isinstance(times, int | np.integer):
        m.host(state, operator.mul, [stand_in(x), times], {}, loc)
    return made(m, state, x, tuple(unpack(m, state, x, loc)) * int(times))


def repeated_staged(
    m: Machine, state: State, x: Value, n: Value, loc: Loc | None
) -> Value | None:
    """A list of one number, as often as the run time tells; None if it is another."""
    if not isinstance(n, Number) or isinstance(n.operand, Const) or REPEATS in m.decisions:
        return None
    kind = n.operand.type
    content = m.inside(state, x) if isinstance(x, Ref) else None
    if not isinstance(content, Items) or not isinstance(kind, ArrayType):
        return None
    numbers = [m.operand(state, v, loc) for v in content.items if is_number(v)]
    if kind.dtype.kind not in "iu" or len(numbers) != 1 or len(content.items) != 1:
        return None
    if not isinstance(numbers[0].type, ArrayType):  # a text
        return None
    m.repeats = True
    return m.wrap(state, list_full(m.handle(state, numbers[0]), m.handle(state, n.operand)))


def made(m: Machine, state: State, like: Value, items: tuple[Value, ...]) -> Value:
    """A new list or tuple, as `like` is one."""
    return (
        Ref(m.new_cell(state, Items(items)), list)
        if kind_of(like) is list
        else TupleValue(items)
    )


def kind_of(value: Value) -> type | None:
    """`list` or `tuple`, of which the value is one; None if it is neither."""
    if not is_sequence(value):
        return None
    if isinstance(value, Known):
        return list if isinstance(value.value, list) else tuple
    return list if isinstance(value, Ref) else tuple


def is_number(value: Value) -> bool:
    """Whether the value is a number of Python or NumPy."""
    return isinstance(value, Number) or (
        isinstance(value, Known) and isinstance(value.value, Scalar)
    )


def stand_in(value: Value) -> Any:
    """A Python value that operators of Python refuse as they do this one; None for arrays,
    NumPy scalars and values of other types.
    """
    kind = kind_of(value)
    if kind is not None:
        return kind()
    if isinstance(value, Known) and not isinstance(value.value, np.generic):
        return value.value if isinstance(value.value, Scalar) else None
    sample = sample_of(value)
    return None if isinstance(sample, np.generic) else sample


def sample_of(value: Value) -> Any:
    """A number of the type of a staged one; None for other values."""
    operand = value.operand if isinstance(value, Number) else None
    if not isinstance(operand, Staged) or not isinstance(operand.type, ArrayType):
        return None
    one = operand.type.dtype.type(1)
    return one.item() if operand.type.kind == "py" else one


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
