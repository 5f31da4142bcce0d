"""Generator expressions: a nested generator function, called on the first iterable.

>>> from stagec.frontend.desugar.show import show
>>> print(show("def f(xs): return any(g(x) for x in xs)"))
def f(xs):
    .t4 = any
<BLANKLINE>
    def .genexpr1(.0):
        for x in .0:
            .t2 = g(x)
            yield .t2
    .t3 = .genexpr1(xs)
    .t5 = .t4(.t3)
    return .t5
"""

from __future__ import annotations

import gast

from stagec.frontend.desugar import build
from stagec.frontend.desugar.comprehension import nest, nested_function, over_parameter
from stagec.frontend.desugar.flat import Flat


def value(flat: Flat, node: gast.GeneratorExp) -> gast.expr:
    """A call of the generator function."""
    item = build.at(node.elt, gast.Expr(build.at(node.elt, gast.Yield(node.elt))))
    return nested_function(flat, node, "genexpr", [nest(node, over_parameter(node), [item])])
