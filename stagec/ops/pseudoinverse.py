"""Pseudoinverse, least squares, rank, condition number, powers and tensor equations.

Derivatives of the pseudoinverse are those along which the rank stays what it is.

Reference: G. Golub, V. Pereyra, The differentiation of pseudo-inverses and nonlinear least
squares problems whose variables separate (1973).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from stagec.ir.core import Op
from stagec.ir.types import ArrayType, same
from stagec.ops.axes import no_shift, normal_axes, np_shape, shape_of, to_front, transpose
from stagec.ops.cast import conjugate, real
from stagec.ops.composite import composite
from stagec.ops.contraction import matmul, dot
from stagec.ops.creation import zeros_like
from stagec.ops.decompositions import smaller, svd, svdvals
from stagec.ops.family import array, constant, make, near, sizes, static
from stagec.ops.indexing import read_at
from stagec.ops.linalg import inv, solve
from stagec.ops.matrices import (
    LinAlgError,
    adjoint,
    check_matrix,
    column,
    flat_column,
    linalg_dtype,
    real_dtype,
    row,
)
from stagec.ops.norms import norm, norm_by
from stagec.ops.shape import reshape, total_size


# --- pseudoinverse -----------------------------------------------------------------------------


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
