"""The `while` statement."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import gast

from stagec.errors import Loc, StagecError
from stagec.frontend import loops, numpy_calls
from stagec.frontend.desugar import is_normal_exit
from stagec.frontend.expressions import evaluate
from stagec.frontend.loops import ended, resumed, stage
from stagec.frontend.machine import LIMITS, Frame, Machine, NeedUnroll
from stagec.frontend.state import RESULT, Branch, Exit, Leaf, State, Tree, extend
from stagec.frontend.unify import Unjoinable, as_operand, same_abstract
from stagec.frontend.unrolling import PEELS, settled, unsettled
from stagec.frontend.values import Known, Number
from stagec.ir.core import Operand, const
from stagec.ir.walk import effectful


class Impure(Exception):
    """The test of a loop changes the state at its head, though not at its entry."""


def run_while(m: Machine, stmt: Any, frame: Frame, state: State, loc: Loc) -> Tree:
    """The paths after a `while` statement."""
    pure = tested(m, stmt, frame, state.fork(), loc) is not None
    before, mark = dict(state.cells), len(state.builder.stmts)
    try:
        return while_loop(m, stmt, frame, state, loc, 0, 0, pure)
    except Impure:
        state.cells = before
        del state.builder.stmts[mark:]
        return while_loop(m, stmt, frame, state, loc, 0, 0, False)


def split_test(stmt: Any) -> tuple[list[Any], Any, list[Any]]:
    """The statements that a test was hoisted to, the test itself, and the rest of the body."""
    if not (isinstance(stmt.test, gast.Constant) and stmt.test.value is True):
        return [], stmt.test, stmt.body
    for k, part in enumerate(stmt.body):
        if isinstance(part, gast.If) and len(part.body) == 1 and not part.orelse:
            leave = part.body[0]
            if isinstance(leave, gast.Break) and is_normal_exit(leave):
                return stmt.body[:k], part.test, stmt.body[k + 1 :]
    return [], stmt.test, stmt.body


def tested(
    m: Machine, stmt: Any, frame: Frame, state: State, loc: Loc
) -> bool | Operand | None:
    """The truth of a loop's test, computed in a state of its own; None if it is not pure."""
    hoisted, test, _ = split_test(stmt)
    before = dict(state.cells)
    tree = m.run(hoisted, frame, state) if hoisted else Leaf(state)
    if not isinstance(tree, Leaf) or tree.exit is not Exit.NORMAL:
        return None
    if sets_names(frame, before, tree.state):
        return None
    state.cells = tree.state.cells
    if any(effectful(s) for s in state.builder.stmts):
        return None
    truth = m.truth(state, evaluate(m, frame, test, state), loc)
    if not hoisted:
        return truth
    if isinstance(truth, bool):
        return not truth
    negated = numpy_calls.apply(m, state, operator.not_, (Number(truth),), {}, loc)
    assert isinstance(negated, Known | Number)
    return as_operand(negated)


def sets_names(frame: Frame, before: dict[int, Any], state: State) -> bool:
    """Whether a cell that existed, or a variable of the user, has another content now; what
    nobody needs any more may be gone.
    """
    names = frame.scope.cells.items()
    temporary = {cell for name, cell in names if name.startswith(".")} | {RESULT}
    variables = {cell for name, cell in names} & state.cells.keys()
    return any(
        not same_abstract(before.get(cell), state.cells.get(cell))
        for cell in ((before.keys() & state.cells.keys()) | variables) - temporary
    )


def attempt(
    m: Machine, stmt: Any, frame: Frame, state: State, loc: Loc,
    truth: Callable[[State], bool | Operand], body: Callable[[State], Tree], known: bool,
    peeled: int,
) -> Tree | int:  # fmt: skip
    """The loop staged; where it must run a trip by itself first, how many are peeled then."""

    def test(s: State) -> Operand:
        found = truth(s)
        return const(found) if isinstance(found, bool) else found

    try:
        shape = loops.while_shape(m, frame, stmt, loc, test, body)
        return stage(m, frame, shape, state)
    except NeedUnroll as need:
        if id(stmt) not in need.loops or not known:
            raise
        m.decisions.add(("unroll", id(stmt)))
        return peeled
    except Unjoinable as clash:
        if peeled >= PEELS and not known:
            raise unsettled(clash, loc) from None
        return peeled + 1


def left(m: Machine, stmt: Any, frame: Frame, leaf: Leaf) -> Tree:
    """A path that left the loop."""
    if leaf.exit is Exit.LEAVE and stmt.orelse:
        return m.run(stmt.orelse, frame, leaf.state)
    return Leaf(leaf.state) if leaf.exit in (Exit.BREAK, Exit.LEAVE) else leaf


def while_loop(
    m: Machine, stmt: Any, frame: Frame, state: State, loc: Loc, peeled: int, made: int,
    pure: bool,
) -> Tree:  # fmt: skip
    """A `while` loop: staged if possible, else trip by trip as long as the test is known.

    `pure` says that the test changes nothing, so that it can be told from the body.
    """

    def truth(s: State) -> bool | Operand:
        if not pure:
            return m.truth(s, evaluate(m, frame, stmt.test, s), loc)
        found = tested(m, stmt, frame, s, loc)
        if found is None:
            raise Impure
        return found

    def body(s: State) -> Tree:
        stmts = split_test(stmt)[2] if pure else stmt.body
        return resumed(m.run(stmts, frame, s))

    now = truth(state.fork())
    if now is False:
        return ended(m, frame, stmt, Leaf(state))
    known = isinstance(now, bool)
    if not (known and m.decided("unroll", id(stmt))):
        staged = attempt(m, stmt, frame, state, loc, truth, body, known, peeled)
        if not isinstance(staged, int):
            return staged
        peeled = staged
    if made > LIMITS["unroll"]:
        raise StagecError(
            "SC305", f"this loop was unrolled {made} times without an end", loc,
            "let its condition depend on staged values",
        )  # fmt: skip

    def rest(leaf: Leaf) -> Tree:
        if leaf.exit is not Exit.NORMAL:
            return left(m, stmt, frame, leaf)
        return while_loop(m, stmt, frame, leaf.state, loc, peeled, made + 1, pure)

    if known:
        return extend(settled(m, frame, stmt, body(state)), rest)
    cond = truth(state)
    assert not isinstance(cond, bool)
    then, orelse = state.fork(), state.fork()
    first = extend(settled(m, frame, stmt, body(then)), rest)
    return Branch(state, cond, first, ended(m, frame, stmt, Leaf(orelse)), loc)
