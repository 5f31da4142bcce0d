"""The objects that templates mention, such as functions that the program calls back: imported
or made again by the text where that gives the same object, else handed to it.
"""

from __future__ import annotations

import functools
import sys
import types
from typing import Any

import gast

from stagec.codegen.names import clean, unused
from stagec.codegen.template import Template
from stagec.codegen.tree import STORE, attribute, call, constant, name
from stagec.ir.core import Apply


class Objects:
    """Names for the objects that templates mention.

    Attributes
    ----------
    table : the objects that the text cannot name, to be handed to it under these names.
    assignments : those that make others again.
    """

    def __init__(self, taken: set[str]) -> None:
        self.table: dict[str, Any] = {}
        self.assignments: list[Any] = []
        self._imports: dict[str, list[Any]] = {}
        self._named: dict[str, Any] = {}
        self._taken = taken

    def bound(self, stmt: Apply, template: Template) -> Template:
        """The template with names in place of the objects."""
        if not template.attributes:
            return template
        return template.bound({a: self._name(stmt.kwargs[a], a) for a in template.attributes})

    @property
    def statements(self) -> list[Any]:
        """What the module begins with."""
        imports = sorted(self._imports.items())
        lines = [gast.ImportFrom(module=m, names=names, level=0) for m, names in imports]
        return [*lines, *self.assignments]

    def notes(self) -> tuple[str, ...]:
        """What the text says of the objects that it is handed."""
        return tuple(
            f"{chosen} is given: {_described(target)}" for chosen, target in self.table.items()
        )

    def _name(self, target: Any, hint: str) -> str:
        for found, known in self._named.items():
            if known is target:
                return found
        where = _module_of(target)
        if where is not None:
            return self._imported(target, where)
        made = self._made(target)
        chosen = self._chosen(target, hint)
        if made is None:
            self.table[chosen] = target
        else:
            self.assignments.append(gast.Assign([name(chosen, STORE)], made, None))
        return chosen

    def _chosen(self, target: Any, hint: str) -> str:
        """A name for the object."""
        inner = target.func if isinstance(target, functools.partial) else target
        base = clean(getattr(inner, "__name__", "")) or hint
        chosen = unused(base, self._taken | self._named.keys())
        self._named[chosen] = target
        return chosen

    def _imported(self, target: Any, module: str) -> str:
        own: str = target.__name__
        if module == "builtins":
            return own
        chosen = self._chosen(target, own)
        alias = gast.alias(name=own, asname=None if chosen == own else chosen)
        self._imports.setdefault(module, []).append(alias)
        return chosen

    def _made(self, target: Any) -> Any:
        """An expression for the object; None if there is none."""
        try:
            if isinstance(target, functools.partial):
                named = target.keywords.items()
                options = [gast.keyword(k, self._argument(v)) for k, v in named]
                function, given = target.func, map(self._argument, target.args)
                made = call(name(self._name(functools.partial, "partial")),
                            name(self._name(function, "function")), *given)  # fmt: skip
                made.keywords = options
                return None if self._handed(function) else made
            if isinstance(target, types.MethodType | types.BuiltinMethodType):
                maker, args = _maker(target.__self__)
                if maker is not None and _module_of(maker) is not None:
                    owner = call(name(self._name(maker, "maker")), *map(constant, args))
                    return attribute(owner, target.__name__)
        except TypeError:  # a constant that cannot be printed
            pass
        return None

    def _argument(self, value: Any) -> Any:
        """An expression for a constant, or for a class or function that can be imported."""
        return (
            constant(value) if _module_of(value) is None else name(self._name(value, "value"))
        )

    def _handed(self, target: Any) -> bool:
        return any(target is other for other in self.table.values())


def _module_of(target: Any) -> str | None:
    """The module that the object can be imported from by its own name."""
    own = getattr(target, "__name__", None)
    receiver = getattr(target, "__self__", None)
    stated = getattr(target, "__module__", None)
    public = stated.lstrip("_") if isinstance(stated, str) else None  # not `_warnings`
    for module in (public, stated, type(receiver).__module__):
        if isinstance(own, str) and isinstance(module, str) and module != "__main__":
            found = getattr(sys.modules.get(module), own, None)
            # methods are made anew each time that they are read
            if found is target or (receiver is not None and found == target):
                return module
    return None


def _maker(owner: Any) -> tuple[Any, tuple[Any, ...]]:
    """The function, and what it is called with, that gives this very object each time."""
    try:
        parts = owner.__reduce_ex__(2)
        if not isinstance(parts, str) and not any(parts[2:]) and parts[0](*parts[1]) is owner:
            return parts[0], parts[1]
    except Exception:  # a class may say anything of how its objects are copied
        pass
    return None, ()


def _described(target: Any) -> str:
    """What kind of object it is."""
    receiver = getattr(target, "__self__", None)
    if receiver is not None and not isinstance(receiver, types.ModuleType):
        return f"a method of an object of {type(receiver).__qualname__}"
    return f"a {type(target).__qualname__}"
