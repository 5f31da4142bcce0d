"""Context managers that are generators: the body of a `with` statement runs at the `yield`."""

from __future__ import annotations

from typing import Any

from stagec.errors import Loc, StagecError
from stagec.frontend import iterators
from stagec.frontend.assignments import assign
from stagec.frontend.calls import code_of, nested_code, run_body
from stagec.frontend.exits import fork_exit
from stagec.frontend.machine import Frame, Machine, Raised
from stagec.frontend.state import (
    RESULT,
    Exit,
    Leaf,
    Leaving,
    State,
    Tree,
    extend,
    leaves,
    then_do,
)
from stagec.frontend.values import Generator, Known, Ref, Value

# how the body may end the statement, other than by an exception
LEAVING: tuple[Leaving, ...] = (Exit.BREAK, Exit.LEAVE, Exit.CONTINUE, Exit.RETURN)


def run(m: Machine, stmt: Any, frame: Frame, manager: Ref, state: State, loc: Loc) -> Tree:
    """The paths after a `with` statement whose manager is a generator."""
    generator = iterators.taken(m, state, m.inside(state, manager).get("generator"), loc)
    if not isinstance(generator, Generator):
        raise StagecError(
            "SC375", "a context manager that was used before", loc, "make a new one"
        )
    f = generator.function
    code = nested_code(f.node) if f.code.function is None else code_of(f.code.function)[0]
    ways = Ways(m, state)

    def at_yield(value: Value, s: State, where: Loc) -> Tree:
        if known(s.cells[ways.yielded], where):
            raise Raised(RuntimeError("generator didn't stop"))
        s.cells[ways.yielded] = Known(True)
        target = stmt.items[0].optional_vars
        with m.resumed(frame):
            tree = Leaf(s) if target is None else assign(m, frame, target, value, s, loc)
            tree = then_do(tree, lambda t: m.run(stmt.body, frame, t))
        return ways.noted(tree)

    inner = Frame(
        *(generator.scope, code.info, f.code, f.node.name, RESULT, code.live, code.head),
        *(at_yield, frame.depth, frame),
    )
    return ways.gone(run_body(m, inner, code, state, loc), loc)


class Ways:
    """How paths leave the body of a `with` statement, which the rest of the generator follows:
    cells say so, which are asked behind it.
    """

    def __init__(self, m: Machine, state: State) -> None:
        first = m.cells + 1
        self.yielded, self.result = first, first + 1
        self.flags: dict[Leaving, int] = {way: first + 2 + k for k, way in enumerate(LEAVING)}
        m.cells += 2 + len(self.flags)
        m.unflagged.update(range(first, m.cells + 1))
        state.cells |= dict.fromkeys((self.yielded, *self.flags.values()), Known(False))

    def noted(self, tree: Tree) -> Tree:
        """The paths out of the body as such that go on in the generator."""

        def step(leaf: Leaf) -> Tree:
            if leaf.exit not in self.flags:
                return leaf
            cells = leaf.state.cells
            cells[self.flags[leaf.exit]] = Known(True)
            if RESULT in cells:
                cells[self.result] = cells.pop(RESULT)
            return Leaf(leaf.state)

        return extend(tree, step)

    def gone(self, tree: Tree, loc: Loc) -> Tree:
        """The paths after the generator: each leaves as it left the body."""

        def step(leaf: Leaf) -> Tree:
            cells = leaf.state.cells
            yielded, result = cells.pop(self.yielded), cells.pop(self.result, None)
            flags = {way: cells.pop(cell) for way, cell in self.flags.items()}
            if leaf.exit is not Exit.NORMAL:
                return leaf
            cells.pop(RESULT, None)
            if not known(yielded, loc):
                raise Raised(RuntimeError("generator didn't yield"))
            tree: Tree = leaf
            for way, flag in flags.items():
                tree = then_do(tree, lambda s, w=way, f=flag: left(s, w, f, result, loc))
            return tree

        return extend(tree, step)


def known(yielded: Any, loc: Loc) -> bool:
    """Whether the generator has yielded on this path."""
    if isinstance(yielded, Known):
        return bool(yielded.value)
    raise StagecError(
        "SC375", "a context manager that yields on some paths only", loc,
        "yield once on each path",
    )  # fmt: skip


def left(state: State, way: Leaving, flag: Any, result: Any, loc: Loc) -> Tree:
    """The path that left the body in this way, and the one that did not."""
    tree = fork_exit(state, flag, way, None, loc)
    for leaf in leaves(tree):
        if leaf.exit is Exit.RETURN:
            leaf.state.cells[RESULT] = result
    return tree
