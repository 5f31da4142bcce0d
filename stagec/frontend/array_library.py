"""NumPy's functions that take functions, and methods of ufuncs, written in Python.

They are staged like the user's own code.
"""

# ruff: noqa: D103 (they do what NumPy's functions of these names do)
from typing import Any

import numpy as np


def at_(ufunc: Any, a: Any, indices: Any, *b: Any) -> Any:
    places = np.asarray(indices)
    if len(b) == 0:
        for k in range(places.shape[0]):
            a[places[k]] = ufunc(a[places[k]])
    else:
        values = np.broadcast_to(b[0], places.shape + a.shape[1:])
        for k in range(places.shape[0]):
            a[places[k]] = ufunc(a[places[k]], values[k])


def reduce_(ufunc: Any, a: Any, axis: Any = 0, keepdims: Any = False) -> Any:
    x = np.asarray(a)
    axes = axes_(axis, x.ndim)
    if len(axes) > 1 and ufunc.identity is None and ufunc not in (np.fmax, np.fmin):
        what = f"reduction operation '{ufunc.__name__}' is not reorderable"
        raise ValueError(f"{what}, so at most one axis may be specified")
    rows = np.moveaxis(x, axes, tuple(range(len(axes))))
    rows = rows if len(axes) == 1 else rows.reshape(-1, *rows.shape[len(axes) :])
    total = folded_(ufunc, rows)
    return np.expand_dims(total, axes) if keepdims else total


def folded_(ufunc: Any, rows: Any) -> Any:
    """The rows combined from the first to the last."""
    if rows.shape[0] == 0:
        if ufunc.identity is None:
            what = f"zero-size array to reduction operation {ufunc.__name__}"
            raise ValueError(f"{what} which has no identity")
        return np.full(rows.shape[1:], ufunc.identity, ufunc(rows[:1], rows[:1]).dtype)[()]
    total = np.array(rows[0])[()]
    for k in range(1, rows.shape[0]):
        total = ufunc(total, rows[k])
    return total


def accumulate_(ufunc: Any, a: Any, axis: Any = 0) -> Any:
    rows = np.moveaxis(np.asarray(a), axis, 0)
    out = np.empty(rows.shape, ufunc(rows[:1], rows[:1]).dtype)
    if rows.shape[0] > 0:
        out[0] = rows[0]
    for k in range(1, rows.shape[0]):
        out[k] = ufunc(out[k - 1], rows[k])
    return np.moveaxis(out, 0, axis)


def vectorized_(function: Any, dtype: Any, *args: Any) -> Any:
    wide = np.broadcast_arrays(*args)
    flat = [np.ravel(w) for w in wide]
    count = flat[0].shape[0]
    if count == 0 and dtype is None:
        raise ValueError("cannot call `vectorize` on size 0 inputs unless `otypes` is set")
    if dtype is None:
        dtype = np.asarray(function(*[w[0] for w in flat])).dtype
    out = np.empty(count, dtype)
    for k in range(count):
        out[k] = function(*[w[k].item() for w in flat])
    return np.reshape(out, wide[0].shape)


def piecewise_(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    x = np.asarray(x)
    y = np.zeros_like(x)
    if np.isscalar(condlist) or (
        not isinstance(condlist[0], (list, np.ndarray)) and x.ndim != 0
    ):
        condlist = [condlist]  # one condition for each element
    conditions = [np.asarray(c, dtype=bool) for c in condlist]
    if len(funclist) == len(conditions) + 1:
        covered = conditions[0]
        for c in conditions[1:]:
            covered = covered | c
        conditions = [*conditions, ~covered]
    elif len(funclist) != len(conditions):
        raise ValueError("piecewise: give a function for each condition, or one more")
    for k in range(len(conditions)):
        function = funclist[k]
        if not callable(function):
            y[conditions[k]] = function
        else:
            values = x[conditions[k]]
            if values.size > 0:
                y[conditions[k]] = function(values, *args, **kw)
    return y


def apply_along_axis_(function: Any, axis: Any, arr: Any, *args: Any, **kw: Any) -> Any:
    moved = np.moveaxis(np.asarray(arr), axis, -1)
    rows = moved.reshape(-1, moved.shape[-1])
    first = np.asarray(function(rows[0], *args, **kw))
    out = np.empty((rows.shape[0], *first.shape), first.dtype)
    for k in range(rows.shape[0]):
        out[k] = function(rows[k], *args, **kw)
    whole = out.reshape(moved.shape[:-1] + first.shape)
    start = axis % moved.ndim
    source = tuple(range(moved.ndim - 1, whole.ndim))
    return np.moveaxis(whole, source, tuple(range(start, start + first.ndim)))


def ndindex_(*shape: Any) -> Any:
    if len(shape) == 1 and not isinstance(shape[0], (int, np.integer)):
        shape = tuple(shape[0])
    if len(shape) == 0:
        yield ()
    else:
        for k in range(shape[0]):
            for rest in ndindex_(shape[1:]):
                yield (k, *rest)


def ndenumerate_(arr: Any) -> Any:
    for index in ndindex_(arr.shape):
        yield index, arr[index]


def sorted_rows(x: Any, reverse: Any, plain: Any) -> Any:
    keys = x
    if x.ndim > 1:  # rows of one element have an order
        if x.shape[0] > 1 and x[0].size != 1:
            raise ValueError(
                "The truth value of an array with more than one element is ambiguous"
            )
        keys = x.reshape(x.shape[0], -1)[:, 0] if x[0].size == 1 else np.zeros(x.shape[0])
    if reverse:
        ordered = x[::-1][np.argsort(keys[::-1], kind="stable")][::-1]
    else:
        ordered = x[np.argsort(keys, kind="stable")]
    return [v.item() if plain else v for v in ordered]


def sorted_numbers(items: Any, keys: Any, reverse: Any) -> Any:
    values, ranks = np.array(items), np.array(keys)
    if reverse:
        order = np.argsort(ranks[::-1], kind="stable")
        return values[::-1][order][::-1]
    return values[np.argsort(ranks, kind="stable")]


def sorted_by(items: Any, columns: Any, reverse: Any) -> Any:
    n = len(items)
    # the last key counts most, and equal items keep their order
    keys = list(reversed(columns))
    if reverse:
        order = n - 1 - np.lexsort([key[::-1] for key in keys])[::-1]
    else:
        order = np.lexsort(keys)
    return [items[k] for k in order]


def rows_(columns: Any) -> Any:
    if len(columns[0]) == 0:
        raise ValueError("need at least one array to stack")
    return np.stack([np.array(column) for column in columns], axis=1)


def lists_(rows: Any) -> Any:
    if len(rows) == 0:
        raise ValueError("need at least one array to stack")
    return np.stack([np.array(row) for row in rows])


def unpacked_(items: Any, count: Any) -> Any:
    n = len(items)
    if n < count:
        raise ValueError(f"not enough values to unpack (expected {count}, got {n})")
    if n > count:
        raise ValueError(f"too many values to unpack (expected {count})")
    return tuple([items[k] for k in range(count)])


def outer_(ufunc: Any, a: Any, b: Any, **kwargs: Any) -> Any:
    # arrays even where a Python number is given: its dtype counts here, unlike in a call
    x, y = np.asarray(a), np.asarray(b)
    return ufunc(np.expand_dims(x, tuple(range(x.ndim, x.ndim + y.ndim))), y, **kwargs)


def where_(ufunc: Any, where: Any, out: Any, *args: Any) -> Any:
    """`ufunc(*args, out=out, where=where)`; it sees 1 in place of what is not chosen."""
    chosen = np.asarray(where)
    safe = []
    for a in args:
        plain = isinstance(a, (bool, int, float, complex)) or np.asarray(a).dtype == bool
        safe.append(a if plain else np.where(chosen, a, 1))
    value = ufunc(*safe)
    if out is None:  # NumPy leaves unset what is not chosen; any value will do
        return np.where(chosen, value, np.zeros((), value.dtype))[()]
    if not np.can_cast(value.dtype, out.dtype, "same_kind"):
        raise TypeError(
            f"Cannot cast ufunc {ufunc.__name__!r} output from {value.dtype!r} to "
            f"{out.dtype!r} with casting rule 'same_kind'"
        )
    out[...] = np.where(chosen, value, out)
    return out


def fromfunction_(function: Any, shape: Any, *, dtype: Any = float, **kw: Any) -> Any:
    return function(*np.indices(shape, dtype=dtype), **kw)


def fromiter_(iter: Any, dtype: Any, count: Any = -1) -> Any:
    if count == -1:
        items = []
        for item in iter:
            items.append(item)
        return np.array(items, dtype)
    out = np.empty(count, dtype)
    n = 0
    for item in iter:
        if n == count:
            break
        out[n] = item
        n += 1
    if n < count:
        raise ValueError(
            f"iterator too short: Expected {count} but iterator had only {n} items."
        )
    return out


def lexsort_(keys: Any, axis: Any = -1) -> Any:
    order = np.argsort(np.asarray(keys[0]), axis=axis, kind="stable")
    for key in keys[1:]:
        ranks = np.take_along_axis(np.asarray(key), order, axis)
        step = np.argsort(ranks, axis=axis, kind="stable")
        order = np.take_along_axis(order, step, axis)
    return order


def axes_(axis: Any, n: Any) -> Any:
    """The axes of an array of `n`, counted from the front; all of them for None."""
    if axis is None:
        return tuple(range(n))
    given = axis if isinstance(axis, (tuple, list)) else (axis,)
    for k in given:
        if not -n <= k < n:
            raise np.exceptions.AxisError(k, n)
    found = tuple(k % n for k in given)
    if len(set(found)) != len(found):
        raise ValueError("duplicate value in 'axis'")
    return found


def trim_zeros_(filt: Any, trim: Any = "fb", axis: Any = None) -> Any:
    sides, n = trim.lower(), np.ndim(filt)
    if sides not in ("fb", "bf", "f", "b"):
        raise ValueError(f"unexpected character(s) in `trim`: {sides!r}")
    x = filt
    for k in axes_(axis, n):
        rows = np.moveaxis(np.asarray(filt), k, 0) if n > 1 else np.asarray(filt)
        kept = rows != 0
        found = np.flatnonzero(kept if n == 1 else np.any(kept, axis=tuple(range(1, n))))
        first, last = 0, len(rows)
        if found.size == 0:
            first = last
        else:
            if "f" in sides:
                first = found[0]
            if "b" in sides:
                last = found[-1] + 1
        x = np.moveaxis(np.moveaxis(x, k, 0)[first:last], 0, k) if n > 1 else x[first:last]
    return x


def array_equiv_(a1: Any, a2: Any) -> Any:
    a, b = np.asarray(a1), np.asarray(a2)
    for k in range(1, min(a.ndim, b.ndim) + 1):
        if a.shape[-k] != b.shape[-k] and a.shape[-k] != 1 and b.shape[-k] != 1:
            return False
    return bool((a == b).all())


def isclose_(a: Any, b: Any, rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: Any = False) -> Any:
    """With tolerances that only the run time knows."""
    y = (np.asarray(b) if isinstance(b, (list, tuple)) else b) * 1.0
    with np.errstate(invalid="ignore"):
        near = abs(a - y) <= atol + rtol * abs(y)
    found = (near & np.isfinite(y)) | (a == y)
    if equal_nan:
        found = found | (np.isnan(a) & np.isnan(y))
    return found


def allclose_(
    a: Any, b: Any, rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: Any = False
) -> Any:
    return bool(np.all(isclose_(np.asarray(a), b, rtol, atol, equal_nan)))


def setxor1d_(ar1: Any, ar2: Any, assume_unique: Any = False) -> Any:
    a, b = np.ravel(ar1), np.ravel(ar2)
    if not assume_unique:
        a, b = np.unique(a), np.unique(b)
    both = np.sort(np.concatenate((a, b)))
    starts = np.ones(both.size + 1, bool)
    starts[1:-1] = both[1:] != both[:-1]
    return both[starts[1:] & starts[:-1]]


def ravel_multi_index_(
    multi_index: Any, dims: Any, mode: Any = "raise", order: Any = "C"
) -> Any:
    flat: Any = 0
    for j in range(len(dims)):
        k = j if order == "C" else len(dims) - 1 - j
        given = np.asarray(multi_index[k])
        if given.dtype.kind not in "biu":
            raise TypeError("only int indices permitted")
        at = given.astype(int)
        rule = mode if isinstance(mode, str) else mode[k]
        if rule == "wrap":
            at = at % dims[k]
        elif rule == "clip":
            at = np.clip(at, 0, dims[k] - 1)
        elif (at < 0).any() or (at >= dims[k]).any():
            raise ValueError("invalid entry in coordinates array")
        flat = flat * dims[k] + at
    return flat[()]


def asarray_chkfinite_(a: Any, dtype: Any = None, order: Any = None) -> Any:
    a = np.asarray(a, dtype, order)
    if a.dtype.kind in "fc" and not np.isfinite(a).all():
        raise ValueError("array must not contain infs or NaNs")
    return a


def isscalar_(element: Any) -> Any:
    return isinstance(element, (bool, int, float, complex, str, bytes, np.generic))


def iscomplexobj_(x: Any) -> Any:
    return np.asarray(x).dtype.kind == "c"


def isrealobj_(x: Any) -> Any:
    return np.asarray(x).dtype.kind != "c"


def choose_(a: Any, choices: Any, out: Any = None, mode: Any = "raise") -> Any:
    whole = isinstance(choices, np.ndarray)
    plain = (bool, int, float, complex)  # these take the dtype of the others
    given = (
        choices if whole else [c if isinstance(c, plain) else np.asarray(c) for c in choices]
    )
    at, n = np.asarray(a), len(given)
    if not np.can_cast(at.dtype, np.int64, "safe"):
        what = f"Cannot cast array data from {at.dtype!r} to dtype('int64')"
        raise TypeError(f"{what} according to the rule 'safe'")
    if mode == "wrap":
        at = at % n
    elif mode == "clip":
        at = np.clip(at, 0, n - 1)
    elif ((at < 0) | (at >= n)).any():
        raise ValueError("invalid entry in choice array")
    found = np.where(at == 0, given[0], given[n - 1])
    for k in range(1, n - 1):
        found = np.where(at == k, given[k], found)
    if out is None:
        return found[()]
    if out.shape != found.shape or out.dtype != found.dtype:
        raise ValueError("choose: invalid shape or dtype for output array.")
    out[...] = found
    return out


# those that give generators, or that take functions
ENTERED: dict[Any, Any] = {
    np.apply_along_axis: apply_along_axis_, np.piecewise: piecewise_, np.ndindex: ndindex_,
    np.ndenumerate: ndenumerate_,
}  # fmt: skip

# those that just run on values known at staging
STAGED: dict[Any, Any] = {
    np.fromfunction: fromfunction_, np.fromiter: fromiter_,
    np.lexsort: lexsort_, np.trim_zeros: trim_zeros_, np.array_equiv: array_equiv_,
    np.setxor1d: setxor1d_, np.ravel_multi_index: ravel_multi_index_,
    np.asarray_chkfinite: asarray_chkfinite_, np.isscalar: isscalar_,
    np.choose: choose_, np.iscomplexobj: iscomplexobj_, np.isrealobj: isrealobj_,
}  # fmt: skip
