"""The core form of a function as text, for documentation and tests."""

from __future__ import annotations

import ast

import gast

from stagec.frontend.desugar import desugar


class _Spelled(gast.NodeTransformer):
    """Constants that are functions or classes, by name."""

    def visit_Constant(self, node: gast.Constant) -> gast.AST:
        name = getattr(node.value, "__name__", None)
        return node if name is None else gast.Name(name, gast.Load(), None, None)


def show(text: str) -> str:
    """The core form of the one function that `text` defines; temporaries print as `.t1`."""
    tree = _Spelled().visit(desugar(gast.parse(text).body[0]))
    return ast.unparse(gast.gast_to_ast(tree))
