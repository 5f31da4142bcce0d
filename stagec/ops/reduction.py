"""Reductions over axes: products, extrema, means, variances, and their NaN-ignoring kin.

Conventions at points that are not smooth: ties share the cotangent of an extremum evenly, the
standard deviation of a constant has slope 0, a product with zeros has its exact derivative.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from stagec.ir.core import NATIVE, Cost, Expands, Fold, Folds, Op
from stagec.ir.path import Arg
from stagec.ir.types import INT, ArrayType
from stagec.ops.axes import (
    dtype_of,
    in_place,
    length,
    move_axis,
    normal_axes,
    np_shape,
    reduced,
    reduced_axes,
    shape_of,
    shift_axes,
    to_front,
)
from stagec.ops.broadcast import broadcast_like, broadcast_to, reduction_source, spread, sum_
from stagec.ops.cast import astype, conjugate, real, to_dtype
from stagec.ops.comparison import equal, logical_and, logical_or, not_equal
from stagec.ops.composite import composite
from stagec.ops.exponential import sqrt
from stagec.ops.extremes import extreme
from stagec.ops.family import array, constant, kept, linear, made_by, make, reject, static
from stagec.ops.folding import summing
from stagec.ops.masks import mask
from stagec.ops.rounding import maximum, minimum
from stagec.ops.shape import total_size

Axes = tuple[int, ...]


def count_of(x: Any, axes: Axes) -> Any:
    """How many elements lie along the axes: static or staged."""
    if len(axes) == np.ndim(x) > 1 and not all(isinstance(d, int) for d in np_shape(x)):
        return size_of(x)
    return total_size(length(x, a) for a in axes)


def _size_batch(args: Any, axes: Any, /) -> tuple[Any, None]:
    like = move_axis(args[0], axes[0], 0)
    return total_size(shape_of(like)[1:]), None


def _size_of_stretched(x: Any) -> Any:
    wide = made_by(x, broadcast_to)
    if not wide:
        return None
    args, attrs = wide
    return total_size(args[n.position] if isinstance(n, Arg) else n for n in attrs["shape"])


# the number of elements, as a Python int
size_of = constant(
    "size_of",
    calls=(),
    infer=lambda x: INT,
    value=np.size,
    batch=_size_batch,
    source="{}.size",
    scalar=NATIVE,
    cost=Cost.FREE,
    shapes=(0,),
    rewrites=(_size_of_stretched,),
)


def reducing(name: str) -> Callable[..., str]:
    """The source rule of a reduction of NumPy."""

    def source(x: ArrayType, *, axes: Axes, keepdims: bool = False, ddof: float = 0) -> str:
        text = reduction_source(f"np.{name}", x.rank, axes, keepdims)
        return f"{text[:-1]}, ddof={ddof})" if ddof else text

    return source


def mean_dtype(dtype: np.dtype) -> np.dtype:
    """The element type of a mean."""
    return dtype if dtype.kind in "fc" else np.dtype(np.float64)


def real_dtype(dtype: np.dtype) -> np.dtype:
    """The element type of a variance."""
    dtype = mean_dtype(dtype)
    return np.dtype(f"f{dtype.itemsize // 2}") if dtype.kind == "c" else dtype


# --- mean ----------------------------------------------------------------------------------


def mean_call(
    a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: Any = False
) -> Any:
    """The meaning of np.mean over all elements."""
    axes = normal_axes(axis, np.ndim(a))
    a, attrs = to_dtype(a, dtype), kept(axes, keepdims)
    if dtype is not None and np.dtype(dtype).kind in "iu":  # the sum may overflow
        return to_dtype(to_dtype(sum_(a, **attrs), dtype) / count_of(a, axes), dtype)
    return to_dtype(mean(a, **attrs), dtype)


def _mean_vjp(ct: Any, out: Any, x: Any, *, axes: Axes, keepdims: bool = False) -> Any:
    return broadcast_like(spread(ct / count_of(x, axes), axes, keepdims), x)


mean = linear(
    "mean",
    calls=(),
    infer=lambda x, *, axes, keepdims=False: array(
        mean_dtype(x.dtype), reduced(x.shape, axes, keepdims)
    ),
    value=lambda x, *, axes, keepdims=False: np.mean(x, axis=axes, keepdims=keepdims),
    vjp=_mean_vjp,
    batch=to_front(lambda: mean, shift_axes),
    batch_last=in_place(lambda: mean),
    source=reducing("mean"),
    scalar=Folds(
        lambda x, *, axes, keepdims=False: summing(mean_dtype(x.dtype), axes, operator.truediv)
    ),
    noun="mean",
    flat=lambda x, *, axes, keepdims=False: (x,),
)


# --- variance and standard deviation -------------------------------------------------------


def _centred(x: Any, axes: Axes) -> Any:
    return x - mean(x, axes=axes, keepdims=True)


def _along(x: Any, dx: Any, axes: Axes, keepdims: bool) -> Any:
    """The sum of Re <x - mean, dx> over the axes."""
    product = real_part(conjugate(_centred(x, axes)) * dx)
    return sum_(product, **kept(axes, keepdims))


def real_part(x: Any) -> Any:
    """The real part; `x` itself if it is real."""
    return real(x) if dtype_of(x).kind == "c" else x


def _var_vjp(
    ct: Any, out: Any, x: Any, *, axes: Axes, ddof: float = 0, keepdims: bool = False
) -> tuple[Any]:
    scale = ct * 2.0 / (count_of(x, axes) - ddof)
    return (spread(scale, axes, keepdims) * _centred(x, axes),)


def _var_jvp(
    dxs: Any, out: Any, x: Any, *, axes: Axes, ddof: float = 0, keepdims: bool = False
) -> Any:
    return _along(x, dxs[0], axes, keepdims) * 2.0 / (count_of(x, axes) - ddof)


def _std_vjp(
    ct: Any, out: Any, x: Any, *, axes: Axes, ddof: float = 0, keepdims: bool = False
) -> tuple[Any]:
    flat = equal(out, 0)
    scale = mask(flat, ct, keep=False) / ((out + flat) * (count_of(x, axes) - ddof))
    return (spread(scale, axes, keepdims) * _centred(x, axes),)


def _std_jvp(
    dxs: Any, out: Any, x: Any, *, axes: Axes, ddof: float = 0, keepdims: bool = False
) -> Any:
    flat = equal(out, 0)
    slope = _along(x, dxs[0], axes, keepdims) / ((out + flat) * (count_of(x, axes) - ddof))
    return mask(flat, slope, keep=False)


def spread_call(op: Callable[[], Op]) -> Callable[..., Any]:
    """The binder of var and std, and of those that ignore NaN."""

    def call(
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
        reject(op().name, where=where, mean=mean)
        if dtype is not None and np.dtype(dtype).kind not in "fc":
            raise TypeError(f"{op().name} in integers is not supported")
        freedom = static(ddof if correction is None else correction, "ddof")
        if correction is not None and static(ddof, "ddof"):
            raise ValueError("ddof and correction can't be provided simultaneously.")
        attrs = kept(normal_axes(axis, np.ndim(a)), keepdims)
        return op()(to_dtype(a, dtype), **attrs, **({"ddof": freedom} if freedom else {}))

    return call


def _deviations(x: Any, *, axes: Axes, ddof: float = 0, keepdims: bool = False) -> Any:
    """The variance in simpler ops."""
    centred = _centred(x, axes)
    attrs = kept(axes, keepdims)
    return sum_(centred * centred, **attrs) / (count_of(x, axes) - ddof)


def _moment(function: Callable[..., Any], vjp: Any, jvp: Any, expand: Callable[..., Any]) -> Op:
    name = function.__name__

    op = make(
        name,
        calls=((function, spread_call(lambda: op)),),
        infer=lambda x, *, axes, ddof=0, keepdims=False: array(
            real_dtype(x.dtype), reduced(x.shape, axes, keepdims)
        ),
        value=lambda x, *, axes, ddof=0, keepdims=False: function(
            x, axis=axes, ddof=ddof, keepdims=keepdims
        ),
        vjp=vjp,
        jvp=jvp,
        batch=to_front(lambda: op, shift_axes),
        source=reducing(name),
        scalar=Expands(lambda x, **attrs: expand if x.dtype.kind == "f" else None),
        noun=name,
    )
    return op


var = _moment(np.var, _var_vjp, _var_jvp, _deviations)
std = _moment(np.std, _std_vjp, _std_jvp, lambda x, **attrs: sqrt(_deviations(x, **attrs)))


# --- extrema -------------------------------------------------------------------------------


def _winners(out: Any, x: Any, axes: Axes, keepdims: bool) -> tuple[Any, Any]:
    """Where `x` attains the extremum, and how often, in the element type of the result."""
    hits = equal(x, spread(out, axes, keepdims))
    return hits, astype(sum_(hits, **kept(axes, keepdims)), dtype=dtype_of(out))


def _extremum_vjp(ct: Any, out: Any, x: Any, *, axes: Axes, keepdims: bool = False) -> Any:
    hits, count = _winners(out, x, axes, keepdims)
    return (mask(hits, spread(ct / count, axes, keepdims)),)


def _extremum_jvp(dxs: Any, out: Any, x: Any, *, axes: Axes, keepdims: bool = False) -> Any:
    hits, count = _winners(out, x, axes, keepdims)
    return sum_(mask(hits, dxs[0]), **kept(axes, keepdims)) / count


def _extremum(function: Callable[..., Any], *also: Any, sign: int = 0) -> Op:
    """The op of a NumPy function; `sign`: 1 for a maximum, -1 for a minimum, 0 for others."""
    name = function.__name__.removeprefix("a")

    def call(
        a: Any,
        axis: Any = None,
        out: None = None,
        keepdims: Any = False,
        initial: Any = None,
        where: Any = None,
    ) -> Any:
        reject(name, where=where)
        found = op(a, **kept(reduced_axes(axis, np.ndim(a)), keepdims))
        if initial is None:
            return found
        return (maximum if name == "max" else minimum)(found, initial)

    op = make(
        name,
        calls=tuple((f, call) for f in (function, *also)),
        infer=lambda x, *, axes, keepdims=False: array(
            x.dtype, reduced(x.shape, axes, keepdims)
        ),
        value=lambda x, *, axes, keepdims=False: function(x, axis=axes, keepdims=keepdims),
        vjp=_extremum_vjp,
        jvp=_extremum_jvp,
        batch=to_front(lambda: op, shift_axes),
        batch_last=in_place(lambda: op),
        source=reducing(name),
        scalar=Folds(
            lambda x, *, axes, keepdims=False: extreme(x, axes, sign) if sign else None
        ),
        may_raise=(ValueError,),
        noun={1: "largest", -1: "smallest"}.get(sign, name),
    )
    return op


max_ = _extremum(np.max, np.amax, sign=1)
min_ = _extremum(np.min, np.amin, sign=-1)
nanmax = _extremum(np.nanmax)
nanmin = _extremum(np.nanmin)


def _ptp_expand(x: Any, *, axes: Axes, keepdims: bool = False) -> Any:
    attrs = kept(axes, keepdims)
    return max_(x, **attrs) - min_(x, **attrs)


ptp = composite(
    "ptp",
    calls=(
        (
            np.ptp,
            lambda a, axis=None, out=None, keepdims=False: ptp(
                a, **kept(reduced_axes(axis, np.ndim(a)), keepdims)
            ),
        ),
    ),
    value=lambda x, *, axes, keepdims=False: np.ptp(x, axis=axes, keepdims=keepdims),
    expand=_ptp_expand,
    source=reducing("ptp"),
    may_raise=(ValueError,),
)


# --- searches and counts -------------------------------------------------------------------


def _flag(function: Callable[..., Any], dtype: Any, scalar: Folds | Expands) -> Op:
    """any, all or count_nonzero."""
    name = function.__name__

    def call(
        a: Any,
        axis: Any = None,
        out: None = None,
        keepdims: Any = False,
        *,
        where: Any = None,
    ) -> Any:
        reject(name, out=out, where=where)
        return op(a, **kept(reduced_axes(axis, np.ndim(a)), keepdims))

    op = constant(
        name,
        calls=((function, call),),
        infer=lambda x, *, axes, keepdims=False: array(dtype, reduced(x.shape, axes, keepdims)),
        value=lambda x, *, axes, keepdims=False: _as_numpy(
            function(x, axis=axes, keepdims=keepdims)
        ),
        batch=to_front(lambda: op, shift_axes),
        source=reducing(name),
        scalar=scalar,
    )
    return op


def _joining(combine: Op, start: bool) -> Folds:
    return Folds(lambda x, *, axes, **attrs: Fold(axes, combine, np.bool_(start), None))


def _count(x: Any, *, axes: Axes, **attrs: Any) -> Any:
    return sum_(not_equal(x, 0), axes=axes, **attrs)


def _as_numpy(x: Any) -> Any:
    return np.int64(x) if isinstance(x, int) else x


any_ = _flag(np.any, np.bool_, _joining(logical_or, False))
all_ = _flag(np.all, np.bool_, _joining(logical_and, True))
count_nonzero = _flag(np.count_nonzero, np.int64, Expands(lambda x, **attrs: _count))


OPS: tuple[Op, ...] = (
    size_of,
    mean,
    var,
    std,
    max_,
    min_,
    nanmax,
    nanmin,
    ptp,
    any_,
    all_,
    count_nonzero,
)
