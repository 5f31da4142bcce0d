"""Names for values that were built without one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import assert_never

from stagec.ir.core import Apply, Block, Call, For, If, Stmt, Value, While
from stagec.ir.walk import defined, substitute


def named(block: Block, hints: Mapping[Value, str]) -> Block:
    """The block with each nameless value of `hints` that it defines called what they say."""
    fresh = {v: Value(v.type, hints[v]) for v in defined(block) if v in hints and not v.hint}
    return _redefined(substitute(block, fresh), fresh)


def _redefined(block: Block, fresh: Mapping[Value, Value]) -> Block:
    """The block with the definitions renamed too."""
    stmts = tuple(_stmt(s, fresh) for s in block.stmts)
    return Block(_all(block.params, fresh), stmts, block.results)


def _all(values: Iterable[Value], fresh: Mapping[Value, Value]) -> tuple[Value, ...]:
    return tuple(fresh.get(v, v) for v in values)


def _stmt(stmt: Stmt, fresh: Mapping[Value, Value]) -> Stmt:
    match stmt:
        case Apply() | Call():
            return replace(stmt, outs=_all(stmt.outs, fresh))
        case If():
            then, orelse = _redefined(stmt.then, fresh), _redefined(stmt.orelse, fresh)
            return replace(stmt, then=then, orelse=orelse, outs=_all(stmt.outs, fresh))
        case For():
            body = _redefined(stmt.body, fresh)
            return replace(stmt, body=body, carry=_all(stmt.carry, fresh))
        case While():
            cond, body = _redefined(stmt.cond, fresh), _redefined(stmt.body, fresh)
            return replace(stmt, cond=cond, body=body, carry=_all(stmt.carry, fresh))
        case _:
            assert_never(stmt)
