"""Pseudoinverse, least squares, rank and condition number.

Derivatives of the pseudoinverse are those along which the rank stays what it is.

Reference: G. Golub, V. Pereyra, The differentiation of pseudo-inverses and nonlinear least
squares problems whose variables separate (1973).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from stagec.ir.core import Op
from stagec.ir.path import Index, Slice
from stagec.ir.types import ArrayType
from stagec.ops.axes import length, no_shift, to_front
from stagec.ops.bilinear_rules import sum_terms
from stagec.ops.broadcast import sum_
from stagec.ops.cast import conjugate, fit_dtype
from stagec.ops.composite import composite
from stagec.ops.decompositions import diagonal_of, smaller
from stagec.ops.family import array, constant, make, number_text, sizes, static
from stagec.ops.fourier import fit_axis
from stagec.ops.indexing import read_at
from stagec.ops.linalg import inv
from stagec.ops.matrices import (
    LinAlgError,
    adjoint,
    check_matrix,
    column,
    flat_column,
    linalg_dtype,
    real_dtype,
    real_part,
    row,
)
from stagec.ops.norms import matrix_norm
from stagec.ops.products import matmul
from stagec.ops.singular import svd, svdvals

# --- pseudoinverse -------------------------------------------------------------------------


def _pinv_call(a: Any, rcond: Any = None, hermitian: Any = False, *, rtol: Any = None) -> Any:
    if static(hermitian, "hermitian"):
        raise TypeError("pinv: hermitian=True is not supported")
    cut = static(rtol if rcond is None else rcond, "rcond")
    return pinv(a, cut=None if cut is None else float(cut))


def _pinv_infer(a: ArrayType, *, cut: float | None) -> ArrayType:
    check_matrix("pinv", a)
    *stack, m, n = a.shape
    return ArrayType(linalg_dtype("pinv", a), (*stack, n, m))


def _without(basis: Any, back: Any, x: Any) -> Any:
    """`x` less its part in the range of `basis`, whose pseudoinverse is `back`."""
    return x - matmul(basis, matmul(back, x))


def _pinv_vjp(ct: Any, out: Any, a: Any, *, cut: float | None) -> tuple[Any]:
    back = adjoint(out)
    turned = adjoint(ct)
    first = matmul(matmul(back, ct), back)
    second = matmul(matmul(_without(a, out, turned), out), back)
    inner = adjoint(_without(out, a, ct))
    third = matmul(matmul(back, out), inner)
    return (second + third - first,)


def _pinv_jvp(dxs: Any, out: Any, a: Any, *, cut: float | None) -> Any:
    back, turned = adjoint(out), adjoint(dxs[0])
    first = matmul(matmul(out, dxs[0]), out)
    inner = adjoint(_without(a, out, adjoint(turned)))
    second = matmul(matmul(out, back), inner)
    third = matmul(matmul(_without(out, a, turned), back), out)
    return second + third - first


pinv = make(
    "pinv",
    calls=((np.linalg.pinv, _pinv_call),),
    infer=_pinv_infer,
    value=lambda a, *, cut: np.linalg.pinv(a) if cut is None else np.linalg.pinv(a, cut),
    vjp=_pinv_vjp,
    jvp=_pinv_jvp,
    batch=to_front(lambda: pinv, no_shift),
    source=lambda a, *, cut: "np.linalg.pinv({}" + ("" if cut is None else f", {cut!r}") + ")",
    may_raise=(LinAlgError,),
)


# --- least squares -------------------------------------------------------------------------


def _lstsq_call(a: Any, b: Any, rcond: Any = None) -> tuple[Any, ...]:
    cut = static(rcond, "rcond")
    return lstsq(a, b, cut=None if cut is None else float(cut))


def _lstsq_infer(a: ArrayType, b: ArrayType, *, cut: float | None) -> tuple[ArrayType, ...]:
    if a.rank != 2 or b.rank not in (1, 2):
        raise TypeError(f"lstsq: expected a matrix and one or two axes, got {a} and {b}")
    dtype = linalg_dtype("lstsq", a, b)
    m, n = a.shape
    return (
        ArrayType(dtype, (n, *b.shape[1:])),
        ArrayType(real_dtype(dtype), (None,)),  # none where the rank is not full
        ArrayType(np.dtype(np.int32), (), "np"),
        ArrayType(real_dtype(dtype), (smaller(m, n),)),
    )


def _wide(x: Any, b: Any) -> Any:
    """`x`, a vector if `b` is one, as a matrix."""
    return column(x) if np.ndim(b) == 1 else x


def _lstsq_vjp(cts: Any, outs: Any, a: Any, b: Any, *, cut: float | None) -> tuple[Any, Any]:
    (ct_x, ct_sums, _, ct_s), x = cts, _wide(outs[0], b)
    a_bars, b_bars = [], []
    if ct_x is not None:
        back = pinv(a, cut=cut)
        b_bars.append(matmul(adjoint(back), _wide(ct_x, b)))
        inverse_bar = matmul(_wide(ct_x, b), adjoint(_wide(b, b)))
        a_bars += _pinv_vjp(inverse_bar, back, a, cut=cut)
    if ct_sums is not None:
        # the sums of squares are at their minimum: that x moves changes nothing
        plan, staged = sizes(length(_wide(b, b), 1), 1)
        weights = fit_axis(ct_sums, *staged, axis=0, size=plan)
        moved = 2 * (_wide(b, b) - matmul(a, x)) * weights
        b_bars.append(moved)
        a_bars.append(-matmul(moved, adjoint(x)))
    if ct_s is not None:
        u, _, vh = svd(a, full=False)
        a_bars.append(matmul(u * row(ct_s), vh))
    a_bar, b_bar = sum_terms(*a_bars), sum_terms(*b_bars)
    if b_bar is not None and np.ndim(b) == 1:
        b_bar = flat_column(b_bar)
    return _fit(a_bar, a), _fit(b_bar, b)


def _fit(ct: Any, like: Any) -> Any:
    return None if ct is None else fit_dtype(ct, np.dtype(like.dtype))


def _lstsq_jvp(dxs: Any, outs: Any, a: Any, b: Any, *, cut: float | None) -> tuple[Any, ...]:
    (da, db), (x, sums, *_) = dxs, outs
    x, right, back = _wide(x, b), _wide(b, b), pinv(a, cut=cut)
    moved, dx, ds = None, None, None
    if db is not None:
        moved = _wide(db, b)
        dx = matmul(back, moved)
    if da is not None:
        moved = sum_terms(moved, -matmul(da, x))
        dx = sum_terms(dx, matmul(_pinv_jvp((da,), back, a, cut=cut), right))
        u, _, vh = svd(a, full=False)
        ds = real_part(diagonal_of(matmul(matmul(adjoint(u), da), adjoint(vh))))
    rest = right - matmul(a, x)
    dsums = 2 * real_part(sum_(conjugate(rest) * moved, axes=(0,)))
    plan, staged = sizes(length(sums, 0), 1)
    dsums = fit_axis(dsums, *staged, axis=0, size=plan)
    return (flat_column(dx) if np.ndim(b) == 1 else dx), dsums, None, ds


def _lstsq_value(a: Any, b: Any, *, cut: float | None) -> tuple[Any, ...]:
    x, sums, rank, s = np.linalg.lstsq(a, b, cut)
    return x, sums, np.int32(rank), s


lstsq = make(
    "lstsq",
    calls=((np.linalg.lstsq, _lstsq_call),),
    infer=_lstsq_infer,
    value=_lstsq_value,
    vjp=_lstsq_vjp,
    jvp=_lstsq_jvp,
    batch=None,
    source=lambda a, b, *, cut: (
        "np.linalg.lstsq({}, {})" if cut is None else f"np.linalg.lstsq({{}}, {{}}, {cut!r})"
    ),
    may_raise=(LinAlgError,),
)


# --- rank and condition ----------------------------------------------------------------------


def _rank_call(A: Any, tol: Any = None, hermitian: Any = False, *, rtol: Any = None) -> Any:
    if static(hermitian, "hermitian") or rtol is not None:
        raise TypeError("matrix_rank: hermitian= and rtol= are not supported")
    return matrix_rank(A) if tol is None else matrix_rank(A, tol)


matrix_rank = constant(
    "matrix_rank",
    calls=((np.linalg.matrix_rank, _rank_call),),
    infer=lambda a, *tol: array(np.int64, a.shape[:-2]),
    value=lambda a, *tol: np.asarray(np.linalg.matrix_rank(a, *tol))[()],
    batch=None,
    source=lambda a, *tol: f"np.linalg.matrix_rank({{0}}{', {1}' if tol else ''})",
    may_raise=(LinAlgError,),
)


def _cond_expand(a: Any, *, order: Any) -> Any:
    if order in (None, 2, -2):
        s = svdvals(a)
        large, small = (
            read_at(s, (Index((*(Slice(),) * (np.ndim(s) - 1), k)),)) for k in (0, -1)
        )
        return small / large if order == -2 else large / small
    return matrix_norm(a, order) * matrix_norm(inv(a), order)


cond = composite(
    "cond",
    calls=((np.linalg.cond, lambda x, p=None: cond(x, order=static(p, "p"))),),
    value=lambda a, *, order: np.asarray(np.linalg.cond(a, order))[()],
    expand=_cond_expand,
    source=lambda a, *, order: (
        "np.linalg.cond({}" + ("" if order is None else f", {number_text(order)}") + ")"
    ),
    may_raise=(LinAlgError,),
)


OPS: tuple[Op, ...] = (pinv, lstsq, matrix_rank, cond)
