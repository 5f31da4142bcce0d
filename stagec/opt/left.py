"""Loops that no kernel holds, and what keeps them out: `explain` tells of them."""

from __future__ import annotations

from collections.abc import Iterator

from stagec.errors import Loc
from stagec.ir.core import Apply, Block, For, Stmt, While
from stagec.ir.function import Function
from stagec.ir.lowering import in_kernel
from stagec.ir.walk import regions, statements


def left(fn: Function) -> Iterator[tuple[Loc | None, list[Apply]]]:
    """Where each outermost loop outside of kernels is, and what in it no kernel can hold."""
    if fn.kernel:
        return
    for loop in _outermost(fn.body):
        inside = (s for region in regions(loop) for s in statements(region))
        yield loop.loc, [s for s in inside if isinstance(s, Apply) and not in_kernel(s)]
    for inner in fn.functions:
        yield from left(inner)


def _outermost(block: Block) -> Iterator[Stmt]:
    for stmt in block.stmts:
        if isinstance(stmt, For | While):
            yield stmt
        else:
            for region in regions(stmt):
                yield from _outermost(region)
