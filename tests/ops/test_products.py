"""Products of arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import stagec


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("shape", [(4, 5, 1, 6), (2, 3, 4, 6), (3, 0, 2, 6)])
def test_the_adjoint_of_a_matrix_in_products_of_stacks_is_one_product(
    backend: str, shape: tuple[int, ...]
) -> None:
    def total(a: Any, b: Any) -> Any:
        return np.sum(np.sin(a @ b))

    rng = np.random.default_rng(0)
    a, b = rng.standard_normal(shape), rng.standard_normal((6, 3))
    slope = stagec.grad(total, (0, 1), backend=backend)
    a_bar, b_bar = slope(a, b)
    ct = np.cos(a @ b)
    np.testing.assert_allclose(a_bar, ct @ b.T, atol=1e-14)
    np.testing.assert_allclose(b_bar, np.einsum("abij,abik->jk", a, ct), atol=1e-13)
    text = slope.source(a, b)
    assert "np.tensordot(" in text
    assert "swapaxes" not in text
