"""Products of matrices in kernels; needs Numba."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.ir import Loc
from numba.core.typing.templates import signature
from numba.extending import lower_builtin, overload, type_callable
from numba.np.arrayobj import make_array
from numba.np.linalg import (
    call_xxgemv,
    check_blas_return,
    ensure_blas,
    get_blas_kind,
    make_constant_slot,
)

from stagec_runtime.creations import WORD, new_array

PLACE = Loc(__file__, 1)
BYTES = ir.IntType(8).as_pointer()
LETTER = ir.IntType(8)
# the kind; whether the operands are turned; m, n, k; alpha, a, lda; b, ldb, beta; c, ldc
GEMM = ir.FunctionType(
    ir.IntType(32),
    [*[LETTER] * 3, *[WORD] * 3, BYTES, BYTES, WORD, BYTES, WORD, BYTES, BYTES, WORD],
)
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
                    _in_parts(context, builder, x_kind, y_kind, (m, n, k), (x, y, out))
    return out._getvalue()


# -- products of medium size: in parts -------------------------------------------------------
#
# OpenBLAS divides what is more than ALONE multiplications among its threads, which spin between
# two calls.  The caller waits for all: 15 ms in place of 25 us where another process has the
# processor.  Parts that are not larger stay with the caller; the small ones are not packed.

ALONE = 2**18  # multiplications that BLAS does on the thread that calls
MEDIUM = 2**22  # as many, times the bytes of an element: more are worth other threads
LANES = 16  # parts of rows have a multiple of this length


def _in_parts(
    context: Any, builder: Any, x_kind: Any, y_kind: Any,
    lengths: tuple[Any, Any, Any], arrays: tuple[Any, Any, Any],
) -> None:  # fmt: skip
    """Multiply `x` and `y` into `out`: parts of rows, or of columns if those are more."""
    m, n, k = lengths
    by_columns = builder.icmp_signed(">", n, m)
    long, short = builder.select(by_columns, n, m), builder.select(by_columns, m, n)
    # the product of three lengths may be too large for a word, of two it is not
    each = builder.mul(short, k)
    most = builder.sdiv(WORD(ALONE), each)
    even = builder.and_(most, WORD(-LANES))
    few = WORD(MEDIUM // (x_kind.dtype.bitwidth // 8))
    medium = builder.icmp_signed("<=", each, builder.sdiv(few, long))
    some = builder.icmp_signed(">", even, WORD(0))
    parted = builder.and_(builder.and_(medium, some), builder.icmp_signed("<", most, long))
    step = builder.select(parted, even, long)
    with cgutils.for_range_slice(builder, WORD(0), long, step, WORD, inc=True) as (start, _):
        left = builder.sub(long, start)
        count = builder.select(builder.icmp_signed("<", left, step), left, step)
        part = (
            (builder.select(by_columns, WORD(0), start), builder.select(by_columns, m, count)),
            (builder.select(by_columns, start, WORD(0)), builder.select(by_columns, count, n)),
        )
        _part(context, builder, x_kind, y_kind, lengths, arrays, part)


def _part(
    context: Any, builder: Any, x_kind: Any, y_kind: Any, lengths: tuple[Any, Any, Any],
    arrays: tuple[Any, Any, Any], part: tuple[tuple[Any, Any], tuple[Any, Any]],
) -> None:  # fmt: skip
    """Multiply some rows of `x` and columns of `y`, said by the first and how many."""
    (_, n, k), (x, y, out) = lengths, arrays
    (row, rows), (column, columns) = part

    def at(array: Any, place: Any) -> Any:
        return builder.bitcast(builder.gep(array.data, [place]), BYTES)

    def slot(number: float) -> Any:
        made = make_constant_slot(context, builder, x_kind.dtype, number)
        return builder.bitcast(made, BYTES)

    def turned(kind: Any) -> Any:
        return LETTER(ord("n" if kind.layout == "C" else "t"))

    right = at(y, column if y_kind.layout == "C" else builder.mul(column, k))
    left = at(x, builder.mul(row, k) if x_kind.layout == "C" else row)
    result = at(out, builder.add(builder.mul(row, n), column))
    numba_xxgemm = cgutils.get_or_insert_function(builder.module, GEMM, "numba_xxgemm")
    letter = LETTER(ord(get_blas_kind(x_kind.dtype)))
    # to BLAS, which counts in columns, rows are columns: the transposed product
    error = builder.call(numba_xxgemm, (
        letter, turned(y_kind), turned(x_kind), columns, rows, k,
        slot(1.0), right, n if y_kind.layout == "C" else k,
        left, k if x_kind.layout == "C" else lengths[0], slot(0.0), result, n,
    ))  # fmt: skip
    check_blas_return(context, builder, error)


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
