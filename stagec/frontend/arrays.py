"""Arrays in the abstract store: reading and writing through references, subscripts to paths."""

from __future__ import annotations

import operator
import types
from typing import Any

import numpy as np

from stagec.errors import Loc, StagecError
from stagec.frontend.machine import AliasClash, Machine, Raised
from stagec.frontend.raising import unwatched
from stagec.frontend.state import State
from stagec.frontend.values import (
    ArrayCell,
    ArrayRef,
    Items,
    Known,
    Number,
    RangeValue,
    Ref,
    SliceValue,
    StagedItems,
    TupleValue,
    Value,
)
from stagec.ir.core import Const, Operand, const
from stagec.ir.path import Arg, Index, Item, NewAxis, Path, Slice, shift
from stagec.ir.types import ArrayType, ListType, Type
from stagec.ops import indexing
from stagec.ops.arithmetic import Handle, negative
from stagec.ops.cast import astype, number_type
from stagec.ops.list_arrays import list_stack
from stagec.ops.paths import is_view, path_type


def cell_of(state: State, ref: ArrayRef, loc: Loc | None = None) -> ArrayCell:
    """The cell behind the reference; refuses one whose memory may have changed since."""
    cell = state.cells[ref.cell]
    assert isinstance(cell, ArrayCell)
    for number, then in cell.shares:
        other = state.cells.get(number)
        if isinstance(other, ArrayCell) and other.operand is not then:
            raise AliasClash(
                "SC310",
                "this name may or may not refer to an array that was written to meanwhile",
                loc,
                "take a copy where the name is assigned: `y = x.copy()`",
            )
    return cell


def handle_of(m: Machine, state: State, ref: ArrayRef, loc: Loc | None = None) -> Handle:
    """A handle on the present value of the array or view."""
    base = m.handle(state, cell_of(state, ref, loc).operand)
    if not ref.path:
        return base
    with unwatched(m):  # its indices were looked at where it was made
        return indexing.read_at(base, ref.path, *(m.handle(state, o) for o in ref.index))


def type_of(state: State, ref: ArrayRef) -> ArrayType:
    """The type of the array or view."""
    cell = state.cells[ref.cell]
    assert isinstance(cell, ArrayCell)
    base = cell.operand.type
    assert isinstance(base, ArrayType)
    return path_type(base, ref.path, tuple(o.type for o in ref.index)) if ref.path else base  # type: ignore[misc]


def opposite(m: Machine, state: State, ref: ArrayRef, value: Any) -> Any:
    """What added into the array subtracts the value.

    The opposite of an unsigned number wraps around, and truths have none: both are converted
    before, as NumPy does.
    """
    dtype, value = type_of(state, ref).dtype, m.lift(state, value)
    kind = number_type(value)
    if not kind.weak and kind.dtype.kind in "ub" and kind.dtype != dtype:
        value = astype(value, dtype=dtype)
    return negative(value)


def store(
    m: Machine, state: State, ref: ArrayRef, value: Any, loc: Loc | None, path: Path = (),
    index: tuple[Operand, ...] = (), accumulate: bool = False,
) -> None:  # fmt: skip
    """Write `value` (a handle or number) where `ref` and then `path` point."""
    cell = cell_of(state, ref, loc)
    if cell.listed:
        raise AliasClash(
            "SC314",
            "an element of a list of run-time length cannot be written to",
            loc,
            "keep a copy in the list: `ys.append(y.copy())`; copy what is taken out of it",
        )
    live = tuple(s for s in cell.shares if s[0] in state.cells)
    if live:
        raise AliasClash(
            "SC311",
            "this may be, or have elements of, another array, so it cannot be written to",
            loc,
            "write to that array itself, or take a copy where this is made: `y = x.copy()`",
        )
    full = (*ref.path, *shift(path, len(ref.index)))
    handles = [m.handle(state, o) for o in (*ref.index, *index)]
    base = m.handle(state, cell.operand)
    write = indexing.accumulate_at if accumulate else indexing.update_at
    try:
        new = write(base, value, full, *handles).operand
    except TypeError as error:
        help = "assign a number, or an array that broadcasts to the part"
        raise StagecError("SC322", str(error), loc, help) from None
    m.name(new, m.name_of(cell.operand))
    state.cells[ref.cell] = ArrayCell(new, cell.shares, cell.external)


class Subscript:
    """A subscript as a path: its items, and the operands they mention."""

    def __init__(self, m: Machine, state: State, loc: Loc | None) -> None:
        self.m = m
        self.state = state
        self.loc = loc
        self.items: list[Item] = []
        self.operands: list[Operand] = []
        self.alone = True  # whether all but one of the items are slices

    def arg(self, operand: Operand) -> Arg:
        self.operands.append(operand)
        return Arg(len(self.operands) - 1)

    def own_index(self, value: Value) -> Value:
        """What `__index__` of the class gives where the value is an object that has one."""
        method = getattr(value.cls, "__index__", None) if isinstance(value, Ref) else None
        if not isinstance(value, Ref) or not isinstance(method, types.FunctionType):
            return value
        self.m.guard_method(value.cls, "__index__")
        return self.m.call_value(self.state, method, (value,), {}, self.loc)

    def bound(self, value: Value) -> int | Arg | None:
        """A bound of a slice."""
        value = self.own_index(value)
        if isinstance(value, Known):
            plain = self.m.guard(value)
            if isinstance(plain, float):
                words = "slice indices must be integers or None or have an __index__ method"
                raise Raised(TypeError(words))
            return None if plain is None else operator.index(plain)
        if isinstance(value, Number):
            known = value.operand.value if isinstance(value.operand, Const) else None
            return self.arg(value.operand) if known is None else int(known)
        if isinstance(value, ArrayRef):
            return self.arg(handle_of(self.m, self.state, value, self.loc).operand)
        raise self.refuse("this is not a slice bound")

    def refuse(self, what: str) -> StagecError:
        return StagecError("SC312", what, self.loc, "index with integers, slices or arrays")

    def add(self, value: Value, rank: int, others: int) -> None:
        """One item of the subscript; `others` items are of other axes."""
        value = self.own_index(value)
        match value:
            case SliceValue(start, stop, step):
                self.items.append(Slice(*(self.bound(p) for p in (start, stop, step))))
            case Known():
                self.known(self.m.guard(value), rank, others)
            case Number(operand):
                self.items.append(
                    int(operand.value) if isinstance(operand, Const) else self.arg(operand)
                )
            case ArrayRef():
                self.items.append(
                    self.arg(handle_of(self.m, self.state, value, self.loc).operand)
                )
            case Ref() | TupleValue() | RangeValue():
                self.positions(value)
            case _:
                raise self.refuse("this cannot index an array")

    def positions(self, value: Value) -> None:
        """A list of positions; an empty one picks nothing."""
        array: Any = self.integers(value)
        plain = isinstance(value, Ref) and not issubclass(value.cls, list)
        if array is None and plain:
            raise self.refuse("this object cannot index an array")
        if array is None:
            array = self.m.as_array(self.state, value, self.loc)
        if not isinstance(array, np.ndarray):
            self.items.append(self.arg(array.operand))
        elif not self.alone:
            raise self.refuse("an empty list beside another index")
        else:
            self.items.append(Slice(0, 0))

    def integers(self, value: Value) -> Handle | None:
        """A list of integers of run-time length as an array; None of anything else."""
        content = self.m.inside(self.state, value) if isinstance(value, Ref) else None
        kind = content.operand.type if isinstance(content, StagedItems) else None
        number = kind.element if isinstance(kind, ListType) else None
        if not isinstance(number, ArrayType) or number.rank or number.dtype.kind not in "iu":
            return None
        assert isinstance(content, StagedItems)
        return list_stack(self.m.handle(self.state, content.operand), dtype=number.dtype)

    def known(self, plain: Any, rank: int, others: int) -> None:
        if plain is None:
            self.items.append(NewAxis())
        elif plain is Ellipsis:
            self.items += [Slice()] * (rank - others)
        elif isinstance(plain, slice):
            bounds = (plain.start, plain.stop, plain.step)
            self.items.append(Slice(*(self.bound(Known(b)) for b in bounds)))
        elif isinstance(plain, bool | np.bool_):
            self.items.append(self.arg(const(bool(plain))))
        elif isinstance(plain, list | tuple | range | np.ndarray):
            self.positions(Known(plain))
        elif hasattr(type(plain), "__index__"):
            index: Any = self.m.host(self.state, operator.index, [plain], {}, self.loc)
            self.items.append(index.value)
        else:
            raise self.refuse(f"a {type(plain).__name__} cannot index an array")


def subscript(
    m: Machine, state: State, key: Value, rank: int, loc: Loc | None
) -> tuple[Path, tuple[Operand, ...]]:
    """The path that `a[key]` takes into an array of the rank."""
    parts = key.items if isinstance(key, TupleValue) else (key,)
    if isinstance(key, Known) and isinstance(key.value, tuple):
        parts = tuple(Known(v) for v in m.guard(key))
    sub = Subscript(m, state, loc)
    sub.alone = sum(not is_slice(p) for p in parts) == 1
    used = sum(consumes(state, p) for p in parts)
    if used > rank:
        kind = f"array is {rank}-dimensional, but {used} were indexed"
        raise Raised(IndexError(f"too many indices for array: {kind}"))
    for part in parts:
        sub.add(part, rank, used)
    while sub.items and sub.items[-1] == Slice():
        sub.items.pop()
    return (Index(tuple(sub.items)),) if sub.items or parts == () else (), tuple(sub.operands)


def is_slice(part: Value) -> bool:
    """Whether an item of a subscript keeps axes as they are, or adds one."""
    known = isinstance(part, Known) and (
        part.value is None or part.value is Ellipsis or isinstance(part.value, slice)
    )
    return known or isinstance(part, SliceValue)


def consumes(state: State, part: Value) -> int:
    """How many axes the item of a subscript takes."""
    if isinstance(part, Known):
        if part.value is None or part.value is Ellipsis:
            return 0
        if isinstance(part.value, bool | np.bool_):
            return 0
        array = part.value
        return array.ndim if isinstance(array, np.ndarray) and array.dtype == bool else 1
    if isinstance(part, ArrayRef):
        kind = type_of(state, part)
        return kind.rank if kind.dtype.kind == "b" else 1
    return int(not (isinstance(part, Number) and is_truth(part.operand.type)))


def is_truth(kind: Type) -> bool:
    """Whether values of the type are True and False, which make a mask without axes."""
    return isinstance(kind, ArrayType) and kind.dtype.kind == "b"


def read_subscript(
    m: Machine, state: State, ref: ArrayRef, key: Value, loc: Loc | None
) -> Value:
    """`a[key]`: a view stays a reference, anything else is a new value."""
    base = type_of(state, ref)
    path, index = subscript(m, state, key, base.rank, loc)
    full = (*ref.path, *shift(path, len(ref.index)))
    operands = (*ref.index, *index)
    types = tuple(o.type for o in operands)
    if is_view(full, types):  # type: ignore[arg-type]
        kind = path_type(base, path, tuple(o.type for o in index))  # type: ignore[misc]
        if kind.kind == "array":
            if m.defs.watch is not None:  # the index is looked at here, not where it is read
                part = (m.handle(state, o) for o in index)
                indexing.read_at(handle_of(m, state, ref, loc), path, *part)
            return ArrayRef(ref.cell, full, operands)
    base_handle = handle_of(m, state, ref, loc)
    try:
        got = indexing.read_at(base_handle, path, *(m.handle(state, o) for o in index))
    except TypeError as error:
        help = "index with arrays that broadcast to one shape"
        raise StagecError("SC322", f"index: {error}", loc, help) from None
    return m.sized(state, m.wrap(state, got))


def write_subscript(
    m: Machine, state: State, ref: ArrayRef, key: Value, value: Any, loc: Loc | None
) -> None:
    """`a[key] = value`."""
    path, index = subscript(m, state, key, type_of(state, ref).rank, loc)
    store(m, state, ref, value, loc, path, index)


def items_of(state: State, ref: Ref) -> tuple[Value, ...] | None:
    """The items of a list of known length; None for one of staged length."""
    content = state.cells[ref.cell]
    return content.items if isinstance(content, Items) else None
