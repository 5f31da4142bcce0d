"""Arrays computed from their own neighbours: which take turns with a second, and results."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc
from stagec.ir.function import Function
from stagec.ir.interpreter import evaluate
from stagec.ir.verifier import verify
from stagec.opt.turns import turns

RNG = np.random.default_rng(5)


def added(u: Any, steps: int) -> Any:
    u = u.copy()
    for _ in range(steps):
        u[1:-1] += 0.1 * (u[2:] - 2.0 * u[1:-1] + u[:-2])
    return u


def stored(u: Any, steps: int) -> Any:
    u = 2.0 * u
    for k in range(steps):
        u[1:] = 0.5 * u[:-1] + k
    return u


def single_precision(u: Any, steps: int) -> Any:
    u = u.astype(np.float32)
    for _ in range(steps):
        u[1:-1] += 0.5 * (u[2:] + u[:-2]) + np.float64(1.0) / 3.0
    return u


def observed(u: Any, steps: int) -> Any:
    u = u.copy()
    total = 0.0
    for _ in range(steps):
        total += np.sum(u[2:] * u[2:])
        u[2:] = u[1:-1] + u[:-2]
    return u * total


def nested(u: Any, steps: int) -> Any:
    total = np.zeros(len(u))
    for _ in range(2):
        v = u * 1.5
        for _ in range(steps):
            v[1:] += 0.5 * v[:-1]
        total += v
    return total


def of_the_caller(u: Any, steps: int) -> Any:
    for _ in range(steps):
        u[1:] += 0.5 * u[:-1]
    return u


def at_the_edges_too(u: Any, steps: int) -> Any:
    u = u.copy()
    for _ in range(steps):
        u[1:-1] = u[2:] + u[:-2]
        u[0] = u[1]
    return u


def by_position(u: Any, steps: int) -> Any:
    u = u.copy()
    for k in range(steps):
        u[k:] += u[k]
    return u


def in_place(u: Any, steps: int) -> Any:
    u = u.copy()
    for _ in range(steps):
        u[1:-1] *= 2.0
    return u


def the_old_one_later(u: Any, steps: int) -> Any:
    u, before = u.copy(), u.copy()
    for _ in range(steps):
        before = u[1:].copy()
        u[1:] = u[:-1] + 0.5
    return np.sum(u) + np.sum(before)


TWO = [added, stored, single_precision, observed, nested, the_old_one_later]
ONE = [of_the_caller, at_the_edges_too, by_position, in_place]


def staged(program: Callable[..., Any]) -> Function:
    return sc.jit(program, backend="numba").ir(np.ones(9), 2, stage="optimised")


@pytest.mark.parametrize("program", TWO)
def test_a_second_array_takes_turns(program: Callable[..., Any]) -> None:
    fn = staged(program)
    made = turns(fn)
    verify(made)
    assert str(made).count(" copy(") == str(fn).count(" copy(") + 1
    for n in (2, 3, 9):
        for steps in (0, 1, 2, 5):
            u = RNG.normal(size=n)
            found = evaluate(made, u.copy(), steps)
            expected = program(u.copy(), steps)
            np.testing.assert_allclose(found[0], expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("program", ONE)
def test_one_array_is_enough(program: Callable[..., Any]) -> None:
    fn = staged(program)
    assert str(turns(fn)) == str(fn)


def test_a_second_time_changes_nothing() -> None:
    fn = turns(staged(added))
    assert str(turns(fn)) == str(fn)


@pytest.mark.parametrize("program", [added, nested, observed])
def test_compiled_code_swaps_the_arrays(program: Callable[..., Any]) -> None:
    pytest.importorskip("numba", reason="the Numba target needs Numba")
    compiled = sc.jit(program, backend="numba")
    u = RNG.normal(size=9)
    for steps in (0, 1, 2, 5):
        np.testing.assert_allclose(compiled(u, steps), program(u, steps), rtol=1e-12)
    assert re.search(r"(\w+), (\w+) = \2, \1\n", compiled.source(u, 2))
