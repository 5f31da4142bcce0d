"""Matrix functions that derivatives of NumPy's linear algebra need; all take stacks."""

from typing import Any

import numpy as np


def half_lower(x: Any) -> Any:
    """The lower triangle with its (real) diagonal halved: `h + h^H` is Hermitian.

    >>> half_lower(np.ones((2, 2)))
    array([[0.5, 0. ],
           [1. , 0.5]])
    """
    out = np.tril(x)
    rows = np.arange(min(out.shape[-2:]))
    out[..., rows, rows] = out[..., rows, rows].real / 2
    return out


def cofactor(a: Any) -> Any:
    """The matrix of cofactors, the derivative of the determinant; finite at singular matrices.

    >>> cofactor(np.array([[1.0, 2.0], [2.0, 4.0]])).round(12) + 0.0
    array([[ 4., -2.],
           [-2.,  1.]])
    """
    inverse = _accurate_inverse(a)
    if inverse is not None:
        return np.linalg.det(a)[..., None, None] * np.matrix_transpose(inverse)
    u, s, vh = np.linalg.svd(a)
    rows = np.arange(s.shape[-1])
    others = np.broadcast_to(s[..., None, :], (*s.shape, s.shape[-1])).copy()
    others[..., rows, rows] = 1
    products = np.prod(others, axis=-1)
    return _phase(u, vh) * (np.conj(u * products[..., None, :]) @ np.conj(vh))


def cofactor_slope(a: Any, along: Any) -> Any:
    """The derivative of `cofactor` at `a` along another matrix; finite at singular matrices.

    >>> cofactor_slope(np.zeros((2, 2)), np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[ 4., -3.],
           [-2.,  1.]])
    """
    inverse = _accurate_inverse(a)
    if inverse is not None:
        w = np.matrix_transpose(inverse)
        c = np.linalg.det(a)[..., None, None] * w
        rate = np.sum(w * along, axis=(-2, -1), keepdims=True)
        return rate * c - w @ np.matrix_transpose(along) @ c
    u, s, vh = np.linalg.svd(a)
    n = s.shape[-1]
    rows = np.arange(n)
    others = np.broadcast_to(s[..., None, None, :], (*s.shape, n, n)).copy()
    others[..., rows, :, rows] = 1
    others[..., :, rows, rows] = 1
    products = np.prod(others, axis=-1)  # of all singular values but two
    products[..., rows, rows] = 0
    inner = np.conj(np.matrix_transpose(u)) @ along @ np.conj(np.matrix_transpose(vh))
    minors = -products * np.matrix_transpose(inner)
    minors[..., rows, rows] = np.linalg.vecdot(products, inner[..., None, rows, rows])
    return _phase(u, vh) * (np.conj(u) @ minors @ np.conj(vh))


def _accurate_inverse(a: Any) -> Any:
    """The inverse; None if it is not there, or has lost many digits."""
    try:
        inverse = np.linalg.inv(a)
    except np.linalg.LinAlgError:
        return None
    spread = np.linalg.norm(a, 1, (-2, -1)) * np.linalg.norm(inverse, 1, (-2, -1))
    return inverse if np.all(spread < 1e8) else None


def _phase(u: Any, vh: Any) -> Any:
    return (np.linalg.det(u) * np.linalg.det(vh))[..., None, None]


def inverse_gaps(w: Any) -> Any:
    """`1 / (w[j] - w[i])` at row i, column j, and zero on the diagonal.

    >>> inverse_gaps(np.array([1.0, 3.0]))
    array([[ 0. ,  0.5],
           [-0.5,  0. ]])
    """
    gaps = w[..., None, :] - w[..., :, None]
    rows = np.arange(w.shape[-1])
    gaps[..., rows, rows] = 1
    with np.errstate(divide="ignore", invalid="ignore"):
        out = 1 / gaps
    out[..., rows, rows] = 0
    return out


def peaks(v: Any) -> Any:
    """Where each column is largest: the element that LAPACK makes real."""
    size = np.abs(v)
    rows = np.arange(v.shape[-2])[:, None]
    return rows == np.argmax(size, axis=-2)[..., None, :]


def eig(a: Any) -> tuple[Any, Any]:
    """Eigenvalues and eigenvectors, complex even if they happen to be real."""
    w, v = np.linalg.eig(a)
    kind = np.result_type(w, np.complex64)
    return w.astype(kind), v.astype(kind)


def eigvals(a: Any) -> Any:
    """Eigenvalues, complex even if they happen to be real."""
    w = np.linalg.eigvals(a)
    return w.astype(np.result_type(w, np.complex64))
