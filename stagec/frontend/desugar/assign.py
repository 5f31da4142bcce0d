"""Assignment: one target each, patterns kept, annotations dropped.

>>> from stagec.frontend.desugar.show import show
>>> print(show("def f(x, y): x[g(y)] = y = h(x)"))
def f(x, y):
    .t1 = h(x)
    .t2 = g(y)
    x[.t2] = .t1
    y = .t1
>>> print(show("def f(x): a: int = x; (a, x.b), *c = x"))
def f(x):
    a = x
    (a, x.b), *c = x
"""

from __future__ import annotations

import gast

from stagec.frontend.desugar import build
from stagec.frontend.desugar.flat import Flat


def assign(flat: Flat, node: gast.Assign) -> None:
    """One assignment a target, from left to right."""
    match node.targets:
        case [gast.Name(id=name)]:
            flat.into(name, node.value)
        case [target]:
            store(flat, node, target, flat.value(node.value))
        case targets:
            value = flat.operand(node.value)
            if not flat.fixed(value, [gast.Assign(targets, value, None)]):
                value = flat.temporary(value)
            for target in targets:
                store(flat, node, target, value)


def annotated(flat: Flat, node: gast.AnnAssign) -> None:
    """A plain assignment; a class body keeps its annotations as written, for dataclasses."""
    if flat.in_class:
        value = None if node.value is None else flat.operand(node.value)
        flat.emit(build.replace(node, value=value))
    elif node.value is not None:
        flat.statement(build.at(node, gast.Assign([node.target], node.value, None)))
    elif isinstance(node.target, gast.Name):
        flat.declare(node, node.target.id)


def store(flat: Flat, origin: gast.stmt, target: gast.expr, value: gast.expr) -> None:
    """Append `target = value`; `value` is evaluated before anything in the target."""
    nested = flat.nested()
    pattern, after = simple_target(nested, target)
    if nested.out:
        if not flat.fixed(value, nested.out):
            value = flat.temporary(value)
        flat.out.extend(nested.out)
    flat.emit(build.assign(origin, pattern, value))
    for stmt in after:
        flat.statement(stmt)


def simple_target(flat: Flat, target: gast.expr) -> tuple[gast.expr, list[gast.stmt]]:
    """A target without calls, and assignments that must follow it.

    An element of a pattern whose base or index calls something is evaluated only when the
    elements before it have been assigned, so it goes through a temporary.
    """
    match target:
        case gast.Attribute() | gast.Subscript():
            return flat.rebuilt(target), []
        case gast.Tuple(elts=elts) | gast.List(elts=elts):
            if all(names_only(e) for e in elts) or _without_calls(target):
                return target, []
            return _through_temporaries(flat, target)
        case _:
            return target, []


def _through_temporaries(flat: Flat, target: gast.expr) -> tuple[gast.expr, list[gast.stmt]]:
    elts: list[gast.expr] = []
    after: list[gast.stmt] = []
    for element in target.elts:
        starred = isinstance(element, gast.Starred)
        inner = element.value if starred else element
        name = flat.fresh()
        place = build.store(element, name)
        elts.append(build.replace(element, value=place) if starred else place)
        after.append(build.assign(element, inner, build.load(element, name)))
    return build.replace(target, elts=elts), after


def names_only(target: gast.expr) -> bool:
    """Whether the target is a name or a pattern of names."""
    match target:
        case gast.Name():
            return True
        case gast.Starred(value=value):
            return names_only(value)
        case gast.Tuple(elts=elts) | gast.List(elts=elts):
            return all(map(names_only, elts))
        case _:
            return False


def _without_calls(target: gast.expr) -> bool:
    """Whether the target evaluates nothing but names, constants and what is read from them."""
    flat_nodes = (gast.Name, gast.Constant, gast.Attribute, gast.Subscript, gast.Slice,
                  gast.Starred, gast.Tuple, gast.List, gast.BinOp, gast.UnaryOp,
                  gast.operator, gast.unaryop, gast.expr_context)  # fmt: skip
    return all(isinstance(n, flat_nodes) for n in gast.walk(target))
