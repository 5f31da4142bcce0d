"""Index arrays: of triangles and diagonals, and between flat and multiple indices.

All hold integers; the ones that depend on sizes alone take static or staged sizes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from stagec.ir.core import Cost, Op
from stagec.ir.path import Arg
from stagec.ir.types import ArrayType
from stagec.ops.axes import length, shape_of
from stagec.ops.creation import no_batch, shape_tuple
from stagec.ops.family import array, constant, near, size_text, size_values, sizes, static
from stagec.ops.ranges import counted

Plan = tuple[int | Arg, ...]
INT64 = np.dtype(np.int64)


def _triangle(function: Callable[..., Any], of_array: Callable[..., Any]) -> Op:
    """tril_indices or triu_indices."""
    name = function.__name__

    def call(n: Any, k: Any = 0, m: Any = None) -> Any:
        plan, staged = sizes((n, n if m is None else m))
        return near((n, m), op, *staged, shape=plan, k=static(k, "k"))

    def call_from(arr: Any, k: Any = 0) -> Any:
        plan, staged = sizes(shape_of(arr))
        return near(arr, op, *staged, shape=plan, k=static(k, "k"))

    def infer(*n: Any, shape: Plan, k: int) -> tuple[ArrayType, ArrayType]:
        count = None
        if not any(isinstance(s, Arg) for s in shape):
            count = len(function(shape[0], k, shape[1])[0])
        return ArrayType(INT64, (count,)), ArrayType(INT64, (count,))

    def value(*n: Any, shape: Plan, k: int) -> Any:
        rows, columns = size_values(shape, n)
        return function(rows, k, columns)

    def source(*n: Any, shape: Plan, k: int) -> str:
        rows, columns = (size_text((s,)) for s in shape)
        return f"np.{name}({rows}, {k}, {columns})"

    op = constant(
        name,
        calls=((function, call), (of_array, call_from)),
        infer=infer,
        value=value,
        batch=no_batch(name),
        source=source,
    )
    return op


tril_indices = _triangle(np.tril_indices, np.tril_indices_from)
triu_indices = _triangle(np.triu_indices, np.triu_indices_from)


def _diagonal_call(n: Any, ndim: Any = 2) -> tuple[Any, ...]:
    return (counted(n, n),) * static(ndim, "ndim")


def _diagonal_from(arr: Any) -> tuple[Any, ...]:
    return (counted(length(arr, 0), arr),) * np.ndim(arr)


# --- flat and multiple indices -------------------------------------------------------------


def _unravel_call(indices: Any, shape: Any, order: str = "C") -> tuple[Any, ...]:
    lengths = shape_tuple(shape)
    if order == "F":
        return _unravel_call(indices, lengths[::-1])[::-1]
    if order != "C":
        raise ValueError("only 'C' or 'F' order is permitted")
    plan, staged = sizes(lengths, 1)
    found = near((indices, *lengths), unravel_index, indices, *staged, shape=plan)
    return found if isinstance(found, tuple) else (found,)


def _unravel_infer(flat: ArrayType, *n: Any, shape: Plan) -> Any:
    found = tuple(array(INT64, flat.shape) for _ in shape)
    return found[0] if len(found) == 1 else found


def _unravel_value(flat: Any, *n: Any, shape: Plan) -> Any:
    found = np.unravel_index(flat, size_values(shape, (flat, *n)))
    return found if len(found) > 1 else found[0]


def _unravel_batch(args: Any, axes: Any, /, *, shape: Plan) -> tuple[Any, Any]:
    if any(a is not None for a in axes[1:]):
        raise TypeError("vmap: unravel_index needs the same shape in every batch element")
    return unravel_index(*args, shape=shape), axes[0]


def _unravel_source(flat: ArrayType, *n: Any, shape: Plan) -> str:
    only = "" if len(shape) > 1 else "[0]"
    return f"np.unravel_index({{0}}, {size_text(shape)}){only}"


# one result an axis; not a tuple for one axis
unravel_index = constant(
    "unravel_index",
    calls=(
        (np.unravel_index, _unravel_call),
        (np.diag_indices, _diagonal_call),
        (np.diag_indices_from, _diagonal_from),
    ),
    infer=_unravel_infer,
    value=_unravel_value,
    batch=_unravel_batch,
    source=_unravel_source,
    may_raise=(ValueError,),
    cost=Cost.CHEAP,
)


OPS: tuple[Op, ...] = (tril_indices, triu_indices, unravel_index)
