"""Desugaring: one tree to another, in a small core language that the interpreter runs.

The core language
-----------------
Statements are Assign (one target: a name, attribute, subscript or pattern of these), AugAssign
(see `augassign.old_value`), AnnAssign (in class bodies only), Expr, If, While, For (target:
names only), Return, Break (see `loops.is_normal_exit`), Continue, Pass, Raise, Try, With (one
item), FunctionDef, ClassDef, Delete (one target), Global, Nonlocal, Import and ImportFrom.

A Call or Yield is the whole value of an Assign or Expr. All other expressions are call-free:
Name, Constant, Attribute, Subscript, Slice, BinOp, UnaryOp, Compare of two operands, Tuple,
List, Dict and Set displays (Starred and `**` items stay), JoinedStr and FormattedValue. A
Constant may hold any Python object (a builtin that user code cannot shadow).

Invariant: the result does what the original does, in the same order, and every node has the
location of the node that it came from. The input tree is not changed.
"""

from __future__ import annotations

import gast

from stagec.frontend.depth import deep
from stagec.frontend.desugar import (
    assign,
    augassign,
    blocks,
    boolop,
    calls,
    chain,
    comprehension,
    functions,
    genexpr,
    lambdas,
    loops,
    matching,
    simple,
    ternary,
    walrus,
)
from stagec.frontend.desugar.augassign import old_value as old_value, subscripted as subscripted
from stagec.frontend.desugar.build import replace
from stagec.frontend.desugar.check import check
from stagec.frontend.desugar.flat import Flat, Rules
from stagec.frontend.desugar.loops import is_normal_exit as is_normal_exit
from stagec.frontend.desugar.names import Fresh, hint as hint

RULES = Rules(
    values={
        gast.BoolOp: boolop.value,
        gast.UnaryOp: boolop.negated,
        gast.IfExp: ternary.value,
        gast.Compare: chain.value,
        gast.NamedExpr: walrus.value,
        gast.Call: calls.call,
        gast.Yield: calls.produce,
        gast.Lambda: lambdas.value,
        gast.ListComp: comprehension.value,
        gast.SetComp: comprehension.value,
        gast.DictComp: comprehension.value,
        gast.GeneratorExp: genexpr.value,
    },
    tests={gast.BoolOp: boolop.test},
    statements={
        gast.Assign: assign.assign,
        gast.AnnAssign: assign.annotated,
        gast.AugAssign: augassign.assign,
        gast.Expr: simple.expression,
        gast.If: blocks.if_,
        gast.While: loops.while_,
        gast.For: loops.for_,
        gast.Return: simple.return_,
        gast.Break: simple.keep,
        gast.Continue: simple.keep,
        gast.Pass: simple.keep,
        gast.Raise: simple.raise_,
        gast.Assert: simple.assert_,
        gast.Try: blocks.try_,
        gast.With: blocks.with_,
        gast.Match: matching.match,
        gast.FunctionDef: functions.function,
        gast.ClassDef: functions.class_,
        gast.Delete: simple.delete,
        gast.Global: simple.keep,
        gast.Nonlocal: simple.keep,
        gast.Import: simple.keep,
        gast.ImportFrom: simple.keep,
    },
)


def desugar(node: gast.FunctionDef, file: str = "<unknown>") -> gast.FunctionDef:
    """The function in the core language; its signature and decorators stay as they are."""
    check(node, file)
    flat = Flat(RULES, Fresh(), frozenset())
    with deep():
        return replace(node, body=functions.body(flat, node))
