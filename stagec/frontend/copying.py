"""`copy.copy` and `copy.deepcopy` of what is known at run time only."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stagec.errors import Loc, StagecError
from stagec.frontend import objects
from stagec.frontend.machine import Machine
from stagec.frontend.state import State
from stagec.frontend.values import (
    ArrayRef,
    Columns,
    Fields,
    FunctionValue,
    Items,
    Known,
    Number,
    Ref,
    StagedItems,
    StagedList,
    TupleValue,
    Value,
)
from stagec.ops import lists

PLAIN = (dict, list, set)
# by these a class says itself how its objects are copied
OWN_WAYS = (
    *("__copy__", "__deepcopy__", "__reduce__", "__reduce_ex__", "__getstate__"),
    *("__setstate__", "__getnewargs__", "__getnewargs_ex__", "__new__"),
)


def shallow(
    m: Machine, state: State, args: tuple[Value, ...], kwargs: dict[str, Value],
    loc: Loc | None,
) -> Value:  # fmt: skip
    """`copy.copy(value)`."""
    (value,) = args
    match value:
        case Number() | TupleValue():
            return value
        case ArrayRef():
            return m.call_value(state, np.copy, (value,), {}, loc)
        case Ref(cls=cls) if cls in PLAIN:
            return m.call_value(state, cls, (value,), {}, loc)
        case Ref(cls=cls):
            content = m.inside(state, value)
            if not isinstance(content, Fields):
                raise refused(cls, loc)
            return Ref(m.new_cell(state, content), plain_class(cls, loc))
        case _:
            raise refused(type(value), loc)


def deep(
    m: Machine, state: State, args: tuple[Value, ...], kwargs: dict[str, Value],
    loc: Loc | None,
) -> Value:  # fmt: skip
    """`copy.deepcopy(value)`."""
    (value,) = args
    return Deep(m, state, loc).copy(value)


@dataclass(slots=True)
class Deep:
    """One deep copy; what is met again is copied once."""

    machine: Machine
    state: State
    loc: Loc | None
    made: dict[Any, Value] = field(default_factory=dict[Any, Value])
    # the arrays of which a view was copied
    views: set[int] = field(default_factory=set[int])

    def copy(self, value: Value) -> Value:
        """The copy of a value."""
        m, state = self.machine, self.state
        match value:
            case Number() | FunctionValue():
                return value
            case Known():
                key = ("known", id(value.value))
                if key not in self.made:
                    args = (value,)
                    self.made[key] = m.call_value(state, copy.deepcopy, args, {}, self.loc)
                return self.made[key]
            case TupleValue(items, cls):
                return TupleValue(tuple(map(self.copy, items)), cls)
            case ArrayRef(cell=cell):
                if cell not in self.made:
                    self.made[cell] = m.call_value(state, np.copy, (value,), {}, self.loc)
                elif value.path or cell in self.views:
                    raise refused(np.ndarray, self.loc)  # two views may be one object or two
                if value.path:
                    self.views.add(cell)
                return self.made[cell]
            case Ref(cell, cls):
                if cell not in self.made:
                    known = cls if cls in PLAIN else plain_class(cls, self.loc)
                    made = Ref(m.new_cell(state, Items(())), known)
                    self.made[cell] = made
                    state.cells[made.cell] = self.content(m.inside(state, value), cls)
                return self.made[cell]
            case _:
                raise refused(type(value), self.loc)

    def content(self, content: Any, cls: type) -> Any:
        """The copy of what is in a list, dict, set or object."""
        match content:
            case Items(items):
                return Items(tuple(map(self.copy, items)))
            case Fields(items):
                return Fields(tuple((k, self.copy(v)) for k, v in items))
            case StagedItems() | Columns():
                return self.listed(content)
            case _:
                raise refused(cls, self.loc)

    def listed(self, content: StagedList) -> StagedList:
        """The copy of a list of run-time length."""
        if isinstance(content, Columns):
            return Columns(tuple(map(self.listed, content.columns)), content.cls)  # type: ignore[arg-type]
        handle = self.machine.handle(self.state, content.operand)
        return StagedItems(lists.list_copy(handle, deep=True).operand)


def plain_class(cls: type, loc: Loc | None) -> type:
    """The class, if its objects are copied as what is in them."""
    builtin = issubclass(cls, (*PLAIN, tuple)) or cls.__module__.startswith("stagec.")
    ways = (objects.class_attribute(cls, name) for name in OWN_WAYS)
    own = any(
        way is not objects.MISSING and way is not vars(object).get(name)
        for name, way in zip(OWN_WAYS, ways, strict=True)
    )
    if builtin or own:
        raise refused(cls, loc)
    return cls


def refused(cls: type, loc: Loc | None) -> StagecError:
    """The error for what cannot be copied."""
    return StagecError(
        "SC321", f"a copy of this {cls.__name__} in staged code", loc, "copy its parts"
    )


COPIES: dict[Any, Any] = {copy.copy: shallow, copy.deepcopy: deep}
