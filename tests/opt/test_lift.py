"""Arrays that trips of a loop make anew: which are made in front of it, and the values."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

pytest.importorskip("numba", reason="the Numba target needs Numba")

X = np.random.default_rng(3).normal(size=9)


def growing(x: Any) -> Any:
    y = x.copy()
    for m in range(1, len(x)):
        y[1:m] += 0.5 * y[m - 1 : 0 : -1]
    return y


def shrinking(x: Any) -> Any:
    y = x.copy()
    for m in range(len(x)):
        y[m:] += 0.5 * y[m:][::-1]
    return y


def downwards(x: Any) -> Any:
    y = x.copy()
    for m in range(len(x) - 1, 0, -1):
        y[:m] += 0.5 * y[:m][::-1]
    return y


def in_threes(x: Any) -> Any:
    y = x.copy()
    for m in range(1, len(x), 3):
        y[: m + 1] -= 0.5 * y[m::-1]
    return y


def in_a_triangle(x: Any) -> Any:
    y = x.copy()
    for i in range(len(x)):
        for j in range(1, i):
            y[:j] += 0.1 * y[:j][::-1]
    return y


def rows(x: Any) -> Any:
    y = x[:, None] * x
    for m in range(1, len(x)):
        y[:m] += 0.5 * y[:m][::-1]
    return y


def of_data(x: Any) -> Any:
    y = x.copy()
    for m in range(len(x)):
        k = int(abs(x[m]))
        y[:k] += 0.5 * y[:k][::-1]
    return y


def kept(x: Any) -> Any:
    parts = []
    for m in range(1, len(x)):
        parts.append(x[:m] * 2.0)
    return np.concatenate(parts) if parts else x


def made_in_loops(source: str) -> list[str]:
    """The lines of loops that make arrays."""
    return re.findall(r"^ {8,}\w+ = np\.empty.*", source, re.MULTILINE)


LIFTED = [growing, shrinking, downwards, in_threes, in_a_triangle, rows]


@pytest.mark.parametrize("program", LIFTED)
def test_there_is_room_for_the_longest(program: Callable[..., Any]) -> None:
    staged = sc.jit(program, backend="numba")
    source = staged.source(X)
    assert not made_in_loops(source), source
    assert re.search(r"^ {4}t_\d = np\.empty", source, re.MULTILINE), source


@pytest.mark.parametrize("program", [*LIFTED, of_data, kept])
def test_values(program: Callable[..., Any]) -> None:
    staged = sc.jit(program, backend="numba")
    for size in (9, 5, 2, 1, 0):
        np.testing.assert_allclose(staged(X[:size]), program(X[:size]), rtol=1e-12)


@pytest.mark.parametrize("program", LIFTED)
def test_gradients(program: Callable[..., Any]) -> None:
    def total(x: Any) -> Any:
        return np.sum(program(x) ** 3)

    expected = sc.grad(total)(X)
    np.testing.assert_allclose(sc.grad(total, backend="numba")(X), expected, rtol=1e-11)


def test_a_length_that_data_tells_is_not_known_before() -> None:
    assert made_in_loops(sc.jit(of_data, backend="numba").source(X))
