"""Elements that an innermost loop alone reads and writes are kept in a variable.

    for k in ...:              acc = y[i]
        y[i] += v[k]     ->    for k in ...:
                                   acc += v[k]
                               y[i] = acc

Compiled code cannot do that by itself, as it does not know that `y` and `v` share no memory; it
would wait for the memory on each trip.  The element is read even where the loop makes no trip,
so that its place must surely be inside of the array.  Other elements of the array may be read,
if they are surely others, as `x[k]` is in `x[i] -= a[i, k] * x[k]` for `k` below `i`.

What an innermost loop only reads, the same element on each trip, is read in front of it:

    for k in range(i):             t = y[i]
        y[k] += y[i] * v[k]   ->   for k in range(i):
                                       y[k] += t * v[k]
"""

from __future__ import annotations

from dataclasses import replace

from stagec.ir.build import Builder
from stagec.ir.core import Apply, For, Operand, Stmt, Value, operand_of
from stagec.ir.function import Function
from stagec.ir.rebuild import map_operands
from stagec.ir.types import ArrayType
from stagec.ir.walk import defined, rename
from stagec.ops.arithmetic import Handle, add
from stagec.ops.cast import to_numpy
from stagec.ops.extent import extent
from stagec.ops.index_bounds import Indices
from stagec.ops.indexing import read, read_at, update
from stagec.opt.elements import is_element
from stagec.opt.places import Where, apart, at_innermost, touched, where_of, writes_number


def promote(fn: Function) -> Function:
    """The function with variables in place of such elements."""
    return at_innermost(fn, _loop)


def _loop(indices: Indices, builder: Builder, stmt: For) -> None:
    after: list[Stmt] = []
    for k in range(len(stmt.init)):
        where = _where(indices, stmt, k)
        if where is not None:
            stmt = _promoted(builder, stmt, k, where, after)
    builder.append(_fixed(indices, builder, stmt))
    for write in after:
        builder.append(write)


def _fixed(indices: Indices, builder: Builder, stmt: For) -> For:
    """The loop with elements that it reads on each trip, and never writes, read before it."""
    inner = set(defined(stmt.body))
    moved: dict[Stmt, Apply] = {}
    for s in stmt.body.stmts:
        if isinstance(s, Apply) and s.op is read and is_element(s) and inner.isdisjoint(s.args):
            moved[s] = s
    for k, start in enumerate(stmt.init):
        found = touched(stmt, k) or ()
        writes = [where_of(s) for s in found if s.op is not read]
        for s in found:
            place = where_of(s)
            fixed = s.op is read and inner.isdisjoint(place[1])
            if fixed and all(apart(indices, place, w) for w in writes):
                moved[s] = replace(s, args=(start, *s.args[1:]))
    moved = {s: first for s, first in moved.items() if not indices.doubtful(first)}
    for first in moved.values():
        builder.append(first)
    stmts = tuple(s for s in stmt.body.stmts if s not in moved)
    return replace(stmt, body=replace(stmt.body, stmts=stmts))


def _where(indices: Indices, stmt: For, k: int) -> Where | None:
    """The one place of its carry that the loop writes to, if there is but one."""
    found = touched(stmt, k) if _holds_floats(stmt.body.params[1 + k]) else None
    if found is None or any(map(indices.doubtful, found)):
        return None
    writes = [s for s in found if s.op is not read]
    place, *others = {where_of(s) for s in writes}
    if others or not all(map(writes_number, writes)):
        return None
    known = set(defined(stmt.body)).isdisjoint(place[1])
    seen = {where_of(s) for s in found} - {place}
    return place if known and all(apart(indices, place, other) for other in seen) else None


def _promoted(builder: Builder, stmt: For, k: int, where: Where, after: list[Stmt]) -> For:
    """The loop with the element as a variable; the read is added before it, the write after."""
    body, array = stmt.body, stmt.body.params[1 + k]
    path, index = where
    builder.loc = stmt.loc
    start = operand_of(read_at(Handle(builder, stmt.init[k]), path, *index))
    number, final = Value(start.type, "acc"), Value(start.type, "acc")
    current: dict[Value, Operand] = {array: number}
    names: dict[Value, Operand] = {}
    inside = Builder()
    for s in body.stmts:
        assert isinstance(s, Apply)
        s = map_operands(s, lambda a: rename(a, names))
        assert isinstance(s, Apply)
        inside.loc = s.loc
        held = current.get(s.args[0]) if s.args and isinstance(s.args[0], Value) else None
        if held is None:
            inside.append(s)
        elif s.op is extent:
            inside.append(replace(s, args=(stmt.init[k],)))
        elif s.op is read and where_of(s) != where:
            inside.append(replace(s, args=(stmt.init[k], *s.args[1:])))
        elif s.op is read:
            names[s.out] = held
        elif s.op is update:
            current[s.out] = operand_of(to_numpy(Handle(inside, s.args[1])))
        else:
            current[s.out] = inside.add(add, (held, s.args[1]), {}, "acc")[0]
    results = [rename(r, names) for r in body.results]
    last = body.results[k]
    assert isinstance(last, Value)
    results[k] = current[last]
    params = [number if p is array else p for p in body.params]
    init, carry = list(stmt.init), list(stmt.carry)
    init[k], carry[k] = start, final
    args = (stmt.init[k], final, *index)
    after.append(Apply(update, args, (("path", path),), (stmt.carry[k],), stmt.loc))
    new = inside.block(params, results)
    return replace(stmt, init=tuple(init), body=new, carry=tuple(carry))


def _holds_floats(array: Value) -> bool:
    kind = array.type
    return isinstance(kind, ArrayType) and bool(kind.rank) and kind.inexact
