"""Loops whose trips may raise for a reason of their own pass through every pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import stagec as sc

X = np.array([0.3, 0.6, 0.2, 0.8])


def found_before(x: Any, n: int) -> Any:
    """Each element is twice the last one that was large."""
    y = np.zeros_like(x)
    for i in range(n):
        if x[i] > 0.25:
            t = x[i]
        y[i] = 2.0 * t  # pyright: ignore[reportPossiblyUnboundVariable]
    return y


def smallest_way(h: Any, a: Any) -> Any:
    """A table of minima, which must not grow too much."""
    h = h.copy()
    n, m = a.shape
    for i in range(1, n):
        for j in range(1, m):
            if a[i, j] > 0.0:
                t = a[i, j]
            least = min(h[i - 1, j], h[i, j - 1], h[i - 1, j - 1])
            h[i, j] = t + least  # pyright: ignore[reportPossiblyUnboundVariable]
    return h[n - 1, m - 1]


def test_a_name_that_may_be_unbound_in_a_loop() -> None:
    made = sc.jit(found_before, backend="numba")
    for n in (0, 3, 4):
        np.testing.assert_array_equal(made(X, n), found_before(X, n))
    with pytest.raises(UnboundLocalError, match="'t'"):
        made(-X, 2)


def test_a_table_with_a_name_that_may_be_unbound() -> None:
    rng = np.random.default_rng(3)
    h, a = rng.uniform(1.0, 2.0, (4, 5)), rng.uniform(0.1, 1.0, (4, 5))
    wanted = sc.grad(smallest_way, argnums=(0, 1))(h, a)
    found = sc.grad(smallest_way, argnums=(0, 1), backend="numba")(h, a)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other)


def decaying(x: Any, b: Any, s: float) -> Any:
    """A number that grows by itself, and is one of those that a minimum chooses from."""
    x = x.copy()
    t = s
    for i in range(x.shape[0]):
        for j in reversed(range(2, b.shape[0])):
            x[i] += 0.4 * (x[i] - np.minimum(1.0, np.minimum(b[j], t)))
            t += 0.2 * t
    return np.sum(np.sin(x))


def test_a_sum_whose_start_is_computed_in_the_trip() -> None:
    x, b = np.linspace(0.1, 0.9, 5), np.zeros(4)
    wanted = sc.grad(decaying, argnums=(0, 1, 2))(x, b, 0.3)
    found = sc.grad(decaying, argnums=(0, 1, 2), backend="numba")(x, b, 0.3)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other)
