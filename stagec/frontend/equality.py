"""`==` of lists, tuples, dicts, sets and objects."""

from __future__ import annotations

import dataclasses

import numpy as np

from stagec.errors import Loc, StagecError
from stagec.frontend import library, objects, protocols, rows
from stagec.frontend.containers import dict_items, unpack
from stagec.frontend.machine import Machine
from stagec.frontend.state import State
from stagec.frontend.unify import as_operand, same_abstract
from stagec.frontend.values import ArrayCell, ArrayRef, Known, Number, Ref, TupleValue, Value
from stagec.ir.types import ArrayType

CONTAINERS = (list, tuple, dict, set | frozenset)


def equal(m: Machine, state: State, a: Value, b: Value, loc: Loc | None) -> Value | None:
    """`a == b` where one of them is a container or an object; None where NumPy compares."""
    if any(map(is_numpy, (a, b))):
        return None
    left, right = objects.class_of(a), objects.class_of(b)
    for kind in CONTAINERS:
        if issubclass(left, kind) != issubclass(right, kind):
            return Known(False)
        if issubclass(left, kind):
            return equal_contents(m, state, kind, a, b, loc)
    by_fields = dataclasses.is_dataclass(left) and left.__eq__ is not object.__eq__
    if left is right and by_fields:
        sides = [list(protocols.compared(m, state, v, loc).items) for v in (a, b)]
        return equal_items(m, state, sides[0], sides[1], loc)
    return Known(identical(m, state, a, b, loc))


def is_numpy(value: Value) -> bool:
    """Whether the value is an array or a NumPy scalar, which is compared item by item."""
    if isinstance(value, Number):
        kind = as_operand(value).type
        return isinstance(kind, ArrayType) and not kind.weak
    if isinstance(value, Known):
        return isinstance(value.value, np.ndarray | np.generic)
    return isinstance(value, ArrayRef)


def equal_contents(
    m: Machine, state: State, kind: object, a: Value, b: Value, loc: Loc | None
) -> Value:
    """`a == b` of two containers of one kind."""
    if any(m.is_staged_list(state, v) for v in (a, b)):
        raise StagecError(
            "SC335", "lists of run-time length cannot be compared", loc, "compare arrays"
        )
    if kind is dict:
        left, right = (dict(dict_items(m, state, v, loc)) for v in (a, b))
        if left.keys() != right.keys():
            return Known(False)
        return equal_items(m, state, list(left.values()), [right[k] for k in left], loc)
    first, second = unpack(m, state, a, loc), unpack(m, state, b, loc)
    if kind not in (list, tuple):
        found = [
            {m.guard(v) for v in items if isinstance(v, Known)} for items in (first, second)
        ]
        return Known(found[0] == found[1])
    return equal_items(m, state, first, second, loc)


def equal_items(
    m: Machine, state: State, left: list[Value], right: list[Value], loc: Loc | None
) -> Value:
    """Whether the items are equal one by one; as in Python, the same object is."""
    if len(left) != len(right):
        return Known(False)
    pairs = [(x, y) for x, y in zip(left, right, strict=True) if not same_abstract(x, y)]
    if not pairs:
        return Known(True)
    sides = [TupleValue(tuple(side)) for side in zip(*pairs, strict=True)]
    return m.call_value(state, library.equal_, (sides[0], sides[1]), {}, loc)


def same_array(state: State, a: ArrayRef, b: ArrayRef, loc: Loc | None) -> bool:
    """Whether both are one object: an array has one, but each view is an object of its own."""
    if a is b or (a.cell == b.cell and a.path == b.path == ()):
        return True
    if a.cell == b.cell:
        unclear = a.path == b.path and a.index == b.index
    else:
        unclear = not memory(state, a).isdisjoint(memory(state, b))
    if unclear:
        raise StagecError(
            "SC335",
            "it is not known here whether these are one array",
            loc,
            "compare what they were made of",
        )
    return False


def memory(state: State, ref: ArrayRef) -> set[int]:
    """The cells whose memory the array may be."""
    cell = state.cells[ref.cell]
    assert isinstance(cell, ArrayCell)
    return {ref.cell, *(other for other, _ in cell.shares)}


def identical(m: Machine, state: State, a: Value, b: Value, loc: Loc | None) -> bool:
    """`a is b`, where staging can tell."""
    a, b = m.written(state, a), m.written(state, b)
    if isinstance(a, Known) and isinstance(b, Known):
        if a.value is None or b.value is None or isinstance(a.value, bool | type):
            return a.value is b.value if not (a.source or b.source) else m.keep(a) is m.keep(b)
        return m.keep(a) is m.keep(b)
    if isinstance(a, Known) or isinstance(b, Known):
        return False
    if type(a) is not type(b):
        return False
    if isinstance(a, ArrayRef) and isinstance(b, ArrayRef):
        return same_array(state, a, b, loc)
    if isinstance(a, Ref) and isinstance(b, Ref):
        return rows.one_list(m, state, a, b, loc)
    return a is b
