"""Merging paths: two states into one, and a tree of paths into a single path.

A join never forces a common type: where there is none it raises `Unjoinable`, and the caller
keeps the paths apart.  Planning is pure; statements are only added by committing a plan.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any, cast

import numpy as np

from stagec.frontend.machine import AliasClash, Machine
from stagec.frontend.positions import alike
from stagec.frontend.sizes import joined_sizes
from stagec.frontend.state import State
from stagec.frontend.tables import Listed, Table, tables
from stagec.frontend.unify import (
    NUMBERS,
    TEXTS,
    DifferentTexts,
    Unjoinable,
    as_operand,
    cells_in,
    common_type,
    convert,
    describe,
    element_emitter,
    element_of,
    element_type,
    holds_lists,
    join_types,
    names_inside,
    nested_element,
    references,
    same_abstract,
    unsized,
    with_parts,
)
from stagec.frontend.values import (
    ArrayCell,
    ArrayRef,
    Columns,
    Content,
    Fields,
    FunctionValue,
    Items,
    Known,
    Maybe,
    Number,
    Outside,
    Ref,
    Row,
    StagedItems,
    StagedList,
    TupleValue,
    Value,
    has_parts,
)
from stagec.ir.core import Const, Operand, Undef, Value as Staged, const
from stagec.ir.types import ArrayType, Dim, ListType, Size, Type
from stagec.ops import lists
from stagec.ops.indexing import read_at
from stagec.ops.paths import path_type

Emit = Callable[[State], Operand]


@dataclass(slots=True)
class Phi:
    """A value that is `left` on one path and `right` on the other."""

    out: Staged
    left: Emit
    right: Emit


@dataclass(slots=True)
class Join:
    """Merges the cells of `left` and `right` into `cells`, collecting `phis`.

    `loop` is set when `left` enters a loop and `right` comes round to its head; `force` widens
    lists of different lengths to lists of run-time length, and lets arrays from outside join.
    """

    machine: Machine
    left: State
    right: State
    depth: int
    force: bool = False
    loop: bool = False
    cells: dict[int, Content] = field(default_factory=dict[int, Content])
    phis: list[Phi] = field(default_factory=list[Phi])
    merged: dict[tuple[int, int], int] = field(default_factory=dict[tuple[int, int], int])
    views: dict[tuple[ArrayRef, ArrayRef], int] = field(
        default_factory=dict[tuple[ArrayRef, ArrayRef], int]
    )
    # what a merged array may be the memory of: the arrays of each path, as they are there
    sharing: dict[int, list[tuple[State, tuple[tuple[int, Operand], ...]]]] = field(
        default_factory=dict[int, list[tuple[State, tuple[tuple[int, Operand], ...]]]]
    )
    # the elements of lists that become lists of run-time length
    listed: set[int] = field(default_factory=set[int])
    # arrays that are one operand whatever the exit
    common: dict[int, Operand] = field(default_factory=dict[int, Operand])
    hint: str = ""
    # whether the list that is merged is found to be one of lists
    nested: bool = False

    def run(self, names: dict[int, str], dropped: set[int]) -> None:
        """Merge every cell that both paths can still refer to; `names` are variable names."""
        both = self.left.cells.keys() | self.right.cells.keys()
        hints = {**names_inside(self.left, names), **names}
        for cell in sorted(both):
            if cell in dropped:
                continue
            self.hint = hints.get(cell, "")
            shared = self.machine.shared_cells.get(cell)
            a, b = self.left.cells.get(cell, shared), self.right.cells.get(cell, shared)
            if a is b and a is not None:
                self.cells.setdefault(cell, a)
            elif a is None or b is None:
                if cell in names or cell in self.machine.unflagged:
                    self.one_sided(cell, a, b)
            else:
                self.cells[cell] = self.content(cell, a, b)
        self.hint = ""
        self.settle()

    def one_sided(self, cell: int, a: Content | None, b: Content | None) -> None:
        """A variable that only one path has set."""
        present = a if a is not None else b
        assert present is not None
        if cell in self.machine.unflagged:
            self.one_cell(cell, present, a is not None)
            return
        value = present.value if isinstance(present, Maybe) else present
        known_flag = present.flag if isinstance(present, Maybe) else const(True)
        flags = (known_flag, const(False)) if a is not None else (const(False), known_flag)
        flag = self.operand(*flags)
        self.cells[cell] = Maybe(flag, self.only(value, a is not None))  # type: ignore[arg-type]

    # -- contents -------------------------------------------------------------------------

    def content(self, cell: int, a: Content, b: Content) -> Content:
        """The merged content of one cell."""
        if isinstance(a, Row) != isinstance(b, Row):
            a, b = element_of(self.left, cell, a, b), element_of(self.right, cell, b, a)
        match a, b:
            case ArrayCell(), ArrayCell():
                return self.array_cell(cell, a, b)
            case ((Items() | StagedItems() | Columns()), (Items() | StagedItems() | Columns())):
                merged = self.items(a, b)
                if self.nested:
                    self.machine.nesting.places.setdefault(cell, self.place())
                    self.nested = False
                return merged
            case Fields(), Fields():
                return self.fields(a, b)
            case Row(), Row():
                where = (a.index, b.index)
                index = None if None in where else self.operand(*where)  # type: ignore[arg-type]
                return Row(self.value(a.owner, b.owner), index)  # type: ignore[arg-type]
            case Outside(), Outside():
                return Outside(a.base, self.fields(a.written, b.written))
            case Maybe(), _:
                return self.maybe(a, b if isinstance(b, Maybe) else Maybe(const(True), b))  # type: ignore[arg-type]
            case _, Maybe():
                return self.maybe(Maybe(const(True), a), b)  # type: ignore[arg-type]
            case _:
                return self.value(a, b)  # type: ignore[arg-type]

    def maybe(self, a: Maybe, b: Maybe) -> Maybe:
        return Maybe(self.operand(a.flag, b.flag), self.value(a.value, b.value))

    def array_cell(self, cell: int, a: ArrayCell, b: ArrayCell) -> ArrayCell:
        if a == b:
            return a
        self.sharing[cell] = [(self.left, a.shares), (self.right, b.shares)]
        operand = self.common.get(cell) or self.array(a.operand, b.operand)
        return ArrayCell(operand, (), a.external or b.external, a.listed or b.listed)

    def items(self, a: Listed, b: Listed) -> Listed:
        if isinstance(a, Items) and isinstance(b, Items) and len(a.items) == len(b.items):
            return Items(tuple(map(self.value, a.items, b.items)))
        if isinstance(a, StagedItems) and isinstance(b, StagedItems):
            return StagedItems(self.array(a.operand, b.operand))
        kept = isinstance(a, Columns) and isinstance(b, Columns)
        if not self.force and not kept and not (holds_lists(a) or holds_lists(b)):
            raise Unjoinable("lists of different lengths")
        if (pair := tables(self.machine, a, b)) is not None:
            return self.columns(*pair)
        assert not isinstance(a, Columns)
        assert not isinstance(b, Columns)
        element = self.element(a, b)
        self.listed.update(cells_in((a, b)))
        out = Staged(ListType(element))
        self.machine.name(out, self.hint)
        left = self.list_emitter(a, element, self.left)
        right = self.list_emitter(b, element, self.right)
        self.phis.append(Phi(out, left, right))
        return StagedItems(out)

    def columns(self, a: Table, b: Table) -> Columns:
        """Two lists of tuples as one: the lists for each position are merged."""
        hint = self.hint
        made: list[StagedList] = []
        for k, (left, right) in enumerate(zip(a.columns, b.columns, strict=True)):
            self.hint = hint and f"{hint}_{a.name(k)}"
            merged = self.items(left, right)
            assert not isinstance(merged, Items)
            made.append(merged)
        self.hint = hint
        return Columns(tuple(made), a.cls)

    def element(self, a: Items | StagedItems, b: Items | StagedItems) -> Type:
        """The common type of the elements of two lists."""
        found: list[Type | None] = []
        for side, state in ((a, self.left), (b, self.right)):
            if isinstance(side, StagedItems):
                assert isinstance(side.operand.type, ListType)
                found.append(side.operand.type.element)
            else:
                found += [element_type(state, v) for v in side.items]
        common = common_type(found)
        if None in found or isinstance(common, ListType):
            common = nested_element(self.machine, self.place(), common)
            self.nested = True
        if common is None:
            raise Unjoinable("an empty list of unknown element type")
        return common

    def place(self) -> Any:
        """What tells the list that is merged from others, when this is staged again."""
        loc = self.right.builder.loc
        return (loc and (loc.file, loc.line, loc.column), self.hint)

    def list_emitter(self, side: Items | StagedItems, element: Type, state: State) -> Emit:
        if isinstance(side, StagedItems):
            join_types(side.operand.type, ListType(element))
            return lambda at: convert(self.machine, at, side.operand, ListType(element))
        items = [element_emitter(self.machine, state, v) for v in side.items]

        def emit(at: State) -> Operand:
            converted = [item(at, element) for item in items]
            attrs: dict[str, Any] = {"element": element}
            return at.builder.add(lists.list_new, converted, attrs)[0]

        return emit

    def fields(self, a: Fields, b: Fields) -> Fields:
        if [k for k, _ in a.items] != [k for k, _ in b.items]:
            raise Unjoinable("different keys or attributes")
        made: list[tuple[Any, Value]] = []
        for (k, v), (_, w) in zip(a.items, b.items, strict=True):
            self.hint = k if isinstance(k, str) else ""
            made.append((k, self.value(v, w)))
        return Fields(tuple(made))

    # -- values ---------------------------------------------------------------------------

    def value(self, a: Value, b: Value) -> Value:
        """The merged value; raises Unjoinable where there is no common type."""
        if a is b or same_abstract(a, b):
            return a
        if self.force and is_array(a) and is_array(b):
            a, b = self.captured(self.left, a), self.captured(self.right, b)
        match a, b:
            case ((Known() | Number()), (Known() | Number())):
                return self.number(a, b)
            case ArrayRef(), ArrayRef():
                return self.array_ref(a, b)
            case TupleValue(), TupleValue() if len(a.items) == len(b.items) and a.cls is b.cls:
                return TupleValue(tuple(map(self.value, a.items, b.items)), a.cls)
            case Ref(), Ref() if a.cls is b.cls:
                return Ref(self.container(a.cell, b.cell), a.cls)
            case FunctionValue(), _:
                raise Unjoinable("different functions")
            case _ if type(a) is type(b) and has_parts(a):
                parts = {f.name: getattr(a, f.name) for f in fields(a)}
                return replace(a, **{k: self.part(v, getattr(b, k)) for k, v in parts.items()})
            case _:
                raise Unjoinable(f"{describe(a)} on one path, {describe(b)} on the other")

    def captured(self, state: State, value: Value) -> Value:
        """The value, an array from outside as a hidden input."""
        if not isinstance(value, Known):
            return value
        ref: ArrayRef = self.machine.captured_array(state, value, None)
        self.cells.setdefault(ref.cell, state.cells[ref.cell])
        return ref

    def part(self, a: Any, b: Any) -> Any:
        if isinstance(a, tuple) and isinstance(b, tuple) and len(a) == len(b):
            return tuple(map(self.part, a, b))
        if a is b or (isinstance(a, bool) and a == b):
            return a
        return self.value(cast(Value, a), cast(Value, b))

    def number(self, a: Known | Number, b: Known | Number) -> Value:
        for side in (a, b):
            if isinstance(side, Known) and not isinstance(side.value, NUMBERS):
                raise Unjoinable(f"{describe(a)} on one path, {describe(b)} on the other")
        texts = all(isinstance(v, Known) and isinstance(v.value, str) for v in (a, b))
        if texts and not (self.force and TEXTS in self.machine.decisions):
            raise DifferentTexts("different strings")
        for side in (a, b):
            if isinstance(side, Known):
                self.machine.guard(side)
        return Number(self.operand(as_operand(a), as_operand(b)))

    def operand(self, a: Operand, b: Operand) -> Operand:
        """The merged operand of two rank-0 operands."""
        if a is b or (isinstance(a, Const) and a == b):
            return a
        kind = join_types(a.type, b.type)
        return self.phi(kind, a, b)

    def array(self, a: Operand, b: Operand) -> Operand:
        """The merged operand of two arrays or lists."""
        if a is b:
            return a
        joined_sizes(self.machine, a.type, b.type)
        return self.phi(join_types(a.type, b.type), a, b)

    def phi(self, kind: Type, a: Operand, b: Operand) -> Operand:
        out = Staged(kind)
        self.machine.name(out, self.hint or self.machine.name_of(a))
        machine = self.machine
        self.phis.append(
            Phi(
                out,
                lambda at: convert(machine, at, a, kind),
                lambda at: convert(machine, at, b, kind),
            )
        )
        return out

    def array_ref(self, a: ArrayRef, b: ArrayRef) -> ArrayRef:
        if a.path != b.path or len(a.index) != len(b.index):
            opened = alike(a, b)
            if opened is None:
                return self.view(a, b)
            a, b = opened
        index = tuple(map(self.operand, a.index, b.index))
        if a.cell == b.cell:
            return ArrayRef(a.cell, a.path, index)
        return ArrayRef(self.array_cells(a.cell, b.cell), a.path, index)

    def view(self, a: ArrayRef, b: ArrayRef) -> ArrayRef:
        """Two different views: the value of either, read-only and while their arrays last."""
        if (a, b) in self.views:
            return ArrayRef(self.views[a, b])
        kinds, emits, sources = [], [], []
        for ref, state in ((a, self.left), (b, self.right)):
            cell = state.cells[ref.cell]
            assert isinstance(cell, ArrayCell)
            base = cell.operand.type
            assert isinstance(base, ArrayType)
            kinds.append(path_type(base, ref.path, tuple(o.type for o in ref.index)))  # type: ignore[misc]
            emits.append(partial(self.read, cell.operand, ref))
            own = ref.cell in self.left.cells or not self.loop
            sources.append((state, ((ref.cell, cell.operand), *cell.shares)[not own :]))
        out = Staged(join_types(kinds[0], kinds[1]))
        self.machine.name(out, self.hint)
        self.phis.append(Phi(out, emits[0], emits[1]))
        self.machine.cells += 1
        number = self.views[a, b] = self.machine.cells
        self.cells[number] = ArrayCell(out)
        self.sharing[number] = sources
        return ArrayRef(number)

    def read(self, base: Operand, ref: ArrayRef, at: State) -> Operand:
        handles = [self.machine.handle(at, o) for o in ref.index]
        return read_at(self.machine.handle(at, base), ref.path, *handles).operand

    def array_cells(self, a: int, b: int) -> int:
        """One cell for an array that is cell `a` on one path and cell `b` on the other."""
        if (a, b) in self.merged:
            return self.merged[a, b]
        left, right = self.left.cells[a], self.right.cells[b]
        assert isinstance(left, ArrayCell)
        assert isinstance(right, ArrayCell)
        self.machine.cells += 1
        cell = self.merged[a, b] = self.machine.cells
        left, right = replace(left, external=False), replace(right, external=False)
        self.cells[cell] = self.array_cell(cell, left, right)
        return cell

    def settle(self) -> None:
        """Mark the merged arrays that may be the memory of an array with another name."""
        arrays = {pair: cell for pair, cell in self.merged.items()
                  if isinstance(self.cells[cell], ArrayCell)}  # fmt: skip
        if not (arrays or self.sharing or self.listed):
            return
        contents = self.cells.values() if arrays else ()
        kept = {c for content in contents for c in cells_in(content)}
        kept |= {c for a in self.sharing.values() for _, found in a for c, _ in found}
        lefts = [a for a, _ in arrays]
        rights = [b for _, b in arrays]
        for (a, b), cell in arrays.items():
            for number, side, state in ((a, lefts, self.left), (b, rights, self.right)):
                own = state.cells[number]
                assert isinstance(own, ArrayCell)
                if own.external or number in kept or side.count(number) > 1:
                    self.sharing.setdefault(cell, []).append((state, ((number, own.operand),)))
        for cell, sources in self.sharing.items():
            content = self.cells[cell]
            assert isinstance(content, ArrayCell)
            shares = tuple(self.renewed(s, state) for state, found in sources for s in found)
            self.cells[cell] = replace(content, shares=tuple(dict.fromkeys(shares)))
        self.forget_nameless(list(self.sharing))
        for cell in self.listed:
            if isinstance(content := self.cells.get(cell), ArrayCell):
                self.cells[cell] = replace(content, listed=True)
            elif isinstance(content, Items | StagedItems):
                self.cells[cell] = Row(Ref(cell, list), None)

    def forget_nameless(self, cells: list[int]) -> None:
        """Arrays that may be the memory of one that has no name any more share each other's."""
        holders: dict[int, list[int]] = {}
        for cell in cells:
            for number, _ in self.shares_of(cell):
                if number not in self.cells:
                    holders.setdefault(number, []).append(cell)
        found: dict[int, Any] = {c: [] for held in holders.values() for c in held}
        for held in holders.values():
            for cell in held:
                found[cell] += [(c, self.array_of(c).operand) for c in held if c != cell]
        for cell, others in found.items():
            own = [s for s in self.shares_of(cell) if s[0] in self.cells]
            shares = tuple(dict.fromkeys((*own, *others)))
            self.cells[cell] = replace(self.array_of(cell), shares=shares)

    def array_of(self, cell: int) -> ArrayCell:
        """The merged array in the cell."""
        content = self.cells[cell]
        assert isinstance(content, ArrayCell)
        return content

    def shares_of(self, cell: int) -> tuple[tuple[int, Operand], ...]:
        return self.array_of(cell).shares

    def renewed(self, share: tuple[int, Operand], state: State) -> tuple[int, Operand]:
        """An array of one path as it is after the join; it must not have changed before."""
        number, then = share
        before, now = state.cells.get(number), self.cells.get(number)
        if isinstance(before, ArrayCell) and before.operand is not then:
            raise self.clash()
        return (number, now.operand) if isinstance(now, ArrayCell) else share

    def clash(self) -> Exception:
        """What to raise for a name of one of two arrays that were written to."""
        if self.loop:
            return AliasClash(
                "SC313", "a name stands for one of two arrays that this loop writes to",
                self.right.builder.loc, "take a copy before the loop",
            )  # fmt: skip
        return Unjoinable("a name for one of two arrays that were written to")

    def container(self, a: int, b: int) -> int:
        """One cell for a container that is cell `a` on one path and cell `b` on the other."""
        if a == b:
            return a
        if (a, b) in self.merged:
            return self.merged[a, b]
        if references(self.left, a) > 1 or references(self.right, b) > 1:
            raise Unjoinable("a name for one of two lists, dicts or objects")
        self.machine.cells += 1
        cell = self.merged[a, b] = self.machine.cells
        if not {a, b}.isdisjoint(self.machine.owned | self.machine.borrowed):
            self.machine.borrowed.add(cell)
        self.cells[cell] = self.content(cell, self.left.cells[a], self.right.cells[b])
        return cell

    # -- values of one path only ----------------------------------------------------------

    def one_cell(self, cell: int, content: Content, left: bool) -> None:
        """A cell of one path only."""
        if isinstance(content, ArrayCell) and content.shares:
            self.sharing[cell] = [(self.left if left else self.right, content.shares)]
            content = replace(content, shares=())
        if isinstance(content, ArrayCell) and cell in self.common:
            self.cells[cell] = replace(content, operand=self.common[cell])
        else:
            self.cells[cell] = self.only(content, left)

    def only(self, content: Any, left: bool) -> Any:
        """The content with every operand of the inner block passed out, undefined elsewhere."""
        if isinstance(content, Staged):
            return self.pass_out(content, left)
        if isinstance(content, ArrayRef | Ref):
            state = self.left if left else self.right
            other = self.right if left else self.left
            if content.cell not in other.cells and content.cell not in self.cells:
                self.one_cell(content.cell, state.cells[content.cell], left)
        return with_parts(content, lambda part: self.only(part, left))

    def outer(self, dim: Dim) -> Dim:
        """The size of an axis, unless each trip finds it anew."""
        depths = self.machine.symbol_depth
        terms = dim.terms if isinstance(dim, Size) else ()
        return None if any(depths.get(s, 0) > self.depth for s, _ in terms) else dim

    def pass_out(self, operand: Staged, left: bool) -> Operand:
        if self.machine.defs.depth.get(operand, 0) <= self.depth and not self.loop:
            return operand
        for phi in self.phis:
            if (phi.left if left else phi.right) is operand:
                return phi.out
        kind = unsized(operand.type)
        if self.loop and isinstance(kind, ArrayType):
            kind = replace(kind, shape=tuple(map(self.outer, kind.shape)))
        out = Staged(kind)
        self.machine.name(out, self.machine.name_of(operand) or self.hint)
        here: Emit = lambda at: operand
        there: Emit = lambda at: Undef(kind)
        self.phis.append(Phi(out, *((here, there) if left else (there, here))))
        return out


def is_array(value: Value) -> bool:
    """Whether the value is an array, staged or from outside."""
    return isinstance(value, ArrayRef) or (
        isinstance(value, Known) and isinstance(value.value, np.ndarray)
    )
