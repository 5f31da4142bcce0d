"""A name that liveness calls dead may hold anything: programs run with such names poisoned."""

from __future__ import annotations

from typing import Any

import gast
import pytest

from stagec.frontend.desugar import build, desugar
from stagec.frontend.desugar.liveness import Liveness, liveness
from stagec.frontend.desugar.scope import bindings, scope
from tests.frontend.core_language import define, same
from tests.frontend.corpus import PROGRAMS


class Poison(gast.NodeTransformer):
    """Overwrites each local where it is dead, in one function."""

    def __init__(self, flow: Liveness, names: frozenset[str]) -> None:
        self.flow = flow
        self.names = names

    def generic_visit(self, node: gast.AST) -> Any:
        live = self.flow.head.get(id(node))
        after = self.flow.after.get(id(node))
        super().generic_visit(node)
        if live is not None:
            bound = bindings([node.target]) if isinstance(node, gast.For) else set[str]()
            kept = live | bound
            node.body = [*self.overwrite(node, kept), *node.body]
        return node if after is None else [node, *self.overwrite(node, after)]

    def visit_FunctionDef(self, node: gast.FunctionDef) -> gast.AST:
        return node

    def visit_ClassDef(self, node: gast.ClassDef) -> gast.AST:
        return node

    def overwrite(self, origin: gast.AST, live: frozenset[str]) -> list[gast.stmt]:
        return [
            build.assign(origin, name, build.constant(origin, f"dead {name}"))
            for name in sorted(self.names - live)
        ]


def poisoned(tree: gast.FunctionDef) -> gast.FunctionDef:
    """The function with its dead names overwritten."""
    flow = liveness(tree)
    own = scope(tree)
    poison = Poison(flow, own.locals - own.cells)
    body = []
    for stmt in tree.body:
        after = poison.visit(stmt)
        body += after if isinstance(after, list) else [after]
    return build.replace(tree, body=body)


@pytest.mark.parametrize("name", [n for n in PROGRAMS if "unbound" not in n])
def test_dead_names_are_never_read(name: str) -> None:
    text, runs = PROGRAMS[name]
    same(text, poisoned(desugar(define(text))), runs)


def facts(text: str) -> tuple[list[set[str]], list[set[str]]]:
    """What is live after and at the head of the compound statements, in source order."""
    tree = desugar(define(text))
    flow = liveness(tree)
    order = [n for n in gast.walk(tree) if id(n) in flow.after]
    heads = [set(flow.head[id(n)]) for n in order if id(n) in flow.head]
    return [set(flow.after[id(n)]) for n in order], heads


def test_precision() -> None:
    text = """
def f(x, n):
    t = 0
    s = 0
    for i in range(n):
        t = x * i
        s = s + t
        if s > 9:
            u = 1
            break
    else:
        u = 2
    return s + u
"""
    after, heads = facts(text)
    assert after == [{"s", "u"}, {"x", "s"}]
    assert heads == [{"x", "s"}]


def test_captured_names_are_live() -> None:
    text = """
def f(x):
    k = 1
    g = lambda: k
    if x:
        k = 2
    return 3
"""
    assert facts(text)[0] == [{"k"}]


def test_finally_and_handlers_keep_names_live() -> None:
    text = """
def f(x):
    a = b = c = 0
    try:
        if x:
            a = 1
            return x
        b = 2
    except ValueError:
        return b
    finally:
        print(a)
    return c
"""
    after, _ = facts(text)
    assert after[0] == {"c"}
    assert {"a", "b"} <= after[1]
