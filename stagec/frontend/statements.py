"""Statements of the core language (see `desugar`): each turns a state into a tree of paths."""

from __future__ import annotations

import importlib
import operator
from collections.abc import Callable
from typing import Any

import gast
import numpy as np

from stagec.errors import Loc, StagecError
from stagec.frontend import arrays, containers, names, numpy_calls, objects
from stagec.frontend.calls import nested_code
from stagec.frontend.desugar import is_normal_exit, old_value
from stagec.frontend.expressions import BINARY, METHODS, binary, evaluate, spread, subscript
from stagec.frontend.iteration import run_for, run_while
from stagec.frontend.join import Unjoinable, close
from stagec.frontend.loops import dead_cells, variable_names
from stagec.frontend.machine import LIMITS, Frame, Machine, Raised
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
from stagec.frontend.values import (
    NONE,
    ArrayRef,
    CodeContext,
    ExceptionValue,
    FunctionValue,
    Items,
    Known,
    Ref,
    Value,
)
from stagec.ir.types import ArrayType
from stagec.ops import effects


def run(m: Machine, stmts: list[Any], frame: Frame, state: State) -> Tree:
    """The paths after the statements."""
    tree: Tree = Leaf(state)
    for stmt in stmts:
        tree = then_do(tree, lambda s, t=stmt: statement(m, t, frame, s))
        tree = settle(m, frame, stmt, tree)
        if all(leaf.exit is not Exit.NORMAL for leaf in leaves(tree)):
            break
    return tree


def settle(m: Machine, frame: Frame, stmt: Any, tree: Tree) -> Tree:
    """The tree with its normal paths merged, if that is worth it and possible."""
    if isinstance(tree, Leaf):
        return tree
    exits = [leaf for leaf in leaves(tree)]
    normal = sum(leaf.exit is Exit.NORMAL for leaf in exits)
    others = sum(
        leaf.exit is not Exit.NORMAL and not (leaf.exit is Exit.RAISE and leaf.raised is None)
        for leaf in exits
    )
    if normal == 0 or (normal == 1 and others):
        return tree
    if m.handlers and any(
        leaf.exit is Exit.RAISE and leaf.raised is not None for leaf in exits
    ):
        return tree
    live = frame.live.get(id(stmt))
    try:
        return close(m, tree, variable_names(frame), dead_cells(frame, live))
    except Unjoinable as clash:
        if normal > LIMITS["paths"]:
            raise StagecError(
                "SC304", f"more than {LIMITS['paths']} paths stay apart: {clash.reason}",
                frame.loc(stmt), "give the variables one type on all paths",
            ) from None  # fmt: skip
        return tree


def statement(m: Machine, stmt: Any, frame: Frame, state: State) -> Tree:
    """The paths after one statement."""
    loc = frame.loc(stmt)
    state.builder.loc = loc
    m.spend(loc)
    try:
        return STATEMENTS[type(stmt)](m, stmt, frame, state, loc)
    except Raised as raised:
        return throw(m, state, raised.value, loc)
    except StagecError as error:
        raise error.at(loc) from error.__cause__


def throw(m: Machine, state: State, value: Any, loc: Loc | None) -> Tree:
    """The path on which an exception is raised; nobody catching it, it ends here."""
    if m.handlers:
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


def _assign(m: Machine, stmt: Any, frame: Frame, state: State, loc: Loc) -> Tree:
    (target,) = stmt.targets
    return valued(
        m, stmt.value, frame, state, lambda s, v: m.assign(m, frame, target, v, s, loc)
    )


def _expr(m: Machine, stmt: Any, frame: Frame, state: State, loc: Loc) -> Tree:
    if isinstance(stmt.value, gast.Constant):
        return Leaf(state)
    return valued(m, stmt.value, frame, state, lambda s, v: Leaf(s))


def valued(
    m: Machine, node: Any, frame: Frame, state: State, use: Callable[[State, Value], Tree]
) -> Tree:
    """Run `use` on each path with the value of `node`, which may be a call or a yield."""
    loc = frame.loc(node)
    if isinstance(node, gast.Yield):
        if frame.consume is None:
            raise StagecError(
                "SC391", "a yield outside a consumed generator", loc, "loop over it"
            )
        value = NONE if node.value is None else evaluate(m, frame, node.value, state)
        return then_do(frame.consume(value, state, loc), lambda s: use(s, NONE))
    if not isinstance(node, gast.Call):
        return use(state, evaluate(m, frame, node, state))
    f = evaluate(m, frame, node.func, state)
    args = spread(m, frame, node.args, state)
    kwargs: dict[str, Value] = {}
    for keyword in node.keywords:
        value = evaluate(m, frame, keyword.value, state)
        if keyword.arg is not None:
            kwargs[keyword.arg] = value
        else:
            kwargs |= dict(containers.dict_items(m, state, value, loc))
    state.builder.loc = loc
    try:
        tree = m.call(f, args, kwargs, state, loc)
    except Raised as raised:
        return throw(m, state, raised.value, loc)
    return then_do(tree, lambda s: use(s, s.cells.pop(RESULT)))  # type: ignore[arg-type]


def assign(m: Machine, frame: Frame, target: Any, value: Value, state: State, loc: Loc) -> Tree:
    """Bind a target: name, attribute, subscript or pattern."""
    state.builder.loc = loc
    match target:
        case gast.Name(id=name):
            names.store(m, frame, name, value, state, loc)
        case gast.Attribute(value=base, attr=attr):
            receiver = evaluate(m, frame, base, state)
            objects.set_attribute(m, state, receiver, objects.mangled(frame, attr), value, loc)
        case gast.Subscript(value=base, slice=key):
            container = evaluate(m, frame, base, state)
            index = evaluate(m, frame, key, state)
            state.builder.loc = loc
            set_subscript(m, state, container, index, value, loc)
        case gast.Tuple(elts=elts) | gast.List(elts=elts):
            for part, item in zip(elts, matched(m, state, elts, value, loc), strict=True):
                inner = part.value if isinstance(part, gast.Starred) else part
                assign(m, frame, inner, item, state, loc)
        case _:
            raise StagecError("SC101", "this cannot be assigned to", loc, "assign to a name")
    return Leaf(state)


def matched(m: Machine, state: State, elts: list[Any], value: Value, loc: Loc) -> list[Value]:
    """The items of a value for the parts of a pattern, a starred part getting a list."""
    if isinstance(value, ArrayRef):
        kind = arrays.type_of(state, value)
        if not any(isinstance(e, gast.Starred) for e in elts) and kind.rank:
            m.require_size(state, value, 0, len(elts), loc)
            return [
                arrays.read_subscript(m, state, value, Known(k), loc) for k in range(len(elts))
            ]
    items = containers.unpack(m, state, value, loc)
    stars = [k for k, e in enumerate(elts) if isinstance(e, gast.Starred)]
    if not stars:
        if len(items) != len(elts):
            many = len(items) > len(elts)
            text = (f"too many values to unpack (expected {len(elts)})" if many else
                    f"not enough values to unpack (expected {len(elts)}, got {len(items)})")  # fmt: skip
            raise Raised(ValueError(text))
        return items
    (k,) = stars
    after = len(elts) - k - 1
    if len(items) < len(elts) - 1:
        raise Raised(
            ValueError(
                f"not enough values to unpack (expected at least {len(elts) - 1}, got {len(items)})"
            )
        )
    middle = Ref(m.new_cell(state, Items(tuple(items[k : len(items) - after]))), list)
    return [*items[:k], middle, *items[len(items) - after :]]


def set_subscript(
    m: Machine, state: State, base: Value, key: Value, value: Value, loc: Loc
) -> None:
    """`base[key] = value`."""
    if isinstance(base, Known) and isinstance(base.value, np.ndarray):
        base = m.captured_array(state, base, loc, write=True)
    if isinstance(base, ArrayRef):
        handle = numpy_calls.argument(m, state, value, loc)
        if isinstance(handle, list | tuple):
            handle = m.as_array(state, value, loc)
        arrays.write_subscript(m, state, base, key, handle, loc)
        return
    found = objects.operator_method(m, state, base, "__setitem__", (key, value), loc)
    if found is None:
        containers.set_item(m, state, base, key, value, loc)


def _augmented(m: Machine, stmt: Any, frame: Frame, state: State, loc: Loc) -> Tree:
    op = BINARY[type(stmt.op)]
    target = stmt.target
    right = evaluate(m, frame, stmt.value, state)
    held = old_value(stmt)
    match target:
        case gast.Name(id=name):
            old = names.load(m, frame, held or name, state, loc)
            new = in_place(m, state, op, old, right, loc)
            names.store(m, frame, name, new, state, loc)
        case gast.Attribute(value=base, attr=attr):
            receiver = evaluate(m, frame, base, state)
            name = objects.mangled(frame, attr)
            old = (
                names.load(m, frame, held, state, loc)
                if held
                else objects.attribute(m, state, receiver, name, loc)
            )
            new = in_place(m, state, op, old, right, loc)
            if not (isinstance(old, ArrayRef) and new is old):
                objects.set_attribute(m, state, receiver, name, new, loc)
        case gast.Subscript(value=base, slice=key):
            container = evaluate(m, frame, base, state)
            index = evaluate(m, frame, key, state)
            augment_item(
                m,
                state,
                op,
                container,
                index,
                right,
                held and names.load(m, frame, held, state, loc),
                loc,
            )
        case _:
            raise StagecError("SC101", "this cannot be assigned to", loc, "assign to a name")
    return Leaf(state)


def augment_item(
    m: Machine,
    state: State,
    op: Any,
    base: Value,
    key: Value,
    right: Value,
    held: Any,
    loc: Loc,
) -> None:
    """`base[key] op= right`."""
    if isinstance(base, Known) and isinstance(base.value, np.ndarray):
        base = m.captured_array(state, base, loc, write=True)
    if isinstance(base, ArrayRef) and not held and op in (operator.add, operator.sub):
        path, index = arrays.subscript(m, state, key, arrays.type_of(state, base).rank, loc)
        plain = all(
            not isinstance(o.type, ArrayType) or o.type.rank == 0 or o.type.dtype.kind == "b"
            for o in index
        )
        value = numpy_calls.argument(m, state, right, loc)
        if plain and addable(m, state, base, value):
            if op is operator.sub:
                value = numpy_calls.TABLE[operator.neg](m.lift(state, value))
            arrays.store(m, state, base, value, loc, path, index, accumulate=True)
            return
    old = held or subscript(m, state, base, key, loc)
    new = in_place(m, state, op, old, right, loc)
    if (
        isinstance(base, ArrayRef)
        and isinstance(old, ArrayRef)
        and new is old
        and m.is_view_of(old, base)
    ):
        return
    set_subscript(m, state, base, key, new, loc)


def addable(m: Machine, state: State, base: ArrayRef, value: Any) -> bool:
    """Whether adding the value into the array needs no cast that NumPy would refuse."""
    kind = arrays.type_of(state, base)
    dtype = getattr(m.lift(state, value), "dtype", None)
    if dtype is None or kind.dtype.kind == "b":
        return False
    return np.can_cast(np.result_type(kind.dtype, dtype), kind.dtype, "same_kind")


def in_place(m: Machine, state: State, op: Any, old: Value, right: Value, loc: Loc) -> Value:
    """`old op= right`: the same object where Python changes it in place."""
    if isinstance(old, Known) and isinstance(old.value, np.ndarray):
        old = m.captured_array(state, old, loc, write=True)
    if isinstance(old, ArrayRef):
        value = numpy_calls.argument(m, state, right, loc)
        if (
            op in (operator.add, operator.sub)
            and not isinstance(value, list | tuple)
            and addable(m, state, old, value)
        ):
            if op is operator.sub:
                value = numpy_calls.TABLE[operator.neg](m.lift(state, value))
            arrays.store(m, state, old, value, loc, accumulate=True)
            return old
        new = binary(m, state, op, old, right, loc)
        handle = numpy_calls.argument(m, state, new, loc)
        kind = arrays.type_of(state, old)
        if not np.can_cast(handle.dtype, kind.dtype, "same_kind"):
            name = METHODS[op]
            raise Raised(TypeError(
                f"Cannot cast ufunc {name!r} output from {handle.dtype!r} to {kind.dtype!r} "
                "with casting rule 'same_kind'"))  # fmt: skip
        arrays.store(m, state, old, handle, loc)
        return old
    if isinstance(old, Ref) and issubclass(old.cls, list) and op is operator.add:
        for item in containers.unpack(m, state, right, loc):
            containers.append(m, state, m.writable(state, old, loc), item, loc)
        return old
    found = objects.operator_method(m, state, old, f"__i{METHODS[op]}__", (right,), loc)
    return binary(m, state, op, old, right, loc) if found is None else found


def _if(m: Machine, stmt: Any, frame: Frame, state: State, loc: Loc) -> Tree:
    truth = m.truth(state, evaluate(m, frame, stmt.test, state), loc)
    if isinstance(truth, bool):
        return run(m, stmt.body if truth else stmt.orelse, frame, state)
    then, orelse = state.fork(), state.fork()
    return Branch(
        state, truth, run(m, stmt.body, frame, then), run(m, stmt.orelse, frame, orelse), loc
    )


def _return(m: Machine, stmt: Any, frame: Frame, state: State, loc: Loc) -> Tree:
    value = NONE if stmt.value is None else evaluate(m, frame, stmt.value, state)
    state.cells[RESULT] = value
    return Leaf(state, Exit.RETURN)


def _break(m: Machine, stmt: Any, frame: Frame, state: State, loc: Loc) -> Tree:
    return Leaf(state, Exit.LEAVE if is_normal_exit(stmt) else Exit.BREAK)


def _raise(m: Machine, stmt: Any, frame: Frame, state: State, loc: Loc) -> Tree:
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


def _try(m: Machine, stmt: Any, frame: Frame, state: State, loc: Loc) -> Tree:
    m.handlers.append(stmt)
    try:
        tree = run(m, stmt.body, frame, state)
        tree = then_do(tree, lambda s: run(m, stmt.orelse, frame, s))
    finally:
        m.handlers.pop()
    if stmt.finalbody:
        m.handlers.append(stmt)
    try:
        tree = extend(tree, lambda leaf: handle(m, stmt, frame, leaf, loc))
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


def handle(m: Machine, stmt: Any, frame: Frame, leaf: Leaf, loc: Loc) -> Tree:
    """The path of an exception through the handlers of a `try`."""
    if leaf.exit is not Exit.RAISE or leaf.raised is None:
        return leaf
    raised = exception_class(leaf.raised)
    for handler in stmt.handlers:
        if handler.type is None:
            classes: Any = BaseException
        else:
            value = evaluate(m, frame, handler.type, leaf.state)
            classes = containers.plain(m, leaf.state, value)
        if issubclass(raised, classes):
            if handler.name:
                target = handler.name if isinstance(handler.name, str) else handler.name.id
                bound = (
                    leaf.raised
                    if isinstance(leaf.raised, ExceptionValue)
                    else Known(leaf.raised)
                )
                names.store(m, frame, target, bound, leaf.state, loc)
            m.catching.append(leaf.raised)
            try:
                return run(m, handler.body, frame, leaf.state)
            finally:
                m.catching.pop()
    return leaf


def finalize(m: Machine, body: list[Any], frame: Frame, leaf: Leaf) -> Tree:
    """The path through a `finally` clause: it leaves as it came, unless the clause leaves."""
    if leaf.exit is Exit.RAISE and leaf.raised is None:
        return leaf
    result = leaf.state.cells.get(RESULT)
    tree = run(m, body, frame, leaf.state)

    def back(end: Leaf) -> Tree:
        if end.exit is not Exit.NORMAL:
            return end
        if result is not None:
            end.state.cells[RESULT] = result
        return Leaf(end.state, leaf.exit, leaf.raised)

    return extend(tree, back)


def _with(m: Machine, stmt: Any, frame: Frame, state: State, loc: Loc) -> Tree:
    (item,) = stmt.items
    manager = evaluate(m, frame, item.context_expr, state)
    if isinstance(manager, Known) and id(manager.value) in m.errstates:
        m.errstate |= m.errstates[id(manager.value)][1]
        return run(m, stmt.body, frame, state)
    enter = objects.attribute(m, state, manager, "__enter__", loc)
    leave = objects.attribute(m, state, manager, "__exit__", loc)
    tree = m.call(enter, (), {}, state, loc)

    def body(s: State) -> Tree:
        value = s.cells.pop(RESULT)
        inner: Tree = Leaf(s)
        if item.optional_vars is not None:
            inner = assign(m, frame, item.optional_vars, value, s, loc)  # type: ignore[arg-type]
        m.handlers.append(stmt)
        try:
            return then_do(inner, lambda t: run(m, stmt.body, frame, t))
        finally:
            m.handlers.pop()

    tree = then_do(tree, body)

    def after(leaf: Leaf) -> Tree:
        if leaf.exit is Exit.RAISE and leaf.raised is None:
            return leaf
        raised = leaf.exit is Exit.RAISE
        kind = Known(exception_class(leaf.raised)) if raised else NONE
        value: Any = NONE
        if raised:
            value = (
                leaf.raised if isinstance(leaf.raised, ExceptionValue) else Known(leaf.raised)
            )
        result = leaf.state.cells.get(RESULT)
        done = m.call(leave, (kind, value, NONE), {}, leaf.state, loc)

        def back(s: State) -> Tree:
            answer = m.truth(s, s.cells.pop(RESULT), loc)  # type: ignore[arg-type]
            if result is not None:
                s.cells[RESULT] = result
            if raised and answer is True:
                return Leaf(s)
            if raised and not m.handlers:
                return throw(m, s, leaf.raised, loc)
            return Leaf(s, leaf.exit, leaf.raised)

        return then_do(done, back)

    return extend(tree, after)


def _function(m: Machine, stmt: Any, frame: Frame, state: State, loc: Loc) -> Tree:
    defaults = tuple(evaluate(m, frame, d, state) for d in stmt.args.defaults)
    kw = tuple(
        (a.id, evaluate(m, frame, d, state))
        for a, d in zip(stmt.args.kwonlyargs, stmt.args.kw_defaults, strict=True)
        if d is not None
    )
    nested_code(stmt)
    context = CodeContext(
        frame.code.file, frame.code.globals, frame.code.class_name, frame.code.closure
    )
    for name in frame.info.cells:
        if name not in frame.scope.cells:
            names.variable(m, frame, name)
    value: Value = FunctionValue(stmt, frame.scope, defaults, kw, context)
    for decorator in reversed(stmt.decorator_list):
        f = evaluate(m, frame, decorator, state)
        value = m.call_value(state, f, (value,), {}, loc)
    names.store(m, frame, stmt.name, value, state, loc)
    return Leaf(state)


def _import(m: Machine, stmt: Any, frame: Frame, state: State, loc: Loc) -> Tree:
    for alias in stmt.names:
        if isinstance(stmt, gast.ImportFrom):
            module = importlib.import_module(
                ("." * (stmt.level or 0)) + (stmt.module or ""),
                frame.code.globals.get("__package__"),
            )
            value = getattr(module, alias.name)
        else:
            value = importlib.import_module(alias.name)
            if alias.asname is None:
                value = importlib.import_module(alias.name.partition(".")[0])
        names.store(
            m, frame, alias.asname or alias.name.partition(".")[0], Known(value), state, loc
        )
    return Leaf(state)


def _delete(m: Machine, stmt: Any, frame: Frame, state: State, loc: Loc) -> Tree:
    (target,) = stmt.targets
    match target:
        case gast.Name(id=name):
            names.delete(m, frame, name, state, loc)
        case gast.Subscript(value=base, slice=key):
            container = evaluate(m, frame, base, state)
            containers.del_item(m, state, container, evaluate(m, frame, key, state), loc)
        case _:
            raise StagecError("SC102", "this cannot be deleted in staged code", loc, "keep it")
    return Leaf(state)


def _nothing(m: Machine, stmt: Any, frame: Frame, state: State, loc: Loc) -> Tree:
    return Leaf(state)


def _continue(m: Machine, stmt: Any, frame: Frame, state: State, loc: Loc) -> Tree:
    return Leaf(state, Exit.CONTINUE)


def _class(m: Machine, stmt: Any, frame: Frame, state: State, loc: Loc) -> Tree:
    raise StagecError(
        "SC103", "a class defined in staged code", loc, "define it at module level"
    )


STATEMENTS: dict[type, Callable[..., Tree]] = {
    gast.Assign: _assign, gast.Expr: _expr, gast.AugAssign: _augmented, gast.If: _if,
    gast.For: run_for, gast.While: run_while, gast.Return: _return, gast.Break: _break,
    gast.Continue: _continue, gast.Pass: _nothing, gast.Raise: _raise, gast.Try: _try,
    gast.With: _with, gast.FunctionDef: _function, gast.Import: _import,
    gast.ImportFrom: _import, gast.Delete: _delete, gast.Global: _nothing,
    gast.Nonlocal: _nothing, gast.ClassDef: _class,
}  # fmt: skip
