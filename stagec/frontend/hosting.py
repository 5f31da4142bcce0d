"""Functions that staging runs or leaves to the host instead of entering them."""

from __future__ import annotations

import contextlib
import types
from collections import deque
from collections.abc import Hashable, MutableSequence
from typing import Any

import numpy as np

from stagec.errors import Loc, StagecError
from stagec.frontend import (
    array_library,
    collection_library,
    containers,
    generators,
    iterator_library,
    library,
    numpy_calls,
    templates,
    texts,
)
from stagec.frontend.copying import COPIES
from stagec.frontend.machine import Machine
from stagec.frontend.state import State
from stagec.frontend.values import ArrayRef, Known, Partial, Ref, Value

PURE = ("builtins", "math", "operator", "itertools", "functools", "numpy", "cmath", "numbers",
        "fractions", "decimal", "collections", "string", "re", "copy", "typing",
        "bisect", "heapq", "struct", "zlib", "binascii", "unicodedata", "abc")  # fmt: skip
LIBRARIES = (*PURE, "random", "logging", "time", "os", "sys")


# what dataclasses does with classes
DEFINING = ("dataclass", "field")
# the methods that functools.total_ordering gives the user's classes
TOTAL_ORDERING = {f"__{name}__" for name in ("lt", "le", "gt", "ge")}
FRAME = (locals, globals, vars, dir, eval, exec, input, open, compile, __import__)


def module_of(thing: Any) -> str:
    """The top-level module that defines a function or class; empty if it does not say."""
    return (getattr(thing, "__module__", None) or "").partition(".")[0]


def owner_of(function: Any) -> str:
    """The module of the class whose method the function is; of a compiled function its own."""
    receiver = getattr(function, "__self__", None)
    if isinstance(receiver, types.ModuleType):
        return module_of(function).removeprefix("_")  # `operator` is compiled as `_operator`
    return module_of(receiver if isinstance(receiver, type) else type(receiver))


def library_function(function: types.FunctionType) -> bool:
    """Whether the function belongs to the standard library or NumPy."""
    if function.__name__ in TOTAL_ORDERING:
        return False
    if module_of(function) == "dataclasses":  # others compute with objects
        return function.__qualname__.partition(".")[0] in DEFINING
    # functools.wraps gives a function of the user's the module of the one that it wraps
    written = str(function.__globals__.get("__name__", "")).partition(".")[0]
    known = all(module in LIBRARIES for module in (module_of(function), written))
    return known or function in FORMS


FORMS: dict[Any, Any] = {
    **iterator_library.FORMS,
    **collection_library.FORMS,
    contextlib.contextmanager: library.managing,
}
ALWAYS = (*iterator_library.ALWAYS, *collection_library.ALWAYS, contextlib.contextmanager)


def host_function(
    m: Machine, state: State, f: Known, args: tuple[Value, ...], kwargs: dict[str, Value],
    loc: Loc | None,
) -> Value:  # fmt: skip
    """A call of a function that staging cannot look into: only on known values."""
    function = f.value
    name = numpy_calls.name_of(function)
    module, owner = module_of(function), owner_of(function)
    if function in FRAME:
        raise StagecError(
            "SC369", f"{name}() in staged code", loc, "name the variables that you need"
        )
    if isinstance(function, np.vectorize):
        if function.excluded or function.signature is not None or kwargs:
            raise StagecError("SC362", "np.vectorize here", loc, "write the loop")
        types = function.otypes
        dtype = None if types is None else np.dtype(types)
        helper = array_library.vectorized_
        return m.call_value(
            state, helper, (Known(function.pyfunc), Known(dtype), *args), {}, loc
        )
    given = containers.plains(m, state, (*args, *kwargs.values()))
    known, named = given[: len(args)], dict(zip(kwargs, given[len(args) :], strict=True))
    form = FORMS.get(function) if isinstance(function, Hashable) else None
    staged = not containers.known(given)
    if form is not None and (staged or function in ALWAYS):
        return m.call_value(state, form, args, kwargs, loc)
    copies = COPIES.get(function) if isinstance(function, Hashable) else None
    if copies is not None and (staged or isinstance(args[0], Ref | ArrayRef)):
        return copies(m, state, args, kwargs, loc)
    template = getattr(function, "__self__", None)
    if staged and isinstance(template, str) and function.__name__ == "format":
        return templates.format_(m, state, template, args, kwargs, loc)
    if staged and isinstance(template, str) and function.__name__ == "join":
        return texts.joined(m, state, template, args, loc)
    if staged:
        raise StagecError(
            "SC321", f"{name} is not supported on staged values", loc,
            "see docs/functions.md for what is; or call it on values known at staging",
        )  # fmt: skip
    refuse_changes(state, function, name, loc)
    if module not in (*PURE, "dataclasses") and owner not in PURE:
        raise StagecError(
            "SC361", f"staging cannot look into {name}, which may have effects", loc,
            "call it outside the staged function",
        )  # fmt: skip
    generators.refuse(m, [*known, *named.values()], loc)
    found = m.host(state, function, known, named, loc)
    generators.remember(m, state, found.value, [*known, *named.values()], loc)
    made = "numpy" in (module, owner) and all(map(is_data, (*known, *named.values())))
    return m.new_in_program(state, found.value) if made else found


def refuse_changes(state: State, function: Any, name: str, loc: Loc | None) -> None:
    """Refuse what would change a sequence at staging, and only there."""
    held = getattr(function, "__self__", None)
    reads = function.__name__ in ("copy", "count", "index") if held is not None else False
    if isinstance(held, deque) and not reads:  # of the caller: those of the program are staged
        raise StagecError(
            "SC361", f"{name} of a deque from outside", loc, "make it in the staged function"
        )
    if isinstance(held, MutableSequence) and state.builder.depth:
        raise StagecError(
            "SC361", f"{name} of a {type(held).__name__} in a staged loop or branch", loc,
            "use a list",
        )  # fmt: skip


def is_data(value: Any) -> bool:
    """Whether a plain value has no parts but items, so that no array is an attribute of it."""
    if isinstance(value, tuple | list):
        return all(map(is_data, value))
    plain = bool | int | float | complex | str | np.generic | np.dtype | type | slice
    return value is None or isinstance(value, plain)


def vectorized(
    m: Machine, state: State, args: tuple[Value, ...], kwargs: dict[str, Value], loc: Any
) -> Value:
    """`np.vectorize(f)` or `np.vectorize(f, otypes=...)` as a function."""
    if len(args) != 1 or kwargs.keys() - {"otypes", "doc", "cache"}:
        raise StagecError("SC362", "np.vectorize here", loc, "write the loop")
    dtype = None
    if "otypes" in kwargs:
        types = containers.plain(m, state, kwargs["otypes"])
        dtype = np.dtype(types if isinstance(types, str | type) else types[0])
    return Partial(Known(array_library.vectorized_), (args[0], Known(dtype)), ())
