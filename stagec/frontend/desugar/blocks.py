r"""`if`, `with` and `try`: tests, context managers and exception classes without calls.

>>> from stagec.frontend.desugar.show import show
>>> print(show("def f(a):\n  with g(a) as b, h(b) as (c, a.d): pass"))
def f(a):
    .t1 = g(a)
    with .t1 as b:
        .t2 = h(b)
        with .t2 as .t3:
            c, a.d = .t3
            pass
"""

from __future__ import annotations

import gast

from stagec.frontend.desugar import build
from stagec.frontend.desugar.assign import names_only
from stagec.frontend.desugar.flat import Flat


def if_(flat: Flat, node: gast.If) -> None:
    """The branch on a test without calls."""
    test = flat.test(node.test)
    body, orelse = flat.block(node.body), flat.block(node.orelse)
    flat.emit(build.replace(node, test=test, body=body, orelse=orelse))


def with_(flat: Flat, node: gast.With) -> None:
    """One `with` an item, nested."""
    item, *rest = node.items
    context = flat.operand(item.context_expr)
    target, body = item.optional_vars, node.body
    if rest:
        body = [build.replace(node, items=rest)]
    if target is not None and not names_only(target):
        name = flat.fresh()
        body = [build.assign(target, target, build.load(target, name)), *body]
        target = build.store(target, name)
    items = [gast.withitem(context, target)]
    flat.emit(build.replace(node, items=items, body=flat.block(body)))


def try_(flat: Flat, node: gast.Try) -> None:
    """The statement with flat blocks."""
    flat.emit(
        build.replace(
            node,
            body=flat.block(node.body),
            handlers=[_handler(flat, handler) for handler in node.handlers],
            orelse=flat.block(node.orelse),
            finalbody=flat.block(node.finalbody),
        )
    )


def _handler(flat: Flat, node: gast.ExceptHandler) -> gast.ExceptHandler:
    """The handler; its classes, evaluated only when something is raised, are checked before."""
    name = None if node.name is None else build.store(node, node.name.id)
    return build.replace(node, name=name, body=flat.block(node.body))
