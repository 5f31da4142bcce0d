"""Loops over generators that loop over generators, and leave early."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import stagec as sc

A = np.arange(1.1, 6.0) ** 1.5


def powers(v: Any, n: int) -> Iterator[Any]:
    for _ in range(n):
        yield v
        v = v * v


def scaled(v: Any, n: int) -> Iterator[Any]:
    for p in powers(v, n):
        if p > 1e6:
            return
        yield p * 0.5
    yield -1.0


def three_deep(v: Any, n: int) -> Iterator[Any]:
    yield from scaled(v, n)
    yield from scaled(v + 1.0, 1)


def returns(x: Any, n: int) -> Any:
    for v in scaled(x[1], n):
        if v > 3.0:
            return v
    return x[0]


def breaks(x: Any, n: int) -> Any:
    total = 0.0
    for v in three_deep(x[1], n):
        total += v
        if total > 5.0:
            break
    else:
        total = -total
    return total


def both(x: Any, n: int) -> Any:
    total = 0.0
    for start in x:
        for v in three_deep(start, n):
            if v > 40.0:
                return total, v
            if v < start * start:
                continue
            if v > 4.0:
                break
            total += v
        total += 1.0
    return total, 0.0


def first(x: Any, n: int) -> Any:
    for _, v in np.ndenumerate(x[n]):
        return v * 2.0
    return x[0]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("program", [returns, breaks, both, first], ids=lambda p: p.__name__)
def test_leaving_a_loop_over_nested_generators(
    program: Callable[..., Any], backend: str
) -> None:
    if backend == "numba":
        pytest.importorskip("numba", reason="the Numba target needs Numba")
    staged = sc.jit(program, backend=backend)
    for n in (0, 1, 2, 4):
        np.testing.assert_allclose(staged(A, n), program(A, n), rtol=1e-13)


def test_its_gradient() -> None:
    for n in (1, 4):
        found = sc.grad(lambda x, n=n: both(x, n)[0] * returns(x, n))(A)
        step = 1e-6 * np.eye(len(A))
        loss = [both(A + h, n)[0] * returns(A + h, n) for h in (*step, *-step)]
        expected = np.subtract(loss[: len(A)], loss[len(A) :]) / 2e-6
        np.testing.assert_allclose(found, expected, rtol=1e-6)
