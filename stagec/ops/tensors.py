"""Powers and chains of matrices, and linear equations of tensors, by simpler ops."""

from __future__ import annotations

from typing import Any

import numpy as np

from stagec.ir.core import Op
from stagec.ops.axes import normal_axis, shape_of, transpose
from stagec.ops.composite import composite
from stagec.ops.copying import copy
from stagec.ops.creation import zeros_like
from stagec.ops.diagonals import eye
from stagec.ops.family import near, sizes, static
from stagec.ops.linalg import inv, solve
from stagec.ops.matrices import LinAlgError
from stagec.ops.products import matmul
from stagec.ops.shape import ravel, reshape, total_size


def _power_call(a: Any, n: Any) -> Any:
    n = static(n, "the exponent")
    if isinstance(n, bool) or not isinstance(n, int):
        raise TypeError("exponent must be an integer")
    return matrix_power(a, n=n)


def _power_expand(a: Any, *, n: int) -> Any:
    """The product by repeated squaring, in NumPy's order."""
    if n == 0:
        return _identity_like(a)
    if n < 0:
        a, n = inv(a), -n
    if n == 1:
        return copy(a)
    if n == 3:
        return matmul(matmul(a, a), a)
    square, result = None, None
    while n:
        square = a if square is None else matmul(square, square)
        n, bit = divmod(n, 2)
        if bit:
            result = square if result is None else matmul(result, square)
    return result


def _identity_like(a: Any) -> Any:
    dtype = np.dtype(a.dtype)
    plan, staged = sizes(shape_of(a)[-2:])
    return zeros_like(a, dtype=dtype) + near(a, eye, *staged, shape=plan, k=0, dtype=dtype)


# at n = 1 NumPy returns the operand itself: a copy is what a caller may write to
matrix_power = composite(
    "matrix_power",
    calls=((np.linalg.matrix_power, _power_call),),
    value=lambda a, *, n: np.array(np.linalg.matrix_power(a, n)),
    expand=_power_expand,
    source=lambda a, *, n: "{}.copy()" if n == 1 else f"np.linalg.matrix_power({{}}, {n})",
    may_raise=(LinAlgError,),
)


def _chain_expand(*xs: Any) -> Any:
    """The product from left to right; NumPy picks the order by the sizes."""
    found = xs[0]
    for x in xs[1:]:
        found = matmul(found, x)
    return found


multi_dot = composite(
    "multi_dot",
    calls=((np.linalg.multi_dot, lambda arrays: multi_dot(*arrays)),),
    value=lambda *xs: np.asarray(np.linalg.multi_dot(xs))[()],
    expand=_chain_expand,
    source=lambda *xs: (
        f"np.linalg.multi_dot([{', '.join(f'{{{k}}}' for k in range(len(xs)))}])"
    ),
)


def _reshaped(x: Any, shape: Any) -> Any:
    plan, staged = sizes(shape)
    return reshape(x, *staged, shape=plan)


def _tensorinv_expand(a: Any, *, ind: int) -> Any:
    dims = shape_of(a)
    matrix = _reshaped(a, (total_size(dims[:ind]), total_size(dims[ind:])))
    return _reshaped(inv(matrix), (*dims[ind:], *dims[:ind]))


def _tensorinv_call(a: Any, ind: Any = 2) -> Any:
    ind = static(ind, "ind")
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    return tensorinv(a, ind=ind)


tensorinv = composite(
    "tensorinv",
    calls=((np.linalg.tensorinv, _tensorinv_call),),
    value=lambda a, *, ind: np.linalg.tensorinv(a, ind),
    expand=_tensorinv_expand,
    source=lambda a, *, ind: f"np.linalg.tensorinv({{}}{'' if ind == 2 else f', {ind}'})",
    may_raise=(LinAlgError, ValueError),
)


def _tensorsolve_call(a: Any, b: Any, axes: Any = None) -> Any:
    if axes is not None:
        order = list(range(np.ndim(a)))
        for axis in static(axes, "axes"):
            k = normal_axis(axis, np.ndim(a))
            order.remove(k)
            order.append(k)
        a = transpose(a, axes=tuple(order))
    return tensorsolve(a, b)


def _tensorsolve_expand(a: Any, b: Any) -> Any:
    dims = shape_of(a)[np.ndim(b) :]
    side = total_size(dims)
    return _reshaped(solve(_reshaped(a, (side, side)), ravel(b)), dims)


tensorsolve = composite(
    "tensorsolve",
    calls=((np.linalg.tensorsolve, _tensorsolve_call),),
    value=np.linalg.tensorsolve,
    expand=_tensorsolve_expand,
    source="np.linalg.tensorsolve({}, {})",
    may_raise=(LinAlgError, ValueError),
)


OPS: tuple[Op, ...] = (matrix_power, multi_dot, tensorinv, tensorsolve)
