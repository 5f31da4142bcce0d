"""Arrays filled with one number, or with the rows of a smaller array.

Differentiable in what they are filled with.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from stagec.ir.core import LIBRARY, NATIVE, Cost, Op
from stagec.ir.types import ArrayType, broadcast_shapes
from stagec.ops.axes import dtype_of, move_axis, shape_of
from stagec.ops.broadcast import batched, fit, pad_rank
from stagec.ops.creation import Plan, dtype_option, empty, ones, shape_tuple, zeros, zeros_like
from stagec.ops.family import make, near, reject, size_text, size_types, size_values, sizes


def _full_call(
    shape: Any,
    fill_value: Any,
    dtype: Any = None,
    order: str = "C",
    *,
    device: Any = None,
    like: Any = None,
) -> Any:
    reject("full", like=like)
    plan, lengths = sizes(shape, 1)
    dtype = dtype_of(fill_value) if dtype is None else np.dtype(dtype)
    return near(shape_tuple(shape), full, fill_value, *lengths, shape=plan, dtype=dtype)


def _full_infer(fill: ArrayType, *n: Any, shape: Plan, dtype: np.dtype) -> ArrayType:
    wide = size_types(shape, (fill, *n))
    broadcast_shapes(fill.shape, wide)
    return ArrayType(dtype, wide)


def _full_source(fill: ArrayType, *n: Any, shape: Plan, dtype: np.dtype) -> str:
    return f"np.full({size_text(shape)}, {{0}}{dtype_option(dtype, fill.dtype)})"


def _full_vjp(ct: Any, out: Any, fill: Any, *n: Any, shape: Plan, dtype: Any) -> Any:
    return (fit(ct, fill) if dtype_of(fill).kind in "fc" else None, *(None,) * len(n))


def _full_batch(args: Any, axes: Any, *, shape: Plan, dtype: np.dtype) -> tuple[Any, int]:
    if any(a is not None for a in axes[1:]):
        raise TypeError("vmap: full needs the same sizes in every batch element")
    fill = pad_rank(move_axis(args[0], axes[0], 0), len(shape) + 1)
    lead, lengths = sizes(shape_of(fill)[:1], len(args))
    return full(fill, *args[1:], *lengths, shape=(*lead, *shape), dtype=dtype), 0


full = make(
    "full",
    calls=((np.full, _full_call),),
    infer=_full_infer,
    value=lambda fill, *n, shape, dtype: np.full(size_values(shape, (fill, *n)), fill, dtype),
    vjp=_full_vjp,
    jvp=lambda dxs, out, fill, *n, **attrs: full(dxs[0], *n, **attrs),
    batch=_full_batch,
    source=_full_source,
    scalar=lambda fill, *n, **attrs: LIBRARY if fill.rank else NATIVE,
    cost=Cost.CHEAP,
    may_raise=(ValueError, MemoryError),
)


def _full_like_call(
    a: Any,
    fill_value: Any,
    dtype: Any = None,
    order: str = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Any:
    dtype = dtype_of(a) if dtype is None else np.dtype(dtype)
    if shape is not None:
        return _full_call(shape, fill_value, dtype)
    return full_like(a, fill_value, dtype=dtype)


def _full_like_batch(args: Any, axes: Any, *, dtype: np.dtype) -> tuple[Any, int]:
    if axes[1] is None:
        return full_like(move_axis(args[0], axes[0], 0), args[1], dtype=dtype), 0
    x, fill = batched(args, axes)
    return full_like(x, pad_rank(fill, np.ndim(x)), dtype=dtype), 0


full_like = make(
    "full_like",
    calls=((np.full_like, _full_like_call),),
    infer=lambda x, fill, *, dtype: ArrayType(dtype, x.shape),
    value=lambda x, fill, *, dtype: np.full_like(x, fill, dtype=dtype),
    vjp=lambda ct, out, x, fill, *, dtype: (
        None,
        fit(ct, fill) if dtype_of(fill).kind in "fc" else None,
    ),
    jvp=lambda dxs, out, x, fill, *, dtype: (
        zeros_like(out, dtype=dtype) if dxs[1] is None else full_like(x, dxs[1], dtype=dtype)
    ),
    batch=_full_like_batch,
    source=lambda x, fill, *, dtype: f"np.full_like({{}}, {{}}{dtype_option(dtype, x.dtype)})",
    scalar=lambda x, fill, **attrs: LIBRARY if fill.rank else NATIVE,
    cost=Cost.CHEAP,
    shapes=(0,),
)

MADE = (empty, zeros, ones, full)  # what makes an array of a given shape

OPS: tuple[Op, ...] = (full, full_like)
