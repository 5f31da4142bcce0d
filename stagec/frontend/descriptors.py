"""Attributes that the class of an object computes: properties and the user's descriptors."""

from __future__ import annotations

import functools
import types
from typing import Any

from stagec.errors import Loc, StagecError
from stagec.frontend.machine import Machine, Raised
from stagec.frontend.state import State
from stagec.frontend.values import (
    BoundMethod,
    Fields,
    FunctionValue,
    Generator,
    Known,
    Outside,
    Ref,
    Value,
)


def written(found: Any, name: str) -> bool:
    """Whether the class of what a class defines has such a method, written in Python."""
    return isinstance(getattr(type(found), name, None), types.FunctionType)


def first(found: Any) -> bool:
    """Whether it comes before an attribute of the object itself."""
    slot = isinstance(found, property | types.MemberDescriptorType)
    return isinstance(found, property) or (not slot and written(found, "__set__"))


def described(found: Any) -> bool:
    """Whether reading it as an attribute of an object computes something."""
    computed = property | functools.cached_property | types.MemberDescriptorType
    return isinstance(found, computed) or written(found, "__get__")


def passive(cls: type, name: str) -> bool:
    """Whether assigning to the attribute of an object what it already is changes nothing."""
    found = [vars(k)[name] for k in cls.__mro__ if name in vars(k)]
    slot = isinstance(found[0], types.MemberDescriptorType) if found else True
    return slot and not isinstance(cls.__setattr__, types.FunctionType)


def rebound(m: Machine, state: State, mro: tuple[type, ...], name: str) -> Value | None:
    """What staged code wrote to the attribute of a class, or of the next of its bases that has
    it; None if nothing.
    """
    for k in mro:
        entry = m.outside.get(id(k))
        content = state.cells.get(entry[0]) if entry is not None else None
        value = content.written.get(name) if isinstance(content, Outside) else None
        if value is not None or name in vars(k):
            return value
    return None


def rebound_on(
    m: Machine, state: State, receiver: Value, mro: tuple[type, ...], name: str
) -> Value | None:
    """The same as an object of the class has it: a function as a method."""
    value = rebound(m, state, mro, name)
    method = isinstance(value, FunctionValue) or (
        isinstance(value, Known) and isinstance(value.value, types.FunctionType)
    )
    return BoundMethod(value, receiver) if value is not None and method else value


def check_writable(ref: Ref, name: str, content: Any, value: Value, loc: Loc | None) -> None:
    """Refuse or raise where an attribute that is no descriptor cannot be set.

    Python looks special methods and descriptors up in classes, which staging reads as they are.
    """
    owner = content.base.value if isinstance(content, Outside) else None
    if isinstance(owner, type):
        old = next((vars(k)[name] for k in owner.__mro__ if name in vars(k)), None)
        new = value.value if isinstance(value, Known) else None
        plain = isinstance(new, type | types.FunctionType) or not hasattr(type(new), "__get__")
        if name[:2] == name[-2:] == "__" or first(old) or described(old) or not plain:
            raise StagecError(
                "SC352", f"assignment to {name} of the class {owner.__name__}", loc,
                "define it in the body of the class",
            )  # fmt: skip
        return
    found = next((vars(k)[name] for k in ref.cls.__mro__ if name in vars(k)), None)
    if ref.cls.__dictoffset__ == 0 and not isinstance(found, types.MemberDescriptorType):
        text = f"{ref.cls.__name__!r} object has no attribute {name!r}"
        if found is not None:
            text = f"{ref.cls.__name__!r} object attribute {name!r} is read-only"
        raise Raised(AttributeError(text))


def missing(value: Value, name: str, loc: Loc | None) -> Exception:
    """What is raised where the value has no such attribute."""
    if isinstance(value, Generator) and hasattr(types.GeneratorType, name):
        return StagecError("SC375", f"{name} of a generator", loc, "loop over it, or use next")
    return Raised(AttributeError(f"{name!r} is not an attribute of this value"))


def get(
    m: Machine, state: State, found: Any, receiver: Value, cls: type, loc: Loc | None
) -> Value:
    """What reading gives; a cached property is kept as an attribute of the object."""
    if isinstance(found, property):
        return m.call_value(state, found.fget, (receiver,), {}, loc)
    if isinstance(found, types.MemberDescriptorType):
        raise Raised(
            AttributeError(f"{cls.__name__!r} object has no attribute {found.__name__!r}")
        )
    if not isinstance(found, functools.cached_property):
        return m.call_value(
            state, type(found).__get__, (Known(found), receiver, Known(cls)), {}, loc
        )
    value = m.call_value(state, found.func, (receiver,), {}, loc)
    content = m.inside(state, receiver) if isinstance(receiver, Ref) else None
    if isinstance(receiver, Ref) and isinstance(content, Fields):
        state.cells[receiver.cell] = content.set(found.attrname, value)
    elif isinstance(receiver, Ref) and isinstance(content, Outside):
        kept = content.written.set(found.attrname, value)
        state.cells[receiver.cell] = Outside(content.base, kept)
    return value


def put(
    m: Machine, state: State, found: Any, ref: Ref, name: str, value: Value, loc: Loc | None
) -> None:
    """Assign to the attribute."""
    if not isinstance(found, property):
        m.call_value(state, type(found).__set__, (Known(found), ref, value), {}, loc)
        return
    if found.fset is None:
        text = f"property {name!r} of {ref.cls.__qualname__!r} object has no setter"
        raise Raised(AttributeError(text))
    m.call_value(state, found.fset, (ref, value), {}, loc)
