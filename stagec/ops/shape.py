"""Reshaping: the same elements in another shape, and raising the rank.

The sizes of a new shape are static or staged; a staged one is an operand, named by an `Arg`
that counts from the first operand after the array, as in paths.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from stagec.ir.core import LIBRARY, Calls, Cost, Library, Op
from stagec.ir.path import Arg, Reshape
from stagec.ir.types import ArrayType, Dim, affine, same_shape
from stagec.ops.axes import expand_dims, move_axis, np_shape, shape_of, transpose
from stagec.ops.broadcast import batched
from stagec.ops.copying import copy as duplicate
from stagec.ops.family import linear, made_by, size_values, sizes
from stagec.ops.paths import path_type

Plan = tuple[int | Arg, ...]


def at_least(x: Any, rank: int) -> Any:
    """`x` as NumPy's atleast_1d, atleast_2d and atleast_3d make it."""
    have = np.ndim(x)
    if have >= rank:
        return x
    if have == 0:
        return expand_dims(x, axes=tuple(range(rank)))
    return expand_dims(x, axes={(1, 2): (0,), (1, 3): (0, 2), (2, 3): (2,)}[have, rank])


def _at_least_call(rank: int) -> Callable[..., Any]:
    def call(*arys: Any) -> Any:
        found = tuple(at_least(a, rank) for a in arys)
        return found[0] if len(found) == 1 else found

    return call


def total_size(dims: Any) -> Any:
    """The product of sizes, static or staged."""
    total: Any = 1
    for size in dims:
        total = size if isinstance(total, int) and total == 1 else total * size
    return total


def product_dim(dims: Any) -> Dim:
    """The product of static sizes where it is affine, else None."""
    factor, symbolic = 1, []
    for d in dims:
        if isinstance(d, int):
            factor *= d
        else:
            symbolic.append(d)
    if not symbolic:
        return factor
    return affine((symbolic[0], factor)) if len(symbolic) == 1 else None


def _reshape_call(a: Any, /, shape: Any, order: str = "C", *, copy: Any = None) -> Any:
    found = _reshaped(a, shape, order)
    return duplicate(found) if copy else found


def _reshaped(a: Any, shape: Any, order: str) -> Any:
    plan, lengths = sizes(shape)
    if order == "F":
        flipped = transpose(a, axes=tuple(reversed(range(np.ndim(a)))))
        plan = tuple(reversed(plan))
        out = reshape(flipped, *lengths, shape=plan)
        return transpose(out, axes=tuple(reversed(range(len(plan)))))
    if order != "C":
        raise TypeError(f"reshape: order={order!r} depends on the memory layout")
    return reshape(a, *lengths, shape=plan)


def _reshape_infer(x: ArrayType, *n: ArrayType, shape: Plan) -> ArrayType:
    return path_type(x, (Reshape(shape),), n)


def _reshape_call_in_kernel(x: ArrayType, *n: ArrayType, shape: Plan) -> str | Library:
    """Compiled code has reshapes of contiguous memory only: the rest is copied first."""
    parts = [f"{{{s.position + 1}}}" if isinstance(s, Arg) else str(s) for s in shape]
    if x.kind != "array" or not x.rank or not parts:
        return LIBRARY
    return f"kernels.reshape({{0}}, ({', '.join(parts)}{',' * (len(parts) == 1)}))"


def _reshape_source(x: ArrayType, *n: ArrayType, shape: Plan) -> str:
    parts = [f"{{{s.position + 1}}}" if isinstance(s, Arg) else str(s) for s in shape]
    if x.kind == "array" and parts:
        return f"{{0}}.reshape({', '.join(parts)})"
    return f"np.reshape({{0}}, ({', '.join(parts)}{',' * (len(parts) == 1)}))"


def _reshape_batch(args: Any, axes: Any, *, shape: Plan) -> tuple[Any, int]:
    if any(a is not None for a in axes[1:]):
        raise TypeError("vmap: reshape needs the same sizes in every batch element")
    x = move_axis(args[0], axes[0], 0)
    lead, lengths = sizes(shape_of(x)[:1], len(args) - 1)
    return reshape(x, *args[1:], *lengths, shape=(*lead, *shape)), 0


def _reshape_last(args: Any, wide: Any, *, shape: Plan) -> Any:
    if any(wide[1:]):
        return None
    x = args[0]
    tail, lengths = sizes(shape_of(x)[-1:], len(args) - 1)
    return reshape(x, *args[1:], *lengths, shape=(*shape, *tail))


def _flat_last(args: Any, wide: Any) -> Any:
    plan, lengths = sizes((-1, *shape_of(args[0])[-1:]))
    return reshape(args[0], *lengths, shape=plan)


def _reshape_again(x: Any, *n: Any, shape: Plan) -> Any:
    """A reshape of a reshape is one reshape."""
    for op in (reshape, reshape_like):
        if inner := made_by(x, op):
            return reshape(inner[0][0], *n, shape=shape)
    return None


def _reshape_same(x: Any, *n: Any, shape: Plan) -> Any:
    wanted = path_type(x.type, (Reshape(shape),), tuple(a.type for a in n))
    return x if x.type.kind == "array" and same_shape(x.shape, wanted.shape) else None


reshape = linear(
    "reshape",
    calls=(
        (np.reshape, _reshape_call),
        (np.atleast_1d, _at_least_call(1)),
        (np.atleast_2d, _at_least_call(2)),
        (np.atleast_3d, _at_least_call(3)),
    ),
    infer=_reshape_infer,
    value=lambda x, *n, shape: np.reshape(x, size_values(shape, n)),
    vjp=lambda ct, out, x, *n, shape: reshaped_like(ct, x),
    batch=_reshape_batch,
    batch_last=_reshape_last,
    source=_reshape_source,
    scalar=Calls(_reshape_call_in_kernel, path=lambda *, shape: (Reshape(shape),)),
    alias=0,
    may_raise=(ValueError,),
    cost=Cost.FREE,
    rewrites=(_reshape_same, _reshape_again),
)


def reshaped_like(x: Any, like: Any) -> Any:
    """`x` in the shape of `like`, which has as many elements."""
    shape = np_shape(like)
    if same_shape(np_shape(x), shape):
        return x
    if all(isinstance(s, int) for s in shape):
        return reshape(x, shape=tuple(shape)) if shape else reshape_like(x, like)
    return reshape(x, shape=(-1,)) if len(shape) == 1 else reshape_like(x, like)


def _like_batch(args: Any, axes: Any) -> tuple[Any, int]:
    return reshape_like(*batched(args, axes)), 0


def _like_static(x: Any, like: Any) -> Any:
    if same_shape(x.shape, like.shape):
        return x if x.type.kind == ("array" if like.shape else "np") else None
    static = like.shape and all(isinstance(s, int) for s in like.shape)
    return reshape(x, shape=like.shape) if static else None


# `x` in the shape of `like`, whose values do not matter
reshape_like = linear(
    "reshape_like",
    calls=(),
    infer=lambda x, like: ArrayType(x.dtype, like.shape, "array" if like.shape else "np"),
    value=lambda x, like: (
        np.reshape(x, np.shape(like)) if np.ndim(like) else np.reshape(x, ())[()]
    ),
    vjp=lambda ct, out, x, like: reshaped_like(ct, x),
    batch=_like_batch,
    source=lambda x, like: (
        "np.reshape({}, {}.shape)" if like.rank else f"{{0}}[{', '.join('0' * x.rank) or '()'}]"
    ),
    scalar=Calls(
        lambda x, like: "kernels.reshape({}, {}.shape)" if x.rank and like.rank else LIBRARY
    ),
    alias=0,
    may_raise=(ValueError,),
    cost=Cost.FREE,
    rewrites=(_like_static,),
)


def _flat_infer(x: ArrayType) -> ArrayType:
    return path_type(x, (Reshape((-1,)),), ())


def _flat_batch(args: Any, axes: Any) -> tuple[Any, int]:
    x = move_axis(args[0], axes[0], 0)
    plan, lengths = sizes((*shape_of(x)[:1], -1))
    return reshape(x, *lengths, shape=plan), 0


def _ravel_call(a: Any, order: str = "C") -> Any:
    if order == "F":
        a = transpose(a, axes=tuple(reversed(range(np.ndim(a)))))
    elif order != "C":
        raise TypeError(f"ravel: order={order!r} depends on the memory layout")
    return ravel(a)


def _flatten_call(a: Any, order: str = "C") -> Any:
    if order == "F":
        a = transpose(a, axes=tuple(reversed(range(np.ndim(a)))))
    elif order != "C":
        raise TypeError(f"flatten: order={order!r} depends on the memory layout")
    return flatten(a)


ravel = linear(
    "ravel",
    calls=((np.ravel, _ravel_call),),
    infer=_flat_infer,
    value=np.ravel,
    vjp=lambda ct, out, x: reshaped_like(ct, x),
    batch=_flat_batch,
    batch_last=_flat_last,
    source=lambda x: "{}.ravel()" if x.kind == "array" else "np.ravel({})",
    scalar=Calls(
        lambda x: "kernels.reshape({}, (-1,))" if x.rank else LIBRARY,
        path=lambda: (Reshape((-1,)),),
    ),
    alias=0,
    cost=Cost.FREE,
)
flatten = linear(
    "flatten",
    calls=((np.ndarray.flatten, _flatten_call),),
    infer=_flat_infer,
    value=lambda x: np.array(x).flatten(),
    vjp=lambda ct, out, x: reshaped_like(ct, x),
    batch=_flat_batch,
    batch_last=_flat_last,
    source=lambda x: "{}.flatten()",
    cost=Cost.CHEAP,
)


OPS: tuple[Op, ...] = (reshape, reshape_like, ravel, flatten)
