"""Arrays from nested lists of values; np.array, np.asarray and the conversions like them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from stagec.ir.core import Cost, Expands, Op, Staged
from stagec.ir.path import Index
from stagec.ir.types import ArrayType, Dim, ListType, same
from stagec.ops.axes import align_last, dtype_of, expand_dims, move_axis, shape_of
from stagec.ops.cast import fit_dtype, number_type, to_dtype
from stagec.ops.copying import copy
from stagec.ops.creation import dtype_option, empty, is_zero, zeros, zeros_like
from stagec.ops.family import linear, make, near, sizes
from stagec.ops.indexing import read_at, update_at
from stagec.ops.list_arrays import list_stack
from stagec.ops.paths import FULL
from stagec.ops.shape import reshape

Shape = tuple[int, ...]


def _nested_shape(values: Any) -> Shape:
    """The shape of nested lists; raises ValueError if they are ragged."""
    if not isinstance(values, list | tuple):
        return ()
    shapes = {_nested_shape(v) for v in values}
    if len(shapes) > 1:
        raise ValueError("setting an array element with a sequence: the lists are ragged")
    return (len(values), *next(iter(shapes), ()))


def _leaves(values: Any) -> Iterator[Any]:
    if isinstance(values, list | tuple):
        for v in values:
            yield from _leaves(v)
    else:
        yield values


def _levelled(values: Any) -> Any:
    """The nested lists with arrays in place of the lists that stand beside arrays."""
    if not isinstance(values, list | tuple):
        return values
    parts = [_levelled(v) for v in values]
    if all(isinstance(p, list) or np.ndim(p) == 0 for p in parts):
        return parts
    return [from_lists(p) if isinstance(p, list) else p for p in parts]


def from_lists(values: Any, dtype: Any = None) -> Any:
    """The array of nested lists whose leaves are numbers or arrays of one shape."""
    values = _levelled(values)
    shape, leaves = _nested_shape(values), list(_leaves(values))
    if not leaves or not any(isinstance(v, Staged) for v in leaves):
        return np.array(values, dtype)
    dtype = None if dtype is None else np.dtype(dtype)
    return array_of(*leaves, shape=shape, dtype=dtype)


def _of_infer(*types: ArrayType, shape: Shape, dtype: np.dtype | None) -> ArrayType:
    if not all(isinstance(t, ArrayType) for t in types):
        raise TypeError("only arrays of numbers and truths can be staged")
    rank = types[0].rank
    if any(t.rank != rank for t in types):
        raise TypeError("setting an array element with a sequence: elements differ in rank")
    row: list[Dim] = list(types[0].shape)
    for t in types[1:]:
        for k, d in enumerate(t.shape):
            if isinstance(d, int) and isinstance(row[k], int) and d != row[k]:
                raise TypeError("setting an array element with a sequence: rows differ in size")
            row[k] = (
                row[k]
                if same(row[k], d) or (row[k] is not None and not isinstance(d, int))
                else d
            )
    found = np.result_type(*(t.dtype for t in types)) if dtype is None else dtype
    return ArrayType(found, (*shape, *row))


def _structure(shape: Shape, leaves: list[Any]) -> Any:
    """The leaves as lists nested to the shape."""
    if not shape:
        return leaves[0]
    step = len(leaves) // shape[0]
    return [_structure(shape[1:], leaves[k * step : (k + 1) * step]) for k in range(shape[0])]


def _of_value(*xs: Any, shape: Shape, dtype: np.dtype | None) -> Any:
    found = np.result_type(*(number_type(x).dtype for x in xs)) if dtype is None else dtype
    return np.array(_structure(shape, list(xs)), found)


def _of_source(*types: ArrayType, shape: Shape, dtype: np.dtype | None) -> str:
    text = str(_structure(shape, [f"{{{k}}}" for k in range(len(types))])).replace("'", "")
    natural = np.result_type(*(t.dtype for t in types))
    return f"np.array({text}{dtype_option(dtype, natural)})"


def _of_elements(*types: ArrayType, **attrs: Any) -> Any:
    """An array of numbers as writes of its elements."""
    return None if any(t.rank for t in types) else _elements


def _elements(*xs: Any, shape: Shape, dtype: np.dtype | None) -> Any:
    found = np.result_type(*(number_type(x).dtype for x in xs)) if dtype is None else dtype
    out = near(xs, empty, shape=shape, dtype=found)
    for x, place in zip(xs, np.ndindex(shape), strict=True):
        out = update_at(out, x, (Index(tuple(int(i) for i in place)),))
    return out


def _of_vjp(
    ct: Any, out: Any, *xs: Any, shape: Shape, dtype: np.dtype | None
) -> tuple[Any, ...]:
    def part(x: Any, place: Shape) -> Any:
        if dtype_of(x).kind not in "fc" or dtype_of(out).kind not in "fc":
            return None
        return fit_dtype(read_at(ct, (Index(place),)), dtype_of(x))

    places = [tuple(int(i) for i in p) for p in np.ndindex(shape)]
    return tuple(part(x, p) for x, p in zip(xs, places, strict=True))


def _of_jvp(dxs: Any, out: Any, *xs: Any, shape: Shape, dtype: np.dtype | None) -> Any:
    if dtype_of(out).kind not in "fc":
        return None
    parts = [_zero(x, out) if dx is None else dx for x, dx in zip(xs, dxs, strict=True)]
    return array_of(*parts, shape=shape, dtype=dtype_of(out))


def _zero(x: Any, out: Any) -> Any:
    return zeros_like(x, dtype=dtype_of(out)) if np.ndim(x) else 0.0


def _of_batch(
    args: Any, axes: Any, /, *, shape: Shape, dtype: np.dtype | None
) -> tuple[Any, int]:
    rows = [x if a is None else move_axis(x, a, 0) for x, a in zip(args, axes, strict=True)]
    count, *row = shape_of(next(x for x, a in zip(rows, axes, strict=True) if a is not None))
    places = [(FULL, *map(int, place)) for place in np.ndindex(shape)]
    return _written(rows, places, (count, *shape, *row), dtype), 0


def _of_last(args: Any, wide: Any, *, shape: Shape, dtype: np.dtype | None) -> Any:
    *row, count = shape_of(next(x for x, w in zip(args, wide, strict=True) if w))
    places = [tuple(map(int, place)) for place in np.ndindex(shape)]
    return _written(align_last(args, wide), places, (*shape, *row, count), dtype)


def _written(xs: Any, places: Any, shape: tuple[Any, ...], dtype: np.dtype | None) -> Any:
    """Zeros, with every value that is not zero written to its place."""
    found = np.result_type(*(number_type(x).dtype for x in xs)) if dtype is None else dtype
    plan, lengths = sizes(shape)
    out = near((*xs, *lengths), zeros, *lengths, shape=plan, dtype=found)
    for x, place in zip(xs, places, strict=True):
        if not is_zero(x):
            out = update_at(out, x, (Index(place),))
    return out


def _array_call(
    object: Any,
    dtype: Any = None,
    *,
    copy: Any = True,
    order: str = "K",
    subok: bool = False,
    ndmin: int = 0,
    like: Any = None,
) -> Any:
    found = asarray(object, dtype, copy=copy)
    missing = tuple(range(max(0, ndmin - np.ndim(found))))
    return expand_dims(found, axes=missing) if missing else found


def vector(x: Any, anchor: Any) -> Any:
    """A number or array as a sequence; staged if `anchor` is."""
    if isinstance(x, np.ndarray | tuple | list):
        x = np.ravel(np.asarray(x))
        numbers = tuple(v.item() for v in x)
        if not numbers:
            return near(anchor, empty, shape=(0,), dtype=x.dtype)
        return near(anchor, array_of, *numbers, shape=x.shape, dtype=x.dtype)
    if np.ndim(x) == 0:
        return near((x, anchor), array_of, x, shape=(1,), dtype=None)
    return x if np.ndim(x) == 1 else reshape(x, shape=(-1,))


def fresh(x: Any) -> Any:
    """A copy of an array."""
    return copy(x)


def asarray(
    a: Any, dtype: Any = None, order: Any = None, *, copy: Any = None, **options: Any
) -> Any:
    """`a` as an array: itself if it is one of that element type, and no copy is asked for."""
    found = as_array(a, dtype)
    if copy is False and found is not a:
        raise ValueError("copy=False, but a copy is needed: write copy=None")
    return fresh(found) if copy and found is a else found


def as_array(a: Any, dtype: Any) -> Any:
    """`a` as an array: itself if it is one of that element type."""
    if isinstance(a, list | tuple):
        return from_lists(a, dtype)
    if isinstance(getattr(a, "type", None), ListType):
        a = list_stack(a)
    if number_type(a).kind != "array":
        a = to_array(a)
    return to_dtype(a, dtype)


def _real_if_close_call(a: Any, tol: float = 100) -> Any:
    if dtype_of(a).kind == "c":
        raise TypeError("real_if_close: the element type would depend on values; use .real")
    return asarray(a)


array_of = make(
    "array_of",
    calls=(
        (np.array, _array_call),
        (np.asarray, asarray),
        (np.asanyarray, asarray),
        (np.real_if_close, _real_if_close_call),
    ),
    infer=_of_infer,
    value=_of_value,
    vjp=_of_vjp,
    jvp=_of_jvp,
    batch=_of_batch,
    batch_last=_of_last,
    source=_of_source,
    scalar=Expands(_of_elements),
    may_raise=(ValueError,),
    cost=Cost.CHEAP,
)


# a number as an array without axes
to_array = linear(
    "to_array",
    calls=(),
    infer=lambda x: ArrayType(x.dtype, ()),
    value=np.asarray,
    vjp=lambda ct, out, x: read_at(ct, (Index(()),)),
    batch=lambda args, axes, /: (args[0], axes[0]),
    source="np.asarray({})",
    scalar="{}",
    cost=Cost.FREE,
)


def _contiguous(function: Any) -> Op:
    name = function.__name__
    op = linear(
        name,
        calls=((function, lambda a, dtype=None, **options: op(asarray(a, dtype))),),
        infer=lambda x: ArrayType(x.dtype, x.shape or (1,)),
        value=function,
        vjp=lambda ct, out, x: ct if np.ndim(x) else read_at(ct, (Index((0,)),)),
        batch=lambda args, axes, /: (op(args[0]), axes[0]),
        source=f"np.{name}({{}})",
        alias=0,
        cost=Cost.CHEAP,
    )
    return op


ascontiguousarray = _contiguous(np.ascontiguousarray)
asfortranarray = _contiguous(np.asfortranarray)


OPS: tuple[Op, ...] = (array_of, to_array, ascontiguousarray, asfortranarray)
