"""Shape arithmetic that depends on run-time sizes."""

from typing import Any

import numpy as np


def agree(n: int, m: int) -> None:
    """Check that two lengths along one axis are equal; raises ValueError."""
    if n != m:
        raise ValueError(f"operands could not be broadcast together: lengths {n} and {m}")


def unbroadcast(ct: Any, shape: tuple[int, ...]) -> Any:
    """`ct` summed down to `shape`: the transpose of NumPy broadcasting.

    >>> unbroadcast(np.ones((2, 3)), (3,))
    array([2., 2., 2.])
    """
    if np.shape(ct) == shape:
        return ct
    lead = np.ndim(ct) - len(shape)
    axes = [k for k, n in enumerate(shape, lead) if n == 1 != np.shape(ct)[k]]
    out = np.sum(ct, axis=(*range(lead), *axes))
    return out.reshape(shape) if shape else out
