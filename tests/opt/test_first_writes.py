"""Adjoints that are written instead of added to zeros, and those that are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

pytest.importorskip("numba", reason="the Numba target needs Numba")

X = np.random.default_rng(5).normal(size=7)


def each_element(x: Any) -> Any:
    s = 0.0
    for i in range(len(x)):
        s += np.sin(x[i]) * (i + 1)
    return s


def each_row(x: Any) -> Any:
    a = np.outer(x, x)
    s = 0.0
    for i in range(a.shape[0]):
        s += np.sqrt(np.sum(a[i] ** 2) + 1.0)
    return s


def nested(x: Any) -> Any:
    a = np.outer(x, x)
    s = 0.0
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            s += np.sin(a[i, j])
    return s


def some_elements(x: Any) -> Any:
    s = 0.0
    for i in range(1, len(x) - 1):
        s += x[i] ** 3
    return s


def triangle(x: Any) -> Any:
    a = np.outer(x, x)
    s = 0.0
    for i in range(a.shape[0]):
        for j in range(i):
            s += np.sin(a[i, j])
    return s


def on_a_condition(x: Any) -> Any:
    s = 0.0
    for i in range(len(x)):
        if x[i] > 0:
            s += x[i] ** 3
    return s


def diagonal(x: Any) -> Any:
    a = np.outer(x, x)
    s = 0.0
    for i in range(a.shape[0]):
        s += np.sin(a[i, i])
    return s


def twice(x: Any) -> Any:
    s = 0.0
    for _ in range(2):
        for i in range(len(x)):
            s += np.sin(x[i]) * s
    return s


def neighbours(x: Any) -> Any:
    s = 0.0
    for i in range(len(x) - 1):
        s += np.sin(x[i]) * x[i + 1]
    return s


def halves(x: Any) -> Any:
    s = 0.0
    for i in range(len(x)):
        s += np.sin(x[i // 2])
    return s


def from_the_end(x: Any) -> Any:
    s = 0.0
    for i in range(-2, 3):
        s += np.sin(x[i])
    return s


def used_after(x: Any) -> Any:
    s = np.sum(x[:2])
    for i in range(len(x)):
        s += np.sin(x[i])
    return s * x[0]


ALL = (each_element, each_row, nested, some_elements, triangle, on_a_condition, diagonal, twice,
       neighbours, halves, from_the_end, used_after)  # fmt: skip


@pytest.mark.parametrize("program", ALL)
@pytest.mark.parametrize("n", [0, 1, 2, 7])
def test_values(program: Callable[[Any], Any], n: int) -> None:
    least = {"from_the_end": 3, "used_after": 1, "each_row": 1}.get(program.__name__, 0)
    if n < least:
        pytest.skip(f"{program.__name__} has no result for {n} elements")
    x = X[:n]
    got = sc.value_and_grad(program, backend="numba")(x)
    want = sc.value_and_grad(program)(x)
    np.testing.assert_allclose(got[0], want[0], rtol=1e-13)
    np.testing.assert_allclose(got[1], want[1], rtol=1e-13, atol=1e-15)


def text(program: Callable[[Any], Any]) -> str:
    return sc.grad(program, backend="numba").source(X)


@pytest.mark.parametrize("program", [each_element, nested])
def test_written_once(program: Callable[[Any], Any]) -> None:
    assert "zeros" not in text(program)
    assert "_bar[i] +=" not in text(program)
    assert "_bar[i, j] +=" not in text(program)


@pytest.mark.parametrize("program", [some_elements, triangle, diagonal])
def test_zeros_stay_for_the_others(program: Callable[[Any], Any]) -> None:
    assert "zeros" in text(program)
    assert "_bar[i] +=" not in text(program)
    assert "_bar[i, j] +=" not in text(program)


@pytest.mark.parametrize("program", [twice, neighbours, halves, from_the_end])
def test_added_several_times(program: Callable[[Any], Any]) -> None:
    assert "zeros" in text(program)
    assert "] += " in text(program) or "] -= " in text(program)


def test_own_additions_stay() -> None:
    """`0.0 + -0.0` is `0.0`."""

    def added(x: Any) -> Any:
        y = np.zeros(len(x))
        for i in range(len(x)):
            y[i] += x[i]
        return y

    x = np.array([-0.0, 1.0, -0.0])
    assert not np.signbit(sc.jit(added, backend="numba")(x)[[0, 2]]).any()
