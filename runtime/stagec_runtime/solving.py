"""Linear systems, inverses, determinants and Cholesky factors in kernels; needs Numba.

Each is the call of LAPACK that NumPy makes, so that results and failures are NumPy's for
matrices of any size.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba.core import cgutils, types
from numba.core.typing.templates import signature
from numba.extending import lower_builtin, type_callable
from numba.np.linalg import ensure_lapack

from stagec_runtime.creations import WORD
from stagec_runtime.lapack import (
    FLAG,
    GESV,
    GETRF,
    LETTER,
    PIVOTS,
    POTRF,
    Body,
    Call,
    Matrix,
)

REAL = (types.float32, types.float64)
KINDS = (*REAL, types.complex64, types.complex128)


def solve(a: Any, b: Any) -> Any:
    """`np.linalg.solve(a, b)` of a matrix and a vector or a matrix, of one element type."""
    return np.linalg.solve(a, b)


def inv(a: Any) -> Any:
    """`np.linalg.inv(a)` of a matrix."""
    return np.linalg.inv(a)


def det(a: Any) -> Any:
    """`np.linalg.det(a)` of a real matrix."""
    return np.linalg.det(a)


def slogdet(a: Any) -> tuple[Any, Any]:
    """`np.linalg.slogdet(a)` of a real matrix."""
    sign, logarithm = np.linalg.slogdet(a)
    return sign, logarithm


def cholesky(a: Any) -> Any:
    """`np.linalg.cholesky(a)` of a matrix."""
    return np.linalg.cholesky(a)


def _matrix(a: Any, kinds: tuple[Any, ...], rank: int = 2) -> bool:
    """Whether the operand is one for which there are instructions."""
    return isinstance(a, types.Array) and a.ndim == rank and a.dtype in kinds


def _of_one(function: Any, kinds: tuple[Any, ...], result: Callable[[Any], Any]) -> None:
    """Tell Numba the types of a function of one matrix."""

    @type_callable(function)
    def _typed(context: Any) -> Any:
        def typed(a: Any) -> Any:
            if not _matrix(a, kinds):
                return None
            ensure_lapack()
            return signature(result(a), a)

        return typed


_of_one(inv, KINDS, lambda a: types.Array(a.dtype, 2, "C"))
_of_one(cholesky, KINDS, lambda a: types.Array(a.dtype, 2, "C"))
_of_one(det, REAL, lambda a: a.dtype)
_of_one(slogdet, REAL, lambda a: types.UniTuple(a.dtype, 2))


# -- systems and inverses ---------------------------------------------------------------------


@type_callable(solve)
def _solve_typed(context: Any) -> Any:
    def typed(a: Any, b: Any) -> Any:
        if not (_matrix(a, KINDS) and (_matrix(b, (a.dtype,)) or _matrix(b, (a.dtype,), 1))):
            return None
        ensure_lapack()
        return signature(types.Array(a.dtype, b.ndim, "C"), a, b)

    return typed


@lower_builtin(solve, types.Array, types.Array)
def _solve(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    kind, (a_kind, b_kind) = signature.return_type, signature.args
    call = Call(context, builder, kind.dtype, solve.__name__)
    a, n = call.square(a_kind, args[0])
    b, lengths = call.operand(b_kind, args[1])
    wrong = builder.icmp_signed("!=", n, lengths[0])
    call.check(wrong, ValueError, "solve: matrices of lengths that do not agree")
    made, out = call.new(kind, lengths)
    count = (*lengths, WORD(1))[1]
    failed = call.run(_systems, n, count, *a.parts, *b.parts, *out.parts)
    call.check_done(failed, kind, made, "Singular matrix")
    return made


def _systems(body: Body, n: Any, count: Any, *parts: Any) -> None:
    """Solve the systems of a matrix and the columns of another."""
    a, right, out = (Matrix(*parts[k : k + 3]) for k in (0, 3, 6))
    _solved(body, n, count, a, out, lambda memory: body.fill(right, n, count, memory))


def _solved(
    body: Body, n: Any, count: Any, a: Matrix, out: Matrix, right: Callable[[Any], None]
) -> None:
    """Solve the systems whose right-hand sides `right` writes to memory."""
    b = body.builder
    with body.memory(b.mul(n, n), b.mul(n, count), n) as (left, solution, pivots):
        body.fill(a, n, n, left)
        right(solution)
        far = body.leading(n)
        failed = body.lapack("numba_xgesv", GESV, n, count, left, far, pivots, solution, far)

        def copy(row: Any, column: Any, place: Any) -> None:
            b.store(b.load(place), body.place(out, row, column))

        body.each(n, count, solution, copy)
    b.ret(failed)


@lower_builtin(inv, types.Array)
def _inv(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    call = Call(context, builder, signature.return_type.dtype, inv.__name__)
    return _of_square(call, signature, args, _inverse, "Singular matrix")


def _of_square(
    call: Call, signature: Any, args: Any, body: Callable[..., None], failure: str
) -> Any:
    """A matrix made of another one; what it means where that fails."""
    kind, (a_kind,) = signature.return_type, signature.args
    a, n = call.square(a_kind, args[0])
    made, out = call.new(kind, [n, n])
    failed = call.run(body, n, *a.parts, *out.parts)
    call.check_done(failed, kind, made, failure)
    return made


def _inverse(body: Body, n: Any, *parts: Any) -> None:
    """Solve the systems of a matrix and the columns of the identity."""
    b, one, zero = body.builder, body.number(1), body.number(0)

    def identity(row: Any, column: Any, place: Any) -> None:
        b.store(b.select(b.icmp_signed("==", row, column), one, zero), place)

    a, out = Matrix(*parts[:3]), Matrix(*parts[3:])
    _solved(body, n, n, a, out, lambda memory: body.each(n, n, memory, identity))


# -- determinants -----------------------------------------------------------------------------


@lower_builtin(det, types.Array)
def _det(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    sign, logarithm = _parts(context, builder, signature, args, det.__name__)
    exp = builder.module.declare_intrinsic("llvm.exp", [logarithm.type])
    return builder.fmul(sign, builder.call(exp, [logarithm]))


@lower_builtin(slogdet, types.Array)
def _slogdet(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    found = _parts(context, builder, signature, args, slogdet.__name__)
    return context.make_tuple(builder, signature.return_type, found)


def _parts(context: Any, builder: Any, signature: Any, args: Any, name: str) -> tuple[Any, Any]:
    """The sign of the determinant and the logarithm of its size, as NumPy finds them."""
    (a_kind,) = signature.args
    call = Call(context, builder, a_kind.dtype, name)
    a, n = call.square(a_kind, args[0])
    real = context.get_data_type(a_kind.dtype)
    sign, logarithm = (cgutils.alloca_once(builder, real) for _ in range(2))
    failed = call.run(_determinant, n, *a.parts, sign, logarithm)
    call.check_memory(failed)
    return builder.load(sign), builder.load(logarithm)


def _determinant(body: Body, n: Any, *parts: Any) -> None:
    """Find the sign of a determinant and the logarithm of its size."""
    b, real, (sign, total) = body.builder, body.element, parts[3:]
    fabs, log = (b.module.declare_intrinsic(f"llvm.{f}", [real]) for f in ("fabs", "log"))
    with body.memory(b.mul(n, n), n) as (left, pivots):
        body.fill(Matrix(*parts[:3]), n, n, left)
        failed = body.lapack("numba_xxgetrf", GETRF, n, n, left, body.leading(n), pivots)
        singular = cgutils.is_not_null(b, failed)
        b.store(b.select(singular, real(0.0), real(1.0)), sign)
        b.store(b.select(singular, real(-np.inf), real(0.0)), total)
        with cgutils.for_range(b, b.select(singular, WORD(0), n)) as loop:
            k = loop.index
            pivot = b.load(b.gep(left, [b.add(b.mul(k, n), k)]))
            row = b.sext(b.load(b.gep(b.bitcast(pivots, PIVOTS), [k])), WORD)
            moved = b.icmp_signed("!=", row, b.add(k, WORD(1)))
            turned = b.xor(moved, b.fcmp_ordered("<", pivot, real(0.0)))
            before = b.load(sign)
            b.store(b.select(turned, b.fneg(before), before), sign)
            size = b.call(log, [b.call(fabs, [pivot])])
            b.store(b.fadd(b.load(total), size), total)
    b.ret(FLAG(0))


# -- the Cholesky factor ----------------------------------------------------------------------


@lower_builtin(cholesky, types.Array)
def _cholesky(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    call = Call(context, builder, signature.return_type.dtype, cholesky.__name__)
    return _of_square(call, signature, args, _factor, "Matrix is not positive definite")


def _factor(body: Body, n: Any, *parts: Any) -> None:
    """Find the lower factor of a Hermitian matrix, of which the lower triangle is read."""
    b, zero = body.builder, body.number(0)
    a, out = Matrix(*parts[:3]), Matrix(*parts[3:])
    with body.memory(b.mul(n, n)) as (left,):
        body.fill(a, n, n, left)
        lower = LETTER(ord("L"))
        failed = body.lapack("numba_xxpotrf", POTRF, lower, n, left, body.leading(n))

        def copy(row: Any, column: Any, place: Any) -> None:
            value = b.select(b.icmp_signed(">=", row, column), b.load(place), zero)
            b.store(value, body.place(out, row, column))

        body.each(n, n, left, copy)
    b.ret(failed)
