"""Zeros that a trip makes, fills inside and hands on are only set to zero at their rims.

    for ...:                             for ...:
        b = np.zeros_like(a)                 b = np.empty_like(a)
        b[1:-1] = v                ->        b[1:-1] = v
        a = b                                b[0] = 0
                                             b[-1] = 0
                                             a = b

Arrays without content can take turns from trip to trip (`opt/rotate`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from stagec.ir.build import Builder
from stagec.ir.chains import mentioned
from stagec.ir.core import Apply, Block, For, Operand, Stmt, Value, const
from stagec.ir.function import Function
from stagec.ir.origins import Origins
from stagec.ir.rebuild import map_regions
from stagec.ir.types import ArrayType, affine, at_least
from stagec.ops.indexing import accumulate, update
from stagec.opt.first_writes import UNFILLED
from stagec.opt.gathers.blanks import edges, encloses, path_to
from stagec.opt.parts import Part


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
    filled = _filled(stmt)
    builder = Builder()
    for inner in stmt.body.stmts:
        builder.loc = inner.loc
        if isinstance(inner, Apply) and inner.op in UNFILLED and inner.out in filled:
            builder.append(replace(inner, op=UNFILLED[inner.op]))
        elif isinstance(inner, Apply) and inner in filled.values():
            _fill(inner, builder)
        else:
            builder.append(inner)
    return replace(stmt, body=replace(stmt.body, stmts=tuple(builder.stmts)))


def _filled(loop: For) -> Mapping[Operand, Apply]:
    """What writes first to each array of zeros that the trip hands on, if it leaves out no more
    than a rim.
    """
    body = loop.body
    origins, used = Origins.of_block(body), Counter(mentioned(body))
    on = {origins.root(r) for r in body.results}
    zero = {s.out for s in body.stmts if isinstance(s, Apply) and s.op in UNFILLED} & on
    # what adds `-0.0` to a zero does not give what writing it gives
    ops = (update, accumulate) if loop.free else (update,)
    return {
        s.args[0]: s
        for s in body.stmts
        if isinstance(s, Apply)
        and s.op in ops
        and s.args[0] in zero
        and used[s.args[0]] == 1
        and _inner(s) is not None
    }


def _inner(write: Apply) -> Part | None:
    """The part that is written to, if a rim is around it and nothing else."""
    part, array = Part.of(write, 2), write.args[0].type
    assert isinstance(array, ArrayType)
    if part is None or any(f is not None for f in part.fixed):
        return None
    pairs = zip(array.shape, part.slices, strict=True)
    least = [at_least(affine((dim, 1), const=-sum(m))) for dim, m in pairs if dim is not None]
    fits = len(least) == array.rank > 0 and all(n is not None and n >= 0 for n in least)
    whole = ((0, 0),) * array.rank
    return part if fits and encloses(whole, part.slices) else None


def _fill(write: Apply, builder: Builder) -> None:
    """Write the part, and zeros around it."""
    part = _inner(write)
    assert part is not None
    pieces = list(edges(((0, 0),) * len(part.slices), part.slices))
    outs = [Value(write.out.type, write.out.hint) for _ in pieces]
    versions = [*outs, write.out]
    builder.append(replace(write, op=update, outs=(versions[0],)))
    for before, after, piece in zip(outs, versions[1:], pieces, strict=True):
        attrs = (("path", path_to(piece)),)
        builder.append(Apply(update, (before, const(0)), attrs, (after,), write.loc))
