"""Abstract values: what a Python expression is known to be while a function is being staged.

Values are immutable; whatever can change lives in a cell of the `State` and is referred to by
its number.  Two references with the same number are the same Python object.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, is_dataclass
from typing import Any, TypeAlias, TypeGuard
from weakref import WeakSet

import gast

from stagec.frontend.sources import Source
from stagec.ir.core import Operand
from stagec.ir.path import Path


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """A Python object that exists at staging; `source` says where it was captured from."""

    value: Any
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Number:
    """A staged number or string: immutable, so a reference is its value."""

    operand: Operand


@dataclass(frozen=True, slots=True)
class ArrayRef:
    """A staged array: the whole content of a cell, or a view of it along `path`."""

    cell: int
    path: Path = ()
    index: tuple[Operand, ...] = ()


@dataclass(frozen=True, slots=True)
class TupleValue:
    """A tuple; `cls` is set for a named tuple."""

    items: tuple[Value, ...]
    cls: type | None = None


def names_of(value: TupleValue) -> tuple[str, ...]:
    """The field names of a named tuple; none for a plain tuple."""
    return getattr(value.cls, "_fields", ())


@dataclass(frozen=True, slots=True)
class Ref:
    """A list, dict, set or object in a cell; `cls` is its Python class."""

    cell: int
    cls: type


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """The variables of one activation of a function: names to cell numbers.

    In the body of a class, `methods` is the scope around the functions defined in it.
    """

    cells: dict[str, int]
    parent: Scope | None = None
    methods: Scope | None = None


@dataclass(frozen=True, slots=True, eq=False)
class FunctionValue:
    """A function defined in staged code, or a user's function entered by it."""

    node: gast.FunctionDef
    scope: Scope | None
    defaults: tuple[Value, ...]
    kwdefaults: tuple[tuple[str, Value], ...]
    code: CodeContext
    owner: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class CodeContext:
    """What the source of a function refers to: its file, globals and enclosing class."""

    file: str
    globals: dict[str, Any]
    class_name: str
    closure: tuple[tuple[str, Any], ...] = ()
    function: Any = None


# where a Python function that stands for one of staged code says so
STANDS_FOR = "__stands_for__"
# the classes that staged code defines
DEFINED: WeakSet[type] = WeakSet()


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """What stands for a staged value in the attributes of a class that staged code defines."""

    value: Value


@dataclass(frozen=True, slots=True, eq=False)
class BoundMethod:
    """A function with its first argument."""

    function: Value
    receiver: Value


@dataclass(frozen=True, slots=True, eq=False)
class Partial:
    """`functools.partial` over abstract arguments."""

    function: Value
    args: tuple[Value, ...]
    kwargs: tuple[tuple[str, Value], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Intrinsic:
    """A method of a staged object that the front end implements itself."""

    name: str
    run: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class ExceptionValue:
    """An exception made in staged code; one of the user's classes has attributes in `made`."""

    cls: type
    args: tuple[Value, ...]
    made: Ref | None = None


@dataclass(frozen=True, slots=True)
class SuperValue:
    """`super()`: attributes of the classes after `cls` in the order of resolution."""

    cls: type
    receiver: Value


@dataclass(frozen=True, slots=True)
class RangeValue:
    """`range(lo, hi, step)` with a staged bound."""

    lo: Value
    hi: Value
    step: Value
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class SliceValue:
    """A slice object with a staged part."""

    start: Value
    stop: Value
    step: Value


@dataclass(frozen=True, slots=True)
class Zipped:
    """`zip`, `enumerate` (a range and the rest) or `dict.items` over iterables.

    The `cell` of this and other iterators tells how far it is read; what can be read again has
    none.
    """

    parts: tuple[Value, ...]
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class Mapped:
    """`map(function, *iterables)` or, without parts mapped, a filtered iterable."""

    function: Value
    parts: tuple[Value, ...]
    filter: bool = False
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class Reversed:
    """`reversed(x)` of an array."""

    part: Value
    cell: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Generator:
    """A generator not yet started: the function and its bound scope."""

    function: FunctionValue
    scope: Scope
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class Maybe:
    """The content of a variable that is set only where `flag` is true."""

    flag: Operand
    value: Value


Value: TypeAlias = (
    Known
    | Number
    | ArrayRef
    | TupleValue
    | Ref
    | FunctionValue
    | BoundMethod
    | Partial
    | Intrinsic
    | ExceptionValue
    | SuperValue
    | RangeValue
    | SliceValue
    | Zipped
    | Mapped
    | Reversed
    | Generator
)

NONE = Known(None)


@dataclass(frozen=True, slots=True)
class ArrayCell:
    """The content of an array cell.

    `shares` lists (cell, content) pairs that it may be the same memory as: it is read-only, and
    stale once one of them changes.  `external` is set on memory that the caller can see,
    `listed` on an element of a list of run-time length, which is read-only too.
    """

    operand: Operand
    shares: tuple[tuple[int, Operand], ...] = ()
    external: bool = False
    listed: bool = False


@dataclass(frozen=True, slots=True)
class Items:
    """The content of a list (or, with `cls` set in the reference, a set): known length."""

    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class StagedItems:
    """The content of a list whose length is known at run time only."""

    operand: Operand


@dataclass(frozen=True, slots=True)
class Columns:
    """The content of a list of tuples whose length is known at run time only.

    It is a list for each position in the tuples; `cls` is set for named tuples.
    """

    columns: tuple[StagedItems | Columns, ...]
    cls: type | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """The content of a list that is an element of a list of run-time length.

    It is read and written in that list, at `index`; None once that list changed in such a way
    that the element may be at another place, or gone.
    """

    owner: Ref
    index: Operand | None


def same_key(a: Any, b: Any) -> bool:
    """Whether Python's dicts take the two for one key: 1, 1.0, True and np.int64(1) are."""
    return a is b or (hash(a) == hash(b) and bool(a == b))


@dataclass(frozen=True, slots=True)
class Fields:
    """The content of a dict or of an object's attributes; keys are known Python objects."""

    items: tuple[tuple[Any, Value], ...]

    def get(self, key: Any) -> Value | None:
        """The value under `key`, if there is one."""
        for k, v in self.items:
            if same_key(k, key):
                return v
        return None

    def set(self, key: Any, value: Value) -> Fields:
        """With `key` set to `value`."""
        if self.get(key) is None:
            return Fields((*self.items, (key, value)))
        return Fields(tuple((k, value if same_key(k, key) else v) for k, v in self.items))

    def without(self, key: Any) -> Fields:
        """With `key` removed."""
        return Fields(tuple((k, v) for k, v in self.items if not same_key(k, key)))


@dataclass(frozen=True, slots=True, eq=False)
class Outside:
    """The content of an object of the caller: what staged code read or wrote of it so far."""

    base: Known
    written: Fields = Fields(())


StagedList: TypeAlias = StagedItems | Columns
# what is given by position and by name
Args: TypeAlias = tuple[Value, ...]
Kwargs: TypeAlias = dict[str, Value]
Content: TypeAlias = Value | Maybe | ArrayCell | Items | StagedList | Row | Fields | Outside


def has_parts(content: Any) -> TypeGuard[Any]:
    """Whether what is met in a content has fields that are parts of it.

    The class of an object may be a dataclass of the user, which is no part of the graph.
    """
    return is_dataclass(content) and not isinstance(content, type)


def endless_range(part: Value) -> bool:
    """Whether it is what `enumerate` counts."""
    hi = part.hi if isinstance(part, RangeValue) else None
    return isinstance(hi, Known) and hi.value is None
