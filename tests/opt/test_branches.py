"""What a branch tests is known in it: indices that it keeps inside need no check."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

pytest.importorskip("numba", reason="the Numba target needs Numba")

X = np.random.default_rng(3).normal(size=6)


def below(x: Any) -> Any:
    y = np.zeros(len(x))
    for i in range(len(x)):
        if i < len(x) - 1:
            y[i] = x[i + 1] - x[i]
    return y


def above(x: Any) -> Any:
    y = np.zeros(len(x))
    for i in range(len(x)):
        if i > 1:
            y[i] = x[i - 2] * x[i]
    return y


def turned_around(x: Any) -> Any:
    y = np.zeros(len(x))
    for i in range(len(x)):
        if len(x) - 3 >= i:
            y[i] = x[i + 2] * x[i]
    return y


INSIDE: dict[str, Callable[..., Any]] = {f.__name__: f for f in (below, above, turned_around)}


def too_far(x: Any) -> Any:
    y = np.zeros(len(x))
    for i in range(len(x)):
        if i <= len(x) - 1:
            y[i] = x[i + 1] - x[i]
    return y


def otherwise(x: Any) -> Any:
    y = np.zeros(len(x))
    for i in range(len(x)):
        if i < len(x) - 1:
            y[i] = 1.0
        else:
            y[i] = x[i + 1]
    return y


def behind(x: Any) -> Any:
    y = np.zeros(len(x))
    for i in range(len(x)):
        if i < len(x) - 1:
            y[i] = x[i + 1]
        y[i] += x[i + 1]
    return y


def number_given(x: Any, m: int) -> Any:
    y = np.zeros(len(x))
    for i in range(len(x)):
        if i < m:
            y[i] = x[i + 1]
    return y


@pytest.mark.parametrize("name", INSIDE)
def test_indices_that_a_branch_keeps_inside_are_not_checked(name: str) -> None:
    f = sc.jit(INSIDE[name], backend="numba")
    for x in (X, X[:1], X[:2], X[:0]):
        np.testing.assert_allclose(f(x), INSIDE[name](x))
    assert "inside" not in f.source(X)
    gradient = sc.grad(lambda x: np.sum(INSIDE[name](x) ** 2), backend="numba")
    numpy_gradient = sc.grad(lambda x: np.sum(INSIDE[name](x) ** 2))
    np.testing.assert_allclose(gradient(X), numpy_gradient(X))


@pytest.mark.parametrize("f", [too_far, otherwise, behind])
def test_what_it_does_not_keep_inside_fails(f: Callable[..., Any]) -> None:
    with pytest.raises(IndexError):
        f(X)
    with pytest.raises(IndexError):
        sc.jit(f, backend="numba")(X)


def test_a_number_that_is_given_proves_nothing() -> None:
    f = sc.jit(number_given, backend="numba")
    np.testing.assert_allclose(f(X, 5), number_given(X, 5))
    with pytest.raises(IndexError):
        f(X, 6)


def test_what_counts_from_the_end_stays() -> None:
    def f(x: Any) -> Any:
        y = np.zeros(len(x))
        for i in range(len(x)):
            if i >= 0:
                y[i] = x[i - 1]
        return y

    np.testing.assert_allclose(sc.jit(f, backend="numba")(X), f(X))
