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
from stagec.ir.core import Apply, Block, For, Operand, Value, const
from stagec.ir.function import Function
from stagec.ir.rebuild import map_operands, map_regions
from stagec.ir.types import ArrayType
from stagec.ir.walk import defined, rename
from stagec.ops.extent import extent
from stagec.ops.folding import plus
from stagec.ops.index_bounds import Indices
from stagec.ops.indexing import accumulate, read, update
from stagec.opt.elements import is_element
from stagec.opt.places import Where, apart, where_of


def adjoint_sums(fn: Function) -> Function:
    """The function with sums in variables."""
    functions = tuple(map(adjoint_sums, fn.functions))
    return replace(fn, body=_Summer(Indices.of(fn)).block(fn.body), functions=functions)


class _Summer:
    """Goes through a function in order."""

    def __init__(self, indices: Indices) -> None:
        self._indices = indices

    def block(self, block: Block) -> Block:
        """The block, changed."""
        builder = Builder()
        with self._indices.scope():
            for stmt in block.stmts:
                self._indices.note(stmt)
                made = map_regions(stmt, self.block)
                inner = isinstance(made, For) and all(
                    isinstance(s, Apply) for s in made.body.stmts
                )
                if isinstance(made, For) and made.free and inner and not made.until:
                    self._loop(builder, made)
                else:
                    builder.append(made)
        return replace(block, stmts=tuple(builder.stmts))

    def _loop(self, builder: Builder, stmt: For) -> None:
        after: list[Apply] = []
        for k in range(len(stmt.init)):
            for where in self._places(stmt, k):
                stmt, write = _summed(stmt, k, where)
                after.append(write)
        builder.append(stmt)
        for write in reversed(after):
            builder.append(write)

    def _places(self, stmt: For, k: int) -> list[Where]:
        """The elements of the carry that the loop only adds to, on each trip the same."""
        body, array = stmt.body, stmt.body.params[1 + k]
        if not isinstance(array.type, ArrayType) or array.type.dtype != np.float64:
            return []
        inner, versions = set(defined(body)), {array}
        added: dict[Where, bool] = {}
        others: list[Where] = []
        for s in body.stmts:
            assert isinstance(s, Apply)
            used = versions.intersection(s.args)
            if not used or s.op is extent:
                continue
            if s.op not in (read, update, accumulate) or s.args[0] not in used or len(used) > 1:
                return []
            where = where_of(s)
            if not is_element(s):
                return []
            if s.op is not read:
                versions.add(s.out)
            fixed = inner.isdisjoint(where[1]) and not self._indices.doubtful(s)
            if s.op is accumulate and fixed and _is_number(s.args[1], array.type):
                added[where] = True
            else:
                others.append(where)
        results = [r for j, r in enumerate(body.results) if j != k]
        if not versions.isdisjoint(results) or body.results[k] not in versions:
            return []
        return [
            where
            for where in added
            if all(
                apart(self._indices, where, o)
                for o in (*others, *(w for w in added if w != where))
            )
        ]


def _summed(stmt: For, k: int, where: Where) -> tuple[For, Apply]:
    """The loop with what belongs to the element in a variable, and its addition at the end."""
    body, array = stmt.body, stmt.body.params[1 + k]
    start = const(np.float64(0.0))
    first, final = Value(start.type, "acc"), Value(start.type, "acc")
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
    results = [*(rename(r, names) for r in body.results), total]
    out = stmt.carry[k]
    before = Value(out.type, out.hint)
    carry = (*(before if v is out else v for v in stmt.carry), final)
    new = inside.block((*body.params, first), results)
    path, index = where
    write = Apply(accumulate, (before, final, *index), (("path", path),), (out,), stmt.loc)
    return replace(stmt, init=(*stmt.init, start), body=new, carry=carry), write


def _is_number(operand: Operand, array: ArrayType) -> bool:
    """Whether the operand is a number of the array's element type."""
    kind = operand.type
    number = isinstance(kind, ArrayType) and not kind.rank and kind.kind != "array"
    return number and kind.dtype == array.dtype  # type: ignore[union-attr]
