"""`lambda`: a nested function, made where the lambda stands.

>>> from stagec.frontend.desugar.show import show
>>> print(show("def f(xs): return sorted(xs, key=lambda x, s=1: s * g(x))"))
def f(xs):
<BLANKLINE>
    def .lambda1(x, s=1):
        .t2 = g(x)
        return s * .t2
    .t3 = sorted(xs, key=.lambda1)
    return .t3
"""

from __future__ import annotations

import gast

from stagec.frontend.desugar import build
from stagec.frontend.desugar.flat import Flat


def value(flat: Flat, node: gast.Lambda) -> gast.expr:
    """The name of the function."""
    name = flat.fresh("lambda")
    body = build.at(node.body, gast.Return(node.body))
    flat.statement(build.function(node, name, node.args, [body]))
    return build.load(node, name)
