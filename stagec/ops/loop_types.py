"""Element types of NumPy's ufuncs: what their loops take and give (NEP 50)."""

from __future__ import annotations

from typing import Any

import numpy as np

from stagec.ir.types import ArrayType
from stagec.ops.cast import astype, number_type

WEAK = {"i": int, "f": float, "c": complex}


def _operands(types: tuple[ArrayType, ...]) -> tuple[Any, ...]:
    return tuple(WEAK.get(t.dtype.kind, t.dtype) if t.weak else t.dtype for t in types)


def promoted(name: str, ufunc: Any, types: tuple[ArrayType, ...]) -> np.dtype:
    """The element type of the result under NEP 50: Python numbers are weak."""
    try:
        return ufunc.resolve_dtypes((*_operands(types), *(None,) * ufunc.nout))[-1]
    except TypeError:
        raise TypeError(f"{name} is not defined for {', '.join(map(str, types))}") from None


def in_loop(ufunc: np.ufunc, args: tuple[Any, ...], dtype: Any) -> tuple[Any, ...]:
    """The operands as the loop takes them that gives elements of this type."""
    found = ufunc.resolve_dtypes(
        (*_operands(tuple(map(number_type, args))), *(None,) * ufunc.nout),
        signature=(*(None,) * ufunc.nin, *(np.dtype(dtype),) * ufunc.nout),
        casting="same_kind",
    )
    return tuple(astype(a, dtype=d) for a, d in zip(args, found, strict=False))


class _Join:
    """The loops of a function that returns one of its operands: any common type."""

    nout = 1

    def resolve_dtypes(self, types: tuple[Any, ...]) -> tuple[np.dtype, ...]:
        """The common type, once per operand and for the result."""
        found = np.result_type(*(t() if isinstance(t, type) else t for t in types[:-1]))
        return (found,) * len(types)


JOIN = _Join()
