"""Lengths and weights of Fourier transforms."""

from typing import Any

import numpy as np


def fit_axis(x: Any, length: int, axis: int) -> Any:
    """`x` cut or filled up with zeros to the length along the axis.

    >>> fit_axis(np.ones(2), 3, 0)
    array([1., 1., 0.])
    """
    part = (slice(None),) * axis + (slice(length),)
    missing = length - x.shape[axis]
    if missing <= 0:
        return x[part].copy()
    out = np.zeros((*x.shape[:axis], length, *x.shape[axis + 1 :]), x.dtype)
    out[(slice(None),) * axis + (slice(x.shape[axis]),)] = x
    return out


def double_inner(y: Any, length: int, axis: int) -> Any:
    """Half the spectrum of a real signal, with the frequencies that stand for two doubled.

    >>> double_inner(np.ones(3), 4, 0)
    array([1., 2., 1.])
    """
    weights = np.full(y.shape[axis], 2, y.real.dtype)
    weights[:1] = 1
    if length % 2 == 0:
        weights[length // 2 :] = 1
    return y * weights.reshape(-1, *(1,) * (y.ndim - axis - 1))
