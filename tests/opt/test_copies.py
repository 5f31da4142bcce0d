"""Copies that are only read are the array itself; the others stay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

X = np.random.default_rng(3).normal(size=6)


def only_read(x: Any) -> Any:
    y = x * 1.0
    return np.sum(y * y) + y[0]


def copied_twice(x: Any) -> Any:
    y = x.copy()
    z = y.copy()
    return np.sum(np.sin(z))


def overwritten(x: Any) -> Any:
    y = x.copy()
    y[1] = 2.0
    return np.sum(y * x)


def of_what_is_overwritten(x: Any) -> Any:
    y = x.copy()
    x[1:] = y[:-1] * 2
    return np.sum(y * x)


def overwritten_in_a_loop(x: Any) -> Any:
    for _ in range(3):
        y = x.copy()
        for i in range(1, len(x)):
            x[i] = y[i - 1] + 0.5 * y[i]
    return np.sum(x * x)


def shown(x: Any) -> Any:
    y = x.copy()
    part = y[1:3]
    part[0] = 5.0
    return np.sum(y) + np.sum(x)


def returned(x: Any) -> Any:
    return x.copy()


def kept(x: Any) -> Any:
    rows = []
    for _ in range(2):
        rows.append(x.copy())
        x[0] += 1.0
    return rows[0] + 2 * rows[1]


@pytest.mark.parametrize("target", ["numpy", "numba"])
@pytest.mark.parametrize(
    ("f", "left"),
    [
        (only_read, 0), (copied_twice, 0), (overwritten, 1), (of_what_is_overwritten, 1),
        (overwritten_in_a_loop, 1), (shown, 1), (returned, 1), (kept, 1),
    ],
)  # fmt: skip
def test_copies_that_are_made(f: Callable[..., Any], left: int, target: str):
    staged = sc.jit(f, backend=target)
    mine, other = X.copy(), X.copy()
    wanted = f(mine)
    np.testing.assert_allclose(staged(other), wanted, rtol=1e-12)
    np.testing.assert_allclose(other, mine, rtol=1e-12)
    if target == "numpy":
        assert staged.source(X).count(".copy()") == left


def test_a_result_is_no_argument():
    staged = sc.jit(returned)
    x = X.copy()
    assert not np.shares_memory(staged(x), x)


@pytest.mark.parametrize("f", [only_read, copied_twice, overwritten, shown])
def test_gradients(f: Callable[..., Any]):
    slope = sc.grad(f)(X.copy())
    for k in range(len(X)):
        step = 1e-6 * np.eye(len(X))[k]
        by_steps = (f(X + step) - f(X - step)) / 2e-6
        np.testing.assert_allclose(slope[k], by_steps, rtol=1e-5, atol=1e-8)


def guarded(x: Any) -> Any:
    y = x.copy()
    y[y < 0] = 0.0
    y[x > 1] *= 3.0
    return np.sum(y * x)


def test_memory_that_is_written_to_is_not_copied_from_a_copy():
    text = sc.grad(guarded).source(X)
    assert text.count("= x.copy()") == 2
    assert "y_bar.copy()" not in text
    assert "unbroadcast" not in text  # what one mask selects twice is equally long
