"""Broadcasting and its transpose."""

from __future__ import annotations

from typing import Any

import numpy as np

import stagec_runtime as rt
from stagec.ir.core import LIBRARY, Cost, Effect, Op
from stagec.ir.types import ArrayType, Shape, may_be_one, same
from stagec.ops.cast import astype, fit_dtype


def _like_infer(x: ArrayType, like: ArrayType) -> ArrayType:
    return ArrayType(x.dtype, like.shape, "array" if like.shape else "np")


# `broadcast_like(x, like)` and `unbroadcast(ct, like)` are each other's transpose; `like` only
# gives its shape.
broadcast_like = Op(
    name="broadcast_like",
    calls=(),
    infer=_like_infer,
    value=lambda x, like: np.broadcast_to(x, np.shape(like)),
    vjp=lambda ct, out, x, like: (unbroadcast_to(ct, x), None),
    jvp=lambda dxs, out, x, like: broadcast_like(dxs[0], like),
    expand=None,
    batch=None,
    source="np.broadcast_to({}, np.shape({}))",
    scalar="{}",
    alias=0,
    overwrites=None,
    may_raise=(),
    effect=Effect.NONE,
    cost=Cost.FREE,
    rewrites=(),
)

unbroadcast = Op(
    name="unbroadcast",
    calls=(),
    infer=_like_infer,
    value=lambda ct, like: rt.unbroadcast(ct, np.shape(like)),
    vjp=lambda ct, out, x, like: (broadcast_like(ct, x), None),
    jvp=lambda dxs, out, x, like: unbroadcast(dxs[0], like),
    expand=None,
    batch=None,
    source="rt.unbroadcast({}, np.shape({}))",
    scalar=LIBRARY,
    alias=0,
    overwrites=None,
    may_raise=(),
    effect=Effect.NONE,
    cost=Cost.CHEAP,
    rewrites=(),
)


def broadcast_axes(shape: Shape, wide: Shape) -> tuple[int, ...] | None:
    """The axes of `wide` along which `shape` was broadcast; None if only known at run time."""
    lead = len(wide) - len(shape)
    axes = list(range(lead))
    for k, (dim, out) in enumerate(zip(shape, wide[lead:], strict=True)):
        if same(dim, out) or not may_be_one(dim):
            continue
        if dim != 1 or may_be_one(out):
            return None
        axes.append(lead + k)
    return tuple(axes)


def normal_axes(axis: Any, rank: int) -> tuple[int, ...]:
    """`axis` as NumPy takes it (None, int or tuple) as sorted non-negative axes."""
    if axis is None:
        return tuple(range(rank))
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    out = sorted(a + rank if a < 0 else a for a in axes)
    if len(set(out)) != len(out) or any(not 0 <= a < rank for a in out):
        raise TypeError(f"axis {axis} does not fit an array of rank {rank}")
    return tuple(out)


def reduced(shape: Shape, axes: tuple[int, ...], keepdims: bool) -> Shape:
    """The shape after reducing `axes`."""
    if keepdims:
        return tuple(1 if k in axes else d for k, d in enumerate(shape))
    return tuple(d for k, d in enumerate(shape) if k not in axes)


def reduction_source(name: str, rank: int, axes: tuple[int, ...], keepdims: bool) -> str:
    """Template of a NumPy reduction with its `axis` and `keepdims` arguments."""
    text = f"{name}({{}}"
    if len(axes) != rank:
        text += f", axis={axes[0] if len(axes) == 1 else axes}"
    return text + (", keepdims=True)" if keepdims else ")")


def restore_axes(x: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    """A reduced `x` with the reduced axes back, as length 1."""
    return x if keepdims or not axes else expand_dims(x, axes=axes)


def _expand_infer(x: ArrayType, *, axes: tuple[int, ...]) -> ArrayType:
    shape = list(x.shape)
    for axis in axes:
        shape.insert(axis, 1)
    return ArrayType(x.dtype, tuple(shape))


def _expand_call(a: Any, axis: Any) -> Any:
    count = len(axis) if isinstance(axis, tuple | list) else 1
    return expand_dims(a, axes=normal_axes(axis, np.ndim(a) + count))


expand_dims = Op(
    name="expand_dims",
    calls=((np.expand_dims, _expand_call),),
    infer=_expand_infer,
    value=lambda x, *, axes: np.expand_dims(x, axes),
    vjp=lambda ct, out, x, *, axes: (squeeze(ct, axes=axes),),
    jvp=lambda dxs, out, x, *, axes: expand_dims(dxs[0], axes=axes),
    expand=None,
    batch=None,
    source=lambda x, *, axes: f"np.expand_dims({{}}, {axes[0] if len(axes) == 1 else axes})",
    scalar="{}",
    alias=0,
    overwrites=None,
    may_raise=(),
    effect=Effect.NONE,
    cost=Cost.FREE,
    rewrites=(),
)


def _squeeze_infer(x: ArrayType, *, axes: tuple[int, ...]) -> ArrayType:
    for axis in axes:
        if not may_be_one(x.shape[axis]):
            raise TypeError(f"cannot squeeze axis {axis} of size {x.shape[axis]}")
    return ArrayType(x.dtype, reduced(x.shape, axes, False))


def _squeeze_call(a: Any, axis: Any = None) -> Any:
    if axis is None:
        axes = tuple(k for k, d in enumerate(a.shape) if d == 1)
    else:
        axes = normal_axes(axis, a.ndim)
    return squeeze(a, axes=axes)


squeeze = Op(
    name="squeeze",
    calls=((np.squeeze, _squeeze_call),),
    infer=_squeeze_infer,
    value=lambda x, *, axes: np.squeeze(x, axes),
    vjp=lambda ct, out, x, *, axes: (expand_dims(ct, axes=axes),),
    jvp=lambda dxs, out, x, *, axes: squeeze(dxs[0], axes=axes),
    expand=None,
    batch=None,
    source=lambda x, *, axes: f"np.squeeze({{}}, {axes[0] if len(axes) == 1 else axes})",
    scalar="{}",
    alias=0,
    overwrites=None,
    may_raise=(),
    effect=Effect.NONE,
    cost=Cost.FREE,
    rewrites=(),
)


def _sum_infer(x: ArrayType, *, axes: tuple[int, ...], keepdims: bool = False) -> ArrayType:
    dtype = x.dtype
    if dtype.kind in "biu" and dtype.itemsize < 8:
        dtype = np.dtype(np.uint64 if dtype.kind == "u" else np.int64)
    shape = reduced(x.shape, axes, keepdims)
    return ArrayType(dtype, shape, "array" if shape else "np")


def _sum_call(
    a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False
) -> Any:
    if dtype is not None and np.dtype(dtype) != a.dtype:
        a = astype(a, dtype=np.dtype(dtype))
    axes = normal_axes(axis, np.ndim(a))
    return sum_(a, axes=axes, keepdims=True) if keepdims else sum_(a, axes=axes)


def _sum_vjp(ct: Any, out: Any, x: Any, *, axes: tuple[int, ...], keepdims: bool = False) -> Any:
    return (broadcast_like(restore_axes(ct, axes, keepdims), x),)


sum_ = Op(
    name="sum",
    calls=((np.sum, _sum_call),),
    infer=_sum_infer,
    value=lambda x, *, axes, keepdims=False: np.sum(x, axis=axes, keepdims=keepdims),
    vjp=_sum_vjp,
    jvp=lambda dxs, out, x, **kw: sum_(dxs[0], **kw),
    expand=None,
    batch=None,
    source=lambda x, *, axes, keepdims=False: reduction_source("np.sum", x.rank, axes, keepdims),
    scalar=LIBRARY,
    alias=None,
    overwrites=None,
    may_raise=(),
    effect=Effect.NONE,
    cost=Cost.COSTLY,
    rewrites=(),
)


def unbroadcast_to(ct: Any, like: Any) -> Any:
    """`ct` summed down to the shape of `like`, at staging where the types tell how."""
    wide, shape = np_shape(ct), np_shape(like)
    axes = broadcast_axes(shape, wide)
    if axes is None:
        return unbroadcast(ct, like)
    lead = tuple(a for a in axes if a < len(wide) - len(shape))
    kept = tuple(a for a in axes if a >= len(wide) - len(shape))
    if kept:
        ct = sum_(ct, axes=kept, keepdims=True)
    return sum_(ct, axes=lead) if lead else ct


def np_shape(x: Any) -> Shape:
    """The shape of a handle, an array or a number."""
    return x.shape if hasattr(x, "shape") else ()


def fit(ct: Any, like: Any) -> Any:
    """A cotangent of a broadcast and promoted operand, in the shape and dtype of `like`."""
    return fit_dtype(unbroadcast_to(ct, like), np.dtype(getattr(like, "dtype", type(like))))
