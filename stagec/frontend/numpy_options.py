"""Options of NumPy's functions that their ops do not have, written in Python.

They are staged like the user's own code.
"""

# ruff: noqa: D103 (they do what NumPy's functions of these names do)
from collections.abc import Mapping
from typing import Any

import numpy as np

from stagec.frontend.array_library import axes_
from stagec.frontend.outputs import parameters
from stagec.frontend.polynomial_library import polyfit_, polyint_
from stagec.frontend.table_library import intersect1d_, searchsorted_, unique_
from stagec.frontend.values import Known, Value


def chosen_(a: Any, where: Any) -> Any:
    """The array, and which of its elements count."""
    x = np.asarray(a)
    return x, np.broadcast_to(np.asarray(where), x.shape)


def extreme_(name: Any, a: Any, axis: Any, keepdims: Any, initial: Any, where: Any) -> Any:
    """With `initial` an axis may be empty: it is one more element of each axis."""
    if initial is None:
        raise ValueError(
            f"reduction operation '{name}' does not have an identity, so to use a where mask "
            "one has to specify 'initial'"
        )
    x = np.asarray(a)
    start = np.asarray(initial).astype(x.dtype)[()]
    if where is not True:
        x = np.where(np.broadcast_to(where, x.shape), x, start)
    if np.ndim(x) == 0:
        return np.maximum(x, start) if name == "maximum" else np.minimum(x, start)
    axes = axes_(axis, np.ndim(x))
    for k in axes:
        shape = [1 if j == k else x.shape[j] for j in range(np.ndim(x))]
        wide = np.concatenate([x, np.full(shape, start)], axis=k)
        if name == "maximum":
            x = np.max(wide, axis=k, keepdims=True)
        else:
            x = np.min(wide, axis=k, keepdims=True)
    if keepdims:
        return x
    return x.reshape(-1)[0] if len(axes) == np.ndim(x) else np.squeeze(x, axes)


def max_(
    a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = None,
    where: Any = True,
) -> Any:  # fmt: skip
    return extreme_("maximum", a, axis, keepdims, initial, where)


def min_(
    a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = None,
    where: Any = True,
) -> Any:  # fmt: skip
    return extreme_("minimum", a, axis, keepdims, initial, where)


def all_(
    a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = True
) -> Any:
    x, chosen = chosen_(a, where)
    return np.all(x.astype(bool) | ~chosen, axis=axis, keepdims=keepdims)


def any_(
    a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = True
) -> Any:
    x, chosen = chosen_(a, where)
    return np.any(x.astype(bool) & chosen, axis=axis, keepdims=keepdims)


def var_(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0,
    keepdims: Any = False, *, where: Any = True, mean: Any = None, correction: Any = None,
) -> Any:  # fmt: skip
    x, chosen = chosen_(a, where)
    if dtype is not None:
        x = x.astype(dtype)
    elif x.dtype.kind in "iub":
        x = x.astype(float)
    if mean is None:
        count = np.sum(chosen, axis=axis, keepdims=True).astype(x.dtype)
        mean = np.sum(np.where(chosen, x, 0), axis=axis, keepdims=True) / count
    steps = np.where(chosen, x - mean, 0)
    squares = np.real(steps * np.conj(steps)) if x.dtype.kind == "c" else steps * steps
    total = np.sum(squares, axis=axis, keepdims=keepdims)
    free = np.sum(chosen, axis=axis, keepdims=keepdims) - (
        ddof if correction is None else correction
    )
    return total / np.maximum(free, 0).astype(total.dtype)


def std_(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0,
    keepdims: Any = False, *, where: Any = True, mean: Any = None, correction: Any = None,
) -> Any:  # fmt: skip
    spread = var_(
        a, axis, dtype, None, ddof, keepdims, where=where, mean=mean, correction=correction
    )
    flat = spread == 0  # the root of 0 would have an infinite slope
    return np.where(flat, 0, np.sqrt(np.where(flat, 1, spread)))[()].astype(spread.dtype)


def present_(a: Any, where: Any) -> Any:
    """The array, and which of its elements are chosen and no NaN."""
    x, chosen = chosen_(a, where)
    return (x, chosen & ~np.isnan(x)) if x.dtype.kind in "fc" else (x, chosen)


def of_present(function: Any) -> Any:
    """The function of the elements that are chosen and no NaN."""

    def run(a: Any, *args: Any, where: Any = True, **kwargs: Any) -> Any:
        x, chosen = present_(a, where)
        return function(x, *args, where=chosen, **kwargs)

    return run


def cov_(
    m: Any, y: Any = None, rowvar: Any = True, bias: Any = False, ddof: Any = None,
    fweights: Any = None, aweights: Any = None, *, dtype: Any = None,
) -> Any:  # fmt: skip
    x = np.atleast_2d(m)
    if not rowvar and np.ndim(m) != 1:
        x = x.T
    if y is not None:
        more = np.atleast_2d(y)
        x = np.concatenate((x, more if rowvar or np.ndim(y) == 1 else more.T), axis=0)
    x = x.astype(np.result_type(x, np.float64) if dtype is None else dtype)
    if ddof is None:
        ddof = 0 if bias else 1
    w = np.ones(x.shape[1]) if fweights is None else np.asarray(fweights).astype(float)
    if aweights is not None:
        w = w * np.asarray(aweights)
    total = np.sum(w)
    if aweights is None:
        free = total - ddof
    else:
        free = total - ddof * np.sum(w * np.asarray(aweights)) / total
    centred = (x - (np.sum(x * w, axis=1) / total)[:, None]).astype(x.dtype)
    found = np.dot(centred, (centred * w).T.conj()) / free
    # one row has a variance: an array without axes, as it has without weights
    return found if np.ndim(np.cov(x)) else np.asarray(found[0, 0])


def interp_(
    x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None
) -> Any:
    points, values = np.asarray(xp) % abs(period), np.asarray(fp)
    order = np.argsort(points)
    points, values = points[order], values[order]
    points = np.concatenate((points[-1:] - abs(period), points, points[:1] + abs(period)))
    values = np.concatenate((values[-1:], values, values[:1]))
    return np.interp(x % abs(period), points, values)


def array_equal_(a1: Any, a2: Any, equal_nan: Any = False) -> Any:
    a, b = np.asarray(a1), np.asarray(a2)
    if a.ndim != b.ndim or a.shape != b.shape:
        return False
    same = a == b
    if equal_nan and a.dtype.kind in "fc" and b.dtype.kind in "fc":
        same = same | (np.isnan(a) & np.isnan(b))
    return bool(np.all(same))


# function -> what computes it where one of the options is given
OPTIONS: dict[Any, tuple[Any, tuple[str, ...]]] = {
    np.max: (max_, ("initial", "where")), np.amax: (max_, ("initial", "where")),
    np.min: (min_, ("initial", "where")), np.amin: (min_, ("initial", "where")),
    np.all: (all_, ("where",)), np.any: (any_, ("where",)),
    np.var: (var_, ("where", "mean")), np.std: (std_, ("where", "mean")),
    np.nansum: (of_present(np.sum), ("initial", "where")),
    np.nanprod: (of_present(np.prod), ("initial", "where")),
    np.nanmax: (of_present(max_), ("initial", "where")),
    np.nanmin: (of_present(min_), ("initial", "where")),
    np.nanmean: (of_present(np.mean), ("where",)),
    np.nanvar: (of_present(var_), ("where", "mean")),
    np.nanstd: (of_present(std_), ("where", "mean")),
    np.cov: (cov_, ("fweights", "aweights")),
    np.interp: (interp_, ("period",)), np.array_equal: (array_equal_, ("equal_nan",)),
    np.intersect1d: (intersect1d_, ("return_indices",)),
    np.unique: (unique_, ("axis",)), np.searchsorted: (searchsorted_, ("sorter",)),
    np.polyint: (polyint_, ("k",)), np.polyfit: (polyfit_, ("w", "cov")),
}  # fmt: skip


def instead(function: Any, args: tuple[Value, ...], kwargs: Mapping[str, Value]) -> Any:
    """What computes the function with these options; None if its op does."""
    python, names = OPTIONS.get(function, (None, ()))
    if python is None:
        return None
    given = {**dict(zip(parameters(function), args, strict=False)), **kwargs}
    return python if any(chosen(n, given[n]) for n in names if n in given) else None


def chosen(name: str, option: Value) -> bool:
    """Whether an option is not what it is where none is given."""
    plain = {"where": True, "return_indices": False}.get(name)
    return not isinstance(option, Known) or not (option.value is None or option.value is plain)
