"""Arguments: trees of containers over leaves, their key, and their abstract values."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stagec.errors import StagecError
from stagec.frontend.machine import Machine
from stagec.frontend.sources import Argument
from stagec.frontend.state import State
from stagec.frontend.values import (
    ArrayCell,
    ArrayRef,
    Fields,
    Items,
    Known,
    Number,
    Ref,
    StagedItems,
    TupleValue,
    Value,
)
from stagec.ir.asked import Asked
from stagec.ir.core import Value as Staged
from stagec.ir.inline import resized
from stagec.ir.types import (
    COMPLEX,
    FLOAT,
    INT,
    SHORT,
    ArrayType,
    Dim,
    ListType,
    Size,
    Symbol,
    Type,
    affine,
    size,
    symbols_of,
)

LETTERS = "nmkpqrst"
NUMBER = -1  # the axis of an argument that is an integer


@dataclass(frozen=True, slots=True, eq=False)
class Residual:
    """A list, or a value that is unset, that a pullback keeps: one run-time leaf of the
    given type.
    """

    value: Any
    type: ArrayType | ListType


@dataclass(slots=True)
class Flat:
    """Arguments taken apart: run-time leaves, static leaves, and the containers around them."""

    leaves: list[Any] = field(default_factory=list[Any])
    statics: list[Any] = field(default_factory=list[Any])
    containers: list[Any] = field(default_factory=list[Any])
    distinct: bool = False
    met: dict[int, int] = field(default_factory=dict[int, int])

    def add(self, value: Any) -> Any:
        """Take the value apart; returns what of it is in the key.

        A container that was met before is its number, except that it counts again if
        arguments are `distinct`.
        """
        kind = type(value)
        if kind is np.ndarray:
            self.leaves.append(value)
            return value.dtype, tuple([n if n < 2 else 2 for n in value.shape])
        if kind is int:
            self.leaves.append(value)
            return kind, value < 0  # only what is not negative can be a size
        if kind is float or kind is complex:
            self.leaves.append(value)
            return kind
        if is_scalar(value):
            self.leaves.append(value)
            return "scalar", value.dtype
        if kind is Residual:
            self.leaves.append(value.value)
            return value.type
        if id(value) in self.met and not self.distinct:
            return "again", self.met[id(value)]
        if kind is dict:
            self.contain(value)
            return "dict", *[(k, self.add(v)) for k, v in value.items()]
        if (
            kind is list
            or kind is tuple
            or (isinstance(value, tuple) and hasattr(value, "_fields"))
        ):
            self.contain(value)
            return kind, *[self.add(v) for v in value]
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            self.contain(value)
            return kind, *[
                (f.name, self.add(getattr(value, f.name))) for f in dataclasses.fields(value)
            ]
        self.statics.append(value)
        if value is None or kind in (bool, str, bytes):
            return kind, value
        return kind, id(value)

    def contain(self, value: Any) -> None:
        """Note a container."""
        if not isinstance(value, tuple):
            self.met[id(value)] = len(self.containers)
        self.containers.append(value)

    def static(self, value: Any) -> Any:
        """Take the value as a whole; returns its key."""
        self.statics.append(value)
        return static_key(value)


def static_key(value: Any) -> Any:
    """What tells a static value from others: 1, 1.0 and True are three, in tuples too."""
    if isinstance(value, tuple | frozenset):
        parts = map(static_key, value)
        return type(value), frozenset(parts) if isinstance(value, frozenset) else tuple(parts)
    try:
        hash(value)
    except TypeError:
        return type(value), id(value)
    return type(value), repr(value) if isinstance(value, int | float | complex) else value


def is_scalar(value: Any) -> bool:
    """Whether the value is a NumPy number."""
    return isinstance(value, np.generic) and value.dtype.name in SHORT


def layout_of(array: Any) -> str:
    """The order of an array's memory: "C", "F", or "" if it has gaps."""
    return "C" if array.flags.c_contiguous else "F" if array.flags.f_contiguous else ""


@dataclass(frozen=True, slots=True)
class Seen:
    """A size that an axis of an argument has: as a dimension, and as a part of the axis."""

    dim: Dim
    axis: tuple[int, int]
    parts: int


@dataclass(slots=True)
class Inputs:
    """The abstract arguments of one staging run, leaf by leaf."""

    machine: Machine
    state: State
    distinct: bool
    merge_sizes: bool = False
    sizes_seen: dict[int, Seen] = field(default_factory=dict[int, Seen])
    params: list[Staged] = field(default_factory=list[Staged])
    leaf_of: list[int] = field(default_factory=list[int])
    turned: list[int] = field(default_factory=list[int])
    names: list[str] = field(default_factory=list[str])
    owners: dict[int, int] = field(default_factory=dict[int, int])
    cells: dict[int, int] = field(default_factory=dict[int, int])
    seen: dict[int, int] = field(default_factory=dict[int, int])
    refs: dict[int, Ref | None] = field(default_factory=dict[int, Ref | None])
    count: list[int] = field(default_factory=lambda: [0, 0, 0])
    sizes: int = 0
    lengths: dict[tuple[int, int], Size] = field(default_factory=dict[tuple[int, int], Size])
    foreign: dict[Symbol, Dim] = field(default_factory=dict[Symbol, Dim])
    asked: Asked = field(default_factory=Asked)

    def add(self, value: Any, name: str) -> Value:
        """The abstract value of an argument."""
        kind = type(value)
        if kind is np.ndarray:
            return self.array(value, name)
        if kind in (float, int, complex):
            return self.number(value, name, {float: FLOAT, int: INT, complex: COMPLEX}[kind])
        if is_scalar(value):
            return self.number(value, name, ArrayType(value.dtype, (), "np"))
        if kind is Residual:
            leaf = self.count[0]
            self.count[0] += 1
            if isinstance(value.type, ArrayType):
                unset = self.unset(value.type, name, leaf)
                array = value.type.kind == "array"
                return self.machine.new_array(self.state, unset) if array else Number(unset)
            cell = self.machine.new_cell(
                self.state, StagedItems(self.param(self.of_here(value.type), name, leaf))
            )
            return Ref(cell, list)
        if id(value) in self.refs and not self.distinct:
            found = self.refs[id(value)]
            if found is None:
                raise StagecError(
                    "SC404", f"the argument {name!r} contains itself", None,
                    "pass a container without cycles",
                )  # fmt: skip
            return found
        if kind is dict or kind is list:
            return self.container(value, kind, name)
        if isinstance(value, tuple):
            self.count[2] += 1
            fields = getattr(value, "_fields", None) or range(len(value))
            items = tuple(
                self.add(v, f"{name}_{k}") for k, v in zip(fields, value, strict=True)
            )
            return TupleValue(items, kind if hasattr(value, "_fields") else None)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            found = self.container(value, kind, name)
            self.machine.object_cells[found.cell] = True
            return found
        return self.static(value, name)

    def static(self, value: Any, name: str) -> Known:
        """A static argument."""
        position = self.count[1]
        self.count[1] += 1
        return Known(value, Argument(position, name))

    def container(self, value: Any, kind: type, name: str) -> Ref:
        """One of the caller's containers; it is numbered before what is in it."""
        position = self.count[2]
        self.count[2] += 1
        self.refs[id(value)] = None
        if kind is list:
            items = tuple(self.add(v, f"{name}_{k}") for k, v in enumerate(value))
            cell = self.machine.new_cell(self.state, Items(items))
        else:
            pairs = (
                value.items()
                if kind is dict
                else [(f.name, getattr(value, f.name)) for f in dataclasses.fields(value)]
            )
            fields = Fields(tuple((k, self.add(v, f"{name}_{k}")) for k, v in pairs))
            cell = self.machine.new_cell(self.state, fields)
        self.owners[cell] = position
        self.machine.owned.add(cell)
        found = self.refs[id(value)] = Ref(cell, kind)
        return found

    def of_here(self, kind: ListType) -> Type:
        """The type of a list of another program, with sizes that are no others' here."""
        for symbol in symbols_of(kind):
            if symbol not in self.foreign:
                self.foreign[symbol] = size(self.machine.symbol(unit=symbol.unit))
        return resized(self.foreign, kind)

    def unset(self, kind: ArrayType, name: str, leaf: int) -> Staged:
        """A parameter for an array that is unset; its sizes are no others' here."""
        fresh = self.machine.symbol
        shape = tuple(n if isinstance(n, int) else size(fresh()) for n in kind.shape)
        return self.param(dataclasses.replace(kind, shape=shape), name, leaf)

    def param(self, kind: Type, name: str, leaf: int) -> Staged:
        """A parameter of the function."""
        value = Staged(kind, name if name.isidentifier() else "arg")
        self.machine.defs.depth[value] = 0
        self.params.append(value)
        self.leaf_of.append(leaf)
        self.names.append(name)
        return value

    def number(self, value: Any, name: str, kind: ArrayType) -> Value:
        """A number: staged, or known if stage 0 asked for it."""
        leaf = self.count[0]
        self.count[0] += 1
        if self.machine.decided("int", leaf):
            return Known(value)
        param = self.param(kind, name, leaf)
        if type(value) is int and value >= 0:
            known = self.near(value, (leaf, NUMBER))
            if known is None:
                symbol = Symbol(name if name.isidentifier() else f"i{leaf}", True)
                self.machine.lengths[symbol] = self.asked.length((leaf, NUMBER), value)
                known = size(symbol)
            param = self.params[-1] = Staged(dataclasses.replace(kind, size=known), param.hint)
            self.machine.defs.depth[param] = 0
        whole = type(value) is int or isinstance(value, np.integer)
        self.machine.origin[param] = ("int", leaf) if whole else ("data", name)
        return Number(param)

    def array(self, value: Any, name: str) -> Value:
        """An array; the same array twice is the same cell."""
        leaf = self.count[0]
        self.count[0] += 1
        if value.dtype.name not in SHORT:
            raise StagecError(
                "SC404", f"the argument {name!r} is an array of dtype {value.dtype}", None,
                "convert it to a numeric dtype: arr.astype(float)",
            )  # fmt: skip
        if id(value) in self.seen and not self.distinct:
            return ArrayRef(self.seen[id(value)])
        shape = tuple(self.dim(n, leaf, axis) for axis, n in enumerate(value.shape))
        param = self.param(ArrayType(value.dtype, shape), name, leaf)
        self.machine.origin[param] = ("array", leaf)
        if value.ndim > 1 and layout_of(value) == "F":
            self.turned.append(len(self.params) - 1)
        for axis in range(value.ndim):
            self.machine.entry_arrays[leaf, axis] = (param, axis)
        self.machine.layouts[leaf] = layout_of(value)
        cell = self.machine.new_cell(self.state, ArrayCell(param, external=True))
        self.cells[cell] = leaf
        self.seen.setdefault(id(value), cell)
        return ArrayRef(cell)

    def dim(self, n: int, leaf: int, axis: int) -> Dim:
        """The size of an axis: a symbol (at least 2), unless stage 0 asked for the value.

        With `merge_sizes` it is that of an equal axis before, or of a part of one, which the
        program then depends on.
        """
        at = (leaf, axis)
        if n < 2 or self.machine.decided("size", at):
            return n
        known = self.sizes_seen.get(n) if self.merge_sizes else None
        if known is not None:
            equal = ("equal", (at, known.axis)), ("part", (at, known.axis, known.parts))
            self.machine.decisions.add(equal[known.parts > 1])
            return known.dim
        whole = self.length(n, at)
        if self.merge_sizes:
            self.sizes_seen.setdefault(n, Seen(whole, at, 1))
            symbol, parts = whole.terms[0]
            if whole == affine((size(symbol), parts)):
                self.sizes_seen.setdefault(n // parts, Seen(size(symbol), at, parts))
        return whole

    def length(self, n: int, at: tuple[int, int]) -> Size:
        """The size of an axis: its own symbol, or what it is in terms of another one."""
        found = self.lengths.get(at)
        if found is None:
            near = self.near(n, at)
            found = self.lengths[at] = self.symbol(n, at) if near is None else near
        return found

    def near(self, n: int, at: tuple[int, int]) -> Size | None:
        """The axis or integer in terms of an axis that it is known to be near, if any."""
        keys = (key for kind, key in self.machine.decisions if kind == "offset")
        found = next(((base, more) for place, base, more in keys if place == at), None)
        if found is None or self.machine.decided("size", found[0]):
            return None
        base, more = found
        near = affine((self.length(n - more, base), 1), const=more)
        assert isinstance(near, Size)
        return near

    def symbol(self, n: int, at: tuple[int, int]) -> Size:
        """A symbol for the size of an axis, or for a part of it if stage 0 asked for that."""
        letter = LETTERS[self.sizes] if self.sizes < len(LETTERS) else f"n{self.sizes}"
        self.sizes += 1
        symbol = Symbol(letter)
        self.machine.size_origin[symbol] = at
        parts = self.machine.parts(at)
        self.machine.lengths[symbol] = self.asked.length(at, n) // parts
        if self.merge_sizes:
            self.machine.size_values[symbol] = n // parts
        whole = affine((size(symbol), parts))
        assert isinstance(whole, Size)
        return whole
