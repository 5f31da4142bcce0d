"""A copy that is only read is the array itself.

    y = x.copy()                   z = 2 * x
    z = 2 * y               ->

The copy stays where something overwrites it, shows a part of it or keeps it, and where the
array is overwritten: then there has to be a copy anyway, and the program says where.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from stagec.ir.chains import mentioned
from stagec.ir.core import Apply, Block, Operand, Value
from stagec.ir.function import Function
from stagec.ir.types import ArrayType
from stagec.ir.walk import rename, statements, substitute
from stagec.ops.copying import copy
from stagec.opt.memory import overwritten


def copies(fn: Function) -> Function:
    """The function without such copies; `dce` drops what is left of them."""
    functions = tuple(replace(f, body=_shared(f.body)) for f in fn.functions)
    return replace(fn, body=_shared(fn.body), functions=functions)


def _shared(body: Block) -> Block:
    made = [s for s in statements(body) if isinstance(s, Apply) and s.op is copy]
    if not made:
        return body
    used = Counter(mentioned(body))
    read = Counter(arg for s in statements(body) if isinstance(s, Apply) for arg in _read(s))
    changed = {value for s in statements(body) for value in overwritten(s)}
    instead: dict[Value, Operand] = {}
    for stmt in made:
        (array,), out = stmt.args, stmt.out
        if array.type == out.type and array not in changed and used[out] == read[out]:
            instead[out] = rename(array, instead)
    return substitute(body, instead)


def _read(stmt: Apply) -> list[Operand]:
    """The operands that the op only reads: no result shares their memory."""
    op = stmt.op
    if not all(isinstance(out.type, ArrayType) for out in stmt.outs):
        return []
    held = {op.overwrites, op.aliased(stmt.kwargs)}
    return [arg for k, arg in enumerate(stmt.args) if k not in held]
