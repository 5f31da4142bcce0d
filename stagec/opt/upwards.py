"""Backward loops whose trips may come in any order run upwards, as the loops before them.

    for i in reversed(range(n)):         for i in range(n):
        x_bar[i] += w[i]           ->        x_bar[i] += w[i]
        x_bar[i + 1] -= w[i]                 x_bar[i + 1] -= w[i]

The order in which the terms of an adjoint are added up is free.  Nothing else may pass from one
trip to another: an array is only added to, or used at the place of the trip alone.  Then the
loop may be joined with the one whose adjoint it is (`opt/siblings`), and needs no tape.
"""

from __future__ import annotations

from dataclasses import replace

from stagec.ir.chains import Chain
from stagec.ir.core import Block, For, Operand, Value
from stagec.ir.function import Function
from stagec.ir.rebuild import map_regions
from stagec.ir.types import ArrayType
from stagec.ir.walk import effectful
from stagec.ops.index_bounds import Indices
from stagec.ops.index_facts import IndexFacts
from stagec.ops.indexing import accumulate
from stagec.opt.siblings.accesses import followed, plain
from stagec.opt.sums import SUMS


def upwards(fn: Function) -> Function:
    """The function with such loops turned around."""
    functions = tuple(map(upwards, fn.functions))
    body = _turned(fn.body, Indices.learned(fn).facts)
    return replace(fn, body=body, functions=functions)


def _turned(block: Block, facts: IndexFacts) -> Block:
    """The block with its loops turned around, and those inside of them."""
    stmts = [map_regions(s, lambda inner: _turned(inner, facts)) for s in block.stmts]
    return replace(
        block,
        stmts=tuple(
            replace(s, reverse=False)
            if isinstance(s, For) and s.reverse and s.free and _any_order(s, facts)
            else s
            for s in stmts
        ),
    )


def _any_order(loop: For, facts: IndexFacts) -> bool:
    """Whether the trips may come in any order, if that of sums is free."""
    if loop.until or loop.trips is not None:
        return False
    chain = Chain(loop.body, lambda s: SUMS.get(s.op, ()))
    pairs = zip(loop.body.params[1:], loop.body.results, strict=True)
    return not any(map(effectful, loop.body.stmts)) and all(
        _only_added_to(loop, p, facts)
        if isinstance(p.type, ArrayType) and p.type.rank
        else _summed(chain, p, r)
        for p, r in pairs
    )


def _only_added_to(loop: For, param: Value, facts: IndexFacts) -> bool:
    """Whether trips add to the array, or use it each at its own place."""
    found = followed(loop, {param})
    if found is None:
        return False
    added = all(s.op is accumulate for s in found.found)
    return added or (plain(loop, facts) and bool(found.own_axes(loop.body.params[0])))


def _summed(chain: Chain, param: Value, result: Operand) -> bool:
    """Whether trips do nothing with the number but add to it."""
    steps = chain.steps(param, result)
    kind = param.type
    floats = isinstance(kind, ArrayType) and kind.kind != "array" and kind.dtype.kind in "fc"
    return floats and bool(steps)
