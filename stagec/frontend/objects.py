"""Attributes and methods: of arrays and numbers, containers, and the user's objects."""

from __future__ import annotations

import operator
import types
from dataclasses import FrozenInstanceError, is_dataclass
from typing import Any

import numpy as np

from stagec.errors import Loc, StagecError
from stagec.frontend import arrays, descriptors, generators, methods, numpy_calls
from stagec.frontend.contents import own_attributes, stable
from stagec.frontend.machine import Frame, Machine, Raised
from stagec.frontend.sources import Attribute, Constant
from stagec.frontend.state import State
from stagec.frontend.values import (
    ArrayRef,
    BoundMethod,
    ExceptionValue,
    Fields,
    FunctionValue,
    Known,
    Number,
    Outside,
    RangeValue,
    Ref,
    SliceValue,
    SuperValue,
    TupleValue,
    Value,
    names_of,
)
from stagec.ir.types import ArrayType

MISSING = object()


def mangled(frame: Frame, name: str) -> str:
    """The attribute name after private-name mangling."""
    cls = frame.code.class_name.lstrip("_")
    if cls and name.startswith("__") and not name.endswith("__"):
        return f"_{cls}{name}"
    return name


RANGE_FIELDS = {"start": "lo", "stop": "hi", "step": "step"}


def attribute(m: Machine, state: State, base: Value, name: str, loc: Loc | None) -> Value:
    """`base.name`."""
    if isinstance(base, ExceptionValue) and base.made is not None:
        base = base.made
    if name == "__class__" and isinstance(base, ArrayRef | Number | TupleValue | Ref):
        return Known(class_of(base))
    reader = class_attribute(base.cls, "__getattribute__") if isinstance(base, Ref) else None
    if isinstance(reader, types.FunctionType):
        return m.call_value(state, reader, (base, Known(name)), {}, loc)
    return load_attribute(m, state, base, name, loc)


def load_attribute(m: Machine, state: State, base: Value, name: str, loc: Loc | None) -> Value:
    """What `object.__getattribute__` gives."""
    match base:
        case ArrayRef() | Number():
            return array_attribute(m, state, base, name, loc)
        case Known():
            return known_attribute(m, state, base, name, loc)
        case Ref():
            return object_attribute(m, state, base, name, loc)
        case TupleValue():
            return tuple_attribute(m, state, base, name, loc)
        case SuperValue():
            found = super_attribute(m, state, base, name, loc)
            if found is not None:
                return found
        case ExceptionValue(args=args) if name == "args":
            return TupleValue(args)
        case SliceValue() if name in ("start", "stop", "step"):
            return getattr(base, name)
        case RangeValue(reverse=False) if name in RANGE_FIELDS:
            return getattr(base, RANGE_FIELDS[name])
        case FunctionValue() if name == "__name__":
            return Known(base.node.name)
        case _:
            pass
    raise descriptors.missing(base, name, loc)


def super_attribute(
    m: Machine, state: State, base: SuperValue, name: str, loc: Loc | None
) -> Value | None:
    """`super().name`; None if there is none."""
    owner = class_of(base.receiver)
    mro = owner.__mro__[owner.__mro__.index(base.cls) + 1 :]
    written = descriptors.rebound_on(m, state, base.receiver, mro, name)
    if written is not None:
        return written
    found = next((vars(k)[name] for k in mro if name in vars(k)), MISSING)
    return None if found is MISSING else bind(m, state, found, base.receiver, owner, name, loc)


def class_of(value: Value) -> type:
    """The Python class of a value."""
    match value:
        case Ref(cls=cls):
            return cls
        case Known(value=plain):
            return type(plain)
        case TupleValue(cls=cls):
            return cls or tuple
        case ArrayRef():
            return np.ndarray
        case ExceptionValue(cls=cls):
            return cls
        case Number(operand):
            kind = operand.type
            if not isinstance(kind, ArrayType):
                return str
            if kind.weak:
                return {"b": bool, "i": int, "f": float, "c": complex}[kind.dtype.kind]
            return kind.dtype.type
        case FunctionValue():
            return types.FunctionType
        case SliceValue():
            return slice
        case _:
            return object


def array_attribute(
    m: Machine, state: State, base: ArrayRef | Number, name: str, loc: Loc | None
) -> Value:
    """Attributes and methods of arrays and numbers."""
    ref = base if isinstance(base, ArrayRef) else None
    kind = base.operand.type if isinstance(base, Number) else arrays.type_of(state, base)
    if not isinstance(kind, ArrayType):
        return methods.text_method(m, base, name, loc)
    if name in ("T", "mT") and ref:
        return methods.transposed(m, state, ref, kind, name, loc)
    match name:
        case "shape":
            return m.shape(state, base, loc)
        case "ndim":
            return Known(kind.rank)
        case "dtype" if kind.kind != "py":
            return Known(kind.dtype)
        case "itemsize" if kind.kind != "py":
            return Known(kind.dtype.itemsize)
        case "size":
            return m.call_value(state, np.size, (base,), {}, loc)
        case "nbytes":
            size = m.call_value(state, np.size, (base,), {}, loc)
            factor = Known(kind.dtype.itemsize)
            return numpy_calls.apply(m, state, operator.mul, (size, factor), {}, loc)
        case "real" | "imag":
            return numpy_calls.apply(m, state, getattr(np, name), (base,), {}, loc)
        case "T":
            return base
        case "flat":
            return methods.flat(m, state, base, loc)
        case _:
            return methods.array_method(m, base, kind, name, loc)


def tuple_attribute(
    m: Machine, state: State, base: TupleValue, name: str, loc: Loc | None
) -> Value:
    """Fields and methods of tuples."""
    fields = names_of(base)
    if name in fields:
        return base.items[fields.index(name)]
    if base.cls is not None:
        written = descriptors.rebound_on(m, state, base, base.cls.__mro__, name)
        if written is not None:
            return written
        found = class_attribute(base.cls, name)
        if isinstance(found, types.FunctionType | property | classmethod | staticmethod) and (
            name not in ("_replace", "_asdict", "_make")
        ):
            return bind(m, state, found, base, base.cls, name, loc)
        if name == "_fields":
            return Known(found)
    return methods.tuple_method(m, state, base, name, loc)


def class_attribute(cls: type, name: str) -> Any:
    """What the class or its bases define under the name."""
    for k in cls.__mro__:
        if name in vars(k):
            return vars(k)[name]
    return MISSING


def object_attribute(m: Machine, state: State, base: Ref, name: str, loc: Loc | None) -> Value:
    """An attribute of an object in the store."""
    m.guard_access(base.cls, "__getattribute__")
    content = m.inside(state, base)
    if isinstance(content, Outside):
        written = content.written.get(name) if issubclass_object(base.cls) else None
        if written is not None:
            return written
        if name == "__dict__" and content.written.items:
            raise StagecError(
                "SC369", "__dict__ of an object of the caller that staged code writes to", loc,
                "name the attributes that you need",
            )  # fmt: skip
        return known_attribute(m, state, content.base, name, loc, ref=base)
    found = class_attribute(base.cls, name)
    if descriptors.first(found):
        return bind(m, state, found, base, base.cls, name, loc)
    if issubclass_object(base.cls) and isinstance(content, Fields):
        if name == "__dict__":
            return Ref(base.cell, dict)  # what is written to it are attributes
        value = content.get(name)
        if value is None:
            value = descriptors.rebound_on(m, state, base, base.cls.__mro__, name)
        if value is not None:
            return value
        if found is not MISSING:
            return bind(m, state, found, base, base.cls, name, loc)
        otherwise = class_attribute(base.cls, "__getattr__")
        if isinstance(otherwise, types.FunctionType):
            return m.call_value(state, otherwise, (base, Known(name)), {}, loc)
        m.guard_absence(Constant(base.cls, base.cls.__name__), name, "__getattr__")
        text = f"{base.cls.__name__!r} object has no attribute {name!r}"
        raise Raised(AttributeError(text))
    return methods.container_method(m, state, base, name, loc)


def issubclass_object(cls: type) -> bool:
    """Whether instances of the class are plain objects with attributes."""
    return not issubclass(cls, list | dict | set | frozenset)


def bind(
    m: Machine, state: State, found: Any, receiver: Value, cls: type, name: str, loc: Loc | None
) -> Value:
    """A class attribute as seen through an instance."""
    m.guard_bound(receiver, cls, name)
    if isinstance(found, staticmethod):
        return Known(found.__func__)
    if isinstance(found, classmethod):
        return BoundMethod(Known(found.__func__), Known(cls))
    if isinstance(found, types.FunctionType | types.WrapperDescriptorType):
        return BoundMethod(Known(found), receiver)
    if descriptors.described(found):
        return descriptors.get(m, state, found, receiver, cls, loc)
    if hasattr(found, "bind_method"):
        return BoundMethod(Known(found), receiver)
    return m.capture(Known(found, m.class_source(cls, name)))


def known_attribute(
    m: Machine, state: State, base: Known, name: str, loc: Loc | None, ref: Ref | None = None
) -> Value:
    """An attribute of a Python object outside."""
    plain = base.value
    if isinstance(plain, np.ndarray):
        return array_attribute(m, state, m.captured_array(state, base, loc), name, loc)
    if isinstance(plain, bool | int | float | complex | np.generic) and not isinstance(
        plain, str
    ):
        return Known(m.host_attribute(m.guard(base), name))
    entry = m.outside.get(id(plain))
    if ref is None and entry is not None and entry[0] in state.cells:
        return object_attribute(m, state, Ref(entry[0], type(plain)), name, loc)
    if isinstance(plain, types.ModuleType):
        source = Attribute(base.source, name) if base.source and not stable(plain) else None
        return m.outside_attribute(plain, name, source)
    if isinstance(plain, list | dict | set):
        return methods.container_method(m, state, base, name, loc)
    if isinstance(plain, type):
        written = descriptors.rebound(m, state, plain.__mro__, name)
        if written is not None:
            return written
        found = class_attribute(plain, name)
        if isinstance(found, classmethod):
            return BoundMethod(Known(found.__func__), base)
        source = Attribute(base.source, name) if base.source else m.class_source(plain, name)
        return m.outside_attribute(plain, name, source)
    return instance_attribute(m, state, base, name, loc, ref)


def instance_attribute(
    m: Machine, state: State, base: Known, name: str, loc: Loc | None, ref: Ref | None
) -> Value:
    """An attribute of an object outside that is no module, class or container."""
    plain = base.value
    found = class_attribute(type(plain), name)
    if isinstance(class_attribute(type(plain), "__getattribute__"), types.FunctionType):
        found = MISSING  # that method says what there is
    own = own_attributes(plain)
    entry = m.outside.get(id(own))
    kept = state.cells.get(entry[0]) if entry is not None else None
    if isinstance(kept, Fields) and (value := kept.get(name)) is not None:
        return value  # staged code wrote to `plain.__dict__`
    if isinstance(found, property) and isinstance(found.fget, types.FunctionType):
        m.guard_access(type(plain), "__getattribute__")
        m.guard_method(type(plain), name)
        return m.call_value(state, found.fget, (ref or base,), {}, loc)
    if descriptors.first(found) or (descriptors.described(found) and ref and name not in own):
        return descriptors.get(m, state, found, ref or base, type(plain), loc)
    if name not in own:
        mro = type(plain).__mro__
        written = descriptors.rebound_on(m, state, ref or base, mro, name)
        if written is not None:
            return written
    if name not in own and entered(plain, found):
        return bind(m, state, found, ref or base, type(plain), name, loc)
    source = Attribute(base.source, name) if base.source else None
    return m.outside_attribute(plain, name, source)


def entered(plain: Any, method: Any) -> bool:
    """Whether the attribute of the class is a method that staging looks into."""
    kinds = types.FunctionType | staticmethod | classmethod
    return isinstance(method, kinds) and not generators.draws(plain, method)


def set_attribute(
    m: Machine, state: State, base: Value, name: str, value: Value, loc: Loc | None
) -> None:
    """`base.name = value`."""
    if isinstance(base, ArrayRef):
        raise StagecError(
            "SC351", f"assignment to .{name} of an array", loc, "assign to the array itself"
        )
    if isinstance(base, ExceptionValue) and base.made is not None:
        base = base.made
    ref = m.writable(state, base, loc)
    own = class_attribute(ref.cls, "__setattr__")
    params = getattr(ref.cls, "__dataclass_params__", None)
    if params is not None and params.frozen and not m.constructing:
        raise Raised(FrozenInstanceError(f"cannot assign to field {name!r}"))
    if isinstance(own, types.FunctionType) and not (params is not None and params.frozen):
        m.call_value(state, own, (ref, Known(name), value), {}, loc)
    else:
        store_attribute(m, state, ref, name, value, loc)


def store_attribute(
    m: Machine, state: State, base: Value, name: str, value: Value, loc: Loc | None
) -> None:
    """What `object.__setattr__` does."""
    ref = m.writable(state, base, loc)
    found = class_attribute(ref.cls, name)
    if descriptors.first(found):
        descriptors.put(m, state, found, ref, name, value, loc)
        return
    content = m.inside(state, ref)
    descriptors.check_writable(ref, name, content, value, loc)
    m.guard_access(ref.cls, "__setattr__")
    if isinstance(content, Outside):
        state.cells[ref.cell] = Outside(content.base, content.written.set(name, value))
    elif isinstance(content, Fields):
        state.cells[ref.cell] = content.set(name, value)
    else:
        raise StagecError("SC352", f"assignment to .{name} here", loc, "use a plain object")


def delete_attribute(m: Machine, state: State, base: Value, name: str, loc: Loc | None) -> None:
    """`del base.name`."""
    content = m.inside(state, base) if isinstance(base, Ref) else None
    if not isinstance(base, Ref) or not isinstance(content, Fields) or base.cell in m.owned:
        raise StagecError("SC102", "this cannot be deleted in staged code", loc, "keep it")
    if content.get(name) is None:
        raise Raised(AttributeError(f"{base.cls.__name__!r} object has no attribute {name!r}"))
    state.cells[base.cell] = content.without(name)


def operator_method(
    m: Machine, state: State, value: Value, name: str, args: tuple[Value, ...], loc: Loc | None
) -> Value | None:
    """The result of a special method of the user's class; None if there is none."""
    if isinstance(value, Known) and isinstance(
        value.value, np.ndarray | np.generic | type(None)
    ):
        return None
    if not isinstance(value, Ref | Known | TupleValue | ExceptionValue):
        return None
    cls = class_of(value)
    if cls.__module__ == "builtins" or (
        isinstance(value, Known) and isinstance(value.value, type)
    ):
        return None
    found = class_attribute(cls, name)
    m.guard_method(cls, name)
    if not isinstance(found, types.FunctionType):
        return None
    if (
        is_dataclass(cls)
        and name in ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__")
        and (found.__code__.co_filename == "<string>")
    ):
        return None
    answer = m.call_value(state, found, (value, *args), {}, loc)
    refused = isinstance(answer, Known) and answer.value is NotImplemented
    return None if refused else answer
