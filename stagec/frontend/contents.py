"""What an object outside holds, as a value that two calls can be compared by."""

from __future__ import annotations

import enum
import sys
import types
from collections import deque
from typing import Any

import numpy as np

# whose objects hold nothing that staging reads, but for containers
LIBRARIES = {*sys.stdlib_module_names, "numpy"}
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
    own = _part(attributes(value), seen) if has_state(value) else ()
    if isinstance(value, dict):
        pairs = dict.items(value)
        return cls, own, tuple((_part(k, seen), _part(v, seen)) for k, v in pairs)
    if isinstance(value, ITEMS):
        return cls, own, tuple(_part(v, seen) for v in value)
    return cls, own


def attributes(value: Any) -> tuple[Any, ...]:
    """The attributes of an object with their names, those in slots too."""
    slots = [
        slot for cls in type(value).__mro__ for slot in vars(cls).values()
        if isinstance(slot, types.MemberDescriptorType) and hasattr(value, slot.__name__)
    ]  # fmt: skip
    held = getattr(value, "__dict__", {})
    return (*held.items(), *((slot.__name__, slot.__get__(value)) for slot in slots))
