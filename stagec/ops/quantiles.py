"""Medians, quantiles and percentiles.

Derivatives go to the sorted elements that a quantile lies between, and to `q` itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from stagec.ir.core import Op, Staged, known
from stagec.ir.path import Arg, Index
from stagec.ir.types import ArrayType, at_least
from stagec.ops.axes import (
    axis_text,
    dtype_of,
    expand_dims,
    length,
    normal_axes,
    np_shape,
    restore_axes,
    shape_of,
    squeeze,
    transpose,
)
from stagec.ops.broadcast import sum_
from stagec.ops.cast import astype
from stagec.ops.comparison import equal, greater_equal, isnan, logical_and, logical_not
from stagec.ops.composite import composite
from stagec.ops.family import kept, near, reject, sizes
from stagec.ops.filling import full
from stagec.ops.indexing import read_at
from stagec.ops.joining import FULL, concatenate, items_of, stack
from stagec.ops.reduction import Axes
from stagec.ops.rounding import ceil, floor, floor_divide, maximum, minimum, remainder, rint
from stagec.ops.select import choose
from stagec.ops.shape import reshape
from stagec.ops.sorting import sort, take_along_axis

INT64 = np.dtype(np.int64)
# the methods that interpolate, with the two numbers that say where among n sorted elements the
# quantile q lies: at n q + alpha + q (1 - alpha - beta) - 1, if that is an element
# Reference: Hyndman and Fan, Sample quantiles in statistical packages, 1996
PLACED = {
    "interpolated_inverted_cdf": (0, 1),
    "hazen": (0.5, 0.5),
    "weibull": (0, 0),
    "median_unbiased": (1 / 3, 1 / 3),
    "normal_unbiased": (3 / 8, 3 / 8),
}
# those that jump from element to element, the first at the element n q or the next
STEPPED = ("inverted_cdf", "averaged_inverted_cdf", "closest_observation")
METHODS = ("linear", "lower", "higher", "nearest", "midpoint", *PLACED, *STEPPED)


def _gathered(x: Any, axes: Axes) -> Any:
    """`x` with the axes moved to the end and made one."""
    rest = tuple(k for k in range(np.ndim(x)) if k not in axes)
    if (*rest, *axes) != tuple(range(np.ndim(x))):
        x = transpose(x, axes=(*rest, *axes))
    if len(axes) == 1:
        return x
    plan, staged = sizes((*shape_of(x)[: len(rest)], -1))
    return reshape(x, *staged, shape=plan)


def _sorted(x: Any, padded: bool) -> Any:
    """`x` sorted along its last axis, NaN at the end; one more if it may be empty and `padded`.

    NumPy takes an element of an empty row for NaN where it takes the middle of what is there.
    """
    last = np.ndim(x) - 1
    rows = sort(x, axis=last)
    if not padded or dtype_of(x).kind != "f" or (at_least(np_shape(x)[last]) or 0) > 0:
        return rows
    plan, staged = sizes((*shape_of(x)[:last], 1), 1)
    missing = dtype_of(x).type(np.nan)
    column = near(x, full, missing, *staged, shape=plan, dtype=dtype_of(x))
    return concatenate(rows, column, axis=last)


def _pick(x: Any, position: Any) -> Any:
    """The elements of `x` at a position of its last axis, the same in each row or not."""
    last = np.ndim(x) - 1
    if np.ndim(position):
        index = expand_dims(astype(position, dtype=INT64), axes=(last,))
        return squeeze(take_along_axis(x, index, axis=last), axes=(last,))
    if not isinstance(position, Staged):
        return read_at(x, (Index((*(FULL,) * last, int(position))),))
    index = position if dtype_of(position).kind in "iu" else astype(position, dtype=INT64)
    return read_at(x, (Index((*(FULL,) * last, Arg(0))),), index)


def _counted(x: Any, ignore: bool) -> Any:
    """How many elements of each row count, at least one."""
    last = np.ndim(x) - 1
    if not ignore:
        return length(x, last)
    return maximum(sum_(logical_not(isnan(x)), axes=(last,)), 1)


def _unless_nan(found: Any, rows: Any, n: Any, ignore: bool) -> Any:
    """`found`, but NaN for rows that hold one among the first n."""
    if ignore or dtype_of(rows).kind != "f":
        return found
    last = _pick(rows, n - 1)
    return choose(isnan(last), last, found)


def _half(n: Any) -> Any:
    return n // 2 if isinstance(n, int) else floor_divide(n, 2)


def _median_expand(x: Any, *, axes: Axes, ignore: bool, keepdims: bool = False) -> Any:
    wide = _gathered(x, axes)
    rows, n = _sorted(wide, True), _counted(wide, ignore)
    found = (_pick(rows, _half(n - 1)) + _pick(rows, _half(n))) / 2
    return _finish(_unless_nan(found, rows, n, ignore), axes, keepdims)


def _finish(found: Any, axes: Axes, keepdims: bool) -> Any:
    return restore_axes(found, axes, False) if keepdims else found


def _lerp(low: Any, high: Any, part: Any) -> Any:
    """As NumPy computes it: from the nearer end."""
    step = high - low
    near, far = low + step * part, high - step * (1 - part)
    if isinstance(part, Staged) or np.ndim(part):
        return choose(greater_equal(part, 0.5), far, near)
    return far if part >= 0.5 else near


def _weak(q: Any) -> bool:
    return getattr(getattr(q, "type", None), "kind", "") == "py" or isinstance(q, int | float)


def _place(q: Any, n: Any, alpha: float, beta: float) -> Any:
    """Where the quantile lies, no further than the first and the last element."""
    place = n * q + (alpha + q * (1 - alpha - beta)) - 1
    return minimum(maximum(place, dtype_of(place).type(0)), n - 1)


def _stepped(rows: Any, place: Any, n: Any, method: str) -> Any:
    if method == "inverted_cdf":
        return _pick(rows, maximum(ceil(place), 0))
    if method == "closest_observation":  # a tie goes to the element with an even number
        below = floor(place - 0.5)
        tie = logical_and(equal(place - 0.5, below), equal(remainder(below, 2), 1))
        return _pick(rows, maximum(choose(tie, below, below + 1), 0))
    low = floor(place)
    part = choose(equal(place, low), 0.5, 1.0)
    low, high = maximum(low, 0), minimum(maximum(low + 1, 0), n - 1)
    return _lerp(_pick(rows, low), _pick(rows, high), part)


def _at(rows: Any, q: Any, n: Any, method: str) -> Any:
    """The quantile of each row."""
    if method in STEPPED:
        return _stepped(rows, n * q - 1, n, method)
    position = _place(q, n, *PLACED[method]) if method in PLACED else q * (n - 1)
    if method in ("lower", "higher", "nearest"):
        step: Any = {"lower": floor, "higher": ceil, "nearest": rint}[method]
        return _pick(rows, step(position))
    low = floor(position)
    high = minimum(low + 1, n - 1)
    part = position - low
    if method == "midpoint":
        part = choose(greater_equal(0.0, part), 0.0, 0.5)
    return _lerp(_pick(rows, low), _pick(rows, high), part)


def _quantile_expand(
    x: Any,
    *qs: Any,
    axes: Axes,
    ignore: bool,
    keepdims: bool = False,
    method: str = "linear",
    percent: bool = False,
    many: bool = False,
) -> Any:
    if dtype_of(x).kind == "c":
        raise TypeError("quantile: complex numbers have no order")
    wide = _gathered(x, axes)
    rows, n = _sorted(wide, ignore), _counted(wide, ignore)
    found = []
    for given in qs:
        q = given if known(given) is None else known(given)
        if _weak(q) and dtype_of(x).kind == "f":
            q = astype(q, dtype=dtype_of(x)) if isinstance(q, Staged) else dtype_of(x).type(q)
        q = (
            q / (dtype_of(q).type(100) if percent and dtype_of(q).kind == "f" else 100)
            if percent
            else q
        )
        value = _unless_nan(_at(rows, q, n, method), rows, n, ignore)
        found.append(_finish(value, axes, keepdims))
    return stack(*found, axis=0) if many else found[0]


# --- binders -------------------------------------------------------------------------------


def _attrs(a: Any, axis: Any, keepdims: Any) -> dict[str, Any]:
    return kept(normal_axes(axis, np.ndim(a)), keepdims)


def _median(function: Callable[..., Any], *, ignore: bool) -> Op:
    name = function.__name__

    def call(
        a: Any,
        axis: Any = None,
        out: None = None,
        overwrite_input: bool = False,
        keepdims: Any = False,
    ) -> Any:
        return op(a, **_attrs(a, axis, keepdims))

    def source(x: ArrayType, *, axes: Axes, keepdims: bool = False) -> str:
        return f"np.{name}({{0}}{_options(x, axes, keepdims)})"

    op = composite(
        name,
        calls=((function, call),),
        value=lambda x, *, axes, keepdims=False: function(x, axis=axes, keepdims=keepdims),
        expand=lambda x, **attrs: _median_expand(x, ignore=ignore, **attrs),
        source=source,
    )
    return op


def _options(x: ArrayType, axes: Axes, keepdims: bool) -> str:
    tail = "" if len(axes) == x.rank else f", axis={axis_text(axes)}"
    return tail + (", keepdims=True" if keepdims else "")


def _quantile(function: Callable[..., Any], *, ignore: bool) -> Op:
    name = function.__name__
    percent = "percentile" in name

    def call(
        a: Any,
        q: Any,
        axis: Any = None,
        out: None = None,
        overwrite_input: bool = False,
        method: str = "linear",
        keepdims: Any = False,
        *,
        weights: Any = None,
    ) -> Any:
        reject(name, weights=weights)
        if method not in METHODS:
            raise TypeError(f"{name}: method={method!r} is not supported")
        many = isinstance(q, tuple | list) or np.ndim(q) == 1
        attrs = {
            **_attrs(a, axis, keepdims),
            **({"method": method} if method != "linear" else {}),
        }
        return op(
            a, *(items_of(q) if many else (q,)), **attrs, **({"many": True} if many else {})
        )

    def value(x: Any, *qs: Any, axes: Axes, **attrs: Any) -> Any:
        q = qs if attrs.pop("many", False) else qs[0]
        return function(x, q, axis=axes, **attrs)

    def source(
        x: ArrayType,
        *qs: Any,
        axes: Axes,
        keepdims: bool = False,
        many: bool = False,
        method: str = "",
    ) -> str:
        given = ", ".join(f"{{{k + 1}}}" for k in range(len(qs)))
        tail = _options(x, axes, keepdims) + (f", method={method!r}" if method else "")
        return f"np.{name}({{0}}, {f'[{given}]' if many else given}{tail})"

    op = composite(
        name,
        calls=((function, call),),
        value=value,
        expand=lambda *xs, **attrs: _quantile_expand(
            *xs, ignore=ignore, percent=percent, **attrs
        ),
        source=source,
        may_raise=(ValueError,),
    )
    return op


median = _median(np.median, ignore=False)
nanmedian = _median(np.nanmedian, ignore=True)
quantile = _quantile(np.quantile, ignore=False)
percentile = _quantile(np.percentile, ignore=False)
nanquantile = _quantile(np.nanquantile, ignore=True)
nanpercentile = _quantile(np.nanpercentile, ignore=True)


OPS: tuple[Op, ...] = (median, nanmedian, quantile, percentile, nanquantile, nanpercentile)
