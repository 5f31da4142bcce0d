"""Elements that an innermost loop alone reads and writes are kept in a variable.

    for k in ...:              acc = y[i]
        y[i] += v[k]     ->    for k in ...:
                                   acc += v[k]
                               y[i] = acc

Compiled code cannot do that by itself, as it does not know that `y` and `v` share no memory; it
would wait for the memory on each trip.  The element is read even where the loop makes no trip,
so that its place must surely be inside of the array.  Other elements of the array may be read,
if they are surely others, as `x[k]` is in `x[i] -= a[i, k] * x[k]` for `k` below `i`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from stagec.ir.build import Builder
from stagec.ir.core import Apply, Block, For, Operand, Stmt, Value, operand_of
from stagec.ir.function import Function
from stagec.ir.rebuild import map_operands, map_regions
from stagec.ir.types import ArrayType
from stagec.ir.walk import defined, rename
from stagec.ops.arithmetic import Handle, add
from stagec.ops.cast import to_numpy
from stagec.ops.extent import extent
from stagec.ops.index_bounds import Indices
from stagec.ops.indexing import accumulate, read, read_at, update
from stagec.opt.elements import is_element
from stagec.opt.places import Where, apart, where_of


def promote(fn: Function) -> Function:
    """The function with variables in place of such elements."""
    functions = tuple(map(promote, fn.functions))
    return replace(fn, body=_Promoter(Indices.of(fn)).block(fn.body), functions=functions)


class _Promoter:
    """Goes through a function in order."""

    def __init__(self, indices: Indices) -> None:
        self._indices = indices

    def block(self, block: Block) -> Block:
        """The block, changed."""
        builder = Builder()
        with self._indices.scope():
            for stmt in block.stmts:
                self._indices.note(stmt)
                if isinstance(stmt, For):
                    self._loop(builder, stmt)
                else:
                    builder.append(map_regions(stmt, self.block))
        return replace(block, stmts=tuple(builder.stmts))

    def _loop(self, builder: Builder, stmt: For) -> None:
        body = self.block(stmt.body)
        stmt = replace(stmt, body=body)
        if stmt.until or not all(isinstance(s, Apply) for s in body.stmts):
            builder.append(stmt)
            return
        after: list[Stmt] = []
        for k in range(len(stmt.init)):
            where = self._where(stmt, k)
            if where is not None:
                stmt = _promoted(builder, stmt, k, where, after)
        builder.append(stmt)
        for write in after:
            builder.append(write)

    def _where(self, stmt: For, k: int) -> Where | None:
        """The one place that the loop reads and writes of its carry, if there is but one."""
        body = stmt.body
        array = body.params[1 + k]
        if not _holds_floats(array):
            return None
        versions = {array}
        written: set[Where] = set()
        seen: set[Where] = set()
        for s in body.stmts:
            assert isinstance(s, Apply)
            used = versions.intersection(s.args)
            if not used or s.op is extent:
                continue
            if s.op not in (read, update, accumulate) or s.args[0] not in used or len(used) > 1:
                return None
            if not is_element(s) or self._indices.doubtful(s) or not _keeps_type(s):
                return None
            (seen if s.op is read else written).add(where_of(s))
            if s.op is not read:
                versions.add(s.out)
        if len(written) != 1 or not versions.isdisjoint(_others(body.results, k)):
            return None
        (place,) = written
        known = set(defined(body)).isdisjoint(place[1])
        others = all(apart(self._indices, place, other) for other in seen - written)
        return place if known and others else None


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


def _others(results: tuple[Operand, ...], k: int) -> Iterator[Operand]:
    """The results but the one at the position."""
    return (r for j, r in enumerate(results) if j != k)


def _holds_floats(array: Value) -> bool:
    kind = array.type
    return isinstance(kind, ArrayType) and bool(kind.rank) and kind.inexact


def _keeps_type(stmt: Apply) -> bool:
    """Whether the op reads, or what it writes has the array's element type."""
    if stmt.op is read:
        return True
    array, value = stmt.args[0].type, stmt.args[1].type
    assert isinstance(array, ArrayType)
    return (
        _is_number(stmt.args[1]) and isinstance(value, ArrayType) and value.dtype == array.dtype
    )


def _is_number(operand: Operand) -> bool:
    kind = operand.type
    return isinstance(kind, ArrayType) and not kind.rank and kind.kind != "array"
