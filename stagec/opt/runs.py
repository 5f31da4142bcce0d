"""What statements are to those that move them into kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stagec.ir.core import Apply, Calls, Cost, Expands, For, If, Stmt, While
from stagec.ir.lowering import holds, in_kernel, is_integer
from stagec.ir.types import ArrayType, ListType, Type
from stagec.ir.walk import regions, uses
from stagec.opt.elements import is_size
from stagec.opt.memory import allocates

# the least that is worth a call of compiled code, in additions of Python's numbers
WORTH = 60
# the same for a function that does nothing else: whoever has it compiled calls it often
ALONE = 6


def loops(stmt: Stmt) -> bool:
    """Whether there is a loop in the statement."""
    return isinstance(stmt, For | While) or any(
        loops(s) for region in regions(stmt) for s in region.stmts
    )


def of_numbers(stmt: Stmt) -> Callable[..., Any] | None:
    """How a statement that makes an array of numbers writes its elements; None of others."""
    if not isinstance(stmt, Apply) or not isinstance(stmt.op.scalar, Expands):
        return None
    numbers = all(isinstance(a.type, ArrayType) and not a.type.rank for a in stmt.args)
    if not numbers or stmt.cost is Cost.COSTLY or not makes_memory(stmt):
        return None
    return stmt.op.scalar.rule(*(a.type for a in stmt.args), **stmt.kwargs)


def compiles(stmt: Stmt) -> bool:
    """Whether the statement may be in a kernel and is not left to the library."""
    return in_kernel(stmt) and not calls_library(stmt)


def python_time(stmt: Stmt) -> int:
    """About how many additions of Python's numbers take as long as the statement there."""
    if isinstance(stmt, If):
        sides = (sum(map(python_time, side.stmts)) for side in (stmt.then, stmt.orelse))
        return 1 + max(sides)
    if not isinstance(stmt, Apply) or is_size(stmt):
        return 0
    if stmt.cost is Cost.COSTLY:
        return 20  # NumPy's functions of single numbers
    if makes_memory(stmt):
        return 10
    # elements come out of arrays as numbers of NumPy, which are slower than Python's
    slow = any(not isinstance(v.type, ArrayType) or v.type.kind != "py" for v in stmt.outs)
    return 3 if slow else 1


def calls_library(stmt: Stmt) -> bool:
    """Whether the op takes long on arrays as a whole: outside of loops it stays NumPy's."""
    return (
        isinstance(stmt, Apply)
        and stmt.cost is Cost.COSTLY
        and isinstance(stmt.op.scalar, Calls | Expands)
    )


def numbers_only(stmt: Stmt) -> bool:
    """Whether the statement makes numbers, which costs less in compiled code.

    Integers are left to Python, where they may be of any size.
    """
    if isinstance(stmt, If):
        inner = (*stmt.then.stmts, *stmt.orelse.stmts)
        return _numbers(stmt) and all(map(numbers_only, inner))
    return isinstance(stmt, Apply) and _numbers(stmt)


def _numbers(stmt: Stmt) -> bool:
    return (
        bool(stmt.outs)
        and not has_list(stmt)
        and not any(
            not isinstance(v.type, ArrayType) or v.type.kind == "array" or is_integer(v.type)
            for v in stmt.outs
        )
    )


def makes_integers(stmt: Stmt) -> bool:
    """Whether the statement makes integers of Python other than sizes."""
    if isinstance(stmt, Apply) and is_size(stmt):
        return False
    return any(is_integer(v.type) for v in stmt.outs) or any(
        makes_integers(s) for region in regions(stmt) for s in region.stmts
    )


def has_list(stmt: Stmt) -> bool:
    """Whether the statement makes or uses a list."""
    values = (*uses(stmt), *stmt.outs)
    return any(isinstance(v.type, ListType) for v in values)


def makes_memory(stmt: Stmt) -> bool:
    """Whether the op makes a list or an array, which a loop may fill."""
    return isinstance(stmt, Apply) and allocates(stmt)


def passes(type: Type) -> bool:
    """Whether values of the type may be passed to kernels and returned by them."""
    return holds(type) and not isinstance(type, ListType)
