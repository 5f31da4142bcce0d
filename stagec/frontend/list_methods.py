"""Methods of lists: of known length at staging, else by the loops of `list_library`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stagec.frontend import containers, list_library, rows
from stagec.frontend.list_indices import changes_at, pop_last
from stagec.frontend.machine import Machine
from stagec.frontend.state import State
from stagec.frontend.values import NONE, Fields, Items, Known, Ref, Value


def _append(m: Machine, state: State, base: Any, args: Any, kwargs: Any, loc: Any) -> Value:
    containers.append(m, state, m.writable(state, base, loc), args[0], loc)
    return NONE


def _extend(m: Machine, state: State, base: Any, args: Any, kwargs: Any, loc: Any) -> Value:
    containers.extend(m, state, m.writable(state, base, loc), args[0], loc)
    return NONE


def _pop(m: Machine, state: State, base: Any, args: Any, kwargs: Any, loc: Any) -> Value:
    ref = m.writable(state, base, loc)
    if not args and m.is_staged_list(state, ref):
        return pop_last(m, state, ref)
    key = args[0] if args else Known(-1)
    if changes_at(m, state, ref, key):
        words = Known("pop from empty list"), Known("pop index out of range")
        return m.call_value(state, list_library.pop_, (ref, key, *words), {}, loc)
    k = m.need_known(state, key, loc, "the index that is popped")
    items = containers.unpack(m, state, ref, loc)
    m.host(state, list.pop, [list(items), k], {}, loc)
    value = items.pop(k)
    m.write(state, ref, Items(tuple(items)))
    return value


def _insert(m: Machine, state: State, base: Any, args: Any, kwargs: Any, loc: Any) -> Value:
    ref = m.writable(state, base, loc)
    if changes_at(m, state, ref, args[0], args[1]):
        return m.call_value(state, list_library.insert_, (ref, *args), {}, loc)
    items = containers.unpack(m, state, ref, loc)
    k = m.need_known(state, args[0], loc, "an index")
    m.host(state, list.insert, [list(items), k, None], {}, loc)
    items.insert(k, args[1])
    m.write(state, ref, Items(tuple(items)))
    return NONE


def _reverse(m: Machine, state: State, base: Any, args: Any, kwargs: Any, loc: Any) -> Value:
    ref = m.writable(state, base, loc)
    if m.is_staged_list(state, ref):
        return m.call_value(state, list_library.reverse_, (ref,), {}, loc)
    m.write(state, ref, Items(tuple(containers.unpack(m, state, ref, loc)[::-1])))
    return NONE


def clear(m: Machine, state: State, base: Any, args: Any, kwargs: Any, loc: Any) -> Value:
    """`clear()` of a list, dict or set."""
    ref = m.writable(state, base, loc)
    m.write(state, ref, Fields(()) if issubclass(ref.cls, dict) else Items(()))
    return NONE


def copied(m: Machine, state: State, base: Any, args: Any, kwargs: Any, loc: Any) -> Value:
    """`copy()` of a list or set."""
    cls = base.cls if isinstance(base, Ref) else type(base.value)
    kind = next(k for k in (list, set, frozenset) if issubclass(cls, k))
    if m.is_staged_list(state, base):
        return rows.copied(m, state, base, kind, loc)
    return Ref(m.new_cell(state, Items(tuple(containers.unpack(m, state, base, loc)))), kind)


def _remove(m: Machine, state: State, base: Any, args: Any, kwargs: Any, loc: Any) -> Value:
    containers.del_item(m, state, base, index(m, state, base, args, {}, loc), loc)
    return NONE


def index(m: Machine, state: State, base: Any, args: Any, kwargs: Any, loc: Any) -> Value:
    """`index(value, start, stop)` of a list or tuple."""
    plain = containers.plains(m, state, (base, *args))
    if not containers.known(plain):
        return m.call_value(state, list_library.index_, (base, *args), {}, loc)
    return m.host(state, type(plain[0]).index, plain, {}, loc)


def count(m: Machine, state: State, base: Any, args: Any, kwargs: Any, loc: Any) -> Value:
    """`count(value)` of a list or tuple."""
    plain = containers.plains(m, state, (base, *args))
    if not containers.known(plain):
        return m.call_value(state, list_library.count_, (base, *args), {}, loc)
    return m.host(state, type(plain[0]).count, plain, {}, loc)


def _sort(m: Machine, state: State, base: Any, args: Any, kwargs: Any, loc: Any) -> Value:
    made = m.call_value(state, sorted, (base,), kwargs, loc)
    m.write(state, m.writable(state, base, loc), m.inside(state, made))
    return NONE


LIST_METHODS: dict[str, Callable[..., Value]] = {
    "append": _append, "extend": _extend, "pop": _pop, "insert": _insert, "reverse": _reverse,
    "clear": clear, "copy": copied, "index": index, "count": count, "remove": _remove,
    "sort": _sort,
}  # fmt: skip
