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
from stagec.ops.broadcast import broadcast_like, sum_
from stagec.ops.cast import astype, conjugate, to_dtype
from stagec.ops.comparison import equal, isnan, logical_not
from stagec.ops.composite import composite
from stagec.ops.cumulative import one_nan, prod, zero_nan
from stagec.ops.exponential import sqrt
from stagec.ops.family import kept, reject, static
from stagec.ops.masks import mask
from stagec.ops.reduction import (
    Axes,
    mean,
    mean_dtype,
    real_dtype,
    real_part,
    reducing,
    spread_call,
)


def _present(x: Any, axes: Axes, keepdims: bool) -> Any:
    """How many elements are not NaN."""
    found = logical_not(isnan(x))
    return astype(sum_(found, **kept(axes, keepdims)), dtype=real_dtype(dtype_of(x)))


def _nansum(x: Any, *, axes: Axes, keepdims: bool = False) -> Any:
    return sum_(zero_nan(x), **kept(axes, keepdims))


def _nanprod(x: Any, *, axes: Axes, keepdims: bool = False) -> Any:
    return prod(one_nan(x), **kept(axes, keepdims))


def _nanmean(x: Any, *, axes: Axes, keepdims: bool = False) -> Any:
    x = to_dtype(x, mean_dtype(dtype_of(x)))
    return _nansum(x, axes=axes, keepdims=keepdims) / _present(x, axes, keepdims)


def _nanvar(x: Any, *, axes: Axes, keepdims: bool = False, ddof: float = 0) -> Any:
    x = to_dtype(x, mean_dtype(dtype_of(x)))
    centred = mask(isnan(x), x - _nanmean(x, axes=axes, keepdims=True), keep=False)
    squares = real_part(multiply(centred, conjugate(centred)))
    total = sum_(squares, **kept(axes, keepdims))
    return total / (_present(x, axes, keepdims) - ddof)


def _nanstd(x: Any, *, axes: Axes, keepdims: bool = False, ddof: float = 0) -> Any:
    variance = _nanvar(x, axes=axes, keepdims=keepdims, ddof=ddof)
    flat = equal(variance, 0)
    # the root of 0 would have an infinite slope
    return mask(flat, sqrt(variance + flat), keep=False)


def _ignoring(function: Callable[..., Any], expand: Callable[..., Any]) -> Op:
    """A reduction that ignores NaN."""
    name = function.__name__

    def call(
        a: Any,
        axis: Any = None,
        dtype: Any = None,
        out: None = None,
        keepdims: Any = False,
        initial: Any = None,
        where: Any = None,
    ) -> Any:
        reject(name, initial=initial, where=where)
        found = op(to_dtype(a, dtype), **kept(normal_axes(axis, np.ndim(a)), keepdims))
        return to_dtype(found, dtype)

    op = composite(
        name,
        calls=((function, call),),
        value=lambda x, *, axes, **attrs: function(x, axis=axes, **attrs),
        expand=expand,
        source=reducing(name),
    )
    return op


def _ignoring_spread(function: Callable[..., Any], expand: Callable[..., Any]) -> Op:
    op = composite(
        function.__name__,
        calls=((function, spread_call(lambda: op)),),
        value=lambda x, *, axes, **attrs: function(x, axis=axes, **attrs),
        expand=expand,
        source=reducing(function.__name__),
    )
    return op


nansum = _ignoring(np.nansum, _nansum)
nanprod = _ignoring(np.nanprod, _nanprod)
nanmean = _ignoring(np.nanmean, _nanmean)
nanvar = _ignoring_spread(np.nanvar, _nanvar)
nanstd = _ignoring_spread(np.nanstd, _nanstd)


# --- weighted averages ---------------------------------------------------------------------


def _average_parts(x: Any, w: Any, axes: Axes, keepdims: bool) -> tuple[Any, Any]:
    if np.ndim(w) == 1 and np.ndim(x) > 1:
        others = tuple(k for k in range(np.ndim(x)) if k != axes[0])
        w = expand_dims(w, axes=others)
    attrs = kept(axes, keepdims)
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
    attrs = kept(axes, keepdims)
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
    if dtype_of(total) != dtype_of(out):
        total = astype(total, dtype=dtype_of(out))
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
