"""Arrays made from sizes alone: zeros, ones, empty.

Sizes are static or staged integers; a staged one is an operand, named by an `Arg` in the
attribute.  A result has the symbolic size of the integer that asked for it.  Nothing but views
lies below, so that every family can make zeros.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from stagec.ir.core import NATIVE, Cost, Op, known
from stagec.ir.path import Arg
from stagec.ir.types import ArrayType
from stagec.ops.axes import dtype_of, in_place, no_shift, shape_of, to_front
from stagec.ops.family import (
    constant,
    made_by,
    near,
    reject,
    size_text,
    size_types,
    size_values,
    sizes,
)

Plan = tuple[int | Arg, ...]
FLOAT64 = np.dtype(np.float64)


def dtype_text(dtype: np.dtype) -> str:
    """The source of an element type."""
    return "np.bool_" if dtype.kind == "b" else f"np.{dtype.name}"


def dtype_option(dtype: np.dtype | None, default: np.dtype | None = FLOAT64) -> str:
    """The source of a `dtype=` argument; empty where it is the default."""
    usual = default is not None and dtype == default  # NumPy holds None to equal float64
    return "" if dtype is None or usual else f", dtype={dtype_text(dtype)}"


def no_batch(name: str) -> Callable[..., Any]:
    """The batch rule of an op whose operands are sizes."""

    def batch(args: Any, axes: Any, **attrs: Any) -> Any:
        raise TypeError(f"vmap: {name} needs the same sizes in every batch element")

    return batch


# --- constant arrays -----------------------------------------------------------------------


def _filled(function: Callable[..., Any]) -> Op:
    name = function.__name__

    def call(
        shape: Any, dtype: Any = None, order: str = "C", *, device: Any = None, like: Any = None
    ) -> Any:
        reject(name, like=like)
        plan, lengths = sizes(shape)
        return near(shape, op, *lengths, shape=plan, dtype=np.dtype(dtype or float))

    def value(*n: Any, shape: Plan, dtype: np.dtype) -> Any:
        # `empty` has no value of its own: a reproducible one is as good as any
        return (np.zeros if function is np.empty else function)(size_values(shape, n), dtype)

    op = constant(
        name,
        calls=((function, call),),
        infer=lambda *n, shape, dtype: ArrayType(dtype, size_types(shape, n)),
        value=value,
        batch=no_batch(name),
        source=lambda *n, shape, dtype: f"np.{name}({size_text(shape)}{dtype_option(dtype)})",
        scalar=NATIVE,
        cost=Cost.CHEAP,
        may_raise=(ValueError, MemoryError),
        any_width=True,
    )
    return op


def _filled_like(function: Callable[..., Any], plain: Op, lenient: tuple[int, ...] = ()) -> Op:
    name = function.__name__

    def call(
        a: Any,
        dtype: Any = None,
        order: str = "K",
        subok: bool = True,
        shape: Any = None,
        *,
        device: Any = None,
    ) -> Any:
        dtype = dtype_of(a) if dtype is None else np.dtype(dtype)
        if shape is None:
            return op(a, dtype=dtype)
        plan, lengths = sizes(shape)
        return near((a, *shape_tuple(shape)), plain, *lengths, shape=plan, dtype=dtype)

    def source(x: ArrayType, *, dtype: np.dtype) -> str:
        return f"np.{name}({{}}{dtype_option(dtype, x.dtype)})"

    op = constant(
        name,
        calls=((function, call),),
        infer=lambda x, *, dtype: ArrayType(dtype, x.shape),
        value=lambda x, *, dtype: (np.zeros_like if function is np.empty_like else function)(
            x, dtype=dtype
        ),
        batch=to_front(lambda: op, no_shift),
        batch_last=in_place(lambda: op),
        source=source,
        scalar=NATIVE,
        cost=Cost.CHEAP,
        shapes=(0,),
        lenient=lenient,
        any_width=True,
    )
    return op


def shape_tuple(shape: Any) -> tuple[Any, ...]:
    """A shape argument, one size or several, as a tuple."""
    return tuple(shape) if isinstance(shape, tuple | list) else (shape,)


zeros = _filled(np.zeros)
ones = _filled(np.ones)
empty = _filled(np.empty)
# the cotangent of what a path not taken left unset is passed on like it
zeros_like = _filled_like(np.zeros_like, zeros, lenient=(0,))
ones_like = _filled_like(np.ones_like, ones)
empty_like = _filled_like(np.empty_like, empty)


# --- zeros ---------------------------------------------------------------------------------


def zeros_shape(x: Any) -> tuple[Any, ...] | None:
    """The sizes of `x`, static or staged, if every element of it is zero."""
    if not np.ndim(x):
        return () if is_zero(x) else None
    alike = made_by(x, zeros_like)
    if alike and alike[1]["dtype"] == x.dtype:
        return zeros_shape(alike[0][0]) or shape_of(alike[0][0])
    made = made_by(x, zeros)
    if made is None:
        return None
    return tuple(made[0][s.position] if isinstance(s, Arg) else s for s in made[1]["shape"])


def is_zero(x: Any) -> bool:
    """Whether a number is known to be 0, and not -0.0."""
    plain = known(x) if not np.ndim(x) else None
    return plain is not None and not plain and not np.any(np.signbit(np.real(plain)))


OPS: tuple[Op, ...] = (zeros, ones, empty, zeros_like, ones_like, empty_like)
