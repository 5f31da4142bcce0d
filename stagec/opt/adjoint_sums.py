"""Elements that an innermost loop of a backward pass only adds to are sums of its own.

    for j in ...:                    acc = 0.0
        a_bar[i, k] += t     ->      for j in ...:
                                         acc = plus(acc, t)
                                     a_bar[i, k] += acc

The program does not say in which order the terms of an adjoint are added up, so that compiled
code may add several at a time; the element need not be written on each trip.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from stagec.ir.build import Builder
from stagec.ir.core import Apply, For, Operand, Value, const
from stagec.ir.function import Function
from stagec.ir.rebuild import carrying, map_operands
from stagec.ir.types import ArrayType
from stagec.ir.walk import defined, rename
from stagec.ops.folding import plus
from stagec.ops.index_bounds import Indices
from stagec.ops.indexing import accumulate, update
from stagec.opt.places import Where, apart, at_innermost, touched, where_of, writes_number


def adjoint_sums(fn: Function) -> Function:
    """The function with sums in variables."""
    return at_innermost(fn, _loop)


def _loop(indices: Indices, builder: Builder, stmt: For) -> None:
    after: list[Apply] = []
    for k in range(len(stmt.init) if stmt.free else 0):
        for where in _places(indices, stmt, k):
            stmt, write = _summed(stmt, k, where)
            after.append(write)
    builder.append(stmt)
    for write in reversed(after):
        builder.append(write)


def _places(indices: Indices, stmt: For, k: int) -> list[Where]:
    """The elements of the carry that the loop only adds to, on each trip the same."""
    kind = stmt.body.params[1 + k].type
    if not isinstance(kind, ArrayType) or kind.dtype != np.float64:
        return []
    inner = set(defined(stmt.body))
    added: dict[Where, None] = {}
    others: list[Where] = []
    for s in touched(stmt, k) or ():
        where = where_of(s)
        fixed = inner.isdisjoint(where[1]) and not indices.doubtful(s)
        if s.op is accumulate and fixed and writes_number(s):
            added[where] = None
        else:
            others.append(where)
    return [
        where
        for where in added
        if all(apart(indices, where, o) for o in (*others, *(w for w in added if w != where)))
    ]


def _summed(stmt: For, k: int, where: Where) -> tuple[For, Apply]:
    """The loop with what belongs to the element in a variable, and its addition at the end."""
    body, array = stmt.body, stmt.body.params[1 + k]
    start = const(np.float64(0.0))
    first = Value(start.type, "acc")
    total: Operand = first
    versions: set[Operand] = {array}
    names: dict[Value, Operand] = {}
    inside = Builder()
    for s in body.stmts:
        assert isinstance(s, Apply)
        ours = s.op in (update, accumulate) and s.args[0] in versions
        versions |= set(s.outs) if ours else set[Value]()
        inside.loc = s.loc
        if ours and s.op is accumulate and where_of(s) == where:
            names[s.out] = rename(s.args[0], names)
            (total,) = inside.add(plus, (total, rename(s.args[1], names)), {}, "acc")
        else:
            inside.append(map_operands(s, lambda v: rename(v, names)))
    results = [rename(r, names) for r in body.results]
    loop = carrying(stmt, (start,), (total,), inside.block((*body.params, first), results))
    out, final = stmt.carry[k], loop.carry[-1]
    before = Value(out.type, out.hint)
    path, index = where
    write = Apply(accumulate, (before, final, *index), (("path", path),), (out,), stmt.loc)
    return replace(loop, carry=tuple(before if v is out else v for v in loop.carry)), write
