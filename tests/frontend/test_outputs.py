"""Calls that write their result into an array that the caller gives."""

from typing import Any

import numpy as np
import pytest

import stagec as sc

LARGE = np.full((2, 3), 1e20, np.float32)
SMALL = np.arange(1, 7, dtype=np.int8).reshape(2, 3) * 20
GAPS = np.array([[1.0, np.nan, 0.1], [1e20, 1e20, 1e20]], np.float32)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize(
    ("f", "x", "shape", "dtype"),
    [
        (lambda x, o: np.prod(x, axis=1, out=o), LARGE, 2, float),
        (lambda x, o: np.prod(x, 1, None, o), LARGE, 2, float),
        (lambda x, o: x.cumprod(out=o), LARGE, 6, float),
        (lambda x, o: np.cumprod(x, axis=0, dtype=None, out=o), SMALL, (2, 3), np.float32),
        (lambda x, o: np.cumsum(x.T, axis=1, out=o), LARGE + SMALL, (3, 2), float),
        (lambda x, o: np.nanprod(x, axis=1, out=o), GAPS, 2, complex),
        (lambda x, o: np.mean(x, axis=0, out=o), SMALL, 3, np.float32),
        (lambda x, o: np.mean(x * x, axis=0, out=o), LARGE / 9, 3, float),
        (lambda x, o: np.prod(x, axis=0, dtype=np.float32, out=o), LARGE, 3, float),
        (lambda x, o: np.sum(x, axis=0, out=o), LARGE.astype(float), 3, np.float32),
    ],
)
def test_sums_and_products_are_computed_as_wide_as_out(
    backend: str, f: Any, x: Any, shape: Any, dtype: Any
) -> None:
    """32 bits would overflow, or round where `out` does not."""
    ours, theirs = np.zeros(shape, dtype), np.zeros(shape, dtype)
    with np.errstate(over="ignore"):
        f(x, theirs)
        assert sc.jit(f, backend=backend)(x, ours) is ours
    np.testing.assert_allclose(ours, theirs, rtol=1e-15 if dtype is float else 1e-7)


def test_rounding_into_an_array_of_another_type() -> None:
    """NumPy divides in the type of `out`, so that its digits are others."""
    x = np.array([1.26, -2.34], np.float32)
    same = sc.jit(lambda x, o: np.around(x, 1, out=o))(x, np.zeros(2, np.float32))
    np.testing.assert_array_equal(same, np.around(x, 1), strict=True)
    whole = sc.jit(lambda x, o: x.round(out=o))(x, np.zeros(2))
    np.testing.assert_array_equal(whole, [1.0, -2.0], strict=True)
    for f in (
        lambda x, o: np.around(x, 1, out=o),
        lambda x, o: np.round(x, decimals=1, out=o),
        lambda x, o: x.round(1, o),
    ):
        with pytest.raises(sc.StagecError, match="out= of another dtype"):
            sc.jit(f)(x, np.zeros(2))


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_what_is_known_when_staging_is_written_too(backend: str) -> None:
    def known(x: Any, o: Any) -> Any:
        np.add(1.5, 2, out=o[:1])
        np.sqrt(True, o[1:2])
        return np.multiply(len("ab"), 3, out=o[2:])

    ours, theirs = np.zeros(4), np.zeros(4)
    found, wanted = sc.jit(known, backend=backend)(1.0, ours), known(1.0, theirs)
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(found, wanted)
    with pytest.raises(TypeError, match="same_kind"):
        sc.jit(lambda o: np.sqrt(True, out=o), backend=backend)(np.zeros(3, np.uint8))
