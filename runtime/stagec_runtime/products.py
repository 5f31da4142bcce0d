"""Products of matrices in kernels; needs Numba."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.core import cgutils, types
from numba.core.ir import Loc
from numba.core.typing.templates import signature
from numba.extending import lower_builtin, overload, type_callable
from numba.np.arrayobj import make_array
from numba.np.linalg import call_xxgemm, call_xxgemv, ensure_blas

from stagec_runtime.creations import WORD, new_array

PLACE = Loc(__file__, 1)
LARGEST = 2**31 - 1  # a length that BLAS can be told


def dot(x: Any, y: Any) -> Any:
    """`x @ y` of vectors, matrices and stacks of matrices, of one element type."""
    return x @ y


# -- matrices that lie in rows or columns: a call of BLAS -------------------------------------


@type_callable(dot)
def _typed(context: Any) -> Any:
    def typed(x: Any, y: Any) -> Any:
        arrays = isinstance(x, types.Array) and isinstance(y, types.Array)
        if not (arrays and x.ndim == y.ndim == 2 and x.dtype == y.dtype):
            return None
        if x.layout not in "CF" or y.layout not in "CF" or x.dtype not in BLAS_KINDS:
            return None
        ensure_blas()
        return signature(types.Array(x.dtype, 2, "C"), x, y)

    return typed


BLAS_KINDS = (types.float32, types.float64, types.complex64, types.complex128)


@lower_builtin(dot, types.Array, types.Array)
def _lowered(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    def fail(kind: type[Exception], text: str) -> None:
        context.call_conv.return_user_exc(builder, kind, (text,), PLACE, dot.__name__)

    x_kind, y_kind = signature.args
    kind = signature.return_type
    x = make_array(x_kind)(context, builder, value=args[0])
    y = make_array(y_kind)(context, builder, value=args[1])
    m, k = x_shape = cgutils.unpack_tuple(builder, x.shape, 2)
    rows, n = y_shape = cgutils.unpack_tuple(builder, y.shape, 2)
    with builder.if_then(builder.icmp_signed("!=", k, rows), likely=False):
        fail(ValueError, "matrices of lengths that do not agree")
    for length in (m, k, n):
        long = builder.icmp_signed(">", length, WORD(LARGEST))
        with builder.if_then(long, likely=False):
            fail(OverflowError, "a matrix is too large for BLAS")
    out, count = new_array(context, builder, kind, [m, n], lambda text: fail(ValueError, text))
    zero, one = WORD(0), WORD(1)
    terms = builder.icmp_signed("==", k, zero)
    empty = builder.or_(terms, builder.icmp_signed("==", count, zero))
    row, column = builder.icmp_signed("==", m, one), builder.icmp_signed("==", n, one)
    # a product with a vector is faster as one
    with builder.if_else(empty, likely=False) as (nothing, something):
        with nothing:
            cgutils.memset(builder, out.data, builder.mul(out.itemsize, count), 0)
        with something, builder.if_else(column) as (by_column, other):
            with by_column:
                turned = x_kind.layout == "C"
                call_xxgemv(context, builder, turned, x_kind, x_shape, x.data, y.data, out.data)
            with other, builder.if_else(row) as (by_row, by_matrix):
                with by_row:
                    turned = y_kind.layout == "F"
                    call_xxgemv(
                        context, builder, turned, y_kind, y_shape, y.data, x.data, out.data
                    )
                with by_matrix:
                    left, right = (x_kind, x_shape, x.data), (y_kind, y_shape, y.data)
                    call_xxgemm(context, builder, *left, *right, kind, [m, n], out.data)
    return out._getvalue()


# -- other arrays -----------------------------------------------------------------------------


@overload(dot, strict=False)
def _dot(x: Any, y: Any) -> Any:
    if max(x.ndim, y.ndim) > 2:
        return _stacked_dot(x.ndim > 2, y.ndim > 2)
    if x.layout in "CF" and y.layout in "CF":
        return lambda x, y: np.dot(x, y)
    if x.layout in "CF":
        return lambda x, y: dot(x, np.ascontiguousarray(y))
    if y.layout in "CF":
        return lambda x, y: dot(np.ascontiguousarray(x), y)
    return lambda x, y: dot(np.ascontiguousarray(x), np.ascontiguousarray(y))


def _stacked_dot(left: bool, right: bool) -> Any:
    """The products of matrices, one of the operands or both being stacks of them."""

    def body(x: Any, y: Any) -> Any:
        count = max(x.shape[0] if left else 1, y.shape[0] if right else 1)
        if (left and x.shape[0] not in (1, count)) or (right and y.shape[0] not in (1, count)):
            raise ValueError("stacks of matrices of different lengths")
        out = np.empty((count, x.shape[-2], y.shape[-1]), x.dtype)
        for i in range(count):
            one = x[i if x.shape[0] > 1 else 0] if left else x
            other = y[i if y.shape[0] > 1 else 0] if right else y
            out[i] = dot(one, other)
        return out

    return body
