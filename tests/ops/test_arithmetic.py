"""Rewrites of sums and powers keep the types in which NumPy computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc


def _into(y: Any, u: Any) -> Any:
    y = y.copy()
    y[1:] += -u[1:]
    y[:-1] -= -u[:-1] * y[:-1]
    return y


def _summed(y: Any, u: Any) -> Any:
    s = 0.0
    for i in range(len(u)):
        s -= u[i]
    return s


def _changed_and_summed(y: Any, u: Any) -> Any:
    y = y.copy()
    for i in range(len(u)):
        y[i] += -u[i] * y[0]
        y[i] -= -u[i]
    return y


SIGNS: list[Callable[..., Any]] = [
    lambda y, u: -u + y,
    lambda y, u: y + -u,
    lambda y, u: y - -u,
    lambda y, u: -(u - 3) + 0.5,
    lambda y, u: -np.sum(u) + 0.5,
    lambda y, u: -u + (u + 1).astype(np.uint16),
    lambda y, u: (-u + -y, 3 + -u, u - -u),
    _into,
    _summed,
    _changed_and_summed,
]


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("dtype", ["uint8", "uint64", "int8", "int32"])
@pytest.mark.parametrize("f", SIGNS)
def test_a_sign_stays_in_the_type_of_its_integers(
    f: Callable[..., Any], dtype: str, backend: str
) -> None:
    """Minus an unsigned number is positive, and minus the least number is itself.

    Not where an array is written to: that takes away the least number itself.
    """
    y = np.array([0.25, -1.5, 2.0, 0.75], np.float32)
    least = np.iinfo(dtype).min + (f in (_into, _changed_and_summed))
    u = np.array([3, least, 0, 5], dtype)
    found, wanted = sc.jit(f, backend=backend)(y, u), f(y, u)
    for a, b in zip(
        *(v if isinstance(v, tuple) else (v,) for v in (found, wanted)), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-6)
        assert np.asarray(a).dtype == np.asarray(b).dtype


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_squares_of_truths_are_small_integers(backend: str) -> None:
    t, y = np.array([True, False, True]), np.array([0.5, 2.0, 3.0], np.float32)

    def f(t: Any, y: Any) -> Any:
        return t**2 + y**2, t**2 * np.int8(100)

    for a, b in zip(sc.jit(f, backend=backend)(t, y), f(t, y), strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == b.dtype


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_casts_that_cut_integers_stay(backend: str) -> None:
    k, y = np.array([-3, 300, 2**24 + 1]), np.array([0.5, 1.5, 1.0])

    def f(k: Any, y: Any) -> Any:
        return k.astype(np.uint8) * y, y - k.astype(np.int8), k.astype(np.float32) + y

    for a, b in zip(sc.jit(f, backend=backend)(k, y), f(k, y), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint64, np.int8])
def test_the_sign_of_a_python_integer_stays_beside_unsigned_ones(
    backend: str, dtype: type
) -> None:
    u = np.array([3, 4], dtype)
    for f, k in ((lambda u, k: -k + u, -1), (lambda u, k: u - (-k) * u, -1)):
        found = sc.jit(f, backend=backend)(u, k)
        np.testing.assert_array_equal(found, f(u, k))
        assert found.dtype == dtype
    if dtype is not np.int8:
        with pytest.raises(OverflowError):
            sc.jit(lambda u, k: u - -k, backend=backend)(u, 1)
