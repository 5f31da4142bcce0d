"""What an object outside holds, as a value that two calls can be compared by."""

from __future__ import annotations

import enum
import sys
import types
from collections import deque
from contextlib import suppress
from typing import Any

import numpy as np

# whose objects hold nothing that staging reads, but for containers
LIBRARIES = {*sys.stdlib_module_names, "numpy"}
OURS = {"stagec", "stagec_runtime"}
# special methods that every object has: classes may begin to define their own
COMMON = ("__repr__", "__str__", "__format__", "__hash__", "__eq__", "__getattribute__")
ITEMS = list | tuple | set | frozenset | deque
SIMPLE = (
    bool | int | float | complex | str | bytes | type | None | types.FunctionType | enum.Enum
)


def changeable(value: Any) -> bool:
    """Whether the value, the same object, may hold something else at the next call."""
    if isinstance(value, tuple | frozenset):
        return any(map(changeable, value))
    params = getattr(type(value), "__dataclass_params__", None)
    if params is not None and params.frozen and not isinstance(value, type):
        return any(changeable(part) for _, part in attributes(value))
    return not isinstance(value, SIMPLE) and (
        isinstance(value, ITEMS | dict | bytearray | np.ndarray) or has_state(value)
    )


def has_state(value: Any) -> bool:
    """Whether the value is an object of a class of the user, or one made to hold attributes."""
    cls = type(value)
    own = cls.__module__.partition(".")[0] not in LIBRARIES
    return own or isinstance(value, types.SimpleNamespace)


def written(module: str | None) -> bool:
    """Whether the module is the user's, or that of a package which staging knows nothing of."""
    name = (module or "").partition(".")[0]
    return name not in LIBRARIES and name not in OURS


def stable(module: types.ModuleType) -> bool:
    """Whether the module is a library whose functions are taken not to be rebound."""
    file = getattr(module, "__file__", None) or ""
    return not file or "site-packages" in file or "/lib/python" in file


def contents(value: Any) -> Any:
    """What the value holds by now: nested tuples of what cannot change."""
    return _part(value, {})


def _part(value: Any, seen: dict[int, int]) -> Any:
    if not changeable(value):
        return value
    if id(value) in seen:
        return "again", seen[id(value)]
    seen[id(value)] = len(seen)
    cls = type(value)
    if isinstance(value, bytearray):
        return cls, bytes(value)
    if isinstance(value, np.ndarray):
        held = value.tolist() if value.dtype.hasobject else value.tobytes()
        return cls, value.dtype.str, value.shape, _part(held, seen)
    own: Any = ()
    if has_state(value):
        said = tuple(getattr(cls, name) for name in COMMON)
        own = said, _part(attributes(value), seen)
    if isinstance(value, dict):
        pairs = dict.items(value)
        return cls, own, tuple((_part(k, seen), _part(v, seen)) for k, v in pairs)
    if isinstance(value, ITEMS):
        return cls, own, tuple(_part(v, seen) for v in value)
    return cls, own


def attributes(value: Any) -> tuple[Any, ...]:
    """The attributes of an object with their names, those in slots too."""
    found: list[Any] = []
    for cls in type(value).__mro__:
        for slot in vars(cls).values():
            if isinstance(slot, types.MemberDescriptorType):
                with suppress(AttributeError):  # it may be empty
                    found.append((slot.__name__, slot.__get__(value)))
    return (*own_attributes(value).items(), *found)


def own_attributes(value: Any) -> dict[str, Any]:
    """The `__dict__` of an object, whatever its class says of it."""
    with suppress(AttributeError):
        return object.__getattribute__(value, "__dict__")
    return {}
