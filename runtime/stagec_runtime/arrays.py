"""Array operations that NumPy has no single call for."""

from itertools import accumulate
from typing import Any

import numpy as np


def from_parts(re: Any, im: Any) -> Any:
    """Complex numbers of these real and imaginary parts.

    >>> from_parts(np.array([1.0, 2.0]), np.inf)
    array([1.+infj, 2.+infj])
    """
    least = np.complex64 if hasattr(re, "dtype") or hasattr(im, "dtype") else np.complex128
    shape = np.broadcast_shapes(np.shape(re), np.shape(im))
    out = np.empty(shape, np.result_type(re, im, least))
    out.real, out.imag = re, im
    return out[()]


def recurrence(a: Any, b: Any, axis: int = 0) -> Any:
    """`s[k] = a[k] * s[k - 1] + b[k]` along an axis, from `s[0] = b[0]`.

    >>> recurrence(np.array([0.0, 2.0, 3.0]), np.ones(3))
    array([ 1.,  3., 10.])
    """
    a, b = np.moveaxis(a, axis, 0), np.moveaxis(b, axis, 0)
    out = np.empty(b.shape, np.result_type(a, b))
    if b.ndim == 1 and out.dtype in (np.float64, np.complex128):
        # Python numbers are several times faster than NumPy scalars
        pairs = zip(a.tolist()[1:], b.tolist()[1:], strict=True)
        found = accumulate(
            pairs, lambda s, f: f[0] * s + f[1], initial=b[0].item() if len(b) else 0
        )
        out[:] = np.fromiter(found, out.dtype)[: len(b)]
    else:
        for k in range(len(b)):
            out[k] = a[k] * out[k - 1] + b[k] if k else b[k]
    return np.moveaxis(out, 0, axis)


def other_factors(x: Any, axis: int = 0) -> Any:
    """For each element the product of all others along an axis.

    >>> other_factors(np.array([2.0, 0.0, 5.0]))
    array([ 0., 10.,  0.])
    """
    x = np.moveaxis(x, axis, 0)
    out = np.ones(x.shape, x.dtype)
    out[1:] = np.cumprod(x[:-1], 0)
    out[:-1] *= np.cumprod(x[:0:-1], 0)[::-1]
    return np.moveaxis(out, 0, axis)


def embed_diagonal(
    d: Any, shape: tuple[int, ...], offset: int = 0, axis1: int = 0, axis2: int = 1
) -> Any:
    """Zeros of a shape with `d` on a diagonal: the transpose of `np.diagonal`."""
    out = np.zeros(shape, np.asarray(d).dtype)
    view = np.moveaxis(out, (axis1, axis2), (-2, -1))
    k = np.arange(np.shape(d)[-1])
    view[..., k + max(0, -offset), k + max(0, offset)] = d
    return out


def diag_rows(x: Any, offset: int = 0) -> Any:
    """A diagonal matrix for each row of `x` along its last axis."""
    size = x.shape[-1] + abs(offset)
    shape = (*x.shape[:-1], size, size)
    return embed_diagonal(x, shape, offset, len(shape) - 2, len(shape) - 1)


def partition_order(x: Any, kth: Any, axis: int = -1) -> Any:
    """The positions in `x` that `np.partition(x, kth, axis)` takes its elements from."""
    source = np.argsort(x, axis, kind="stable")
    target = np.argsort(np.partition(x, kth, axis), axis, kind="stable")
    order = np.empty_like(source)
    np.put_along_axis(order, target, source, axis)
    return order


def convolve_rows(a: Any, b: Any) -> Any:
    """The full convolutions of corresponding rows along the last axis."""
    lead = np.broadcast_shapes(a.shape[:-1], b.shape[:-1])
    a = np.broadcast_to(a, (*lead, a.shape[-1]))
    b = np.broadcast_to(b, (*lead, b.shape[-1]))
    out = np.zeros((*lead, a.shape[-1] + b.shape[-1] - 1), np.result_type(a, b))
    for k in np.ndindex(lead):
        out[k] = np.convolve(a[k], b[k])
    return out


def roots(p: Any) -> Any:
    """The roots of a polynomial as complex numbers, as many as its degree."""
    if len(p) == 0 or p[0] == 0:
        raise ValueError("roots: the first coefficient must not be 0")
    found = np.roots(p)
    return found.astype(np.result_type(found, np.complex64))


def quotient(ct: Any, slope: Any) -> Any:
    """`ct / slope`, but 0 where `ct` is 0: what counts for nothing has no infinite slope.

    >>> quotient(np.array([0.0, 1.0]), np.array([0.0, 2.0]))
    array([0. , 0.5])
    """
    shape = np.broadcast_shapes(np.shape(ct), np.shape(slope))
    out = np.zeros(shape, np.result_type(ct, slope))
    return np.divide(ct, slope, out=out, where=np.not_equal(ct, 0))[()]
