"""`sorted`: of what is known at staging, or of staged numbers by way of `np.argsort`."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from stagec.errors import Loc, StagecError
from stagec.frontend import (
    array_library,
    containers,
    library,
    list_library,
    objects,
    staged_lists,
)
from stagec.frontend.machine import Machine
from stagec.frontend.state import State
from stagec.frontend.values import (
    NONE,
    ArrayRef,
    Columns,
    Generator,
    Items,
    Known,
    Mapped,
    Number,
    Ref,
    TupleValue,
    Value,
    Zipped,
)
from stagec.ir.types import TEXT, ListType, rank_of

PYTHON = (bool, int, float)
FEW = 12  # items, at most, that are compared pair by pair


def sorted_(
    m: Machine, state: State, args: tuple[Value, ...], kwargs: dict[str, Value],
    loc: Loc | None,
) -> Any:  # fmt: skip
    """`sorted(iterable, key=..., reverse=...)`."""
    value = args[0]
    back = m.need_known(state, kwargs.get("reverse", Known(False)), loc, "reverse=")
    by = kwargs.get("key", NONE)
    own_order = isinstance(by, Known) and by.value is None
    if isinstance(value, Generator | Mapped | Zipped):
        value = m.call_value(state, library.list_, args, {}, loc)
    plain = False
    if isinstance(value, Ref) and m.is_staged_list(state, value):
        if not own_order or isinstance(m.inside(state, value), Columns):
            return sorted_list(m, state, value, None if own_order else by, bool(back), loc)
        kind = m.inside(state, value).operand.type.element
        plain = getattr(kind, "weak", False)
        value = m.wrap(state, m.as_array(state, value, loc))
    if own_order and isinstance(value, ArrayRef):
        given = (value, Known(bool(back)), Known(plain))
        return m.call(Known(array_library.sorted_rows), given, {}, state, loc)
    items = containers.unpack(m, state, value, loc)
    keys = items
    if not own_order:
        keys = [m.call_value(state, by, (v,), {}, loc) for v in items]
    if any(isinstance(k, Number) for k in keys) and all(map(is_number, (*keys, *items))):
        return sorted_numbers(m, state, items, keys, bool(back), loc)
    few = len(keys) <= FEW and any(isinstance(k, Number) for k in keys)
    if few and all(map(is_number, keys)) and all(map(mergeable, items)):
        lists = [Ref(m.new_cell(state, Items(tuple(v))), list) for v in (items, keys)]
        return m.call_value(state, list_library.sorted_few, (*lists, Known(back)), {}, loc)
    order = known_order(m, state, keys, bool(back), loc)
    return Ref(m.new_cell(state, Items(tuple(items[k] for k in order))), list)


def mergeable(value: Value) -> bool:
    """Whether one of two such values may be had under one name."""
    if isinstance(value, TupleValue):
        return all(map(mergeable, value.items))
    return isinstance(value, ArrayRef) or is_number(value)


def sorted_list(
    m: Machine, state: State, value: Ref, by: Value | None, back: bool, loc: Loc | None
) -> Any:
    """A list of run-time length in the order of its tuples, or of what the function says."""
    keys: Any = value
    if by is not None:
        keys = m.call_value(state, library.list_, (Mapped(by, (value,)),), {}, loc)
    content = m.inside(state, keys) if m.is_staged_list(state, keys) else None
    columns = () if content is None else staged_lists.operands(content)
    kinds = [o.type.element for o in columns if isinstance(o.type, ListType)]
    if not kinds or any(k == TEXT or rank_of(k) for k in kinds):
        raise StagecError(
            "SC303", "what these items are sorted by must be numbers", loc,
            "sort by numbers, or by tuples of numbers",
        )  # fmt: skip
    ranks = tuple(staged_lists.numbers(m, state, o) for o in columns)
    given = (value, TupleValue(ranks), Known(back))
    return m.call_value(state, array_library.sorted_by, given, {}, loc)


def known_order(
    m: Machine, state: State, keys: list[Value], back: bool, loc: Loc | None
) -> list[int]:
    """The positions of the keys in their order, which the first items of tuples may tell."""
    what = "an element that is sorted"
    heads: list[Any] = [containers.plain(m, state, k) for k in keys]
    rest: dict[int, Value] = {}
    for k, key in enumerate(keys):
        if heads[k] is not containers.STAGED:
            continue
        if not isinstance(key, TupleValue) or (key.cls and key.cls.__lt__ is not tuple.__lt__):
            heads[k] = m.need_known(state, key, loc, what)
            continue
        items = [containers.plain(m, state, v) for v in key.items]
        first = next(i for i, v in enumerate(items) if v is containers.STAGED)
        heads[k], rest[k] = tuple(items[:first]), key.items[first]
    order = m.host(
        state, sorted, [range(len(keys))], {"key": heads.__getitem__, "reverse": back}, loc
    ).value
    for pair in pairwise(order):
        n = min((len(heads[k]) for k in pair if k in rest), default=None)
        if n is not None and heads[pair[0]][:n] == heads[pair[1]][:n]:
            for k in rest.keys() & pair:
                m.need_known(state, rest[k], loc, what)
    return order


def is_number(value: Value) -> bool:
    """Whether the value is a number, staged or not."""
    return issubclass(objects.class_of(value), (*PYTHON, np.generic))


def sorted_numbers(
    m: Machine, state: State, items: list[Value], keys: list[Value], back: bool,
    loc: Loc | None,
) -> Value:  # fmt: skip
    """The numbers in the order of their keys, of which some are staged."""
    rows = [Ref(m.new_cell(state, Items(tuple(part))), list) for part in (items, keys)]
    made = m.call_value(state, array_library.sorted_numbers, (*rows, Known(back)), {}, loc)
    found = containers.unpack(m, state, made, loc)
    if all(objects.class_of(v) in PYTHON for v in items):
        methods = [objects.attribute(m, state, v, "item", loc) for v in found]
        found = [method.run(m, state, (), {}, loc) for method in methods]  # type: ignore[union-attr]
    return Ref(m.new_cell(state, Items(tuple(found))), list)
