"""Weighted averages, and sums, products, means and variances that ignore NaN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from stagec.ir.core import Op
from stagec.ir.types import ArrayType
from stagec.ops.arithmetic import multiply
from stagec.ops.axes import (
    axis_text,
    dtype_of,
    expand_dims,
    normal_axes,
    np_shape,
)
from stagec.ops.broadcast import broadcast_like, reduction_source, sum_
from stagec.ops.cast import astype, conjugate
from stagec.ops.comparison import equal, isnan, logical_not
from stagec.ops.composite import composite
from stagec.ops.cumulative import one_nan, prod, zero_nan
from stagec.ops.exponential import sqrt
from stagec.ops.family import reject, static
from stagec.ops.masks import mask
from stagec.ops.reduction import Axes, mean, real_dtype, real_part


def _present(x: Any, axes: Axes, keepdims: bool) -> Any:
    """How many elements are not NaN."""
    found = logical_not(isnan(x))
    count = sum_(found, axes=axes, keepdims=True) if keepdims else sum_(found, axes=axes)
    return astype(count, dtype=real_dtype(dtype_of(x)))


def _nansum(x: Any, *, axes: Axes, keepdims: bool = False) -> Any:
    return sum_(zero_nan(x), axes=axes, **({"keepdims": True} if keepdims else {}))


def _nanprod(x: Any, *, axes: Axes, keepdims: bool = False) -> Any:
    return prod(one_nan(x), axes=axes, **({"keepdims": True} if keepdims else {}))


def _nanmean(x: Any, *, axes: Axes, keepdims: bool = False) -> Any:
    return _nansum(x, axes=axes, keepdims=keepdims) / _present(x, axes, keepdims)


def _nanvar(x: Any, *, axes: Axes, keepdims: bool = False, ddof: float = 0) -> Any:
    centred = mask(isnan(x), x - _nanmean(x, axes=axes, keepdims=True), keep=False)
    squares = real_part(multiply(centred, conjugate(centred)))
    total = sum_(squares, axes=axes, **({"keepdims": True} if keepdims else {}))
    return total / (_present(x, axes, keepdims) - ddof)


def _nanstd(x: Any, *, axes: Axes, keepdims: bool = False, ddof: float = 0) -> Any:
    variance = _nanvar(x, axes=axes, keepdims=keepdims, ddof=ddof)
    flat = equal(variance, 0)
    # the root of 0 would have an infinite slope
    return mask(flat, sqrt(variance + flat), keep=False)


def _ignoring(
    function: Callable[..., Any], expand: Callable[..., Any], *, ddof: bool = False
) -> Op:
    """A reduction that ignores NaN, as an op with attributes `axes`, `keepdims`, `ddof`."""
    name = function.__name__

    def bind(a: Any, axis: Any, dtype: Any, keepdims: Any, freedom: Any, **others: Any) -> Any:
        reject(name, **others)
        if dtype is not None and np.dtype(dtype) != dtype_of(a):
            a = astype(a, dtype=np.dtype(dtype))
        attrs: dict[str, Any] = {"axes": normal_axes(axis, np.ndim(a))}
        if dtype_of(a).kind not in "fc":
            a = (
                astype(a, dtype=np.dtype(np.float64))
                if name not in ("nansum", "nanprod")
                else a
            )
        if static(keepdims, "keepdims"):
            attrs["keepdims"] = True
        return op(a, **attrs, **({"ddof": static(freedom, "ddof")} if freedom else {}))

    def call(
        a: Any,
        axis: Any = None,
        dtype: Any = None,
        out: None = None,
        keepdims: Any = False,
        initial: Any = None,
        where: Any = None,
    ) -> Any:
        return bind(a, axis, dtype, keepdims, 0, initial=initial, where=where)

    def call_ddof(
        a: Any,
        axis: Any = None,
        dtype: Any = None,
        out: None = None,
        ddof: Any = 0,
        keepdims: Any = False,
        *,
        where: Any = None,
        mean: Any = None,
        correction: Any = None,
    ) -> Any:
        freedom = ddof if correction is None else correction
        return bind(a, axis, dtype, keepdims, freedom, where=where, mean=mean)

    def source(x: ArrayType, *, axes: Axes, keepdims: bool = False, ddof: float = 0) -> str:
        text = reduction_source(f"np.{name}", x.rank, axes, keepdims)
        return f"{text[:-1]}, ddof={ddof})" if ddof else text

    op = composite(
        name,
        calls=((function, call_ddof if ddof else call),),
        value=lambda x, *, axes, **attrs: function(x, axis=axes, **attrs),
        expand=expand,
        source=source,
    )
    return op


nansum = _ignoring(np.nansum, _nansum)
nanprod = _ignoring(np.nanprod, _nanprod)
nanmean = _ignoring(np.nanmean, _nanmean)
nanvar = _ignoring(np.nanvar, _nanvar, ddof=True)
nanstd = _ignoring(np.nanstd, _nanstd, ddof=True)


# --- weighted averages ---------------------------------------------------------------------


def _average_parts(x: Any, w: Any, axes: Axes, keepdims: bool) -> tuple[Any, Any]:
    if np.ndim(w) == 1 and np.ndim(x) > 1:
        others = tuple(k for k in range(np.ndim(x)) if k != axes[0])
        w = expand_dims(w, axes=others)
    attrs = {"axes": axes, **({"keepdims": True} if keepdims else {})}
    total = sum_(w, **attrs)
    return sum_(multiply(x, w), **attrs) / total, total


def _average_call(
    a: Any,
    axis: Any = None,
    weights: Any = None,
    returned: bool = False,
    *,
    keepdims: Any = False,
) -> Any:
    axes = normal_axes(axis, np.ndim(a))
    attrs = {"axes": axes, **({"keepdims": True} if static(keepdims, "keepdims") else {})}
    if weights is None:
        if static(returned, "returned"):
            raise TypeError("average: returned=True without weights is not supported")
        return mean(a, **attrs)
    if np.ndim(weights) != np.ndim(a) and (np.ndim(weights) != 1 or len(axes) != 1):
        raise TypeError("Axis must be specified when shapes of a and weights differ.")
    out = average(a, weights, **attrs)
    if not static(returned, "returned"):
        return out
    total = _average_parts(a, weights, axes, bool(attrs.get("keepdims")))[1]
    return out, total if np_shape(total) == np_shape(out) else broadcast_like(total, out)


def _average_source(x: ArrayType, w: ArrayType, *, axes: Axes, keepdims: bool = False) -> str:
    tail = "" if len(axes) == x.rank and w.rank == x.rank else f", axis={axis_text(axes)}"
    return f"np.average({{}}{tail}, weights={{}}{', keepdims=True' if keepdims else ''})"


average = composite(
    "average",
    calls=((np.average, _average_call),),
    value=lambda x, w, *, axes, keepdims=False: (
        np.average(x, axes, w, keepdims=keepdims)
        if np.ndim(w) == np.ndim(x)
        else np.average(x, axes[0], w, keepdims=keepdims)
    ),
    expand=lambda x, w, *, axes, keepdims=False: _average_parts(x, w, axes, keepdims)[0],
    source=_average_source,
    may_raise=(ZeroDivisionError,),
)


OPS: tuple[Op, ...] = (nansum, nanprod, nanmean, nanvar, nanstd, average)
