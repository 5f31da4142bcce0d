"""The singular value decomposition.

Derivatives of singular values are finite where they repeat.  Vectors that only fill up a basis
(`full_matrices=True` of a matrix that is not square) have none: asking for one raises.

Reference: J. Townsend, Differentiating the singular value decomposition (2016).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from stagec.ir.core import Op
from stagec.ir.types import ArrayType, same
from stagec.ops.axes import length, no_shift, np_shape, to_front
from stagec.ops.bilinear_rules import sum_terms
from stagec.ops.cast import imag
from stagec.ops.comparison import equal
from stagec.ops.composite import composite
from stagec.ops.decompositions import columns_of, diagonal_of, embedded, smaller
from stagec.ops.effects import check
from stagec.ops.family import make, static
from stagec.ops.joining import concatenate, part_of
from stagec.ops.matrices import (
    LinAlgError,
    adjoint,
    check_matrix,
    column,
    inverse_gaps,
    linalg_dtype,
    real_dtype,
    real_part,
    row,
)
from stagec.ops.products import matmul
from stagec.ops.reduction import count_nonzero

SVDResult = type(np.linalg.svd(np.eye(1)))
NO_DERIVATIVE = (
    "the singular vectors that fill up a basis have no derivative: use full_matrices=False"
)


def _svd_call(
    a: Any, full_matrices: Any = True, compute_uv: Any = True, hermitian: Any = False
) -> Any:
    if static(hermitian, "hermitian"):
        raise TypeError("svd: hermitian=True is not supported")
    if not static(compute_uv, "compute_uv"):
        return svdvals(a)
    return SVDResult(*svd(a, full=bool(static(full_matrices, "full_matrices"))))


def _svd_infer(a: ArrayType, *, full: bool) -> tuple[ArrayType, ArrayType, ArrayType]:
    check_matrix("svd", a)
    dtype = linalg_dtype("svd", a)
    *stack, m, n = a.shape
    k = smaller(m, n)
    rows, columns = (m, n) if full else (k, k)
    return (
        ArrayType(dtype, (*stack, m, rows)),
        ArrayType(real_dtype(dtype), (*stack, k)),
        ArrayType(dtype, (*stack, columns, n)),
    )


def _surely_thin(a: Any, full: bool) -> bool:
    """Whether there are as many vectors on both sides as singular values."""
    return not full or same(*np_shape(a)[-2:])


def _thin(u: Any, vh: Any, s: Any) -> tuple[Any, Any]:
    """The vectors that belong to singular values; either may be None."""
    count = length(s, np.ndim(s) - 1)
    return (
        None if u is None else columns_of(u, None, count),
        None if vh is None else part_of(vh, np.ndim(vh) - 2, None, count),
    )


def _check_unused(ct_u: Any, ct_vh: Any, s: Any) -> None:
    """Refuse cotangents of the vectors that only fill up a basis: they have no derivative."""
    count = length(s, np.ndim(s) - 1)
    rests = [] if ct_u is None else [columns_of(ct_u, count, None)]
    rests += [] if ct_vh is None else [part_of(ct_vh, np.ndim(ct_vh) - 2, count, None)]
    for rest in rests:
        unused = equal(count_nonzero(rest, axes=tuple(range(np.ndim(rest)))), 0)
        check(unused, NO_DERIVATIVE, exception=ValueError)


def _svd_vjp(cts: Any, outs: Any, a: Any, *, full: bool) -> tuple[Any]:
    (ct_u, ct_s, ct_vh), (u, s, vh) = cts, outs
    if not _surely_thin(a, full):
        _check_unused(ct_u, ct_vh, s)
        (u, vh), (ct_u, ct_vh) = _thin(u, vh, s), _thin(ct_u, ct_vh, s)
    if ct_u is None and ct_vh is None:
        return (matmul(u * row(ct_s), vh),)
    gaps = inverse_gaps(s * s)
    inner = None if ct_s is None else embedded(ct_s, gaps)
    outer = None
    if ct_u is not None:
        moved = matmul(adjoint(u), ct_u)
        inner = sum_terms(inner, gaps * (moved - adjoint(moved)) * row(s))
        if np.dtype(a.dtype).kind == "c":
            inner = inner + embedded(1j * imag(diagonal_of(moved)) / s, moved)
        outer = matmul((ct_u - matmul(u, moved)) / row(s), vh)
    if ct_vh is not None:
        ct_v = adjoint(ct_vh)
        moved = matmul(vh, ct_v)
        inner = sum_terms(inner, column(s) * (gaps * (moved - adjoint(moved))))
        beyond = adjoint((ct_v - matmul(adjoint(vh), moved)) / row(s))
        outer = sum_terms(outer, matmul(u, beyond))
    return (matmul(matmul(u, inner), vh) + outer,)


def _svd_jvp(dxs: Any, outs: Any, a: Any, *, full: bool) -> tuple[Any, Any, Any]:
    (da,), (u, s, vh) = dxs, outs
    thin_u, thin_vh = (u, vh) if _surely_thin(a, full) else _thin(u, vh, s)
    v = adjoint(thin_vh)
    inner = matmul(matmul(adjoint(thin_u), da), v)
    ds = real_part(diagonal_of(inner))
    gaps = inverse_gaps(s * s)
    turn_u = gaps * (inner * row(s) + column(s) * adjoint(inner))
    turn_v = gaps * (column(s) * inner + adjoint(inner) * row(s))
    if np.dtype(a.dtype).kind == "c":
        turn_u = turn_u + embedded(1j * imag(diagonal_of(inner)) / s, inner)
    beyond_u = matmul(da, v) - matmul(thin_u, inner)
    beyond_v = matmul(adjoint(da), thin_u) - matmul(v, adjoint(inner))
    du = matmul(thin_u, turn_u) + beyond_u / row(s)
    dv = matmul(v, turn_v) + beyond_v / row(s)
    if _surely_thin(a, full):
        return du, ds, adjoint(dv)
    # the vectors that fill up the basis move in ways that the matrix does not tell
    count = length(s, np.ndim(s) - 1)
    rest_u = np.nan * columns_of(u, count, None)
    rest_v = np.nan * part_of(vh, np.ndim(vh) - 2, count, None)
    du = concatenate(du, rest_u, axis=np.ndim(u) - 1)
    return du, ds, concatenate(adjoint(dv), rest_v, axis=np.ndim(vh) - 2)


svd = make(
    "svd",
    calls=((np.linalg.svd, _svd_call),),
    infer=_svd_infer,
    value=lambda a, *, full: tuple(np.linalg.svd(a, full)),
    vjp=_svd_vjp,
    jvp=_svd_jvp,
    batch=to_front(lambda: svd, no_shift),
    source=lambda a, *, full: (
        "np.linalg.svd({})" if full else "np.linalg.svd({}, full_matrices=False)"
    ),
    may_raise=(LinAlgError,),
)

svdvals = composite(
    "svdvals",
    calls=((np.linalg.svdvals, lambda x, /: svdvals(x)),),
    value=lambda a: np.linalg.svd(a, compute_uv=False),
    expand=lambda a: svd(a, full=False)[1],
    source="np.linalg.svd({}, compute_uv=False)",
    may_raise=(LinAlgError,),
)


OPS: tuple[Op, ...] = (svd, svdvals)
