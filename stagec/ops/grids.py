"""Coordinates of grids, and editing arrays by position: indices, meshgrid, insert, delete."""

from __future__ import annotations

from typing import Any

import numpy as np

from stagec.ir.core import Cost, Op, Staged, known
from stagec.ir.path import Arg, Index
from stagec.ir.types import ArrayType
from stagec.ops.arrays import vector
from stagec.ops.axes import dtype_of, expand_dims, length, np_shape
from stagec.ops.broadcast import broadcast_with
from stagec.ops.cast import astype, number_type
from stagec.ops.composite import composite
from stagec.ops.copying import copy
from stagec.ops.creation import dtype_option, no_batch, shape_tuple
from stagec.ops.family import constant, near, size_text, size_types, size_values, sizes, static
from stagec.ops.filling import full
from stagec.ops.indexing import read_at
from stagec.ops.joining import concatenate, stack
from stagec.ops.ranges import arange, linspace
from stagec.ops.rounding import remainder
from stagec.ops.search import flatnonzero
from stagec.ops.shape import ravel, reshape, total_size

Plan = tuple[int | Arg, ...]
INT64 = np.dtype(np.int64)


def _indices_call(dimensions: Any, dtype: Any = int, sparse: Any = False) -> Any:
    if static(sparse, "sparse"):
        raise TypeError("indices: sparse=True is not supported; use np.ogrid")
    plan, staged = sizes(dimensions)
    return near(shape_tuple(dimensions), indices, *staged, shape=plan, dtype=np.dtype(dtype))


def _indices_source(*n: Any, shape: Plan, dtype: np.dtype) -> str:
    text = size_text(shape)
    return f"np.indices({text if len(shape) > 1 else f'({text},)'}{dtype_option(dtype, INT64)})"


# --- meshgrid ------------------------------------------------------------------------------


def _open(xs: tuple[Any, ...], indexing: str) -> list[Any]:
    """Each sequence along its own axis."""
    order = list(range(len(xs)))
    if indexing == "xy" and len(xs) > 1:
        order[0], order[1] = 1, 0
    found = []
    for k, x in enumerate(xs):
        flat = x if np.ndim(x) == 1 else ravel(x)
        others = tuple(j for j in range(len(xs)) if j != order[k])
        found.append(expand_dims(flat, axes=others) if others else flat)
    return found


def _meshgrid_expand(*xs: Any, indexing: str) -> Any:
    rows = _open(xs, indexing)
    wide = [broadcast_with(x, *rows[:k], *rows[k + 1 :]) for k, x in enumerate(rows)]
    return tuple(copy(x) for x in wide)


def _meshgrid_call(
    *xi: Any, copy: Any = True, sparse: Any = False, indexing: Any = "xy"
) -> Any:
    order = static(indexing, "indexing")
    if order not in ("xy", "ij"):
        raise ValueError("Valid values for `indexing` are 'xy' and 'ij'.")
    if static(copy, "copy"):
        if static(sparse, "sparse") or len(xi) == 1:
            return tuple(duplicates(_open(xi, order)))
        return meshgrid(*xi, indexing=order)
    rows = _open(xi, order)
    if static(sparse, "sparse"):
        return rows
    return tuple(broadcast_with(x, *rows[:k], *rows[k + 1 :]) for k, x in enumerate(rows))


def duplicates(xs: list[Any]) -> list[Any]:
    """A copy of each array."""
    return [copy(x) for x in xs]


def _meshgrid_source(*xs: Any, indexing: str) -> str:
    tail = "" if indexing == "xy" else f", indexing={indexing!r}"
    return f"np.meshgrid({', '.join(['{}'] * len(xs))}{tail})"


meshgrid = composite(
    "meshgrid",
    calls=((np.meshgrid, _meshgrid_call),),
    value=lambda *xs, indexing: tuple(np.meshgrid(*xs, indexing=indexing)),
    expand=_meshgrid_expand,
    source=_meshgrid_source,
)


def _ix_call(*args: Any) -> tuple[Any, ...]:
    rows = [flatnonzero(a) if dtype_of(a).kind == "b" else a for a in args]
    return tuple(_open(tuple(rows), "ij"))


def _axis_points(part: slice) -> Any:
    """The points that a slice of np.mgrid means."""
    given = (part.start, part.stop, part.step)
    start, stop, step = (known(g) if isinstance(g, Staged) else g for g in given)
    if isinstance(step, complex):
        ends = (0 if part.start is None else part.start, part.stop)
        return near(given, linspace, *ends, shape=(int(abs(step)),), endpoint=True)
    bounds: list[Any] = []
    staged: list[Any] = []
    for plain, bound, default in zip((start, stop, step), given, (0, None, 1), strict=True):
        if plain is None and bound is not None:
            bounds.append(Arg(len(staged)))
            staged.append(bound)
        else:
            bounds.append(default if plain is None else plain)
    short = bounds[1:2] if bounds[0] == 0 and bounds[2] == 1 else bounds
    return near(given, arange, *staged, bounds=tuple(short), dtype=None)


def _mgrid_call(key: Any) -> Any:
    if isinstance(key, slice):
        return _axis_points(key)
    rows = _common([_axis_points(k) for k in key])
    return stack(*_meshgrid_expand(*rows, indexing="ij"), axis=0)


def _ogrid_call(key: Any) -> Any:
    if isinstance(key, slice):
        return _axis_points(key)
    return tuple(_open(tuple(_common([_axis_points(k) for k in key])), "ij"))


def _row_call(key: Any) -> Any:
    """np.r_: numbers, sequences and ranges, one after the other."""
    parts = key if isinstance(key, tuple) else (key,)
    if any(isinstance(p, str) for p in parts):
        raise TypeError("r_: directives are not supported")
    points = [_axis_points(p) if isinstance(p, slice) else p for p in parts]
    anchor = next((p for p in points if isinstance(p, Staged)), None)
    dtype = np.result_type(*map(_example, points))
    rows = [vector(p, anchor) if np.ndim(p) < 2 else p for p in points]
    rows = [r if dtype_of(r) == dtype else astype(r, dtype=dtype) for r in rows]
    return concatenate(*rows, axis=0)


def _example(x: Any) -> Any:
    """What promotes as the number or array does: Python's numbers leave the dtype of others."""
    if not isinstance(x, Staged):
        return x if np.ndim(x) == 0 else np.asarray(x).dtype
    kind = number_type(x)
    return kind.dtype.type(0).item() if kind.weak else kind.dtype


def _column_call(key: Any) -> Any:
    """np.c_: sequences as columns, matrices side by side."""
    parts = key if isinstance(key, tuple) else (key,)
    points = [_axis_points(p) if isinstance(p, slice) else p for p in parts]
    anchor = next((p for p in points if isinstance(p, Staged)), None)
    columns = [
        expand_dims(vector(p, anchor), axes=(1,)) if np.ndim(p) < 2 else p for p in points
    ]
    return concatenate(*columns, axis=np.ndim(columns[0]) - 1)


def _grid_call(grid: Any, key: Any) -> Any:
    """np.mgrid and np.ogrid, which share their `__getitem__`."""
    return _ogrid_call(key) if grid.sparse else _mgrid_call(key)


def _joined_call(kind: Any, key: Any) -> Any:
    """np.r_ and np.c_, which share their `__getitem__`."""
    return _column_call(key) if kind is np.c_ else _row_call(key)


def _common(rows: list[Any]) -> list[Any]:
    dtype = np.result_type(*(dtype_of(x) for x in rows))
    return [x if dtype_of(x) == dtype else astype(x, dtype=dtype) for x in rows]


# --- resizing ------------------------------------------------------------------------------


def _resize_call(a: Any, new_shape: Any) -> Any:
    flat = a if np.ndim(a) == 1 else ravel(a)
    shape = shape_tuple(new_shape)
    if np_shape(flat) == (0,):
        plan, staged = sizes(shape)
        dtype = dtype_of(a)
        return near((a, *shape), full, dtype.type(0), *staged, shape=plan, dtype=dtype)
    bounds, staged = sizes(total_size(shape))
    places = near((a, *shape), arange, *staged, bounds=bounds, dtype=None)
    found = read_at(flat, (Index((Arg(0),)),), remainder(places, length(flat, 0)))
    plan, staged = sizes(shape)
    return reshape(found, *staged, shape=plan) if len(shape) != 1 else found


indices = constant(
    "indices",
    calls=(
        (np.indices, _indices_call),
        (np.ix_, _ix_call),
        (type(np.mgrid).__getitem__, _grid_call),
        (type(np.r_).__getitem__, _joined_call),
        (np.resize, _resize_call),
    ),
    infer=lambda *n, shape, dtype: ArrayType(dtype, (len(shape), *size_types(shape, n))),
    value=lambda *n, shape, dtype: np.indices(size_values(shape, n), dtype),
    batch=no_batch("indices"),
    source=_indices_source,
    cost=Cost.CHEAP,
)


OPS: tuple[Op, ...] = (indices, meshgrid)
