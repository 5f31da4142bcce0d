"""Single elements of arrays, numbers as compiled code passes them, and integers from sizes."""

from __future__ import annotations

from collections.abc import Sequence

from stagec.ir.build import Builder
from stagec.ir.core import Apply, Op, Operand, Stmt, Value
from stagec.ir.lowering import is_integer, kernel_source
from stagec.ir.path import Arg, Index, Path
from stagec.ir.types import ArrayType
from stagec.ops.cast import to_python
from stagec.ops.indexing import read, update

PYTHON = {"b": "bool", "i": "int", "f": "float", "c": "complex"}


def read_element(
    builder: Builder, array: Operand, where: Sequence[Operand], hint: str = ""
) -> Value:
    """The element at the indices; a part of the array if they are fewer than its axes."""
    part = isinstance(array.type, ArrayType) and array.type.rank > len(where)
    attrs = {"path": _path(len(where)), "view": part}
    return builder.add(read, (array, *where), attrs, hint)[0]


def write_element(
    builder: Builder,
    array: Operand,
    value: Operand,
    where: Sequence[Operand],
    hint: str = "",
    op: Op = update,
) -> Value:
    """The array with the element at the indices set, or added to if `op` says so."""
    return builder.add(op, (array, value, *where), {"path": _path(len(where))}, hint)[0]


def _path(count: int) -> Path:
    return (Index(tuple(Arg(k) for k in range(count))),)


def as_python(builder: Builder, operand: Operand, hint: str = "") -> Operand:
    """A NumPy scalar as the Python number that a kernel returns."""
    kind = operand.type
    if not isinstance(kind, ArrayType) or kind.kind != "np":
        return operand
    return builder.add(to_python, (operand,), {"kind": PYTHON[kind.dtype.kind]}, hint)[0]


def is_size(stmt: Stmt) -> bool:
    """Whether it is an op that computes an integer from sizes and integers, and cannot fail."""
    return (
        isinstance(stmt, Apply)
        and len(stmt.outs) == 1
        and is_integer(stmt.outs[0].type)
        and kernel_source(stmt) is not None
        and not stmt.op.raises((a.type for a in stmt.args), stmt.kwargs)
        and all(k in stmt.op.shapes or is_integer(a.type) for k, a in enumerate(stmt.args))
    )
