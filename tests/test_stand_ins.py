"""What kernels call in place of functions: it gives the same, and nothing is compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

numba = pytest.importorskip("numba", reason="kernels need Numba")
pipeline = pytest.importorskip("stagec_runtime.pipeline")
pytest.importorskip("stagec_runtime.kernels")


def compiled(function: Callable[..., Any]) -> Any:
    """The function as a kernel."""
    return numba.njit(function, pipeline_class=pipeline.Compiler)


def agree(function: Callable[..., Any], *args: Any) -> None:
    """The compiled function gives what the function gives, in the same types."""
    for ours, theirs in zip(compiled(function)(*args), function(*args), strict=True):
        assert np.asarray(ours).dtype == np.asarray(theirs).dtype
        np.testing.assert_array_equal(ours, theirs)


def copies(a: Any) -> tuple[Any, ...]:
    """Copies of arrays in many orders, which are changed."""
    found = a.copy(), a.T.copy(), a[:, ::-1].copy(), a[0].copy()
    a[:] = 0
    return found


@pytest.mark.parametrize("dtype", [np.float64, np.bool_, np.complex64, np.int8])
def test_copies(dtype: Any) -> None:
    a = (np.arange(12).reshape(3, 4) % 5).astype(dtype)
    for given in (a, np.asfortranarray(a), a[::-1, ::2]):
        expected = copies(given.copy())
        found = compiled(copies)(given)
        for ours, theirs in zip(found, expected, strict=True):
            assert ours.dtype == theirs.dtype
            assert ours.flags.c_contiguous
            np.testing.assert_array_equal(ours, theirs)


def test_copies_of_lists() -> None:
    def two(n: int) -> tuple[Any, Any]:
        xs = [n, 2]
        ys = xs.copy()
        xs.append(3)
        return xs, ys

    assert compiled(two)(1) == ([1, 2, 3], [1, 2])


@pytest.mark.parametrize("n", [0, 1, 7, -3])
def test_integers_in_a_row(n: int) -> None:
    agree(lambda n: (np.arange(n), np.arange(2, n), np.arange(n, 3), np.arange(n - 2, n)), n)


def test_other_numbers_in_a_row() -> None:
    agree(
        lambda n, x: (
            np.arange(x), np.arange(1, n, 2), np.arange(0.0, n), np.arange(n, dtype=np.float32)
        ),
        5,
        3.5,
    )  # fmt: skip


@pytest.mark.parametrize(("n", "m"), [(2, 3), (3, 2), (-1, -1)])
def test_extrema_of_integers(n: int, m: int) -> None:
    agree(lambda n, m: (max(n, m), min(n, m), max(n, 0), min(0, n), max(n, m, 1)), n, m)


def test_extrema_of_other_numbers() -> None:
    agree(lambda x, y: (max(x, y), min(x, y), max(y, x), min(y, x)), 1.5, 2.5)


def test_nothing_else_is_compiled() -> None:
    """The point of it: no function of Numba's is compiled before the kernel."""

    def kernel(n: int, x: float) -> Any:
        a = np.arange(max(n, 2)).copy()
        return a.reshape((1, -1)).T.copy(), min(n, 3), x**2, n**3

    made = compiled(kernel)
    made(3, 2.0)
    code = made.overloads[made.signatures[0]].library
    assert not [x for x in code._linking_libraries if "ol_" in x.name or "impl" in x.name]
    text = code.get_llvm_str()
    assert not [name for name in ("int_power", "np_arange", "allocat", "ol_m") if name in text]
