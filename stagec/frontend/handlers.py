"""Exceptions and context managers."""

from __future__ import annotations

import dis
from collections.abc import Callable
from typing import Any

import gast

from stagec.errors import Loc, StagecError
from stagec.frontend import containers, library, managers, names, numpy_calls, objects
from stagec.frontend.assignments import assign
from stagec.frontend.expressions import evaluate
from stagec.frontend.machine import Frame, Machine, Raised
from stagec.frontend.raising import watched
from stagec.frontend.state import (
    RESULT,
    Exit,
    Leaf,
    State,
    Tree,
    extend,
    leaves,
    taken,
    then_do,
)
from stagec.frontend.values import DEFINED, NONE, BoundMethod, ExceptionValue, Known, Ref, Value
from stagec.ops import effects


def raise_statement(m: Machine, stmt: Any, frame: Frame, state: State, loc: Loc) -> Tree:
    """The paths after a `raise` statement."""
    if stmt.exc is None:
        if not m.catching:
            raise Raised(RuntimeError("No active exception to reraise"))
        return throw(m, state, m.catching[-1], loc)
    value = evaluate(m, frame, stmt.exc, state)
    return throw(m, state, m.guard(value) if isinstance(value, Known) else value, loc)


def exception_class(value: Any) -> type:
    """The class of an exception in flight."""
    if isinstance(value, ExceptionValue):
        return value.cls
    return value if isinstance(value, type) else type(value)


def try_statement(m: Machine, stmt: Any, frame: Frame, state: State, loc: Loc) -> Tree:
    """The paths after a `try` statement."""
    leaving = (BaseException,) if leaves_for_good(stmt.finalbody) else ()
    m.handlers.append((*leaving, *expected(m, stmt, frame, state)))
    try:
        tree = m.run(stmt.body, frame, state)
    finally:
        m.handlers.pop()

    def after(leaf: Leaf) -> Tree:
        if leaf.exit is Exit.NORMAL:
            return m.run(stmt.orelse, frame, leaf.state)
        return handle(m, stmt, frame, leaf, loc)

    if stmt.finalbody:
        m.handlers.append(leaving)
    try:
        tree = extend(tree, after)
    finally:
        if stmt.finalbody:
            m.handlers.pop()
    if stmt.finalbody:
        tree = extend(tree, lambda leaf: finalize(m, stmt.finalbody, frame, leaf))
    if m.handlers:
        return tree

    def uncaught(leaf: Leaf) -> Tree:
        if leaf.exit is Exit.RAISE and leaf.raised is not None:
            return throw(m, leaf.state, leaf.raised, loc)
        return leaf

    return extend(tree, uncaught)


def caught_classes(m: Machine, handler: Any, frame: Frame, state: State) -> Any:
    """The exception classes that a handler catches."""
    if handler.type is None:
        return BaseException
    return containers.plain(m, state, evaluate(m, frame, handler.type, state))


def expected(m: Machine, stmt: Any, frame: Frame, state: State) -> tuple[type, ...]:
    """The classes that the handlers of a `try` catch, as far as they are known before it."""
    found: list[type] = []
    for handler in stmt.handlers:
        try:
            classes = caught_classes(m, handler, frame, state.fork())
        except Raised:
            continue  # a name that is not set yet: it is looked up when something is raised
        found += classes if isinstance(classes, tuple) else [classes]
    return tuple(found)


def leaves_for_good(stmts: list[Any]) -> bool:
    """Whether a `finally` clause may leave by itself, which ends an exception."""
    ways = gast.Return | gast.Break | gast.Continue
    return any(isinstance(node, ways) for stmt in stmts for node in gast.walk(stmt))


def caught(m: Machine, state: State, raised: Any) -> Known | ExceptionValue:
    """What a handler calls the exception: the object itself if all of it is known."""
    if not isinstance(raised, ExceptionValue):
        return Known(raised)
    args = [containers.plain(m, state, a) for a in raised.args]
    known = containers.known(args) and raised.cls not in DEFINED
    return Known(raised.cls(*args)) if known else raised


def handle(m: Machine, stmt: Any, frame: Frame, leaf: Leaf, loc: Loc) -> Tree:
    """The path of an exception through the handlers of a `try`."""
    if leaf.exit is not Exit.RAISE or leaf.raised is None:
        return leaf
    raised = exception_class(leaf.raised)
    for handler in stmt.handlers:
        if issubclass(raised, caught_classes(m, handler, frame, leaf.state)):
            if handler.name:
                target = handler.name if isinstance(handler.name, str) else handler.name.id
                bound = caught(m, leaf.state, leaf.raised)
                names.store(m, frame, target, bound, leaf.state, loc)
            m.catching.append(leaf.raised)
            try:
                tree = m.run(handler.body, frame, leaf.state)
            finally:
                m.catching.pop()
            return forgotten(frame, handler, tree)
    return leaf


def forgotten(frame: Frame, handler: Any, tree: Tree) -> Tree:
    """The paths behind a handler, whose name for the exception is not set any more."""
    if not handler.name:
        return tree
    target = handler.name if isinstance(handler.name, str) else handler.name.id
    cell = names.lookup(frame, target)
    for leaf in leaves(tree):
        if cell is not None:
            leaf.state.cells.pop(cell, None)
    return tree


def finalize(m: Machine, body: list[Any], frame: Frame, leaf: Leaf) -> Tree:
    """The path through a `finally` clause: it leaves as it came, unless the clause leaves."""
    if leaf.exit is Exit.RAISE and leaf.raised is None:
        return leaf
    result = leaf.state.cells.get(RESULT)
    tree = m.run(body, frame, leaf.state)

    def back(end: Leaf) -> Tree:
        if end.exit is not Exit.NORMAL:
            return end
        if result is not None:
            end.state.cells[RESULT] = result
        return Leaf(end.state, leaf.exit, leaf.raised)

    return extend(tree, back)


def with_statement(m: Machine, stmt: Any, frame: Frame, state: State, loc: Loc) -> Tree:
    """The paths after a `with` statement."""
    (item,) = stmt.items
    manager = evaluate(m, frame, item.context_expr, state)
    if isinstance(manager, Known) and id(manager.value) in m.errstates:
        m.errstate |= m.errstates[id(manager.value)][1]
        return m.run(stmt.body, frame, state)
    if isinstance(manager, Ref) and manager.cls is library.Manager:
        return managers.run(m, stmt, frame, manager, state, loc)
    enter = objects.attribute(m, state, manager, "__enter__", loc)
    leave = objects.attribute(m, state, manager, "__exit__", loc)
    tree = m.call(enter, (), {}, state, loc)

    def bound(s: State) -> Tree:
        value = taken(s)
        if item.optional_vars is None:
            return Leaf(s)
        return assign(m, frame, item.optional_vars, value, s, loc)

    m.handlers.append((BaseException,) if suppresses(leave) else ())
    try:
        tree = then_do(tree, on_its_path(m, bound, loc))
        tree = then_do(tree, lambda s: m.run(stmt.body, frame, s))
    finally:
        m.handlers.pop()

    return extend(tree, lambda leaf: left(m, leave, leaf, loc))


def suppresses(leave: Value) -> bool:
    """Whether `__exit__` may return something true, which ends an exception."""
    function = leave.function if isinstance(leave, BoundMethod) else leave
    code = getattr(function.value, "__code__", None) if isinstance(function, Known) else None
    if code is None:
        return False
    before = None
    for instruction in dis.get_instructions(code):
        if instruction.opname == "RETURN_CONST":
            before = instruction
        if instruction.opname in ("RETURN_CONST", "RETURN_VALUE") and (
            before is None or before.argval not in (None, False) or "CONST" not in before.opname
        ):
            return True
        before = instruction
    return False


def left(m: Machine, leave: Value, leaf: Leaf, loc: Loc) -> Tree:
    """The path after `__exit__`, the body of the `with` statement having ended as it has."""
    if leaf.exit is Exit.RAISE and leaf.raised is None:
        return leaf
    raised = leaf.exit is Exit.RAISE
    kind = Known(exception_class(leaf.raised)) if raised else NONE
    value: Any = NONE
    if raised:
        value = leaf.raised if isinstance(leaf.raised, ExceptionValue) else Known(leaf.raised)
    result = leaf.state.cells.get(RESULT)

    def called(s: State) -> Tree:
        return m.call(leave, (kind, value, NONE), {}, s, loc)

    def back(s: State) -> Tree:
        answer = m.truth(s, taken(s), loc)
        if result is not None:
            s.cells[RESULT] = result
        if raised and answer is True:
            return Leaf(s)
        if raised and not m.handlers:
            return throw(m, s, leaf.raised, loc)
        return Leaf(s, leaf.exit, leaf.raised)

    done = on_its_path(m, called, loc)(leaf.state)
    return then_do(done, on_its_path(m, back, loc))


def on_its_path(
    m: Machine, step: Callable[[State], Tree], loc: Loc | None
) -> Callable[[State], Tree]:
    """The step for one path of several: what it raises is raised there, the others go on."""

    def run(state: State) -> Tree:
        try:
            return watched(m, step, state)
        except Raised as raised:
            return throw(m, state, raised.value, loc)

    return run


def throw(m: Machine, state: State, value: Any, loc: Loc | None) -> Tree:
    """The path on which an exception is raised; nobody catching it, it ends here."""
    if m.handlers or value is None:
        return Leaf(state, Exit.RAISE, value)
    state.builder.loc = loc
    emit_raise(m, state, value, loc)
    return Leaf(state, Exit.RAISE)


def emit_raise(m: Machine, state: State, value: Any, loc: Loc | None) -> None:
    """Raise the exception at run time."""
    if isinstance(value, type):
        value = ExceptionValue(value, ())
    if isinstance(value, BaseException):
        value = ExceptionValue(type(value), tuple(Known(a) for a in value.args))
    if not isinstance(value, ExceptionValue):
        raise StagecError("SC390", "only exceptions can be raised", loc, "raise an exception")
    parts = [numpy_calls.printable(m, state, a, loc) for a in value.args]
    handles = [p if numpy_calls.has_handle(p) else m.const_handle(state, p) for p in parts]
    m.apply_op(state, effects.raise_, handles, exception=value.cls)
