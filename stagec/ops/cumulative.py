"""Products, running sums and products.

Derivatives of products are linear recurrences rather than quotients: exact where factors are 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import stagec_runtime as rt
from stagec.ir.core import Folds, Op
from stagec.ir.types import ArrayType
from stagec.ops.axes import (
    dtype_of,
    normal_axis,
    reduced,
    reduced_axes,
    shift_axes,
    shift_axis,
    to_front,
)
from stagec.ops.broadcast import batched, reduction_source, spread, sum_, sum_dtype
from stagec.ops.cast import astype, conjugate, to_dtype
from stagec.ops.comparison import isnan
from stagec.ops.composite import composite
from stagec.ops.creation import ones_like, zeros_like
from stagec.ops.family import array, kept, linear, make, static
from stagec.ops.folding import multiplying
from stagec.ops.joining import concatenate, part_of
from stagec.ops.masks import mask
from stagec.ops.rearrange import reverse_axes, roll
from stagec.ops.shape import ravel

Axes = tuple[int, ...]


def _after(x: Any, axis: int, first: Callable[..., Any]) -> Any:
    """`x` moved on by one along an axis, with `first` (zeros or ones) in front."""
    head = part_of(x, axis, None, 1)
    return concatenate(first(head, dtype=dtype_of(x)), part_of(x, axis, None, -1), axis=axis)


# --- linear recurrences --------------------------------------------------------------------


def _backwards(a: Any, b: Any, axis: int) -> Any:
    """`s[k] = a[k + 1] * s[k + 1] + b[k]`, from the last to the first."""
    factors = roll(reverse_axes(a, (axis,)), shift=(1,), axes=(axis,))
    return reverse_axes(recurrence(factors, reverse_axes(b, (axis,)), axis=axis), (axis,))


def _recurrence_vjp(ct: Any, out: Any, a: Any, b: Any, *, axis: int) -> tuple[Any, Any]:
    b_bar = _backwards(conjugate(a), ct, axis)
    return conjugate(_after(out, axis, zeros_like)) * b_bar, b_bar


def _recurrence_jvp(dxs: Any, out: Any, a: Any, b: Any, *, axis: int) -> Any:
    da, db = dxs
    if da is None:
        return recurrence(a, db, axis=axis)
    term = da * _after(out, axis, zeros_like)
    return recurrence(a, term if db is None else term + db, axis=axis)


def _recurrence_infer(a: ArrayType, b: ArrayType, *, axis: int) -> ArrayType:
    return ArrayType(np.result_type(a.dtype, b.dtype), b.shape)


# `s[k] = a[k] * s[k - 1] + b[k]` along an axis, from `s[0] = b[0]`
recurrence = make(
    "recurrence",
    calls=(),
    infer=_recurrence_infer,
    value=rt.recurrence,
    vjp=_recurrence_vjp,
    jvp=_recurrence_jvp,
    batch=lambda args, axes, *, axis: (recurrence(*batched(args, axes), axis=axis + 1), 0),
    source=lambda a, b, *, axis: f"rt.recurrence({{}}, {{}}{_axis_text(b, axis)})",
)


def _axis_text(x: ArrayType, axis: int, default: int = 0) -> str:
    return "" if axis == default or (x.rank == 1) else f", axis={axis}"


# --- running sums and products -------------------------------------------------------------


def _running_call(op: Callable[[], Op]) -> Callable[..., Any]:
    def call(a: Any, axis: Any = None, dtype: Any = None, out: None = None) -> Any:
        a = to_dtype(a, dtype)
        # NumPy takes the only element of a scalar along an axis too
        if axis is None or (np.ndim(a) == 0 and axis in (0, -1)):
            a, axis = (a if np.ndim(a) == 1 else ravel(a)), 0
        return to_dtype(op()(a, axis=normal_axis(axis, np.ndim(a))), dtype)

    return call


def _cumulative_call(op: Callable[[], Op], first: Callable[..., Any]) -> Callable[..., Any]:
    def call(
        x: Any,
        /,
        *,
        axis: Any = None,
        dtype: Any = None,
        out: None = None,
        include_initial: bool = False,
    ) -> Any:
        if axis is None and np.ndim(x) != 1:
            raise ValueError(
                "For arrays which have more than one dimension ``axis`` is required."
            )
        found = _running_call(op)(x, 0 if axis is None else axis, dtype)
        if not static(include_initial, "include_initial"):
            return found
        at = normal_axis(0 if axis is None else axis, np.ndim(x))
        head = first(part_of(found, at, None, 1), dtype=dtype_of(found))
        return concatenate(head, found, axis=at)

    return call


def _running_source(name: str) -> Callable[..., str]:
    return lambda x, *, axis: f"np.{name}({{}}{_axis_text(x, axis, -1)})"


cumsum = linear(
    "cumsum",
    calls=(
        (np.cumsum, _running_call(lambda: cumsum)),
        (np.cumulative_sum, _cumulative_call(lambda: cumsum, zeros_like)),
    ),
    infer=lambda x, *, axis: ArrayType(sum_dtype(x.dtype), x.shape),
    value=lambda x, *, axis: np.cumsum(x, axis),
    vjp=lambda ct, out, x, *, axis: reverse_axes(
        cumsum(reverse_axes(ct, (axis,)), axis=axis), (axis,)
    ),
    batch=to_front(lambda: cumsum, shift_axis),
    source=_running_source("cumsum"),
)


def _cumprod_vjp(ct: Any, out: Any, x: Any, *, axis: int) -> tuple[Any]:
    factors = conjugate(_after(out, axis, ones_like))
    return (factors * _backwards(conjugate(x), ct, axis),)


def _cumprod_jvp(dxs: Any, out: Any, x: Any, *, axis: int) -> Any:
    return recurrence(x, dxs[0] * _after(out, axis, ones_like), axis=axis)


cumprod = make(
    "cumprod",
    calls=(
        (np.cumprod, _running_call(lambda: cumprod)),
        (np.cumulative_prod, _cumulative_call(lambda: cumprod, ones_like)),
    ),
    infer=lambda x, *, axis: ArrayType(sum_dtype(x.dtype), x.shape),
    value=lambda x, *, axis: np.cumprod(x, axis),
    vjp=_cumprod_vjp,
    jvp=_cumprod_jvp,
    batch=to_front(lambda: cumprod, shift_axis),
    source=_running_source("cumprod"),
)


def zero_nan(x: Any) -> Any:
    """`x` with 0 for NaN."""
    return mask(isnan(x), x, keep=False)


def one_nan(x: Any) -> Any:
    """`x` with 1 for NaN."""
    return zero_nan(x) + astype(isnan(x), dtype=dtype_of(x))


def _nan_running(function: Any, plain: Op, fill: Callable[..., Any]) -> Op:
    name = function.__name__
    op = composite(
        name,
        calls=((function, _running_call(lambda: op)),),
        value=lambda x, *, axis: function(x, axis),
        expand=lambda x, *, axis: plain(fill(x), axis=axis),
        source=_running_source(name),
    )
    return op


nancumsum = _nan_running(np.nancumsum, cumsum, zero_nan)
nancumprod = _nan_running(np.nancumprod, cumprod, one_nan)


# --- products ------------------------------------------------------------------------------


def _others_expand(x: Any, *, axis: int) -> Any:
    left = _after(cumprod(x, axis=axis), axis, ones_like)
    flipped = cumprod(reverse_axes(x, (axis,)), axis=axis)
    return left * reverse_axes(_after(flipped, axis, ones_like), (axis,))


# for each element the product of all others along an axis
other_factors = composite(
    "other_factors",
    value=rt.other_factors,
    expand=_others_expand,
    source=lambda x, *, axis: f"rt.other_factors({{}}{_axis_text(x, axis)})",
)


def _slopes(x: Any, axes: Axes) -> Any:
    """The derivative of the product over `axes` by each element."""
    if not axes:
        return ones_like(x, dtype=dtype_of(x))
    *rest, last = axes
    slopes = other_factors(x, axis=last)
    if not rest:
        return slopes
    return slopes * _slopes(prod(x, axes=(last,), keepdims=True), tuple(rest))


def _prod_vjp(ct: Any, out: Any, x: Any, *, axes: Axes, keepdims: bool = False) -> tuple[Any]:
    return (spread(ct, axes, keepdims) * conjugate(_slopes(x, axes)),)


def _prod_jvp(dxs: Any, out: Any, x: Any, *, axes: Axes, keepdims: bool = False) -> Any:
    terms = dxs[0] * _slopes(x, axes)
    return sum_(terms, **kept(axes, keepdims))


def prod_call(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: None = None,
    keepdims: Any = False,
    initial: Any = None,
) -> Any:
    """The meaning of np.prod over all elements."""
    found = prod(to_dtype(a, dtype), **kept(reduced_axes(axis, np.ndim(a)), keepdims))
    total = to_dtype(found, dtype)
    return total if initial is None else total * to_dtype(initial, dtype_of(total))


prod = make(
    "prod",
    calls=(),
    infer=lambda x, *, axes, keepdims=False: array(
        sum_dtype(x.dtype), reduced(x.shape, axes, keepdims)
    ),
    value=lambda x, *, axes, keepdims=False: np.prod(x, axis=axes, keepdims=keepdims),
    vjp=_prod_vjp,
    jvp=_prod_jvp,
    batch=to_front(lambda: prod, shift_axes),
    source=lambda x, *, axes, keepdims=False: reduction_source(
        "np.prod", x.rank, axes, keepdims
    ),
    scalar=Folds(lambda x, *, axes, keepdims=False: multiplying(sum_dtype(x.dtype), axes)),
    noun="product",
)


OPS: tuple[Op, ...] = (
    recurrence,
    cumsum,
    cumprod,
    nancumsum,
    nancumprod,
    other_factors,
    prod,
)
