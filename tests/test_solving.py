"""Linear algebra in kernels: as NumPy's, whatever the size and the layout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

numba = pytest.importorskip("numba", reason="kernels need Numba")
kernels = pytest.importorskip("stagec_runtime.kernels")
pytest.importorskip("scipy", reason="LAPACK is SciPy's")

SIZES = [0, 1, 2, 3, 8, 15, 40]  # the last does not fit on the stack
KINDS = [np.float64, np.float32, np.complex128, np.complex64]


def compiled(function: Callable[..., Any]) -> Any:
    """The function as Numba compiles it."""
    return numba.njit(function)


solve = compiled(lambda a, b: kernels.solve(a, b))
inv = compiled(lambda a: kernels.inv(a))
det = compiled(lambda a: kernels.det(a))
slogdet = compiled(lambda a: kernels.slogdet(a))
cholesky = compiled(lambda a: kernels.cholesky(a))


def numbers(shape: tuple[int, ...], kind: Any, order: str = "C") -> Any:
    """Numbers, in rows or columns, or neither."""
    found = np.random.default_rng(sum(shape)).standard_normal((*shape, 2))
    values = found.view(complex)[..., 0] if np.dtype(kind).kind == "c" else found[..., 0]
    values = np.asarray(values, dtype=kind, order="F" if order == "F" else "C")
    if order != "A":
        return values
    for axis in range(values.ndim):
        values = np.repeat(values, 2, axis)
    return values[(slice(None, None, 2),) * values.ndim]


def positive(n: int, kind: Any, order: str) -> Any:
    """A Hermitian matrix whose Cholesky factor exists; its upper triangle is not read."""
    x = numbers((n, n), kind)
    found = numbers((n, n), kind, order)
    found[...] = x @ np.conj(x.T) + n * np.eye(n, dtype=kind)
    found[np.triu_indices(n, 1)] = np.nan
    return found


def close(found: Any, wanted: Any, kind: Any) -> None:
    """Check that the results are those of NumPy, in a contiguous array of the same type."""
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
    assert found.flags.c_contiguous
    single = np.dtype(kind).itemsize < (16 if np.dtype(kind).kind == "c" else 8)
    scale = 1 + np.max(np.abs(wanted), initial=0)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=scale * (3e-3 if single else 1e-12))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("orders", ["CC", "FF", "AA"])
def test_systems(kind: Any, orders: str) -> None:
    for n in SIZES:
        a = numbers((n, n), kind, orders[0]) + 4 * np.eye(n, dtype=kind)
        for shape in [(n,), (n, 1), (n, 3), (n, 0), (n, 50)]:
            b = numbers(shape, kind, orders[1])
            before = a.copy(), b.copy()
            close(solve(a, b), np.linalg.solve(a, b), kind)
            np.testing.assert_array_equal(a, before[0])
            np.testing.assert_array_equal(b, before[1])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", ["C", "F", "A"])
def test_inverses_and_factors(kind: Any, order: str) -> None:
    for n in SIZES:
        a = numbers((n, n), kind, order) + 4 * np.eye(n, dtype=kind)
        close(inv(a), np.linalg.inv(a), kind)
        a = positive(n, kind, order)
        close(cholesky(a), np.linalg.cholesky(a), kind)


@pytest.mark.parametrize("kind", KINDS[:2])
def test_determinants(kind: Any) -> None:
    for n in SIZES:
        for a in (numbers((n, n), kind), numbers((n, n), kind, "F"), -np.eye(n, dtype=kind)):
            sign, logarithm = slogdet(a)
            wanted = np.linalg.slogdet(a)
            assert sign == wanted.sign
            np.testing.assert_allclose(logarithm, wanted.logabsdet, rtol=1e-4, atol=1e-5)
            tolerance = 1e-3 if kind is np.float32 else 1e-12
            np.testing.assert_allclose(det(a), np.linalg.det(a), rtol=tolerance)


def test_determinants_that_overflow_on_the_way() -> None:
    a = np.diag([1e200, 1e200, 1e-200, 1e-200])
    np.testing.assert_allclose(det(a), 1, rtol=1e-10)
    assert det(a[:2, :2]) == np.inf


def test_determinants_of_singular_matrices() -> None:
    for a in (np.ones((3, 3)), np.zeros((2, 2)), np.zeros((1, 1))):
        assert det(a) == np.linalg.det(a) == 0
        assert slogdet(a) == tuple(np.linalg.slogdet(a)) == (0, -np.inf)
    nothing = np.full((2, 2), np.nan)
    assert np.isnan(det(nothing))
    assert np.isnan(slogdet(nothing)[1])


@pytest.mark.parametrize("n", [2, 30])
def test_failures(n: int) -> None:
    flat, twisted = np.ones((n, n)), -np.eye(n)
    for kernel, function, args in (
        (solve, np.linalg.solve, (flat, np.ones(n))),
        (solve, np.linalg.solve, (flat, np.ones((n, 2)))),
        (solve, np.linalg.solve, (np.ones((n, 1)), np.ones(n))),
        (inv, np.linalg.inv, (flat,)),
        (inv, np.linalg.inv, (np.ones((1, n)),)),
        (det, np.linalg.det, (np.ones((1, n)),)),
        (slogdet, np.linalg.slogdet, (np.ones((1, n)),)),
        (cholesky, np.linalg.cholesky, (twisted,)),
        (cholesky, np.linalg.cholesky, (np.ones((n, 1)),)),
    ):
        with pytest.raises(np.linalg.LinAlgError) as wanted:
            function(*args)
        for _ in range(2):
            with pytest.raises(np.linalg.LinAlgError) as found:
                kernel(*args)
            assert str(found.value) == str(wanted.value)
    with pytest.raises(ValueError, match="lengths that do not agree"):
        solve(np.eye(n), np.ones(n + 1))


def test_python_gives_the_same() -> None:
    """Kernels that Numba cannot compile call the functions as they are."""
    a, b = positive(3, float, "C"), np.arange(3.0)
    a = np.tril(a) + np.tril(a, -1).T
    np.testing.assert_array_equal(kernels.solve(a, b), np.linalg.solve(a, b))
    np.testing.assert_array_equal(kernels.inv(a), np.linalg.inv(a))
    assert kernels.det(a) == np.linalg.det(a)
    assert kernels.slogdet(a) == tuple(np.linalg.slogdet(a))
    np.testing.assert_array_equal(kernels.cholesky(a), np.linalg.cholesky(a))
