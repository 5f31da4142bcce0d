"""Products that backward loops compute again, and those that they read from tapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

pytest.importorskip("numba", reason="the Numba target needs Numba")

RNG = np.random.default_rng(4)


def independent(x: Any, mu: Any, Q: Any) -> Any:
    """What every trip finds is put together behind the loop, so that the loops stay two."""
    beta = np.empty((len(x), len(mu)))
    for c in range(len(mu)):
        z = (x - mu[c]) @ Q[c].T
        beta[:, c] = np.sum(z**2, axis=1)
    return np.sum(np.log(np.sum(np.exp(-beta), axis=1)))


def within_a_branch(x: Any, mu: Any, Q: Any) -> Any:
    """The tape is read in a loop inside."""
    beta = np.zeros((len(x), len(mu)))
    for c in range(len(mu)):
        z = x @ Q[c]
        for i in range(len(x)):
            if mu[c, 0] > 0:
                beta[i, c] = np.sum(z[i] ** 2)
    return np.sum(np.log(np.sum(np.exp(-beta), axis=1)))


def carried(x: Any, mu: Any, Q: Any) -> Any:
    """A trip needs the product of the trip before."""
    beta = np.empty((len(x), len(mu)))
    h = x
    for c in range(len(mu)):
        z = h @ Q[c].T
        beta[:, c] = np.sum(z**2, axis=1)
        h = z + mu[c]
    return np.sum(np.log(np.sum(np.exp(-beta), axis=1)))


def overwritten(x: Any, mu: Any, Q: Any) -> Any:
    """What the product is made from changes on the way."""
    beta = np.empty((len(x), len(mu)))
    w = Q.copy()
    for c in range(len(mu)):
        z = x @ w[c]
        beta[:, c] = np.sum(z**2, axis=1)
        w[c] = w[c] * 2.0
    return np.sum(np.log(np.sum(np.exp(-beta), axis=1))) + np.sum(w**2)


def left_early(x: Any, mu: Any, Q: Any) -> Any:
    beta = np.zeros((len(x), len(mu)))
    for c in range(len(mu)):
        z = (x - mu[c]) @ Q[c].T
        beta[:, c] = np.sum(z**2, axis=1)
        if beta[0, c] > 5.0:
            break
    return np.sum(np.log(np.sum(np.exp(-beta), axis=1)))


PROGRAMS = (independent, within_a_branch, carried, overwritten, left_early)


def arguments(n: int = 17, d: int = 3, k: int = 4) -> tuple[Any, ...]:
    return RNG.normal(size=(n, d)), RNG.normal(size=(k, d)), 0.5 * RNG.normal(size=(k, d, d))


@pytest.mark.parametrize("program", PROGRAMS)
def test_gradients(program: Callable[..., Any]) -> None:
    for args in (arguments(), arguments(4)):
        ours = sc.grad(program, argnums=(0, 1, 2), backend="numba")(*args)
        expected = sc.grad(program, argnums=(0, 1, 2), backend="numpy")(*args)
        for a, b in zip(ours, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-10)


def source(program: Callable[..., Any], *args: Any) -> str:
    return sc.grad(program, argnums=(0, 1, 2), backend="numba").source(*args)


def test_independent_products_are_computed_again() -> None:
    text = source(independent, *arguments())
    assert "tape" not in text
    assert text.count("kernels.dot") == 4  # two of them on the way back anyway


def test_what_the_loop_before_has_made_is_kept() -> None:
    assert "tape" in source(carried, *arguments())
    assert "tape" in source(overwritten, *arguments())


def test_long_products_are_kept() -> None:
    assert "z_tape" in source(independent, *arguments(d=40))
