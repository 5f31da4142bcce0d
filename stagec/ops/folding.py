"""What loops combine elements with: the ops that reductions become in kernels.

The order in which a reduction takes its elements is free, as it is in NumPy; compiled code may
therefore combine several at a time.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from stagec.ir.core import Cost, Fold, Op
from stagec.ir.types import ArrayType
from stagec.ops.axes import axis_text
from stagec.ops.family import make

Axes = tuple[int, ...]
Finish = Callable[[Any, Any], Any] | None

WIDER = {"f": np.dtype(np.float64), "c": np.dtype(np.complex128)}


def reduction_source(name: str, rank: int, axes: tuple[int, ...], keepdims: bool) -> str:
    """Template of a NumPy reduction with its `axis` and `keepdims` arguments."""
    text = f"{name}({{}}"
    if len(axes) != rank:
        text += f", axis={axis_text(axes)}"
    return text + (", keepdims=True)" if keepdims else ")")


def sum_dtype(dtype: np.dtype) -> np.dtype:
    """The element type that NumPy adds and multiplies many elements in."""
    if dtype.kind in "biu" and dtype.itemsize < 8:
        return np.dtype(np.uint64 if dtype.kind == "u" else np.int64)
    return dtype


def combining(
    name: str, ufunc: Any, whole: str, expand: Callable[..., Any], neutral: float
) -> Op:
    """The op of two numbers; its compiled form for floats is in the runtime.

    It means what `expand` does, of which `whole` is the template.  With `neutral` it leaves the
    other number as it is.
    """

    def made(x: ArrayType, y: ArrayType) -> np.dtype:
        return np.result_type(x.dtype, y.dtype)

    return make(
        name,
        calls=(),
        infer=lambda x, y: ArrayType(made(x, y), (), "py" if x.weak and y.weak else "np"),
        value=ufunc,
        vjp=None,
        jvp=None,
        expand=expand,
        batch=None,
        source=whole,
        scalar=lambda x, y: whole if made(x, y).kind != "f" else f"kernels.{name}({{}}, {{}})",
        cost=Cost.CHEAP,
        neutral=neutral,
        any_width=True,
    )


plus = combining("plus", np.add, "{} + {}", operator.add, 0.0)
times = combining("times", np.multiply, "{} * {}", operator.mul, 1.0)


def wide(dtype: np.dtype) -> np.dtype:
    """The element type to add in: sums of many single-precision numbers need more."""
    return WIDER.get(dtype.kind, dtype)


def summing(dtype: np.dtype, axes: Axes, finish: Finish = None) -> Fold:
    """The fold of a sum whose result has this element type."""
    return Fold(axes, plus, wide(dtype).type(0), finish)


def multiplying(dtype: np.dtype, axes: Axes) -> Fold:
    """The fold of a product."""
    return Fold(axes, times, wide(dtype).type(1), None)


OPS: tuple[Op, ...] = (plus, times)
