"""A loop around another one as a loop inside of it."""

from __future__ import annotations

from dataclasses import replace

from stagec.ir.core import Block, For, Value
from stagec.ir.types import ArrayType
from stagec.ir.walk import free_values
from stagec.ops.index_facts import IndexFacts
from stagec.opt.siblings.accesses import FEW, own_axes, plain


def exchanged(loop: For, facts: IndexFacts) -> For | None:
    """The loop inside of a loop of few trips, with that inside of it; None: not the same.

    All that a trip of the inner loop does to an array lies at its own index, so that for each
    element the order stays.
    """
    inner = loop.body.stmts[0] if len(loop.body.stmts) == 1 else None
    if not isinstance(inner, For) or not plain(loop, facts) or not plain(inner, facts):
        return None
    lo, hi = facts.of(loop.lo), facts.of(loop.hi)
    params, ends = loop.body.params, loop.body.results
    if not isinstance(lo, int) or not isinstance(hi, int) or not 1 < hi - lo <= FEW:
        return None
    free = {*free_values(inner.body), inner.lo, inner.hi, inner.step}
    carried = params[1:]
    if set(inner.init) != set(carried) or len(inner.init) != len(carried):
        return None
    order = [carried.index(start) for start in inner.init]  # type: ignore[arg-type]
    if not free.isdisjoint((*carried, *loop.init)) or params[0] in (
        inner.lo,
        inner.hi,
        inner.step,
    ):
        return None
    if any(ends[k] is not out for k, out in zip(order, inner.carry, strict=True)):
        return None
    if not all(
        isinstance(p.type, ArrayType) and own_axes(inner, {p}) for p in inner.body.params[1:]
    ):
        return None
    index, *arrays = inner.body.params
    starts, outs = ([Value(a.type, a.hint) for a in arrays] for _ in range(2))
    steps = Block((params[0], *arrays), inner.body.stmts, inner.body.results)
    few = replace(loop, init=tuple(starts), body=steps, carry=tuple(outs))
    return replace(
        inner,
        init=tuple(loop.init[k] for k in order),
        body=Block((index, *starts), (few,), tuple(outs)),
        carry=tuple(loop.carry[k] for k in order),
        free=loop.free and inner.free,
    )
