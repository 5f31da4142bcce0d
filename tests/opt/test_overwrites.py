"""Stores that another store follows before anything reads what they stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

X = np.random.default_rng(3).normal(size=6)
AT = 2


def below(x: Any, at: Any) -> Any:
    y = x.copy()
    for j in range(len(x)):
        for i in range(j + 1, len(x)):
            y[i] = y[i] * 2
            y[i] = y[i] / (2 + y[j] ** 2)
    return y


def thrice(x: Any, at: Any) -> Any:
    y = x.copy()
    for i in range(len(x)):
        y[i] = np.sin(y[i])
        y[i] = y[i] + 1
        y[i] = y[i] * y[i]
    return y


def filled(x: Any, at: Any) -> Any:
    y = x.copy()
    y[1:3] = 0
    y[1:3] = x[:2] * x[:2]
    return y


def read_between(x: Any, at: Any) -> Any:
    y = x.copy()
    for i in range(1, len(x)):
        y[i] = y[i - 1] * 2
        y[i] = y[at] + y[i]
    return y


def on_one_path(x: Any, at: Any) -> Any:
    y = x.copy()
    for i in range(len(x)):
        y[i] = x[i] * 2
        if x[i] > 0:
            y[i] = x[i] * 3
    return y


def sum_between(x: Any, at: Any) -> Any:
    y = x.copy()
    for i in range(len(x)):
        y[i] = 2 * x[i]
        y[i] = np.sum(y)
    return y


def counted_from_the_end(x: Any, at: Any) -> Any:
    y = x.copy()
    for i in range(len(x)):
        y[i] = x[i] * 5
        y[i] = y[-1] + x[i]
    return y


def fits_not(x: Any, at: Any) -> Any:
    y = x.copy()
    y[:at] = x[: at + 1]
    y[:at] = 0
    return y


def stores(text: str) -> int:
    return sum(line.strip().startswith(("y[", "y_1[")) for line in text.splitlines())


@pytest.mark.parametrize(
    ("f", "left"),
    [
        (below, 1), (thrice, 1), (filled, 1),
        (read_between, 2), (on_one_path, 2), (sum_between, 2), (counted_from_the_end, 2),
    ],
)  # fmt: skip
def test_stores_that_nothing_reads(f: Callable[..., Any], left: int):
    staged = sc.jit(f)
    assert stores(staged.source(X, AT)) == left
    np.testing.assert_allclose(staged(X, AT), f(X, AT), rtol=1e-12)


@pytest.mark.parametrize("f", [below, thrice, filled, read_between, on_one_path, sum_between])
def test_their_gradients(f: Callable[..., Any]):
    def loss(x: Any, at: Any) -> Any:
        return np.sum(np.cos(f(x, at)))

    slope = sc.grad(loss)(X, AT)
    for k in range(len(X)):
        step = 1e-6 * np.eye(len(X))[k]
        by_steps = (loss(X + step, AT) - loss(X - step, AT)) / 2e-6
        np.testing.assert_allclose(slope[k], by_steps, rtol=1e-5, atol=1e-8)


def test_a_store_that_fails_still_fails():
    with pytest.raises(ValueError, match="broadcast"):
        sc.jit(fits_not)(X, AT)
