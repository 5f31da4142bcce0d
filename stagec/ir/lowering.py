"""What a statement is inside a kernel: the text that Numba compiles, or that it has none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TypeGuard

import numpy as np

from stagec.ir.alias import path_of
from stagec.ir.core import (
    LIBRARY,
    NATIVE,
    Apply,
    Call,
    Calls,
    Const,
    Effect,
    Expands,
    Folds,
    Moves,
    Operand,
    Scalar,
    Stmt,
    Undef,
    Value,
)
from stagec.ir.narrow import computed_in, converted, cut, narrow, operand_types, stored
from stagec.ir.path import Arg, Index, Slice
from stagec.ir.types import INT, ArrayType, ListType, Type
from stagec.ir.walk import operands, regions

ELEMENTS = frozenset(
    map(np.dtype, ("float64", "float32", "complex128", "complex64", "int64", "bool"))
)
FOREIGN = re.compile(r"\brt\.|\{[a-z]")
SMALL = 2**40  # what kernels may assume of the integers they are passed, and of sizes
LARGEST = 2**62


def kernel_source(stmt: Apply, alone: bool = False) -> str | None:
    """The template of the op in a kernel; None if no kernel can hold it.

    `alone` says that the kernel surely computes one element at a time.
    """
    op = stmt.op
    form = op.alone if alone and op.alone is not None else op.scalar
    types, made = [a.type for a in stmt.args], [o.type for o in stmt.outs]
    values = [a.type for a in stmt.args if not _words(a)]
    if op.effect is Effect.ORDERED or not all(map(holds, (*values, *made))):
        return None
    if not all(map(_small, stmt.args)):
        return None
    if any(map(narrow, (*values, *made))):
        return _of_any_width(stmt, form)
    return _source(stmt, form, types)


def _source_of(stmt: Apply, types: Sequence[Type]) -> str:
    """The template of the NumPy expression."""
    source = stmt.op.source
    return source(*types, **stmt.kwargs) if callable(source) else source


def _spared(stmt: Apply, types: Sequence[Type]) -> bool:
    """Whether only the constants among the operands keep the op from raising.

    Python's own expression is then what compiled code needs: it tests nothing.
    """
    return not stmt.raises and bool(stmt.op.exceptions(map(Value, types), stmt.kwargs))


def _source(stmt: Apply, form: Scalar, types: Sequence[Type]) -> str | None:
    """The template for this form of the op, with operands of these types."""
    op = stmt.op
    text = form(*types, **stmt.kwargs) if callable(form) else form
    if isinstance(text, Calls | Expands):
        return _call(stmt, text)
    if isinstance(text, Folds) or (isinstance(text, Moves) and not text.native):
        return None
    moved = isinstance(text, Moves)
    if text is NATIVE or moved or (text is not LIBRARY and _creates(stmt)):
        if not _plain_path(stmt):
            return None
        source = _source_of(stmt, types)
        return None if FOREIGN.search(source) else source
    if not isinstance(text, str) or any(_is_array(a.type) for a in stmt.args if not _words(a)):
        return None
    if not callable(op.scalar) and stmt.raises:
        return None
    return _source_of(stmt, types) if _spared(stmt, types) else text


def _of_any_width(stmt: Apply, form: Scalar) -> str | None:
    """The template of an op on narrow integers: kernels compute with integers of 64 bits, with
    which the op must do the same.
    """
    (out,) = stmt.outs if len(stmt.outs) == 1 else (None,)
    if not stmt.op.any_width or out is None or not isinstance(out.type, ArrayType):
        return None
    placed = stmt.op.overwrites is not None or path_of(stmt) is not None or out.type.rank
    dtype = INT.dtype if placed else computed_in(stmt)
    if dtype is None:
        return None
    text = _source(stmt, form, operand_types(stmt, dtype))
    if text is None:
        return None
    if stmt.op.overwrites is not None:
        return stored(stmt, text) if narrow(out.type) else text
    if not placed:
        text = converted(text, stmt, dtype)
        return cut(text, stmt) if narrow(out.type) else text
    return f"np.int64({text})" if narrow(out.type) and not out.type.rank else text


def _call(stmt: Apply, form: Calls | Expands) -> str | None:
    """The template of an op on whole arrays."""
    types = [a.type for a in stmt.args]
    if isinstance(form, Expands):
        if form.otherwise is None or form.rule(*types, **stmt.kwargs) is not None:
            return None
        form = form.otherwise
    text = form.rule(*types, **stmt.kwargs)
    return text if isinstance(text, str) else None


def whole_source(stmt: Apply) -> str | None:
    """The template of what bufferisation adds to kernels: copies and writes of whole arrays."""
    if path_of(stmt) or not (stmt.op.scalar is NATIVE and all(fits(a.type) for a in stmt.args)):
        return None
    return _source_of(stmt, [a.type for a in stmt.args])


def fits(type: Type) -> bool:
    """Whether a kernel can hold values of the type."""
    if isinstance(type, ListType):
        return fits(type.element) and not type.nested
    if not isinstance(type, ArrayType) or type.dtype not in ELEMENTS:
        return False
    return bool(type.rank) or type.kind != "array"


def holds(type: Type) -> bool:
    """Whether a kernel can hold values of the type, narrow integers as those of 64 bits."""
    if isinstance(type, ArrayType) and narrow(type):
        return bool(type.rank) or type.kind != "array"
    return fits(type)


def is_integer(type: Type) -> TypeGuard[ArrayType]:
    """Whether it is that of a Python int."""
    return isinstance(type, ArrayType) and type.kind == "py" and type.dtype == INT.dtype


def in_kernel(stmt: Stmt) -> bool:
    """Whether a kernel can hold the statement and all inside it."""
    if isinstance(stmt, Call):
        return False
    if isinstance(stmt, Apply):
        return kernel_source(stmt) is not None
    values: Iterable[Operand] = (*operands(stmt), *stmt.outs)
    if not all(holds(v.type) and _small(v) for v in values):
        return False
    for region in regions(stmt):
        inner = (*region.params, *region.results)
        if not all(holds(v.type) and _small(v) for v in inner):
            return False
        if not all(map(in_kernel, region.stmts)):
            return False
    return True


def _words(operand: Operand) -> bool:
    """Whether the operand is a text that stands in the program, as that of an exception."""
    return isinstance(operand, Const) and isinstance(operand.value, str)


def _creates(stmt: Apply) -> bool:
    """Whether the op makes an array of numbers in the shape of another."""
    read = [a.type for k, a in enumerate(stmt.args) if k not in stmt.op.shapes]
    made = any(isinstance(o.type, ArrayType) and o.type.rank for o in stmt.outs)
    fresh = stmt.op.aliased(stmt.kwargs) is None
    return made and fresh and not any(map(_is_array, read))


def _plain_path(stmt: Apply) -> bool:
    """Whether the op addresses elements and slices of fixed step, and writes numbers only."""
    path = path_of(stmt)
    if path is None:
        return True
    steps = [
        i.step for s in path if isinstance(s, Index) for i in s.items if isinstance(i, Slice)
    ]
    return not any(isinstance(step, Arg) for step in steps) and not any(
        map(_is_array, (a.type for a in stmt.args[1:]))
    )


def _small(operand: Operand) -> bool:
    """Whether the operand is no integer that a machine word cannot hold."""
    if isinstance(operand, Undef):
        return not isinstance(operand.type, ListType)
    if not isinstance(operand, Const) or not isinstance(operand.value, int):
        return True
    return abs(operand.value) < LARGEST


def _is_array(type: Type) -> bool:
    return not isinstance(type, ArrayType) or bool(type.rank)
