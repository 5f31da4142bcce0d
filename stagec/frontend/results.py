"""What a staged function returns and changes, and how to make it from the run-time results."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Out:
    """A result of the generated function."""

    position: int


@dataclass(frozen=True, slots=True)
class Arg:
    """A run-time leaf of the arguments itself."""

    leaf: int


@dataclass(frozen=True, slots=True)
class Hidden:
    """A captured array itself."""

    position: int


@dataclass(frozen=True, slots=True, eq=False)
class Plain:
    """An object known at staging."""

    value: Any


@dataclass(frozen=True, slots=True)
class Container:
    """One of the caller's own containers."""

    position: int


@dataclass(frozen=True, slots=True)
class Sequence:
    """A new list, set, tuple or named tuple; `memo` tells shared objects apart.

    `cls` may be another function of the items, as `rows_of` gives.
    """

    cls: Callable[..., Any]
    items: tuple[Spec, ...]
    memo: Hashable


@dataclass(frozen=True, slots=True)
class Mapping:
    """A new dict, or with `cls` set an object with these attributes."""

    keys: tuple[Any, ...]
    items: tuple[Spec, ...]
    memo: Hashable
    cls: type | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several results, by the number in a result of the generated function."""

    tag: int
    options: tuple[Outcome, ...]


Spec: TypeAlias = Out | Arg | Hidden | Plain | Container | Sequence | Mapping | Choice


@dataclass(frozen=True, slots=True)
class Change:
    """An object of the caller that the function changed: `kind` says how to change it."""

    kind: str
    target: Spec
    key: Any
    value: Spec


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is returned, and the changes to make first."""

    value: Spec
    changes: tuple[Change, ...]


@dataclass(slots=True)
class Rebuild:
    """Makes Python objects from the results of one call."""

    outs: tuple[Any, ...]
    leaves: list[Any]
    hidden: list[Any]
    containers: list[Any]
    memo: dict[Hashable, Any]

    def outcome(self, outcome: Outcome) -> Any:
        """Apply the changes and return the value."""
        if isinstance(outcome.value, Choice):
            return self.outcome(outcome.value.options[int(self.outs[outcome.value.tag])])
        changes = [(c, self.make(c.target), self.make(c.value)) for c in outcome.changes]
        value = self.make(outcome.value)
        for change, target, new in changes:
            APPLY[change.kind](target, change.key, new)
        return value

    def make(self, spec: Spec) -> Any:
        """The object that the spec describes."""
        match spec:
            case Out(position):
                return self.outs[position]
            case Arg(leaf):
                return self.leaves[leaf]
            case Hidden(position):
                return self.hidden[position]
            case Plain(value):
                return value
            case Container(position):
                return self.containers[position]
            case Choice(tag, options):
                return self.outcome(options[int(self.outs[tag])])
            case Sequence(cls, items, memo):
                if memo not in self.memo:
                    parts = [self.make(i) for i in items]
                    made = cls(*parts) if hasattr(cls, "_fields") else cls(parts)
                    self.memo[memo] = made
                return self.memo[memo]
            case Mapping(keys, items, memo, cls):
                if memo not in self.memo:
                    pairs = dict(zip(keys, map(self.make, items), strict=True))
                    self.memo[memo] = pairs if cls is None else instance(cls, pairs)
                return self.memo[memo]


def rows_of(cls: type | None) -> Callable[[Iterable[list[Any]]], list[Any]]:
    """What makes a list of tuples, or of the named tuples `cls`, of their columns."""
    return rows if cls is None else functools.partial(rows, cls=cls)


def rows(columns: Iterable[list[Any]], cls: Any = None) -> list[Any]:
    """The columns as a list of tuples."""
    made = zip(*columns, strict=True)
    return list(made) if cls is None else [cls(*row) for row in made]


def instance(cls: type, attributes: dict[str, Any]) -> Any:
    """An object of the class with the attributes, its `__init__` not run; a class that stands
    for another one makes an object of that.
    """
    if "_returned" in vars(cls):
        return cls._returned(attributes)
    made = object.__new__(cls)
    for name, value in attributes.items():
        object.__setattr__(made, name, value)
    return made


def _list(target: Any, key: Any, new: Any) -> None:
    target[:] = new


def _dict(target: Any, key: Any, new: Any) -> None:
    target.clear()
    target.update(new)


def _attribute(target: Any, key: Any, new: Any) -> None:
    # what the class does to an attribute that is set, the program has done
    written = isinstance(type(target).__setattr__, types.FunctionType)
    (object.__setattr__ if written else setattr)(target, key, new)


def _global(target: Any, key: Any, new: Any) -> None:
    target[key] = new


APPLY: dict[str, Callable[[Any, Any, Any], None]] = {
    "list": _list, "dict": _dict, "attribute": _attribute, "global": _global, "set": _dict,
}  # fmt: skip
