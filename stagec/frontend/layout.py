"""How arrays lie in memory, where that decides whether reshaping gives a view or a copy."""

from __future__ import annotations

from stagec import ops
from stagec.frontend.machine import Machine
from stagec.frontend.values import ArrayRef
from stagec.ir.core import Apply, Const, Operand, Structured, Value as Defined
from stagec.ir.path import Arg, Index, Item, NewAxis, Path, Slice
from stagec.ir.types import ArrayType, may_be_one, rank_of, same


def unit_axes(stmt: Apply) -> Path | None:
    """The path of a reshape that only adds and drops axes of length one; views have one."""
    base, out, plan = stmt.args[0].type, stmt.out.type, stmt.kwargs["shape"]
    assert isinstance(base, ArrayType)
    assert isinstance(out, ArrayType)
    left = list(base.shape)
    # the rest of an array that has one long axis is that axis, whatever its length
    rest = len([d for d in left if d != 1]) == 1 and [n for n in plan if n != 1] == [-1]
    items: list[Item] = []
    for length, dim in zip(plan, out.shape, strict=True):
        wanted = -1 if rest and length == -1 else dim
        while left and left[0] == 1 and wanted != 1:
            items.append(0)
            del left[0]
        if wanted == 1 and left[:1] != [1]:
            items.append(NewAxis())
        elif left and (wanted == -1 or same(wanted, left[0])):
            items.append(Slice())
            del left[0]
        else:
            return None
    if any(dim != 1 for dim in left):
        return None
    items += [0] * len(left)
    return () if all(item == Slice() for item in items) else (Index(tuple(items)),)


def copies(m: Machine, stmt: Apply) -> bool:
    """Whether reshaping surely copies: an argument in Fortran order, flattened."""
    base, out = stmt.args[0], stmt.out.type
    origin = m.origin.get(base) if isinstance(base, Defined) else None
    if stmt.op not in (ops.reshape, ops.ravel) or origin is None or origin[0] != "array":
        return False
    assert isinstance(base.type, ArrayType)
    assert isinstance(out, ArrayType)
    wide = base.type.rank > 1 and not any(map(may_be_one, base.type.shape))
    return out.rank == 1 and wide and m.layout(origin[1]) == "F"


def picks_rows(stmt: Apply) -> bool:
    """Whether a read takes one element of each of the first axes, and then neighbours along the
    next one, which keeps contiguity.
    """
    path = stmt.kwargs["path"]
    if len(path) != 1 or not isinstance(path[0], Index) or not stmt.kwargs["view"]:
        return False
    items = list(path[0].items)
    while items and isinstance(items[0], int | Arg):
        del items[0]
    neighbours = not items or (isinstance(items[0], Slice) and items[0].step in (None, 1))
    return neighbours and all(item == Slice() for item in items[1:])


def scatters(stmt: Apply) -> bool:
    """Whether a read picks by arrays behind the first axis: NumPy chooses an order."""
    if stmt.op is not ops.read or rank_of(stmt.out.type) <= 1:
        return False
    path = stmt.kwargs["path"]
    items = path[0].items if len(path) == 1 and isinstance(path[0], Index) else ()
    return not items or not isinstance(items[0], Arg) or any(i != Slice() for i in items[1:])


def made_so(stmt: Apply, operand: Defined, ranks: list[int]) -> bool:
    """Whether the operation makes C-contiguous arrays of operands of these ranks."""
    rank = rank_of(operand.type)
    if rank <= 1 or not any(ranks):
        return isinstance(operand.type, ArrayType)
    if stmt.op is ops.matmul and ranks == [2, 2]:
        return True
    return max(ranks) < rank and isinstance(stmt.op.scalar, Structured)


def contiguous(m: Machine, bases: dict[Operand, ArrayRef], operand: Operand) -> bool:
    """Whether the array is surely C-contiguous, so that reshaping it gives a view."""
    while isinstance(operand, Defined):
        if operand in bases:
            operand = m.made.get(bases[operand].cell, operand)
            bases = {}
            continue
        origin = m.origin.get(operand)
        if origin is not None and origin[0] == "array":
            return m.layout(origin[1]) == "C"
        stmt = m.defs.producer.get(operand)
        if not isinstance(stmt, Apply):
            return False
        if stmt.op.overwrites is not None:
            operand = stmt.args[stmt.op.overwrites]
            continue
        kinds = [a.type for a in stmt.args if isinstance(a.type, ArrayType)]
        ranks = [k.rank for k in kinds]
        if stmt.op is ops.read and picks_rows(stmt):
            operand = stmt.args[0]
            continue
        if stmt.op.aliased(stmt.kwargs) is not None or scatters(stmt):
            return False
        if made_so(stmt, operand, ranks):
            return True
        if len(stmt.outs) == 1 and len([r for r in ranks if r > 1]) == 1:
            operand = next(a for a, k in zip(stmt.args, ranks, strict=False) if k > 1)
            continue
        return False
    return isinstance(operand, Const)
