"""Common subexpressions: an op on the same operands is computed once.

An op is replaced by an equal one that comes before it in its block or in a block around it; the
length of an array by that of another one which is as long.
Values are immutable, so that is always right; new empty or constant arrays, lists and copies
are left alone, since whoever writes to one of them would have to copy it first.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import Any, cast

from stagec.ir.core import Apply, Block, Effect, Operand, Stmt, Value
from stagec.ir.function import Function
from stagec.ir.lowering import is_integer
from stagec.ir.rebuild import map_operands, map_regions
from stagec.ir.types import ListType
from stagec.ir.walk import rename
from stagec.ops.copying import copy
from stagec.opt.memory import creates


def cse(fn: Function) -> Function:
    """Merge equal ops without effects."""
    return _merged(fn, False)


def cse_with_copies(fn: Function) -> Function:
    """Merge equal ops without effects, copies too: before differentiation, as the cotangents of
    equal copies are then summed before they are added to that of the array.
    """
    return _merged(fn, True)


def _merged(fn: Function, copies: bool) -> Function:
    functions = tuple(replace(f, body=_Numbering(copies).block(f.body)) for f in fn.functions)
    return replace(fn, body=_Numbering(copies).block(fn.body), functions=functions)


class _Numbering:
    """The ops seen so far in the blocks around, and what values became."""

    def __init__(self, copies: bool) -> None:
        self._copies = copies
        self._seen: dict[Hashable, tuple[Value, ...]] = {}
        self._names: dict[Value, Operand] = {}

    def block(self, block: Block) -> Block:
        entered: list[Hashable] = []
        kept: list[Stmt] = []
        for stmt in block.stmts:
            stmt = map_operands(stmt, self._rename)
            if not isinstance(stmt, Apply):
                kept.append(map_regions(stmt, self.block))
            elif not _shareable(stmt) or (stmt.op is copy and not self._copies):
                kept.append(stmt)
            elif (outs := self._seen.get(key := _key(stmt))) is not None:
                self._names.update(zip(stmt.outs, outs, strict=True))
            else:
                self._seen[key] = stmt.outs
                entered.append(key)
                kept.append(stmt)
        for key in entered:
            del self._seen[key]
        return replace(
            block, stmts=tuple(kept), results=tuple(map(self._rename, block.results))
        )

    def _rename(self, operand: Operand) -> Operand:
        return rename(operand, self._names)


def _shareable(stmt: Apply) -> bool:
    if stmt.op.effect is not Effect.NONE or any(
        isinstance(o.type, ListType) for o in stmt.outs
    ):
        return False
    return not creates(stmt)


def _key(stmt: Apply) -> Hashable:
    kind = stmt.outs[0].type if stmt.outs else None
    if kind is not None and is_integer(kind) and kind.size and stmt.op.shapes == (0,):
        return stmt.op, kind  # equal lengths, whatever they are asked of
    return stmt.op, stmt.args, tuple((name, _exact(value)) for name, value in stmt.attrs)


def _exact(value: Any) -> Hashable:
    """A key that tells 1 from 1.0 and True, and 0.0 from -0.0."""
    if isinstance(value, tuple):
        return tuple(map(_exact, cast("tuple[Any, ...]", value)))
    if isinstance(value, float | complex):
        return type(value), repr(value)
    return type(value).__qualname__, value
