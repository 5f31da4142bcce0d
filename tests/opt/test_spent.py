"""Zeros stored where an element was read that nobody reads again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

pytest.importorskip("numba", reason="the Numba target needs Numba")

X = np.random.default_rng(2).normal(size=(4, 5))


def stored(x: Any) -> Any:
    """Each element is stored once."""
    y = np.zeros_like(x)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            y[i, j] = np.sin(x[i, j])
    return y


def neighbours(x: Any) -> Any:
    """Elements are read on later trips, which add to the adjoint."""
    y = np.zeros_like(x)
    for i in range(1, x.shape[0]):
        for j in range(1, x.shape[1]):
            y[i, j] = np.sin(x[i, j]) + 0.5 * y[i - 1, j] * y[i, j - 1]
    return y


def twice(x: Any) -> Any:
    """Each element is stored two times, and is needed in between."""
    y = np.zeros_like(x)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            y[i, j] = np.sin(x[i, j])
            y[i, j] = y[i, j] * y[i, j - 1] + x[i, j]
    return y


def rows(x: Any) -> Any:
    """All columns store in the first one."""
    y = np.zeros_like(x)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            y[i, 0] = x[i, j] * (2 + j)
    return y


def kept(x: Any) -> Any:
    """What is stored in was there before, and steps store anew."""
    y = x.copy()
    for _ in range(3):
        for i in range(x.shape[0]):
            for j in range(x.shape[1]):
                y[i, j] = np.sin(y[i, j]) * x[i, j]
    return y


def shared(x: Any) -> Any:
    """The counter is not the whole index."""
    y = np.zeros_like(x)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            y[i, j // 2] = np.sin(x[i, j])
    return y


def chosen(x: Any) -> Any:
    y = np.zeros_like(x)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            if x[i, j] > 0:
                y[i, j] = np.sin(x[i, j])
    return y


def backwards(x: Any) -> Any:
    """The same element by two numbers."""
    y = np.zeros_like(x)
    for i in range(x.shape[0]):
        for j in range(-x.shape[1], x.shape[1]):
            y[i, j] = np.sin(x[i, j]) * (1 + j)
    return y


def columns(x: Any) -> Any:
    y = np.zeros_like(x)
    for j in range(x.shape[1]):
        y[:, j] = np.sin(x[:, j]) * (1 + j)
    return y


def ends(x: Any) -> Any:
    y = np.zeros_like(x)
    for i in range(x.shape[0]):
        y[i, 1:] = np.sin(x[i, :-1]) * (1 + i)
    return y


def crossed(x: Any) -> Any:
    """A column meets the rows."""
    y = np.zeros_like(x)
    for i in range(x.shape[0]):
        y[i, :] = np.sin(x[i])
        y[:, i] = np.cos(x[:, i]) * (1 + i)
    return y


def overlapping(x: Any) -> Any:
    """Two trips share all but one element."""
    y = np.zeros_like(x)
    for i in range(x.shape[0]):
        y[i : i + 2, 1] = x[i, 0] * (2 + i)
    return y


def columns_again(x: Any) -> Any:
    """A column is read by the next trip, which adds to its adjoint."""
    y = np.zeros_like(x)
    for j in range(1, x.shape[1]):
        y[:, j] = np.sin(x[:, j]) + 0.5 * y[:, j - 1] * x[:, 0]
    return y


def falling(x: Any) -> Any:
    """The loops of the program fall."""
    y = np.zeros_like(x)
    for i in range(x.shape[0] - 1, -1, -1):
        for j in range(x.shape[1] - 2, -1, -1):
            y[i, j] = np.sin(x[i, j]) + 0.5 * x[i, j] * y[i, j + 1]
    return y


def falling_below(x: Any) -> Any:
    """The same element by two numbers, that fall."""
    y = np.zeros_like(x)
    for i in range(x.shape[0]):
        for j in range(x.shape[1] - 1, -x.shape[1] - 1, -1):
            y[i, j] = np.sin(x[i, j]) * (1 + j)
    return y


PARTS = [falling, falling_below, columns, ends, crossed, overlapping, columns_again]
PROGRAMS = [stored, neighbours, twice, rows, kept, shared, chosen, backwards, *PARTS]


@pytest.mark.parametrize("program", PROGRAMS)
def test_derivatives_are_those_of_the_other_target(program: Callable[..., Any]) -> None:
    def total(x: Any) -> Any:
        return np.sum(np.cos(program(x)) * x)

    np.testing.assert_allclose(
        sc.grad(total, backend="numba")(X), sc.grad(total)(X), rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("program", [stored, chosen, falling, columns, ends])
def test_nothing_is_set_to_zero_that_is_not_read_again(program: Callable[..., Any]) -> None:
    def total(x: Any) -> Any:
        return np.sum(np.cos(program(x)) * x)

    assert "] = 0" not in sc.grad(total, backend="numba").source(X)


@pytest.mark.parametrize("program", [rows, shared, falling_below, crossed, overlapping])
def test_what_is_read_again_is_set_to_zero(program: Callable[..., Any]) -> None:
    def total(x: Any) -> Any:
        return np.sum(np.cos(program(x)) * x)

    assert "] = 0" in sc.grad(total, backend="numba").source(X)
