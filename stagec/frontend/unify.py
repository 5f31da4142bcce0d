"""Common types of two values, and conversions to them: what joins are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from functools import partial
from operator import is_not
from typing import Any

import numpy as np

from stagec.frontend.machine import Machine
from stagec.frontend.sources import same_value
from stagec.frontend.state import State
from stagec.frontend.values import (
    DEFINED,
    ArrayCell,
    ArrayRef,
    BoundMethod,
    Content,
    Fields,
    FunctionValue,
    Generator,
    Intrinsic,
    Items,
    Known,
    Number,
    Partial,
    Ref,
    Row,
    StagedItems,
    TupleValue,
    Value,
    has_parts,
)
from stagec.ir.core import Const, Operand, Undef, Value as Staged, const
from stagec.ir.types import INT, ArrayType, ListType, Type, same
from stagec.ops import cast, form, lists
from stagec.ops.indexing import read_at
from stagec.ops.list_casts import list_cast
from stagec.ops.paths import path_type

NUMBERS = (bool, int, float, complex, np.generic, str)


class Unjoinable(Exception):
    """Two paths disagree about a value that has no common type."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


# the decision that texts which differ between paths are told apart at run time
TEXTS = ("texts", None)
# the decision that staging knows how often lists are repeated: their items have no common type
REPEATS = ("repeats", None)


class DifferentTexts(Unjoinable):
    """The value is a string known at staging, on each path another one."""


def as_operand(value: Known | Number) -> Operand:
    """The operand of a number."""
    return value.operand if isinstance(value, Number) else const(value.value)


def describe(value: Any) -> str:
    """What a value is, for messages."""
    if isinstance(value, Known):
        return "None" if value.value is None else type(value.value).__name__
    if isinstance(value, Number):
        return str(value.operand.type)
    if isinstance(value, ArrayRef):
        return "an array"
    if isinstance(value, TupleValue):
        return f"a tuple of {len(value.items)}"
    if isinstance(value, Ref):
        return f"a {value.cls.__name__}"
    return type(value).__name__


def same_abstract(a: Any, b: Any) -> bool:
    """Whether two abstract values are surely the same Python value."""
    if isinstance(a, Known) and isinstance(b, Known):
        return same_value(a.value, b.value)
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(same_abstract, a, b))
    if type(a) is not type(b):
        return False
    if isinstance(a, Staged):
        return a is b
    if type(a).__eq__ is not object.__eq__ and has_parts(a):
        return all(same_abstract(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    return bool(a == b)


def unsized(kind: Type) -> Type:
    """The type without the size that an integer is known to equal."""
    return replace(kind, size=None) if isinstance(kind, ArrayType) else kind


def join_types(a: Type, b: Type) -> Type:
    """The common type of two values by numeric promotion; raises Unjoinable without one."""
    if isinstance(a, ListType) and isinstance(b, ListType):
        if a.nested and not alike(a.element, b.element):
            raise Unjoinable(f"{a} on one path, {b} on the other")
        return ListType(join_types(a.element, b.element))
    if not isinstance(a, ArrayType) or not isinstance(b, ArrayType):
        if a == b:
            return a
        raise Unjoinable(f"{a} on one path, {b} on the other")
    if (a.kind == "array") != (b.kind == "array") or a.rank != b.rank:
        raise Unjoinable(f"{a} on one path, {b} on the other")
    if a.kind == "array":
        if a.dtype != b.dtype:
            raise Unjoinable(f"{a} on one path, {b} on the other")
        shape = tuple(x if same(x, y) else None for x, y in zip(a.shape, b.shape, strict=True))
        return replace(a, shape=shape)
    if a.dtype.kind == "b" != b.dtype.kind or b.dtype.kind == "b" != a.dtype.kind:
        raise Unjoinable(f"{a} on one path, {b} on the other")
    kind = "py" if a.weak and b.weak else "np"
    if a.weak != b.weak:
        weak = {"b": False, "i": 0, "f": 0.0, "c": 0j}
        operands = [weak[t.dtype.kind] if t.weak else t.dtype for t in (a, b)]
        return ArrayType(np.result_type(*operands), (), kind)
    size = a.size if a.size == b.size and a.dtype == b.dtype else None
    return ArrayType(np.result_type(a.dtype, b.dtype), (), kind, size)


def alike(a: Type, b: Type) -> bool:
    """Whether two types are those of elements that need no conversion."""
    if isinstance(a, ListType) and isinstance(b, ListType):
        return alike(a.element, b.element)
    if isinstance(a, ArrayType) and isinstance(b, ArrayType):
        return (a.dtype, a.kind, a.rank) == (b.dtype, b.kind, b.rank)
    return a == b


def convert(machine: Machine, at: State, operand: Operand, kind: Type) -> Operand:
    """The operand as a value of type `kind`, by conversions added to the block of `at`."""
    have = operand.type
    if isinstance(operand, Undef):
        return Undef(kind)
    if isinstance(have, ListType) and isinstance(kind, ListType):
        return _converted_list(machine, at, operand, have.element, kind.element)
    if (
        not isinstance(have, ArrayType)
        or not isinstance(kind, ArrayType)
        or have.kind == "array"
    ):
        return operand
    if have.dtype == kind.dtype and have.kind == kind.kind:
        return operand
    if isinstance(operand, Const):
        plain = operand.value.item() if isinstance(operand.value, np.generic) else operand.value
        if kind.weak:
            return const(
                {"b": bool, "i": int, "f": float, "c": complex}[kind.dtype.kind](plain)
            )
        return const(kind.dtype.type(plain))
    handle = machine.handle(at, operand)
    if kind.weak:
        names = {"b": "bool", "i": "int", "f": "float", "c": "complex"}
        return cast.to_python(handle, kind=names[kind.dtype.kind]).operand
    if have.dtype == kind.dtype:
        return form.to_numpy(handle).operand
    return cast.astype(handle, dtype=kind.dtype).operand


def _converted_list(
    machine: Machine, at: State, operand: Operand, have: Type, kind: Type
) -> Operand:
    """The list with its numbers as such of another type."""
    if not isinstance(have, ArrayType) or not isinstance(kind, ArrayType):
        return operand
    if (have.dtype, have.kind) == (kind.dtype, kind.kind):
        return operand
    handle = machine.handle(at, operand)
    return list_cast(handle, dtype=kind.dtype, weak=kind.weak).operand


def element_operand(state: State, value: Value) -> Operand:
    """The operand of a list element."""
    if isinstance(value, Known | Number):
        if isinstance(value, Known) and not isinstance(value.value, NUMBERS):
            raise Unjoinable(f"a list with {describe(value)} in it")
        return as_operand(value)
    if isinstance(value, ArrayRef) and not value.path:
        cell = state.cells[value.cell]
        assert isinstance(cell, ArrayCell)
        return cell.operand
    raise Unjoinable(f"a list with {describe(value)} in it")


def row_of(machine: Machine, value: Value) -> TupleValue | None:
    """The tuple, if the value is one that has items; a captured one is relied on."""
    if isinstance(value, Known) and isinstance(value.value, tuple) and value.value:
        items = tuple(map(Known, machine.guard(value)))
        return TupleValue(items, type(value.value) if hasattr(value.value, "_fields") else None)
    return value if isinstance(value, TupleValue) and value.items else None


def element_type(state: State, value: Value) -> Type | None:
    """The graph type of a list element; None for an empty list."""
    content = list_content(state, value)
    if isinstance(value, ArrayRef) and value.path:
        base = element_operand(state, replace(value, path=())).type
        return path_type(base, value.path, tuple(o.type for o in value.index))  # type: ignore[arg-type]
    if content is None:
        return unsized(element_operand(state, value).type)
    if isinstance(content, StagedItems):
        return content.operand.type
    kinds = [element_type(state, v) for v in content.items]
    if len({k.dtype for k in kinds if isinstance(k, ArrayType)}) > 1:
        raise Unjoinable("a list with a list of numbers of several types in it")
    found = common_type(kinds)
    return None if found is None else ListType(found)


def _read(machine: Machine, base: Operand, view: ArrayRef, at: State, kind: Type) -> Operand:
    """The value of a view, in the block of a state."""
    handles = [machine.handle(at, o) for o in view.index]
    return read_at(machine.handle(at, base), view.path, *handles).operand


def common_type(found: list[Type | None]) -> Type | None:
    """The common type of the elements of a list; None if they are empty lists, or none."""
    common = None
    for kind in found:
        if kind is not None:
            common = kind if common is None else join_types(common, kind)
    if common is not None and None in found and not isinstance(common, ListType):
        raise Unjoinable("a list with lists and other elements in it")
    return common


def nested_element(machine: Machine, place: Any, found: Type | None) -> Type:
    """The type of lists that are elements of a list made at the place, of which it is found
    that they are such, if they are not empty: they may have to hold other numbers later.
    """
    for kind, key in sorted(machine.decisions, key=repr):
        if kind == "element" and key[0] == place:
            found = key[1] if found is None else join_types_deep(found, key[1])
    if found is None:
        machine.nesting.guessed.add(place)
    return ListType(INT) if found is None else found


def join_types_deep(a: Type, b: Type) -> Type:
    """The common type of two elements, also of such as would have to be converted."""
    if isinstance(a, ListType) and isinstance(b, ListType):
        return ListType(join_types_deep(a.element, b.element))
    return join_types(a, b)


def holds_lists(content: Any) -> bool:
    """Whether the content is that of a list of lists of run-time length."""
    kind = content.operand.type if isinstance(content, StagedItems) else None
    return isinstance(kind, ListType) and kind.nested


def element_of(state: State, cell: int, content: Any, other: Any) -> Any:
    """The content of a list that on another path is an element of a list of run-time length:
    an element of it too, if that list has it on this path, where its length is known.
    """
    around = state.cells.get(other.owner.cell) if isinstance(other, Row) else None
    if isinstance(around, Items):
        for k, item in enumerate(around.items):
            if isinstance(item, Ref) and item.cell == cell:
                return Row(other.owner, const(k))
    return content


def list_content(state: State, value: Value) -> Items | StagedItems | None:
    """What is in a list that becomes an element of another; None if the value is no list."""
    if not isinstance(value, Ref) or value.cls is not list:
        return None
    content = state.cells[value.cell]
    if isinstance(content, Row):
        raise Unjoinable("a list that is an element of two lists")
    if not isinstance(content, Items | StagedItems):
        raise Unjoinable(f"a list with {describe(value)} in it")
    return content


def element_emitter(
    machine: Machine, state: State, value: Value
) -> Callable[[State, Type], Operand]:
    """What makes the value an element of a list of such a type, in the block of a state."""
    content = list_content(state, value)
    if isinstance(content, Items):
        parts = [element_emitter(machine, state, v) for v in content.items]

        def emit(at: State, kind: Type) -> Operand:
            assert isinstance(kind, ListType)
            made = [part(at, kind.element) for part in parts]
            return at.builder.add(lists.list_new, made, {"element": kind.element})[0]

        return emit
    if isinstance(value, ArrayRef) and value.path:
        return partial(_read, machine, element_operand(state, replace(value, path=())), value)
    operand = element_operand(state, value) if content is None else content.operand
    return lambda at, kind: convert(machine, at, operand, kind)


def cells_in(content: Any) -> list[int]:
    """The cells that a content refers to."""
    if isinstance(content, ArrayRef | Ref):
        return [content.cell]
    if isinstance(content, tuple):
        return [c for part in content for c in cells_in(part)]
    if isinstance(content, FunctionValue | Staged | Known | Const) or not has_parts(content):
        return []
    return [c for f in fields(content) for c in cells_in(getattr(content, f.name))]


def reached(
    state: State, before: Mapping[int, Content], roots: Iterable[int]
) -> set[int] | None:
    """The cells that the roots and those of `before` refer to, through others too.

    None where a function has come in since then: its variables are not looked into.
    """
    kept: set[int] = set()
    todo = [*before, *roots]
    while todo:
        cell = todo.pop()
        content = state.cells.get(cell)
        if cell in kept or content is None:
            continue
        if before.get(cell) is not content and has_code(content):
            return None
        kept.add(cell)
        todo += cells_in(content)
    return kept


def has_code(content: Any) -> bool:
    """Whether the content has a part that may run code, which reads variables."""
    if isinstance(content, tuple):
        return any(map(has_code, content))
    if isinstance(content, Ref):
        return content.cls in DEFINED
    if isinstance(content, FunctionValue | BoundMethod | Partial | Intrinsic | Generator):
        return True
    if isinstance(content, Known):
        return content.value in DEFINED if isinstance(content.value, type) else False
    if isinstance(content, Staged | Const) or not has_parts(content):
        return False
    return any(has_code(getattr(content, f.name)) for f in fields(content))


def references(state: State, cell: int) -> int:
    """How many contents refer to the cell."""
    return sum(cell in cells_in(content) for content in state.cells.values())


def names_inside(state: State, names: dict[int, str]) -> dict[int, str]:
    """What lists and objects are called: as the variable, attribute or key that holds them."""
    found: dict[int, str] = {}
    for content in state.cells.values():
        if isinstance(content, Fields):
            held = {v.cell: k for k, v in content.items if isinstance(v, Ref | ArrayRef)}
            found.update((cell, k) for cell, k in held.items() if isinstance(k, str))
    variables = ((state.cells.get(cell), name) for cell, name in names.items())
    found.update((v.cell, name) for v, name in variables if isinstance(v, Ref))
    return found


def substitute(content: Any, names: dict[Staged, Operand]) -> Any:
    """The content with staged values replaced."""
    if isinstance(content, Staged):
        return names.get(content, content)
    return with_parts(content, lambda part: substitute(part, names))


def with_parts(content: Any, change: Callable[[Any], Any]) -> Any:
    """The content with its parts changed; itself if none is, as some are only known by that."""
    if isinstance(content, tuple):
        items = tuple(map(change, content))
        return items if any(map(is_not, items, content)) else content
    if isinstance(content, FunctionValue | Known | Const | Undef) or not has_parts(content):
        return content
    old = {f.name: getattr(content, f.name) for f in fields(content)}
    new = {name: change(part) for name, part in old.items()}
    if all(new[name] is part for name, part in old.items()):
        return content
    return replace(content, **new)  # type: ignore[type-var]
