"""Merging paths: two states into one, and a tree of paths into a single path.

A join never forces a common type: where there is none it raises `Unjoinable`, and the caller
keeps the paths apart.  Planning is pure; statements are only added by committing a plan.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from stagec.errors import Loc
from stagec.frontend.machine import AliasClash, Machine, equal_known
from stagec.frontend.state import Branch, Exit, Leaf, State, Tree
from stagec.frontend.values import (
    ArrayCell,
    ArrayRef,
    Content,
    Fields,
    FunctionValue,
    Items,
    Known,
    Maybe,
    Number,
    Outside,
    Ref,
    StagedItems,
    TupleValue,
    Value,
)
from stagec.ir.core import Const, If, Operand, Undef, Value as Staged, const
from stagec.ir.types import BOOL, ArrayType, ListType, Type, same
from stagec.ops import cast, form, lists
from stagec.ops.indexing import read_at
from stagec.ops.paths import path_type

Emit = Callable[[State], Operand]
NUMBERS = (bool, int, float, complex, np.generic, str)


class Unjoinable(Exception):
    """Two paths disagree about a value that has no common type."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


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
    lists of different lengths to lists of run-time length.
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
    hint: str = ""

    def run(self, names: dict[int, str], dropped: set[int]) -> None:
        """Merge every cell that both paths can still refer to; `names` are variable names."""
        both = self.left.cells.keys() | self.right.cells.keys()
        for cell in sorted(both):
            if cell in dropped:
                continue
            self.hint = names.get(cell, "")
            shared = self.machine.shared_cells.get(cell)
            a, b = self.left.cells.get(cell, shared), self.right.cells.get(cell, shared)
            if a is b and a is not None:
                self.cells.setdefault(cell, a)
            elif a is None or b is None:
                if cell in names or cell in self.machine.unflagged:
                    self.one_sided(cell, a, b)
            else:
                self.cells[cell] = self.content(a, b)
        self.hint = ""
        self.settle()

    def one_sided(self, cell: int, a: Content | None, b: Content | None) -> None:
        """A variable that only one path has set."""
        present = a if a is not None else b
        assert present is not None
        if cell in self.machine.unflagged:
            self.cells[cell] = self.only(present, a is not None)
            return
        value = present.value if isinstance(present, Maybe) else present
        known_flag = present.flag if isinstance(present, Maybe) else const(True)
        flags = (known_flag, const(False)) if a is not None else (const(False), known_flag)
        flag = self.operand(*flags)
        self.cells[cell] = Maybe(flag, self.only(value, a is not None))  # type: ignore[arg-type]

    # -- contents -------------------------------------------------------------------------

    def content(self, a: Content, b: Content) -> Content:
        """The merged content of one cell."""
        match a, b:
            case ArrayCell(), ArrayCell():
                return self.array_cell(a, b)
            case ((Items() | StagedItems()), (Items() | StagedItems())):
                return self.items(a, b)
            case Fields(), Fields():
                return self.fields(a, b)
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

    def array_cell(self, a: ArrayCell, b: ArrayCell) -> ArrayCell:
        if a == b:
            return a
        shares = a.shares if a.shares == b.shares else (*a.shares, *b.shares)
        return ArrayCell(self.array(a.operand, b.operand), shares, a.external or b.external)

    def items(self, a: Items | StagedItems, b: Items | StagedItems) -> Items | StagedItems:
        if isinstance(a, Items) and isinstance(b, Items) and len(a.items) == len(b.items):
            return Items(tuple(map(self.value, a.items, b.items)))
        if isinstance(a, StagedItems) and isinstance(b, StagedItems):
            return StagedItems(self.array(a.operand, b.operand))
        if not self.force:
            raise Unjoinable("lists of different lengths")
        element = self.element(a, b)
        out = Staged(ListType(element))
        self.machine.name(out, self.hint)
        left = self.list_emitter(a, element, self.left)
        right = self.list_emitter(b, element, self.right)
        self.phis.append(Phi(out, left, right))
        return StagedItems(out)

    def element(self, a: Items | StagedItems, b: Items | StagedItems) -> Type:
        """The common type of the elements of two lists."""
        found: list[Type] = []
        for side, state in ((a, self.left), (b, self.right)):
            if isinstance(side, StagedItems):
                assert isinstance(side.operand.type, ListType)
                found.append(side.operand.type.element)
            else:
                found += [element_type(state, v) for v in side.items]
        if not found:
            raise Unjoinable("an empty list of unknown element type")
        common = found[0]
        for other in found[1:]:
            common = join_types(common, other)
        return common

    def list_emitter(self, side: Items | StagedItems, element: Type, state: State) -> Emit:
        if isinstance(side, StagedItems):
            return lambda at: side.operand
        operands = [element_operand(state, v) for v in side.items]

        def emit(at: State) -> Operand:
            converted = [convert(self.machine, at, o, element) for o in operands]
            attrs: dict[str, Any] = {"element": element}
            return at.builder.add(lists.list_new, converted, attrs)[0]

        return emit

    def fields(self, a: Fields, b: Fields) -> Fields:
        if [k for k, _ in a.items] != [k for k, _ in b.items]:
            raise Unjoinable("different keys or attributes")
        return Fields(
            tuple(
                (k, self.value(v, w)) for (k, v), (_, w) in zip(a.items, b.items, strict=True)
            )
        )

    # -- values ---------------------------------------------------------------------------

    def value(self, a: Value, b: Value) -> Value:
        """The merged value; raises Unjoinable where there is no common type."""
        if a is b or same_abstract(a, b):
            return a
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
            case _ if type(a) is type(b) and is_dataclass(a):
                parts = {f.name: getattr(a, f.name) for f in fields(a)}
                return replace(a, **{k: self.part(v, getattr(b, k)) for k, v in parts.items()})
            case _:
                raise Unjoinable(f"{describe(a)} on one path, {describe(b)} on the other")

    def part(self, a: Any, b: Any) -> Any:
        if isinstance(a, tuple) and isinstance(b, tuple) and len(a) == len(b):
            return tuple(map(self.part, a, b))
        if a is b or (isinstance(a, bool) and a == b):
            return a
        return self.value(a, b)

    def number(self, a: Known | Number, b: Known | Number) -> Value:
        for side in (a, b):
            if isinstance(side, Known) and not isinstance(side.value, NUMBERS):
                raise Unjoinable(f"{describe(a)} on one path, {describe(b)} on the other")
        if isinstance(a, Known) and isinstance(b, Known) and isinstance(a.value, str):
            raise Unjoinable("different strings")
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
        return a if a is b else self.phi(join_types(a.type, b.type), a, b)

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
            return self.view(a, b)
        index = tuple(map(self.operand, a.index, b.index))
        if a.cell == b.cell:
            return ArrayRef(a.cell, a.path, index)
        return ArrayRef(self.array_cells(a.cell, b.cell), a.path, index)

    def view(self, a: ArrayRef, b: ArrayRef) -> ArrayRef:
        """Two different views: the value of either, read-only and while their arrays last."""
        if (a, b) in self.views:
            return ArrayRef(self.views[a, b])
        kinds, emits, shares = [], [], []
        for ref, state in ((a, self.left), (b, self.right)):
            cell = state.cells[ref.cell]
            assert isinstance(cell, ArrayCell)
            base = cell.operand.type
            assert isinstance(base, ArrayType)
            kinds.append(path_type(base, ref.path, tuple(o.type for o in ref.index)))  # type: ignore[misc]
            emits.append(partial(self.read, cell.operand, ref))
            if ref.cell in self.left.cells or not self.loop:
                shares.append((ref.cell, cell.operand))
            shares += cell.shares
        out = Staged(join_types(kinds[0], kinds[1]))
        self.machine.name(out, self.hint)
        self.phis.append(Phi(out, emits[0], emits[1]))
        self.machine.cells += 1
        number = self.views[a, b] = self.machine.cells
        self.cells[number] = ArrayCell(out, tuple(dict.fromkeys(shares)))
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
        content = self.array_cell(replace(left, external=False), replace(right, external=False))
        self.cells[cell] = content
        return cell

    def settle(self) -> None:
        """Mark the merged arrays that may be the memory of an array with another name."""
        arrays = {pair: cell for pair, cell in self.merged.items()
                  if isinstance(self.cells[cell], ArrayCell)}  # fmt: skip
        if not arrays:
            return
        kept = {c for content in self.cells.values() for c in cells_in(content)}
        lefts = [a for a, _ in arrays]
        rights = [b for _, b in arrays]
        for (a, b), cell in arrays.items():
            content = self.cells[cell]
            assert isinstance(content, ArrayCell)
            shares = list(content.shares)
            for number, side, state in ((a, lefts, self.left), (b, rights, self.right)):
                own = state.cells[number]
                assert isinstance(own, ArrayCell)
                if own.external or number in kept or side.count(number) > 1:
                    shares.append((number, own.operand))
            for number, then in shares:
                now = self.cells.get(number)
                if isinstance(now, ArrayCell) and now.operand is not then:
                    raise self.clash()
            self.cells[cell] = replace(content, shares=tuple(dict.fromkeys(shares)))

    def clash(self) -> Exception:
        """What to raise for a name of one of two arrays that were written to."""
        if self.loop:
            return AliasClash(
                "SC310", "a name stands for one of two arrays that this loop writes to",
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
        self.cells[cell] = self.content(self.left.cells[a], self.right.cells[b])
        return cell

    # -- values of one path only ----------------------------------------------------------

    def only(self, content: Any, left: bool) -> Any:
        """The content with every operand of the inner block passed out, undefined elsewhere."""
        if isinstance(content, Staged):
            return self.pass_out(content, left)
        if isinstance(content, ArrayRef | Ref):
            state = self.left if left else self.right
            other = self.right if left else self.left
            if content.cell not in other.cells and content.cell not in self.cells:
                self.cells[content.cell] = self.only(state.cells[content.cell], left)
        if isinstance(content, tuple):
            return tuple(self.only(c, left) for c in content)
        if isinstance(content, FunctionValue | Known | Const | Undef) or not is_dataclass(
            content
        ):
            return content
        changed = {f.name: self.only(getattr(content, f.name), left) for f in fields(content)}
        return replace(content, **changed)  # type: ignore[type-var]

    def pass_out(self, operand: Staged, left: bool) -> Operand:
        if self.machine.defs.depth.get(operand, 0) <= self.depth and not self.loop:
            return operand
        for phi in self.phis:
            if (phi.left if left else phi.right) is operand:
                return phi.out
        kind = unsized(operand.type)
        out = Staged(kind)
        self.machine.name(out, self.machine.name_of(operand) or self.hint)
        here: Emit = lambda at: operand
        there: Emit = lambda at: Undef(kind)
        self.phis.append(Phi(out, *((here, there) if left else (there, here))))
        return out


def as_operand(value: Known | Number) -> Operand:
    """The operand of a number."""
    return value.operand if isinstance(value, Number) else const(value.value)


def describe(value: Any) -> str:
    """What a value is, for messages."""
    if isinstance(value, Known):
        return "None" if value.value is None else type(value.value).__name__
    if isinstance(value, Number):
        return str(value.operand.type)
    if isinstance(value, ArrayRef):
        return "an array"
    if isinstance(value, TupleValue):
        return f"a tuple of {len(value.items)}"
    if isinstance(value, Ref):
        return f"a {value.cls.__name__}"
    return type(value).__name__


def same_abstract(a: Any, b: Any) -> bool:
    """Whether two abstract values are surely the same Python value."""
    if isinstance(a, Known) and isinstance(b, Known):
        return equal_known(a, b)
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(same_abstract, a, b))
    if type(a) is not type(b):
        return False
    if isinstance(a, Staged):
        return a is b
    if is_dataclass(a) and type(a).__eq__ is not object.__eq__:
        return all(same_abstract(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    return bool(a == b)


def unsized(kind: Type) -> Type:
    """The type without the size that an integer is known to equal."""
    return replace(kind, size=None) if isinstance(kind, ArrayType) else kind


def join_types(a: Type, b: Type) -> Type:
    """The common type of two values by numeric promotion; raises Unjoinable without one."""
    if isinstance(a, ListType) and isinstance(b, ListType):
        return ListType(join_types(a.element, b.element))
    if not isinstance(a, ArrayType) or not isinstance(b, ArrayType):
        if a == b:
            return a
        raise Unjoinable(f"{a} on one path, {b} on the other")
    if (a.kind == "array") != (b.kind == "array") or a.rank != b.rank:
        raise Unjoinable(f"{a} on one path, {b} on the other")
    if a.kind == "array":
        if a.dtype != b.dtype:
            raise Unjoinable(f"{a} on one path, {b} on the other")
        shape = tuple(x if same(x, y) else None for x, y in zip(a.shape, b.shape, strict=True))
        return replace(a, shape=shape)
    if a.dtype.kind == "b" != b.dtype.kind or b.dtype.kind == "b" != a.dtype.kind:
        raise Unjoinable(f"{a} on one path, {b} on the other")
    kind = "py" if a.weak and b.weak else "np"
    if a.weak != b.weak:
        weak = {"b": False, "i": 0, "f": 0.0, "c": 0j}
        operands = [weak[t.dtype.kind] if t.weak else t.dtype for t in (a, b)]
        return ArrayType(np.result_type(*operands), (), kind)
    size = a.size if a.size == b.size and a.dtype == b.dtype else None
    return ArrayType(np.result_type(a.dtype, b.dtype), (), kind, size)


def convert(machine: Machine, at: State, operand: Operand, kind: Type) -> Operand:
    """The operand as a value of type `kind`, by conversions added to the block of `at`."""
    have = operand.type
    if isinstance(operand, Undef):
        return Undef(kind)
    if (
        not isinstance(have, ArrayType)
        or not isinstance(kind, ArrayType)
        or have.kind == "array"
    ):
        return operand
    if have.dtype == kind.dtype and have.kind == kind.kind:
        return operand
    if isinstance(operand, Const):
        plain = operand.value.item() if isinstance(operand.value, np.generic) else operand.value
        if kind.weak:
            return const(
                {"b": bool, "i": int, "f": float, "c": complex}[kind.dtype.kind](plain)
            )
        return const(kind.dtype.type(plain))
    handle = machine.handle(at, operand)
    if kind.weak:
        names = {"b": "bool", "i": "int", "f": "float", "c": "complex"}
        return cast.to_python(handle, kind=names[kind.dtype.kind]).operand
    if have.dtype == kind.dtype:
        return form.to_numpy(handle).operand
    return cast.astype(handle, dtype=kind.dtype).operand


def element_operand(state: State, value: Value) -> Operand:
    """The operand of a list element."""
    if isinstance(value, Known | Number):
        if isinstance(value, Known) and not isinstance(value.value, NUMBERS):
            raise Unjoinable(f"a list with {describe(value)} in it")
        return as_operand(value)
    if isinstance(value, ArrayRef) and not value.path:
        cell = state.cells[value.cell]
        assert isinstance(cell, ArrayCell)
        return cell.operand
    raise Unjoinable(f"a list with {describe(value)} in it")


def element_type(state: State, value: Value) -> Type:
    """The graph type of a list element."""
    return unsized(element_operand(state, value).type)


def cells_in(content: Any) -> list[int]:
    """The cells that a content refers to."""
    if isinstance(content, ArrayRef | Ref):
        return [content.cell]
    if isinstance(content, tuple):
        return [c for part in content for c in cells_in(part)]
    if isinstance(content, FunctionValue | Staged | Known | Const) or not is_dataclass(content):
        return []
    return [c for f in fields(content) for c in cells_in(getattr(content, f.name))]


def references(state: State, cell: int) -> int:
    """How many contents refer to the cell."""
    return sum(cell in cells_in(content) for content in state.cells.values())


def substitute(content: Any, names: dict[Staged, Operand]) -> Any:
    """The content with staged values replaced."""
    if isinstance(content, Staged):
        return names.get(content, content)
    if isinstance(content, tuple):
        return tuple(substitute(c, names) for c in content)
    if isinstance(content, FunctionValue | Known | Const | Undef) or not is_dataclass(content):
        return content
    changed = {f.name: substitute(getattr(content, f.name), names) for f in fields(content)}
    return replace(content, **changed)  # type: ignore[type-var]


# -- trees ------------------------------------------------------------------------------------


@dataclass(slots=True)
class Group:
    """The paths of a tree with one exit: the flag that tells it was taken, and their cells."""

    flag: Operand
    cells: dict[int, Content]


@dataclass(slots=True)
class Plan:
    """How a tree is closed: its groups, and the Phis of each branch in it."""

    tree: Tree
    groups: dict[Exit, Group]
    phis: list[Phi]
    then: Plan | None = None
    orelse: Plan | None = None


def plan(
    machine: Machine, tree: Tree, names: dict[int, str], dropped: set[int], force: bool
) -> Plan:
    """How to merge the paths of the tree by exit; raises Unjoinable if it cannot be done."""
    if isinstance(tree, Leaf):
        if tree.exit is Exit.RAISE and tree.raised is None:
            return Plan(tree, {}, [])
        return Plan(tree, {tree.exit: Group(const(True), tree.state.cells)}, [])
    then = plan(machine, tree.then, names, dropped, force)
    orelse = plan(machine, tree.orelse, names, dropped, force)
    phis: list[Phi] = []
    groups: dict[Exit, Group] = {}
    depth = tree.parent.builder.depth
    one_path = not then.groups or not orelse.groups
    for exit in Exit:
        a, b = then.groups.get(exit), orelse.groups.get(exit)
        if a is None and b is None:
            continue
        left = State(tree.parent.builder, a.cells if a else {})
        right = State(tree.parent.builder, b.cells if b else {})
        join = Join(machine, left, right, depth, force)
        join.phis = phis
        if a and b:
            join.run(names, dropped)
            flag = join.operand(a.flag, b.flag)
        else:
            only = a or b
            assert only is not None
            for cell, content in only.cells.items():
                if tree.parent.cells.get(cell) is content:
                    join.cells[cell] = content
                elif cell not in dropped:
                    join.cells[cell] = join.only(content, a is not None)
            flags = (a.flag if a else const(False), b.flag if b else const(False))
            flag = only.flag if one_path else join.operand(*flags)
            if one_path:
                flag = join.only(flag, a is not None)
        groups[exit] = Group(flag, join.cells)
    return Plan(tree, groups, phis, then, orelse)


def commit(planned: Plan) -> None:
    """Add the If statements of the plan."""
    tree = planned.tree
    if isinstance(tree, Leaf):
        return
    assert planned.then is not None
    assert planned.orelse is not None
    blocks = []
    for part, emits in (
        (planned.then, [p.left for p in planned.phis]),
        (planned.orelse, [p.right for p in planned.phis]),
    ):
        commit(part)
        at = part.tree.state if isinstance(part.tree, Leaf) else part.tree.parent
        results = [emit(at) for emit in emits]
        blocks.append(at.builder.block((), results))
    outs = tuple(p.out for p in planned.phis)
    tree.parent.builder.append(If(tree.cond, blocks[0], blocks[1], outs, tree.loc))


def close(
    machine: Machine,
    tree: Tree,
    names: dict[int, str],
    dropped: set[int] | None = None,
    force: bool = False,
) -> Tree:
    """The tree with at most one path per exit; raises Unjoinable if it cannot be had."""
    if isinstance(tree, Leaf):
        return tree
    planned = plan(machine, tree, names, dropped or set(), force)
    commit(planned)
    parent = tree.parent
    exits = list(planned.groups.items())
    if not exits:
        return Leaf(parent, Exit.RAISE)
    return split(parent, exits, tree.loc)


def split(parent: State, exits: list[tuple[Exit, Group]], loc: Loc | None) -> Tree:
    """A path per exit, the normal one last, below their flags."""
    exits = sorted(exits, key=lambda e: e[0] is Exit.NORMAL)
    (exit, group), *rest = exits
    if not rest:
        return Leaf(State(parent.builder, dict(group.cells)), exit)
    then = Leaf(State(parent.builder.nested(), dict(group.cells)), exit)
    other = State(parent.builder.nested(), parent.cells)
    return Branch(parent, BOOLEAN(group.flag), then, split(other, rest, loc), loc)


def BOOLEAN(flag: Operand) -> Operand:
    """The flag, checked to be a Python bool."""
    assert flag.type == BOOL
    return flag
