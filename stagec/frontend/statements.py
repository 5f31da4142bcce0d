"""Statements of the core language (see `desugar`): each turns a state into a tree of paths."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import gast

from stagec.errors import Loc, StagecError
from stagec.frontend import classes, containers, names, objects
from stagec.frontend.assignments import augmented
from stagec.frontend.calls import nested_code
from stagec.frontend.closing import close
from stagec.frontend.desugar import is_normal_exit
from stagec.frontend.expressions import evaluate, spread
from stagec.frontend.handlers import (
    on_its_path,
    raise_statement,
    throw,
    try_statement,
    with_statement,
)
from stagec.frontend.iteration import run_for
from stagec.frontend.loops import dead_cells, variable_names
from stagec.frontend.machine import LIMITS, Frame, Machine, Raised
from stagec.frontend.raising import watched
from stagec.frontend.state import (
    RESULT,
    Branch,
    Exit,
    Leaf,
    State,
    Tree,
    leaves,
    taken,
    then_do,
)
from stagec.frontend.unify import Unjoinable
from stagec.frontend.values import NONE, CodeContext, FunctionValue, Known, Value
from stagec.frontend.while_loops import run_while


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
    exits = list(leaves(tree))
    normal = sum(leaf.exit is Exit.NORMAL for leaf in exits)
    others = sum(
        leaf.exit is not Exit.NORMAL and not (leaf.exit is Exit.RAISE and leaf.raised is None)
        for leaf in exits
    )
    if normal == 0 or (normal == 1 and others):
        return tree
    live = frame.live.get(id(stmt))
    if any(leaf.raised is not None for leaf in exits):
        tree = apart(tree, lambda part: settle(m, frame, stmt, part))
        if sum(leaf.exit is Exit.NORMAL for leaf in leaves(tree)) == 1:
            return tree
    try:
        return close(m, tree, variable_names(frame), dead_cells(frame, live))
    except Unjoinable as clash:
        if normal > LIMITS["paths"]:
            raise StagecError(
                "SC304", f"more than {LIMITS['paths']} paths stay apart: {clash.reason}",
                frame.loc(stmt), "give the variables one type on all paths",
            ) from None  # fmt: skip
        return tree


def apart(tree: Tree, merged: Callable[[Tree], Tree]) -> Tree:
    """The tree with the parts merged in which nothing is raised."""
    if isinstance(tree, Leaf) or all(leaf.raised is None for leaf in leaves(tree)):
        return merged(tree)
    then, orelse = apart(tree.then, merged), apart(tree.orelse, merged)
    return Branch(tree.parent, tree.cond, then, orelse, tree.loc)


def statement(m: Machine, stmt: Any, frame: Frame, state: State) -> Tree:
    """The paths after one statement."""
    loc = frame.loc(stmt)
    state.builder.loc = loc
    m.spend(loc)
    try:
        return watched(m, lambda s: STATEMENTS[type(stmt)](m, stmt, frame, s, loc), state)
    except Raised as raised:
        return throw(m, state, raised.value, loc)
    except StagecError as error:
        raise error.at(loc) from error.__cause__


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
        tree = frame.consume(value, state, loc)
        return then_do(tree, on_its_path(m, lambda s: use(s, NONE), loc))
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
    tree = on_its_path(m, lambda s: m.call(f, args, kwargs, s, loc), loc)(state)
    return then_do(tree, on_its_path(m, lambda s: use(s, taken(s)), loc))


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
    made = FunctionValue(stmt, frame.scope.methods or frame.scope, defaults, kw, context)
    value: Value = classes.function(made) if frame.scope.methods else made
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
            index = evaluate(m, frame, key, state)
            own = objects.operator_method(m, state, container, "__delitem__", (index,), loc)
            if own is None:
                containers.del_item(m, state, container, index, loc)
        case gast.Attribute(value=base, attr=attr):
            owner, label = evaluate(m, frame, base, state), objects.mangled(frame, attr)
            own = objects.operator_method(m, state, owner, "__delattr__", (Known(label),), loc)
            if own is None:
                objects.delete_attribute(m, state, owner, label, loc)
        case _:
            raise StagecError("SC102", "this cannot be deleted in staged code", loc, "keep it")
    return Leaf(state)


def _nothing(m: Machine, stmt: Any, frame: Frame, state: State, loc: Loc) -> Tree:
    return Leaf(state)


def _continue(m: Machine, stmt: Any, frame: Frame, state: State, loc: Loc) -> Tree:
    return Leaf(state, Exit.CONTINUE)


def _annotated(m: Machine, stmt: Any, frame: Frame, state: State, loc: Loc) -> Tree:
    if stmt.value is not None:
        value = evaluate(m, frame, stmt.value, state)
        names.store(m, frame, stmt.target.id, value, state, loc)
    return Leaf(state)


STATEMENTS: dict[type, Callable[..., Tree]] = {
    gast.Assign: _assign, gast.Expr: _expr, gast.AugAssign: augmented, gast.If: _if,
    gast.For: run_for, gast.While: run_while, gast.Return: _return, gast.Break: _break,
    gast.Continue: _continue, gast.Pass: _nothing, gast.Raise: raise_statement,
    gast.Try: try_statement, gast.With: with_statement, gast.FunctionDef: _function,
    gast.Import: _import, gast.ImportFrom: _import, gast.Delete: _delete, gast.Global: _nothing,
    gast.Nonlocal: _nothing, gast.ClassDef: classes.class_statement, gast.AnnAssign: _annotated,
}  # fmt: skip
