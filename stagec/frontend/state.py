"""The abstract state: cells, the block being built, and the tree of open paths.

Staging a statement turns a state into a tree: a leaf for each path that is still open, below
the staged conditions that tell them apart.  `join.close` turns a tree into one path again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias, cast

from stagec.errors import Loc
from stagec.frontend import values as abstract
from stagec.frontend.values import Content
from stagec.ir.build import Builder
from stagec.ir.core import Apply, Op, Operand, Stmt, Value


@dataclass(slots=True)
class Defs:
    """Where each staged value was made: the depth of its block, and its statement."""

    depth: dict[Value, int] = field(default_factory=dict[Value, int])
    producer: dict[Value, Stmt] = field(default_factory=dict[Value, Stmt])
    count: int = 0
    # looks at each op that is added, if what it raises may be caught (`raising.Watch`)
    watch: Any = None


@dataclass(slots=True)
class BlockBuilder(Builder):
    """A builder that knows its nesting depth and records its definitions."""

    defs: Defs = field(default_factory=Defs)
    depth: int = 0
    parent: BlockBuilder | None = None

    def add(
        self, op: Op, args: Sequence[Operand], attrs: dict[str, Any], hint: str = ""
    ) -> tuple[Value, ...]:
        """Append `op(*args, **attrs)` and return its results."""
        if self.defs.watch is not None:
            found = self.defs.watch.look(self, op, tuple(args), attrs)
            if found is not None:
                return found
        outs = Builder.add(self, op, args, attrs, hint)
        self.record(self.stmts[-1])
        return outs

    def append(self, stmt: Stmt) -> None:
        """Append a finished statement."""
        self.stmts.append(stmt)
        self.record(stmt)
        if isinstance(stmt, Apply):
            self._producers.update(dict.fromkeys(stmt.outs, stmt))

    def record(self, stmt: Stmt) -> None:
        """Note where the results of the statement were made."""
        self.defs.count += 1
        for out in stmt.outs:
            self.defs.depth[out] = self.depth
            self.defs.producer[out] = stmt

    def declare(self, *params: Value) -> None:
        """Note parameters of the block."""
        self.defs.depth.update(dict.fromkeys(params, self.depth))

    def nested(self) -> BlockBuilder:
        """A builder for a block inside this one."""
        return BlockBuilder(loc=self.loc, defs=self.defs, depth=self.depth + 1, parent=self)


@dataclass(slots=True)
class State:
    """The cells on one path, and the block that the path appends to."""

    builder: BlockBuilder
    cells: dict[int, Content]

    def fork(self) -> State:
        """A copy that builds a nested block."""
        return State(self.builder.nested(), dict(self.cells))


class Exit(Enum):
    """How a path left the statements it was in."""

    NORMAL = "normal"
    BREAK = "break"
    LEAVE = "leave"  # the condition of a loop became false: its else clause runs
    CONTINUE = "continue"
    RETURN = "return"
    RAISE = "raise"


@dataclass(frozen=True, slots=True)
class Outward:
    """How a path left the body of a loop over a generator, on its way through the generator."""

    exit: Leaving


@dataclass(frozen=True, slots=True)
class Changed:
    """How a path left a loop because variables, those in the cells, got another form; `exit`
    is how it left the trip, and `form` tells what it returns from what others do.
    """

    exit: Leaving
    cells: tuple[int, ...]
    form: int


@dataclass(frozen=True, slots=True)
class Thrown:
    """How an exception left a loop: its class, and what is known of its arguments; `exit` is
    how it left the trip.
    """

    exit: Leaving
    cls: type
    form: tuple[str, ...]


Leaving: TypeAlias = Exit | Outward | Changed | Thrown

RESULT = 0  # the cell that holds what a call returns, until the statement that made it takes it


@dataclass(slots=True)
class Leaf:
    """An open path; `raised` is the exception in flight if `exit` is RAISE."""

    state: State
    exit: Leaving = Exit.NORMAL
    raised: Any = None


@dataclass(slots=True)
class Branch:
    """Two paths told apart by a staged condition, in the block of `parent`."""

    parent: State
    cond: Operand
    then: Tree
    orelse: Tree
    loc: Loc | None


Tree: TypeAlias = Leaf | Branch


def leaves(tree: Tree) -> Iterator[Leaf]:
    """The open paths, in order."""
    if isinstance(tree, Leaf):
        yield tree
    else:
        yield from leaves(tree.then)
        yield from leaves(tree.orelse)


def extend(tree: Tree, step: Callable[[Leaf], Tree]) -> Tree:
    """The tree with each leaf replaced by what `step` makes of it."""
    if isinstance(tree, Leaf):
        return step(tree)
    return Branch(
        tree.parent, tree.cond, extend(tree.then, step), extend(tree.orelse, step), tree.loc
    )


def then_do(tree: Tree, step: Callable[[State], Tree]) -> Tree:
    """The tree with `step` run on each path that goes on normally."""
    return extend(tree, lambda leaf: step(leaf.state) if leaf.exit is Exit.NORMAL else leaf)


def taken(state: State) -> abstract.Value:
    """What the call just made returned, taken out of its cell."""
    return cast(abstract.Value, state.cells.pop(RESULT))


def finish(state: State, value: Any) -> Tree:
    """The tree of a call that returns `value`, which may be a tree already."""
    if isinstance(value, Leaf) or hasattr(value, "cond"):
        return value
    state.cells[RESULT] = value
    return Leaf(state)
