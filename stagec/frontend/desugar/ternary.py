r"""`a if c else b`: a branch that assigns a temporary, or the target itself.

>>> from stagec.frontend.desugar.show import show
>>> print(show("def f(a, b): return 1 + (a if a > b else g(b))"))
def f(a, b):
    if a > b:
        .t1 = a
    else:
        .t1 = g(b)
    return 1 + .t1
>>> print(show("def f(a):\n  b = a if a > 0 else -a\n  return b"))
def f(a):
    if a > 0:
        b = a
    else:
        b = -a
    return b
"""

from __future__ import annotations

import gast

from stagec.frontend.desugar import build
from stagec.frontend.desugar.flat import Flat


def value(flat: Flat, node: gast.IfExp) -> gast.expr:
    """A temporary assigned in both branches."""
    name = flat.fresh()
    flat.into(name, node)
    return build.load(node, name)
