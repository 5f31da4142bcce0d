"""Loops that go on in another way once a variable has got another form.

    best = None                          best = None
    for i in range(n):                   for i in range(n):
        if x[i] > t:                         if x[i] > t:
            best = a[i]                          best = a[i]; break
                                 ->      else: i = n
                                         for i in range(i + 1, n):
                                             if x[i] > t:
                                                 best = a[i]

None and an array have no common type, so that the loop cannot carry `best`.  But the trips that
leave it as it was are a loop, and the first one that does not is the way out of it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from stagec.frontend.exits import Flags
from stagec.frontend.join import Join
from stagec.frontend.machine import AliasClash, Machine, NeedUnroll
from stagec.frontend.state import (
    RESULT,
    Changed,
    Exit,
    Leaf,
    Leaving,
    State,
    Tree,
    extend,
    leaves,
)
from stagec.frontend.unify import Unjoinable, same_abstract
from stagec.frontend.unrolling import Unsettled
from stagec.frontend.values import Known

MOST = 4  # ways of leaving a loop with other forms


@dataclass(slots=True)
class Changes:
    """Tells the trips of a loop that change the form of a variable from those that do not.

    Attributes
    ----------
    index : the index of the trip that is staged now, if the loop has one.
    next : the cell that keeps it on the way out.
    forms : states that return something, one for each form of that.
    moved : the cells that keep variables on their way out of the loop, by the way and the cell.
    """

    machine: Machine
    index: Any = None
    next: int = 0
    forms: list[State] = field(default_factory=list[State])
    moved: dict[tuple[Leaving, int], int] = field(
        default_factory=dict[tuple["Leaving", int], int]
    )

    def sort(self, head: State, tree: Tree, flags: Flags) -> Tree:
        """The paths of a trip that began at the head: those with another form leave the loop.

        Raises Unjoinable if there are no others.
        """
        found = extend(tree, lambda leaf: self.sorted(head, leaf, flags))
        if not any(leaf.exit is Exit.NORMAL for leaf in leaves(found)):
            raise Unjoinable("each trip changes the form of a variable")
        for leaf in leaves(found):
            for flag in flags.all():
                leaf.state.cells.setdefault(flag, Known(False))
        return found

    def sorted(self, head: State, leaf: Leaf, flags: Flags) -> Leaf:
        """The path, which leaves the loop if a variable has another form than at the head."""
        cells = leaf.state.cells
        changed = () if leaf.exit is Exit.RAISE else self.changed(head, leaf.state)
        form = self.form(leaf.state) if leaf.exit is Exit.RETURN else 0
        if not changed and not form:
            return leaf
        way = Changed(leaf.exit, changed, form)
        if way not in flags.escapes:
            if sum(isinstance(e, Changed) for e in flags.escapes) == MOST:
                raise Unjoinable("variables change their form in many ways")
            flags.escapes[way] = self.cell()
        returned = (RESULT,) if leaf.exit is Exit.RETURN else ()
        for cell in (*changed, *returned):
            if (way, cell) not in self.moved:
                self.moved[way, cell] = self.cell()
            cells[self.moved[way, cell]] = cells.pop(cell)
            if cell in changed:
                cells[cell] = head.cells[cell]
        if self.index is not None:
            self.next = self.next or self.cell()
            cells[self.next] = self.index
        return Leaf(leaf.state, way)

    def changed(self, head: State, state: State) -> tuple[int, ...]:
        """The cells whose contents have no common type with those at the head."""
        return tuple(
            cell
            for cell in tuple(head.cells)  # an array from outside gets a cell when it joins
            if cell != RESULT and cell in state.cells
            if not self.joins(head, state, cell)
        )

    def form(self, state: State) -> int:
        """The number of the form of what is returned: values of one have a common type."""
        for k, other in enumerate(self.forms):
            if self.joins(other, state, RESULT):
                return k
        self.forms.append(State(state.builder, dict(state.cells)))
        return len(self.forms) - 1

    def joins(self, one: State, two: State, cell: int) -> bool:
        """Whether what the cell holds in the states has a common type."""
        before, now = one.cells[cell], two.cells[cell]
        if now is before or same_abstract(before, now):
            return True
        join = Join(self.machine, one, two, two.builder.depth, force=True, loop=True)
        with suppress(AliasClash):  # the join of all cells tells it where it is one
            try:
                join.content(cell, before, now)
            except Unjoinable:
                return False
        return True

    def cell(self) -> int:
        """A new cell for what is set on some paths only."""
        self.machine.cells += 1
        self.machine.unflagged.add(self.machine.cells)
        return self.machine.cells

    def opened(self, tree: Tree, further: Callable[[State, Any], Tree]) -> Tree:
        """The paths behind the loop, its variables in their other forms: `further` goes on
        behind the trip with an index.
        """

        def step(leaf: Leaf) -> Tree:
            cells, way = leaf.state.cells, leaf.exit
            index = cells.pop(self.next, None)
            for (other, cell), moved in self.moved.items():
                content = cells.pop(moved, None)
                if other == way and content is not None:
                    cells[cell] = content
            if not isinstance(way, Changed):
                return leaf
            if way.exit is Exit.NORMAL:
                return further(leaf.state, index)
            return Leaf(leaf.state, Exit.NORMAL if way.exit is Exit.BREAK else way.exit)

        return extend(tree, step)


def attempted(
    m: Machine, stmt: Any, state: State, peeled: int, make: Callable[[Changes], Tree]
) -> Tree | None:
    """What `make` gives in the state; None, and the state as it was, if that has no type.

    A loop that goes on in ever other ways is given up where it is the first one.
    """
    if ("peel", id(stmt)) in m.decisions:
        return None
    before, mark = dict(state.cells), len(state.builder.stmts)
    try:
        return make(Changes(m))
    except (Unjoinable, AliasClash):
        pass
    except (Unsettled, NeedUnroll):
        if peeled:
            raise
        m.decisions.add(("peel", id(stmt)))
    state.cells = before
    del state.builder.stmts[mark:]
    return None
