"""About how much work a loop is: that decides at run time whether it is done in parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from stagec.ir.build import Builder, exact
from stagec.ir.core import (
    Apply,
    Block,
    Call,
    Const,
    Cost,
    For,
    Operand,
    Stmt,
    Value,
    While,
    const,
)
from stagec.ir.types import Symbol, measured_by
from stagec.ir.walk import defined, regions
from stagec.ops.arithmetic import Handle

WEIGHTS = {Cost.FREE: 1, Cost.CHEAP: 1, Cost.COSTLY: 8}
Extents = tuple[tuple[Operand, Operand], ...]  # the bounds of the loops around a statement


def work(loop: For, builder: Builder) -> Operand:
    """Roughly how many operations on elements all trips take; its computation is added."""
    key, fixed = _innermost(loop)
    lengths: list[tuple[Operand, Operand]] = []
    for lo, hi in key:
        if isinstance(lo, Const) and isinstance(hi, Const):
            fixed *= max(hi.value - lo.value, 0)
        else:
            lengths.append((lo, hi))
    total = Handle(builder, const(fixed))
    for lo, hi in lengths:
        total = total * extent(builder, lo, hi)
    return total.operand


def work_before(loop: For, lengths: Mapping[Symbol, int]) -> int:
    """The same at the first call, when symbols had these lengths; 0: it is not known."""
    key, total = _innermost(loop)
    for bounds in key:
        low, high = (measured_by(exact(bound), lengths) for bound in bounds)
        total *= 0 if low is None or high is None else max(high - low, 0)
    return total


def _innermost(loop: For) -> tuple[Extents, int]:
    """The bounds of the loops that all trips spend their time in, and the work of a trip."""
    counts: Counter[Extents] = Counter()
    count(loop.body, ((loop.lo, loop.hi),), set(defined(loop.body)), counts)
    deepest = max(map(len, counts), default=1)
    # what is outside of the innermost loops is little
    inner = {key: n for key, n in counts.items() if len(key) == deepest}
    key = max(inner, key=lambda k: inner[k], default=((loop.lo, loop.hi),))
    return key, sum(inner.values()) or 1


def degree(stmt: Stmt) -> int:
    """How many loops whose numbers of trips are not known at staging are in each other."""
    if isinstance(stmt, Apply | Call):
        return 0
    inner = max((degree(s) for region in regions(stmt) for s in region.stmts), default=0)
    return inner + (isinstance(stmt, While) or (isinstance(stmt, For) and not _fixed(stmt)))


def _fixed(loop: For) -> bool:
    return isinstance(loop.lo, Const) and isinstance(loop.hi, Const)


def count(block: Block, around: Extents, inside: set[Value], counts: Counter[Extents]) -> None:
    """Count the operations by the loops that they are in.

    A loop whose bounds are computed in a trip, the values `inside`, counts as a single trip.
    """
    for stmt in block.stmts:
        if isinstance(stmt, Apply):
            counts[around] += WEIGHTS[stmt.cost]
            continue
        here = around
        if isinstance(stmt, For) and stmt.lo not in inside and stmt.hi not in inside:
            here = (*around, (stmt.lo, stmt.hi))
        for region in regions(stmt):
            count(region, here, inside, counts)


def extent(builder: Builder, lo: Operand, hi: Operand) -> Handle:
    """About how many trips there are; less than 0 if there are none."""
    if isinstance(lo, Const):
        return Handle(builder, hi)
    return Handle(builder, hi) - Handle(builder, lo)
