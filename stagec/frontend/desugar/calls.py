"""Calls and yields: one a statement, their operands evaluated before them in order.

>>> from stagec.frontend.desugar.show import show
>>> print(show("def f(x, y): return x[0] + g(x, h(y), *y)"))
def f(x, y):
    .t4 = x[0]
    .t2 = g
    .t1 = h(y)
    .t3 = .t2(x, .t1, *y)
    return .t4 + .t3
>>> print(show("def f(x): y = yield x + (yield)"))
def f(x):
    .t1 = (yield)
    y = (yield (x + .t1))
"""

from __future__ import annotations

import gast

from stagec.frontend.desugar import build
from stagec.frontend.desugar.flat import Flat


def call(flat: Flat, node: gast.Call) -> gast.expr:
    """The call over its operands."""
    return flat.rebuilt(node)


def produce(flat: Flat, node: gast.Yield) -> gast.expr:
    """The yield of an operand."""
    if node.value is None:
        return node
    return build.replace(node, value=flat.operand(node.value))
