"""What stands in the way of a write, and which copies clear it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from stagec.ir.alias import Atom, Atoms, Memory, disjoint
from stagec.ir.core import Apply, For, Stmt, Value, While
from stagec.ir.path import Path
from stagec.ir.types import ArrayType, ListType, rank_of
from stagec.ir.walk import operands
from stagec.ops.lists import list_append
from stagec.opt.bufferise.loops import Loop, Source, blame
from stagec.opt.bufferise.state import State

MANY_VIEWS = 2


@dataclass(slots=True)
class Conflicts:
    """What stands in the way of a write.

    Attributes
    ----------
    pairs : atoms of the written memory and the atoms that must be kept which they may overlap.
    values : live values that share the written memory, with the frames that keep them alive.
    reasons : why the memory may not be written to at all.
    """

    pairs: set[tuple[Atom, Atom]] = field(default_factory=set[tuple[Atom, Atom]])
    values: dict[Value, int] = field(default_factory=dict[Value, int])
    reasons: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, slots=True)
class Save:
    """Copy a value before a statement of a frame: the current one, or that which appends it
    to `list`.
    """

    value: Value
    stmt: Stmt
    level: int
    after: bool
    list: Value | None = None


def conflicts_of(
    state: State,
    target: Memory,
    path: Path | None,
    others: Iterable[tuple[Value, Atoms]],
    changed: Collection[Value] = (),
) -> Conflicts:
    """What must be kept when the current statement writes through `path` to the target.

    `others` are operands of the statement itself that must not share the written memory,
    `changed` values that may change with it.
    """
    found = Conflicts()
    for a in target.own:
        for b in (a, *state.near(a)):
            if b.fixed or b in state.locked:
                found.pairs.add((a, b))
                found.reasons.append(b.fixed or "the loop's condition must not change it")
            for value in state.holders(b):
                level = None if value in changed else state.live_level(value)
                if level is not None and not disjoint(state.of(value), target, path):
                    found.pairs.add((a, b))
                    found.values[value] = level
    for value, atoms in others:
        for a in target.own:
            for b in ({a} | state.near(a)) & atoms:
                found.pairs.add((a, b))
                found.values.setdefault(value, len(state.frames) - 1)
    return found


def blamed(
    state: State, loops: dict[For | While, Loop], conflicts: Conflicts
) -> set[Source] | None:
    """The initial values to copy so that nothing stands in the way; None: copy the operand."""
    found: set[Source] = set()
    for a, b in conflicts.pairs:
        sources = blame(loops, state, a, b)
        if sources is None:
            return None
        found |= sources
    return found


def savings(
    state: State, conflicts: Conflicts, operand: Value, position: int
) -> list[Save] | None:
    """How to keep the conflicting values by copying each of them; None if that is no way."""
    if conflicts.reasons:
        return None
    lists = ((v, k) for v, k in conflicts.values.items() if isinstance(v.type, ListType))
    found = [s for value, k in lists if (s := _last_item(state, value, k)) is not None]
    for value, level in conflicts.values.items():
        if isinstance(value.type, ListType):
            # a list of lists may refer to the item only through the inner list
            if not found or not (value.type.nested or any(s.list is value for s in found)):
                return None
            continue
        if not isinstance(value.type, ArrayType):
            return None
        stmt = state.frames[level].current
        if level == len(state.frames) - 1:
            after = value is operand
            helps = not (after and _elsewhere(stmt, value, position))
        else:
            after = value in operands(stmt)
            inside = state.uses.inside(stmt, value)
            helps = not inside or (not after and state.from_outside(operand, level))
        if not helps:
            return None
        found.append(Save(value, stmt, level, after))
    return found


def _last_item(state: State, value: Value, level: int) -> Save | None:
    """What the block of a frame appends to a list, in this trip or the one before, to be copied
    before that.
    """
    block, around = state.frames[level].block, state.frames[level].stmt
    params = block.params[1:] if isinstance(around, For) else block.params
    ends = zip(params, block.results, strict=False)
    made = {value, *(result for param, result in ends if param is value)}
    for stmt in block.stmts:
        if isinstance(stmt, Apply) and stmt.op is list_append and stmt.out in made:
            item = stmt.args[1]
            if isinstance(item, Value) and isinstance(item.type, ArrayType):
                return Save(item, stmt, level, after=False, list=value)
    return None


def _elsewhere(stmt: Stmt, value: Value, position: int) -> bool:
    """Whether the value is an operand at another position too."""
    return any(v is value for k, v in enumerate(operands(stmt)) if k != position)


def prefer_savings(
    state: State, saves: list[Save], operand: Value, loops: int, keep: bool
) -> bool:
    """Whether copying the conflicting values is better than copying what is written to.

    `loops` is how many loops that other copy would be in; `keep` says that the written memory
    is where the final value must be.
    """
    here = max(state.frames[save.level].loops for save in saves)
    if here != loops:
        return here < loops
    return keep or (
        len(saves) <= MANY_VIEWS
        and all(
            state.of(save.value).part or rank_of(save.value.type) < rank_of(operand.type)
            for save in saves
        )
    )
