"""Single elements of arrays, numbers as compiled code passes them, and integers from sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stagec.ir.alias import path_of, path_operands
from stagec.ir.build import Builder
from stagec.ir.core import Apply, Op, Operand, Stmt, Value
from stagec.ir.lowering import is_integer, kernel_source
from stagec.ir.path import Arg, Index, Item, NewAxis, Path, Slice
from stagec.ir.types import ArrayType
from stagec.ops.cast import astype, to_python
from stagec.ops.handing import HANDED, handed
from stagec.ops.indexing import loses_part, read, update

PYTHON = {"b": "bool", "i": "int", "u": "int", "f": "float", "c": "complex"}


Lengths = Sequence["Operand | None"]


def read_element(
    builder: Builder,
    array: Operand,
    where: Sequence[Operand],
    hint: str = "",
    lengths: Lengths = (),
) -> Value:
    """The element at the indices; a part of the array if they are fewer than its axes.

    `lengths` says how much of the other axes belongs to the part, where that is not all.
    """
    part = isinstance(array.type, ArrayType) and array.type.rank > len(where)
    path, index = _path(where, lengths)
    return builder.add(read, (array, *index), {"path": path, "view": part}, hint)[0]


def write_element(
    builder: Builder,
    array: Operand,
    value: Operand,
    where: Sequence[Operand],
    hint: str = "",
    op: Op = update,
    lengths: Lengths = (),
) -> Value:
    """The array with the element at the indices set, or added to if `op` says so."""
    path, index = _path(where, lengths)
    kind, given = array.type, value.type
    assert isinstance(kind, ArrayType)
    assert isinstance(given, ArrayType)
    if loses_part(given.dtype, kind.dtype):
        # NumPy drops the imaginary parts of arrays, but stores no complex number
        value = builder.add(astype, (value,), {"dtype": kind.dtype})[0]
    return builder.add(op, (array, value, *index), {"path": path}, hint)[0]


def _path(where: Sequence[Operand], lengths: Lengths) -> tuple[Path, tuple[Operand, ...]]:
    index = list(where)
    items: list[Item] = [Arg(k) for k in range(len(where))]
    parts = [k for k, length in enumerate(lengths, 1) if length is not None]
    # what is not said of the last axes is all: Numba sees that such a part is contiguous
    for length in lengths[: max(parts, default=0)]:
        if length is None:
            items.append(Slice())
            continue
        items.append(Slice(None, Arg(len(index))))
        index.append(length)
    return (Index(tuple(items)),), tuple(index)


def element_path(axes: int) -> Path:
    """The path to an element, whose operands are its indices."""
    return (Index(tuple(map(Arg, range(axes)))),)


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


def as_returned(builder: Builder, operand: Operand, hint: str = "") -> Operand:
    """A NumPy scalar as what a kernel returns: itself if compiled code makes such objects."""
    kind = operand.type
    if isinstance(kind, ArrayType) and kind.kind == "np" and kind.dtype in HANDED:
        return builder.add(handed, (operand,), {}, hint)[0]
    return as_python(builder, operand, hint)


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
        and not stmt.raises
        and all(k in stmt.op.shapes or is_integer(a.type) for k, a in enumerate(stmt.args))
    )
