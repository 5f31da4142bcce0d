"""Cotangents that are zero outside of one part of their array.

    b = f(a)                a_bar[1:] += f'(a[1:]) * c_bar
    c = b[1:]          ->

The cotangent of what an op computed element by element stays the part that was read, if
nothing else was: the rule of the op is applied to that part of its operands.  An array of zeros
for the rest would have to be made, multiplied and added.
"""

from __future__ import annotations

from typing import Any

from stagec.ir.build import Builder
from stagec.ir.core import Apply, Operand, Value
from stagec.ir.types import ArrayType, rank_of
from stagec.ops.arithmetic import Handle
from stagec.ops.indexing import accumulate, read_at
from stagec.ops.into import Into
from stagec.ops.paths import is_view, path_type
from stagec.transforms.shapes import pointwise


def takes_part(stmt: Apply) -> bool:
    """Whether a part of the result comes from the same part of all operands with axes."""
    op = stmt.op
    if op.vjp is None or len(stmt.outs) != 1 or op.overwrites is not None:
        return False
    shapes = {t.shape for t in _arrays(stmt) if t.rank}
    return pointwise(stmt) and len(shapes) == 1 and len(_arrays(stmt)) == 1 + len(stmt.args)


def is_part(value: Value, term: Any) -> bool:
    """Whether the term of the cotangent of the value is one part of it, no element twice."""
    if not isinstance(term, Into) or term.op is not accumulate:
        return False
    ct, *index = term.operands
    types = tuple(i.type for i in index)
    path = dict(term.attrs)["path"]
    if not is_view(path, types):
        return False
    assert isinstance(value.type, ArrayType)
    part = path_type(value.type, path, types)
    return (ct.type.shape, ct.type.dtype) == (part.shape, part.dtype)


def part_terms(builder: Builder, stmt: Apply, part: Into) -> list[Any]:
    """The terms for the operands of the op, of whose result `part` is the cotangent."""
    ct, *index = part.operands
    path = dict(part.attrs)["path"]

    def selected(operand: Operand) -> Any:
        whole = Handle(builder, operand)
        return read_at(whole, path, *index) if rank_of(operand.type) else whole

    assert stmt.op.vjp is not None
    terms = stmt.op.vjp(ct, selected(stmt.out), *map(selected, stmt.args), **stmt.kwargs)
    return [
        Into(part.op, (term, *index), part.attrs)
        if term is not None and rank_of(a.type)
        else term
        for a, term in zip(stmt.args, terms, strict=True)
    ]


def _arrays(stmt: Apply) -> list[ArrayType]:
    types = (stmt.outs[0].type, *(a.type for a in stmt.args))
    return [t for t in types if isinstance(t, ArrayType)]
