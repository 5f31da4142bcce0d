"""Where captured values come from, and the guards that notice when they change."""

from __future__ import annotations

import types
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar


class Source(ABC):
    """A place that a value can be read from again at each call."""

    __slots__ = ()

    @abstractmethod
    def get(self, args: tuple[Any, ...]) -> Any:
        """The value there now; raises LookupError or AttributeError if it is gone."""

    def there(self, args: tuple[Any, ...]) -> bool:
        """Whether there is a value now."""
        try:
            self.get(args)
        except (LookupError, AttributeError):
            return False
        return True

    @abstractmethod
    def __str__(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Argument(Source):
    """The k-th static leaf of the arguments."""

    position: int
    name: str

    def get(self, args: tuple[Any, ...]) -> Any:
        return args[self.position]

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, eq=False)
class Global(Source):
    """A variable of a module."""

    namespace: dict[str, Any] = field(repr=False)
    name: str

    def get(self, args: tuple[Any, ...]) -> Any:
        return self.namespace[self.name]

    def __str__(self) -> str:
        return self.name

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Global)
            and other.namespace is self.namespace
            and other.name == self.name
        )

    def __hash__(self) -> int:
        return hash((id(self.namespace), self.name))


@dataclass(frozen=True, slots=True, eq=False)
class Cell(Source):
    """A closure variable."""

    cell: types.CellType
    name: str

    def get(self, args: tuple[Any, ...]) -> Any:
        try:
            return self.cell.cell_contents
        except ValueError:
            raise LookupError(self.name) from None

    def __str__(self) -> str:
        return self.name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cell) and other.cell is self.cell

    def __hash__(self) -> int:
        return hash(id(self.cell))


@dataclass(frozen=True, slots=True, eq=False)
class Constant(Source):
    """An object that staged code holds on to: a default value, a class."""

    value: Any = field(repr=False)
    name: str

    def get(self, args: tuple[Any, ...]) -> Any:
        return self.value

    def __str__(self) -> str:
        return self.name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constant) and other.value is self.value

    def __hash__(self) -> int:
        return hash(id(self.value))


@dataclass(frozen=True, slots=True)
class Attribute(Source):
    """An attribute of an object, and the builtin function that reads it."""

    base: Source
    name: str
    reader: ClassVar[str] = "getattr"

    def get(self, args: tuple[Any, ...]) -> Any:
        return getattr(self.base.get(args), self.name)

    def __str__(self) -> str:
        return f"{self.base}.{self.name}"


@dataclass(frozen=True, slots=True)
class Part(Attribute):
    """What a function is made of, which tools that reload modules change in place."""


@dataclass(frozen=True, slots=True)
class Has(Attribute):
    """Whether an object has an attribute."""

    reader: ClassVar[str] = "hasattr"

    def get(self, args: tuple[Any, ...]) -> bool:
        return hasattr(self.base.get(args), self.name)

    def __str__(self) -> str:
        return f"hasattr({self.base}, {self.name!r})"


@dataclass(frozen=True, slots=True)
class Item(Source):
    """An item of a list, tuple or dict."""

    base: Source
    key: Any

    def get(self, args: tuple[Any, ...]) -> Any:
        return self.base.get(args)[self.key]

    def __str__(self) -> str:
        return f"{self.base}[{self.key!r}]"


def named(source: Source) -> bool:
    """Whether the place is one that the user's program names, no part of a function."""
    return not isinstance(source.base if isinstance(source, Item) else source, Part)


@dataclass(frozen=True, slots=True)
class Derived(Source):
    """A known function of another place: a length, the keys of a dict."""

    base: Source
    function: Callable[[Any], Any]

    def get(self, args: tuple[Any, ...]) -> Any:
        return self.function(self.base.get(args))

    def __str__(self) -> str:
        return f"{self.function.__name__}({self.base})"


def same_value(now: Any, then: Any) -> bool:
    """Whether a captured value is unchanged: numbers and strings by type and bits, tuples item
    by item, everything else by identity.
    """
    if now is then:
        return True
    if type(now) is not type(then):
        return False
    if isinstance(now, tuple):
        return len(now) == len(then) and all(map(same_value, now, then))
    if isinstance(now, int | float | complex | str | bytes):
        return repr(now) == repr(then)
    if isinstance(now, types.MethodType):
        return now.__func__ is then.__func__ and now.__self__ is then.__self__
    return False


@dataclass(frozen=True, slots=True)
class Guard:
    """A captured value that staging relied on."""

    source: Source
    expected: Any

    def holds(self, args: tuple[Any, ...]) -> bool:
        """Whether the place still holds the value."""
        try:
            return same_value(self.source.get(args), self.expected)
        except (LookupError, AttributeError):
            return False
