"""An array that would be copied only to be written as a whole is made anew instead.

q = p.copy()                         q = p / total
q[...] = p / total            ->
t = q.copy()                         t = q + v
t += v
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from stagec.ir.alias import path_of
from stagec.ir.core import Apply, Block, Operand, Stmt, Value
from stagec.ir.function import Function
from stagec.ir.rebuild import map_regions
from stagec.ir.walk import clone, renamed, substitute
from stagec.ops.arithmetic import add
from stagec.ops.indexing import accumulate, update
from stagec.opt.bufferise.plan import Plan


def made_anew(fn: Function, plan: Plan) -> Function:
    """The function without such writes; itself if the plan copies for none."""
    copied = [s for s, position in plan.operands if isinstance(s, Apply) and position == 0]
    writes = [s for s in copied if path_of(s) == ()]
    written = {
        s.out: s.args[1] for s in writes if s.op is update and s.args[0].type == s.args[1].type
    }
    sums = {s for s in writes if s.op is accumulate and _is_sum(s)}
    if not written and not sums:
        return fn
    ends = {out: renamed(new, written) for out, new in written.items()}
    hints = {
        new: out.hint for out, new in ends.items() if isinstance(new, Value) and not new.hint
    }
    body = substitute(_without(fn.body, ends, sums), ends)
    return replace(fn, body=clone(body, {}, hints))


def _is_sum(stmt: Apply) -> bool:
    """Whether the sum of the operands is what the statement makes of the array."""
    return add.infer(*(arg.type for arg in stmt.args)) == stmt.out.type


def _without(block: Block, written: dict[Value, Operand], sums: set[Apply]) -> Block:
    """The block without the writes `written`, and with sums for the others."""
    stmts: list[Stmt] = []
    for stmt in block.stmts:
        if stmt in sums:
            stmts.append(replace(stmt, op=add, attrs=()))
        elif written.keys().isdisjoint(stmt.outs):
            stmts.append(map_regions(stmt, partial(_without, written=written, sums=sums)))
    return replace(block, stmts=tuple(stmts))
