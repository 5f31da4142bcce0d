r"""`while` and `for`: tests and iterables without calls, targets that are names.

A test that needs statements becomes the first part of the body; it leaves the loop by a `break`
marked as the normal exit, after which the `else` clause runs (see `is_normal_exit`).

>>> from stagec.frontend.desugar.show import show
>>> print(show("def f(x):\n  while g(x): x -= 1\n  else: x = 0"))
def f(x):
    while True:
        .t1 = g(x)
        if not .t1:
            break
        x -= 1
    else:
        x = 0
>>> print(show("def f(x, y):\n  for y.a in range(x): pass"))
def f(x, y):
    .t1 = range(x)
    for .t2 in .t1:
        y.a = .t2
        pass
"""

from __future__ import annotations

import gast

from stagec.frontend.desugar import build
from stagec.frontend.desugar.assign import names_only
from stagec.frontend.desugar.flat import Flat


def while_(flat: Flat, node: gast.While) -> None:
    """The loop, its test evaluated anew before each trip."""
    head = flat.nested()
    test = head.test(node.test)
    orelse = flat.block(node.orelse)
    if head.out:
        leave = build.at(node.test, gast.Break())
        leave.normal_exit = True
        head.emit(build.at(node.test, gast.If(build.negate(test), [leave], [])))
        test = build.constant(node.test, True)
    body = [*head.out, *flat.block(node.body)]
    flat.emit(build.replace(node, test=test, body=body, orelse=orelse))


def is_normal_exit(node: gast.Break) -> bool:
    """Whether the `break` stands for a false loop test, so that `else` runs."""
    return getattr(node, "normal_exit", False)


def for_(flat: Flat, node: gast.For) -> None:
    """The loop over an operand."""
    iterable = flat.operand(node.iter)
    target, body = node.target, node.body
    if not names_only(target):
        name = flat.fresh()
        body = [build.assign(target, target, build.load(target, name)), *body]
        target = build.store(target, name)
    flat.emit(
        build.replace(
            node,
            target=target,
            iter=iterable,
            body=flat.block(body),
            orelse=flat.block(node.orelse),
        )
    )
