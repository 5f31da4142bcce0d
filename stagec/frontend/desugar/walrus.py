"""`(x := e)`: an assignment at its point of evaluation.

>>> from stagec.frontend.desugar.show import show
>>> print(show("def f(a): return a + (a := g(a)) + a"))
def f(a):
    .t1 = a
    a = g(a)
    return .t1 + a + a
"""

from __future__ import annotations

import gast

from stagec.frontend.desugar import build
from stagec.frontend.desugar.flat import Flat


def value(flat: Flat, node: gast.NamedExpr) -> gast.expr:
    """The name, assigned."""
    name = node.target.id
    flat.into(name, node.value)
    return build.load(node, name)
