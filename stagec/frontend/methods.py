"""Methods of arrays, numbers, lists, dicts, sets, tuples and run-time strings."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from stagec import ops
from stagec.errors import Loc, StagecError
from stagec.frontend import (
    array_writes,
    arrays,
    containers,
    number_library,
    numpy_calls,
    set_operators,
)
from stagec.frontend.list_methods import LIST_METHODS, clear, copied, count, index
from stagec.frontend.machine import Machine, Raised
from stagec.frontend.special_methods import special_method
from stagec.frontend.state import State
from stagec.frontend.values import (
    NONE,
    ArrayRef,
    Fields,
    Intrinsic,
    Items,
    Known,
    Number,
    Ref,
    TupleValue,
    Value,
)
from stagec.ir.types import ArrayType
from stagec.ops.cast import conjugate

Method = Callable[..., Value]
PYTHON = {"b": bool, "i": int, "u": int, "f": float, "c": complex}


def array_method(
    m: Machine, base: ArrayRef | Number, kind: ArrayType, name: str, loc: Loc | None
) -> Value:
    """A method of an array or number, bound."""
    own = ARRAY_METHODS.get(name)
    if own is not None and (isinstance(base, ArrayRef) or name in NUMBER_METHODS):
        return Intrinsic(name, lambda m, s, a, k, at: own(m, s, base, a, k, at))
    special = special_method(name, base, kind)
    if special is not None:
        return special
    if kind.kind == "py" and not hasattr(PYTHON[kind.dtype.kind], name):
        raise Raised(AttributeError(f"{kind} object has no attribute {name!r}"))
    function = getattr(np, name, None)
    on_array = getattr(np.ndarray, name, None)
    if on_array is not None and numpy_calls.implemented(on_array):
        return method_of(on_array, name, base)
    if on_array is not None and function is not None and numpy_calls.implemented(function):
        return method_of(function, name, base)
    if kind.kind != "py" and not hasattr(np.ndarray, name):
        raise Raised(AttributeError(f"'numpy.ndarray' object has no attribute {name!r}"))
    raise StagecError(
        "SC350", f"the {'number' if kind.kind == 'py' else 'array'} method {name!r} "
        "is not supported", loc, "see docs/functions.md for the NumPy functions that are",
    )  # fmt: skip


def method_of(function: Any, name: str, base: Value) -> Intrinsic:
    """The function with `base` as its first argument."""

    def run(
        m: Machine, state: State, args: tuple[Value, ...], kwargs: Any, loc: Loc | None
    ) -> Value:
        if name in ("reshape", "transpose") and len(args) > 1:
            args = (TupleValue(args),)
        return numpy_calls.apply(m, state, function, (base, *args), kwargs, loc)

    return Intrinsic(name, run)


def _copy(m: Machine, state: State, base: Any, args: Any, kwargs: Any, loc: Any) -> Value:
    return numpy_calls.apply(m, state, np.copy, (base,), {}, loc)


def _astype(m: Machine, state: State, base: Any, args: Any, kwargs: Any, loc: Any) -> Value:
    dtype = np.dtype(m.need_known(state, args[0] if args else kwargs["dtype"], loc, "a dtype"))
    handle = numpy_calls.argument(m, state, base, loc)
    given = args[4] if len(args) > 4 else kwargs.get("copy", Known(True))
    fresh = m.need_known(state, given, loc, "copy= of astype")
    if not fresh and isinstance(base, ArrayRef) and handle.dtype == dtype:
        return base
    given = args[2] if len(args) > 2 else kwargs.get("casting", Known("unsafe"))
    casting = m.need_known(state, given, loc, "casting= of astype")
    if not np.can_cast(handle.dtype, dtype, casting):
        raise Raised(TypeError(
            f"Cannot cast array data from {handle.dtype!r} to {dtype!r} "
            f"according to the rule {casting!r}"))  # fmt: skip
    try:
        return m.wrap(state, ops.astype(handle, dtype=dtype))
    except TypeError as error:
        raise StagecError("SC322", f"astype: {error}", loc, "use a dtype of numbers") from None


def _view(m: Machine, state: State, base: Any, args: Any, kwargs: Any, loc: Any) -> Value:
    if args or kwargs:
        raise StagecError(
            "SC350", "the array method 'view' with another type is not supported", loc,
            "convert the elements with `astype`",
        )  # fmt: skip
    return arrays.read_subscript(m, state, base, Known(...), loc)


def _fill(m: Machine, state: State, base: Any, args: Any, kwargs: Any, loc: Any) -> Value:
    arrays.store(m, state, base, numpy_calls.argument(m, state, args[0], loc), loc)
    return NONE


def _in_place(function: Any) -> Method:
    def run(m: Machine, state: State, base: Any, args: Any, kwargs: Any, loc: Any) -> Value:
        value = numpy_calls.apply(m, state, function, (base, *args), kwargs, loc)
        arrays.store(m, state, base, numpy_calls.argument(m, state, value, loc), loc)
        return NONE

    return run


def _put(m: Machine, state: State, base: Any, args: Any, kwargs: Any, loc: Any) -> Value:
    return m.call_value(state, array_writes.put_, (base, *args), kwargs, loc)


def _choose(m: Machine, state: State, base: Any, args: Any, kwargs: Any, loc: Any) -> Value:
    return m.call_value(state, np.choose, (base, *args), kwargs, loc)


def _resize(m: Machine, state: State, base: Any, args: Any, kwargs: Any, loc: Any) -> Value:
    raise StagecError(
        "SC350", "the array method 'resize' is not supported", loc,
        "it changes the length of the array: make a new one with np.resize",
    )  # fmt: skip


def _item(m: Machine, state: State, base: Any, args: Any, kwargs: Any, loc: Any) -> Value:
    value: Value = base
    if len(args) == 1 and isinstance(args[0], TupleValue):
        args = args[0].items
    if args and isinstance(base, ArrayRef):
        key = args[0] if len(args) == 1 else TupleValue(args)
        rank = arrays.type_of(state, base).rank
        flat = base
        if len(args) == 1 and rank != 1:
            flat = numpy_calls.apply(m, state, np.ravel, (base,), {}, loc)
        value = arrays.read_subscript(m, state, flat, key, loc)  # type: ignore[arg-type]
    handle = numpy_calls.argument(m, state, value, loc)
    names = {"f": "float", "i": "int", "u": "int", "b": "bool", "c": "complex"}
    kind = names[handle.dtype.kind]
    return m.wrap(state, ops.to_python(handle, kind=kind))


def _tolist(m: Machine, state: State, base: Any, args: Any, kwargs: Any, loc: Any) -> Value:
    if isinstance(base, Number) or not arrays.type_of(state, base).rank:
        return _item(m, state, base, (), {}, loc)
    items = [_tolist(m, state, v, (), {}, loc) for v in containers.unpack(m, state, base, loc)]
    return Ref(m.new_cell(state, Items(tuple(items))), list)


def _dot(m: Machine, state: State, base: Any, args: Any, kwargs: Any, loc: Any) -> Value:
    return numpy_calls.apply(m, state, np.dot, (base, *args), kwargs, loc)


def _is_integer(m: Machine, state: State, base: Any, args: Any, kwargs: Any, loc: Any) -> Value:
    number = _item(m, state, base, (), {}, loc)
    rest = numpy_calls.apply(m, state, operator.mod, (number, Known(1)), {}, loc)
    return numpy_calls.apply(m, state, operator.eq, (rest, Known(0)), {}, loc)


def _conjugate(m: Machine, state: State, base: Any, args: Any, kwargs: Any, loc: Any) -> Value:
    """An array of real numbers itself; a Python number stays one."""
    handle = numpy_calls.argument(m, state, base, loc)
    if handle.dtype.kind != "c":
        return base
    found = conjugate(handle)
    weak = isinstance(base, Number) and handle.array.weak
    return m.wrap(state, ops.to_python(found, kind="complex") if weak else found)


def _bit_length(m: Machine, state: State, base: Any, args: Any, kwargs: Any, loc: Any) -> Value:
    """Of Python's integers alone."""
    kind = base.operand.type if isinstance(base, Number) else None
    if not isinstance(kind, ArrayType) or kind.kind != "py" or kind.dtype.kind not in "bi":
        raise Raised(AttributeError("only integers of Python have a bit_length"))
    return m.call_value(state, number_library.bit_length_, (base, *args), kwargs, loc)


ARRAY_METHODS: dict[str, Method] = {
    "copy": _copy, "__copy__": _copy, "astype": _astype, "view": _view, "fill": _fill,
    "sort": _in_place(np.sort), "partition": _in_place(np.partition),
    "put": _put, "choose": _choose, "resize": _resize,
    "item": _item, "tolist": _tolist, "dot": _dot, "is_integer": _is_integer,
    "bit_length": _bit_length,
    "conj": _conjugate, "conjugate": _conjugate,
}  # fmt: skip
NUMBER_METHODS = {
    "astype", "item", "tolist", "is_integer", "bit_length", "copy", "dot", "conj", "conjugate"
}  # fmt: skip


# -- containers -------------------------------------------------------------------------------


def container_method(m: Machine, state: State, base: Any, name: str, loc: Loc | None) -> Value:
    """A method of a list, dict or set, bound."""
    cls = base.cls if isinstance(base, Ref) else type(base.value)
    if issubclass(cls, dict):
        table = DICT_METHODS
    else:
        table = SET_METHODS if issubclass(cls, set | frozenset) else LIST_METHODS
    method = table.get(name)
    if method is None:
        if not hasattr(cls, name):
            raise Raised(AttributeError(f"{cls.__name__!r} object has no attribute {name!r}"))
        raise StagecError(
            "SC353", f"the method {name!r} of a {cls.__name__} is not supported", loc,
            "write it out with loops and subscripts",
        )  # fmt: skip
    return Intrinsic(name, lambda m, s, a, k, at: method(m, s, base, a, k, at))


def _get(m: Machine, state: State, base: Any, args: Any, kwargs: Any, loc: Any) -> Value:
    key = m.need_known(state, args[0], loc, "a dict key")
    for k, v in containers.dict_items(m, state, base, loc):
        if k == key:
            return v
    return args[1] if len(args) > 1 else NONE


def _dict_items(m: Machine, state: State, base: Any, args: Any, kwargs: Any, loc: Any) -> Value:
    pairs = containers.dict_items(m, state, base, loc)
    return TupleValue(tuple(TupleValue((Known(k), v)) for k, v in pairs))


def _keys(m: Machine, state: State, base: Any, args: Any, kwargs: Any, loc: Any) -> Value:
    return TupleValue(tuple(Known(k) for k, _ in containers.dict_items(m, state, base, loc)))


def _values(m: Machine, state: State, base: Any, args: Any, kwargs: Any, loc: Any) -> Value:
    return TupleValue(tuple(v for _, v in containers.dict_items(m, state, base, loc)))


def _dict_copy(m: Machine, state: State, base: Any, args: Any, kwargs: Any, loc: Any) -> Value:
    pairs = tuple(containers.dict_items(m, state, base, loc))
    return Ref(m.new_cell(state, Fields(pairs)), dict)


def _writable_fields(m: Machine, state: State, base: Any, loc: Any) -> tuple[Ref, Fields]:
    ref = m.writable(state, base, loc)
    content = m.inside(state, ref)
    assert isinstance(content, Fields)
    return ref, content


def _update(m: Machine, state: State, base: Any, args: Any, kwargs: Any, loc: Any) -> Value:
    ref, content = _writable_fields(m, state, base, loc)
    pairs = containers.dict_items(m, state, args[0], loc) if args else ()
    for k, v in (*pairs, *kwargs.items()):
        content = content.set(k, v)
    m.write(state, ref, content)
    return NONE


def _setdefault(m: Machine, state: State, base: Any, args: Any, kwargs: Any, loc: Any) -> Value:
    ref, content = _writable_fields(m, state, base, loc)
    key = m.need_known(state, args[0], loc, "a dict key")
    found = content.get(key)
    if found is None:
        found = args[1] if len(args) > 1 else NONE
        m.write(state, ref, content.set(key, found))
    return found


def _dict_pop(m: Machine, state: State, base: Any, args: Any, kwargs: Any, loc: Any) -> Value:
    ref, content = _writable_fields(m, state, base, loc)
    key = m.need_known(state, args[0], loc, "a dict key")
    found = content.get(key)
    if found is None and len(args) > 1:
        return args[1]
    value = containers.dict_item(m, state, content, Known(key), loc)
    m.write(state, ref, content.without(key))
    return value


DICT_METHODS: dict[str, Method] = {
    "get": _get, "items": _dict_items, "keys": _keys, "values": _values, "copy": _dict_copy,
    "update": _update, "setdefault": _setdefault, "pop": _dict_pop, "clear": clear,
}  # fmt: skip


def _add(m: Machine, state: State, base: Any, args: Any, kwargs: Any, loc: Any) -> Value:
    ref = m.writable(state, base, loc)
    items = (*containers.unpack(m, state, ref, loc), args[0])
    m.write(state, ref, m.inside(state, containers.make_set(m, state, items, loc)))
    return NONE


SET_METHODS: dict[str, Method] = {
    "add": _add, "copy": copied, "clear": clear, **set_operators.METHODS,
}  # fmt: skip


def tuple_method(
    m: Machine, state: State, base: TupleValue, name: str, loc: Loc | None
) -> Value:
    """A method of a tuple or named tuple, bound."""
    if name in ("index", "count"):
        method = index if name == "index" else count
        return Intrinsic(name, lambda m, s, a, k, at: method(m, s, base, a, k, at))
    cls = base.cls
    if cls is not None and name == "_replace":
        fields: tuple[str, ...] = cls._fields  # type: ignore[attr-defined]

        def replace(m: Any, s: State, a: Any, k: Any, at: Any) -> Value:
            items = (k.get(f, v) for f, v in zip(fields, base.items, strict=True))
            return TupleValue(tuple(items), cls)

        return Intrinsic(name, replace)
    if cls is not None and name == "_asdict":
        pairs = tuple(zip(cls._fields, base.items, strict=True))  # type: ignore[attr-defined]
        return Intrinsic(name, lambda m, s, a, k, at: Ref(m.new_cell(s, Fields(pairs)), dict))
    raise Raised(AttributeError(f"'tuple' object has no attribute {name!r}"))


def text_method(m: Machine, base: Any, name: str, loc: Loc | None) -> Value:
    """Methods of strings made at run time: none are staged."""
    raise StagecError(
        "SC355", f"the method {name!r} of a string made at run time is not supported", loc,
        "format it differently",
    )  # fmt: skip


def transposed(
    m: Machine, state: State, ref: ArrayRef, kind: ArrayType, name: str, loc: Loc | None
) -> Value:
    """`ref.T` or `ref.mT`."""
    if name == "mT":
        return numpy_calls.apply(m, state, np.matrix_transpose, (ref,), {}, loc)
    return numpy_calls.apply(m, state, np.transpose, (ref,), {}, loc) if kind.rank > 1 else ref


def flat(m: Machine, state: State, base: Value, loc: Loc | None) -> Value:
    """The elements in a row, read-only where that is not a view of the array."""
    found = numpy_calls.apply(m, state, np.ravel, (base,), {}, loc)
    if isinstance(base, ArrayRef) and isinstance(found, ArrayRef) and found.cell != base.cell:
        own, cell = arrays.cell_of(state, base, loc), arrays.cell_of(state, found, loc)
        shares = ((base.cell, own.operand),)
        return ArrayRef(m.new_cell(state, replace(cell, shares=shares)))
    return found
