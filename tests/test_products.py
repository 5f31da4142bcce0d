"""Products of matrices in kernels: as `@` gives them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

numba = pytest.importorskip("numba", reason="kernels need Numba")
kernels = pytest.importorskip("stagec_runtime.kernels")

SIZES = [(3, 4, 5), (1, 4, 5), (3, 4, 1), (1, 4, 1), (3, 1, 4), (3, 0, 2), (0, 3, 2)]


@pytest.fixture(scope="module")
def product() -> Any:
    """The compiled function."""
    return numba.njit(lambda x, y: kernels.dot(x, y))


def matrix(m: int, n: int, kind: Any, order: str) -> Any:
    """Numbers, in rows or columns, or neither."""
    numbers = np.random.default_rng(m + 10 * n).standard_normal((m, n, 2))
    values = numbers.view(complex)[..., 0] if kind is complex else numbers[..., 0]
    laid = np.asarray(values, dtype=kind, order="F" if order == "F" else "C")
    return np.repeat(np.repeat(laid, 2, 0), 2, 1)[::2, ::2] if order == "A" else laid


@pytest.mark.parametrize("kind", [np.float64, np.float32, complex])
@pytest.mark.parametrize("orders", ["CC", "CF", "FC", "FF", "AC", "CA"])
def test_matrices(product: Any, kind: Any, orders: str) -> None:
    for m, k, n in SIZES:
        x, y = matrix(m, k, kind, orders[0]), matrix(k, n, kind, orders[1])
        found = product(x, y)
        assert (found.dtype, found.shape) == (x.dtype, (m, n))
        assert found.flags.c_contiguous
        np.testing.assert_allclose(found, x @ y, rtol=1e-5 if kind is np.float32 else 1e-13)


def test_vectors_and_stacks(product: Any) -> None:
    x, y, v = matrix(3, 4, float, "C"), matrix(4, 2, float, "C"), np.arange(4.0)
    np.testing.assert_allclose(product(x, v), x @ v)
    np.testing.assert_allclose(product(v, y), v @ y)
    stack = np.stack([x, 2 * x])
    np.testing.assert_allclose(product(stack, y), stack @ y)


def test_lengths_that_do_not_agree(product: Any) -> None:
    with pytest.raises(ValueError, match="do not agree"):
        product(np.ones((2, 3)), np.ones((2, 3)))
