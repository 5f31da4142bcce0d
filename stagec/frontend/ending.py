"""The end of a staged function: its paths as results, its changes to the caller's objects."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, cast

from stagec.errors import StagecError
from stagec.frontend import generators, results
from stagec.frontend.arguments import Inputs
from stagec.frontend.arrays import handle_of
from stagec.frontend.closing import close
from stagec.frontend.machine import Machine
from stagec.frontend.state import RESULT, Exit, Leaf, State, Tree, extend
from stagec.frontend.unify import Unjoinable
from stagec.frontend.values import (
    DEFINED,
    ArrayCell,
    ArrayRef,
    BoundMethod,
    Columns,
    ExceptionValue,
    Fields,
    FunctionValue,
    Items,
    Known,
    Maybe,
    Number,
    Outside,
    Ref,
    StagedItems,
    StagedList,
    TupleValue,
    Value,
)
from stagec.ir.core import Const, Operand, const


@dataclass(slots=True)
class Ending:
    """Turns the paths at the end of a function into results."""

    machine: Machine
    inputs: Inputs
    before: dict[int, Any]

    def close(self, tree: Tree) -> tuple[results.Outcome, list[Operand], State]:
        """The outcome, the operands it refers to, and the final state."""
        m = self.machine
        merged = tree
        with suppress(Unjoinable):
            merged = close(m, tree, {})
        if isinstance(merged, Leaf):
            outs: list[Operand] = []
            return self.outcome(merged, outs), outs, merged.state
        return self.choices(merged)

    def choices(self, tree: Tree) -> tuple[results.Outcome, list[Operand], State]:
        """One outcome per path, told apart by a number."""
        m = self.machine
        m.cells += 1
        tag = m.cells
        m.unflagged.add(tag)
        options: list[results.Outcome] = []
        slots: list[int] = []

        def step(leaf: Leaf) -> Tree:
            if leaf.exit is Exit.RAISE:
                return leaf
            outs: list[Operand] = []
            outcome = self.outcome(leaf, outs)
            numbers = []
            for operand in outs:
                m.cells += 1
                numbers.append(m.cells)
                m.unflagged.add(m.cells)
                leaf.state.cells[m.cells] = (
                    ArrayCell(operand) if array_like(operand) else Number(operand)
                )
            options.append(shifted(outcome, len(slots) + 1))
            slots.extend(numbers)
            leaf.state.cells[tag] = Known(len(options) - 1)
            kept = {*numbers, tag, *self.inputs.cells, *m.shared_cells}
            for cell in list(leaf.state.cells):
                if cell not in kept:
                    del leaf.state.cells[cell]
            return Leaf(leaf.state)

        tree = extend(tree, step)
        try:
            final = close(m, tree, {})
        except Unjoinable as clash:
            raise StagecError(
                "SC304", f"what the paths leave behind has no common type: {clash.reason}",
                None, "write values of one type on all paths",
            ) from None  # fmt: skip
        m.fresh.clear()
        assert isinstance(final, Leaf)
        outs = [operand_in(final.state.cells[tag])]
        outs += [operand_in(final.state.cells[c]) for c in slots]
        outcome = results.Outcome(results.Choice(0, tuple(options)), ())
        return outcome, outs, final.state

    def outcome(self, leaf: Leaf, outs: list[Operand]) -> results.Outcome:
        """The result of one path; operands are added to `outs`."""
        state = leaf.state
        if leaf.exit is Exit.RAISE:
            return results.Outcome(results.Plain(None), ())
        specs = Specs(self.machine, self.inputs, state, outs)
        value = specs.of(cast(Value, state.cells[RESULT]))
        outcome = results.Outcome(value, tuple(specs.changes(self.before)))
        self.machine.fresh = specs.fresh()
        return outcome


def shifted(outcome: results.Outcome, by: int) -> results.Outcome:
    """The outcome with its result numbers raised."""

    def move(spec: Any) -> Any:
        match spec:
            case results.Out(position):
                return results.Out(position + by)
            case results.Sequence() | results.Mapping():
                return replace(spec, items=tuple(map(move, spec.items)))
            case _:
                return spec

    changes = tuple(
        replace(c, target=move(c.target), value=move(c.value)) for c in outcome.changes
    )
    return results.Outcome(move(outcome.value), changes)


def array_like(operand: Operand) -> bool:
    """Whether the operand is an array of any rank, not a number."""
    return getattr(operand.type, "kind", "array") == "array"


def operand_in(content: Any) -> Operand:
    """The operand in a cell of a merged result."""
    match content:
        case Known(value=value):
            return const(value)
        case Number(operand) | ArrayCell(operand=operand):
            return operand
        case _:
            raise TypeError(f"unexpected content {content}")


@dataclass(slots=True)
class Specs:
    """Describes abstract values as results."""

    machine: Machine
    inputs: Inputs
    state: State
    outs: list[Operand]
    # the results that hold an array of their own, by cell; the cells of which there are views
    wholes: dict[int, int] = field(default_factory=dict[int, int])
    viewed: set[int] = field(default_factory=set[int])
    views: dict[int, results.Out] = field(default_factory=dict[int, results.Out])

    def out(self, operand: Operand) -> results.Out:
        """A result for the operand, shared with an equal one before it."""
        for k, other in enumerate(self.outs):
            if other is operand and k not in self.wholes.values():
                return results.Out(k)
        self.outs.append(operand)
        return results.Out(len(self.outs) - 1)

    def of(self, value: Value) -> results.Spec:
        """The spec of a value."""
        match value:
            case Known(value=plain):
                if value.source is not None:
                    self.machine.keep(value)
                self.refuse(plain if isinstance(plain, type) else type(plain))
                generators.refuse(self.machine, (plain,), None)
                return results.Plain(plain)
            case Number(operand):
                return (
                    results.Plain(operand.value)
                    if isinstance(operand, Const)
                    else self.out(operand)
                )
            case ArrayRef():
                return self.array(value)
            case TupleValue(items, cls):
                self.refuse(cls or tuple)
                return results.Sequence(cls or tuple, tuple(map(self.of, items)), -id(value))
            case Ref():
                return self.ref(value)
            case ExceptionValue(cls, args):
                return results.Sequence(cls, tuple(map(self.of, args)), -id(value))
            case BoundMethod(function=Known(value=f), receiver=Known(value=r)):
                return results.Plain(f.__get__(r))
            case FunctionValue() if value.code.function is not None:
                return results.Plain(value.code.function)
            case Maybe():
                return self.of(value.value)
            case _:
                raise StagecError(
                    "SC403", f"a {type(value).__name__} cannot leave staged code", None,
                    "return arrays, numbers, and lists, tuples, dicts or objects of them",
                )  # fmt: skip

    def array(self, ref: ArrayRef) -> results.Spec:
        """An array: an argument itself, or a result."""
        if not ref.path and ref.cell in self.inputs.cells:
            return results.Arg(self.inputs.cells[ref.cell])
        for k, entry in enumerate(self.machine.captured.values()):
            if not ref.path and entry.cell == ref.cell:
                return results.Hidden(k)
        if ref.path:
            return self.view(ref)
        operand = handle_of(self.machine, self.state, ref).operand
        return self.whole(ref.cell, operand) if self.separate(ref.cell) else self.out(operand)

    def view(self, ref: ArrayRef) -> results.Out:
        """A view: one object, however many names it has."""
        if id(ref) not in self.views:
            self.separate(ref.cell)
            self.viewed.add(ref.cell)
            operand = handle_of(self.machine, self.state, ref).operand
            self.views[id(ref)] = self.out(operand)
        return self.views[id(ref)]

    def separate(self, cell: int) -> bool:
        """Whether the array surely is none that has another name; notes which it may be."""
        content = self.state.cells[cell]
        assert isinstance(content, ArrayCell)
        self.viewed.update(other for other, _ in content.shares)
        named = content.shares or content.external or content.listed
        return cell in self.machine.own or not named

    def whole(self, cell: int, operand: Operand) -> results.Out:
        """An array that the function made: no result but itself has its memory."""
        if cell not in self.wholes:
            self.wholes[cell] = len(self.outs)
            self.outs.append(operand)
        return results.Out(self.wholes[cell])

    def fresh(self) -> set[int]:
        """The results that must be memory of their own, even where another is equal."""
        own = self.machine.own
        return {k for cell, k in self.wholes.items() if cell in own or cell not in self.viewed}

    def ref(self, ref: Ref) -> results.Spec:
        """A container or object: one of the caller's, or a new one."""
        if ref.cell in self.inputs.owners:
            return results.Container(self.inputs.owners[ref.cell])
        for number, known in self.machine.outside.values():
            if number == ref.cell:
                return results.Plain(known.value)
        return self.content(ref.cell, ref.cls)

    def content(self, cell: int, cls: type) -> results.Spec:
        """The content of a cell as a new object."""
        self.refuse(cls)
        content = self.machine.inside(self.state, Ref(cell, cls))
        match content:
            case Items(items):
                return results.Sequence(cls, tuple(map(self.of, items)), cell)
            case StagedItems() | Columns():
                return self.listed(content, cell)
            case Fields(items):
                own = None if issubclass(cls, dict) else cls
                keys = tuple(k for k, _ in items)
                memo = (cell, own is None)  # the attributes of an object may leave as a dict
                return results.Mapping(keys, tuple(self.of(v) for _, v in items), memo, own)
            case Outside(base):
                return results.Plain(base.value)
            case _:
                raise TypeError(f"unexpected content {content}")

    def refuse(self, cls: type) -> None:
        """Refuse what only makes sense while staging."""
        if cls in DEFINED:
            raise StagecError(
                "SC103", f"an instance of {cls.__name__}, which staged code defines, leaves it",
                None, "define the class at module level",
            )  # fmt: skip

    def listed(self, content: StagedList, memo: Any) -> results.Spec:
        """A list of run-time length; of tuples if it has columns."""
        if isinstance(content, StagedItems):
            return self.out(content.operand)
        parts = enumerate(content.columns)
        columns = tuple(self.listed(c, (memo, k)) for k, c in parts)
        return results.Sequence(results.rows_of(content.cls), columns, memo)

    def changes(self, before: dict[int, Any]) -> list[results.Change]:
        """The changes to the caller's containers, objects and globals."""
        made: list[results.Change] = []
        for cell, position in self.inputs.owners.items():
            content = self.state.cells[cell]
            if content is not before[cell] and content != before[cell]:
                made += self.change(results.Container(position), content, cell, before[cell])
        for cell, known in self.machine.outside.values():
            content = self.state.cells.get(cell)
            own = isinstance(known.value, type) and known.value in DEFINED
            if own or content is None:
                continue  # a class that the program itself defines is gone when it returns
            if content is not self.machine.shared_cells.get(cell):
                made += self.change(results.Plain(known.value), content, cell, None)
        for cell, (space, name) in self.machine.global_spaces.items():
            content = self.state.cells.get(cell)
            if content is not None:
                value = self.of(cast(Value, content))
                made.append(results.Change("global", results.Plain(space), name, value))
        return made

    def change(
        self, target: results.Spec, content: Any, cell: int, before: Any
    ) -> list[results.Change]:
        """The changes that give an object of the caller its new content."""
        if isinstance(content, Outside):
            return [
                results.Change("attribute", target, k, self.of(v))
                for k, v in content.written.items
            ]
        if isinstance(content, Items):
            items = tuple(map(self.of, content.items))
            return [results.Change("list", target, None, results.Sequence(list, items, -cell))]
        if isinstance(content, StagedList):
            return [results.Change("list", target, None, self.listed(content, -cell))]
        assert isinstance(content, Fields)
        old = before if isinstance(before, Fields) else Fields(())
        if all(isinstance(k, str) for k, _ in content.items) and self.is_object(target):
            return [
                results.Change("attribute", target, k, self.of(v))
                for k, v in content.items
                if old.get(k) is not v
            ]
        items = tuple(self.of(v) for _, v in content.items)
        mapping = results.Mapping(tuple(k for k, _ in content.items), items, -cell)
        return [results.Change("dict", target, None, mapping)]

    def is_object(self, target: results.Spec) -> bool:
        """Whether a changed container is an object with attributes."""
        cells = {p: c for c, p in self.inputs.owners.items()}
        if isinstance(target, results.Container):
            return self.machine.object_cells.get(cells[target.position], False)
        return isinstance(target, results.Plain) and not isinstance(target.value, dict)
