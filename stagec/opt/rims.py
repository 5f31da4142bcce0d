"""Zeros that a trip makes, fills inside and hands on are only set to zero at their rims.

    for ...:                             for ...:
        b = np.zeros_like(a)                 b = np.empty_like(a)
        b[1:-1] = v                ->        b[1:-1] = v
        a = b                                b[0] = 0
                                             b[-1] = 0
                                             a = b

Arrays without content can take turns from trip to trip (`opt/rotate`).  Zeros of which more is
left are set to zero as a whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace

from stagec.ir.build import Builder
from stagec.ir.chains import mentioned
from stagec.ir.core import Apply, Block, For, Operand, Stmt, Value, const
from stagec.ir.function import Function
from stagec.ir.origins import Origins
from stagec.ir.rebuild import map_regions
from stagec.ops.indexing import accumulate, update
from stagec.opt.first_writes import UNFILLED
from stagec.opt.parts import edges, inner, path_to

WHOLE = (("path", ()),)


def rims(fn: Function) -> Function:
    """The function without zeros that the same trip of a loop writes over."""
    functions = tuple(map(rims, fn.functions))
    return replace(fn, body=_block(fn.body), functions=functions)


def _block(block: Block) -> Block:
    """The block with the loops in it changed."""
    return replace(block, stmts=tuple(map(_stmt, block.stmts)))


def _stmt(stmt: Stmt) -> Stmt:
    stmt = map_regions(stmt, _block)
    if not isinstance(stmt, For):
        return stmt
    zero = _handed_on(stmt)
    filled = _filled(stmt, zero)
    blank = [s for out, s in zero.items() if out not in filled]
    builder = Builder()
    for each in stmt.body.stmts:
        builder.loc = each.loc
        if isinstance(each, Apply) and each.op in UNFILLED and each.out in filled:
            builder.append(replace(each, op=UNFILLED[each.op]))
        elif isinstance(each, Apply) and each in blank:
            new = Value(each.out.type, each.out.hint)
            builder.append(replace(each, op=UNFILLED[each.op], outs=(new,)))
            builder.append(Apply(update, (new, const(0)), WHOLE, each.outs, each.loc))
        elif isinstance(each, Apply) and each in filled.values():
            _fill(each, builder)
        else:
            builder.append(each)
    return replace(stmt, body=replace(stmt.body, stmts=tuple(builder.stmts)))


def _handed_on(loop: For) -> Mapping[Operand, Apply]:
    """What makes arrays of zeros that the trip hands on."""
    origins = Origins.of_block(loop.body)
    on = {origins.root(r) for r in loop.body.results}
    made = (s for s in loop.body.stmts if isinstance(s, Apply) and s.op in UNFILLED)
    return {s.out: s for s in made if s.out in on}


def _filled(loop: For, zero: Collection[Operand]) -> Mapping[Operand, Apply]:
    """What writes first to each array of zeros that the trip hands on, if it leaves out no more
    than a rim.
    """
    body, used = loop.body, Counter(mentioned(loop.body))
    # what adds `-0.0` to a zero does not give what writing it gives
    ops = (update, accumulate) if loop.free else (update,)
    return {
        s.args[0]: s
        for s in body.stmts
        if isinstance(s, Apply)
        and s.op in ops
        and s.args[0] in zero
        and used[s.args[0]] == 1
        and inner(s) is not None
    }


def _fill(write: Apply, builder: Builder) -> None:
    """Write the part, and zeros around it."""
    part = inner(write)
    assert part is not None
    pieces = list(edges(((0, 0),) * len(part.slices), part.slices))
    outs = [Value(write.out.type, write.out.hint) for _ in pieces]
    versions = [*outs, write.out]
    builder.append(replace(write, op=update, outs=(versions[0],)))
    for before, after, piece in zip(outs, versions[1:], pieces, strict=True):
        attrs = (("path", path_to(piece)),)
        builder.append(Apply(update, (before, const(0)), attrs, (after,), write.loc))
