"""Which forward values of a block a backward pass keeps, and how it gets the others.

The cheapest way wins: values of enclosing blocks are simply there; views, index arithmetic and
cheap ops of what is there are computed again; earlier versions of an array that the block
writes to are rebuilt from its last one where that stores less than what is read of them; what
remains is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Set as AbstractSet
from dataclasses import dataclass, field
from typing import assert_never

from stagec.ir.core import Apply, Call, Cost, Effect, For, If, Operand, Value, While
from stagec.ir.types import ArrayType, ListType, Type
from stagec.transforms.drafts import Draft
from stagec.transforms.versions import History, Step, saved, saved_read

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

    `given` are those that are there anyway; `provided` the versions that backward statements
    inside (of nested loops) rebuild in passing.
    """

    draft: Draft
    history: History
    needs: AbstractSet[Value]
    given: AbstractSet[Value]
    provided: AbstractSet[Value]
    _leaves: dict[Value, frozenset[Value]] = field(
        default_factory=dict[Value, frozenset[Value]]
    )

    def stored(self, groups: Iterable[Group]) -> set[Value]:
        """The values to store if the arrays of the groups are rebuilt."""
        groups = tuple(groups)
        steps = [s for g in groups for s in g.steps]
        versions = {v for s in steps for v in (*s.before, *s.after)}
        versions.update(v for g in groups for v in g.roots)
        self._leaves = dict.fromkeys(versions | set(self.given), frozenset[Value]())
        kept = [saved(self.draft, s.stmt) for s in steps if isinstance(s.stmt, Apply)]
        chosen = {v for v in kept if v not in self.given}
        self._leaves.update((v, frozenset((v,))) for v in chosen)
        for step in steps:
            if isinstance(step.stmt, Apply):
                for index in step.stmt.args[2:]:
                    chosen |= self.leaves(index)
        for value in self.needs:
            chosen |= self.leaves(value)
        return self._without_derived(chosen, set(kept))

    def _without_derived(self, chosen: set[Value], fixed: set[Value]) -> set[Value]:
        """`chosen` without what follows from the rest."""
        order = [v for v in self.draft.defs if v in chosen and v not in fixed]
        for value in sorted(order, key=lambda v: -weight(v.type)):
            stmt = self._again(value)
            if stmt is None:
                continue
            needs = frozenset[Value]().union(*(self.leaves(a) for a in stmt.args))
            if needs <= chosen - {value}:
                chosen.remove(value)
        return chosen

    def leaves(self, operand: Operand) -> frozenset[Value]:
        """What must be stored to have the operand in the backward pass."""
        if not isinstance(operand, Value) or operand not in self.draft.defs:
            return frozenset()
        if operand not in self._leaves:
            self._leaves[operand] = self._cheapest(operand)
        return self._leaves[operand]

    def _cheapest(self, value: Value) -> frozenset[Value]:
        own = frozenset((value,))
        stmt = self._again(value)
        if stmt is None:
            return own
        needs = frozenset[Value]().union(*(self.leaves(a) for a in stmt.args))
        total, limit = weigh(needs), weight(value.type)
        again = total < limit or (total == limit and stmt.op.cost is Cost.FREE)
        return needs if again else own

    def _again(self, value: Value) -> Apply | None:
        """The op that computes the value, if it may be computed again."""
        stmt = self.draft.producer(value)
        if stmt is None or stmt.op.effect is not Effect.NONE or stmt.op.overwrites is not None:
            return None
        return None if stmt.op.cost is Cost.COSTLY else stmt

    def cost(self, groups: Iterable[Group]) -> int:
        """The size of what is stored if the arrays of the groups are rebuilt."""
        groups = tuple(groups)
        total = weigh(self.stored(groups))
        for group in groups:
            for step in group.steps:
                if not isinstance(step.stmt, Apply) and not self.provided >= set(step.before):
                    total += undo_cost(self.history, step)
        return total


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


def weight(type: Type) -> int:
    """The assumed size of a value: 1 for a scalar."""
    match type:
        case ArrayType(shape=shape):
            total = 1
            for dim in shape:
                total *= dim if isinstance(dim, int) else MANY
            return total
        case ListType(element):
            return MANY * weight(element)
        case _:
            return 1
