"""Random numbers: each call of the staged function draws what the function itself would."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec


def seeded_twice(x: float, n: int) -> Any:
    np.random.seed(0)
    y = np.random.rand()
    np.random.seed(0)
    return x + y + np.random.rand()


def seeded_by_an_argument(x: float, n: int) -> Any:
    np.random.seed(n)
    return x + np.random.rand(3)


def seeded_in_a_loop(x: float, n: int) -> Any:
    for k in range(n):
        np.random.seed(k)
        x += np.random.rand()
    return x


def module_random(x: float, n: int) -> Any:
    random.seed(1)
    return x * random.random()


def generator(x: float, n: int) -> Any:
    rng = np.random.default_rng(0)
    y = rng.random()
    rng = np.random.default_rng(seed=0)
    return x + y + rng.normal(size=2)


def old_generator(x: float, n: int) -> Any:
    rng = np.random.RandomState(3)
    return x * rng.randn(2, 3) + rng.rand()


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize(
    "function",
    [seeded_twice, seeded_by_an_argument, seeded_in_a_loop, module_random, generator,
     old_generator],
)  # fmt: skip
def test_each_call_draws_the_same(function: Callable[..., Any], backend: str) -> None:
    staged = stagec.jit(function, backend=backend)
    wanted = function(1.5, 3)
    for _ in range(3):
        np.testing.assert_array_equal(staged(1.5, 3), wanted)


def unseeded(x: float) -> Any:
    return x * np.random.default_rng().random()


def drawn_in_a_loop(x: float) -> Any:
    rng = np.random.default_rng(0)
    for _ in range(3):
        x += rng.random()
    return x


def shuffled(x: float) -> Any:
    w = np.arange(3.0)
    np.random.RandomState(0).shuffle(w)
    return x * w


@pytest.mark.parametrize("function", [unseeded, drawn_in_a_loop, shuffled])
def test_draws_that_would_differ_are_refused(function: Callable[..., Any]) -> None:
    with pytest.raises(stagec.StagecError, match=r"SC36[34]"):
        stagec.jit(function)(1.5)
