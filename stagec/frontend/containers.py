"""Lists, tuples, dicts and sets of abstract values."""

from __future__ import annotations

import operator
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from stagec.errors import Loc, StagecError
from stagec.frontend import arrays, list_library, rows, staged_lists
from stagec.frontend.list_indices import (
    append,
    changes_at,
    chosen_item,
    moving,
    select_item,
    staged_items,
)
from stagec.frontend.machine import Machine
from stagec.frontend.sources import Derived, Item
from stagec.frontend.state import State
from stagec.frontend.unify import holds_lists
from stagec.frontend.values import (
    ArrayCell,
    ArrayRef,
    Fields,
    Items,
    Known,
    Number,
    RangeValue,
    Ref,
    Reversed,
    SliceValue,
    StagedList,
    TupleValue,
    Value,
)
from stagec.ir.core import Const
from stagec.ir.types import TEXT
from stagec.ops.extent import range_length
from stagec.ops.text import text_length

STAGED = object()  # what `plain` returns for a value that staging does not know


def known(values: Iterable[Any]) -> bool:
    """Whether `plain` knew all of these."""
    return all(value is not STAGED for value in values)


def plains(m: Machine, state: State, values: Iterable[Value]) -> list[Any]:
    """The Python objects behind these values; where some are STAGED none is relied on."""
    values = tuple(values)
    seen = [plain(m, state, v, relied=False) for v in values]
    return [plain(m, state, v) for v in values] if known(seen) else seen


def plain(m: Machine, state: State, value: Value, relied: bool = True) -> Any:
    """The Python object behind a value known throughout, or STAGED."""
    match value:
        case Known():
            return m.guard(value) if relied else value.value
        case Number(operand):
            return operand.value if isinstance(operand, Const) else STAGED
        case TupleValue(items):
            parts = [plain(m, state, v, relied) for v in items]
            if any(p is STAGED for p in parts):
                return STAGED
            return value.cls(*parts) if value.cls else tuple(parts)
        case Reversed(TupleValue(items)):
            return plain(m, state, TupleValue(items[::-1]), relied)
        case Ref():
            content = m.inside(state, value)
            if isinstance(content, Items):
                parts = [plain(m, state, v, relied) for v in content.items]
                return STAGED if any(p is STAGED for p in parts) else value.cls(parts)
            if isinstance(content, Fields) and issubclass(value.cls, dict):
                pairs = {k: plain(m, state, v, relied) for k, v in content.items}
                return STAGED if any(p is STAGED for p in pairs.values()) else pairs
            return STAGED
        case ArrayRef(cell, ()):
            content = state.cells[cell]
            known = isinstance(content, ArrayCell) and m.precomputed.get(content.operand)
            return known.copy() if isinstance(known, np.ndarray) else STAGED
        case _:
            return STAGED


def captured_item(known: Known, key: Any) -> Known:
    """The item of a captured container, with where it was captured from."""
    source = Item(known.source, key) if known.source is not None else None
    return Known(known.value[key], source)


def known_length(m: Machine, known: Known) -> int:
    """The length of a captured container, relied on."""
    if known.source is not None and not isinstance(known.value, tuple | str | range):
        return m.guard(Known(len(known.value), Derived(known.source, len)))
    return len(known.value)


def unpack(m: Machine, state: State, value: Value, loc: Loc | None) -> list[Value]:
    """The items of an iterable of length known at staging."""
    match value:
        case TupleValue(items):
            return list(items)
        case Ref():
            found = unpack_ref(m, state, value, loc)
            if found is not None:
                return found
        case Known(value=dict() as plain):
            if value.source is not None:
                m.guard(Known(tuple(plain), Derived(value.source, tuple)))
            return [Known(k) for k in plain]
        case Known(value=list() | tuple()):
            return [captured_item(value, k) for k in range(known_length(m, value))]
        case Known(value=plain) if isinstance(plain, np.ndarray):
            return unpack(m, state, m.captured_array(state, value, loc), loc)
        case Known(value=plain) if hasattr(plain, "__iter__"):
            return [Known(v) for v in m.guard(value)]
        case RangeValue(lo, hi, step):
            bounds = [
                m.need_known(state, v, loc, "the bound of this range") for v in (lo, hi, step)
            ]
            numbers: list[Value] = [Known(k) for k in range(*bounds)]
            return numbers[::-1] if value.reverse else numbers
        case ArrayRef():
            size = m.known_size(state, value, 0, loc, "the length of this array")
            return [arrays.read_subscript(m, state, value, Known(k), loc) for k in range(size)]
        case _:
            pass
    return m.iterate_known(state, value, loc)


def unpack_ref(m: Machine, state: State, ref: Ref, loc: Loc | None) -> list[Value] | None:
    """The items of a list, set or dict; None for an object."""
    content = m.inside(state, ref)
    if isinstance(content, Items):
        return list(content.items)
    if isinstance(content, Fields) and issubclass(ref.cls, dict):
        return [Known(k) for k, _ in content.items]
    if isinstance(content, StagedList):
        length = staged_lists.length(m, state, content)
        n = m.need_known(state, m.wrap(state, length), loc, "the length of this list")
        return [get_item(m, state, ref, Known(k), loc) for k in range(n)]
    return None


def get_item(m: Machine, state: State, base: Value, key: Value, loc: Loc | None) -> Value:
    """`base[key]` of a container."""
    return m.written(state, _item(m, state, base, key, loc))


def _item(m: Machine, state: State, base: Value, key: Value, loc: Loc | None) -> Value:
    if isinstance(base, Known) and isinstance(base.value, np.ndarray):
        return arrays.read_subscript(m, state, m.captured_array(state, base, loc), key, loc)
    if isinstance(base, Known):
        return known_item(m, state, base, key, loc)
    if isinstance(base, Ref):
        content = m.inside(state, base)
        if isinstance(content, Fields):
            return dict_item(m, state, content, key, loc, base)
        if isinstance(content, StagedList):
            return staged_item(m, state, base, content, key, loc)
        items = content.items
    elif isinstance(base, TupleValue):
        items = base.items
    elif isinstance(base, RangeValue) and not base.reverse and not arrays.is_slice(key):
        given = (base, base.lo, base.step, key)
        return m.call_value(state, list_library.of_range, given, {}, loc)
    else:
        raise StagecError(
            "SC330", "this value cannot be subscripted", loc, "index an array or list"
        )
    if isinstance(key, SliceValue):
        parts = [
            m.need_known(state, v, loc, "a bound of a list slice")
            for v in (key.start, key.stop, key.step)
        ]
        key = Known(slice(*parts))
    found = chosen_item(m, state, base, items, key, loc)
    if found is not None:
        return found
    k = m.need_known(state, key, loc, "the index into a list or tuple")
    if isinstance(k, slice):
        part = items[k]
        if isinstance(base, TupleValue):
            return TupleValue(part)
        return Ref(m.new_cell(state, Items(part)), list)
    held = items if isinstance(base, TupleValue) else list(items)  # what the error names
    m.host(state, operator.getitem, [held, k], {}, loc)
    return items[k]


def staged_item(
    m: Machine, state: State, base: Ref, content: StagedList, key: Value,
    loc: Loc | None,
) -> Value:  # fmt: skip
    """`xs[key]` of a list of run-time length."""
    if isinstance(key, Known) and isinstance(key.value, slice):
        bounds = (key.value.start, key.value.stop, key.value.step)
        key = SliceValue(*(Known(b) for b in bounds))
    if isinstance(key, SliceValue):
        step = m.need_known(state, key.step, loc, "the step of a list slice")
        m.host(state, slice(None, None, step).indices, [0], {}, loc)
        given = (base, key.start, key.stop, Known(1 if step is None else step))
        return m.call_value(state, list_library.part_, given, {}, loc)
    return rows.item(m, state, base, content, m.operand(state, key, loc))


def known_item(m: Machine, state: State, base: Known, key: Value, loc: Loc | None) -> Value:
    """The item of a captured container."""
    if isinstance(key, Number) and isinstance(base.value, list | tuple) and base.value:
        items = tuple(captured_item(base, k) for k in range(known_length(m, base)))
        if all(
            isinstance(v.value, int | float) and not isinstance(v.value, bool) for v in items
        ):
            found = select_item(m, state, items, key)
            if found is not None:
                for v in items:
                    m.guard(v)
                return found
    plain = m.need_known(state, key, loc, "the key into this container")
    if isinstance(plain, slice) or not isinstance(base.value, list | tuple | dict):
        return m.host(state, operator.getitem, [m.guard(base), plain], {}, loc)
    if isinstance(base.value, list | tuple):
        known_length(m, base)
    found = m.host(state, operator.getitem, [base.value, plain], {}, loc)
    return captured_item(base, plain) if isinstance(found, Known) else found


def dict_item(
    m: Machine, state: State, content: Fields, key: Value, loc: Loc | None,
    owner: Ref | None = None,
) -> Value:  # fmt: skip
    """`d[key]`; a missing key raises KeyError in the user's program."""
    plain = m.need_known(state, key, loc, "a dict key")
    found = content.get(plain)
    if found is None and owner is not None and hasattr(owner.cls, "__missing__"):
        return missing_item(m, state, owner, key, loc)
    if found is None:
        return m.host(state, operator.getitem, [dict(content.items), plain], {}, loc)
    return found


def missing_item(m: Machine, state: State, ref: Ref, key: Value, loc: Loc | None) -> Value:
    """`d[key]` of a key that is not there, where the class of `d` makes an item for it."""
    if issubclass(ref.cls, Counter):
        return Known(0)
    (known,) = (known for cell, known in m.outside.values() if cell == ref.cell)
    if not isinstance(known.value, defaultdict) or known.value.default_factory is None:
        raise StagecError("SC332", "a dict is needed here", loc, "pass a dict")
    made = m.call_value(state, Known(known.value.default_factory), (), {}, loc)
    set_item(m, state, ref, key, made, loc)
    return made


def dict_items(
    m: Machine, state: State, value: Value, loc: Loc | None
) -> Iterator[tuple[Any, Value]]:
    """The keys and values of a dict."""
    if isinstance(value, Ref):
        content = m.inside(state, value)
        if isinstance(content, Fields):
            yield from content.items
            return
    if isinstance(value, Known) and isinstance(value.value, dict):
        for key in unpack(m, state, value, loc):
            assert isinstance(key, Known)
            yield key.value, captured_item(value, key.value)
        return
    raise StagecError("SC332", "a dict is needed here", loc, "pass a dict")


def set_item(
    m: Machine, state: State, base: Value, key: Value, value: Value, loc: Loc | None
) -> None:
    """`base[key] = value` of a list or dict."""
    ref = m.writable(state, base, loc)
    if ref.cell in m.nesting.twice:
        rows.set_at(m, state, ref, m.operand(state, key, loc), value, loc)
        return
    content = m.inside(state, ref)
    if isinstance(content, Fields):
        plain = m.need_known(state, key, loc, "a dict key")
        m.write(state, ref, content.set(plain, value))
        return
    if isinstance(content, StagedList):
        if isinstance(getattr(key, "value", key), slice | SliceValue):
            raise staged_list(loc)
        index = m.operand(state, key, loc)
        if holds_lists(content):
            rows.set_at(m, state, ref, index, value, loc)
        else:
            rows.fits_value(m, state, ref, value)
            m.write(state, ref, staged_lists.set_at(m, state, content, index, value, loc))
        return
    if not isinstance(content, Items):
        raise StagecError("SC352", "this value cannot be changed", loc, "use a list or object")
    if moving(m, key) and (staged := staged_items(m, state, content, value)) is not None:
        m.write(state, ref, staged)
        set_item(m, state, ref, key, value, loc)
        return
    k = m.need_known(state, key, loc, "the index into a list")
    items = list(content.items)
    if isinstance(k, slice):
        items[k] = unpack(m, state, value, loc)
    else:
        m.host(state, operator.getitem, [items, k], {}, loc)
        items[k] = value
    m.write(state, ref, Items(tuple(items)))


def del_item(m: Machine, state: State, base: Value, key: Value, loc: Loc | None) -> None:
    """`del base[key]`."""
    ref = m.writable(state, base, loc)
    if not isinstance(m.inside(state, ref), Fields) and changes_at(m, state, ref, key):
        if isinstance(getattr(key, "value", key), slice | SliceValue):
            raise staged_list(loc)
        words = (Known("list assignment index out of range"),) * 2
        m.call_value(state, list_library.pop_, (ref, key, *words), {}, loc)
        return
    content = m.inside(state, ref)
    plain = m.need_known(state, key, loc, "the key of a deleted item")
    if isinstance(content, Fields):
        dict_item(m, state, content, key, loc)
        m.write(state, ref, content.without(plain))
    else:
        items = unpack(m, state, ref, loc)
        m.host(state, operator.delitem, [items.copy(), plain], {}, loc)
        del items[plain]
        m.write(state, ref, Items(tuple(items)))


def staged_list(loc: Loc | None) -> StagecError:
    """The error for a change that needs the length of a list."""
    return StagecError("SC354", "a part of a list of run-time length", loc, "use pop()")


def extend(m: Machine, state: State, ref: Ref, more: Value, loc: Loc | None) -> None:
    """`xs.extend(more)`."""
    if m.is_staged_list(state, more):
        copy = rows.copied(m, state, more, list, loc)  # it may be the list itself
        m.call_value(state, list_library.extend_, (ref, copy), {}, loc)
        return
    for value in unpack(m, state, more, loc):
        append(m, state, ref, value, loc)


def length(m: Machine, state: State, value: Value, loc: Loc | None) -> Value:
    """`len(value)`."""
    match value:
        case TupleValue(items):
            return Known(len(items))
        case Ref():
            content = m.inside(state, value)
            if isinstance(content, StagedList):
                return m.wrap(state, staged_lists.length(m, state, content))
            return Known(len(content.items))
        case ArrayRef():
            return m.shape(state, value, loc).items[0]
        case Number(operand) if operand.type == TEXT:
            return m.wrap(state, text_length(m.handle(state, operand)))
        case Known(value=plain) if isinstance(plain, np.ndarray):
            return m.shape(state, m.captured_array(state, value, loc), loc).items[0]
        case Known(value=plain) if isinstance(plain, list | dict | tuple):
            return Known(known_length(m, value))
        case Known():
            return m.host(state, len, [m.guard(value)], {}, loc)
        case RangeValue(lo, hi, step):
            bounds = (m.handle(state, m.operand(state, v, loc)) for v in (lo, hi, step))
            return m.wrap(state, range_length(*bounds))
        case _:
            raise StagecError("SC334", "this value has no length", loc, "use a list or array")


def contains(
    m: Machine, state: State, container: Value, value: Value, loc: Loc | None
) -> Value:
    """`value in container`."""
    if isinstance(container, Known) and isinstance(value, Known):
        return m.host(state, operator.contains, [m.guard(container), m.guard(value)], {}, loc)
    if isinstance(container, Ref) and issubclass(container.cls, dict | set):
        content = m.inside(state, container)
        plain = m.need_known(state, value, loc, "what is looked up in a dict or set")
        keys = [k for k, _ in content.items] if isinstance(content, Fields) else [
            getattr(v, "value", None) for v in content.items]  # fmt: skip
        return Known(plain in keys)
    if m.is_staged_list(state, container):
        return m.call_value(state, list_library.contains_, (container, value), {}, loc)
    return m.any_equal(state, unpack(m, state, container, loc), value, loc)


def make_set(m: Machine, state: State, items: tuple[Value, ...], loc: Loc | None) -> Value:
    """A set of values known at staging, in the order in which Python has them."""
    plain = {m.need_known(state, v, loc, "an element of a set") for v in items}
    return Ref(m.new_cell(state, Items(tuple(Known(p) for p in plain))), set)
