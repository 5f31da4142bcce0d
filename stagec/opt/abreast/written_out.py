"""Loops over a few elements, written out where LLVM would leave them as loops."""

from __future__ import annotations

from dataclasses import replace

from stagec.ir.core import Block, For, Operand, Stmt, Value, const, known
from stagec.ir.walk import clone_stmt, rename, statements

FEW = 16  # trips of a loop that may be written out
SHORT = 100  # statements of an innermost loop that LLVM surely writes out


def counted_few(loop: For) -> bool:
    """Whether the loop makes a few trips, numbered from 0."""
    hi = known(loop.hi)
    return (
        known(loop.lo) == 0 and known(loop.step) == 1 and isinstance(hi, int) and 0 < hi <= FEW
        and not (loop.until or loop.reverse or loop.trips)
    )  # fmt: skip


def trips(loop: For) -> int:
    """How many trips a loop over a few elements makes."""
    hi = known(loop.hi)
    assert isinstance(hi, int)
    return hi


def written_out(loop: For) -> For:
    """The loop with all loops in it written out but the innermost ones that are short."""
    return replace(loop, body=_block(loop.body))


def _block(block: Block) -> Block:
    stmts: list[Stmt] = []
    names: dict[Value, Operand] = {}
    for stmt in block.stmts:
        if not isinstance(stmt, For):
            stmts.append(clone_stmt(stmt, names))
            continue
        inner = replace(stmt, body=_block(stmt.body))
        if _stays(stmt):
            stmts.append(clone_stmt(inner, names))
            continue
        carried = tuple(rename(v, names) for v in inner.init)
        for k in range(trips(inner)):
            params = inner.body.params
            here = {**names, **dict(zip(params, (const(k), *carried), strict=True))}
            stmts += [clone_stmt(s, here) for s in inner.body.stmts]
            carried = tuple(rename(r, here) for r in inner.body.results)
        names.update(zip(inner.carry, carried, strict=True))
    params = block.params
    return Block(params, tuple(stmts), tuple(rename(r, names) for r in block.results))


def _stays(loop: For) -> bool:
    within = list(statements(loop.body))
    return not any(isinstance(s, For) for s in within) and trips(loop) * len(within) <= SHORT
