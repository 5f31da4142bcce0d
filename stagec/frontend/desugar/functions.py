r"""Nested functions and classes: decorators, defaults and bases evaluated before them.

Annotations of nested functions are dropped: nothing that is staged reads them.

>>> from stagec.frontend.desugar.show import show
>>> print(show("def f(x):\n  @deco(x)\n  def g(y: int, z=h(x)): return h(y)\n  return g"))
def f(x):
    .t1 = deco(x)
    .t2 = h(x)
<BLANKLINE>
    @.t1
    def g(y, z=.t2):
        .t3 = h(y)
        return .t3
    return g
"""

from __future__ import annotations

from dataclasses import replace as changed

import gast

from stagec.frontend.desugar import build
from stagec.frontend.desugar.flat import Flat
from stagec.frontend.desugar.scope import scope


def function(flat: Flat, node: gast.FunctionDef) -> None:
    """The function over flat statements."""
    args = node.args
    optional = [d for d in args.kw_defaults if d is not None]
    parts = iter(flat.operands([*node.decorator_list, *args.defaults, *optional]))
    decorators = [next(parts) for _ in node.decorator_list]
    defaults = [next(parts) for _ in args.defaults]
    kw_defaults = [None if d is None else next(parts) for d in args.kw_defaults]
    flat.emit(
        build.replace(
            node,
            args=build.replace(_bare(args), defaults=defaults, kw_defaults=kw_defaults),
            body=body(flat, node),
            decorator_list=decorators,
            returns=None,
        )
    )


def body(flat: Flat, node: gast.FunctionDef) -> list[gast.stmt]:
    """The core form of the function's own statements."""
    own = scope(node)
    inner = changed(
        flat,
        stable=own.locals - own.rebound,
        in_class=False,
        global_names=own.globals,
        nonlocal_names=own.nonlocals,
        out=[],
    )
    for stmt in node.body:
        inner.statement(stmt)
    return inner.out or [build.at(node, gast.Pass())]


def class_(flat: Flat, node: gast.ClassDef) -> None:
    """The class over flat statements."""
    parts = flat.operands([*node.decorator_list, *node.bases, *node.keywords])
    first, last = len(node.decorator_list), len(node.decorator_list) + len(node.bases)
    inner = changed(
        flat,
        stable=frozenset(),
        in_class=True,
        global_names=frozenset(),
        nonlocal_names=frozenset(),
        out=[],
    )
    for stmt in node.body:
        inner.statement(stmt)
    flat.emit(
        build.replace(
            node,
            decorator_list=parts[:first],
            bases=parts[first:last],
            keywords=parts[last:],
            body=inner.out or [build.at(node, gast.Pass())],
        )
    )


def _bare(args: gast.arguments) -> gast.arguments:
    """The signature without annotations."""

    def bare(arg: gast.Name | None) -> gast.Name | None:
        return None if arg is None else build.replace(arg, annotation=None)

    return build.replace(
        args,
        args=[bare(a) for a in args.args],
        posonlyargs=[bare(a) for a in args.posonlyargs],
        vararg=bare(args.vararg),
        kwonlyargs=[bare(a) for a in args.kwonlyargs],
        kwarg=bare(args.kwarg),
    )
