"""Elements taken out, put in or replaced: functions of NumPy written in Python.

They are staged like the user's own code.
"""

# ruff: noqa: D103 (they do what NumPy's functions of these names do)
from typing import Any

import numpy as np


def positions(obj: Any, n: Any) -> Any:
    """The places that a slice, a mask or a sequence means."""
    if isinstance(obj, slice):
        return np.arange(n)[obj]
    given = np.asarray(obj)
    if given.dtype.kind == "b":
        return np.flatnonzero(given)
    if given.dtype.kind not in "iu" and given.size > 0:
        raise IndexError("arrays used as indices must be of integer (or boolean) type")
    return given.astype(int)


def delete_(arr: Any, obj: Any, axis: Any = None) -> Any:
    x, at = (np.ravel(arr), 0) if axis is None else (np.asarray(arr), axis)
    places = positions(obj, x.shape[at])
    keep = np.ones(x.shape[at], bool)
    if places.size > 0:
        keep[places] = False
    return np.compress(keep, x, axis=at)


def delete_part(arr: Any, start: Any, stop: Any, axis: Any) -> Any:
    x, along = (np.ravel(arr), 0) if axis is None else (np.asarray(arr), axis)
    rows = np.moveaxis(x, along, 0)
    if stop is None:
        return np.copy(np.moveaxis(rows[:start], 0, along))
    if stop <= start:
        return np.copy(x)
    return np.moveaxis(np.concatenate((rows[:start], rows[stop:])), 0, along)


def delete_one(arr: Any, obj: Any, axis: Any = None) -> Any:
    x, along = (np.ravel(arr), 0) if axis is None else (np.asarray(arr), axis)
    rows = np.moveaxis(x, along, 0)
    n = rows.shape[0]
    if not -n <= obj < n:
        raise IndexError(f"index {obj} is out of bounds for axis {along} with size {n}")
    at = obj + n if obj < 0 else obj
    return np.moveaxis(np.concatenate((rows[:at], rows[at + 1 :])), 0, along)


def insert_(arr: Any, obj: Any, values: Any, axis: Any = None) -> Any:
    """Several places at once; they are those before anything is inserted."""
    x = np.ravel(arr) if axis is None else np.asarray(arr)
    along = 0 if axis is None else axis
    rows = np.moveaxis(x, along, 0)
    n, places = rows.shape[0], np.ravel(positions(obj, rows.shape[0]))
    new, single = np.asarray(values), places.shape[0] == 1
    # at one place any number of rows goes in
    rest = x.ndim - 1 - along % x.ndim
    several = new.shape[new.ndim - 1 - rest] if new.ndim > rest else 1
    count = several if single else places.shape[0]
    places = np.broadcast_to(places, (count,))
    if ((places < -n) | (places > n)).any():
        raise IndexError(f"an index is out of bounds for axis {along} with size {n}")
    places = np.where(places < 0, places + n, places)
    order = np.argsort(places, kind="stable")
    target = np.empty(count, int)
    target[order] = places[order] + np.arange(count)
    shape = tuple([count if k == along % x.ndim else x.shape[k] for k in range(x.ndim)])
    given = np.moveaxis(np.broadcast_to(new, shape), along, 0)
    kept = np.ones(n + count, bool)
    kept[target] = False
    out = np.empty((n + count, *rows.shape[1:]), x.dtype)
    out[kept] = rows
    out[target] = given.astype(x.dtype)
    return np.moveaxis(out, 0, along)


def insert_one(arr: Any, obj: Any, values: Any, axis: Any = None) -> Any:
    x, along = (np.ravel(arr), 0) if axis is None else (np.asarray(arr), axis)
    rows = np.moveaxis(x, along, 0)
    n, given = rows.shape[0], np.asarray(values).astype(x.dtype)
    if not -n <= obj <= n:
        raise IndexError(f"index {obj} is out of bounds for axis {along} with size {n}")
    at = obj + n if obj < 0 else obj
    missing = tuple(range(x.ndim - given.ndim))
    new = np.expand_dims(given, missing)
    new = np.broadcast_to(new, (new.shape[0], *rows.shape[1:]))
    return np.moveaxis(np.concatenate((rows[:at], new, rows[at:])), 0, along)


def nan_to_num_(
    x: Any, copy: Any = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None
) -> Any:
    a = np.array(x, copy=True if copy else None)
    if a.dtype.kind == "c":
        raise TypeError("nan_to_num of complex numbers takes known numbers and copy=True")
    if a.dtype.kind == "f":
        bounds = np.finfo(a.dtype)
        high = bounds.max if posinf is None else posinf
        low = bounds.min if neginf is None else neginf
        found = np.where(a == np.inf, high, np.where(a == -np.inf, low, a))
        a[...] = np.where(np.isnan(a), nan, found)
    return a[()]
