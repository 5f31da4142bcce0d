"""List, set and dict comprehensions: loops that fill a fresh container.

Their targets get names of their own, so that they do not leak. Where the element makes a
function (which could capture a target) or the comprehension stands in a class body, it becomes
a nested function, called at once, as in CPython.

>>> from stagec.frontend.desugar.show import show
>>> print(show("def f(xs): return [g(x) for x in xs if x > 0]"))
def f(xs):
    .c1 = []
    for .x.2 in xs:
        if .x.2 > 0:
            .t3 = g(.x.2)
            .c1.append(.t3)
    return .c1
>>> print(show("def f(xs): return {k: [k, v] for k, v in xs}"))
def f(xs):
    .c1 = {}
    for .k.2, .v.3 in xs:
        .c1[.k.2] = [.k.2, .v.3]
    return .c1
>>> print(show("def f(n): return [lambda: i for i in range(n)]"))
def f(n):
<BLANKLINE>
    def .comprehension3(.0):
        .c1 = []
        for i in .0:
<BLANKLINE>
            def .lambda4():
                return i
            .t2 = .lambda4
            .c1.append(.t2)
        return .c1
    .t5 = range(n)
    .t6 = .comprehension3(.t5)
    return .t6
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gast

from stagec.frontend.desugar import build
from stagec.frontend.desugar.flat import Flat
from stagec.frontend.desugar.scope import COMPREHENSIONS, bindings

_PLAIN = (gast.Name, gast.Constant, gast.BinOp, gast.UnaryOp, gast.Attribute, gast.Subscript,
          gast.Tuple, gast.List, gast.operator, gast.unaryop, gast.expr_context)  # fmt: skip


def value(flat: Flat, node: gast.expr) -> gast.expr:
    """The filled container."""
    if flat.in_class or any(
        isinstance(n, gast.Lambda | gast.GeneratorExp) for n in gast.walk(node)
    ):
        return _called(flat, node)
    name = flat.fresh("c")
    targets = bindings(g.target for g in node.generators)
    mapping = {target: flat.fresh.renamed(target) for target in sorted(targets)}
    inner = _copied(node, mapping)
    inner.generators[0].iter = node.generators[0].iter  # evaluated in the scope around
    for stmt in _fill(flat, name, inner):
        flat.statement(stmt)
    return build.load(node, name)


def nest(
    origin: gast.expr, generators: list[gast.comprehension], innermost: list[gast.stmt]
) -> gast.For:
    """The loops and tests of a comprehension around its innermost statements."""
    generator, *rest = generators
    body = [nest(origin, rest, innermost)] if rest else innermost
    for test in reversed(generator.ifs):
        body = [build.at(test, gast.If(test, body, []))]
    return build.at(origin, gast.For(generator.target, generator.iter, body, [], None))


def nested_function(flat: Flat, node: gast.expr, kind: str, body: list[gast.stmt]) -> gast.expr:
    """A call, on the first iterable, of a new function that loops over its parameter `.0`."""
    name = flat.fresh(kind)
    parameter = build.at(node, gast.Name(".0", gast.Param(), None, None))
    declared = sorted(set(_walrus_targets(node)))
    shared = [n for n in declared if n not in flat.global_names]
    if declared != shared:
        module = [n for n in declared if n in flat.global_names]
        body = [build.at(node, gast.Global(module)), *body]
    if shared:
        body = [build.at(node, gast.Nonlocal(shared)), *body]
    for target in shared:
        flat.declare(node, target)
    flat.statement(build.function(node, name, build.arguments(parameter), body))
    return flat.value(build.call(node, build.load(node, name), node.generators[0].iter))


def over_parameter(node: gast.expr) -> list[gast.comprehension]:
    """The generators of the comprehension, the first iterable being the parameter `.0`."""
    first, *rest = node.generators
    return [build.replace(first, iter=build.load(first.iter, ".0")), *rest]


def _called(flat: Flat, node: gast.expr) -> gast.expr:
    """The container filled by a nested function."""
    name = flat.fresh("c")
    body = _fill(flat, name, build.replace(node, generators=over_parameter(node)))
    body.append(build.at(node, gast.Return(build.load(node, name))))
    return nested_function(flat, node, "comprehension", body)


def _fill(flat: Flat, name: str, node: gast.expr) -> list[gast.stmt]:
    """Statements that make the container and fill it; not flat yet."""
    elements = [node.key, node.value] if isinstance(node, gast.DictComp) else [node.elt]
    innermost: list[gast.stmt] = []
    for k, element in enumerate(elements):
        if not all(isinstance(n, _PLAIN) for n in gast.walk(element)):
            temporary = flat.fresh()
            innermost.append(build.assign(element, temporary, element))
            elements[k] = build.load(element, temporary)
    match node:
        case gast.ListComp():
            empty, method = gast.List([], gast.Load()), "append"
        case gast.SetComp():
            empty, method = build.call(node, build.constant(node, set)), "add"
        case _:
            empty, method = gast.Dict([], []), ""
    container = build.load(node, name)
    if method:
        attribute = build.at(node, gast.Attribute(container, method, gast.Load()))
        innermost.append(build.at(node, gast.Expr(build.call(node, attribute, *elements))))
    else:
        item = build.at(node, gast.Subscript(container, elements[0], gast.Store()))
        innermost.append(build.assign(node, item, elements[1]))
    return [
        build.assign(node, name, build.at(node, empty)),
        nest(node, node.generators, innermost),
    ]


def _renamed(node: gast.AST, mapping: dict[str, str]) -> gast.AST:
    """A copy with names replaced, except where an inner comprehension rebinds them."""
    if isinstance(node, gast.Name):
        return build.replace(node, id=mapping.get(node.id, node.id))
    if isinstance(node, COMPREHENSIONS):
        own = bindings(g.target for g in node.generators)
        inner = {name: new for name, new in mapping.items() if name not in own}
        copy = _copied(node, inner)
        copy.generators[0].iter = _renamed(node.generators[0].iter, mapping)
        return copy
    return _copied(node, mapping)


def _copied(node: Any, mapping: dict[str, str]) -> Any:
    """A copy of the node over renamed children."""
    changes: dict[str, object] = {}
    for name, child in gast.iter_fields(node):
        if isinstance(child, list):
            changes[name] = [
                _renamed(c, mapping) if isinstance(c, gast.AST) else c for c in child
            ]
        elif isinstance(child, gast.AST):
            changes[name] = _renamed(child, mapping)
    return build.replace(node, **changes)


def _walrus_targets(node: gast.AST) -> Iterator[str]:
    """The names that walrus expressions bind in the function around the comprehension."""
    if isinstance(node, gast.NamedExpr):
        yield node.target.id
    if not isinstance(node, gast.Lambda):
        for child in gast.iter_child_nodes(node):
            yield from _walrus_targets(child)
