"""Lists as rows of arrays, and what their ops become."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeGuard

from stagec.ir.build import Builder
from stagec.ir.core import Apply, Op, Operand, Stmt, Value, const, known
from stagec.ir.path import Arg, Index, Slice
from stagec.ir.types import ArrayType, Dim, ListType, Size, affine
from stagec.ir.walk import rename
from stagec.ops.arithmetic import subtract
from stagec.ops.comparison import less, less_equal
from stagec.ops.creation import empty, zeros
from stagec.ops.effects import check
from stagec.ops.extent import from_start
from stagec.ops.filling import full
from stagec.ops.indexing import accumulate, read, update
from stagec.ops.list_arrays import list_stack, list_unstack
from stagec.ops.list_full import list_full
from stagec.ops.lists import (
    list_add,
    list_append,
    list_get,
    list_length,
    list_new,
    list_pop,
    list_set,
    list_zeros,
)
from stagec.opt.counted.choice import Counted
from stagec.opt.counted.lengths import Counts
from stagec.opt.elements import as_python, read_element, write_element
from stagec.opt.tapes.entries import hint_of
from stagec.opt.tapes.sizes import Lengths, Unknown, room
from stagec.opt.tapes.webs import MADE

FIRST = (Index((Slice(None, Arg(0)),)),)  # the path to the first rows of an array


class Failed(Exception):
    """The list with this number must stay as it is."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


@dataclass(frozen=True, slots=True)
class Items:
    """A new list, of which nothing has been stored."""

    items: tuple[Operand, ...]

    @property
    def length(self) -> Dim:
        """How many elements it has."""
        return len(self.items)


@dataclass(frozen=True, slots=True)
class Rows:
    """The first `length` rows of an array that has `room` rows."""

    array: Operand
    length: Dim
    room: Dim


@dataclass(slots=True)
class Lists:
    """What lists have become.

    Attributes
    ----------
    found : the lists by their values.
    makers : what made the values of the program.
    entries : what the lists seen so far have become.
    names : what other values have become.
    sizes : what the arrays that are there tell of sizes.
    counts : lengths and indices as sums.
    """

    found: Mapping[Value, Counted]
    makers: Mapping[Value, Stmt]
    entries: dict[Value, Items | Rows] = field(default_factory=dict["Value", "Items | Rows"])
    names: dict[Value, Operand] = field(default_factory=dict["Value", "Operand"])
    sizes: Lengths = field(init=False)
    counts: Counts = field(init=False)

    def __post_init__(self) -> None:
        self.sizes = Lengths(self.names)
        self.counts = Counts(self.names)

    def has(self, operand: Operand) -> TypeGuard[Value]:
        """Whether it is one of the lists."""
        return isinstance(operand, Value) and operand in self.found

    def apply(self, builder: Builder, stmt: Apply) -> None:
        """Add what an op on a list becomes."""
        if stmt.op in MADE:
            self.entries[stmt.out] = self.begin(builder, stmt)
            return
        xs, *rest = stmt.args
        assert isinstance(xs, Value)
        entry, rest = self.entries[xs], [rename(v, self.names) for v in rest]
        if stmt.op is list_append:
            self.entries[stmt.out] = self.appended(builder, xs, rest[0])
        elif stmt.op is list_length:
            self.names[stmt.out] = self.counts.value(builder, entry.length)
        elif stmt.op is list_stack:
            self.names[stmt.out] = self.stacked(builder, stmt, xs)
        elif stmt.op is list_pop:
            if not self.counts.never_less(entry.length, 1):
                count = self.counts.value(builder, entry.length)
                self.require(builder, less_equal, (const(1), count), "pop from empty list")
            last = affine((entry.length, 1), const=-1)
            self.names[stmt.outs[1]] = self.element(builder, xs, last, stmt.outs[1])
            self.entries[stmt.outs[0]] = (
                Items(entry.items[:-1])
                if isinstance(entry, Items)
                else replace(entry, length=last)
            )
        else:
            text = "list assignment index" if stmt.op is list_set else "list index"
            place = self.place(builder, xs, stmt.args[1], f"{text} out of range")
            if stmt.op is list_get:
                self.names[stmt.out] = self.element(builder, xs, place, stmt.out)
            else:
                op = accumulate if stmt.op is list_add else update
                self.entries[stmt.out] = self.written(builder, xs, place, rest[1], op)

    def begin(self, builder: Builder, stmt: Apply) -> Items | Rows:
        """What a list is at first."""
        if stmt.op is list_new:
            return Items(tuple(rename(v, self.names) for v in stmt.args))
        if stmt.op is list_full:
            return self.filled(builder, stmt)
        (given,) = stmt.args
        if stmt.op is list_unstack:
            array = rename(given, self.names)
            length = self.counts.axis(builder, array)
            return Rows(array, length, length)
        assert stmt.op is list_zeros
        if given in self.found:
            length = self.entries[given].length  # type: ignore[index]
        else:
            (count,) = builder.add(list_length, (rename(given, self.names),), {})
            length = self.counts.symbol(count)
        return Rows(self.room(builder, stmt.out, length, zeros), length, length)

    def filled(self, builder: Builder, stmt: Apply) -> Rows:
        """A list of one number many times."""
        value, many = stmt.args
        length = self.counts.repeats(builder, many, self.makers)
        count = self.counts.value(builder, length)
        staged = (count,) if isinstance(count, Value) else ()
        shape = (Arg(1) if staged else known(count),)
        attrs = {"shape": shape, "dtype": self.found[stmt.out].element.dtype}
        operands = (rename(value, self.names), *staged)
        (array,) = builder.add(full, operands, attrs, stmt.out.hint)
        return Rows(array, length, length)

    def room(self, builder: Builder, xs: Value, length: Dim, op: Op = empty) -> Value:
        """A new array for so many elements of the list."""
        element = self.found[xs].element
        try:
            inner = [self.sizes.size(builder, d, {}) for d in element.shape]
        except Unknown:
            raise Failed(self.found[xs].number) from None
        sizes = [self.counts.value(builder, length), *inner]
        return room(builder, sizes, element.shape, element.dtype, xs.hint, op)

    def rows(self, builder: Builder, xs: Value, more: Dim = 0) -> Rows:
        """The list as rows of an array that has room for `more` of them."""
        entry = self.entries[xs]
        space = affine((entry.length, 1), (more, 1))
        if isinstance(entry, Rows) and self.counts.never_less(
            affine((entry.room, 1), (space, -1)), 0
        ):
            return entry
        array = self.room(builder, xs, space)
        if isinstance(entry, Items):
            for k, item in enumerate(entry.items):
                array = write_element(builder, array, item, (const(k),), array.hint)
        elif entry.length != 0:
            count = self.counts.value(builder, entry.length)
            part = self.first(builder, entry)
            (array,) = builder.add(update, (array, part, count), {"path": FIRST}, array.hint)
        return Rows(array, entry.length, space)

    def first(self, builder: Builder, entry: Rows) -> Operand:
        """The rows that belong to the list."""
        if self.counts.never_less(affine((entry.length, 1), (entry.room, -1)), 0):
            return entry.array
        count = self.counts.value(builder, entry.length)
        return builder.add(read, (entry.array, count), {"path": FIRST, "view": True})[0]

    def enough(self, builder: Builder, rows: Rows, count: Dim) -> Rows:
        """The same, in front of a loop that takes so many elements away."""
        left = affine((rows.length, 1), (count, -1))
        if self.counts.never_less(left, 0):
            return rows
        many, length = (self.counts.value(builder, d) for d in (count, rows.length))
        self.require(builder, less_equal, (many, length), "pop from empty list")
        rest = self.counts.symbol(builder.add(subtract, (length, many), {})[0])
        return replace(rows, length=affine((rest, 1), (count, 1)))

    def appended(self, builder: Builder, xs: Value, value: Operand) -> Items | Rows:
        """The list with one more element."""
        entry = self.entries[xs]
        if isinstance(entry, Items):
            return Items((*entry.items, value))
        rows = self.rows(builder, xs, 1)
        where = self.counts.value(builder, rows.length)
        array = write_element(builder, rows.array, value, (where,), hint_of(rows.array))
        return replace(rows, array=array, length=affine((rows.length, 1), const=1))

    def stacked(self, builder: Builder, stmt: Apply, xs: Value) -> Operand:
        """The array of all elements, where NumPy makes one."""
        length = self.entries[xs].length
        if stmt.raises and not self.counts.never_less(length, 1):
            operands = const(1), self.counts.value(builder, length)
            self.require(
                builder, less_equal, operands, "need at least one array to stack", ValueError
            )
        found = self.first(builder, self.rows(builder, xs))
        dim = stmt.out.type.shape[0] if isinstance(stmt.out.type, ArrayType) else None
        if (
            isinstance(dim, Size)
            and dim.terms[1:] == ()
            and (dim.terms[0][1], dim.const) == (1, 0)
        ):
            self.counts.lengths[dim.terms[0][0]] = length
        return found

    def listed(self, builder: Builder, operand: Operand) -> Operand:
        """The list as a list, for what needs one."""
        assert isinstance(operand, Value)
        entry, kind = self.entries[operand], operand.type
        assert isinstance(kind, ListType)
        if isinstance(entry, Items):
            attrs = {"element": kind.element}
            return builder.add(list_new, entry.items, attrs, operand.hint)[0]
        attrs = {"kind": self.found[operand].element.kind}
        return builder.add(list_unstack, (self.first(builder, entry),), attrs, operand.hint)[0]

    def require(
        self,
        builder: Builder,
        op: Op,
        operands: tuple[Operand, ...],
        message: str,
        error: type[Exception] = IndexError,
    ) -> None:
        """Raise the error unless it holds."""
        (holds,) = builder.add(op, operands, {})
        builder.add(check, (holds, const(message)), {"exception": error})

    # -- elements ---------------------------------------------------------------------------

    def place(self, builder: Builder, xs: Value, index: Operand, message: str) -> Dim | Value:
        """The number of the element with that index, or the index if it may be negative; it is
        checked unless it is surely there.
        """
        counts, length = self.counts, self.entries[xs].length
        where = counts.of(index, self.makers)
        if isinstance(where, int) and where < 0:
            where = affine((length, 1), const=where)
            if not counts.never_less(where, 0):
                operands = const(-known(index)), counts.value(builder, length)
                self.require(builder, less_equal, operands, message)
            return where
        if where is None or not counts.never_less(where, 0):
            now, count = rename(index, self.names), counts.value(builder, length)
            (negative,) = builder.add(subtract, (const(0), count), {})
            self.require(builder, less_equal, (negative, now), message)
            self.require(builder, less, (now, count), message)
            assert isinstance(now, Value)
            return now
        if not counts.never_less(affine((length, 1), (where, -1)), 1):
            operands = counts.value(builder, where), counts.value(builder, length)
            self.require(builder, less, operands, message)
        return where

    def element(self, builder: Builder, xs: Value, place: Dim | Value, out: Value) -> Operand:
        """The element with that number."""
        entry, kind = self.entries[xs], out.type
        if isinstance(entry, Items):
            if not isinstance(place, int) or not 0 <= place < len(entry.items):
                raise Failed(self.found[xs].number)
            return entry.items[place]
        if isinstance(place, Value):
            array, where = self.first(builder, entry), (place,)
        else:
            array, where = entry.array, (self.counts.value(builder, place),)
        assert isinstance(kind, ArrayType)
        if kind.kind != "py":
            return read_element(builder, array, where, out.hint)
        return as_python(builder, read_element(builder, array, where), out.hint)

    def written(
        self, builder: Builder, xs: Value, place: Dim | Value, value: Operand, op: Op
    ) -> Items | Rows:
        """The list with an element set or added to."""
        entry = self.entries[xs]
        if isinstance(entry, Items) and op is update and isinstance(place, int):
            items = list(entry.items)
            items[place] = value
            return Items(tuple(items))
        rows = self.rows(builder, xs)
        if not isinstance(place, Value):
            where = self.counts.value(builder, place)
        elif rows.room == rows.length:
            where = place
        else:  # behind the list there may be more rows
            length = self.counts.value(builder, rows.length)
            (where,) = builder.add(from_start, (place, length), {})
        array = write_element(builder, rows.array, value, (where,), hint_of(rows.array), op)
        return replace(rows, array=array)
