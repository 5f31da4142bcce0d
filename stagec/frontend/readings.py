"""What the special methods of objects outside read, where Python itself calls them: as staging
cannot see them run, all that their code names is relied on.
"""

from __future__ import annotations

import dis
import types
from collections.abc import Iterable, Iterator
from typing import Any

from stagec.errors import StagecError
from stagec.frontend.contents import written
from stagec.frontend.machine import Machine
from stagec.frontend.sources import Attribute, Cell, Global, Source
from stagec.frontend.values import Known

# the special methods that are called where an object is made or changed
MAKING = {
    *("__new__", "__init__", "__post_init__", "__setattr__", "__delattr__", "__del__"),
    *("__init_subclass__", "__set_name__", "__class_getitem__", "__setitem__", "__delitem__"),
}


def rely_on(m: Machine, held: Any) -> None:
    """Rely on what the special methods of these objects read; `held` is one object, or as
    `contents.contents` has it what it holds.
    """
    for cls in set(_classes(held)) - m.relied:
        m.relied.add(cls)
        _rely_on_methods(m, cls, _special(cls))


def _classes(held: Any) -> Iterator[type]:
    """The classes of the user among those of the objects."""
    if isinstance(held, tuple):
        for part in held:
            yield from _classes(part)
    else:
        cls = held if isinstance(held, type) else type(held)
        if written(cls.__module__):
            yield cls


def _special(cls: type) -> set[str]:
    """The special methods of objects of the class that do not change them."""
    names = {name for k in cls.__mro__ if written(k.__module__) for name in vars(k)}
    return {n for n in names if n[:2] == n[-2:] == "__"} - MAKING


def _rely_on_methods(m: Machine, cls: type, names: Iterable[str]) -> None:
    """Rely on these attributes of the class, and on what they read where they are methods."""
    for name in sorted(names):
        found = next((vars(k)[name] for k in cls.__mro__ if name in vars(k)), None)
        function = _function(found)
        if function is not None and written(function.__module__):
            m.guard_method(cls, name)
            _rely_on_function(m, function, cls)
        elif not (found is None or hasattr(found, "__get__") or name[:2] == name[-2:] == "__"):
            m.guard(Known(found, m.class_source(cls, name)))


def _function(found: Any) -> types.FunctionType | None:
    """The function behind a method or property."""
    found = getattr(found, "fget", None) or getattr(found, "__func__", None) or found
    found = getattr(found, "func", found)  # of a cached property
    return found if isinstance(found, types.FunctionType) else None


def _rely_on_function(m: Machine, function: types.FunctionType, cls: type | None) -> None:
    """Rely on what the function is made of, and on the variables that it reads."""
    if function in m.relied or not written(function.__module__):
        return
    m.relied.add(function)
    m.guard_function(function)
    variables, attributes = _named(function.__code__)
    if cls is not None:
        _rely_on_methods(m, cls, attributes)
    space = function.__globals__
    for name in sorted(variables & space.keys()):
        if (id(space), name) in m.globals_written:
            _refuse(function, name)
        _rely_on_value(m, Global(space, name), attributes)
    cells = function.__closure__ or ()
    for name, cell in zip(function.__code__.co_freevars, cells, strict=True):
        _rely_on_value(m, Cell(cell, name), attributes)


def _named(code: types.CodeType) -> tuple[set[str], set[str]]:
    """The variables of its module that the code reads, and the names of attributes."""
    variables: set[str] = set()
    attributes: set[str] = set()
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            variables.add(step.argval)
        elif step.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            attributes.add(step.argval)
        elif step.opname == "LOAD_CONST" and isinstance(step.argval, types.CodeType):
            inner = _named(step.argval)
            variables |= inner[0]
            attributes |= inner[1]
    return variables, attributes


def _rely_on_value(m: Machine, source: Source, attributes: set[str]) -> None:
    """Rely on a value that a method reads, and on these attributes of it."""
    try:
        value = source.get(m.args)
    except (LookupError, AttributeError):
        return
    if id(value) in m.outside:
        _refuse(value, str(source))
    if isinstance(value, types.ModuleType):
        if written(value.__name__):
            m.keep(Known(value, source))
            for name in sorted(attributes):
                _rely_on_value(m, Attribute(source, name), attributes)
    elif isinstance(value, type | types.FunctionType | types.MethodType):
        m.keep(Known(value, source))
        function = _function(value)
        if function is not None:
            _rely_on_function(m, function, None)
        elif isinstance(value, type) and written(value.__module__):
            _rely_on_methods(m, value, attributes | _special(value) | MAKING)
    elif hasattr(type(value), "__stagec__"):
        m.keep(Known(value, source))  # what it was called with is no part of what it is
    else:
        m.guard(Known(value, source))
        if written(type(value).__module__):
            _rely_on_methods(m, type(value), attributes)


def _refuse(reader: Any, name: str) -> None:
    """Raise the error for what staged code changes and a method that Python calls reads."""
    raise StagecError(
        "SC361", f"a special method that Python calls reads {name}, which staged code changes",
        None, "call the method by its name",
    )  # fmt: skip
