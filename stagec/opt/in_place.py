"""States that a loop computes element by element from themselves are computed in place.

    for t in range(steps):                         for t in range(steps):
        new = np.empty(n)                              for i in range(n):
        for i in range(n):                 ->              h[i] = w * h[i] + x[i, t]
            new[i] = w * h[i] + x[i, t]
        h = new

Each element is read before it is written, and no other trip of the inner loop reads it.  There
is then one array, and rows need each other so little that they can be gone through in strips.
"""

from __future__ import annotations

from dataclasses import replace

from stagec.ir.chains import mentioned
from stagec.ir.core import Apply, Block, For, Op, Stmt, Value, known
from stagec.ir.function import Function
from stagec.ir.rebuild import map_regions
from stagec.ir.walk import uses
from stagec.ops.creation import empty
from stagec.ops.indexing import read, update
from stagec.opt.elements import indices_of, is_element


def in_place(fn: Function) -> Function:
    """The function with states of loops computed in place."""
    return replace(fn, body=_block(fn.body), functions=tuple(map(in_place, fn.functions)))


def _block(block: Block) -> Block:
    stmts = (map_regions(s, _block) for s in block.stmts)
    return replace(block, stmts=tuple(_loop(s) if isinstance(s, For) else s for s in stmts))


def _loop(loop: For) -> For:
    for k in range(len(loop.carry)):
        loop = replace(loop, body=_changed(loop.body, k))
    return loop


def _changed(body: Block, k: int) -> Block:
    """The body of a loop with the carry computed in place, if it can be."""
    old, new = body.params[1 + k], body.results[k]
    inner = next((s for s in body.stmts if isinstance(s, For) and new in s.carry), None)
    if inner is None or not _from_start(inner) or old in (*inner.init, *body.results):
        return body
    at = next(n for n, value in enumerate(inner.carry) if value is new)
    begin = inner.init[at]
    maker = next((s for s in body.stmts if isinstance(s, Apply) and begin in s.outs), None)
    fresh = maker is not None and maker.op is empty and maker.out.type == old.type
    if not fresh or list(mentioned(body)).count(begin) != 1:
        return body
    if [s for s in body.stmts if old in uses(s)] != [inner]:
        return body
    elementwise = _elementwise(inner.body, old, at)
    if elementwise is None:
        return body
    init = (*inner.init[:at], old, *inner.init[at + 1 :])
    changed = replace(inner, init=init, body=elementwise)
    return replace(body, stmts=tuple(changed if s is inner else s for s in body.stmts))


def _from_start(loop: For) -> bool:
    """Whether the counter is surely never negative: then no two trips mean one element."""
    lo, hi, step = map(known, (loop.lo, loop.hi, loop.step))
    if step is None or step == 0:
        return False
    return lo is not None and lo >= 0 if step > 0 else hi is not None and hi >= -1


def _elementwise(body: Block, old: Value, at: int) -> Block | None:
    """The body of the inner loop that reads the array that it writes to in place of `old`; None
    if it does more than to read the element at its counter and then to write it.
    """
    counter, array, made = body.params[0], body.params[1 + at], body.results[at]
    stmts: list[Stmt] = []
    written = False
    for stmt in body.stmts:
        if not {old, array}.isdisjoint(uses(stmt)):
            reading = _at(stmt, read, old, counter)
            if written or not (reading or _at(stmt, update, array, counter)):
                return None
            written = not reading
            assert isinstance(stmt, Apply)
            if written and (stmt.out is not made or old in stmt.args):
                return None
            stmt = replace(stmt, args=(array, *stmt.args[1:]))
        stmts.append(stmt)
    return replace(body, stmts=tuple(stmts)) if written else None


def _at(stmt: Stmt, op: Op, array: Value, counter: Value) -> bool:
    """Whether the op is done at the counter of the array, which has one axis."""
    if not isinstance(stmt, Apply) or stmt.op is not op or stmt.args[0] is not array:
        return False
    return is_element(stmt) and dict(indices_of(stmt)) == {0: counter}
