"""Histograms, distinct elements, sizes: functions of NumPy written in Python.

They are staged like the user's own code.
"""

# ruff: noqa: D103 (they do what NumPy's functions of these names do)
from typing import Any

import numpy as np


def broadcast_shapes_(*args: Any) -> Any:
    shapes = [s if isinstance(s, (tuple, list)) else (s,) for s in args]
    rank = max([0, *[len(s) for s in shapes]])
    found = []
    for k in range(rank):
        size = 1
        for shape in shapes:
            at = k - rank + len(shape)
            if at >= 0:
                if size != 1 and shape[at] != 1 and shape[at] != size:
                    raise ValueError(
                        "shape mismatch: objects cannot be broadcast to a single shape"
                    )
                size = shape[at] if size == 1 else size
        found.append(size)
    return tuple(found)


def result_type_(*arrays_and_dtypes: Any) -> Any:
    """Arrays count by their dtype, Python's numbers by their class."""
    kinds = []
    for a in arrays_and_dtypes:
        if isinstance(a, (np.ndarray, np.generic)):
            kinds.append(a.dtype)
        elif isinstance(a, (int, float, complex)):
            kinds.append(type(a)(0))
        else:
            kinds.append(a)
    return np.result_type(*kinds)


def apply_over_axes_(func: Any, a: Any, axes: Any) -> Any:
    x = np.asarray(a)
    for axis in axes if isinstance(axes, (tuple, list)) else (axes,):
        k = axis + x.ndim if axis < 0 else axis
        found = func(x, k)
        if found.ndim != x.ndim:
            found = np.expand_dims(found, k)
            if found.ndim != x.ndim:
                raise ValueError("function is not returning an array of the correct shape")
        x = found
    return x


def reduceat_(ufunc: Any, array: Any, indices: Any, axis: Any = 0) -> Any:
    rows, places = np.moveaxis(np.asarray(array), axis, 0), np.asarray(indices)
    n, count = rows.shape[0], places.shape[0]
    if ((places < 0) | (places >= n)).any():
        raise IndexError(f"index out-of-bounds in {ufunc.__name__}.reduceat [0, {n})")
    ends = np.append(places[1:], n)
    out = np.empty((count, *rows.shape[1:]), ufunc.reduce(rows[:1], axis=0).dtype)
    for k in range(count):
        start, stop = places[k], ends[k]
        out[k] = ufunc.reduce(rows[start : max(stop, start + 1)], axis=0)
    return np.moveaxis(out, 0, axis)


def unique_(
    ar: Any, return_index: Any = False, return_inverse: Any = False,
    return_counts: Any = False, axis: Any = None, *, equal_nan: Any = True,
    sorted: Any = True,
) -> Any:  # fmt: skip
    x = np.moveaxis(np.asarray(ar), axis, 0)
    n, rows = x.shape[0], x.reshape(x.shape[0], -1)
    order = np.lexsort(rows.T[::-1])
    ordered = rows[order]
    starts = np.ones(n, bool)
    starts[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    picked = order[starts]
    found = [np.moveaxis(x[picked], 0, axis)]
    if return_index:
        found.append(picked)
    if return_inverse:
        inverse = np.empty(n, int)
        inverse[order] = np.cumsum(starts) - 1
        found.append(inverse)
    if return_counts:
        found.append(np.diff(np.append(np.flatnonzero(starts), n)))
    return tuple(found) if len(found) > 1 else found[0]


def edges_(values: Any, bins: Any, span: Any) -> Any:
    """The edges of the bins along one axis."""
    if isinstance(bins, (np.ndarray, tuple, list)):
        edges = np.asarray(bins)
        if (edges[:-1] > edges[1:]).any():
            raise ValueError("`bins` must be monotonically increasing, when an array")
        return edges
    if bins < 1:
        raise ValueError("`bins` must be positive, when an integer")
    return np.histogram_bin_edges(values, bins, span)


def counted_(columns: Any, bins: Any, spans: Any, density: Any, weights: Any) -> Any:
    """The histogram of points, given as one array for each axis, and the edges."""
    n, flat, shape, edges = len(columns), 0, [], []
    for k in range(n):
        x, row = columns[k], edges_(columns[k], bins[k], spans[k])
        place = np.searchsorted(row, x, side="right") - (x == row[-1])
        flat = flat * (len(row) + 1) + place
        shape.append(len(row) + 1)
        edges.append(row)
    size = 1
    for s in shape:
        size = size * s
    if weights is not None:
        weights = np.asarray(weights)
    table = np.bincount(flat, weights, minlength=size).reshape(shape).astype(float)
    table = table[(slice(1, -1),) * n]
    if density:
        volume: Any = 1.0
        for row in edges:
            volume = np.multiply.outer(volume, np.diff(row))
        table = table / volume / np.sum(table)
    return table, edges


def histogramdd_(
    sample: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> Any:
    if isinstance(sample, np.ndarray):
        points = sample if sample.ndim > 1 else sample[:, None]
        columns = [*points.T]
    else:
        columns = [np.asarray(column) for column in sample]
    n = len(columns)
    each = bins if isinstance(bins, (tuple, list, np.ndarray)) else [bins] * n
    if len(each) != n:
        raise ValueError(
            "The dimension of bins must be equal to the dimension of the sample x."
        )
    spans = [None] * n if range is None else range
    table, edges = counted_(columns, each, spans, density, weights)
    return table, edges


def histogram2d_(
    x: Any, y: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> Any:
    columns = (np.asarray(x), np.asarray(y))
    if columns[0].shape[0] != columns[1].shape[0]:
        raise ValueError("x and y must have the same length.")
    each = [bins, bins]
    if isinstance(bins, (tuple, list, np.ndarray)) and len(bins) == 2:
        each = bins
    elif isinstance(bins, (tuple, list, np.ndarray)) and len(bins) == 1:
        each = [bins[0], bins[0]]
    spans = (None, None) if range is None else range
    table, edges = counted_(columns, each, spans, density, weights)
    return table, edges[0], edges[1]


def histogram_(
    a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> Any:
    """Between ends that only the run time knows."""
    first, last = range
    if first > last:
        raise ValueError("max must be larger than min in range parameter.")
    if not (np.isfinite(first) and np.isfinite(last)):
        raise ValueError(f"supplied range of [{first}, {last}] is not finite")
    same = first == last
    first, last = first - 0.5 * same, last + 0.5 * same
    edges = bins if np.ndim(bins) else np.linspace(first, last, bins + 1)
    return np.histogram(a, edges, None, density, weights)


def searchsorted_(a: Any, v: Any, side: Any = "left", sorter: Any = None) -> Any:
    return np.searchsorted(np.asarray(a)[np.asarray(sorter)], v, side)


def intersect1d_(
    ar1: Any, ar2: Any, assume_unique: Any = False, return_indices: Any = False
) -> Any:
    a, b = np.ravel(ar1), np.ravel(ar2)
    if assume_unique:
        left, right = np.arange(a.size), np.arange(b.size)
    else:
        a, left = np.unique(a, return_index=True)
        b, right = np.unique(b, return_index=True)
    both = np.concatenate((a, b))
    order = np.argsort(both, kind="stable")
    ordered = both[order]
    same = ordered[1:] == ordered[:-1]
    return ordered[:-1][same], left[order[:-1][same]], right[order[1:][same] - a.size]


def unique_parts(x: Any) -> Any:
    """Values, first places, inverse and counts, where no NaN is equal to another."""
    x = np.asarray(x)
    if x.dtype.kind not in "fc":
        return np.unique(x, True, True, True)
    order = np.argsort(np.ravel(x), kind="stable")
    ordered = np.ravel(x)[order]
    starts = np.ones(ordered.size, bool)
    starts[1:] = ordered[1:] != ordered[:-1]
    inverse = np.empty(ordered.size, int)
    inverse[order] = np.cumsum(starts) - 1
    counts = np.diff(np.flatnonzero(starts), append=ordered.size)
    return ordered[starts], order[starts], inverse, counts


def unique_counts_(x: Any, /) -> Any:
    values, _, _, counts = unique_parts(x)
    return COUNTS(values, counts)


def unique_inverse_(x: Any, /) -> Any:
    values, _, inverse, _ = unique_parts(x)
    return INVERSE(values, np.reshape(inverse, np.shape(x)))


def unique_all_(x: Any, /) -> Any:
    values, first, inverse, counts = unique_parts(x)
    return ALL(values, first, np.reshape(inverse, np.shape(x)), counts)


def common_type_(*arrays: Any) -> Any:
    kinds = [np.asarray(a).dtype for a in arrays]
    if any(kind.kind == "b" for kind in kinds):
        raise TypeError("can't get common type for non-numeric array")
    whole = [np.dtype(float) if kind.kind in "iu" else kind for kind in kinds]
    return np.result_type(*whole).type


COUNTS: Any = type(np.unique_counts(np.zeros(1)))
INVERSE: Any = type(np.unique_inverse(np.zeros(1)))
ALL: Any = type(np.unique_all(np.zeros(1)))

# those that take functions
ENTERED: dict[Any, Any] = {np.apply_over_axes: apply_over_axes_}

STAGED: dict[Any, Any] = {
    np.broadcast_shapes: broadcast_shapes_, np.result_type: result_type_,
    np.histogramdd: histogramdd_, np.histogram2d: histogram2d_,
    np.unique_counts: unique_counts_, np.unique_inverse: unique_inverse_,
    np.unique_all: unique_all_, np.common_type: common_type_,
}  # fmt: skip
