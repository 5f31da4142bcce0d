"""Sums that the user wrote as a loop are reductions, whose terms may be taken in any order.

    for i in ...:              for i in ...:
        total += x[i]     ->       total = kernels.plus(total, x[i])

Compiled code must otherwise wait for each addition before the next, and adds one number at a
time.  What counts is that nothing but the sum itself sees how far it is: a loop that corrects
its sum by what was lost, as Kahan's, looks at it and keeps its order.  So does a loop with
others inside, and one that carries a number from trip to trip: they run one trip at a time.
"""

from __future__ import annotations

from dataclasses import replace

from stagec.ir.build import Builder
from stagec.ir.chains import Chain
from stagec.ir.core import Apply, Block, For, Stmt, While
from stagec.ir.function import Function
from stagec.ir.rebuild import map_regions
from stagec.ir.types import ArrayType, Type, negates_alike
from stagec.ir.walk import regions, statements
from stagec.ops.arithmetic import add, negative, subtract
from stagec.ops.folding import plus
from stagec.opt.memory import has_memory

# at which operands a sum may come in
SUMS = {add: (0, 1), subtract: (0,), plus: (0,)}


def sums(fn: Function) -> Function:
    """The function with such additions as steps of reductions."""
    functions = tuple(map(sums, fn.functions))
    found: dict[Apply, int] = {}
    for stmt in statements(fn.body):
        if isinstance(stmt, For) and not _waits(stmt):
            found |= _steps(stmt)
    body = _changed(fn.body, found) if found else fn.body
    return replace(fn, body=body, functions=functions)


def _waits(loop: For) -> bool:
    """Whether its trips are made one by one whatever it sums up."""
    inner = any(isinstance(s, For | While) for s in statements(loop.body))
    return inner or loop.until or loop.trips is not None


def _steps(loop: For) -> dict[Apply, int]:
    """The additions of the numbers that the loop sums up, if it carries no others."""
    chain = Chain(loop.body, _along)
    found: dict[Apply, int] = {}
    for param, result in zip(loop.body.params[1:], loop.body.results, strict=True):
        if has_memory(param.type):
            continue
        steps = chain.steps(param, result) if _is_float(param.type) else {}
        added = all(s.op in SUMS for s in steps)
        if not steps or not (added or len({s.op for s in steps}) == 1):
            return {}
        if added:
            found |= steps
    return {s: k for s, k in found.items() if s.op is not plus}


def _along(stmt: Apply) -> tuple[int, ...]:
    """At which operands something may come in that is summed up, or folded otherwise."""
    return SUMS.get(stmt.op, () if stmt.op.neutral is None else (0,))


def _is_float(kind: Type) -> bool:
    return (
        isinstance(kind, ArrayType)
        and kind.kind != "array"
        and not kind.rank
        and kind.dtype.kind == "f"
    )


def _changed(block: Block, steps: dict[Apply, int]) -> Block:
    """The block with the additions as steps of reductions."""
    stmts: list[Stmt] = []
    for stmt in block.stmts:
        if isinstance(stmt, Apply) and stmt in steps:
            stmts += _step(stmt, steps[stmt])
        elif regions(stmt):
            stmts.append(map_regions(stmt, lambda inner: _changed(inner, steps)))
        else:
            stmts.append(stmt)
    return replace(block, stmts=tuple(stmts))


def _step(stmt: Apply, at: int) -> list[Stmt]:
    """The addition as a step, where its operand `at` is the sum; it is kept if its type is not
    that of the sum, or unsigned.
    """
    before, term = stmt.args[at], stmt.args[1 - at]
    builder = Builder(loc=stmt.loc)
    if stmt.op is subtract:
        assert isinstance(term.type, ArrayType)
        assert isinstance(before.type, ArrayType)
        if not negates_alike(term.type, before.type.dtype):
            return [stmt]
        (term,) = builder.add(negative, (term,), {})
    if stmt.out.type != before.type or plus.infer(before.type, term.type) != before.type:
        return [stmt]
    builder.append(Apply(plus, (before, term), (), stmt.outs, stmt.loc))
    return builder.stmts
