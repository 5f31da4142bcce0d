"""Reductions in a nest of loops.

The innermost loops over folded axes fold into a number.  Where other loops lie inside of a
folded axis, as in a sum over the rows of a matrix, the elements of the result are folded into.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from stagec.ir.build import Builder
from stagec.ir.core import Fold, Operand, Value, const
from stagec.ir.types import ArrayType
from stagec.ops.arithmetic import Handle
from stagec.ops.cast import fit_dtype
from stagec.opt.elements import read_element, write_element

Index: TypeAlias = Mapping[int, Value]  # the index of the loop over each axis
State: TypeAlias = dict[Any, Operand]  # what loops change: arrays, and numbers being folded


@dataclass(frozen=True, slots=True, eq=False)
class Running:
    """A reduction inside of its loops.

    Attributes
    ----------
    out : its result.
    rank : how many loops there are.
    depth : how many loops are outside of those that fold into a number.
    kept : the axis that each axis of the result comes from; None: one of length 1.
    count : how many elements are folded into one.
    """

    out: Value
    fold: Fold
    rank: int
    depth: int
    kept: tuple[int | None, ...]
    count: Operand

    @property
    def number(self) -> bool:
        """Whether the innermost loop folds into a number."""
        return self.depth < self.rank

    @property
    def complete(self) -> bool:
        """Whether the number has every element that belongs to it."""
        return self.number and self.depth + len(self.fold.axes) == self.rank

    @property
    def start(self) -> Operand:
        """What is folded into at first."""
        return const(self.fold.start)

    def step(self, builder: Builder, index: Index, state: State, element: Operand) -> None:
        """Fold an element."""
        if self.number:
            state[self] = self.combined(builder, state[self], element)
        else:
            self.into_array(builder, index, state, element)

    def combined(self, builder: Builder, before: Operand, element: Operand) -> Operand:
        """What was folded before, with one more."""
        return builder.add(self.fold.combine, (before, element), {}, self.hint)[0]

    @property
    def hint(self) -> str:
        """The name of what is folded."""
        return self.out.hint or "acc"

    def into_array(
        self, builder: Builder, index: Index, state: State, element: Operand
    ) -> None:
        """Fold something into an element of the result."""
        before = read_element(builder, state[self.out], self.where(index), self.hint)
        self.store(builder, index, state, self.combined(builder, before, element))

    def store(self, builder: Builder, index: Index, state: State, value: Operand) -> None:
        """Set an element of the result."""
        state[self.out] = write_element(
            builder, state[self.out], value, self.where(index), self.out.hint
        )

    def where(self, index: Index) -> Sequence[Operand]:
        """The index of the element of the result."""
        return [const(0) if axis is None else index[axis] for axis in self.kept]

    def end(self, builder: Builder, index: Index, state: State) -> None:
        """Use the number when its loops are done."""
        total = state.pop(self)
        if not self.kept:
            bind(builder, self.finished(builder, total), self.out)
        elif self.complete:
            self.store(builder, index, state, self.finished(builder, total))
            if not self.depth:
                bind(builder, state[self.out], self.out)
        else:
            self.into_array(builder, index, state, total)

    def finished(self, builder: Builder, total: Operand) -> Operand:
        """The result in the element type it has."""
        found = Handle(builder, total)
        if self.fold.finish is not None:
            found = self.fold.finish(found, Handle(builder, self.count))
        kind = self.out.type
        assert isinstance(kind, ArrayType)
        return fit_dtype(found, kind.dtype).operand

    def finish_element(self, builder: Builder, index: Index, state: State) -> None:
        """Finish an element that was folded into."""
        before = read_element(builder, state[self.out], self.where(index), self.hint)
        self.store(builder, index, state, self.finished(builder, before))

    @property
    def unfinished(self) -> bool:
        """Whether there is something to do to each element after the loops."""
        return bool(self.kept) and not self.complete and self.fold.finish is not None

    @property
    def plain(self) -> bool:
        """Whether the number is the result as it is."""
        kind = self.out.type
        assert isinstance(kind, ArrayType)
        return (
            self.number
            and not self.kept
            and self.fold.finish is None
            and self.start.type == kind
        )


def bind(builder: Builder, operand: Operand, out: Value) -> None:
    """Give the result of the last op of the builder the name `out`."""
    last = builder.stmts[-1]
    assert operand in last.outs
    builder.stmts[-1] = replace(last, outs=(out,))  # type: ignore[arg-type]
