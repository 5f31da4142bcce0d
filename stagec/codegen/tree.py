"""Small constructors of gast nodes, and constants in a form that prints right.

Trees made here use the names `np` for NumPy, and builtins by their own names.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import gast
import numpy as np

LOAD = gast.Load()
STORE = gast.Store()


def name(text: str, ctx: Any = LOAD) -> Any:
    """The variable."""
    return gast.Name(id=text, ctx=ctx, annotation=None, type_comment=None)


def attribute(base: Any, text: str) -> Any:
    """`base.text`."""
    return gast.Attribute(value=base, attr=text, ctx=LOAD)


def call(function: Any, *args: Any) -> Any:
    """`function(*args)`."""
    return gast.Call(func=function, args=list(args), keywords=[])


def literal(value: Any) -> Any:
    """The literal, as it is."""
    return gast.Constant(value=value, kind=None)


def constant(value: Any) -> Any:
    """An expression that evaluates to the constant; raises TypeError if there is none.

    Signs, infinities and nan have no literals of their own in Python, so a bare `Constant`
    node would print as something that binds differently or does not read back.
    """
    if isinstance(value, np.generic):
        return _numpy_scalar(value)
    if isinstance(value, np.ndarray):
        return _array(value)
    kind = type(value)
    if kind in (bool, str, bytes, type(None), type(...)):
        return literal(value)
    if kind is int:
        return _signed(value < 0, literal(abs(value)))
    if kind is float:
        return _real(value)
    if kind is complex:
        if value.real == 0 and not _negative(value.real) and _plain(value.imag):
            return literal(value)
        return call(name("complex"), _real(value.real), _real(value.imag))
    if kind is tuple:
        return tuple_of([constant(v) for v in value])
    raise TypeError(f"a constant of type {kind.__name__} cannot be printed")


def _array(value: np.ndarray) -> Any:
    if value.dtype.kind not in "biufc":
        raise TypeError(f"a constant of type {value.dtype} cannot be printed")
    if not value.size:
        empty = call(attribute(name("np"), "zeros"), constant(value.shape))
        empty.keywords = [gast.keyword(arg="dtype", value=literal(value.dtype.name))]
        return empty
    plain = call(attribute(name("np"), "array"), _nested(value.tolist()))
    if np.array(value.tolist()).dtype != value.dtype:
        plain.keywords = [gast.keyword(arg="dtype", value=literal(value.dtype.name))]
    return plain


def _nested(value: Any) -> Any:
    if isinstance(value, list):
        return gast.List(elts=[_nested(v) for v in value], ctx=gast.Load())
    return constant(value)


def _numpy_scalar(value: np.generic) -> Any:
    if value.dtype.kind not in "biufc":
        raise TypeError(f"a constant of type {value.dtype} cannot be printed")
    spelled = "bool_" if value.dtype.kind == "b" else value.dtype.name
    # shortest digits that give the scalar back, not those of the double it converts to
    plain = value.item()
    if value.dtype.kind == "f" and math.isfinite(plain):
        plain = float(str(value))
    return call(attribute(name("np"), spelled), constant(plain))


def _real(value: float) -> Any:
    if value != value:
        return attribute(name("np"), "nan")
    size = attribute(name("np"), "inf") if math.isinf(value) else literal(abs(value))
    return _signed(_negative(value), size)


def _negative(value: float) -> bool:
    return math.copysign(1.0, value) < 0


def _plain(value: float) -> bool:
    return math.isfinite(value) and not _negative(value)


def _signed(negative: bool, size: Any) -> Any:
    return gast.UnaryOp(op=gast.USub(), operand=size) if negative else size


def tuple_of(items: Sequence[Any], ctx: Any = LOAD) -> Any:
    """`(a, b, ...)`."""
    return gast.Tuple(elts=list(items), ctx=ctx)


def assign(target: Any, value: Any) -> Any:
    """`target = value`."""
    return gast.Assign(targets=[target], value=value, type_comment=None)


def negation(test: Any) -> Any:
    """`not test`, with a double negation and a negated (in)equality simplified."""
    if isinstance(test, gast.UnaryOp) and isinstance(test.op, gast.Not):
        return test.operand
    if isinstance(test, gast.Compare) and len(test.ops) == 1:
        flipped = {gast.Eq: gast.NotEq, gast.NotEq: gast.Eq}.get(type(test.ops[0]))
        if flipped is not None:
            return gast.Compare(left=test.left, ops=[flipped()], comparators=test.comparators)
    return gast.UnaryOp(op=gast.Not(), operand=test)


def truth(test: Any) -> Any:
    """The expression where only its truth matters: `bool(x)` is `x` there, and
    `x if c else False` is `c and x`.
    """
    if isinstance(test, gast.Call) and _is_conversion(test.func):
        return truth(test.args[0])
    if isinstance(test, gast.IfExp):
        return _connected(test) or test
    if isinstance(test, gast.BoolOp):
        return gast.BoolOp(op=test.op, values=list(map(truth, test.values)))
    if isinstance(test, gast.UnaryOp) and isinstance(test.op, gast.Not):
        return negation(truth(test.operand))
    return test


def _connected(test: Any) -> Any:
    """`x if c else False` as `c and x`, and the like; None if it is no connective."""
    for value, kept in ((test.body, test.orelse), (test.orelse, test.body)):
        for literal in (True, False):
            if _is_bool(value, literal):
                first = truth(test.test)
                first = first if literal == (value is test.body) else negation(first)
                return connective(gast.Or if literal else gast.And, first, truth(kept))
    return None


def connective(op: Any, left: Any, right: Any) -> Any:
    """`left op right`; nested connectives of one kind become one."""
    if op is gast.And and _chains(left, right):
        ops, parts = [*left.ops, *right.ops], [*left.comparators, *right.comparators]
        return gast.Compare(left=left.left, ops=ops, comparators=parts)
    values: list[Any] = []
    for part in (left, right):
        same = isinstance(part, gast.BoolOp) and isinstance(part.op, op)
        values += part.values if same else [part]
    return gast.BoolOp(op=op(), values=values)


def _chains(left: Any, right: Any) -> bool:
    """Whether `left and right` reads better as one chained comparison."""
    if not isinstance(left, gast.Compare) or not isinstance(right, gast.Compare):
        return False
    shared = left.comparators[-1]
    return isinstance(shared, gast.Name) and same_tree(shared, right.left)


def _is_conversion(function: Any) -> bool:
    """Whether it is `bool`, or NumPy's."""
    if isinstance(function, gast.Attribute):
        whole = isinstance(function.value, gast.Name) and function.value.id == "np"
        return whole and function.attr in ("bool", "bool_")
    return isinstance(function, gast.Name) and function.id == "bool"


def _is_bool(tree: Any, value: bool) -> bool:
    """Whether it is the constant, of Python or NumPy."""
    if isinstance(tree, gast.Call) and _is_conversion(tree.func):
        tree = tree.args[0]
    return isinstance(tree, gast.Constant) and tree.value is value


def branch(test: Any, then: Sequence[Any], orelse: Sequence[Any] = ()) -> Any:
    """`if test: then else: orelse`."""
    return gast.If(test=test, body=list(then) or [gast.Pass()], orelse=list(orelse))


def same_tree(a: Any, b: Any) -> bool:
    """Whether two trees print the same; reading and storing a place count as equal."""
    if isinstance(a, gast.AST):
        if isinstance(a, gast.expr_context):
            return isinstance(b, gast.expr_context)
        return type(a) is type(b) and all(
            same_tree(getattr(a, f, None), getattr(b, f, None)) for f in a._fields
        )
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(same_tree, a, b))
    return type(a) is type(b) and repr(a) == repr(b)


def call_returned(
    stmts: list[Any], functions: Collection[str], places: dict[int, tuple[Any, ...]]
) -> list[Any]:
    """The statements, of which the last two are one if they bind the result of one of the
    functions and return it; `places` are the origins of statements, by `id`.
    """
    match stmts:
        case [*before, gast.Assign() as bound, gast.Return() as last]:
            function = getattr(bound.value, "func", None)
            known = isinstance(function, gast.Name) and function.id in functions
            if not known or not same_tree(bound.targets[0], last.value):
                return stmts
            made = gast.Return(value=bound.value)
            places[id(made)] = (*places[id(bound)], *places[id(last)])
            return [*before, made]
        case _:
            return stmts


def names_in(tree: Any) -> Iterator[str]:
    """The variables that the tree mentions."""
    for node in gast.walk(tree):
        if isinstance(node, gast.Name):
            yield node.id
