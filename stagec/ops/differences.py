"""Differences, numerical gradients and integrals of sampled functions, unwrapped angles."""

from __future__ import annotations

from typing import Any

import numpy as np

from stagec.ir.core import Op
from stagec.ir.types import ArrayType
from stagec.ops.arithmetic import subtract
from stagec.ops.arrays import vector
from stagec.ops.axes import (
    dtype_of,
    expand_dims,
    listed_axes,
    normal_axis,
    shift_axis,
    to_front,
)
from stagec.ops.broadcast import broadcast_like, sum_
from stagec.ops.cast import astype, number_type
from stagec.ops.comparison import not_equal
from stagec.ops.composite import composite
from stagec.ops.family import make, static
from stagec.ops.joining import concatenate, part_of
from stagec.ops.shape import ravel


def _diff(x: Any, *, axis: int, n: int = 1) -> Any:
    for _ in range(n):
        x = subtract(part_of(x, axis, 1, None), part_of(x, axis, None, -1))
    return x


def _diff_call(
    a: Any, n: Any = 1, axis: Any = -1, prepend: Any = None, append: Any = None
) -> Any:
    at, order = normal_axis(axis, np.ndim(a)), static(n, "n")
    if order < 0:
        raise ValueError(f"order must be non-negative but got {order}")
    if order == 0:
        return a  # without what would be prepended and appended
    parts = [a]
    if prepend is not None:
        parts.insert(0, _edge(prepend, a, at))
    if append is not None:
        parts.append(_edge(append, a, at))
    a = concatenate(*parts, axis=at) if len(parts) > 1 else a
    if dtype_of(a).kind == "b":
        for _ in range(order):
            a = not_equal(part_of(a, at, 1, None), part_of(a, at, None, -1))
        return a
    return diff(a, axis=at, **({"n": order} if order != 1 else {}))


def _edge(value: Any, a: Any, axis: int) -> Any:
    """The array that `prepend` or `append` adds: a number stands for one slice of it."""
    return value if np.ndim(value) else broadcast_like(value, part_of(a, axis, None, 1))


def _diff_source(x: ArrayType, *, axis: int, n: int = 1) -> str:
    order = "" if n == 1 else f", {n}" if axis == x.rank - 1 else f", n={n}"
    return f"np.diff({{}}{order}{'' if axis == x.rank - 1 else f', axis={axis}'})"


diff = composite(
    "diff",
    calls=((np.diff, _diff_call),),
    value=lambda x, *, axis, n=1: np.diff(x, n, axis),
    expand=_diff,
    source=_diff_source,
)


def _ediff_call(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    steps = diff(ary if np.ndim(ary) == 1 else ravel(ary), axis=0)
    parts = [p for p in (to_begin, steps, to_end) if p is not None]
    for name, given in (("to_begin", to_begin), ("to_end", to_end)):
        if given is None:
            continue
        if not np.can_cast(number_type(given).dtype, dtype_of(ary), "same_kind"):
            raise TypeError(
                f"dtype of `{name}` must be compatible with input `ary` under the "
                "`same_kind` rule."
            )
    flat = [vector(p, ary) for p in parts]
    out = concatenate(*flat, axis=0) if len(flat) > 1 else steps
    return out if dtype_of(out) == dtype_of(ary) else astype(out, dtype=dtype_of(ary))


ediff1d = composite(
    "ediff1d",
    calls=(
        (
            np.ediff1d,
            lambda ary, to_end=None, to_begin=None: _ediff_call(ary, to_end, to_begin),
        ),
    ),
    value=np.ediff1d,
    expand=lambda x: diff(ravel(x), axis=0),
    source="np.ediff1d({})",
)


# --- gradient ------------------------------------------------------------------------------


def _gradient_expand(f: Any, h: Any, *, axis: int, edge_order: int = 1) -> Any:
    """Second-order central differences; `h` is a spacing or the coordinates."""
    first, last = part_of(f, axis, None, -2), part_of(f, axis, 2, None)
    middle = part_of(f, axis, 1, -1)
    if np.ndim(h) == 0:
        inner = (last - first) / (2.0 * h)
        low, high = _edges(f, h, h, axis, edge_order)
        return concatenate(low, inner, high, axis=axis)
    after = tuple(range(1, np.ndim(f) - axis))
    steps = diff(h, axis=0)
    column = expand_dims(steps, axes=after) if after else steps
    before, behind = part_of(column, 0, None, -1), part_of(column, 0, 1, None)
    a = -behind / (before * (before + behind))
    b = (behind - before) / (before * behind)
    c = before / (behind * (before + behind))
    inner = a * first + b * middle + c * last
    low, high = _edges(f, column, column, axis, edge_order)
    return concatenate(low, inner, high, axis=axis)


def _edges(f: Any, left: Any, right: Any, axis: int, order: int) -> tuple[Any, Any]:
    """The one-sided differences at both ends."""

    def at(k: int) -> Any:
        return part_of(f, axis, k, k + 1 or None)

    def step(k: int) -> Any:
        return left if np.ndim(left) == 0 else part_of(left, 0, k, k + 1 or None)

    if order == 1:
        return (at(1) - at(0)) / step(0), (at(-1) - at(-2)) / step(-1)
    d, e = step(0), step(1)
    low = _one_sided(at(0), at(1), at(2), d, e)
    d, e = step(-1), step(-2)
    return low, -_one_sided(at(-1), at(-2), at(-3), d, e)


def _one_sided(f0: Any, f1: Any, f2: Any, d: Any, e: Any) -> Any:
    a = -(2.0 * d + e) / (d * (d + e))
    b = (d + e) / (d * e)
    c = -d / (e * (d + e))
    return a * f0 + b * f1 + c * f2


def _gradient_call(f: Any, *varargs: Any, axis: Any = None, edge_order: Any = 1) -> Any:
    axes = listed_axes(axis, np.ndim(f))
    order = static(edge_order, "edge_order")
    spacings = varargs or (1.0,)
    if len(spacings) == 1 and np.ndim(spacings[0]) == 0:
        spacings = spacings * len(axes)
    if len(spacings) != len(axes):
        raise TypeError("invalid number of arguments")
    if dtype_of(f).kind == "b":
        np.subtract(True, True)  # with NumPy's own words
    if dtype_of(f).kind in "iu":
        f = astype(f, dtype=np.dtype(np.float64))
    attrs = {"edge_order": order} if order != 1 else {}
    found = tuple(gradient(f, h, axis=a, **attrs) for a, h in zip(axes, spacings, strict=True))
    return found[0] if len(found) == 1 else found


def _gradient_value(f: Any, h: Any, *, axis: int, edge_order: Any = 1) -> Any:
    return np.gradient(f, h, axis=axis, edge_order=edge_order)


def _gradient_source(f: ArrayType, h: ArrayType, *, axis: int, edge_order: int = 1) -> str:
    tail = (f", axis={axis}" if f.rank > 1 else "") + (
        ", edge_order=2" if edge_order == 2 else ""
    )
    return f"np.gradient({{}}, {{}}{tail})"


gradient = composite(
    "gradient",
    calls=((np.gradient, _gradient_call),),
    value=_gradient_value,
    expand=_gradient_expand,
    source=_gradient_source,
    may_raise=(ValueError,),
)


# --- trapezoidal rule ----------------------------------------------------------------------


def _trapezoid_expand(y: Any, d: Any, *, axis: int, samples: bool) -> Any:
    if samples:
        steps = diff(d, axis=0 if np.ndim(d) == 1 else axis)
        after = tuple(range(1, np.ndim(y) - axis))
        d = expand_dims(steps, axes=after) if np.ndim(d) == 1 and after else steps
    pairs = part_of(y, axis, 1, None) + part_of(y, axis, None, -1)
    return sum_(d * pairs / 2.0, axes=(axis,))


def _trapezoid_value(y: Any, d: Any, *, axis: int, samples: bool) -> Any:
    return np.trapezoid(y, d, axis=axis) if samples else np.trapezoid(y, dx=d, axis=axis)


def _trapezoid_source(y: ArrayType, d: ArrayType, *, axis: int, samples: bool) -> str:
    tail = "" if axis == y.rank - 1 else f", axis={axis}"
    return f"np.trapezoid({{}}, {'' if samples else 'dx='}{{}}{tail})"


trapezoid = composite(
    "trapezoid",
    calls=(
        (
            np.trapezoid,
            lambda y, x=None, dx=1.0, axis=-1: trapezoid(
                y,
                dx if x is None else x,
                axis=normal_axis(axis, np.ndim(y)),
                samples=x is not None,
            ),
        ),
    ),
    value=_trapezoid_value,
    expand=_trapezoid_expand,
    source=_trapezoid_source,
)


# --- angles --------------------------------------------------------------------------------


def _unwrap_call(
    p: Any, discont: Any = None, axis: Any = -1, *, period: Any = 2 * np.pi
) -> Any:
    limit = None if discont is None else static(discont, "discont")
    attrs = {"discont": limit, "period": static(period, "period")}
    return unwrap(p, axis=normal_axis(axis, np.ndim(p)), **attrs)


def _unwrap_source(x: ArrayType, *, axis: int, discont: Any, period: float) -> str:
    tail = "" if discont is None else f", discont={discont!r}"
    tail += "" if axis == x.rank - 1 else f", axis={axis}"
    return f"np.unwrap({{}}{tail}{'' if period == 2 * np.pi else f', period={period!r}'})"


# whole periods are added: the slope is 1
unwrap = make(
    "unwrap",
    calls=((np.unwrap, _unwrap_call),),
    infer=lambda x, *, period, **attrs: ArrayType(np.result_type(x.dtype, period), x.shape),
    value=lambda x, *, axis, discont, period: np.unwrap(x, discont, axis, period=period),
    vjp=lambda ct, out, x, **attrs: (ct if dtype_of(x).kind == "f" else None,),
    jvp=lambda dxs, out, x, **attrs: dxs[0],
    batch=to_front(lambda: unwrap, shift_axis),
    source=_unwrap_source,
)


OPS: tuple[Op, ...] = (diff, ediff1d, gradient, trapezoid, unwrap)
