"""Closing a tree of paths into one path per exit.

Planning is pure; statements are only added by committing a plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from stagec.errors import Loc
from stagec.frontend.join import Join, Phi
from stagec.frontend.machine import Machine
from stagec.frontend.state import (
    Branch,
    Changed,
    Exit,
    Leaf,
    Leaving,
    Outward,
    State,
    Thrown,
    Tree,
)
from stagec.frontend.values import ArrayCell, Content, ExceptionValue
from stagec.ir.core import If, Operand, const
from stagec.ir.types import BOOL

# an exit, and which exception is in flight: each has a path of its own
Way: TypeAlias = tuple[Leaving, int]
ORDER = {exit: k for k, exit in enumerate(Exit)}


def order(exit: Leaving) -> tuple[int, int, int]:
    """The place of the exit among others: on the way out of generators behind returns."""
    depth = 0
    while isinstance(exit, Outward | Changed | Thrown):
        depth, exit = depth + 1, exit.exit
    return ORDER[Exit.RETURN if depth else exit], depth, ORDER[exit]


@dataclass(slots=True)
class Group:
    """The paths of a tree with one exit: the flag that tells it was taken, and their cells."""

    flag: Operand
    cells: dict[int, Content]
    raised: Any = None


@dataclass(slots=True)
class Plan:
    """How a tree is closed: its groups, and the Phis of each branch in it."""

    tree: Tree
    groups: dict[Way, Group]
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
        way = (tree.exit, id(tree.raised))
        return Plan(tree, {way: Group(const(True), tree.state.cells, tree.raised)}, [])
    then = plan(machine, tree.then, names, dropped, force)
    orelse = plan(machine, tree.orelse, names, dropped, force)
    phis: list[Phi] = []
    groups: dict[Way, Group] = {}
    depth = tree.parent.builder.depth
    one_path = not then.groups or not orelse.groups
    common = common_arrays(machine, tree.parent, then, orelse, phis)
    ways = dict.fromkeys((*then.groups, *orelse.groups))
    for way in sorted(ways, key=lambda w: order(w[0])):
        a, b = then.groups.get(way), orelse.groups.get(way)
        left = State(tree.parent.builder, a.cells if a else {})
        right = State(tree.parent.builder, b.cells if b else {})
        join = Join(machine, left, right, depth, force)
        join.phis, join.common = phis, common
        raised = (a or b).raised  # type: ignore[union-attr]
        if a and b:
            join.run(names, dropped)
            flag = join.operand(a.flag, b.flag)
        else:
            only = a or b
            assert only is not None
            for cell, content in only.cells.items():
                shares = isinstance(content, ArrayCell) and content.shares
                outside = tree.parent.cells.get(cell) is content and not shares
                if outside and cell not in common:
                    join.cells[cell] = content
                elif outside or cell not in dropped:
                    join.one_cell(cell, content, a is not None)
            join.settle()
            if isinstance(raised, ExceptionValue):
                raised = join.only(raised, a is not None)
            flags = (a.flag if a else const(False), b.flag if b else const(False))
            flag = only.flag if one_path else join.operand(*flags)
            if one_path:
                flag = join.only(flag, a is not None)
        groups[way[0], id(raised)] = Group(flag, join.cells, raised)
    # an If around this one must know that these are defined in its branch
    tree.parent.builder.declare(*(p.out for p in phis))
    return Plan(tree, groups, phis, then, orelse)


def common_arrays(
    machine: Machine, here: State, then: Plan, orelse: Plan, phis: list[Phi]
) -> dict[int, Operand]:
    """The arrays that differ between the branches but not between the exits of either.

    One operand stands for such an array whatever the exit: the array is not needed as it was
    before the branches once one of them has written to it.
    """
    if len(then.groups.keys() | orelse.groups.keys()) == 1:
        return {}
    left, right = operands(then), operands(orelse)
    join = Join(machine, here, here, 0)
    join.phis = phis
    return {
        cell: join.array(a, b)
        for cell, a in left.items()
        if (b := right.get(cell)) and a is not b and a.type == b.type
    }


def operands(planned: Plan) -> dict[int, Operand]:
    """The operands of the arrays that are the same for each exit."""
    found: dict[int, Operand] = {}
    several: set[int] = set()
    for group in planned.groups.values():
        for cell, content in group.cells.items():
            if not isinstance(content, ArrayCell):
                continue
            if found.setdefault(cell, content.operand) is not content.operand:
                several.add(cell)
    return {cell: operand for cell, operand in found.items() if cell not in several}


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


def split(parent: State, exits: list[tuple[Way, Group]], loc: Loc | None) -> Tree:
    """A path per exit, the normal one last, below their flags."""
    exits = sorted(exits, key=lambda e: e[0][0] is Exit.NORMAL)
    (way, group), *rest = exits
    if not rest:
        return Leaf(State(parent.builder, dict(group.cells)), way[0], group.raised)
    then = Leaf(State(parent.builder.nested(), dict(group.cells)), way[0], group.raised)
    other = State(parent.builder.nested(), parent.cells)
    return Branch(parent, BOOLEAN(group.flag), then, split(other, rest, loc), loc)


def BOOLEAN(flag: Operand) -> Operand:
    """The flag, checked to be a Python bool."""
    assert flag.type == BOOL
    return flag
