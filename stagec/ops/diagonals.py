"""Diagonals and triangles of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

import stagec_runtime as rt
from stagec.ir.core import LIBRARY, NATIVE, Cost, Expands, Library, Moves, Op
from stagec.ir.path import Arg
from stagec.ir.types import ArrayType, Dim, affine, lengthened, same
from stagec.ops.axes import expand_dims, length, move_axis, no_shift, normal_axis, to_front
from stagec.ops.broadcast import batched, broadcast_to, sum_
from stagec.ops.cast import astype
from stagec.ops.comparison import equal, greater_equal, less_equal
from stagec.ops.composite import composite
from stagec.ops.creation import dtype_option, no_batch
from stagec.ops.family import (
    constant,
    linear,
    near,
    size_text,
    size_types,
    size_values,
    sizes,
    static,
)
from stagec.ops.masks import mask
from stagec.ops.ranges import counted
from stagec.ops.shape import ravel


def _diagonal_dim(rows: Dim, columns: Dim, offset: int) -> Dim:
    if isinstance(rows, int) and isinstance(columns, int):
        return max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
    return affine((rows, 1), const=-abs(offset)) if same(rows, columns) else None


def _shift(*, axis1: int, axis2: int, offset: int) -> dict[str, int]:
    return {"axis1": axis1 + 1, "axis2": axis2 + 1, "offset": offset}


def _diagonal_infer(x: ArrayType, *, offset: int, axis1: int, axis2: int) -> ArrayType:
    rest = [d for k, d in enumerate(x.shape) if k not in (axis1, axis2)]
    size = _diagonal_dim(x.shape[axis1], x.shape[axis2], offset)
    return ArrayType(x.dtype, (*rest, size))


def _options(offset: int, axis1: int, axis2: int) -> str:
    tail = f", axis1={axis1}, axis2={axis2}" if (axis1, axis2) != (0, 1) else ""
    return (f", {offset}" if offset else "") + tail


def _diagonal_call(a: Any, offset: Any = 0, axis1: Any = 0, axis2: Any = 1) -> Any:
    rank = np.ndim(a)
    first, second = normal_axis(axis1, rank), normal_axis(axis2, rank)
    if first == second:
        raise ValueError("axis1 and axis2 cannot be the same")
    return diagonal(a, offset=static(offset, "offset"), axis1=first, axis2=second)


def _diagonal_moved(at: Any, *, offset: int, axis1: int, axis2: int) -> Any:
    """Where an element of a diagonal lies; None for one beside the main diagonal."""
    if offset:
        return None
    rest = iter(at[:-1])
    return tuple(at[-1] if k in (axis1, axis2) else next(rest) for k in range(len(at) + 1))


diagonal = linear(
    "diagonal",
    calls=(
        (np.diagonal, _diagonal_call),
        (
            np.linalg.diagonal,
            lambda x, /, *, offset=0: _diagonal_call(x, offset, np.ndim(x) - 2, np.ndim(x) - 1),
        ),
    ),
    infer=_diagonal_infer,
    value=lambda x, *, offset, axis1, axis2: np.diagonal(x, offset, axis1, axis2),
    vjp=lambda ct, out, x, **attrs: embed_diagonal(ct, x, **attrs),
    batch=to_front(lambda: diagonal, _shift),
    source=lambda x, **attrs: f"np.diagonal({{}}{_options(**attrs)})",
    scalar=Moves(_diagonal_moved, native=False),
    alias=0,
    cost=Cost.FREE,
)


def _embed_batch(args: Any, axes: Any, **attrs: Any) -> tuple[Any, int]:
    return embed_diagonal(*batched(args, axes), **_shift(**attrs)), 0


def _on_diagonal(d: Any) -> Any:
    """The diagonal matrix of a vector, in simpler ops."""
    rows = counted(length(d, 0), d)
    return mask(equal(expand_dims(rows, axes=(1,)), rows), d)


def _embedded(d: Any, like: Any, **attrs: Any) -> Any:
    return _on_diagonal(d)


def _embed_rule(d: ArrayType, like: ArrayType, *, offset: int, axis1: int, axis2: int) -> Any:
    """How the main diagonal of a square matrix is written in simpler ops."""
    square = like.rank == 2 and all(same(dim, d.shape[0]) for dim in like.shape)
    return (
        (lambda d, like, **attrs: _on_diagonal(d))
        if square and not offset and axis1 < axis2
        else None
    )


# zeros in the shape of `like`, with a diagonal: the transpose of `diagonal`
embed_diagonal = linear(
    "embed_diagonal",
    calls=(),
    infer=lambda d, like, **attrs: ArrayType(d.dtype, like.shape),
    value=lambda d, like, **attrs: rt.embed_diagonal(d, np.shape(like), **attrs),
    vjp=lambda ct, out, d, like, **attrs: diagonal(ct, **attrs),
    batch=_embed_batch,
    source=lambda d, like, **attrs: f"rt.embed_diagonal({{}}, {{}}.shape{_options(**attrs)})",
    scalar=Expands(_embed_rule, anywhere=True),
    cost=Cost.CHEAP,
)


def _diag_call(v: Any, k: Any = 0) -> Any:
    k = static(k, "k")
    if np.ndim(v) == 1:
        return diag(v, k=k)
    if np.ndim(v) != 2:
        raise ValueError("Input must be 1- or 2-d.")
    return diagonal(v, offset=k, axis1=0, axis2=1)


def _diag_infer(x: ArrayType, *, k: int) -> ArrayType:
    size = lengthened(x.shape[0], by=abs(k))
    return ArrayType(x.dtype, (size, size))


def _diag_batch(args: Any, axes: Any, *, k: int) -> tuple[Any, int]:
    return diag_rows(move_axis(args[0], axes[0], 0), k=k), 0


def _k_text(k: int) -> str:
    return f", {k}" if k else ""


diag = linear(
    "diag",
    calls=(
        (np.diag, _diag_call),
        (np.diagflat, lambda v, k=0: diag(ravel(v), k=static(k, "k"))),
    ),
    infer=_diag_infer,
    value=lambda x, *, k: np.diag(x, k),
    vjp=lambda ct, out, x, *, k: diagonal(ct, offset=k, axis1=0, axis2=1),
    batch=_diag_batch,
    source=lambda x, *, k: f"np.diag({{}}{_k_text(k)})",
    scalar=Expands(lambda x, *, k: None if k else lambda x, *, k: _on_diagonal(x)),
    cost=Cost.CHEAP,
)


def _rows_infer(x: ArrayType, *, k: int) -> ArrayType:
    size = lengthened(x.shape[-1], by=abs(k))
    return ArrayType(x.dtype, (*x.shape[:-1], size, size))


def _rows_vjp(ct: Any, out: Any, x: Any, *, k: int) -> Any:
    rank = np.ndim(ct)
    return diagonal(ct, offset=k, axis1=rank - 2, axis2=rank - 1)


# a diagonal matrix for each row along the last axis
diag_rows = linear(
    "diag_rows",
    calls=(),
    infer=_rows_infer,
    value=lambda x, *, k: rt.diag_rows(x, k),
    vjp=_rows_vjp,
    batch=to_front(lambda: diag_rows, no_shift),
    source=lambda x, *, k: f"rt.diag_rows({{}}, {k})",
    cost=Cost.CHEAP,
)


def _trace_expand(x: Any, *, offset: int, axis1: int, axis2: int) -> Any:
    inner = diagonal(x, offset=offset, axis1=axis1, axis2=axis2)
    return sum_(inner, axes=(np.ndim(x) - 2,))


def _trace_call(
    a: Any, offset: Any = 0, axis1: Any = 0, axis2: Any = 1, dtype: Any = None, out: None = None
) -> Any:
    a = a if dtype is None else astype(a, dtype=np.dtype(dtype))
    rank = np.ndim(a)
    axes = {"axis1": normal_axis(axis1, rank), "axis2": normal_axis(axis2, rank)}
    found = trace(a, offset=static(offset, "offset"), **axes)
    return found if dtype is None else astype(found, dtype=np.dtype(dtype))


trace = composite(
    "trace",
    calls=(
        (np.trace, _trace_call),
        (
            np.linalg.trace,
            lambda x, /, *, offset=0, dtype=None: _trace_call(
                x, offset, np.ndim(x) - 2, np.ndim(x) - 1, dtype
            ),
        ),
    ),
    value=lambda x, *, offset, axis1, axis2: np.trace(x, offset, axis1, axis2),
    expand=_trace_expand,
    source=lambda x, **attrs: f"np.trace({{}}{_options(**attrs)})",
)


# --- triangles -----------------------------------------------------------------------------


def in_triangle(compare: Op, x: Any, k: int = 0) -> Any:
    """Where a row's number and `k` compare so with the column's, in each matrix of a stack."""
    rank = np.ndim(x)
    rows, columns = (counted(length(x, axis), x) for axis in (rank - 2, rank - 1))
    return compare(expand_dims(rows, axes=(1,)), columns - k if k else columns)


def _triangle(function: Any, inside: Op) -> Op:
    name = function.__name__

    def call(m: Any, k: Any = 0) -> Any:
        if np.ndim(m) == 1:  # each row of a square matrix
            n = length(m, 0)
            plan, staged = sizes((n, n), 1)
            m = broadcast_to(m, *staged, shape=plan)
        elif np.ndim(m) == 0:
            raise TypeError(f"{name} needs an array of at least one axis")
        return op(m, k=static(k, "k"))

    op = linear(
        name,
        calls=((function, call),),
        infer=lambda x, *, k: ArrayType(x.dtype, x.shape),
        value=lambda x, *, k: function(x, k),
        vjp=lambda ct, out, x, *, k: op(ct, k=k),
        batch=to_front(lambda: op, no_shift),
        source=lambda x, *, k: f"np.{name}({{}}{_k_text(k)})",
        scalar=Expands(lambda x, *, k: lambda x, *, k: mask(in_triangle(inside, x, k), x)),
        cost=Cost.CHEAP,
    )
    return op


tril = _triangle(np.tril, greater_equal)
triu = _triangle(np.triu, less_equal)


# --- constant matrices ---------------------------------------------------------------------


def _square_shape(rows: Any, columns: Any) -> tuple[Any, tuple[Any, ...]]:
    return sizes((rows,) if columns is None else (rows, columns))


def _eye_call(
    N: Any,
    M: Any = None,
    k: Any = 0,
    dtype: Any = float,
    order: str = "C",
    *,
    device: Any = None,
) -> Any:
    plan, staged = _square_shape(N, M)
    return near(
        (N, M), eye, *staged, shape=plan, k=static(k, "k"), dtype=np.dtype(dtype or float)
    )


def _identity_call(n: Any, dtype: Any = None) -> Any:
    return _eye_call(n, dtype=dtype)


def _tri_call(N: Any, M: Any = None, k: Any = 0, dtype: Any = float) -> Any:
    plan, staged = _square_shape(N, M)
    return near(
        (N, M), tri, *staged, shape=plan, k=static(k, "k"), dtype=np.dtype(dtype or float)
    )


def _matrix(function: Any, calls: Any, scalar: Library) -> Op:
    """Eye or tri."""
    name = function.__name__

    def infer(
        *n: ArrayType, shape: tuple[int | Arg, ...], k: int, dtype: np.dtype
    ) -> ArrayType:
        dims = size_types(shape, n)
        return ArrayType(dtype, dims if len(dims) == 2 else dims * 2)

    def value(*n: Any, shape: tuple[int | Arg, ...], k: int, dtype: np.dtype) -> Any:
        return function(*size_values(shape, n), k=k, dtype=dtype)

    def source(*n: Any, shape: tuple[int | Arg, ...], k: int, dtype: np.dtype) -> str:
        tail = (f", k={k}" if k else "") + dtype_option(dtype)
        return f"np.{name}({', '.join(size_text((s,)) for s in shape)}{tail})"

    return constant(
        name,
        calls=calls,
        infer=infer,
        value=value,
        batch=no_batch(name),
        source=source,
        scalar=scalar,
        cost=Cost.CHEAP,
        may_raise=(ValueError, MemoryError),
    )


eye = _matrix(np.eye, ((np.eye, _eye_call), (np.identity, _identity_call)), NATIVE)
tri = _matrix(np.tri, ((np.tri, _tri_call),), LIBRARY)


OPS: tuple[Op, ...] = (
    diagonal,
    embed_diagonal,
    diag,
    diag_rows,
    trace,
    tril,
    triu,
    eye,
    tri,
)
