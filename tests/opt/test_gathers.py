"""Additions to shifted parts of an array as one sum: what is gathered, and that it is right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc
from stagec.ir.function import Function
from stagec.ir.interpreter import evaluate
from stagec.ir.verifier import verify
from stagec.opt.gathers import gathers
from stagec.pipeline import TARGETS

RNG = np.random.default_rng(11)


def line(x: Any, y: Any, steps: int) -> None:
    for _ in range(steps):
        v = 0.5 * y[1:-1]
        x[:-2] += v
        x[1:-1] -= 2.0 * v
        x[2:] += v


def two_values(x: Any, y: Any, steps: int) -> None:
    for k in range(steps):
        v, w = y[1:-1] * x[1:-1], y[1:-1] + k
        x[2:] += v
        x[:-2] += w
        x[1:-1] += 0.5 * v


def wide(x: Any, y: Any, steps: int) -> None:
    for _ in range(steps):
        v = 0.25 * y[3:-2]
        x[5:] += v
        x[:-5] += v
        x[1:-4] += v
        x[4:-1] += v


def inner(x: Any, y: Any, steps: int) -> None:
    for _ in range(steps):
        v = 0.5 * y[2:-2]
        x[1:-3] += v
        x[3:-1] += v
        x[2:-2] -= v


def plane(x: Any, y: Any, steps: int) -> None:
    for _ in range(steps):
        v = 0.2 * y[1:-1, 1:-1]
        y[1:-1, 1:-1] = 0.0
        x[1:-1, 2:] += v
        x[1:-1, :-2] += v
        x[2:, 1:-1] += v
        x[:-2, 1:-1] += v


def rows(x: Any, y: Any, steps: int) -> None:
    for i in range(len(x) - 1):
        for _ in range(steps):
            v = y[i, 1:-1] / (1.0 + i)
            x[i, 2:] += v
            x[i, :-2] += v
            x[i, 1:-1] += 0.5 * v
            x[i + 1, 1:-1] += v


def used_in_branches(x: Any, y: Any, steps: int) -> None:
    for k in range(steps):
        v = 0.5 * y[1:-1]
        x[:-2] += v
        x[2:] += v
        x[1:-1] -= v * 2.0
        if k % 2 == 0:
            x[0] *= 0.5 + k


def used_in_a_loop(x: Any, y: Any, steps: int) -> None:
    for _ in range(steps):
        v = 0.5 * y[1:-1]
        x[:-2] += v
        x[2:] += v
        x[1:-1] -= v
        for i in range(2):
            y[i] += x[i + 1] * x[0]


def columns(x: Any, y: Any, steps: int) -> None:
    for j in range(x.shape[1]):
        v = y[1:-1, j]
        x[2:, j] += v
        x[:-2, j] += v
        x[1:-1, j] -= v
        x[1:-1, -1] += v


def read_shifted(x: Any, y: Any, steps: int) -> None:
    for _ in range(steps):
        v = 0.1 * (x[2:] - x[:-2])
        x[1:-1] += v
        x[:-2] += v
        x[2:] -= v


def lengths_by_trip(x: Any, y: Any, steps: int) -> None:
    for k in range(2, len(x) - 2):
        z = np.ones(k)
        for _ in range(steps):
            v = y[1 : k - 1]
            z[2:] += v
            z[:-2] += v
            z[1:-1] += v
        x[:k] += z


def used_between(x: Any, y: Any, steps: int) -> None:
    for _ in range(steps):
        v = y[1:-1] * 1.5
        x[2:] += v
        y[0] = x[3]
        x[:-2] += v
        x[1:-1] += v


ARRAYS: dict[int, Callable[[int], Any]] = {
    1: lambda n: RNG.normal(size=n),
    2: lambda n: RNG.normal(size=(n, n + 1)),
}
GATHERED = {
    line: 1,
    two_values: 1,
    wide: 1,
    inner: 1,
    plane: 2,
    rows: 2,
    columns: 2,
    used_in_branches: 1,
    used_in_a_loop: 1,
}
ALONE = {lengths_by_trip: 1, used_between: 1}


def staged(program: Callable[..., None], *args: Any) -> Function:
    return sc.jit(program, backend="numba").ir(*args, stage="optimised")


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6, 9])
@pytest.mark.parametrize(
    ("program", "rank"), list((GATHERED | ALONE | {read_shifted: 1}).items())
)
def test_the_result_is_that_of_numpy(program: Callable[..., None], rank: int, n: int) -> None:
    x, y = ARRAYS[rank](n), ARRAYS[rank](n)
    for steps in (0, 1, 3):
        expected = x.copy(), y.copy()
        try:
            program(*expected, steps)
        except (ValueError, IndexError):
            return
        fn = staged(program, x, y, steps)
        for step in TARGETS["numba"].passes[:1]:
            fn = step(fn)
        made = gathers(fn)
        verify(made)
        found = x.copy(), y.copy()
        outs = evaluate(made, *found, steps)
        for got, want in zip(outs, expected, strict=False):
            np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("program", list(GATHERED))
def test_additions_are_gathered(program: Callable[..., None]) -> None:
    rank = GATHERED[program]
    fn = staged(program, ARRAYS[rank](9), ARRAYS[rank](9), 2)
    assert "padded" not in str(fn)
    assert "padded" in str(gathers(fn))


@pytest.mark.parametrize("program", list(ALONE))
def test_what_cannot_be_gathered_stays(program: Callable[..., None]) -> None:
    fn = staged(program, ARRAYS[1](9), ARRAYS[1](9), 2)
    assert str(gathers(fn)) == str(fn)


def test_the_array_with_zeros_is_made_in_front_of_all_loops() -> None:
    fn = gathers(staged(rows, ARRAYS[2](9), ARRAYS[2](9), 2))
    before, _ = str(fn).split("for ", 1)
    assert before.count("zeros(") == 1
    assert str(fn).count("zeros(") == 1


def test_a_second_time_changes_nothing() -> None:
    fn = gathers(staged(plane, ARRAYS[2](9), ARRAYS[2](9), 2))
    assert str(gathers(fn)) == str(fn)


@pytest.mark.parametrize("program", [line, plane, two_values, rows])
def test_compiled_gradients(program: Callable[..., None]) -> None:
    pytest.importorskip("numba", reason="the Numba target needs Numba")
    rank = GATHERED[program]

    def loss(x: Any, y: Any) -> Any:
        x, y = x.copy(), y.copy()
        program(x, y, 3)
        return np.sum(x * x * x) + np.sum(y * x)

    x, y = ARRAYS[rank](7), ARRAYS[rank](7)
    plain = sc.grad(loss, argnums=(0, 1))(x, y)
    compiled = sc.grad(loss, argnums=(0, 1), backend="numba")(x, y)
    for got, want in zip(compiled, plain, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)
