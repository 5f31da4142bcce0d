"""Integers of fewer than 64 bits in kernels: numbers of 64 bits, cut as they arise.

Every width is contained in 64 bits, and sums, products and bits of what is left of 64 bits are
those of the narrow integers: an op is the same with wide operands, cut in the end.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from stagec.ir.core import Apply, Const, Operand
from stagec.ir.types import INT, ArrayType, Type

NARROW = frozenset(map(np.dtype, ("int8", "int16", "int32", "uint8", "uint16", "uint32")))


def narrow(type: Type) -> bool:
    """Whether it is an integer of fewer bits than kernels compute with, or an array of such."""
    return isinstance(type, ArrayType) and type.dtype in NARROW


def computed_in(stmt: Apply) -> np.dtype | None:
    """The type in which a kernel computes with the narrow operands, so that NumPy's result
    comes out once it is cut: integers of 64 bits, or the type of a result of few digits.
    """
    (out,) = stmt.outs
    assert isinstance(out.type, ArrayType)
    made = out.type.dtype
    if _made(stmt, INT.dtype) in (made, INT.dtype if narrow(out.type) else made):
        return INT.dtype
    return made if made.char in "fF" and _made(stmt, made) == made else None


def operand_types(stmt: Apply, dtype: np.dtype) -> list[Type]:
    """The types of the operands where the narrow ones are numbers of this type."""
    return [
        replace(a.type, dtype=dtype) if narrow(a.type) else a.type  # type: ignore[type-var]
        for a in stmt.args
    ]


def converted(text: str, stmt: Apply, dtype: np.dtype) -> str:
    """The template with its narrow operands converted to the type."""
    if dtype == INT.dtype:
        return text
    holes = (
        f"np.{dtype.name}({{{k}}})" if narrow(a.type) else f"{{{k}}}"
        for k, a in enumerate(stmt.args)
    )
    return text.format(*holes)


def _made(stmt: Apply, dtype: np.dtype) -> np.dtype | None:
    """The element type that the op gives with such operands in place of the narrow ones."""
    out = stmt.op.infer(*operand_types(stmt, dtype), **stmt.kwargs)
    return out.dtype if isinstance(out, ArrayType) else None


def cut(text: str, stmt: Apply) -> str | None:
    """The template, cut to the width of the result; None if a constant does not fit that."""
    (out,) = stmt.outs
    assert isinstance(out.type, ArrayType)
    holes = [_hole(arg, k, out.type.dtype) for k, arg in enumerate(stmt.args)]
    if None in holes:
        return None
    return f"kernels.{out.type.dtype.name}({text.format(*holes)})"


def stored(stmt: Apply, text: str) -> str | None:
    """The template of a write of the second operand to a narrow array."""
    array, value = stmt.args[:2]
    if not storable(array, value):
        return None
    assert isinstance(array.type, ArrayType)
    assert isinstance(value.type, ArrayType)
    dtype = array.type.dtype
    hole = _hole(value, 1, dtype)
    if value.type.kind != "py" and not np.can_cast(value.type.dtype, dtype):
        hole = (
            _checked(1, dtype) if value.type.kind == "np" else f"kernels.{dtype.name}({hole})"
        )
    return text.format("{0}", hole, *(f"{{{k}}}" for k in range(2, len(stmt.args))))


def storable(array: Operand, value: Operand) -> bool:
    """Whether a kernel can write the value, or its elements, to elements of the array."""
    if not narrow(array.type):
        return True
    assert isinstance(array.type, ArrayType)
    whole = isinstance(value.type, ArrayType) and value.type.dtype.kind in "biu"
    return bool(array.type.rank) and whole and _hole(value, 1, array.type.dtype) is not None


def _hole(arg: Operand, k: int, dtype: np.dtype) -> str | None:
    """How the operand is written; NumPy refuses Python's integers that do not fit the width."""
    kind = arg.type
    if not isinstance(kind, ArrayType) or kind.kind != "py" or kind.dtype.kind != "i":
        return f"{{{k}}}"
    if not isinstance(arg, Const):
        return _checked(k, dtype)
    return f"{{{k}}}" if np.iinfo(dtype).min <= arg.value <= np.iinfo(dtype).max else None


def _checked(k: int, dtype: np.dtype) -> str:
    """The operand, which has to fit the width."""
    return f"kernels.within({{{k}}}, {np.iinfo(dtype).min}, {np.iinfo(dtype).max})"
