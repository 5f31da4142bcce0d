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


def reduce_(ufunc: Any, a: Any, axis: Any = 0) -> Any:
    rows = np.moveaxis(np.asarray(a), axis, 0)
    total = rows[0].copy()
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
        dtype = np.asarray(function(*[w[0].item() for w in flat])).dtype
    out = np.empty(count, dtype)
    for k in range(count):
        out[k] = function(*[w[k].item() for w in flat])
    return np.reshape(out, wide[0].shape)


def piecewise_(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    x = np.asarray(x)
    y = np.zeros_like(x)
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
    if reverse:
        back = x[::-1]
        ordered = back[np.argsort(back, kind="stable")][::-1]
    else:
        ordered = x[np.argsort(x, kind="stable")]
    return [v.item() if plain else v for v in ordered]


def sorted_numbers(items: Any, keys: Any, reverse: Any) -> Any:
    values, ranks = np.array(items), np.array(keys)
    if reverse:
        order = np.argsort(ranks[::-1], kind="stable")
        return values[::-1][order][::-1]
    return values[np.argsort(ranks, kind="stable")]
