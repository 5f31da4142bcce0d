"""Values from outside the staged function: guarded, or inputs that are read at each call."""

from __future__ import annotations

import types
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stagec.errors import Loc, StagecError
from stagec.frontend import readings
from stagec.frontend.contents import changeable, contents, written
from stagec.frontend.machine import Captured, Machine, Raised
from stagec.frontend.sources import Attribute, Constant, Derived, Has, Part, Source
from stagec.frontend.state import State
from stagec.frontend.values import (
    ArrayCell,
    ArrayRef,
    Items,
    Known,
    Number,
    Ref,
    TupleValue,
    Value,
)
from stagec.ir.core import Value as Staged
from stagec.ir.types import ArrayType, size, type_of
from stagec.ops.copying import copy

MADE_OF = ("__code__", "__defaults__", "__kwdefaults__")
# what these classes of NumPy's change is the class of what an operation gives
ALIKE: tuple[type, ...] = (np.memmap, np.recarray)
# what classes may define in another way: how arrays are made, kept and shown
HARMLESS = {
    *("__new__", "__array_finalize__", "__array_priority__", "__class_getitem__"),
    *("__reduce__", "__reduce_ex__", "__setstate__", "__copy__", "__deepcopy__"),
    *("__doc__", "__repr__", "__str__", "__format__"),
}


def array_kind(array: Any) -> tuple[Any, ...]:
    """What of an array the code depends on: class, dtype, rank, which sizes are exactly 1."""
    return type(array), array.dtype, tuple(min(n, 2) for n in array.shape)


def computes_alike(kind: type) -> bool:
    """Whether the operations of this class of arrays are those of plain ones."""
    above = kind.__mro__[: kind.__mro__.index(np.ndarray)]
    own = {name for cls in above if cls not in ALIKE for name in vars(cls)}
    return own.isdisjoint(vars(np.ndarray).keys() - HARMLESS)


def is_numeric(value: Any) -> bool:
    """Whether the value is an array that staged code can compute with."""
    return type(value) is np.ndarray and value.dtype.kind in "biufc"


def same_bits(a: Any, b: Any) -> bool:
    """Whether two arrays are alike in all that staged code can see of them."""
    return (a.dtype, a.shape) == (b.dtype, b.shape) and a.tobytes() == b.tobytes()


def same_array(source: Source, known: Known, args: tuple[Any, ...]) -> bool:
    """Whether what is captured from the source is the array, or may stand for it."""
    array = source.get(args)
    if known.source is None and isinstance(source, Constant) and is_numeric(array):
        return same_bits(array, known.value)  # made at staging: nobody writes to it
    return array is known.value


@dataclass(slots=True)
class Capturing(Machine):
    """A machine that can capture arrays, changing numbers and objects.

    Attributes
    ----------
    precomputed : arrays that staging made, by the copies of them that the program uses.
    relied : classes and functions whose readings are relied on: Python calls them at staging.
    """

    precomputed: dict[Staged, Any] = field(default_factory=dict[Staged, Any])
    relied: set[Any] = field(default_factory=set[Any])

    def guard(self, known: Known) -> Any:
        """The value of `known`, relied on from here on with all that it holds: a change of
        that restages.
        """
        held = known.value
        if known.source is not None and changeable(held):
            held = contents(held)
            self.keep(Known(held, Derived(known.source, contents)))
        readings.rely_on(self, held)
        return self.keep(known)

    def guard_function(self, function: types.FunctionType) -> None:
        """Rely on what the function is made of, which tools that reload modules change."""
        whole = Constant(function, function.__name__)
        for name in MADE_OF:
            part = getattr(function, name)
            if part is not None:
                self.keep(Known(part, Part(whole, name)))

    def capture(self, known: Known) -> Value:
        """A value read from outside: written objects and changing numbers are looked up."""
        if isinstance(known.value, np.ndarray):
            return known
        number = isinstance(known.value, int | float | complex) and not isinstance(
            known.value, bool
        )
        if number and known.source is not None and self.decided("captured", known.source):
            return self.hidden(known, type_of(known.value))
        entry = self.outside.get(id(known.value))
        if entry is not None and self.entry is not None and not isinstance(known.value, type):
            return Ref(entry[0], type(known.value))
        return known

    def written(self, state: State, value: Value) -> Value:
        """The value; an object that staged code has written to as it is by now."""
        if not isinstance(value, Known) or isinstance(value.value, type | types.ModuleType):
            return value
        entry = self.outside.get(id(value.value))
        if entry is None or entry[0] not in state.cells:
            return value
        return Ref(entry[0], type(value.value))

    def hidden(self, known: Known, kind: Any) -> Number:
        """A captured number as a hidden input."""
        source = known.source
        assert source is not None
        if source not in self.captured:
            self.guard(Known(type(known.value), Derived(source, type)))
            value = Staged(kind, str(source).rpartition(".")[2])
            self.captured[source] = Captured(source, value, None)
            self.defs.depth[value] = 0
            self.origin[value] = ("data", str(source))
        return Number(self.captured[source].value)

    def captured_array(
        self, state: State, known: Known, loc: Loc | None, write: bool = False
    ) -> ArrayRef:
        """A captured array as a hidden input."""
        source: Source = known.source or Constant(known.value, "array")
        if write and known.source is None:
            raise StagecError(
                "SC316", "a write to an array that an object made at staging holds", loc,
                "write to a copy of it, or make the object outside",
            )  # fmt: skip
        for entry in self.captured.values():
            if entry.cell is not None and same_array(entry.source, known, self.args):
                state.cells.setdefault(entry.cell, self.shared_cells[entry.cell])
                return ArrayRef(entry.cell)
        array = known.value
        if array.dtype.kind not in "biufc":
            raise StagecError(
                "SC309", f"{source} is an array of {array.dtype}", loc, "use a numeric dtype"
            )
        if not computes_alike(type(array)):
            raise StagecError(
                "SC309", f"{source} is an array of the class {type(array).__name__}, whose"
                " operations are its own", loc, "use a plain array: np.asarray(x)",
            )  # fmt: skip
        self.guard(Known(array_kind(array), Derived(source, array_kind)))
        dims = tuple(n if n < 2 else size(self.symbol("c", unit=False)) for n in array.shape)
        value = Staged(ArrayType(array.dtype, dims), str(source).rpartition(".")[2])
        self.defs.depth[value] = 0
        self.cells += 1
        cell = self.cells
        self.captured[source] = Captured(source, value, cell)
        self.shared_cells[cell] = ArrayCell(value, external=True)
        state.cells[cell] = self.shared_cells[cell]
        return ArrayRef(cell)

    def new_in_program(self, state: State, plain: Any) -> Value:
        """What a function of NumPy that ran at staging returned: in each call of the program
        its arrays are new ones, which the program may write to and return.
        """
        if is_numeric(plain):
            out: Any = copy(self.handle(state, self.constant_array(plain)))
            self.precomputed[out.operand] = plain
            return self.wrap(state, out)
        if isinstance(plain, tuple | list) and any(map(is_numeric, plain)):
            items = tuple(self.new_in_program(state, v) for v in plain)
            if isinstance(plain, list):
                return Ref(self.new_cell(state, Items(items)), list)
            return TupleValue(items, type(plain) if hasattr(plain, "_fields") else None)
        return Known(plain)

    def constant_array(self, array: Any) -> Staged:
        """An array that nobody writes to, as a hidden input."""
        for source, entry in self.captured.items():
            if entry.cell is not None or not isinstance(source, Constant):
                continue
            if same_bits(source.value, array):
                return entry.value
        value = Staged(ArrayType(array.dtype, array.shape), "array")
        self.defs.depth[value] = 0
        source = Constant(array, "array")
        self.captured[source] = Captured(source, value, None)
        return value

    def guard_method(self, cls: type, name: str) -> None:
        """Note what method or property the class has, if any: another may take its place."""
        from stagec.frontend import names

        found = getattr(cls, name, None)
        function = found.fget if isinstance(found, property) else found
        function = getattr(function, "__func__", function)
        if isinstance(function, types.FunctionType) and not names.is_own(function.__globals__):
            self.keep(Known(found, Part(Constant(cls, cls.__name__), name)))

    def guard_bound(self, receiver: Value, cls: type, name: str) -> None:
        """Note what method of the object there is: one outside may get its own."""
        if not isinstance(receiver, Known) or receiver.source is None:
            self.guard_method(cls, name)
            return
        method, place = getattr(receiver.value, name), Attribute(receiver.source, name)
        if hasattr(method, "__func__"):
            self.keep(Known(method.__func__, Part(place, "__func__")))
        else:  # a static method
            self.keep(Known(method, place))

    def guard_access(self, cls: type, name: str) -> None:
        """Note how attributes of objects of the class are read or set: by this method."""
        if written(cls.__module__):
            self.keep(Known(getattr(cls, name), Part(Constant(cls, cls.__name__), name)))

    def outside_attribute(self, plain: Any, name: str, source: Source | None) -> Value:
        """The attribute of a Python object outside; if it has none, that is relied on."""
        try:
            return self.capture(Known(self.host_attribute(plain, name), source))
        except Raised:
            if isinstance(source, Attribute):
                self.guard_absence(source.base, name)
            raise

    def guard_absence(self, base: Source, *names: str) -> None:
        """Note that an object has no such attributes: it may get them."""
        for name in names:
            self.guard(Known(False, Has(base, name)))

    def class_source(self, cls: type, name: str) -> Source:
        """Where a class attribute is captured from."""
        return Attribute(Constant(cls, cls.__name__), name)
