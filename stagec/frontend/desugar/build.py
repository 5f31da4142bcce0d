"""Building nodes: every one takes the location of the node that it came from."""

from __future__ import annotations

from typing import Any, TypeVar

import gast

N = TypeVar("N", bound=gast.AST)


def at(origin: gast.AST, node: N) -> N:
    """`node`, placed where `origin` is."""
    return gast.copy_location(node, origin)


def load(origin: gast.AST, name: str) -> gast.Name:
    """A read of `name`."""
    return at(origin, gast.Name(name, gast.Load(), None, None))


def store(origin: gast.AST, name: str) -> gast.Name:
    """`name` as a target."""
    return at(origin, gast.Name(name, gast.Store(), None, None))


def constant(origin: gast.AST, value: object) -> gast.Constant:
    """A constant; the core language allows any Python object as one."""
    return at(origin, gast.Constant(value, None))


def assign(origin: gast.AST, target: gast.expr | str, value: gast.expr) -> gast.Assign:
    """`target = value`."""
    if isinstance(target, str):
        target = store(origin, target)
    return at(origin, gast.Assign([target], value, None))


def negate(test: gast.expr) -> gast.UnaryOp:
    """`not test`."""
    return at(test, gast.UnaryOp(gast.Not(), test))


def call(origin: gast.AST, function: gast.expr, *args: gast.expr) -> gast.Call:
    """`function(*args)`."""
    return at(origin, gast.Call(function, list(args), []))


def arguments(*names: gast.Name) -> gast.arguments:
    """A signature of positional parameters."""
    return gast.arguments(list(names), [], None, [], [], None, [])


def function(
    origin: gast.AST, name: str, args: gast.arguments, body: list[gast.stmt]
) -> gast.FunctionDef:
    """`def name(args): body`."""
    return at(origin, gast.FunctionDef(name, args, body, [], None, None, []))


def replace(node: N, **changes: Any) -> N:
    """A copy of `node` with some fields changed."""
    copy = type(node)()
    vars(copy).update(vars(node))
    vars(copy).update(changes)
    return copy
