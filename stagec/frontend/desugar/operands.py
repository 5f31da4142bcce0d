"""The operands of an expression, in the order of their evaluation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gast

from stagec.frontend.desugar import build


def operands(node: gast.expr) -> list[gast.AST]:
    """What the expression evaluates before itself.

    Starred items, keyword arguments, dict items and replacement fields of f-strings keep their
    wrapper, because what they do (unpack, merge, format) happens in this order too.
    """
    match node:
        case gast.BinOp(left=left, right=right):
            return [left, right]
        case gast.UnaryOp(operand=operand):
            return [operand]
        case gast.Compare(left=left, comparators=[right]):
            return [left, right]
        case gast.Attribute(value=value) | gast.Starred(value=value):
            return [value]
        case gast.Subscript(value=value, slice=index):
            return [value, *_index(index)]
        case gast.List(elts=elts) | gast.Tuple(elts=elts) | gast.Set(elts=elts):
            return list(elts)
        case gast.Dict(keys=keys, values=values):
            return [part for k, v in zip(keys, values, strict=True) for part in _item(k, v)]
        case gast.Call(func=func, args=args, keywords=keywords):
            return [func, *args, *keywords]
        case gast.JoinedStr(values=values):
            return list(values)
        case gast.Slice(lower=lower, upper=upper, step=step):
            return [part for part in (lower, upper, step) if part is not None]
        case _:
            return []


def rebuild(node: gast.expr, parts: list[gast.AST]) -> gast.expr:
    """The expression over new operands, given in the order of `operands`."""
    match node:
        case gast.BinOp():
            return build.replace(node, left=parts[0], right=parts[1])
        case gast.UnaryOp():
            return build.replace(node, operand=parts[0])
        case gast.Compare():
            return build.replace(node, left=parts[0], comparators=[parts[1]])
        case gast.Attribute() | gast.Starred():
            return build.replace(node, value=parts[0])
        case gast.Subscript(slice=index):
            return build.replace(node, value=parts[0], slice=_reindexed(index, parts[1:]))
        case gast.List() | gast.Tuple() | gast.Set():
            return build.replace(node, elts=parts)
        case gast.Dict(keys=keys):
            return _dict(node, keys, parts)
        case gast.Call(args=args):
            cut = 1 + len(args)
            return build.replace(node, func=parts[0], args=parts[1:cut], keywords=parts[cut:])
        case gast.JoinedStr():
            return build.replace(node, values=parts)
        case gast.Slice():
            return _reindexed(node, parts)
        case _:
            return node


def spilled(node: Any) -> tuple[gast.expr, Callable[[gast.expr], gast.AST]]:
    """What to evaluate now, and how to use its value where `node` stood."""
    match node:
        case gast.Starred():
            now = build.at(node, gast.Tuple([node], gast.Load()))
            return now, lambda name: build.replace(node, value=name)
        case gast.keyword(arg=None, value=value):
            now = build.at(node, gast.Dict([None], [value]))
            return now, lambda name: build.replace(node, value=name)
        case gast.keyword(value=value):
            return value, lambda name: build.replace(node, value=name)
        case gast.FormattedValue():
            now = build.at(node, gast.JoinedStr([node]))
            return now, lambda name: build.at(node, gast.FormattedValue(name, -1, None))
        case _:
            return node, lambda name: name


def _index(index: gast.expr) -> list[gast.AST]:
    """The operands of an index; slices are not values, so what they hold counts."""
    match index:
        case gast.Slice():
            return operands(index)
        case gast.Tuple(elts=elts) if any(isinstance(e, gast.Slice) for e in elts):
            return [part for e in elts for part in _index(e)]
        case _:
            return [index]


def _reindexed(index: gast.expr, parts: list[Any]) -> gast.expr:
    """The index over new operands."""
    queue = iter(parts)

    def again(node: gast.expr) -> gast.expr:
        match node:
            case gast.Slice(lower=lower, upper=upper, step=step):
                bounds = [None if b is None else next(queue) for b in (lower, upper, step)]
                return build.at(node, gast.Slice(*bounds))
            case gast.Tuple(elts=elts) if any(isinstance(e, gast.Slice) for e in elts):
                return build.replace(node, elts=[again(e) for e in elts])
            case _:
                return next(queue)

    return again(index)


def _item(key: gast.expr | None, value: gast.expr) -> list[gast.AST]:
    """The operands of one item of a dict display; `**value` is a keyword without a name."""
    return [build.at(value, gast.keyword(None, value))] if key is None else [key, value]


def _dict(node: gast.Dict, keys: list[gast.expr | None], parts: list[gast.AST]) -> gast.Dict:
    """The dict display over new operands."""
    queue = iter(parts)
    new_keys: list[gast.AST | None] = []
    new_values: list[gast.AST] = []
    for key in keys:
        new_keys.append(None if key is None else next(queue))
        value = next(queue)
        new_values.append(value.value if key is None else value)
    return build.replace(node, keys=new_keys, values=new_values)
