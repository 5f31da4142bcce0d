"""Chained comparison: each operand evaluated once, and none after the first that fails.

>>> from stagec.frontend.desugar.show import show
>>> print(show("def f(a, b): return 0 < a[0] <= b"))
def f(a, b):
    .t2 = a[0]
    .t1 = 0 < .t2
    if .t1:
        .t1 = .t2 <= b
    return .t1
"""

from __future__ import annotations

import gast

from stagec.frontend.desugar import build
from stagec.frontend.desugar.flat import Flat


def value(flat: Flat, node: gast.Compare) -> gast.expr:
    """The first comparison that is false, else the last."""
    if len(node.ops) == 1:
        return flat.rebuilt(node)
    name = flat.fresh()
    _links(flat, name, node, node.left)
    return build.load(node, name)


def _links(flat: Flat, name: str, node: gast.Compare, left: gast.expr) -> None:
    """Append statements after which `name` holds the value of the chain from `left` on."""
    (op, *ops), (right, *rest) = node.ops, node.comparators
    left, right = flat.operands([left, right])
    if rest and not flat.fixed(right, []):
        left = left if flat.fixed(left, []) else flat.temporary(left)
        right = flat.temporary(right)
    first = build.at(node, gast.Compare(left, [op], [right]))
    flat.emit(build.assign(node, name, first))
    if rest:
        inner = flat.nested()
        _links(inner, name, build.replace(node, ops=ops, comparators=rest), right)
        flat.emit(build.at(node, gast.If(build.load(node, name), inner.out, [])))
