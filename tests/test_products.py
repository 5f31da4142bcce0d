"""Products of matrices in kernels: as `@` gives them."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
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


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.complex64])
@pytest.mark.parametrize("orders", ["CC", "CF", "FC", "FF"])
def test_matrices_in_parts(product: Any, kind: Any, orders: str) -> None:
    """Parts of rows and of columns, the last of them shorter or a single one."""
    for m, k, n in [(32, 64, 250), (250, 64, 31), (2, 300, 657), (129, 64, 64), (3, 90000, 3)]:
        x, y = matrix(m, k, float, orders[0]), matrix(k, n, float, orders[1])
        given = x.astype(kind, order="K"), y.astype(kind, order="K")
        tolerance = 1e-12 if kind is np.float64 else 1e-3
        np.testing.assert_allclose(product(*given), x @ y, rtol=tolerance, atol=tolerance)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many multiplications BLAS is asked for in each call, in place of the call."""
    binding = pytest.importorskip("llvmlite.binding")
    found: list[int] = []
    letters, lengths = [ctypes.c_char] * 3, [ctypes.c_ssize_t] * 3
    kind = ctypes.CFUNCTYPE(ctypes.c_int, *letters, *lengths, *[ctypes.c_void_p] * 8)

    def noted(*given: Any) -> int:
        m, n, k = given[3:6]
        found.append(m * n * k)
        return 0

    stand_in = kind(noted)
    before = binding.address_of_symbol("numba_xxgemm")
    binding.add_symbol("numba_xxgemm", ctypes.cast(stand_in, ctypes.c_void_p).value)
    yield found
    binding.add_symbol("numba_xxgemm", before)


@pytest.mark.parametrize("orders", ["CC", "CF", "FC"])
def test_blas_needs_no_threads_for_products_of_medium_size(
    asked: list[int], orders: str
) -> None:
    alone = 2**18
    product = numba.njit(lambda x, y: kernels.dot(x, y))
    for m, k, n, kind in [(32, 64, 256, float), (200, 128, 33, np.float32)]:
        asked.clear()
        product(matrix(m, k, kind, orders[0]), matrix(k, n, kind, orders[1]))
        assert sum(asked) == m * k * n
        assert max(asked) <= alone
    # little work is one call, and so is what is worth threads
    for m, k, n in [(40, 32, 40), (160, 160, 160), (2, 2**18, 2)]:
        asked.clear()
        product(matrix(m, k, float, orders[0]), matrix(k, n, float, orders[1]))
        assert asked == [m * k * n]


def test_vectors_and_stacks(product: Any) -> None:
    x, y, v = matrix(3, 4, float, "C"), matrix(4, 2, float, "C"), np.arange(4.0)
    np.testing.assert_allclose(product(x, v), x @ v)
    np.testing.assert_allclose(product(v, y), v @ y)
    stack = np.stack([x, 2 * x])
    np.testing.assert_allclose(product(stack, y), stack @ y)


def test_lengths_that_do_not_agree(product: Any) -> None:
    with pytest.raises(ValueError, match="do not agree"):
        product(np.ones((2, 3)), np.ones((2, 3)))
