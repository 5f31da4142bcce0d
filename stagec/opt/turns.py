"""Arrays that a loop computes anew from their own neighbours: two arrays that take turns.

    for ...:                             v = u.copy()
        u[1:-1] += c * (u[2:] ...)  ->   for ...:
                                             v[1:-1] = u[1:-1] + c * (u[2:] ...)
                                             u, v = v, u

An element may not be overwritten while a neighbour still needs it, so that what is added would
be kept in an array of its own and be added by a second loop.  With two arrays that take turns
it goes where it belongs at once.  Both hold the same outside of the part that is written to,
which no trip changes.
"""

from __future__ import annotations

from dataclasses import replace

from stagec.ir.build import Builder
from stagec.ir.core import Apply, Block, For, Operand, Value
from stagec.ir.function import Function
from stagec.ir.rebuild import carrying, map_regions
from stagec.ir.types import ArrayType
from stagec.ir.walk import uses
from stagec.ops.arithmetic import add
from stagec.ops.copying import copy
from stagec.ops.indexing import accumulate, read, update
from stagec.opt.memory import allocates
from stagec.opt.parts import Part


def turns(fn: Function) -> Function:
    """The function with two arrays for each that a loop computes from its own neighbours."""
    functions = tuple(map(turns, fn.functions))
    return replace(fn, body=_block(fn.body), functions=functions)


def _block(block: Block) -> Block:
    builder = Builder()
    own: set[Operand] = set()
    for stmt in block.stmts:
        builder.loc = stmt.loc
        made = map_regions(stmt, _block)
        if isinstance(made, Apply) and allocates(made):
            own.update(made.outs)
        if isinstance(made, For):
            for k, init in enumerate(made.init):
                write = _write(made.body, k) if init in own else None
                if write is not None:
                    made = _taking_turns(made, k, write, builder)
        builder.append(made)
    return replace(block, stmts=tuple(builder.stmts))


def _write(body: Block, k: int) -> Apply | None:
    """What writes to the carry, if the loop does no more to it than that, and what is written
    depends on other elements than those that it takes the place of.
    """
    old, new = body.params[1 + k], body.results[k]
    write = next((s for s in body.stmts if new in s.outs), None)
    if not isinstance(write, Apply) or write.op not in (accumulate, update):
        return None
    if old is not write.args[0]:
        return None
    users = [s for s in body.stmts if old in uses(s)]
    reads = [s for s in users if isinstance(s, Apply) and s.op is read]
    parts = [Part.of(s, 1) for s in reads]
    value, part = write.args[1].type, Part.of(write, 2)
    if part is None or any(part.fixed) or not isinstance(value, ArrayType) or not value.rank:
        return None
    alone = (
        len(users) == len(reads) + 1
        and old not in write.args[1:]
        and body.results.count(new) == 1
        and not any(new in uses(s) for s in body.stmts)
        and not {old, *(s.out for s in reads)}.intersection(body.results)
    )
    return write if alone and any(p != part for p in parts) else None


def _taking_turns(loop: For, k: int, write: Apply, builder: Builder) -> For:
    """The loop with a second array; it begins as a copy of the first, made in the builder."""
    body, init = loop.body, loop.init[k]
    old = body.params[1 + k]
    other = Value(old.type, old.hint)
    inside = Builder()
    for stmt in body.stmts:
        inside.loc = stmt.loc
        inside.append(_written(write, other, inside) if stmt is write else stmt)
    begin = builder.add(copy, (init,), {}, old.hint)
    return carrying(loop, begin, (old,), inside.block((*body.params, other), body.results))


def _written(write: Apply, other: Value, builder: Builder) -> Apply:
    """The write to the other array, of the elements as they are after it."""
    old, value, *index = write.args
    if write.op is accumulate:
        attrs = {"path": write.kwargs["path"], "view": True}
        part = builder.add(read, (old, *index), attrs)[0]
        value = builder.add(add, (part, value), {})[0]
    return replace(write, op=update, args=(other, value, *index))
