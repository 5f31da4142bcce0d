"""How paths leave a staged loop: flags that it carries say so, which are asked behind it.

An exception that is caught outside of the loop leaves it in a cell, as a variable would.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from stagec.errors import Loc
from stagec.frontend.machine import Frame, Machine
from stagec.frontend.state import (
    Branch,
    Exit,
    Leaf,
    Leaving,
    Outward,
    State,
    Thrown,
    Tree,
    extend,
    leaves,
)
from stagec.frontend.values import Content, ExceptionValue, Known, Number


@dataclass(slots=True)
class Flags:
    """The cells of the exit flags of one loop; `ends` says that its own test may end it."""

    stop: int
    broke: int
    escapes: dict[Leaving, int]
    ends: bool = False
    # the cells of exceptions on their way out
    raised: dict[Leaving, int] = field(default_factory=dict[Leaving, int])

    def all(self) -> list[int]:
        """Every flag."""
        return [self.stop, self.broke, *self.escapes.values()]


def flags_of(m: Machine, frame: Frame) -> Flags:
    """Fresh exit flags for a loop of the function."""
    ways: tuple[Leaving, Leaving] = Exit.BREAK, Exit.RETURN
    escapes: list[Leaving] = [Exit.RETURN]
    for _ in range(frame.depth):
        ways = Outward(ways[0]), Outward(ways[1])
        escapes += ways
    numbers = range(m.cells + 1, m.cells + 3 + len(escapes))
    m.cells += len(numbers)
    m.unflagged.update(numbers)
    return Flags(numbers[0], numbers[1], dict(zip(escapes, numbers[2:], strict=True)))


def mark(m: Machine, flags: Flags, tree: Tree) -> Tree:
    """Every path as a normal one, with the flags saying how it left."""

    def step(leaf: Leaf) -> Tree:
        cells = leaf.state.cells
        way = leaf.exit
        if leaf.raised is not None:
            way = thrown(m, flags, leaf)
        elif leaf.exit is Exit.RAISE:
            return leaf
        if leaf.exit in (Exit.BREAK, Exit.LEAVE):
            cells[flags.stop] = Known(True)
            if leaf.exit is Exit.BREAK:
                cells[flags.broke] = Known(True)
            else:
                flags.ends = True
        elif way in flags.escapes:
            cells[flags.stop] = Known(True)
            cells[flags.escapes[way]] = Known(True)
        return Leaf(leaf.state)

    tree = extend(tree, step)
    for leaf in leaves(tree):
        for cell in flags.escapes.values():  # of exceptions that other paths raise
            leaf.state.cells.setdefault(cell, Known(False))
    return tree


def thrown(m: Machine, flags: Flags, leaf: Leaf) -> Thrown:
    """The way out of an exception, which is put into the cell of all of its form."""
    value = as_value(leaf.raised)
    way = Thrown(leaf.exit, value.cls, tuple(map(form, value.args)))
    if way not in flags.escapes:
        flags.escapes[way], flags.raised[way] = m.cells + 1, m.cells + 2
        m.cells += 2
        m.unflagged.update((m.cells - 1, m.cells))
    leaf.state.cells[flags.raised[way]] = value
    return way


def as_value(raised: Any) -> ExceptionValue:
    """An exception in flight as one that staged code has made."""
    if isinstance(raised, ExceptionValue):
        return raised
    if isinstance(raised, type):
        return ExceptionValue(raised, ())
    return ExceptionValue(type(raised), tuple(map(Known, raised.args)))


def form(value: Any) -> str:
    """What values of an exception that leave a loop as one have in common."""
    return repr(value.value) if isinstance(value, Known) else type(value).__name__


def is_unset(flag: Content) -> bool:
    """Whether an exit flag is never set."""
    return isinstance(flag, Known) and not flag.value


def fork_exit(state: State, flag: Content, exit: Leaving, raised: Any, loc: Loc | None) -> Tree:
    """A path that leaves by `exit` if the flag is set."""
    exit = exit.exit if isinstance(exit, Thrown) else exit
    if isinstance(flag, Known):
        return Leaf(state, exit, raised) if flag.value else Leaf(state)
    assert isinstance(flag, Number)
    gone = Leaf(state.fork(), exit, raised)
    return Branch(state, flag.operand, gone, Leaf(state.fork()), loc)
