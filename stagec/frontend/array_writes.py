"""NumPy's functions that write into an array, written in Python.

They are staged like the user's own code.
"""

# ruff: noqa: D103 (they do what NumPy's functions of these names do)
from typing import Any

import numpy as np


def copyto_(dst: Any, src: Any, casting: Any = "same_kind", where: Any = True) -> Any:
    given = np.asarray(src).dtype
    number = isinstance(src, (bool, int, float, complex))
    number = number and given.kind in "bi" and (given.kind == "b" or dst.dtype.kind != "b")
    if not number and not np.can_cast(given, dst.dtype, casting):
        raise TypeError(
            f"Cannot cast array data from {given!r} to {dst.dtype!r} "
            f"according to the rule {casting!r}"
        )
    if where is True:
        dst[...] = src
    else:
        mask = np.broadcast_to(where, dst.shape)
        dst[mask] = np.broadcast_to(src, dst.shape)[mask]


def put_(a: Any, ind: Any, v: Any, mode: Any = "raise") -> Any:
    places = np.ravel(ind)
    if mode == "wrap":
        places = places % a.size
    elif mode == "clip":
        places = np.clip(places, 0, a.size - 1)
    if np.size(v) > 0:
        a[unravelled(a, places)] = np.resize(v, np.shape(places))


def unravelled(a: Any, places: Any) -> Any:
    keys = []
    for n in a.shape[:0:-1]:
        keys.append(places % n)
        places = places // n
    return (places, *keys[::-1])


def set_flat_(a: Any, key: Any, value: Any) -> None:
    if isinstance(key, (int, np.integer)):
        a[unravelled(a, key)] = value
    else:
        put_(a, np.arange(a.size)[key], value)


def fill_flat_(a: Any, values: Any) -> None:
    """`a.flat = values`: they are repeated until the array is full."""
    if np.size(values) > 0:
        a[...] = np.resize(values, a.shape).astype(a.dtype)


def put_along_axis_(arr: Any, indices: Any, values: Any, axis: Any) -> Any:
    if axis is None:
        if np.ndim(indices) != 1:
            raise ValueError("when axis=None, `indices` must have a single dimension.")
        put_(arr, indices, values)
        return
    at = axis % arr.ndim
    keys = []
    for k, n in enumerate(arr.shape):
        along = [1] * arr.ndim
        along[k] = n
        keys.append(indices if k == at else np.arange(n).reshape(along))
    arr[tuple(keys)] = values


def putmask_(a: Any, mask: Any, values: Any) -> Any:
    chosen = np.asarray(mask).astype(bool)
    a[chosen] = np.resize(values, a.shape)[chosen]


def place_(arr: Any, mask: Any, vals: Any) -> Any:
    chosen = np.asarray(mask).astype(bool)
    if np.size(vals) == 0:
        if chosen.any():
            raise ValueError("Cannot insert from an empty array!")
    else:
        arr[chosen] = np.resize(vals, (np.count_nonzero(chosen),))


def fill_diagonal_(a: Any, val: Any, wrap: Any = False) -> Any:
    if a.ndim < 2:
        raise ValueError("array must be at least 2-d")
    if a.ndim == 2:
        rows, columns = a.shape
        count = rows * columns if wrap else min(rows * columns, columns * columns)
        places = np.arange(0, count, columns + 1)
        a[places // columns, places % columns] = np.resize(val, places.shape)
    else:
        for n in a.shape[1:]:
            if n != a.shape[0]:
                raise ValueError("All dimensions of input must be of equal length")
        places = np.arange(a.shape[0])
        a[(places,) * a.ndim] = np.resize(val, places.shape)
