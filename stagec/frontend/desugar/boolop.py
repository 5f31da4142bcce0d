"""`and`, `or` and `not`: branches that assign a temporary.

As a value, the result is one of the operands; as a test, only its truth, so that operands of
different types need not be joined.

>>> from stagec.frontend.desugar.show import show
>>> print(show("def f(a, b): return a or b"))
def f(a, b):
    .t1 = a
    if not .t1:
        .t1 = b
    return .t1
>>> print(show("def f(a, b): return not (a > 0 and b)"))
def f(a, b):
    .t1 = a > 0
    if .t1:
        if b:
            .t1 = True
        else:
            .t1 = False
    return not .t1
"""

from __future__ import annotations

import gast

from stagec.frontend.desugar import build
from stagec.frontend.desugar.flat import Flat


def value(flat: Flat, node: gast.BoolOp) -> gast.expr:
    """The operand that decides."""
    name = flat.fresh()
    _values(flat, name, node, node.values)
    return build.load(node, name)


def test(flat: Flat, node: gast.BoolOp) -> gast.expr:
    """The truth of the operand that decides."""
    name = flat.fresh()
    _truth(flat, name, node)
    return build.load(node, name)


def negated(flat: Flat, node: gast.UnaryOp) -> gast.expr:
    """A unary operation; of the operand of `not` only the truth matters."""
    if not isinstance(node.op, gast.Not):
        return flat.rebuilt(node)
    operand = flat.test(node.operand)
    return node if operand is node.operand else build.replace(node, operand=operand)


def _values(flat: Flat, name: str, node: gast.BoolOp, values: list[gast.expr]) -> None:
    first, *rest = values
    flat.into(name, first)
    if rest:
        inner = flat.nested()
        _values(inner, name, node, rest)
        _otherwise(flat, name, node, inner)


def _truth(flat: Flat, name: str, node: gast.expr) -> None:
    """Append statements after which `name` holds the truth of `node`."""
    match node:
        case gast.BoolOp(values=[first, *rest]):
            _truth(flat, name, first)
            inner = flat.nested()
            _truth(inner, name, rest[0] if len(rest) == 1 else build.replace(node, values=rest))
            _otherwise(flat, name, node, inner)
        case gast.Compare() | gast.UnaryOp(op=gast.Not()) | gast.Constant(value=bool()):
            flat.into(name, node)
        case _:
            then, orelse = (
                [build.assign(node, name, build.constant(node, truth))]
                for truth in (True, False)
            )
            flat.emit(build.at(node, gast.If(flat.test(node), then, orelse)))


def _otherwise(flat: Flat, name: str, node: gast.BoolOp, inner: Flat) -> None:
    """Run `inner` unless `name` decides already."""
    test = build.load(node, name)
    if isinstance(node.op, gast.Or):
        test = build.negate(test)
    flat.emit(build.at(node, gast.If(test, inner.out, [])))
