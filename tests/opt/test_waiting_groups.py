"""Loops of one length become one, past statements over another length between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

pytest.importorskip("numba", reason="the Numba target needs Numba")

X = np.linspace(0.5, 1.5, 9)


def two_lengths(x: Any, steps: int) -> Any:
    total, inner = np.zeros(len(x)), np.zeros(len(x) - 1)
    y = x.copy()
    for _ in range(steps):
        a = y[1:] * 0.5
        total += y
        inner += a * a
        total += 2 * y
        inner += 3 * a
        y = y * 0.9
    return total, inner


def written_between(x: Any, steps: int) -> Any:
    y, z = x.copy(), np.zeros(len(x) - 1)
    for _ in range(steps):
        z += y[1:]
        y *= 0.5
        z += y[1:]
    return y, z


def needed_between(x: Any, steps: int) -> Any:
    y, z = x.copy(), np.ones(len(x) - 1)
    for _ in range(steps):
        z *= y[1:]
        y[0] = z[0]
        y += y[0] * 0.1
        z *= y[:-1]
    return y, z


def through_another_length(x: Any, steps: int) -> Any:
    y, z = x.copy(), x[1:].copy()
    for _ in range(steps):
        z += 0.5
        y[:-1] += z
        y *= 0.25
        z += y[1:]
        z *= z
        y -= 0.125
    return y, z


def many(x: Any, steps: int) -> Any:
    y, z = x.copy(), x[1:].copy()
    for _ in range(steps):
        for k in sc.unroll(range(12)):
            y += 0.001 * k
            z += 0.001 * k * z
    return y, z


PROGRAMS = [two_lengths, written_between, needed_between, through_another_length, many]


@pytest.mark.parametrize("program", PROGRAMS)
def test_same_as_python(program: Callable[..., Any]) -> None:
    want = program(X, 3)
    found = sc.jit(program, backend="numba")(X, 3)
    for a, b in zip(found, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)


def test_one_loop_for_each_length() -> None:
    text = sc.jit(two_lengths, backend="numba").source(X, 3)
    loop = text[text.index("for _ in range(steps)") :].partition("return")[0]
    assert loop.count("for i in") == 2
