"""Loops inside of loops, with what they change carried through."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from stagec.ir.build import Builder
from stagec.ir.core import Block, For, Operand, Value, const
from stagec.ir.types import INT
from stagec.opt.scalarise.folds import Index, Running, State

NAMES = "ijklmnpq"
NO_NAMES: Mapping[Any, Value] = {}
Work: TypeAlias = Callable[[Builder, Index, State], None]


@dataclass(frozen=True, slots=True)
class Loops:
    """A nest of loops.

    Attributes
    ----------
    order : the axes of the iteration space, outermost loop first.
    extents : the length of each axis.
    finals : names for what is known after the loops, by its key in the state.
    running : the reductions.
    work : adds what is done at one index.
    later : adds what further innermost loops do, in any order.
    taken : names that the indices may not have.
    reverse : whether the loops run backwards.
    """

    order: Sequence[int]
    extents: Sequence[Operand]
    finals: Mapping[Any, Value]
    running: Sequence[Running]
    work: Work
    later: Sequence[Work]
    taken: Sequence[str]
    reverse: bool = False

    def inside(self, depth: int, builder: Builder, index: Index, state: State) -> None:
        """Add what is done at one index of the outer `depth` loops."""
        begun = [f for f in self.running if f.number and f.depth == depth]
        state.update({f: f.start for f in begun})
        if depth < len(self.order):
            self.loop(depth, builder, index, state)
        else:
            self.work(builder, index, state)
        for fold in begun:
            if not fold.plain:
                fold.end(builder, index, state)

    def name(self, axis: int) -> str:
        """The name of the index along an axis."""
        free = [letter for letter in NAMES if letter not in self.taken]
        return free[axis] if axis < len(free) else "i"

    def loop(self, depth: int, builder: Builder, index: Index, state: State) -> None:
        """Add a loop and those inside it, and the loops that follow the innermost one."""

        def inside(body: Builder, index: Index, state: State) -> None:
            self.inside(depth + 1, body, index, state)

        works = [inside, *(self.later if depth + 1 == len(self.order) else ())]
        for work in works:
            last = work is works[-1] and not depth
            self.add(depth, work, self.finals if last else NO_NAMES, builder, index, state)

    def add(
        self,
        depth: int,
        work: Work,
        finals: Mapping[Any, Value],
        builder: Builder,
        index: Index,
        state: State,
    ) -> None:
        """Add one loop; `finals` are names for what is known after it."""
        axis = self.order[depth]
        at = Value(INT, self.name(axis))
        # the types of results know more of sizes than those of new arrays
        types = {key: self.finals.get(key, v).type for key, v in state.items()}
        params = {key: Value(types[key], hint(key, v)) for key, v in state.items()}
        now: State = dict(params)
        body = Builder(loc=builder.loc)
        work(body, {**index, axis: at}, now)
        results = tuple(now[key] for key in params)
        outs = {key: finals.get(key) or Value(p.type, p.hint) for key, p in params.items()}
        block = Block((at, *params.values()), tuple(body.stmts), results)
        reverse = self.reverse and work not in self.later
        loop = For(
            const(0), self.extents[axis], const(1), tuple(state.values()), block,
            tuple(outs.values()), reverse=reverse, loc=builder.loc,
        )  # fmt: skip
        builder.append(loop)
        state.update(outs)


def hint(key: Any, value: Operand) -> str:
    """The name of what is carried."""
    if isinstance(key, Running):
        return key.hint
    return value.hint if isinstance(value, Value) else ""
