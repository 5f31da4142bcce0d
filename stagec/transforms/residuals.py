"""Which forward values of a block a backward pass keeps, and how it gets the others.

The cheapest way wins: values of enclosing blocks are simply there; views, index arithmetic and
cheap ops of what is there are computed again; earlier versions of an array that the block
writes to are rebuilt from its last one where that stores less than what is read of them; what
remains is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set as AbstractSet
from dataclasses import dataclass, field
from typing import assert_never

from stagec.ir.core import Apply, Call, Cost, Effect, For, If, Operand, Stmt, Value, While
from stagec.ir.types import ArrayType, ListType, Type
from stagec.transforms.context import Context
from stagec.transforms.drafts import Draft
from stagec.transforms.versions import History, Step, saved, saved_read

Leaves = tuple[frozenset[Value], int]

DEPTH = 40  # how many ops in a row may be computed again
FEW = 3  # how many ops on numbers cost no more than to store their result
MANY = 100  # the assumed length of lists and of axes of unknown size, and number of trips


@dataclass(frozen=True, slots=True)
class Group:
    """Arrays that can be rebuilt together: `targets` by `steps` from the last ones, `roots`."""

    carries: tuple[int, ...]
    roots: tuple[Value, ...]
    targets: tuple[Value, ...]
    steps: tuple[Step, ...]


@dataclass(slots=True)
class Residuals:
    """The values of one block that its backward pass needs.

    `needs` says at which forward statement (counted from the block's start) the backward pass
    is when it first needs a value.  `given` are the values that are there anyway; `provided`
    the versions that backward statements of nested loops rebuild in passing.
    """

    draft: Draft
    context: Context
    needs: Mapping[Value, int]
    given: AbstractSet[Value]
    provided: AbstractSet[Value]

    def stored(self, groups: Iterable[Group]) -> set[Value]:
        """The values to store if the arrays of the groups are rebuilt."""
        return _Plan.of(self, tuple(groups)).stored()

    def cost(self, groups: Iterable[Group]) -> int:
        """The size of what is stored if the arrays of the groups are rebuilt."""
        groups = tuple(groups)
        total = weigh(self.stored(groups))
        for group in groups:
            for step in group.steps:
                if not isinstance(step.stmt, Apply) and not self.provided >= set(step.before):
                    total += undo_cost(self.context.history, step)
        return total


@dataclass(slots=True)
class _Plan:
    """What to store for given groups.

    The arrays are rebuilt step by step; at `epoch` e the first e steps have been undone, and
    the versions with `born` <= e are there.
    """

    residuals: Residuals
    steps: list[Step]
    order: dict[Stmt, int]
    born: dict[Value, int]
    kept: dict[Value, int]
    tables: dict[int, dict[Value, Leaves]] = field(
        default_factory=dict[int, "dict[Value, Leaves]"]
    )

    @classmethod
    def of(cls, residuals: Residuals, groups: tuple[Group, ...]) -> _Plan:
        """The plan for the groups."""
        order = {stmt: k for k, stmt in enumerate(residuals.draft.block.stmts)}
        steps = [s for g in groups for s in g.steps]
        steps.sort(key=lambda s: -order[s.stmt])
        born = {v: 0 for g in groups for v in g.roots}
        kept: dict[Value, int] = {}
        for k, step in enumerate(steps):
            for version in step.before:
                born.setdefault(version, k + 1)
            if isinstance(step.stmt, Apply):
                kept.setdefault(saved(residuals.draft, step.stmt), k)
        return cls(residuals, steps, order, born, kept)

    def stored(self) -> set[Value]:
        """The values to store."""
        given = self.residuals.given
        chosen = {v: epoch for v, epoch in self.kept.items() if v not in given}
        fixed = set(chosen)
        for k, step in enumerate(self.steps):
            if isinstance(step.stmt, Apply):
                for index in step.stmt.args[2:]:
                    self._choose(chosen, index, k)
        for value, position in self.residuals.needs.items():
            self._choose(chosen, value, self._epoch(position))
        return self._without_derived(chosen, fixed)

    def _epoch(self, position: int) -> int:
        """How many steps are undone when the backward pass is at a forward statement."""
        return sum(
            self.order[s.stmt] >= position + (not isinstance(s.stmt, Apply)) for s in self.steps
        )

    def _choose(self, chosen: dict[Value, int], operand: Operand, epoch: int) -> None:
        for leaf in self._leaves(operand, epoch):
            chosen[leaf] = min(epoch, chosen.get(leaf, epoch))

    def _without_derived(self, chosen: dict[Value, int], fixed: set[Value]) -> set[Value]:
        """`chosen` without what follows from the rest."""
        draft = self.residuals.draft
        order = [v for v in draft.defs if v in chosen and v not in fixed]
        dropped: set[Value] = set()
        for value in sorted(order, key=lambda v: -weight(v.type)):
            steps = FEW if is_number(value.type) else 1
            there = chosen.keys() - {value}
            if self._derived(value, chosen[value], there, dropped, steps):
                del chosen[value]
                if steps == 1:  # one more loop over an array, not one more op
                    dropped.add(value)
        return set(chosen)

    def _derived(
        self,
        value: Value,
        epoch: int,
        there: AbstractSet[Value],
        dropped: AbstractSet[Value],
        steps: int,
    ) -> bool:
        """Whether so many ops in a row compute the value from those that are `there`.

        Those of `dropped` are needed themselves and computed anyway: they are no more work.
        """
        stmt = again(self.residuals.draft, value)
        if stmt is None:
            return False
        left = [a for a in stmt.args if not self._leaves(a, epoch) <= there]
        return all(
            isinstance(a, Value)
            and (steps > 1 or a in dropped)
            and self._derived(a, epoch, there, dropped, steps - (a not in dropped))
            for a in left
        )

    def _leaves(self, operand: Operand, epoch: int) -> frozenset[Value]:
        """What must be stored to have the operand at the epoch."""
        if not isinstance(operand, Value) or operand not in self.residuals.draft.defs:
            return frozenset()
        found = self._table(epoch).get(operand)
        return frozenset((operand,)) if found is None else found[0]

    def _table(self, epoch: int) -> dict[Value, Leaves]:
        if epoch not in self.tables:
            table: dict[Value, Leaves] = {}
            self.tables[epoch] = table
            block = self.residuals.draft.block
            for value in block.params:
                table[value] = self._fixed(value, epoch) or (frozenset((value,)), 0)
            for stmt in self.residuals.draft.originals():
                for value in stmt.outs:
                    table[value] = self._fixed(value, epoch) or self._cheapest(value, table)
        return self.tables[epoch]

    def _fixed(self, value: Value, epoch: int) -> Leaves | None:
        if value in self.residuals.given:
            return frozenset[Value](), 0
        if value in self.kept:
            return frozenset((value,)), 0
        if value in self.born and self.born[value] <= epoch:
            return frozenset[Value](), 0
        return None

    def _cheapest(self, value: Value, table: dict[Value, Leaves]) -> Leaves:
        """The leaves of the value, and how many ops in a row compute it from them."""
        own = frozenset((value,)), 0
        survivor = self.residuals.context.survivor(value)
        if survivor is not None:
            places = [table[a] for a in survivor.args if isinstance(a, Value) and a in table]
            if not any(leaves for leaves, _ in places):
                return frozenset[Value](), 1
        stmt = again(self.residuals.draft, value)
        if stmt is None:
            return own
        found = [table[a] for a in stmt.args if isinstance(a, Value) and a in table]
        needs = frozenset[Value]().union(*(leaves for leaves, _ in found))
        depth = 1 + max((d for _, d in found), default=0)
        total, limit = weigh(needs), weight(value.type)
        better = total < limit or (total == limit and stmt.cost is Cost.FREE)
        return (needs, depth) if better and depth <= DEPTH else own


def again(draft: Draft, value: Value) -> Apply | None:
    """The op that computes the value, if the backward pass may compute it again."""
    stmt = draft.producer(value)
    if stmt is None or stmt.op.effect is not Effect.NONE or stmt.op.overwrites is not None:
        return None
    return None if stmt.cost is Cost.COSTLY else stmt


def undo_cost(history: History, step: Step) -> int:
    """The size of what must be stored to undo the step on its own."""
    match step.stmt:
        case Apply():
            return weight(saved_read(step.stmt)[1].type)
        case For() | While():
            results = step.stmt.body.results
            roots = [r for j in step.carries if isinstance(r := results[j], Value)]
            steps = history.undo(step.stmt.body, roots).steps
            return MANY * sum(undo_cost(history, s) for s in steps)
        case If():
            total = 0
            for block in (step.stmt.then, step.stmt.orelse):
                root = block.results[step.carries[0]]
                undo = history.undo(block, [root] if isinstance(root, Value) else [])
                total += sum(undo_cost(history, s) for s in undo.towards(step.before))
            return total
        case Call():
            return 0
        case _:
            assert_never(step.stmt)


def choose(blocks: list[Residuals], candidates: list[list[Group]]) -> list[int]:
    """The candidates to rebuild: each has one group for each of the blocks."""
    chosen: list[int] = []

    def total(picks: list[int]) -> int:
        return sum(r.cost([candidates[c][k] for c in picks]) for k, r in enumerate(blocks))

    best = total(chosen)
    for c in range(len(candidates)):
        cost = total([*chosen, c])
        if cost < best:
            best = cost
            chosen.append(c)
    return chosen


def weigh(values: Iterable[Value]) -> int:
    """The assumed total size of the values."""
    return sum(weight(v.type) for v in values)


def is_number(type: Type) -> bool:
    """Whether values of the type are single numbers."""
    return isinstance(type, ArrayType) and not type.rank


def weight(type: Type) -> int:
    """The assumed size of a value: 1 for a scalar."""
    match type:
        case ArrayType(shape=shape):
            total = 1
            for dim in shape:
                # a size that nothing is known about is that of a slice, most likely
                total *= dim if isinstance(dim, int) else MANY if dim else MANY // 2
            return total
        case ListType(element):
            return MANY * weight(element)
        case _:
            return 1
