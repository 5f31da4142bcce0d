"""How constants, attributes and paths are spelled in the text form.

Spellings are deterministic, and the parser reads them back; only objects that have no address
in a module (a lambda, say) print as `<Kind>`, which it refuses.
"""

from __future__ import annotations

import types
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, assert_never, cast

import numpy as np

from stagec.ir.core import Const, Op
from stagec.ir.path import Arg, Index, Item, NewAxis, Reshape, Slice, Step, Transpose
from stagec.ir.types import SHORT, ArrayType, GeneratorType, ListType, TextType, type_of


def constant(const: Const) -> str:
    """The spelling of a constant; its type is added where the value does not tell it."""
    text = scalar(const.value)
    try:
        plain = type_of(const.value) == const.type
    except TypeError:
        plain = False
    return text if plain else f"{text}: {const.type}"


def scalar(value: Any) -> str:
    """The spelling of a Python number or string, or of a NumPy scalar."""
    match value:
        case bool() | None:
            return repr(value)
        case np.generic():
            return f"{_short(value)}({_digits(value)})"
        case complex():
            return f"complex({_digits(value)})"
        case int() | float() | str():
            return repr(value)
        case _:
            return f"<{type(value).__name__}>"


def _short(value: Any) -> str:
    name = value.dtype.name
    return "bool_" if name == "bool" else SHORT.get(name, f"<{name}>")


def _digits(value: Any) -> str:
    return f"{value.real!s}, {value.imag!s}" if np.iscomplexobj(value) else str(value)


def attribute(value: Any) -> str:
    """The spelling of an attribute's value."""
    match value:
        case np.dtype():
            return SHORT.get(value.name, f"<{value.name}>")
        case ArrayType() | ListType() | TextType() | GeneratorType():
            return f"<{value}>"
        case Op():
            return f"op:{value.name}"
        case Arg():
            return _bound(value)
        case Enum():
            return f"{_address(type(value))}.{value.name}"
        case tuple():
            return _tuple(cast("tuple[Any, ...]", value))
        case _ if value is None or isinstance(
            value, bool | int | float | complex | str | np.generic
        ):
            return scalar(value)
        case _ if isinstance(value, type) or not is_dataclass(value):
            return _address(value)
        case _:
            parts = (attribute(getattr(value, f.name)) for f in fields(value))
            return f"{_address(type(value))}({', '.join(parts)})"


def _tuple(values: tuple[Any, ...]) -> str:
    if values and all(isinstance(v, Index | Transpose | Reshape) for v in values):
        return "".join(map(step, cast("tuple[Step, ...]", values)))
    inner = ", ".join(map(attribute, values))
    return f"({inner},)" if len(values) == 1 else f"({inner})"


def _address(value: Any) -> str:
    """`module:qualname` of a function or class."""
    if isinstance(value, np.ufunc):
        return f"numpy:{value.__name__}"
    if isinstance(value, types.ModuleType):
        return f"{value.__name__}:"
    name = getattr(value, "__qualname__", None)
    module = getattr(value, "__module__", None)
    if name is None or module is None or "<" in name:
        return f"<{name or type(value).__name__}>".replace("<<", "<").replace(">>", ">")
    return f"{module}:{name}"


def step(part: Step) -> str:
    """The spelling of one step of a path."""
    match part:
        case Index(items):
            return f"[{', '.join(map(_item, items))}]"
        case Transpose(axes):
            return ".T" if axes == (1, 0) else f".transpose({_list(axes)})"
        case Reshape(shape):
            return f".reshape({_list(shape)})"
        case _:
            assert_never(part)


def _list(parts: Sequence[int | Arg]) -> str:
    return ", ".join(map(_bound, parts))


def _item(item: Item) -> str:
    match item:
        case Slice(start, stop, stride):
            text = f"{_bound(start)}:{_bound(stop)}"
            return text if stride is None else f"{text}:{_bound(stride)}"
        case NewAxis():
            return "newaxis"
        case _:
            return _bound(item)


def _bound(part: int | Arg | None) -> str:
    if part is None:
        return ""
    return f"${part.position}" if isinstance(part, Arg) else str(part)
