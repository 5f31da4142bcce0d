"""Assignments, plain and in place: names, attributes, subscripts, patterns."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import gast
import numpy as np

from stagec.errors import Loc, StagecError
from stagec.frontend import (
    array_library,
    array_writes,
    arrays,
    containers,
    descriptors,
    names,
    numpy_calls,
    objects,
    parts,
    reshaping,
)
from stagec.frontend.desugar import old_value, subscripted
from stagec.frontend.expressions import BINARY, METHODS, binary, evaluate, subscript
from stagec.frontend.machine import Frame, Machine, Raised
from stagec.frontend.state import Leaf, State, Tree
from stagec.frontend.values import ArrayRef, Items, Known, Ref, StagedList, Value
from stagec.ir.types import ArrayType


def assign(m: Machine, frame: Frame, target: Any, value: Value, state: State, loc: Loc) -> Tree:
    """Bind a target: name, attribute, subscript or pattern."""
    state.builder.loc = loc
    match target:
        case gast.Name(id=name):
            names.store(m, frame, name, value, state, loc)
        case gast.Attribute(value=base, attr=attr):
            receiver = evaluate(m, frame, base, state)
            if (
                isinstance(receiver, ArrayRef)
                and attr == "shape"
                and isinstance(base, gast.Name)
            ):
                reshaping.set_shape(m, frame, base.id, receiver, value, state, loc)
                return Leaf(state)
            if isinstance(receiver, ArrayRef) and attr == "flat":
                m.call_value(state, array_writes.fill_flat_, (receiver, value), {}, loc)
                return Leaf(state)
            if isinstance(receiver, ArrayRef) and attr in parts.PARTS:
                parts.put(m, state, receiver, attr, None, value, loc)
                return Leaf(state)
            objects.set_attribute(m, state, receiver, objects.mangled(frame, attr), value, loc)
        case gast.Subscript(value=gast.Attribute(value=base, attr="flat"), slice=key):
            owner = evaluate(m, frame, base, state)
            set_flat(m, state, owner, evaluate(m, frame, key, state), value, loc)
        case gast.Subscript(value=base, slice=key):
            array, part = whole(m, frame, base, state)
            container = evaluate(m, frame, base, state) if array is None else array
            index = evaluate(m, frame, key, state)
            state.builder.loc = loc
            if array is not None:
                parts.put(m, state, array, part, index, value, loc)
            else:
                set_subscript(m, state, container, index, value, loc)
        case gast.Tuple(elts=elts) | gast.List(elts=elts):
            for part, item in zip(elts, matched(m, state, elts, value, loc), strict=True):
                inner = part.value if isinstance(part, gast.Starred) else part
                assign(m, frame, inner, item, state, loc)
        case _:
            raise StagecError("SC101", "this cannot be assigned to", loc, "assign to a name")
    return Leaf(state)


def whole(m: Machine, frame: Frame, base: Any, state: State) -> tuple[ArrayRef | None, str]:
    """Of `array.real`, which a subscript is of, the array and the name of the part."""
    if isinstance(base, gast.Attribute) and base.attr in parts.PARTS:
        owner = evaluate(m, frame, base.value, state)
        if isinstance(owner, ArrayRef):
            return owner, base.attr
    return None, ""


def matched(m: Machine, state: State, elts: list[Any], value: Value, loc: Loc) -> list[Value]:
    """The items of a value for the parts of a pattern, a starred part getting a list."""
    if isinstance(value, ArrayRef):
        kind = arrays.type_of(state, value)
        if not any(isinstance(e, gast.Starred) for e in elts) and kind.rank:
            m.require_size(state, value, 0, len(elts), loc)
            return [
                arrays.read_subscript(m, state, value, Known(k), loc) for k in range(len(elts))
            ]
    try:
        items = containers.unpack(m, state, value, loc)
    except StagecError:
        plain = not any(isinstance(e, gast.Starred) for e in elts)
        listed = isinstance(value, Ref) and isinstance(m.inside(state, value), StagedList)
        if not plain or not listed:
            raise
        # how many there are is known at run time
        count = Known(len(elts))
        items = m.call_value(state, array_library.unpacked_, (value, count), {}, loc).items
    stars = [k for k, e in enumerate(elts) if isinstance(e, gast.Starred)]
    if not stars:
        if len(items) != len(elts):
            text = f"not enough values to unpack (expected {len(elts)}, got {len(items)})"
            if len(items) > len(elts):
                text = f"too many values to unpack (expected {len(elts)})"
            raise Raised(ValueError(text))
        return items
    (k,) = stars
    after = len(elts) - k - 1
    if len(items) < len(elts) - 1:
        wanted = f"at least {len(elts) - 1}, got {len(items)}"
        raise Raised(ValueError(f"not enough values to unpack (expected {wanted})"))
    middle = Ref(m.new_cell(state, Items(tuple(items[k : len(items) - after]))), list)
    return [*items[:k], middle, *items[len(items) - after :]]


def set_subscript(
    m: Machine, state: State, base: Value, key: Value, value: Value, loc: Loc
) -> None:
    """`base[key] = value`."""
    if isinstance(base, Known) and isinstance(base.value, np.ndarray):
        base = m.captured_array(state, base, loc, write=True)
    if isinstance(base, ArrayRef):
        handle = numpy_calls.argument(m, state, value, loc)
        if isinstance(handle, list | tuple):
            handle = m.as_array(state, value, loc)
        arrays.write_subscript(m, state, base, key, handle, loc)
        return
    found = objects.operator_method(m, state, base, "__setitem__", (key, value), loc)
    if found is None:
        containers.set_item(m, state, base, key, value, loc)


def set_flat(m: Machine, state: State, base: Value, key: Value, value: Value, loc: Loc) -> None:
    """`base.flat[key] = value`."""
    flat = objects.attribute(m, state, base, "flat", loc)
    if isinstance(base, ArrayRef) and isinstance(flat, ArrayRef) and flat.cell != base.cell:
        m.call_value(state, array_writes.set_flat_, (base, key, value), {}, loc)
    else:
        set_subscript(m, state, flat, key, value, loc)


def augmented(m: Machine, stmt: Any, frame: Frame, state: State, loc: Loc) -> Tree:
    """The path after an augmented assignment."""
    op = BINARY[type(stmt.op)]
    right = evaluate(m, frame, stmt.value, state)
    old = old_value(stmt)
    held = names.load(m, frame, old, state, loc) if old else None

    def change(old: Value) -> Value:
        return in_place(m, state, op, old, right, loc)

    match stmt.target:
        case gast.Name(id=name):
            before = held or names.load(m, frame, name, state, loc)
            names.store(m, frame, name, change(before), state, loc)
        case gast.Attribute(value=base, attr=attr):
            receiver = evaluate(m, frame, base, state)
            if isinstance(receiver, ArrayRef) and attr in parts.PARTS:
                parts.augment(m, state, receiver, attr, None, change, None, loc)
            else:
                name = objects.mangled(frame, attr)
                augment_attribute(m, state, receiver, name, change, held, loc)
        case gast.Subscript(value=base, slice=key):
            array, part = whole(m, frame, subscripted(stmt), state)
            container = evaluate(m, frame, base, state) if array is None else array
            index = evaluate(m, frame, key, state)
            if array is not None:
                parts.augment(m, state, array, part, index, change, held, loc)
            else:
                augment_item(m, state, op, container, index, right, held, loc)
        case _:
            raise StagecError("SC101", "this cannot be assigned to", loc, "assign to a name")
    return Leaf(state)


def augment_attribute(
    m: Machine,
    state: State,
    base: Value,
    name: str,
    change: Callable[[Value], Value],
    held: Value | None,
    loc: Loc,
) -> None:
    """`base.name op= right`, where `change` does that to what the attribute was."""
    old = held or objects.attribute(m, state, base, name, loc)
    new = change(old)
    kept = isinstance(old, ArrayRef) and new is old
    if not (kept and descriptors.passive(objects.class_of(base), name)):
        objects.set_attribute(m, state, base, name, new, loc)


def augment_item(
    m: Machine,
    state: State,
    op: Any,
    base: Value,
    key: Value,
    right: Value,
    held: Any,
    loc: Loc,
) -> None:
    """`base[key] op= right`."""
    if isinstance(base, Known) and isinstance(base.value, np.ndarray):
        base = m.captured_array(state, base, loc, write=True)
    if isinstance(base, ArrayRef) and not held and op in (operator.add, operator.sub):
        path, index = arrays.subscript(m, state, key, arrays.type_of(state, base).rank, loc)
        plain = all(
            not isinstance(o.type, ArrayType) or o.type.rank == 0 or o.type.dtype.kind == "b"
            for o in index
        )
        value = numpy_calls.argument(m, state, right, loc)
        if plain and addable(m, state, base, value):
            if op is operator.sub:
                value = arrays.opposite(m, state, base, value)
            arrays.store(m, state, base, value, loc, path, index, accumulate=True)
            return
    old = held or subscript(m, state, base, key, loc)
    new = in_place(m, state, op, old, right, loc)
    if (
        isinstance(base, ArrayRef)
        and isinstance(old, ArrayRef)
        and new is old
        and m.is_view_of(old, base)
    ):
        return
    set_subscript(m, state, base, key, new, loc)


def addable(m: Machine, state: State, base: ArrayRef, value: Any) -> bool:
    """Whether adding the value into the array needs no cast that NumPy would refuse."""
    if isinstance(value, list | tuple):
        return False
    kind = arrays.type_of(state, base)
    dtype = getattr(m.lift(state, value), "dtype", None)
    if dtype is None or kind.dtype.kind == "b":
        return False
    return np.can_cast(np.result_type(kind.dtype, dtype), kind.dtype, "same_kind")


GROWING = (operator.add, operator.mul)  # `+=` and `*=` of a list change the list itself


def in_place(m: Machine, state: State, op: Any, old: Value, right: Value, loc: Loc) -> Value:
    """`old op= right`: the same object where Python changes it in place."""
    if isinstance(old, Known) and isinstance(old.value, np.ndarray):
        old = m.captured_array(state, old, loc, write=True)
    changes = isinstance(getattr(old, "value", None), list) and op in GROWING
    if isinstance(old, Known) and (changes or type(old.value) in (set, dict)):
        old = m.writable(state, old, loc)
    if isinstance(old, ArrayRef):
        value = numpy_calls.argument(m, state, right, loc)
        if op in (operator.add, operator.sub) and addable(m, state, old, value):
            if op is operator.sub:
                value = arrays.opposite(m, state, old, value)
            arrays.store(m, state, old, value, loc, accumulate=True)
            return old
        if op is operator.matmul and np.ndim(value) < 2:
            raise Raised(ValueError(
                "inplace matrix multiplication requires the first operand to have at least "
                "one and the second at least two dimensions."))  # fmt: skip
        new = binary(m, state, op, old, right, loc)
        handle = numpy_calls.argument(m, state, new, loc)
        kind = arrays.type_of(state, old)
        if not np.can_cast(handle.dtype, kind.dtype, "same_kind"):
            name = METHODS[op]
            raise Raised(TypeError(
                f"Cannot cast ufunc {name!r} output from {handle.dtype!r} to {kind.dtype!r} "
                "with casting rule 'same_kind'"))  # fmt: skip
        arrays.store(m, state, old, handle, loc)
        return old
    if isinstance(old, Ref) and issubclass(old.cls, list) and op is operator.add:
        containers.extend(m, state, m.writable(state, old, loc), right, loc)
        return old
    if isinstance(old, Ref) and (
        old.cls in (set, dict) or (issubclass(old.cls, list) and op is operator.mul)
    ):
        new = binary(m, state, op, old, right, loc)
        if isinstance(new, Ref):
            m.write(state, m.writable(state, old, loc), m.inside(state, new))
            return old
        return new
    found = objects.operator_method(m, state, old, f"__i{METHODS[op]}__", (right,), loc)
    return binary(m, state, op, old, right, loc) if found is None else found
