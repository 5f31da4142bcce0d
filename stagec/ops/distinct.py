"""Distinct values of arrays, sorted.

Each is an element of the array, so its cotangent goes to the first element that has the value.
How many there are depends on the values: the sizes are unknown in the types.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from stagec.ir.core import Op
from stagec.ir.path import Arg, Index
from stagec.ir.types import ArrayType
from stagec.ops.axes import dtype_of
from stagec.ops.cast import astype
from stagec.ops.creation import zeros_like
from stagec.ops.family import make, reject, static
from stagec.ops.indexing import accumulate_at, read_at
from stagec.ops.joining import concatenated
from stagec.ops.search import INT64, isin
from stagec.ops.shape import ravel, reshaped_like

PICKED = (Index((Arg(0),)),)


def _unique_call(
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: Any = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,
) -> Any:
    reject("unique", axis=axis)
    if not equal_nan:
        raise TypeError("unique: equal_nan=False is not supported")
    flags = tuple(static(f, "flag") for f in (return_index, return_inverse, return_counts))
    return unique(ar, index=flags[0], inverse=flags[1], counts=flags[2])


def _unique_options(index: bool, inverse: bool, counts: bool) -> str:
    given = {"return_index": index, "return_inverse": inverse, "return_counts": counts}
    return "".join(f", {name}=True" for name, flag in given.items() if flag)


def _unique_infer(x: ArrayType, *, index: bool, inverse: bool, counts: bool) -> Any:
    found = [ArrayType(x.dtype, (None,))]
    found += [ArrayType(INT64, (None,))] * index
    found += [ArrayType(INT64, x.shape)] * inverse
    found += [ArrayType(INT64, (None,))] * counts
    return tuple(found) if len(found) > 1 else found[0]


def _values(part: Any, flags: dict[str, bool]) -> Any:
    """The entry for the values among what there is for each result."""
    return part[0] if any(flags.values()) else part


def _first(x: Any) -> Any:
    return unique(x, index=True, inverse=False, counts=False)[1]


def _unique_vjp(ct: Any, out: Any, x: Any, **flags: bool) -> tuple[Any]:
    ct = _values(ct, flags)
    if ct is None or dtype_of(x).kind not in "fc":
        return (None,)
    flat = zeros_like(ravel(x), dtype=dtype_of(x))
    return (reshaped_like(accumulate_at(flat, ct, PICKED, _first(x)), x),)


def _unique_jvp(dxs: Any, out: Any, x: Any, **flags: bool) -> Any:
    values = _values(out, flags)
    found = None
    if dtype_of(values).kind in "fc":
        found = read_at(ravel(dxs[0]), PICKED, _first(x))
    return (found, *(None,) * sum(flags.values())) if any(flags.values()) else found


def _distinct(x: Any) -> Any:
    return unique(x, index=False, inverse=False, counts=False)


def _union_call(ar1: Any, ar2: Any) -> Any:
    return _distinct(concatenated((ar1, ar2), axis=None))


def _intersection_call(
    ar1: Any, ar2: Any, assume_unique: Any = False, return_indices: Any = False
) -> Any:
    dtype = np.result_type(dtype_of(ar1), dtype_of(ar2))
    values = _distinct(ar1 if dtype_of(ar1) == dtype else astype(ar1, dtype=dtype))
    return read_at(values, PICKED, isin(values, ar2, invert=False))


def _difference_call(ar1: Any, ar2: Any, assume_unique: Any = False) -> Any:
    values = ravel(ar1) if static(assume_unique, "assume_unique") else _distinct(ar1)
    return read_at(values, PICKED, isin(values, ar2, invert=True))


unique = make(
    "unique",
    calls=(
        (np.unique, _unique_call),
        (np.union1d, _union_call),
        (np.intersect1d, _intersection_call),
        (np.setdiff1d, _difference_call),
    ),
    infer=_unique_infer,
    value=lambda x, *, index, inverse, counts: np.unique(x, index, inverse, counts),
    vjp=_unique_vjp,
    jvp=_unique_jvp,
    batch=None,
    source=lambda x, **flags: f"np.unique({{}}{_unique_options(**flags)})",
)


OPS: tuple[Op, ...] = (unique,)
