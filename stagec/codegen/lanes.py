"""Which ops of a kernel are surely computed for one element at a time.

LLVM does several trips of an innermost loop at a time, where they do not wait for each other.
All else runs number by number: what stands outside of such loops, and in loops whose trips
need what the trip before has computed.  Loops with a constant number of trips may be written
out, so that the loop around them is an innermost one.
"""

from __future__ import annotations

from collections.abc import Iterator

from stagec.ir.chains import Chain
from stagec.ir.core import Apply, Block, Const, For, Value, While
from stagec.ir.function import Function
from stagec.ir.types import ArrayType
from stagec.ir.walk import regions, statements, uses


def alone(fn: Function) -> frozenset[Apply]:
    """The ops of the function that no loop computes for several elements at a time."""
    return frozenset(_alone(fn.body))


def _alone(block: Block) -> Iterator[Apply]:
    for stmt in block.stmts:
        if isinstance(stmt, Apply):
            yield stmt
        elif not isinstance(stmt, For) or _waits(stmt):
            for region in regions(stmt):
                yield from _alone(region)


def _waits(loop: For) -> bool:
    """Whether the trips of the loop are surely done one by one."""
    inner = any(
        isinstance(s, While) or (isinstance(s, For) and not _written_out(s))
        for s in statements(loop.body)
    )
    return inner or loop.until or _carries_number(loop)


def _written_out(loop: For) -> bool:
    """Whether the loop may disappear, as its number of trips is constant."""
    return all(isinstance(o, Const) for o in (loop.lo, loop.hi, loop.step))


def _carries_number(loop: For) -> bool:
    """Whether a trip needs a number that the trip before has computed, other than to add to it
    in any order, or to fold it otherwise.
    """
    chain = Chain(loop.body, lambda s: () if s.op.neutral is None else (0,))
    pairs = zip(loop.body.params[1:], loop.body.results, strict=False)
    return any(
        _is_float(param) and param is not result and not chain.steps(param, result)
        and result in _reached(loop.body, param)
        for param, result in pairs
    )  # fmt: skip


def _is_float(value: Value) -> bool:
    kind = value.type
    return isinstance(kind, ArrayType) and not kind.rank and kind.dtype.kind == "f"


def _reached(block: Block, start: Value) -> set[Value]:
    """The values of the block that depend on `start`."""
    found = {start}
    for stmt in block.stmts:
        if not found.isdisjoint(uses(stmt)):
            found.update(stmt.outs)
    return found
