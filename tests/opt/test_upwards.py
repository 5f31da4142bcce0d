"""Loops that run upwards though they were written backwards, and which do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc
from stagec.ir.core import For
from stagec.ir.function import Function
from stagec.ir.walk import statements
from stagec.opt.promote import promote
from stagec.opt.scalarise import scalarise
from stagec.opt.sums import sums
from stagec.opt.upwards import upwards
from tests.benchmarks.workloads.factorisations import cholesky, gram_schmidt

pytest.importorskip("numba", reason="the Numba target needs Numba")

X = np.random.default_rng(4).normal(size=9)


def rows(x: Any) -> Any:
    """Two rows of one array: each trip has its own column of both."""
    a = np.outer(x, x) + np.eye(len(x))
    for i in range(1, len(x)):
        for j in reversed(range(len(x))):
            a[0, j] -= x[i] * a[i, j]
            a[i, j] *= 0.5
    return a


def from_the_middle(x: Any) -> Any:
    a = np.outer(x, x)
    for k in range(len(x)):
        for j in reversed(range(k + 1, len(x))):
            a[k, j] += a[0, j] * x[k]
    return a


def summed(x: Any) -> Any:
    a = np.outer(x, x)
    top = np.zeros(len(x))
    for i in range(len(x)):
        for j in reversed(range(len(x))):
            top[i] += a[i, j] * x[j]
    return top


def handed_on(x: Any) -> Any:
    """A trip reads what the one before has written."""
    y = np.zeros(len(x) + 1)
    for i in reversed(range(len(x))):
        y[i] = 0.5 * y[i + 1] + x[i]
    return y


def overtaken(x: Any) -> Any:
    """A trip reads what a later one overwrites."""
    y = x.copy()
    for i in reversed(range(1, len(x))):
        y[i] = y[i - 1] + x[i]
    return y


def last_wins(x: Any) -> Any:
    y = np.zeros(len(x))
    for i in reversed(range(len(x))):
        y[i // 2] = x[i]
    return y


def in_order(x: Any) -> Any:
    """A number that each trip makes of the last one's."""
    total = 1.0
    for i in reversed(range(len(x))):
        total = 0.5 * total + x[i]
    return total


def found_first(x: Any) -> Any:
    at = -1
    for i in reversed(range(len(x))):
        at = i if x[i] > 0.5 else at
    return at


def left_early(x: Any) -> Any:
    y = np.zeros(len(x))
    for i in reversed(range(len(x))):
        if x[i] > 1.0:
            break
        y[i] = x[i]
    return y


def from_the_end(x: Any) -> Any:
    """Indices below zero: two trips have the same element."""
    y = np.zeros(len(x))
    for i in reversed(range(-3, 4)):
        y[i] = x[0] + i
    return y


TURNED = (rows, from_the_middle, summed)
KEPT = (handed_on, overtaken, last_wins, in_order, found_first, left_early, from_the_end)


def backward_loops(fn: Function) -> int:
    """How many loops count downwards, of all loops there."""
    return sum(isinstance(s, For) and s.reverse for s in statements(fn.body))


def staged(program: Callable[[Any], Any]) -> tuple[Function, Function]:
    optimised = sc.jit(program, backend="numba").ir(X, stage="optimised")
    before = sums(promote(scalarise(optimised)))
    return before, upwards(before)


@pytest.mark.parametrize("program", TURNED)
def test_loop_is_turned(program: Callable[[Any], Any]) -> None:
    before, after = staged(program)
    assert backward_loops(after) < backward_loops(before)


@pytest.mark.parametrize("program", KEPT)
def test_loop_is_kept(program: Callable[[Any], Any]) -> None:
    before, after = staged(program)
    assert backward_loops(after) == backward_loops(before) > 0


@pytest.mark.parametrize("program", [*TURNED, *KEPT])
def test_values(program: Callable[[Any], Any]) -> None:
    np.testing.assert_allclose(sc.jit(program, backend="numba")(X), program(X), rtol=1e-14)


def sweep(a: Any) -> Any:
    """The adjoint of a row is added to by the trip of the row behind it."""
    a = a.copy()
    for i in range(1, len(a)):
        for j in range(len(a)):
            a[i, j] += 0.5 * a[i - 1, j] * a[i, j]
    return np.sum(a)


def two_sweeps(a: Any) -> Any:
    """Along the second axis, each trip by itself, the first one in order."""
    a = a.copy()
    for i in range(1, len(a)):
        for j in range(1, len(a)):
            a[i, j] = np.sin(a[i - 1, j]) * a[i, j - 1]
    return np.sum(a)


def to_other_rows(a: Any) -> Any:
    """What is added to a row, its own trip reads."""
    a = a.copy()
    for i in range(len(a)):
        for j in range(len(a)):
            a[i, j] = a[i, j] * a[(i * 3 + 1) % len(a), j]
    return np.sum(a)


@pytest.mark.parametrize(
    ("program", "indices"),
    [
        (cholesky, "j"),
        (gram_schmidt, "k"),
        (sweep, "i"),
        (two_sweeps, "ij"),
        (to_other_rows, "i"),
    ],
)
def test_loops_of_backward_passes(program: Callable[[Any], Any], indices: str) -> None:
    """Only the loops over these indices run backwards."""
    m = np.outer(X, X) + 3.0 * np.eye(len(X))
    lines = sc.grad(program, backend="numba").source(m).splitlines()
    loops = [line.strip() for line in lines if "reversed(" in line or ", -1)" in line]
    assert [loop.split()[1] for loop in loops] == list(indices)


@pytest.mark.parametrize("program", [cholesky, gram_schmidt, sweep, two_sweeps, to_other_rows])
def test_gradients(program: Callable[[Any], Any]) -> None:
    m = np.outer(X, X) + 3.0 * np.eye(len(X))
    found, want = sc.grad(program, backend="numba")(m), sc.grad(program)(m)
    np.testing.assert_allclose(found, want, rtol=1e-12, atol=1e-13)
