"""Loops that are run at staging, trip by trip."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stagec.errors import Loc, StagecError
from stagec.frontend.closing import close
from stagec.frontend.loops import dead_cells, ended, needed_names, variable_names
from stagec.frontend.machine import LIMITS, Frame, Machine
from stagec.frontend.state import Exit, Leaf, State, Tree, leaves, then_do
from stagec.frontend.unify import Unjoinable
from stagec.frontend.values import Items, Ref, Value

PEELS = 4


def live_list(
    m: Machine, stmt: Any, frame: Frame, ref: Ref, state: State,
    body: Callable[[State, Value], Tree], loc: Loc,
) -> Tree:  # fmt: skip
    """A loop over a list as Python runs it: what the body appends is iterated too."""
    tree: Tree = Leaf(state)
    for k in range(LIMITS["unroll"] + 1):

        def step(s: State, k: int = k) -> Tree:
            content = s.cells[ref.cell]
            if not isinstance(content, Items):
                raise StagecError(
                    "SC376", "a list of run-time length changes while it is iterated", loc,
                    "iterate over a copy",
                )  # fmt: skip
            return body(s, content.items[k]) if k < len(content.items) else Leaf(s, Exit.LEAVE)

        tree = settled(m, frame, stmt, then_do(tree, step))
        if all(leaf.exit is not Exit.NORMAL for leaf in leaves(tree)):
            return ended(m, frame, stmt, tree)
    raise StagecError(
        "SC305", f"this loop would be unrolled more than {LIMITS['unroll']} times", loc,
        "loop over an array or a range instead",
    )  # fmt: skip


class Unsettled(StagecError):
    """The state of a loop keeps changing its type."""


def unsettled(clash: Unjoinable, loc: Loc) -> Unsettled:
    """The error for a loop whose state keeps changing its type."""
    return Unsettled(
        "SC373", f"the state of this loop has no common type: {clash.reason}", loc,
        "give each variable one type (rank, structure) before the loop",
    )  # fmt: skip


def settled(m: Machine, frame: Frame, stmt: Any, tree: Tree) -> Tree:
    """The tree with its normal paths merged at the end of a trip, if they can be."""
    kept = needed_names(frame, stmt)
    if isinstance(tree, Leaf):
        return tree
    if sum(leaf.exit is Exit.NORMAL for leaf in leaves(tree)) < 2:
        return tree
    try:
        return close(m, tree, variable_names(frame), dead_cells(frame, kept))
    except Unjoinable as clash:
        if sum(1 for _ in leaves(tree)) > LIMITS["paths"]:
            raise unsettled(clash, frame.loc(stmt)) from None
        return tree


def need_few(trips: int, loc: Loc) -> None:
    """Refuse to unroll this many trips if they are too many."""
    if trips > LIMITS["unroll"]:
        raise StagecError(
            "SC305", f"this loop would be unrolled {trips} times", loc,
            "loop over an array or a range instead",
        )  # fmt: skip


def unrolled(
    m: Machine, stmt: Any, frame: Frame, items: list[Any], state: State,
    body: Callable[[State, Value], Tree], loc: Loc,
) -> Tree:  # fmt: skip
    """A loop over items known at staging, one trip after another."""
    need_few(len(items), loc)
    tree: Tree = Leaf(state)
    for item in items:
        tree = then_do(tree, lambda s, v=item: body(s, v))
        tree = settled(m, frame, stmt, tree)
        if all(leaf.exit is not Exit.NORMAL for leaf in leaves(tree)):
            break
    return ended(m, frame, stmt, tree)
