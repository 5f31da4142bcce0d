"""Putting arrays together and taking them apart: concatenate, stack, split and their kin.

Splitting reads slices, so that the pieces are views and their cotangents go straight into the
whole; concatenating hands out slices of its cotangent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from stagec.ir.core import LIBRARY, Calls, Cost, Expands, Op, Staged
from stagec.ir.path import Arg, Index, Slice
from stagec.ir.types import ArrayType, Dim, ListType, lengthened, quotient, same_shape
from stagec.ops.arrays import vector
from stagec.ops.axes import (
    dtype_of,
    expand_dims,
    length,
    move_axis,
    normal_axis,
    np_shape,
)
from stagec.ops.broadcast import batched
from stagec.ops.cast import astype, fit_dtype, number_type
from stagec.ops.columns import FEW, as_writes
from stagec.ops.composite import composite
from stagec.ops.copying import copy
from stagec.ops.creation import zeros_like
from stagec.ops.family import NeedsValue, make, static
from stagec.ops.indexing import read_at
from stagec.ops.kernel_forms import joined
from stagec.ops.last_axes import batched_last
from stagec.ops.list_arrays import list_concatenate, list_stack
from stagec.ops.list_form import element_type
from stagec.ops.rounding import floor_divide
from stagec.ops.shape import at_least, ravel

FULL = Slice()


def items_of(arrays: Any) -> tuple[Any, ...]:
    """The arrays of a sequence: a list or tuple of them, or one array along its first axis."""
    if isinstance(arrays, tuple | list):
        return tuple(arrays)
    count = np_shape(arrays)[0]
    if not isinstance(count, int):
        raise NeedsValue(length(arrays, 0), "the number of arrays")
    return tuple(read_at(arrays, (Index((k,)),)) for k in range(count))


def part_of(x: Any, axis: int, start: Any, stop: Any, step: int | None = None) -> Any:
    """The slice `start:stop` of `x` along an axis; the bounds are static or staged."""
    staged = [b for b in (start, stop) if isinstance(b, Staged)]
    first = Arg(0) if isinstance(start, Staged) else start
    last = Arg(len(staged) - 1) if isinstance(stop, Staged) else stop
    return read_at(x, (Index((FULL,) * axis + (Slice(first, last, step),)),), *staged)


def split_at(x: Any, cuts: Any, axis: int) -> list[Any]:
    """The pieces of `x` between the cuts along an axis."""
    bounds = (None, *cuts, None)
    return [part_of(x, axis, a, b) for a, b in pairwise(bounds)]


def _cuts(x: Any, sections: Any, axis: int, exact: bool) -> Any:
    if isinstance(sections, tuple | list):
        return tuple(s if isinstance(s, Staged) else int(s) for s in sections)
    if isinstance(sections, np.ndarray):
        return tuple(int(s) for s in sections)
    if np.ndim(sections) == 1:
        return tuple(_unstack_call(sections))
    count, size = static(sections, "the number of sections"), np_shape(x)[axis]
    if count <= 0:
        raise ValueError("number sections must be larger than 0.")
    if count == 1:
        return ()
    if isinstance(size, int):
        if exact and size % count:
            raise ValueError("array split does not result in an equal division")
        big, rest = divmod(size, count)
        return tuple(k * big + min(k, rest) for k in range(1, count))
    if quotient(size, count) is not None:
        part = floor_divide(length(x, axis), count)
        return tuple(part * k for k in range(1, count))
    raise NeedsValue(length(x, axis), "the size of an axis that is split into equal sections")


def _splitter(axis: int | None, *, exact: bool = True, rank: int = 1) -> Callable[..., Any]:
    """The binder of split, array_split, hsplit, vsplit or dsplit."""

    def along(x: Any, given: Any) -> int:
        if np.ndim(x) < rank:
            raise ValueError(f"split only works on arrays of {rank} or more dimensions")
        if axis is None:
            return normal_axis(given, np.ndim(x))
        return min(axis, np.ndim(x) - 1)

    def call(ary: Any, indices_or_sections: Any, axis: Any = 0) -> Any:
        at = along(ary, axis)
        return split_at(ary, _cuts(ary, indices_or_sections, at, exact), at)

    return call


def _unstack_call(x: Any, /, *, axis: Any = 0) -> tuple[Any, ...]:
    at = normal_axis(axis, np.ndim(x))
    count = np_shape(x)[at]
    if not isinstance(count, int):
        raise NeedsValue(length(x, at), "the number of arrays")
    return tuple(read_at(x, (Index((FULL,) * at + (k,)),)) for k in range(count))


def _row(function: str, count: int, tail: str = "") -> str:
    return f"np.{function}(({', '.join(['{}'] * count)}{',' * (count == 1)}){tail})"


def _concatenate_infer(*types: ArrayType, axis: int) -> ArrayType:
    rank = types[0].rank
    if any(t.rank != rank for t in types):
        raise TypeError(f"concatenate: all arrays must have the same rank, got {_names(types)}")
    shape: list[Dim] = list(types[0].shape)
    for t in types[1:]:
        for k in range(rank):
            if k != axis:
                shape[k] = _same_dim(shape[k], t.shape[k], types)
    shape[axis] = lengthened(*(t.shape[axis] for t in types))
    return ArrayType(np.result_type(*(t.dtype for t in types)), tuple(shape))


def _same_dim(a: Dim, b: Dim, types: tuple[ArrayType, ...]) -> Dim:
    if isinstance(a, int) and isinstance(b, int) and a != b:
        raise TypeError(f"concatenate: shapes differ off the axis: {_names(types)}")
    return b if a is None or isinstance(b, int) else a


def _names(types: tuple[ArrayType, ...]) -> str:
    return ", ".join(map(str, types))


def _concatenate_vjp(ct: Any, out: Any, *xs: Any, axis: int) -> tuple[Any, ...]:
    found, start = [], 0
    for k, x in enumerate(xs):
        stop = start + length(x, axis)
        active = dtype_of(x).kind in "fc"
        last = None if k == len(xs) - 1 else stop
        part = part_of(ct, axis, None if k == 0 else start, last) if active else None
        found.append(fit_dtype(part, dtype_of(x)) if active else None)
        start = stop
    return tuple(found)


def _concatenate_jvp(dxs: Any, out: Any, *xs: Any, axis: int) -> Any:
    parts = [
        zeros_like(x, dtype=dtype_of(x)) if dx is None else dx
        for x, dx in zip(xs, dxs, strict=True)
    ]
    return concatenate(*parts, axis=axis)


def _rank_of_element(arrays: Any) -> int:
    element = element_type(arrays.type)
    if not isinstance(element, ArrayType):
        raise TypeError(f"expected a list of arrays, got {arrays.type}")
    return element.rank


def concatenated(
    arrays: Any,
    axis: Any = 0,
    out: None = None,
    *,
    dtype: Any = None,
    casting: str = "same_kind",
) -> Any:
    """What `np.concatenate` means: arrays put together along an axis, or laid out flat."""
    if is_list(arrays) and axis is not None:
        rank = _rank_of_element(arrays)
        return _in_dtype(list_concatenate(arrays, axis=normal_axis(axis, rank)), dtype, casting)
    xs = items_of(arrays)
    if axis is None:
        xs, axis = _flattened(xs), 0
    return _in_dtype(concatenate(*xs, axis=normal_axis(axis, np.ndim(xs[0]))), dtype, casting)


def _flattened(xs: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arrays as vectors: a Python number among them is cast to the type of the others."""
    types = [number_type(x) for x in xs]
    common = joined(*types)
    return tuple(
        astype(ravel(x), dtype=common) if t.weak else ravel(x)
        for x, t in zip(xs, types, strict=True)
    )


def _in_dtype(whole: Any, dtype: Any, casting: Any) -> Any:
    """The arrays put together as elements of the type that the caller wants."""
    if dtype is None:
        return whole
    own, wanted = dtype_of(whole), np.dtype(dtype)
    if not np.can_cast(own, wanted, casting):
        what = f"Cannot cast array data from {own!r} to {wanted!r}"
        raise TypeError(f"{what} according to the rule {casting!r}")
    return astype(whole, dtype=wanted)


def _append_call(arr: Any, values: Any, axis: Any = None) -> Any:
    if axis is None:
        return concatenated((vector(arr, values), vector(values, arr)))
    return concatenated((arr, values), axis)


def _block_call(arrays: Any) -> Any:
    depth = _depth(arrays)
    leaves = _leaves(arrays)
    rank = max(depth, *map(np.ndim, leaves))
    found = _block(arrays, depth, rank)
    return copy(found) if len(leaves) == 1 else found


def _depth(arrays: Any) -> int:
    return 1 + _depth(arrays[0]) if isinstance(arrays, list) else 0


def _leaves(arrays: Any) -> list[Any]:
    return [y for x in arrays for y in _leaves(x)] if isinstance(arrays, list) else [arrays]


def _block(arrays: Any, depth: int, rank: int) -> Any:
    if depth == 0:
        lead = tuple(range(rank - np.ndim(arrays)))
        return expand_dims(arrays, axes=lead) if lead else arrays
    parts = [_block(x, depth - 1, rank) for x in arrays]
    return concatenate(*parts, axis=rank - depth) if len(parts) > 1 else parts[0]


def _concatenate_source(*types: ArrayType, axis: int) -> str:
    return _row("concatenate", len(types), f", axis={axis}" if axis else "")


concatenate = make(
    "concatenate",
    calls=(
        (np.concatenate, concatenated),
        (np.append, _append_call),
        (np.block, _block_call),
        (np.split, _splitter(None)),
        (np.array_split, _splitter(None, exact=False)),
        (np.vsplit, _splitter(0, rank=2)),
        (np.hsplit, _splitter(1)),
        (np.dsplit, _splitter(2, rank=3)),
        (np.unstack, _unstack_call),
    ),
    infer=_concatenate_infer,
    value=lambda *xs, axis: np.concatenate(xs, axis),
    vjp=_concatenate_vjp,
    jvp=_concatenate_jvp,
    batch=lambda args, axes, *, axis: (concatenate(*batched(args, axes), axis=axis + 1), 0),
    batch_last=lambda args, wide, *, axis: concatenate(*batched_last(args, wide), axis=axis),
    source=_concatenate_source,
    scalar=Expands(
        lambda *types, axis: as_writes(_concatenate_infer, types, axis),
        otherwise=Calls(
            lambda *t, axis: (
                _concatenate_source(*t, axis=axis)
                if len({x.dtype for x in t}) == 1
                else LIBRARY
            )
        ),
        anywhere=True,
    ),
    may_raise=(ValueError,),
    cost=Cost.CHEAP,
)


def _stack_expand(*xs: Any, axis: int) -> Any:
    return concatenate(*(expand_dims(x, axes=(axis,)) for x in xs), axis=axis)


def _stack_call(
    arrays: Any,
    axis: Any = 0,
    out: None = None,
    *,
    dtype: Any = None,
    casting: str = "same_kind",
) -> Any:
    if is_list(arrays):
        joined = list_stack(arrays)
        joined = move_axis(joined, 0, normal_axis(axis, np.ndim(joined)))
    else:
        xs = items_of(arrays)
        joined = stack(*xs, axis=normal_axis(axis, np.ndim(xs[0]) + 1))
    return _in_dtype(joined, dtype, casting)


def _stack_loops(*types: ArrayType, axis: int) -> Callable[..., Any] | None:
    fits = all(same_shape(types[0].shape, t.shape) for t in types)
    return _stack_expand if axis and fits and len(types) <= FEW else None


stack = replace(
    composite(
        "stack",
        calls=((np.stack, _stack_call),),
        value=lambda *xs, axis: np.stack(xs, axis),
        expand=_stack_expand,
        source=lambda *t, axis: _row("stack", len(t), f", axis={axis}" if axis else ""),
        may_raise=(ValueError,),
    ),
    scalar=Expands(_stack_loops, anywhere=True),
)


def is_list(arrays: Any) -> bool:
    """Whether it is a list of run-time length."""
    return isinstance(getattr(arrays, "type", None), ListType)


def _vstack_list(xs: Any, rank: int) -> Any:
    return list_stack(xs) if rank == 1 else list_concatenate(xs, axis=0)


def _hstack_list(xs: Any, rank: int) -> Any:
    return list_concatenate(xs, axis=min(1, rank - 1))


def _no_list(xs: Any, rank: int) -> Any:
    raise TypeError("a list of run-time length: use np.stack or np.concatenate")


def _joiner(
    function: Callable[..., Any],
    raise_rank: Callable[[Any], Any],
    axis: Any,
    of_list: Callable[[Any, int], Any] = _no_list,
) -> Op:
    """Vstack and its kin: raise the rank of each array, then concatenate along an axis."""
    name = function.__name__

    def call(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
        joined = of_list(tup, _rank_of_element(tup)) if is_list(tup) else op(*items_of(tup))
        return _in_dtype(joined, dtype, casting)

    def expand(*xs: Any) -> Any:
        raised = [raise_rank(x) for x in xs]
        along = axis(np.ndim(raised[0])) if callable(axis) else axis
        return concatenate(*raised, axis=along)

    op = composite(
        name,
        calls=((function, call),),
        value=lambda *xs: function(xs),
        expand=expand,
        source=lambda *t: _row(name, len(t)),
        may_raise=(ValueError,),
    )
    return op


def _column(x: Any) -> Any:
    if np.ndim(x) >= 2:
        return x
    return expand_dims(at_least(x, 1), axes=(1,))


vstack = _joiner(np.vstack, lambda x: at_least(x, 2), 0, _vstack_list)
hstack = _joiner(
    np.hstack, lambda x: at_least(x, 1), lambda rank: min(1, rank - 1), _hstack_list
)
dstack = _joiner(np.dstack, lambda x: at_least(x, 3), 2)
column_stack = _joiner(np.column_stack, _column, 1)


OPS: tuple[Op, ...] = (concatenate, stack, vstack, hstack, dstack, column_stack)
