"""The form that a list has once it is flat, and what its ops become."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from stagec.ir.build import Builder
from stagec.ir.core import Operand, Value, known
from stagec.ir.types import ArrayType
from stagec.ops.extent import extent, place
from stagec.ops.lists import list_append, list_get, list_length
from stagec.opt.elements import Lengths, as_python, read_element, write_element


class Refused(Exception):
    """The list is used in a way that its flat form has no words for."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The part `array[index]` of an array with an axis for each loop that records.

    `trips` are the lengths of these axes; `ragged` says of which other axes an element may have
    a part only, which begins at their start.
    """

    array: Operand
    index: tuple[Operand, ...]
    trips: tuple[Operand, ...]
    ragged: tuple[bool, ...] = ()

    def appended(self, builder: Builder, value: Operand, trip: Operand) -> Rows:
        """The list with one more element, that of the trip."""
        where = (*self.index, trip)
        lengths = [
            builder.add(extent, (value,), {"axis": k})[0] if part else None
            for k, part in enumerate(self.ragged)
        ]
        hint = hint_of(self.array)
        array = write_element(builder, self.array, value, where, hint, lengths=lengths)
        return replace(self, array=array)

    def began(self, builder: Builder, trip: Operand) -> Rows:
        """The empty list that goes into this one on the trip."""
        return replace(self, index=(*self.index, trip))

    def joined(self, builder: Builder, inner: Rows) -> Rows:
        """The list after `inner` has been put into it."""
        return replace(self, array=inner.array)

    def inner(self, builder: Builder, index: Operand) -> Rows:
        """The list with that number in this one."""
        return replace(self, index=(*self.index, index))

    def element(
        self, builder: Builder, index: Operand, out: Value, lengths: Lengths
    ) -> Operand:
        """The element with that number, and with these lengths of its ragged axes."""
        kind = out.type
        assert isinstance(kind, ArrayType)
        where = (*self.index, index)
        if kind.kind != "py":
            return read_element(builder, self.array, where, out.hint, lengths)
        return as_python(builder, read_element(builder, self.array, where), out.hint)

    def length(self, builder: Builder) -> Operand:
        """The length after the loop."""
        return self.trips[len(self.index)]

    def parts(self) -> list[Operand]:
        """What stands for the list where it is carried."""
        return [self.array]

    def remade(self, parts: Sequence[Operand]) -> Rows:
        """The list with other parts."""
        return replace(self, array=parts[0])

    def begins_with(self, other: Entry) -> bool:
        """Whether it begins where the other does."""
        return isinstance(other, Rows) and self.index == other.index


@dataclass(frozen=True, slots=True)
class Run:
    """The elements of the list `items` from number `start` on.

    A list of lists is that of the starts of the runs, whose elements are in `nested`.
    """

    items: Operand
    start: Operand
    nested: Run | None = None
    whole: bool = True

    def appended(self, builder: Builder, value: Operand, trip: Operand) -> Run:
        """The list with one more element."""
        (items,) = builder.add(list_append, (self.items, value), {}, hint_of(self.items))
        return replace(self, items=items)

    def began(self, builder: Builder, trip: Operand) -> Run:
        """The empty list that goes into this one next."""
        if self.nested is None:
            raise Refused
        (start,) = builder.add(list_length, (self.nested.items,), {}, "start")
        return replace(self.nested, start=start)

    def joined(self, builder: Builder, inner: Run) -> Run:
        """The list after `inner` has been put into it."""
        (items,) = builder.add(list_append, (self.items, inner.start), {}, hint_of(self.items))
        return replace(self, items=items, nested=inner)

    def inner(self, builder: Builder, index: Operand) -> Run:
        """The list with that number in this one."""
        if self.nested is None:
            raise Refused
        (start,) = builder.add(list_get, (self.items, self.at(builder, index)), {}, "start")
        return replace(self.nested, start=start, whole=False)

    def at(self, builder: Builder, index: Operand) -> Operand:
        """Where the element with that number is."""
        if known(self.start) == 0:
            return index
        return builder.add(place, (self.start, index), {})[0]

    def element(
        self, builder: Builder, index: Operand, out: Value, lengths: Lengths
    ) -> Operand:
        """The element with that number."""
        return builder.add(list_get, (self.items, self.at(builder, index)), {}, out.hint)[0]

    def length(self, builder: Builder) -> Operand:
        """The length of the list."""
        if not self.whole or known(self.start) != 0:
            raise Refused
        return builder.add(list_length, (self.items,), {})[0]

    def parts(self) -> list[Operand]:
        """What stands for the list where it is carried."""
        if not self.whole:
            raise Refused
        return [self.items, *([] if self.nested is None else self.nested.parts())]

    def remade(self, parts: Sequence[Operand]) -> Run:
        """The list with other parts."""
        nested = None if self.nested is None else self.nested.remade(parts[1:])
        return replace(self, items=parts[0], nested=nested)

    def begins_with(self, other: Entry) -> bool:
        """Whether it begins where the other does."""
        return isinstance(other, Run) and self.start == other.start


Entry = Rows | Run


def hint_of(operand: Operand) -> str:
    """The name that the operand wishes for."""
    return operand.hint if isinstance(operand, Value) else ""
