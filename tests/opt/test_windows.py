"""Additions to shifted planes of an array through a window: where, and that it is right."""

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

RNG = np.random.default_rng(5)


def seven(x: Any, y: Any, steps: int) -> None:
    for _ in range(steps):
        v = 0.1 * x[1:-1, 1:-1, 1:-1]
        x[1:-1, 1:-1, 1:-1] -= v * 6.0
        x[2:, 1:-1, 1:-1] += v
        x[:-2, 1:-1, 1:-1] += v
        x[1:-1, 2:, 1:-1] += v
        x[1:-1, :-2, 1:-1] += v
        x[1:-1, 1:-1, 2:] += v
        x[1:-1, 1:-1, :-2] += v


def another(x: Any, y: Any, steps: int) -> None:
    for k in range(steps):
        v = np.sin(y[:-1, :-2, :]) * (1.0 + k)
        x[1:, 2:, :] += v
        x[:-1, 2:, :] += v
        x[1:, :-2, :] += v


def oblique(x: Any, y: Any, steps: int) -> None:
    for _ in range(steps):
        v = y[:-2, 2:-1, 1:] * x[2:, 3:, :-1]
        x[2:, 3:, 1:] += v
        x[:-2, :-3, 1:] += v
        x[1:-1, 1:-2, :-1] += v


def perhaps_none(x: Any, y: Any, steps: int) -> None:
    for _ in range(steps):
        v = 0.5 * y[:-3, :, :]
        x[3:, :, :] += v
        x[:-3, :, :] += v
        x[2:-1, :, :] += v


def inner(x: Any, y: Any, steps: int) -> None:
    for _ in range(steps):
        v = 0.5 * x[1:-1, 1:-1, :]
        x[1:-1, 1:-1, :] += v
        x[2:, 1:-1, :] += v
        x[1:-1, 2:, :] += v
        x[1:-1, :-2, :] += v


def behind(x: Any, y: Any, steps: int) -> None:
    for _ in range(steps):
        v = 0.5 * x[:-2, :, 1:-1]
        x[1:-1, :, 1:-1] += v
        x[2:, :, 2:] += v
        x[2:, :, :-2] += v


def changed(x: Any, y: Any, steps: int) -> None:
    for _ in range(steps):
        v = 0.5 * y[1:-1, :, :]
        y[1:-1, :, :] = 1.0
        x[1:-1, :, :] += v
        x[2:, :, :] += v
        x[:-2, :, :] += v


def used_again(x: Any, y: Any, steps: int) -> None:
    for _ in range(steps):
        v = 0.5 * y[1:-1, :, :]
        x[1:-1, :, :] += v
        x[2:, :, :] += v
        x[:-2, :, :] += v
        y[1:-1, :, :] += v


def seen_between(x: Any, y: Any, steps: int) -> None:
    for _ in range(steps):
        v = 0.5 * x[1:-1, :, :]
        y[0, 0, :] += x[-1, 0, :]
        x[1:-1, :, :] += v
        x[2:, :, :] += v
        x[:-2, :, :] += v


def infinite(x: Any, y: Any, steps: int) -> None:
    for _ in range(steps):
        v = 0.5 * x[1:-1, 1:-1, :]
        x[1:-1, 1:-1, :] -= v * np.inf
        x[2:, 1:-1, :] += v
        x[:-2, 1:-1, :] += v
        x[1:-1, :-2, :] += v


def along_rows(x: Any, y: Any, steps: int) -> None:
    for _ in range(steps):
        v = 0.5 * y[:, 1:-1, :]
        x[:, 1:-1, :] += v
        x[:, 2:, :] += v
        x[:, :-2, :] += v


WINDOWS = [seven, another, oblique, inner, infinite]
NONE = [perhaps_none, behind, changed, used_again, seen_between, along_rows]


def arrays(*shape: int) -> tuple[Any, Any]:
    return RNG.normal(size=shape), RNG.normal(size=shape)


def staged(program: Callable[..., None], *args: Any) -> Function:
    return sc.jit(program, backend="numba").ir(*args, stage="optimised")


@pytest.mark.filterwarnings("ignore:invalid value")  # of `infinite`
@pytest.mark.parametrize("n", [3, 4, 5, 6, 9])
@pytest.mark.parametrize("program", WINDOWS + NONE)
def test_the_result_is_that_of_numpy(program: Callable[..., None], n: int) -> None:
    made = gathers(TARGETS["numba"].passes[0](staged(program, *arrays(12, 13, 14), 2)))
    verify(made)
    x, y = arrays(n, n + 1, n + 2)
    for steps in (0, 1, 3):
        expected = x.copy(), y.copy()
        program(*expected, steps)
        for got, want in zip(evaluate(made, x.copy(), y.copy(), steps), expected, strict=False):
            np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("program", WINDOWS)
def test_planes_take_the_place_of_a_whole_array(program: Callable[..., None]) -> None:
    made = str(gathers(staged(program, *arrays(12, 13, 14), 2)))
    assert "padded" not in made
    assert "plane" in made


@pytest.mark.parametrize("program", NONE)
def test_what_needs_the_whole_has_no_window(program: Callable[..., None]) -> None:
    assert "plane" not in str(gathers(staged(program, *arrays(12, 13, 14), 2)))


def test_small_planes_have_no_window() -> None:
    assert "plane" not in str(gathers(staged(seven, *arrays(5, 6, 7), 2)))


def diffusion(u: Any, rate: float, steps: int) -> Any:
    now = u.copy()
    for _ in range(steps):
        around = now[2:, 1:-1, 1:-1] + now[:-2, 1:-1, 1:-1]
        around = around + now[1:-1, 2:, 1:-1] + now[1:-1, :-2, 1:-1]
        around = around + now[1:-1, 1:-1, 2:] + now[1:-1, 1:-1, :-2]
        now[1:-1, 1:-1, 1:-1] += rate * (around - 6.0 * now[1:-1, 1:-1, 1:-1])
    return 0.5 * np.sum(now * now)


def decay(u: Any, rate: float, steps: int) -> Any:
    now = u.copy()
    for k in range(steps):
        centre = now[1:-1, 1:-1]
        around = now[2:, 1:-1] + now[:-2, 1:-1] + now[1:-1, 2:] + now[1:-1, :-2]
        now[1:-1, 1:-1] += rate * around - centre / (k + 2)
    return np.sum(now * now)


@pytest.mark.parametrize("program", [diffusion, decay])
def test_compiled_gradients(program: Callable[..., Any]) -> None:
    pytest.importorskip("numba", reason="the Numba target needs Numba")
    plain = sc.value_and_grad(program)
    compiled = sc.value_and_grad(program, backend="numba")
    for n in (12, 5, 4, 3, 2, 1, 0):
        u = RNG.normal(size=(n, n, n))
        for steps in (0, 1, 2, 3):
            for got, want in zip(compiled(u, 0.1, steps), plain(u, 0.1, steps), strict=True):
                np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)
    assert "plane" in compiled.source(RNG.normal(size=(12, 12, 12)), 0.1, 2)


@pytest.mark.filterwarnings("ignore:invalid value")  # of `infinite`
@pytest.mark.parametrize("program", [another, oblique, infinite])
def test_compiled_programs(program: Callable[..., None]) -> None:
    pytest.importorskip("numba", reason="the Numba target needs Numba")
    compiled = sc.jit(program, backend="numba")
    for shape in ((12, 13, 14), (7, 8, 9), (4, 5, 6)):
        x, y = arrays(*shape)
        expected, found = (x.copy(), y.copy()), (x.copy(), y.copy())
        program(*expected, 3)
        compiled(*found, 3)
        for got, want in zip(found, expected, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)
