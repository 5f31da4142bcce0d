"""Broadcasting and its transpose, and the sum that both lean on."""

from __future__ import annotations

from typing import Any

import numpy as np

import stagec_runtime as rt
from stagec.ir.core import Cost, Expands, Folds, Op, known
from stagec.ir.path import Arg
from stagec.ir.types import (
    ArrayType,
    Shape,
    broadcast_shapes,
    may_be_one,
    same,
    same_shape,
)
from stagec.ops.axes import (
    align as align,
    align_last,
    dtype_of,
    expand_dims as expand_dims,
    in_place,
    length,
    move_axis,
    np_shape as np_shape,
    pad_rank as pad_rank,
    reduced as reduced,
    reduced_axes as reduced_axes,
    restore_axes as restore_axes,
    shape_of,
    shift_axes,
    squeeze as squeeze,
    to_front,
)
from stagec.ops.cast import fit_dtype, to_dtype
from stagec.ops.creation import zeros, zeros_shape
from stagec.ops.family import (
    array,
    kept,
    linear,
    made_by,
    near,
    reject,
    size_text,
    size_types,
    size_values,
    sizes,
)
from stagec.ops.folding import (
    reduction_source as reduction_source,
    sum_dtype as sum_dtype,
    summing,
)


def _like_infer(x: ArrayType, like: ArrayType) -> ArrayType:
    return array(x.dtype, like.shape)


def _broadcast_infer(x: ArrayType, like: ArrayType) -> ArrayType:
    _check_broadcast(x.shape, like.shape)
    return array(x.dtype, like.shape)


def _check_broadcast(shape: Shape, wide: Shape) -> None:
    if len(shape) > len(wide):
        raise TypeError(f"an array of rank {len(shape)} does not broadcast to rank {len(wide)}")
    for a, b in zip(reversed(shape), reversed(wide), strict=False):
        if isinstance(a, int) and isinstance(b, int) and a not in (1, b):
            raise TypeError(f"size {a} does not broadcast to {b}")


def _like_same(x: Any, like: Any) -> Any:
    return x if same_shape(x.shape, like.shape) and x.type.kind != "py" else None


def number_behind(x: Any) -> Any:
    """The number that every element of the handle `x` is, if it was made from one."""
    while np.ndim(x):
        made = made_by(x, broadcast_like) or made_by(x, filled) or made_by(x, expand_dims)
        if made is None:
            return None
        x = made[0][0]
    return None if x.type.kind == "array" else x


def _like_number(x: Any, like: Any) -> Any:
    """A number fills memory of its own, which may be written to."""
    number = number_behind(x)
    if number is None or not like.shape:
        return None
    plain = known(number)
    return filled(float(plain) if isinstance(plain, np.float64) else number, like)


def _like_last(args: Any, wide: Any) -> Any:
    x, like = align_last(args[:1], wide[:1])[0], args[1]
    if not wide[1]:
        plan, lengths = sizes((*shape_of(like), length(x, np.ndim(x) - 1)), 1)
        return broadcast_to(x, *lengths, shape=plan)
    return broadcast_like(x, like)


def _like_batch(args: Any, axes: Any) -> tuple[Any, int]:
    x, like = args
    if axes[0] is None:
        return broadcast_like(x, move_axis(like, axes[1], 0)), 0
    x = move_axis(x, axes[0], 0)
    like = stretch(like, x) if axes[1] is None else move_axis(like, axes[1], 0)
    return broadcast_like(pad_rank(x, np.ndim(like)), like), 0


# `broadcast_like(x, like)` and `unbroadcast(ct, like)` are each other's transpose; `like` only
# gives its shape.
broadcast_like = linear(
    "broadcast_like",
    calls=(),
    infer=_broadcast_infer,
    value=lambda x, like: np.broadcast_to(x, np.shape(like))[()],
    vjp=lambda ct, out, x, like: unbroadcast_to(ct, x),
    batch=_like_batch,
    batch_last=_like_last,
    source=lambda x, like: "np.broadcast_to({}, {}.shape)" if like.rank else "{0}",
    scalar="{}",
    alias=0,
    cost=Cost.FREE,
    rewrites=(_like_same, _like_number),
    shapes=(1,),
)

# a new array in the shape of `like`, every element of it the number `x`
filled = linear(
    "filled",
    calls=(),
    infer=_broadcast_infer,
    value=lambda x, like: np.full(np.shape(like), x)[()],
    vjp=lambda ct, out, x, like: unbroadcast_to(ct, x),
    batch=_like_batch,
    batch_last=_like_last,
    # in a kernel, and before it what is the same for all elements, the number itself
    source=lambda x, like: "np.full({1}.shape, {0})" if like.rank else "{0}",
    scalar="{}",
    cost=Cost.CHEAP,
    shapes=(1,),
)


def _unbroadcast_static(ct: Any, like: Any) -> Any:
    known = broadcast_axes(like.shape, ct.shape) is not None and ct.type.kind != "py"
    return unbroadcast_to(ct, like) if known else None


def _unbroadcast_known(ct: ArrayType, like: ArrayType) -> Any:
    return unbroadcast_to if broadcast_axes(like.shape, ct.shape) is not None else None


def _unbroadcast_batch(args: Any, axes: Any) -> tuple[Any, int]:
    ct, like = args
    ct = (
        stretch(ct, move_axis(like, axes[1], 0))
        if axes[0] is None
        else move_axis(ct, axes[0], 0)
    )
    like = stretch(like, ct) if axes[1] is None else move_axis(like, axes[1], 0)
    extra = tuple(range(1, 1 + np.ndim(ct) - np.ndim(like)))
    out = unbroadcast(ct, pad_rank(like, np.ndim(ct)))
    return (squeeze(out, axes=extra) if extra else out), 0


unbroadcast = linear(
    "unbroadcast",
    calls=(),
    infer=_like_infer,
    value=lambda ct, like: rt.unbroadcast(ct, np.shape(like)),
    vjp=lambda ct, out, x, like: broadcast_like(ct, x),
    batch=_unbroadcast_batch,
    source=lambda ct, like: (
        "rt.unbroadcast({}, {}.shape)" if like.rank else "rt.unbroadcast({}, np.shape({}))"
    ),
    scalar=Expands(_unbroadcast_known),
    alias=0,
    rewrites=(_unbroadcast_static,),
    shapes=(1,),
)


def _stretch_batch(args: Any, axes: Any, /) -> tuple[Any, int | None]:
    x, like = args
    if axes[1] is not None:  # the length of one batch element is that of its second axis
        like = move_axis(move_axis(like, axes[1], 0), 1, 0)
    if axes[0] is None:
        return stretch(x, like), None
    return stretch(move_axis(x, axes[0], 0), like), 1


def _stretched_zeros(x: Any, like: Any) -> Any:
    """Zeros take memory of their own, which may be written to."""
    shape = zeros_shape(x)
    if shape is None:
        return None
    plan, lengths = sizes((length(like, 0), *shape))
    return near(like, zeros, *lengths, shape=plan, dtype=x.dtype)


def _stretch_source(x: ArrayType, like: ArrayType) -> str:
    shape = "(len({1}), *{0}.shape)" if x.rank else "len({1})"
    return f"np.broadcast_to({{0}}, {shape})"


# `x` repeated along a new first axis, of the length of `like`
stretch = linear(
    "stretch",
    calls=(),
    infer=lambda x, like: ArrayType(x.dtype, (*like.shape[:1], *x.shape)),
    value=lambda x, like: np.broadcast_to(x, (len(like), *np.shape(x))),
    vjp=lambda ct, out, x, like: sum_(ct, axes=(0,)),
    batch=_stretch_batch,
    source=_stretch_source,
    scalar="{}",
    alias=0,
    cost=Cost.FREE,
    rewrites=(_stretched_zeros,),
    shapes=(1,),
)


def batched(args: Any, axes: Any) -> tuple[Any, ...]:
    """Every operand with the batch axis in front, those without one stretched along it."""
    moved = [x if a is None else move_axis(x, a, 0) for x, a in zip(args, axes, strict=True)]
    like = next(x for x, a in zip(moved, axes, strict=True) if a is not None)
    return tuple(stretch(x, like) if a is None else x for x, a in zip(moved, axes, strict=True))


# --- broadcasting to a given shape -----------------------------------------------------------


def _to_infer(x: ArrayType, *lengths: Any, shape: tuple[int | Arg, ...]) -> ArrayType:
    wide = size_types(shape, (x, *lengths))
    _check_broadcast(x.shape, wide)
    return ArrayType(x.dtype, wide)


def _to_source(x: ArrayType, *lengths: Any, shape: tuple[int | Arg, ...]) -> str:
    return f"np.broadcast_to({{0}}, {size_text(shape)})"


def _to_call(array: Any, shape: Any, subok: bool = False) -> Any:
    plan, lengths = sizes(shape, 1)
    return broadcast_to(array, *lengths, shape=plan)


def _to_batch(args: Any, axes: Any, *, shape: tuple[int | Arg, ...]) -> tuple[Any, int]:
    if any(a is not None for a in axes[1:]):
        raise TypeError("vmap: broadcast_to needs the same sizes in every batch element")
    x = pad_rank(move_axis(args[0], axes[0], 0), len(shape) + 1)
    plan, lead = sizes(shape_of(x)[:1], len(args))
    return broadcast_to(x, *args[1:], *lead, shape=(*plan, *shape)), 0


broadcast_to = linear(
    "broadcast_to",
    calls=((np.broadcast_to, _to_call),),
    infer=_to_infer,
    value=lambda x, *n, shape: np.broadcast_to(x, size_values(shape, (x, *n))),
    vjp=lambda ct, out, x, *n, shape: unbroadcast_to(ct, x),
    batch=_to_batch,
    source=_to_source,
    scalar="{}",
    alias=0,
    may_raise=(ValueError,),
    cost=Cost.FREE,
)


def _with_batch(args: Any, axes: Any) -> tuple[Any, int]:
    args = align(args, axes)
    if axes[0] is None:
        like = next(x for x, a in zip(args, axes, strict=True) if a is not None)
        args = (pad_rank(stretch(args[0], like), np.ndim(like)), *args[1:])
    return broadcast_with(*args), 0


def _with_source(*types: ArrayType) -> str:
    return f"np.broadcast_arrays({', '.join(['{}'] * len(types))})[0]"


# the first result of `np.broadcast_arrays`
broadcast_with = linear(
    "broadcast_with",
    calls=(
        (
            np.broadcast_arrays,
            lambda *args: tuple(
                broadcast_with(x, *args[:k], *args[k + 1 :]) for k, x in enumerate(args)
            ),
        ),
    ),
    infer=lambda *types: ArrayType(types[0].dtype, broadcast_shapes(*(t.shape for t in types))),
    value=lambda *args: np.broadcast_arrays(*args)[0],
    vjp=lambda ct, out, x, *others: unbroadcast_to(ct, x),
    batch=_with_batch,
    source=_with_source,
    alias=0,
    may_raise=(ValueError,),
    cost=Cost.FREE,
)


def broadcast_axes(shape: Shape, wide: Shape) -> tuple[int, ...] | None:
    """The axes of `wide` along which `shape` was broadcast; None if only known at run time."""
    lead = len(wide) - len(shape)
    axes = list(range(lead))
    for k, (dim, out) in enumerate(zip(shape, wide[lead:], strict=True)):
        if same(dim, out) or not may_be_one(dim):
            continue
        if dim != 1 or may_be_one(out):
            return None
        axes.append(lead + k)
    return tuple(axes)


# --- sums -----------------------------------------------------------------------------------


def _sum_infer(x: ArrayType, *, axes: tuple[int, ...], keepdims: bool = False) -> ArrayType:
    return array(sum_dtype(x.dtype), reduced(x.shape, axes, keepdims))


def sum_call(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = None,
) -> Any:
    """The meaning of np.sum over all elements."""
    reject("sum", out=out)
    found = sum_(to_dtype(a, dtype), **kept(reduced_axes(axis, np.ndim(a)), keepdims))
    total = to_dtype(found, dtype)
    return total if initial is None else total + to_dtype(initial, dtype_of(total))


def _sum_vjp(
    ct: Any, out: Any, x: Any, *, axes: tuple[int, ...], keepdims: bool = False
) -> Any:
    return broadcast_like(spread(ct, axes, keepdims), x)


def spread(out: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    """A reduction's result, so that it broadcasts against its operand."""
    leading = axes == tuple(range(len(axes)))
    return out if leading and not keepdims else restore_axes(out, axes, keepdims)


sum_ = linear(
    "sum",
    calls=(),
    infer=_sum_infer,
    value=lambda x, *, axes, keepdims=False: np.sum(x, axis=axes, keepdims=keepdims),
    vjp=_sum_vjp,
    batch=to_front(lambda: sum_, shift_axes),
    batch_last=in_place(lambda: sum_),
    source=lambda x, *, axes, keepdims=False: reduction_source(
        "np.sum", x.rank, axes, keepdims
    ),
    scalar=Folds(lambda x, *, axes, keepdims=False: summing(sum_dtype(x.dtype), axes)),
    noun="total",
    flat=lambda x, *, axes, keepdims=False: (x,),
)


def unbroadcast_to(ct: Any, like: Any) -> Any:
    """`ct` summed down to the shape of `like`, at staging where the types tell how."""
    wide, shape = np_shape(ct), np_shape(like)
    axes = broadcast_axes(shape, wide)
    if axes is None:
        return unbroadcast(ct, like)
    lead = tuple(a for a in axes if a < len(wide) - len(shape))
    kept = tuple(a for a in axes if a >= len(wide) - len(shape))
    if kept:
        ct = sum_(ct, axes=kept, keepdims=True)
    return sum_(ct, axes=lead) if lead else ct


def fit(ct: Any, like: Any) -> Any:
    """A cotangent of a broadcast and promoted operand, in the shape and dtype of `like`."""
    return fit_dtype(unbroadcast_to(ct, like), dtype_of(like))


OPS: tuple[Op, ...] = (
    broadcast_like, filled, unbroadcast, stretch, broadcast_to, broadcast_with, sum_,
)  # fmt: skip
