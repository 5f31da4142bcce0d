"""QR and eigenvalue decompositions.

Values and vectors are results of one op, and a rule reads only the cotangents that it is given:
derivatives of eigenvalues are finite where they repeat, those of vectors are not (they do not
exist there).

Reference: M. Giles, Collected matrix derivative results for forward and reverse mode (2008).
"""

from __future__ import annotations

from typing import Any

import numpy as np

import stagec_runtime as rt
from stagec.ir.core import Op
from stagec.ir.types import ArrayType, Dim, same
from stagec.ops.axes import length, no_shift, np_shape, to_front
from stagec.ops.bilinear_rules import sum_terms
from stagec.ops.broadcast import sum_
from stagec.ops.cast import conjugate, fit_dtype, imag
from stagec.ops.composite import composite
from stagec.ops.creation import zeros_like
from stagec.ops.diagonals import diagonal, embed_diagonal, tril
from stagec.ops.family import make, static
from stagec.ops.joining import concatenate, part_of
from stagec.ops.linalg import solve
from stagec.ops.matrices import (
    LinAlgError,
    adjoint,
    check_matrix,
    hermitian_of,
    inverse_gaps,
    linalg_dtype,
    peaks,
    real_dtype,
    real_part,
    row,
    triangle_of,
)
from stagec.ops.products import matmul

QRResult = type(np.linalg.qr(np.eye(1)))
EighResult = type(np.linalg.eigh(np.eye(1)))
EigResult = type(np.linalg.eig(np.eye(1)))


def smaller(a: Dim, b: Dim) -> Dim:
    """The smaller of two sizes, where it is known."""
    if isinstance(a, int) and isinstance(b, int):
        return min(a, b)
    return a if same(a, b) else None


def _add(a: Any, b: Any) -> Any:
    return b if a is None else a if b is None else a + b


def diagonal_of(x: Any) -> Any:
    """The diagonals of the matrices."""
    rank = np.ndim(x)
    return diagonal(x, offset=0, axis1=rank - 2, axis2=rank - 1)


def embedded(x: Any, like: Any) -> Any:
    """Diagonal matrices of the shape and element type of `like`."""
    x = fit_dtype(x, np.dtype(like.dtype))
    rank = np.ndim(like)
    return embed_diagonal(x, like, offset=0, axis1=rank - 2, axis2=rank - 1)


def columns_of(x: Any, start: Any, stop: Any) -> Any:
    """Some columns of each matrix."""
    return part_of(x, np.ndim(x) - 1, start, stop)


# --- QR ------------------------------------------------------------------------------------


def _qr_call(a: Any, mode: Any = "reduced") -> Any:
    mode = static(mode, "mode")
    if mode not in ("reduced", "complete", "r"):
        raise TypeError(f"qr: mode {mode!r} is not supported")
    found = qr(a, mode="reduced" if mode == "r" else mode)
    return found[1] if mode == "r" else QRResult(*found)


def _qr_infer(a: ArrayType, *, mode: str) -> tuple[ArrayType, ArrayType]:
    check_matrix("qr", a)
    dtype = linalg_dtype("qr", a)
    *stack, m, n = a.shape
    k = m if mode == "complete" else smaller(m, n)
    return ArrayType(dtype, (*stack, m, k)), ArrayType(dtype, (*stack, k, n))


def _may_be_wide(a: Any, mode: str) -> bool:
    """Whether there may be more columns than rows."""
    *_, m, n = np_shape(a)
    if not (isinstance(m, int) and isinstance(n, int)):
        return not same(m, n)
    if mode == "complete" and m > n:
        raise TypeError("qr: mode 'complete' of a tall matrix has no derivative")
    return m < n


def _qr_vjp(cts: Any, outs: Any, a: Any, *, mode: str) -> tuple[Any]:
    (ct_q, ct_r), (q, r) = cts, outs
    if not _may_be_wide(a, mode):
        return (_qr_tall_vjp(ct_q, ct_r, q, r),)
    # the columns beyond the square part are q times theirs in r
    count = length(q, np.ndim(q) - 1)
    rest = columns_of(a, count, None)
    head_r, rest_bar = None, zeros_like(rest, dtype=np.dtype(a.dtype))
    if ct_r is not None:
        head_r, rest_ct = columns_of(ct_r, None, count), columns_of(ct_r, count, None)
        ct_q = sum_terms(ct_q, matmul(rest, adjoint(rest_ct)))
        rest_bar = matmul(q, rest_ct)
    head_bar = _qr_tall_vjp(ct_q, head_r, q, columns_of(r, None, count))
    return (concatenate(head_bar, rest_bar, axis=np.ndim(a) - 1),)


def _qr_tall_vjp(ct_q: Any, ct_r: Any, q: Any, r: Any) -> Any:
    mixed = sum_terms(
        None if ct_r is None else matmul(r, adjoint(ct_r)),
        None if ct_q is None else -matmul(adjoint(ct_q), q),
    )
    low = tril(mixed, k=-1)
    full = low + adjoint(low) + embedded(real_part(diagonal_of(mixed)), mixed)
    return adjoint(solve(r, adjoint(sum_terms(ct_q, matmul(q, full)))))


def _qr_jvp(dxs: Any, outs: Any, a: Any, *, mode: str) -> tuple[Any, Any]:
    (da,), (q, r) = dxs, outs
    if not _may_be_wide(a, mode):
        return _qr_tall_jvp(da, q, r)
    count = length(q, np.ndim(q) - 1)
    dq, dr = _qr_tall_jvp(columns_of(da, None, count), q, columns_of(r, None, count))
    rest = matmul(adjoint(dq), columns_of(a, count, None))
    rest = rest + matmul(adjoint(q), columns_of(da, count, None))
    return dq, concatenate(dr, rest, axis=np.ndim(a) - 1)


def _qr_tall_jvp(da: Any, q: Any, r: Any) -> tuple[Any, Any]:
    scaled = adjoint(solve(adjoint(r), adjoint(da)))
    inner = matmul(adjoint(q), scaled)
    low = tril(inner, k=-1)
    skew = low - adjoint(low)
    if np.dtype(inner.dtype).kind == "c":
        skew = skew + embedded(1j * imag(diagonal_of(inner)), inner)
    return scaled - matmul(q, inner - skew), matmul(inner - skew, r)


qr = make(
    "qr",
    calls=((np.linalg.qr, _qr_call),),
    infer=_qr_infer,
    value=lambda a, *, mode: tuple(np.linalg.qr(a, mode)),
    vjp=_qr_vjp,
    jvp=_qr_jvp,
    batch=to_front(lambda: qr, no_shift),
    source=lambda a, *, mode: (
        "np.linalg.qr({})" if mode == "reduced" else f"np.linalg.qr({{}}, {mode!r})"
    ),
    may_raise=(LinAlgError,),
)


# --- Hermitian eigenvalues -----------------------------------------------------------------


def _triangle(triangle: Any) -> str:
    triangle = static(triangle, "UPLO").upper()
    if triangle not in ("L", "U"):
        raise TypeError("UPLO must be 'L' or 'U'")
    return triangle


def _eigh_infer(a: ArrayType, *, triangle: str) -> tuple[ArrayType, ArrayType]:
    check_matrix("eigh", a, square=True)
    dtype = linalg_dtype("eigh", a)
    return ArrayType(real_dtype(dtype), a.shape[:-1]), ArrayType(dtype, a.shape)


def _eigh_vjp(cts: Any, outs: Any, a: Any, *, triangle: str) -> tuple[Any]:
    (ct_w, ct_v), (w, v) = cts, outs
    if ct_v is None:
        middle = matmul(v * row(ct_w), adjoint(v))
    else:
        inner = inverse_gaps(w) * matmul(adjoint(v), ct_v)
        if ct_w is not None:
            inner = inner + embedded(ct_w, inner)
        middle = matmul(matmul(v, inner), adjoint(v))
    return (triangle_of(middle, triangle),)


def _eigh_jvp(dxs: Any, outs: Any, a: Any, *, triangle: str) -> tuple[Any, Any]:
    w, v = outs
    inner = matmul(matmul(adjoint(v), hermitian_of(dxs[0], triangle)), v)
    return real_part(diagonal_of(inner)), matmul(v, inverse_gaps(w) * inner)


def _eigh_source(name: str) -> Any:
    return lambda a, *, triangle: (
        f"np.linalg.{name}({{}})" if triangle == "L" else f"np.linalg.{name}({{}}, UPLO='U')"
    )


eigh = make(
    "eigh",
    calls=(
        (
            np.linalg.eigh,
            lambda a, UPLO="L": EighResult(*eigh(a, triangle=_triangle(UPLO))),
        ),
    ),
    infer=_eigh_infer,
    value=lambda a, *, triangle: tuple(np.linalg.eigh(a, triangle)),
    vjp=_eigh_vjp,
    jvp=_eigh_jvp,
    batch=to_front(lambda: eigh, no_shift),
    source=_eigh_source("eigh"),
    may_raise=(LinAlgError,),
)

eigvalsh = composite(
    "eigvalsh",
    calls=((np.linalg.eigvalsh, lambda a, UPLO="L": eigvalsh(a, triangle=_triangle(UPLO))),),
    value=lambda a, *, triangle: np.linalg.eigvalsh(a, triangle),
    expand=lambda a, *, triangle: eigh(a, triangle=triangle)[0],
    source=_eigh_source("eigvalsh"),
    may_raise=(LinAlgError,),
)


# --- general eigenvalues -------------------------------------------------------------------


def _eig_infer(a: ArrayType) -> tuple[ArrayType, ArrayType]:
    check_matrix("eig", a, square=True)
    dtype = np.result_type(linalg_dtype("eig", a), np.complex64)
    return ArrayType(dtype, a.shape[:-1]), ArrayType(dtype, a.shape)


def _eig_vjp(cts: Any, outs: Any, a: Any) -> tuple[Any]:
    (ct_w, ct_v), (w, v) = cts, outs
    inner = None if ct_w is None else embedded(ct_w, v)
    if ct_v is not None:
        # columns have norm 1 and a real largest element: only moves that keep both count
        along = sum_(conjugate(ct_v) * v, axes=(np.ndim(v) - 2,))
        largest = peaks(v)
        size = sum_(largest * real_part(v), axes=(np.ndim(v) - 2,))
        ct_v = ct_v - v * row(real_part(along)) + largest * row(1j * imag(along) / size)
        turned = conjugate(inverse_gaps(w)) * matmul(adjoint(v), ct_v)
        inner = sum_terms(inner, turned)
    a_bar = solve(adjoint(v), matmul(inner, adjoint(v)))
    return (fit_dtype(a_bar, np.dtype(a.dtype)),)


def _eig_jvp(dxs: Any, outs: Any, a: Any) -> tuple[Any, Any]:
    w, v = outs
    inner = solve(v, matmul(dxs[0], v))
    dv = matmul(v, inverse_gaps(w) * inner)
    along = real_part(sum_(conjugate(v) * dv, axes=(np.ndim(v) - 2,)))
    largest = peaks(v)
    turn = sum_(largest * imag(dv), axes=(np.ndim(v) - 2,))
    turn = turn / sum_(largest * real_part(v), axes=(np.ndim(v) - 2,))
    return diagonal_of(inner), dv - v * row(along + 1j * turn)


eig = make(
    "eig",
    calls=((np.linalg.eig, lambda a: EigResult(*eig(a))),),
    infer=_eig_infer,
    value=lambda a: rt.eig(a),
    vjp=_eig_vjp,
    jvp=_eig_jvp,
    batch=to_front(lambda: eig, no_shift),
    source="rt.eig({})",
    may_raise=(LinAlgError,),
)

eigvals = composite(
    "eigvals",
    calls=((np.linalg.eigvals, lambda a: eigvals(a)),),
    value=lambda a: rt.eigvals(a),
    expand=lambda a: eig(a)[0],
    source="rt.eigvals({})",
    may_raise=(LinAlgError,),
)


OPS: tuple[Op, ...] = (qr, eigh, eigvalsh, eig, eigvals)
