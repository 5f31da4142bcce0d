"""Lists whose length is known at run time only: what is in them, and their changes.

A list of tuples is a list for each position in the tuples.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from stagec import ops
from stagec.errors import Loc, StagecError
from stagec.frontend import array_library, arrays
from stagec.frontend.machine import Machine
from stagec.frontend.state import State
from stagec.frontend.unify import (
    Unjoinable,
    convert,
    describe,
    element_emitter,
    element_type,
    join_types,
    row_of,
)
from stagec.frontend.values import (
    ArrayRef,
    Columns,
    Ref,
    StagedItems,
    StagedList,
    TupleValue,
    Value,
)
from stagec.ir.core import Operand
from stagec.ir.types import ListType
from stagec.ops import lists
from stagec.ops.list_form import element_type as element_of


def operands(content: StagedList) -> tuple[Operand, ...]:
    """The lists that the content consists of."""
    if isinstance(content, StagedItems):
        return (content.operand,)
    return tuple(o for c in content.columns for o in operands(c))


def length(m: Machine, state: State, content: StagedList) -> Any:
    """How many items there are, as a handle."""
    return lists.list_length(m.handle(state, operands(content)[0]))


def item(m: Machine, state: State, content: StagedList, index: Operand) -> Value:
    """The item at the index."""
    if isinstance(content, Columns):
        parts = tuple(item(m, state, c, index) for c in content.columns)
        return TupleValue(parts, content.cls)
    handles = (m.handle(state, o) for o in (content.operand, index))
    return _taken(m, state, lists.list_get(*handles))


def set_at(
    m: Machine, state: State, content: StagedList, index: Operand, value: Value, loc: Loc | None
) -> StagedList:
    """The content with the value at the index."""
    if isinstance(content, Columns):
        parts = zip(content.columns, _row(m, content, value, loc), strict=True)
        made = tuple(set_at(m, state, c, index, v, loc) for c, v in parts)
        return replace(content, columns=made)
    items, new_item = _stored(m, state, content, value, loc)
    new = lists.list_set(*(m.handle(state, o) for o in (items, index, new_item)))
    return _renamed(m, new.operand, content)


def appended(
    m: Machine, state: State, content: StagedList, value: Value, loc: Loc | None
) -> StagedList:
    """The content with the value behind the others."""
    if isinstance(content, Columns):
        parts = zip(content.columns, _row(m, content, value, loc), strict=True)
        return replace(content, columns=tuple(appended(m, state, c, v, loc) for c, v in parts))
    given = _stored(m, state, content, value, loc)
    new = lists.list_append(*(m.handle(state, o) for o in given))
    return _renamed(m, new.operand, content)


def popped(m: Machine, state: State, content: StagedList) -> tuple[StagedList, Value]:
    """The content without its last item, and that item."""
    if isinstance(content, Columns):
        pairs = [popped(m, state, c) for c in content.columns]
        rest = replace(content, columns=tuple(c for c, _ in pairs))
        return rest, TupleValue(tuple(v for _, v in pairs), content.cls)
    new, value = lists.list_pop(m.handle(state, content.operand))
    return StagedItems(new.operand), _taken(m, state, value)


def numbers(m: Machine, state: State, column: Operand) -> Value:
    """The numbers of a list as an array, which has their type without any, too."""
    dtype = getattr(element_of(column.type), "dtype", None)
    return m.wrap(state, ops.list_stack(m.handle(state, column), dtype=dtype))


def as_array(m: Machine, state: State, content: StagedList, loc: Loc | None) -> Value:
    """The items as an array: tuples are its rows."""
    if isinstance(content, StagedItems):
        kind = content.operand.type
        if isinstance(kind, ListType) and kind.nested:
            ref = Ref(m.new_cell(state, content), list)
            return m.call_value(state, array_library.lists_, (ref,), {}, loc)
        return m.wrap(state, ops.list_stack(m.handle(state, content.operand)))
    columns = tuple(Ref(m.new_cell(state, c), list) for c in content.columns)
    return m.call_value(state, array_library.rows_, (TupleValue(columns),), {}, loc)


def tangents(content: StagedList, dots: dict[int, Operand]) -> StagedList | None:
    """The tangents of a list of run-time length; None without any."""
    if isinstance(content, StagedItems):
        dot = dots.get(id(content.operand))
        return None if dot is None else StagedItems(dot)
    columns = tuple(tangents(c, dots) for c in content.columns)
    if all(c is None for c in columns):
        return None
    if any(c is None for c in columns):
        raise StagecError(
            "SC420", "a list of tuples of which a part has no tangent", None,
            "return arrays, or lists of numbers",
        )  # fmt: skip
    return replace(content, columns=columns)


def _taken(m: Machine, state: State, got: Any) -> Value:
    """What was taken out of a list."""
    value = m.wrap(state, got)
    if isinstance(value, ArrayRef):
        state.cells[value.cell] = replace(arrays.cell_of(state, value), listed=True)
    return value


def _row(m: Machine, content: Columns, value: Value, loc: Loc | None) -> tuple[Value, ...]:
    """The items of a tuple that goes into a list of such tuples."""
    found = row_of(m, value)
    if found is None or (len(found.items), found.cls) != (len(content.columns), content.cls):
        raise StagecError(
            "SC333",
            f"a list of tuples of {len(content.columns)} gets {describe(value)}", loc,
            "append tuples of one form in a staged loop",
        )  # fmt: skip
    return found.items


def _stored(
    m: Machine, state: State, content: StagedItems, value: Value, loc: Loc | None
) -> tuple[Operand, Operand]:
    """The list and what becomes an element of it, both of a type that holds either."""
    kind = content.operand.type
    assert isinstance(kind, ListType)
    have = None
    try:
        have = element_type(state, value)
        element = kind.element if have is None else join_types(kind.element, have)
    except Unjoinable:
        raise StagecError(
            "SC333",
            f"a list of {kind.element} gets an element of type {have or describe(value)}", loc,
            "append values of one type in a staged loop",
        ) from None  # fmt: skip
    if isinstance(value, ArrayRef):
        cell = arrays.cell_of(state, value)
        state.cells[value.cell] = replace(cell, listed=True)
    items = convert(m, state, content.operand, ListType(element))
    return items, element_emitter(m, state, value)(state, element)


def _renamed(m: Machine, new: Any, old: StagedItems) -> StagedItems:
    m.name(new, m.name_of(old.operand))
    return StagedItems(new)
