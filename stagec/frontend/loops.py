"""Staged loops: the carry is found by a fixpoint over trial runs of the body.

A loop that cannot be staged (a value must be known that changes from trip to trip) is unrolled
if its trips are known; one whose state has no common type at the head is peeled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gast

from stagec.errors import Loc, StagecError
from stagec.frontend.closing import close
from stagec.frontend.exits import Flags, flags_of, fork_exit, is_unset, mark
from stagec.frontend.join import Join
from stagec.frontend.machine import LIMITS, Frame, Machine, NeedUnroll
from stagec.frontend.settling import (
    guessed,
    kept_some,
    note_carried,
    same_signature,
    signature,
)
from stagec.frontend.state import (
    RESULT,
    Branch,
    Exit,
    Leaf,
    State,
    Tree,
    extend,
    leaves,
    then_do,
)
from stagec.frontend.unify import Unjoinable, substitute
from stagec.frontend.values import (
    Content,
    Known,
    Maybe,
    Number,
)
from stagec.ir.core import (
    Block,
    Const,
    For,
    Operand,
    Stmt,
    Value as Staged,
    While,
    const,
)
from stagec.ir.types import INT, ArrayType, at_least
from stagec.ir.walk import clone


@dataclass(slots=True)
class Shape:
    """What differs between kinds of loops.

    `enter` runs one trip from the state at the head; `emit` makes the statement from the
    parameters, their initial values, the body block and the carry; `endless` tells, after a
    trip, whether the test of the loop is always true; `sort` tells paths of a trip apart from
    the state at the head.
    """

    stmt: gast.AST
    enter: Callable[[State], Tree]
    emit: Callable[
        [tuple[Staged, ...], tuple[Operand, ...], Block, tuple[Staged, ...], bool], Stmt
    ]
    declare: Callable[[State], None]
    always: bool
    endless: Callable[[], bool]
    after: Callable[[State], Tree] | None
    sort: Callable[[State, Tree, Flags], Tree] | None = None


def variable_names(frame: Frame) -> dict[int, str]:
    """The cells of the variables in scope, here and where a `yield` leads, with their names."""
    found: dict[int, str] = {}
    at: Frame | None = frame
    while at is not None:
        scope = at.scope
        while scope is not None:
            for name, cell in scope.cells.items():
                found.setdefault(cell, name if not name.startswith(".") else "")
            scope = scope.parent
        at = at.around
    return found


def with_flags(names: dict[int, str], flags: Flags) -> dict[int, str]:
    """The names of variables, and those of the flags of a loop and of the result."""
    return names | {cell: f".{k}" for k, cell in enumerate((*flags.all(), RESULT))}


def dead_cells(frame: Frame, live: frozenset[str] | None) -> set[int]:
    """The cells of variables that are not live, here and where a `yield` leads."""
    dead: set[int] = set()
    at: Frame | None = frame
    while at is not None and live is not None:
        dead |= {cell for name, cell in at.scope.cells.items() if name not in live}
        at, live = at.around, at.needed
    return dead


def needed_names(frame: Frame, stmt: gast.AST) -> frozenset[str] | None:
    """The names that a trip of a loop, or what is behind it, uses; None if that is unknown."""
    live, head = frame.live.get(id(stmt)), frame.head.get(id(stmt))
    return None if live is None or head is None else live | head


def keep_dead(tree: Tree, head: State, dead: set[int]) -> None:
    """Give paths that leave the loop what nobody needs behind it as it was at the head.

    The other paths carry it on, and need no flag that tells whether it is set.
    """
    for leaf in leaves(tree):
        if leaf.exit in (Exit.BREAK, Exit.LEAVE, Exit.RETURN):
            for cell in dead & head.cells.keys():
                leaf.state.cells.setdefault(cell, head.cells[cell])


def stage(m: Machine, frame: Frame, shape: Shape, state: State) -> Tree:
    """The loop as one statement; raises Unjoinable or NeedUnroll if it cannot be."""
    flags = flags_of(m, frame)
    kept = needed_names(frame, shape.stmt)
    entry = State(state.builder, {
        c: v for c, v in state.cells.items() if c not in dead_cells(frame, kept)
    })  # fmt: skip
    entry.cells.update(dict.fromkeys(flags.all(), Known(False)))
    guess = guessed(m, with_flags(variable_names(frame), flags), shape.stmt, entry)
    try:
        return rounds(m, frame, shape, state, entry, flags, kept, guess)
    except (Unjoinable, NeedUnroll, StagecError):
        if guess is None:
            raise
    return rounds(m, frame, shape, state, entry, flags, kept, None)


def rounds(
    m: Machine, frame: Frame, shape: Shape, state: State, entry: State, flags: Flags,
    kept: frozenset[str] | None, guess: Join | None,
) -> Tree:  # fmt: skip
    """Run the body until what the loop carries does not change any more, beginning with the
    guess.
    """
    loc = frame.loc(shape.stmt)
    join = guess
    for _ in range(LIMITS["rounds"]):
        body = State(state.builder.nested(), dict(entry.cells))
        params = () if join is None else tuple(p.out for p in join.phis)
        if join is not None:
            body.cells.update(join.cells)
        body.cells.update(dict.fromkeys(flags.all(), Known(False)))
        body.builder.declare(*params)
        for p in params:
            m.origin[p] = ("loop", id(shape.stmt))
        shape.declare(body)
        head = State(body.builder, dict(body.cells))
        tree = shape.enter(body)
        if shape.sort is not None:
            tree = shape.sort(head, tree, flags)
        keep_dead(tree, head, dead_cells(frame, frame.live.get(id(shape.stmt))))
        tree = mark(m, flags, tree)
        for flag in flags.all():
            entry.cells.setdefault(flag, Known(False))
        names, dropped = variable_names(frame), dead_cells(frame, kept)
        back = close(m, tree, names, dropped, force=True)
        if not isinstance(back, Leaf) or back.exit is not Exit.NORMAL:
            raise StagecError(
                "SC371", "no trip of this loop ends", loc, "write it without a loop"
            )
        for cell in dropped:
            back.state.cells.pop(cell, None)
        if join is guess and guess is not None and kept_some(guess, back.state):
            join = guess = None
            continue
        new = Join(m, entry, back.state, state.builder.depth, force=True, loop=True)
        new.run(names, dropped)
        if join is None and not new.phis and not new.merged:
            join = new
            break
        if join is not None and same_signature(signature(join, entry), signature(new, entry)):
            break
        join = new
    else:
        raise StagecError("SC372", "the state of this loop does not settle", loc, "simplify it")
    if guess is None or join is not guess:
        note_carried(m, new, entry, with_flags(names, flags), shape.stmt)
    return finish(m, frame, shape, state, entry, flags, join, new, back.state, loc)


def finish(
    m: Machine, frame: Frame, shape: Shape, state: State, entry: State, flags: Flags,
    join: Join, new: Join, back: State, loc: Loc | None,
) -> Tree:  # fmt: skip
    """Add the loop statement and open the paths behind it."""
    params = tuple(p.out for p in join.phis) if new is not join else ()
    stop = back.cells[flags.stop]
    until = not isinstance(stop, Known)
    init = tuple(p.left(entry) for p in new.phis)
    results = [p.right(back) for p in new.phis]
    if until:
        assert isinstance(stop, Number)
        results.append(stop.operand)
    elif isinstance(stop, Known) and stop.value:
        until = True
        results.append(const(True))
    body = back.builder.block(params, results)
    carry = tuple(Staged(p.type) for p in params)
    for out, p in zip(carry, params, strict=True):
        m.name(out, m.name_of(p))
    state.builder.append(shape.emit(params, init, body, carry, until))
    names: dict[Staged, Operand] = dict(zip(params, carry, strict=True))
    state.cells = {c: substitute(v, names) for c, v in join.cells.items()}
    if shape.always:
        for cell, content in state.cells.items():
            if isinstance(content, Maybe) and not isinstance(back.cells.get(cell), Maybe):
                state.cells[cell] = content.value
    return leave(shape, state, flags, loc)


def leave(shape: Shape, state: State, flags: Flags, loc: Loc | None) -> Tree:
    """The paths after a loop: returned, broken out of, or run to its end and what follows."""
    contents: dict[int, Content] = {c: state.cells.pop(c) for c in flags.all()}
    raised = {e: state.cells.pop(c, None) for e, c in flags.raised.items()}
    tree: Tree = Leaf(state)
    broke = contents[flags.broke]
    escapes = [e for e, c in flags.escapes.items() if not is_unset(contents[c])]
    endless = shape.endless() and not flags.ends
    if endless and is_unset(broke) and escapes:
        contents[flags.escapes[escapes[-1]]] = Known(True)
    for exit in escapes:
        out = contents[flags.escapes[exit]], exit, raised.get(exit)
        tree = then_do(tree, lambda s, out=out: fork_exit(s, *out, loc))
    after = shape.after
    if after is None or endless:
        return tree
    if isinstance(broke, Known):
        return tree if broke.value else then_do(tree, after)
    assert isinstance(broke, Number)
    flag = broke.operand

    def otherwise(s: State) -> Tree:
        return Branch(s, flag, Leaf(s.fork()), after(s.fork()), loc)

    return then_do(tree, otherwise)


def resumed(tree: Tree) -> Tree:
    """Paths that continue, as normal ones."""
    return extend(tree, lambda t: Leaf(t.state) if t.exit is Exit.CONTINUE else t)


def ended(m: Machine, frame: Frame, stmt: Any, tree: Tree) -> Tree:
    """The paths after an unrolled loop: normal ones run the else clause, broken ones go on."""

    def step(leaf: Leaf) -> Tree:
        if leaf.exit in (Exit.NORMAL, Exit.LEAVE):
            return m.run(stmt.orelse, frame, leaf.state) if stmt.orelse else Leaf(leaf.state)
        return Leaf(leaf.state) if leaf.exit is Exit.BREAK else leaf

    return extend(tree, step)


# -- for --------------------------------------------------------------------------------------


@dataclass(slots=True)
class Staged_:
    """An iteration over indices lo, lo + step, ... below hi, each giving `element`."""

    lo: Operand
    hi: Operand
    step: int
    reverse: bool
    element: Callable[[State, Any], Any]
    plain: bool = False


def else_clause(m: Machine, frame: Frame, stmt: Any) -> Callable[[State], Tree] | None:
    """What runs the else clause of a loop, if it has one."""
    return (lambda s: m.run(stmt.orelse, frame, s)) if stmt.orelse else None


def for_shape(
    m: Machine, frame: Frame, stmt: Any, it: Staged_, loc: Loc,
    trip: Callable[[State, Any], Tree], after: Callable[[State], Tree] | None,
) -> Shape:  # fmt: skip
    """A `For` statement."""
    index = Staged(INT)
    if isinstance(stmt.target, gast.Name):
        m.name(index, stmt.target.id if it.plain else "")
    m.origin[index] = ("loop", id(stmt))

    def emit(params: Any, init: Any, body: Block, carry: Any, until: bool) -> Stmt:
        block = Block((index, *params), body.stmts, body.results)
        step = const(it.step)
        return For(it.lo, it.hi, step, init, block, carry, until, it.reverse, None, loc)

    return Shape(
        stmt,
        enter=lambda s: trip(s, Number(index)),
        emit=emit,
        declare=lambda s: s.builder.declare(index),
        always=surely_some(it),
        endless=lambda: False,
        after=after,
    )


def surely_some(it: Staged_) -> bool:
    """Whether the loop surely makes a trip."""
    count = trips(it)
    if count is not None or not isinstance(it.lo, Const) or it.step != 1:
        return bool(count)
    least = at_least(it.hi.type.size) if isinstance(it.hi.type, ArrayType) else None
    return least is not None and least > it.lo.value


def trips(it: Staged_) -> int | None:
    """The trip count, if it is known."""
    if isinstance(it.lo, Const) and isinstance(it.hi, Const):
        return len(range(it.lo.value, it.hi.value, it.step))
    return None


def while_shape(
    m: Machine, frame: Frame, stmt: Any, loc: Loc, test: Callable[[State], Operand],
    trip: Callable[[State], Tree],
) -> Shape:  # fmt: skip
    """A `While` statement."""
    made: list[tuple[Any, Operand]] = []

    def enter(state: State) -> Tree:
        probe = state.fork()
        made[:] = [(probe.builder, test(probe))]
        return trip(state)

    def emit(params: Any, init: Any, body: Block, carry: Any, until: bool) -> Stmt:
        builder, cond = made[0]
        names: dict[Staged, Operand] = {}
        block = clone(Block(params, tuple(builder.stmts), (cond,)), names)
        return While(
            init, block, Block(params, body.stmts, body.results), carry, until, None, loc
        )

    def endless() -> bool:
        cond = made[0][1]
        return isinstance(cond, Const) and bool(cond.value)

    after = else_clause(m, frame, stmt)
    return Shape(stmt, enter, emit, lambda s: None, False, endless, after)
