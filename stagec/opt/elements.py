"""Single elements of arrays, and numbers as compiled code passes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stagec.ir.alias import path_of, path_operands
from stagec.ir.build import Builder
from stagec.ir.core import Apply, Op, Operand, Value
from stagec.ir.path import Arg, Index, NewAxis, Path, Slice
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


def is_element(stmt: Apply) -> bool:
    """Whether the op addresses a single element."""
    path, kind = path_of(stmt) or (), stmt.args[0].type
    return (
        len(path) == 1
        and isinstance(step := path[0], Index)
        and isinstance(kind, ArrayType)
        and len(step.items) == kind.rank
        and not any(isinstance(item, Slice | NewAxis) for item in step.items)
        and all(not a.type.rank for a in path_operands(stmt) if isinstance(a.type, ArrayType))
    )


def indices_of(stmt: Apply) -> Iterator[tuple[int, Operand]]:
    """The axes of the element that the op addresses, and the indices that are not constants."""
    index = path_operands(stmt)
    for step in path_of(stmt) or ():
        for axis, item in enumerate(step.items if isinstance(step, Index) else ()):
            if isinstance(item, Arg):
                yield axis, index[item.position]


def as_python(builder: Builder, operand: Operand, hint: str = "") -> Operand:
    """A NumPy scalar as the Python number that a kernel returns."""
    kind = operand.type
    if not isinstance(kind, ArrayType) or kind.kind != "np":
        return operand
    return builder.add(to_python, (operand,), {"kind": PYTHON[kind.dtype.kind]}, hint)[0]
