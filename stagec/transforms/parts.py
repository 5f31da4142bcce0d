"""Cotangents that are zero outside of a part of their array.

    b = f(a)                a_bar[1:] += f'(a[1:]) * c_bar
    c = b[1:]          ->

The cotangent of what an op computed element by element stays the part that was read, if
nothing else was: the rule of the op is applied to that part of its operands.  An array of zeros
for the rest would have to be made, multiplied and added.

    b = a.copy()            a_bar[:1] += b_bar[:1]
    b[1:] = c          ->   c_bar = b_bar[1:]

The cotangent of a copy stays in parts, however many there are, as each is one of what was
copied; what is left of it where a part was stored anew is a part too.
"""

from __future__ import annotations

from typing import Any

from stagec.ir.build import Builder
from stagec.ir.core import Apply, Operand, Value, const
from stagec.ir.path import Index, Path, Slice
from stagec.ir.types import ArrayType, rank_of
from stagec.ops.arithmetic import Handle
from stagec.ops.copying import copy
from stagec.ops.indexing import accumulate, read_at, update
from stagec.ops.into import Into
from stagec.ops.paths import is_view, path_type
from stagec.transforms.shapes import pointwise

_BACKWARDS = Slice(None, None, -1)


def takes_part(stmt: Apply) -> bool:
    """Whether a part of the result comes from the same part of all operands with axes."""
    op = stmt.op
    if op.vjp is None or len(stmt.outs) != 1 or op.overwrites is not None:
        return False
    shapes = {t.shape for t in _arrays(stmt) if t.rank}
    return pointwise(stmt) and len(shapes) == 1 and len(_arrays(stmt)) == 1 + len(stmt.args)


def only_copies(stmt: Apply) -> bool:
    """Whether each term of the cotangent of the result is one of the operand's."""
    return stmt.op is copy and bool(rank_of(stmt.outs[0].type))


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


def cleared(builder: Builder, term: Any) -> Apply | None:
    """The statement that made the term by setting one of two parts of an array to zero."""
    made = builder.producer(term.operand) if isinstance(term, Handle) else None
    if made is None or made.op is not update or made.args[1] != const(0):
        return None
    return made if _others(made.kwargs["path"]) is not None else None


def what_is_left(builder: Builder, made: Apply) -> Into:
    """The part that the statement, which sets the other part to zero, leaves as it is."""
    base, _, *index = (Handle(builder, a) for a in made.args)
    path = _others(made.kwargs["path"])
    assert path is not None
    part = read_at(base, path, *index)
    return Into(accumulate, (part, *index), (("path", path),))


def _others(path: Path) -> Path | None:
    """The path to all elements that this one leaves out, if they are one part as well."""
    match path:
        case (Index(items),):
            pass
        case _:
            return None
    cut = [k for k, item in enumerate(items) if item != Slice()]
    if len(cut) != 1:
        return None
    match items[cut[0]]:
        # what comes before a bound and what comes from it on is all, whatever the bound is
        case Slice(start, None, None | 1) if start is not None:
            other = Slice(None, start)
        case Slice(None, stop, None | 1) if stop is not None:
            other = Slice(stop, None)
        case 0:
            other = Slice(1, None)
        case -1:
            other = Slice(None, -1)
        case _:
            return None
    return (Index((*items[: cut[0]], other, *items[cut[0] + 1 :])),)


def turned(value: Value, term: Into) -> Any:
    """The term as an array of the value's elements in their order, if it is to all of them.

    What was read backwards is read backwards again: nothing is added to zeros.
    """
    if not is_part(value, term):
        return None
    path: Path = dict(term.attrs)["path"]
    items = path[0].items if len(path) == 1 and isinstance(path[0], Index) else ()
    if _BACKWARDS not in items or not set(items) <= {Slice(), _BACKWARDS}:
        return None
    # contiguous, as a gradient in the caller's hands should be
    return copy(read_at(term.operands[0], path))


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
