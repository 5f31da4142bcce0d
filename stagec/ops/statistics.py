"""Statistics of samples: covariance, counts in bins, interpolation."""

from __future__ import annotations

from typing import Any

import numpy as np

from stagec.ir.core import Op
from stagec.ir.path import Arg, Index
from stagec.ir.types import ArrayType
from stagec.ops.arithmetic import multiply
from stagec.ops.arrays import vector
from stagec.ops.axes import dtype_of, expand_dims, length, np_shape, squeeze, swap_axes
from stagec.ops.cast import astype, conjugate
from stagec.ops.comparison import equal, greater, less
from stagec.ops.composite import composite
from stagec.ops.creation import zeros
from stagec.ops.diagonals import diagonal
from stagec.ops.exponential import sqrt
from stagec.ops.family import near, reject, sizes, static
from stagec.ops.indexing import accumulate, read_at
from stagec.ops.joining import concatenate, part_of
from stagec.ops.products import matmul
from stagec.ops.ranges import linspace
from stagec.ops.reduction import max_, mean, min_, real_part
from stagec.ops.rounding import clip, maximum
from stagec.ops.search import searchsorted
from stagec.ops.select import choose, where
from stagec.ops.shape import at_least, ravel

FLOAT64 = np.dtype(np.float64)
INT64 = np.dtype(np.int64)


def _rows(m: Any, rowvar: bool) -> Any:
    """The samples as a matrix with a row for each variable."""
    if np.ndim(m) > 2:
        raise ValueError("m has more than 2 dimensions")
    rows = at_least(m, 2)
    return rows if rowvar or np.ndim(m) == 1 else swap_axes(rows, 0, 1)


def _cov_expand(m: Any, *, rowvar: bool, ddof: int) -> Any:
    rows = _rows(m, rowvar)
    centred = rows - mean(rows, axes=(1,), keepdims=True)
    count = length(rows, 1) - ddof
    found = matmul(centred, conjugate(swap_axes(centred, 0, 1))) / count
    single = np_shape(found)[0] == 1
    return squeeze(found, axes=(0, 1)) if single else found


def _cov_call(
    m: Any,
    y: Any = None,
    rowvar: Any = True,
    bias: Any = False,
    ddof: Any = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Any:
    reject("cov", fweights=fweights, aweights=aweights, dtype=dtype)
    rowvar = bool(static(rowvar, "rowvar"))
    freedom = static(ddof, "ddof")
    freedom = int(not static(bias, "bias")) if freedom is None else freedom
    if y is not None:
        m, rowvar = concatenate(_rows(m, rowvar), _rows(y, rowvar), axis=0), True
    return cov(m, rowvar=rowvar, ddof=freedom)


def _cov_source(m: ArrayType, *, rowvar: bool, ddof: int) -> str:
    tail = "" if rowvar else ", rowvar=False"
    return f"np.cov({{}}{tail}{'' if ddof == 1 else f', ddof={ddof}'})"


cov = composite(
    "cov",
    calls=((np.cov, _cov_call),),
    value=lambda m, *, rowvar, ddof: np.cov(m, rowvar=rowvar, ddof=ddof),
    expand=_cov_expand,
    source=_cov_source,
)


def _corrcoef_expand(m: Any, *, rowvar: bool) -> Any:
    c = cov(m, rowvar=rowvar, ddof=1)
    if np.ndim(c) == 0:
        return c / c
    scale = sqrt(real_part(diagonal(c, offset=0, axis1=0, axis2=1)))
    found = c / expand_dims(scale, axes=(1,)) / expand_dims(scale, axes=(0,))
    return clip(found, -1, 1) if dtype_of(found).kind == "f" else found


def _corrcoef_call(x: Any, y: Any = None, rowvar: Any = True, *, dtype: Any = None) -> Any:
    reject("corrcoef", dtype=dtype)
    rowvar = bool(static(rowvar, "rowvar"))
    if dtype_of(x).kind == "c":
        raise TypeError("corrcoef: complex samples are not supported")
    if y is not None:
        x, rowvar = concatenate(_rows(x, rowvar), _rows(y, rowvar), axis=0), True
    return corrcoef(x, rowvar=rowvar)


corrcoef = composite(
    "corrcoef",
    calls=((np.corrcoef, _corrcoef_call),),
    value=lambda x, *, rowvar: np.corrcoef(x, rowvar=rowvar),
    expand=_corrcoef_expand,
    source=lambda x, *, rowvar: f"np.corrcoef({{}}{'' if rowvar else ', rowvar=False'})",
)


# --- counts --------------------------------------------------------------------------------


def _bincount_expand(x: Any, *weights: Any, minlength: int) -> Any:
    plan, staged = sizes(maximum(max_(x, axes=(0,)) + 1, minlength))
    dtype = FLOAT64 if weights else INT64
    empty = near(x, zeros, *staged, shape=plan, dtype=dtype)
    given = astype(weights[0], dtype=dtype) if weights else 1
    return accumulate(empty, given, x, path=(Index((Arg(0),)),))


def _bincount_call(x: Any, /, weights: Any = None, minlength: Any = 0) -> Any:
    given = () if weights is None else (weights,)
    return bincount(x, *given, minlength=static(minlength, "minlength"))


def _bincount_source(x: ArrayType, *weights: ArrayType, minlength: int) -> str:
    tail = ", {1}" if weights else ""
    return f"np.bincount({{0}}{tail}{f', minlength={minlength}' if minlength else ''})"


def _bincount_value(x: Any, *weights: Any, minlength: int) -> Any:
    return np.bincount(x, *weights, minlength=minlength)


bincount = composite(
    "bincount",
    calls=((np.bincount, _bincount_call),),
    value=_bincount_value,
    expand=_bincount_expand,
    source=_bincount_source,
    may_raise=(ValueError,),
)


def _bins_expand(x: Any, edges: Any, *weights: Any) -> Any:
    """The counts between the edges; the last bin holds its upper edge too."""
    count = length(edges, 0)
    flat = ravel(x)
    inside = searchsorted(edges, flat, side="right")
    last = _last(edges)
    top = equal(flat, last)
    place = where(top, count - 1, inside)
    place = where(greater(flat, last), count, place)
    padded = _scattered(place, count + 1, ravel(weights[0]) if weights else None)
    return part_of(padded, 0, 1, -1)


def _last(edges: Any) -> Any:
    return read_at(edges, (Index((-1,)),))


def _scattered(place: Any, size: Any, weights: Any) -> Any:
    plan, staged = sizes(size)
    dtype = INT64 if weights is None else dtype_of(weights)
    dtype = dtype if dtype.kind in "fc" or weights is None else FLOAT64
    empty = near(place, zeros, *staged, shape=plan, dtype=dtype)
    given = 1 if weights is None else astype(weights, dtype=dtype)
    return accumulate(empty, given, place, path=(Index((Arg(0),)),))


def _bins_value(x: Any, edges: Any, *weights: Any) -> Any:
    return np.histogram(x, edges, weights=weights[0] if weights else None)[0]


# the counts of `np.histogram`, or the sums of weights, between given edges
histogram_counts = composite(
    "histogram_counts",
    value=_bins_value,
    expand=_bins_expand,
    source=lambda x, e, *w: f"np.histogram({{0}}, {{1}}{', weights={2}' if w else ''})[0]",
    may_raise=(ValueError,),
)


def _edges_expand(x: Any, *, bins: int) -> Any:
    flat = ravel(x)
    low, high = min_(flat, axes=(0,)), max_(flat, axes=(0,))
    wide = equal(low, high) * 0.5
    return linspace(low - wide, high + wide, shape=(bins + 1,), endpoint=True)


histogram_edges = composite(
    "histogram_edges",
    calls=((np.histogram_bin_edges, lambda a, bins=10, range=None: _edges(a, bins, range)),),
    value=lambda x, *, bins: np.histogram_bin_edges(x, bins),
    expand=_edges_expand,
    source=lambda x, *, bins: f"np.histogram_bin_edges({{}}, {bins})",
    may_raise=(ValueError,),
)


def _even_expand(x: Any, *weights: Any, bins: int, span: tuple[float, float] | None) -> Any:
    return histogram_counts(x, _edges(x, bins, span), *weights)


def _even_value(x: Any, *weights: Any, bins: int, span: tuple[float, float] | None) -> Any:
    return np.histogram(x, bins, span, weights=weights[0] if weights else None)[0]


def _even_source(
    x: ArrayType, *weights: ArrayType, bins: int, span: tuple[float, float] | None
) -> str:
    between = "" if span is None else f", {span}"
    return f"np.histogram({{0}}, {bins}{between}{', weights={1}' if weights else ''})[0]"


# the same in bins that are equally wide: NumPy does not search for the bin of each
histogram_even = composite(
    "histogram_even",
    value=_even_value,
    expand=_even_expand,
    source=_even_source,
    may_raise=(ValueError,),
)


def _edges(a: Any, bins: Any, span: Any) -> Any:
    if np.ndim(bins) == 1:
        return vector(bins, a)
    count = static(bins, "bins")
    if not isinstance(count, int):
        raise TypeError(f"histogram: bins={count!r} is not supported")
    if span is None:
        return histogram_edges(a, bins=count)
    return near(a, linspace, span[0], span[1], shape=(count + 1,), endpoint=True)


def _histogram_call(
    a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> tuple[Any, Any]:
    edges = _edges(a, bins, range)
    given = () if weights is None else (weights,)
    known = range is None or all(isinstance(end, int | float) for end in range)
    if np.ndim(bins) == 0 and known:
        span = None if range is None else (range[0], range[1])
        counts = histogram_even(a, *given, bins=static(bins, "bins"), span=span)
    else:
        counts = histogram_counts(a, edges, *given)
    if static(density, "density"):
        widths = part_of(edges, 0, 1, None) - part_of(edges, 0, None, -1)
        counts = counts / widths / _total(counts)
    return counts, edges


def _total(counts: Any) -> Any:
    return multiply(mean(counts, axes=(0,)), length(counts, 0))


# --- interpolation -------------------------------------------------------------------------


def _interp_expand(x: Any, xp: Any, fp: Any) -> Any:
    left = clip(searchsorted(xp, x, side="right") - 1, 0, length(xp, 0) - 2)

    def at(values: Any, position: Any) -> Any:
        return read_at(values, (Index((Arg(0),)),), position)

    x0, f0 = at(xp, left), at(fp, left)
    part = (x - x0) / (at(xp, left + 1) - x0)
    return f0 + clip(part, 0.0, 1.0) * (at(fp, left + 1) - f0)


def _interp_call(
    x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None
) -> Any:
    reject("interp", period=period)
    if np_shape(xp)[0] == 1:
        raise TypeError("interp: at least two points are needed")
    found = interp(x, xp, fp)
    pick = where if np_shape(found) else choose
    if left is not None:
        found = pick(less(x, read_at(xp, (Index((0,)),))), left, found)
    if right is not None:
        found = pick(greater(x, _last(xp)), right, found)
    return found


interp = composite(
    "interp",
    calls=((np.interp, _interp_call), (np.histogram, _histogram_call)),
    value=np.interp,
    expand=_interp_expand,
    source="np.interp({}, {}, {})",
    may_raise=(ValueError,),
)


OPS: tuple[Op, ...] = (
    cov,
    corrcoef,
    bincount,
    histogram_counts,
    histogram_edges,
    histogram_even,
    interp,
)
