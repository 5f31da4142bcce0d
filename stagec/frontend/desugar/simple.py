"""Simple statements over operands without calls; `assert` as the branch that it is.

>>> from stagec.frontend.desugar.show import show
>>> print(show("def f(x): assert x > 0, g(x)"))
def f(x):
    if not x > 0:
        .t1 = g(x)
        .t2 = AssertionError(.t1)
        raise .t2
>>> print(show("def f(x): del x[g(x)], x; return h(x)"))
def f(x):
    .t1 = g(x)
    del x[.t1]
    del x
    .t2 = h(x)
    return .t2
"""

from __future__ import annotations

import gast

from stagec.frontend.desugar import build
from stagec.frontend.desugar.flat import Flat


def keep(flat: Flat, node: gast.stmt) -> None:
    """The statement as it is."""
    flat.emit(node)


def expression(flat: Flat, node: gast.Expr) -> None:
    """The call or yield; what only reads constants and temporaries is dropped."""
    if isinstance(node.value, gast.YieldFrom):
        _delegate(flat, node, node.value)
        return
    value = flat.value(node.value)
    if not flat.fixed(value, []):
        flat.emit(build.replace(node, value=value))


def return_(flat: Flat, node: gast.Return) -> None:
    """The return of an operand."""
    value = None if node.value is None else flat.operand(node.value)
    flat.emit(build.replace(node, value=value))


def raise_(flat: Flat, node: gast.Raise) -> None:
    """The raise of operands."""
    parts = flat.operands([part for part in (node.exc, node.cause) if part is not None])
    exc, cause = (*parts, None, None)[:2]
    flat.emit(build.replace(node, exc=exc, cause=cause))


def assert_(flat: Flat, node: gast.Assert) -> None:
    """The check, unless Python runs with assertions off; the message only if it fails."""
    if not __debug__:
        return
    error = build.constant(node, AssertionError)
    failure = error if node.msg is None else build.call(node, error, node.msg)
    body = [build.at(node, gast.Raise(failure, None))]
    flat.statement(build.at(node, gast.If(build.negate(node.test), body, [])))


def delete(flat: Flat, node: gast.Delete) -> None:
    """One target a statement."""
    for target in node.targets:
        if isinstance(target, gast.Tuple | gast.List):
            delete(flat, build.replace(node, targets=target.elts))
        else:
            flat.emit(build.replace(node, targets=[flat.rebuilt(target)]))


def _delegate(flat: Flat, node: gast.Expr, source: gast.YieldFrom) -> None:
    """`yield from` as a loop; only its value would differ."""
    name = flat.fresh()
    item = build.at(node, gast.Expr(build.at(node, gast.Yield(build.load(node, name)))))
    loop = gast.For(build.store(node, name), source.value, [item], [], None)
    flat.statement(build.at(node, loop))
