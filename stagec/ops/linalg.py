"""Solving linear systems, inverses, determinants and the Cholesky factor.

Rules use results where they can: the derivative of `inv` needs only the inverse, that of
`solve` and `cholesky` only the solution and the factor besides the matrix.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import stagec_runtime as rt
from stagec.ir.core import LIBRARY, Calls, Expands, Library, Op
from stagec.ir.path import Index
from stagec.ir.types import ArrayType, broadcast_dim, broadcast_shapes
from stagec.ops.arrays import from_lists
from stagec.ops.axes import move_axis, no_shift, swap_axes, to_front
from stagec.ops.bilinear_rules import sum_terms
from stagec.ops.broadcast import align, fit, pad_rank
from stagec.ops.cast import conjugate, fit_dtype, imag
from stagec.ops.diagonals import tril
from stagec.ops.family import array, make, static
from stagec.ops.indexing import read_at
from stagec.ops.matrices import (
    LinAlgError,
    adjoint,
    check_matrix,
    column,
    flat_column,
    half_lower,
    hermitian_of,
    linalg_dtype,
    real_dtype,
    real_part,
    row,
    scalar_matrix,
    sum_matrix,
    triangle_of,
)
from stagec.ops.products import matmul

Rule = Callable[..., Any]
SlogdetResult = type(np.linalg.slogdet(np.eye(1)))


def _square(name: str, result: Callable[[np.dtype, ArrayType], Any]) -> Rule:
    def infer(a: ArrayType) -> Any:
        check_matrix(name, a, square=True)
        return result(linalg_dtype(name, a), a)

    return infer


def _in_kernel(op: Callable[[], Op], kinds: str = "fc") -> Expands:
    """The form in kernels of a function of one matrix, or of a matrix and other operands."""

    def cast(*types: ArrayType) -> Callable[..., Any] | None:
        dtype = linalg_dtype(op().name, *types)
        if all(t.dtype == dtype for t in types):
            return None
        return lambda *args: op()(*(fit_dtype(x, dtype) for x in args))

    def call(a: ArrayType, *others: ArrayType) -> str | Library:
        if a.rank > 2 or a.dtype.kind not in kinds or any(b.rank > 2 for b in others):
            return LIBRARY
        return f"kernels.{op().name}({', '.join(['{}'] * (1 + len(others)))})"

    return Expands(cast, otherwise=Calls(call))


# --- solve and inv ---------------------------------------------------------------------------


def _solve_infer(a: ArrayType, b: ArrayType) -> ArrayType:
    check_matrix("solve", a, square=True)
    dtype = linalg_dtype("solve", a, b)
    if b.rank == 0:
        raise TypeError("solve: the right-hand side is a number")
    rows = b.shape[-1] if b.rank == 1 else b.shape[-2]
    try:
        broadcast_dim(a.shape[-1], rows)
    except TypeError:
        raise TypeError(f"solve: {a} and {b} do not fit") from None
    if b.rank == 1:
        return ArrayType(dtype, a.shape[:-1])
    stack = broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return ArrayType(dtype, (*stack, a.shape[-1], b.shape[-1]))


def _solve_stack(a: Any, b: Any) -> Any:
    """The solution for one vector to each matrix; NumPy takes `b` of rank 2 for a matrix."""
    return solve(a, b) if np.ndim(b) == 1 else flat_column(solve(a, column(b)))


def _solve_vjp(ct: Any, out: Any, a: Any, b: Any) -> tuple[Any, Any]:
    if np.ndim(b) > 1:
        b_bar = solve(adjoint(a), ct)
        a_bar = -matmul(b_bar, adjoint(out))
    else:
        b_bar = _solve_stack(adjoint(a), ct)
        a_bar = -column(b_bar) * row(conjugate(out))
    return fit(a_bar, a), fit(b_bar, b)


def _solve_jvp(dxs: Any, out: Any, a: Any, b: Any) -> Any:
    da, db = dxs
    vector = np.ndim(b) == 1
    if da is None:
        return solve(a, db)
    moved = flat_column(matmul(da, column(out))) if vector else matmul(da, out)
    right = -moved if db is None else db - moved
    return _solve_stack(a, right) if vector else solve(a, right)


def _solve_batch(args: Any, axes: Any) -> tuple[Any, int]:
    a, b = args
    vector = np.ndim(b) - (axes[1] is not None) == 1
    a = a if axes[0] is None else move_axis(a, axes[0], 0)
    b = b if axes[1] is None else move_axis(b, axes[1], 0)
    if vector:
        b = column(b)
    ranks = np.ndim(a) - (axes[0] is not None), np.ndim(b) - (axes[1] is not None)
    a = a if axes[0] is None else pad_rank(a, max(ranks) + 1)
    b = b if axes[1] is None else pad_rank(b, max(ranks) + 1)
    return (flat_column(solve(a, b)) if vector else solve(a, b)), 0


solve = make(
    "solve",
    calls=((np.linalg.solve, lambda a, b: solve(a, b)),),
    infer=_solve_infer,
    value=np.linalg.solve,
    vjp=_solve_vjp,
    jvp=_solve_jvp,
    batch=_solve_batch,
    source="np.linalg.solve({}, {})",
    scalar=_in_kernel(lambda: solve),
    may_raise=(LinAlgError,),
    noun="solution",
)


def _inv_vjp(ct: Any, out: Any, a: Any) -> tuple[Any]:
    other = adjoint(out)
    return (-matmul(matmul(other, ct), other),)


inv = make(
    "inv",
    calls=((np.linalg.inv, lambda a: inv(a)),),
    infer=_square("inv", lambda dtype, a: ArrayType(dtype, a.shape)),
    value=np.linalg.inv,
    vjp=_inv_vjp,
    jvp=lambda dxs, out, a: -matmul(matmul(out, dxs[0]), out),
    batch=to_front(lambda: inv, no_shift),
    source="np.linalg.inv({})",
    scalar=_in_kernel(lambda: inv),
    may_raise=(LinAlgError,),
    noun="inverse",
)


# --- determinants --------------------------------------------------------------------------


def _second_slope(a: Any, d: Any, e: Any) -> Any:
    """The derivative of the slope of `cofactor` along `d`, along `e`: symmetric in both."""
    w, c, moved = swap_axes(inv(a), -2, -1), cofactor(a), cofactor_slope(a, e)
    turned = swap_axes(d, -2, -1)
    dw = -matmul(matmul(w, swap_axes(e, -2, -1)), w)
    rates = scalar_matrix(sum_matrix(dw * d)) * c + scalar_matrix(sum_matrix(w * d)) * moved
    return rates - matmul(matmul(dw, turned), c) - matmul(matmul(w, turned), moved)


def _slope_vjp(ct: Any, out: Any, a: Any, d: Any) -> tuple[Any, Any]:
    bar = conjugate(ct)
    a_bar, d_bar = _second_slope(a, d, bar), cofactor_slope(a, bar)
    return fit(conjugate(a_bar), a), fit(conjugate(d_bar), d)


def _slope_jvp(dxs: Any, out: Any, a: Any, d: Any) -> Any:
    da, dd = dxs
    moved = None if da is None else _second_slope(a, d, da)
    return sum_terms(moved, None if dd is None else cofactor_slope(a, dd))


def _slope_infer(a: ArrayType, d: ArrayType) -> ArrayType:
    check_matrix("cofactor_slope", a, square=True)
    return ArrayType(linalg_dtype("cofactor_slope", a, d), broadcast_shapes(a.shape, d.shape))


# the second derivative of the determinant, at singular matrices too; its own derivative is
# there for regular ones
cofactor_slope = make(
    "cofactor_slope",
    calls=(),
    infer=_slope_infer,
    value=lambda a, d: rt.cofactor_slope(a, d),
    vjp=_slope_vjp,
    jvp=_slope_jvp,
    batch=lambda args, axes: (cofactor_slope(*align(args, axes)), 0),
    source="rt.cofactor_slope({}, {})",
)


def _cofactor_rule(a: ArrayType) -> Rule | None:
    """How the cofactors of a small matrix, singular or not, are written in simpler ops."""
    if a.dtype.kind not in "fc" or a.rank > 2:
        return None
    return {(2, 2): _cofactors_of_two, (3, 3): _cofactors_of_three}.get(a.shape)  # type: ignore[arg-type]


def _cofactors_of_two(a: Any) -> Any:
    (p, q), (r, s) = ([read_at(a, (Index((i, j)),)) for j in range(2)] for i in range(2))
    return from_lists([[s, -r], [-q, p]])


def _cofactors_of_three(a: Any) -> Any:
    rows = [[read_at(a, (Index((i, j)),)) for j in range(3)] for i in range(3)]

    def minor(i: int, j: int) -> Any:
        (i, k), (j, m) = (((n + 1) % 3, (n + 2) % 3) for n in (i, j))
        return rows[i][j] * rows[k][m] - rows[i][m] * rows[k][j]

    return from_lists([[minor(i, j) for j in range(3)] for i in range(3)])


# the transposed adjugate: the derivative of the determinant, at singular matrices too
cofactor = make(
    "cofactor",
    calls=(),
    infer=_square("cofactor", lambda dtype, a: ArrayType(dtype, a.shape)),
    value=lambda a: rt.cofactor(a),
    vjp=lambda ct, out, a: (conjugate(cofactor_slope(a, conjugate(ct))),),
    jvp=lambda dxs, out, a: cofactor_slope(a, dxs[0]),
    batch=to_front(lambda: cofactor, no_shift),
    source="rt.cofactor({})",
    scalar=Expands(_cofactor_rule),
)

det = make(
    "det",
    calls=((np.linalg.det, lambda a: det(a)),),
    infer=_square("det", lambda dtype, a: array(dtype, a.shape[:-2])),
    value=np.linalg.det,
    vjp=lambda ct, out, a: (scalar_matrix(ct) * conjugate(cofactor(a)),),
    jvp=lambda dxs, out, a: sum_matrix(cofactor(a) * dxs[0]),
    batch=to_front(lambda: det, no_shift),
    source="np.linalg.det({})",
    scalar=_in_kernel(lambda: det, "f"),
)


def _slogdet_vjp(cts: Any, outs: Any, a: Any) -> tuple[Any]:
    (ct_sign, ct_log), (sign, _) = cts, outs
    rate = ct_log
    if ct_sign is not None and np.dtype(a.dtype).kind == "c":
        # the sign turns with the imaginary part of the logarithm's derivative
        turned = 1j * -imag(conjugate(ct_sign) * sign)
        rate = turned if rate is None else rate + turned
    return (None if rate is None else scalar_matrix(rate) * adjoint(inv(a)),)


def _slogdet_jvp(dxs: Any, outs: Any, a: Any) -> tuple[Any, Any]:
    rate = sum_matrix(swap_axes(inv(a), -2, -1) * dxs[0])
    if np.dtype(a.dtype).kind != "c":
        return None, rate
    return 1j * outs[0] * imag(rate), real_part(rate)


slogdet = make(
    "slogdet",
    calls=((np.linalg.slogdet, lambda a: SlogdetResult(*slogdet(a))),),
    infer=_square(
        "slogdet",
        lambda dtype, a: (array(dtype, a.shape[:-2]), array(real_dtype(dtype), a.shape[:-2])),
    ),
    value=lambda a: tuple(np.linalg.slogdet(a)),
    vjp=_slogdet_vjp,
    jvp=_slogdet_jvp,
    batch=to_front(lambda: slogdet, no_shift),
    source="np.linalg.slogdet({})",
    scalar=_in_kernel(lambda: slogdet, "f"),
)


# --- Cholesky ------------------------------------------------------------------------------


def _cholesky_call(a: Any, /, *, upper: Any = False) -> Any:
    """As NumPy: `upper` reads the upper triangle and gives the adjoint of the lower factor."""
    return adjoint(cholesky(adjoint(a))) if static(upper, "upper") else cholesky(a)


def _cholesky_vjp(ct: Any, out: Any, a: Any) -> tuple[Any]:
    """The cotangent of the lower triangle, which is all that is read.

    Reference: I. Murray, Differentiation of the Cholesky decomposition (2016), section 3.
    """
    inverse = inv(out)
    # the strict upper part of the result is constant
    middle = half_lower(matmul(adjoint(out), tril(ct, k=0)))
    return (triangle_of(matmul(matmul(adjoint(inverse), middle), inverse), "L"),)


def _cholesky_jvp(dxs: Any, out: Any, a: Any) -> Any:
    inverse = inv(out)
    moved = matmul(matmul(inverse, hermitian_of(dxs[0], "L")), adjoint(inverse))
    return matmul(out, half_lower(moved))


cholesky = make(
    "cholesky",
    calls=((np.linalg.cholesky, _cholesky_call),),
    infer=_square("cholesky", lambda dtype, a: ArrayType(dtype, a.shape)),
    value=np.linalg.cholesky,
    vjp=_cholesky_vjp,
    jvp=_cholesky_jvp,
    batch=to_front(lambda: cholesky, no_shift),
    source="np.linalg.cholesky({})",
    scalar=_in_kernel(lambda: cholesky),
    may_raise=(LinAlgError,),
    noun="factor",
)


OPS: tuple[Op, ...] = (solve, inv, cofactor, cofactor_slope, det, slogdet, cholesky)
