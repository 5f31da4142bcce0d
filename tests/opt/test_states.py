"""States that live in the rows of the tapes that they are recorded in."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

RNG = np.random.default_rng(7)


def part(u: Any, steps: int) -> Any:
    u = u.copy()
    for _ in range(steps):
        u[1:-1] -= 0.1 * u[1:-1] * (u[2:] - u[:-2])
    return np.sum(u * u)


def uneven(u: Any, steps: int) -> Any:
    u = u.copy()
    for k in range(steps):
        u[2:] = 0.5 * u[1:-1] * u[:-2] + 0.01 * k
    return np.sum(u * u)


def whole(u: Any, steps: int) -> Any:
    u = u * 1.0
    for _ in range(steps):
        u = u + 0.1 * np.sin(u) * u[::-1]
    return np.sum(u * u)


def copied(u: Any, steps: int) -> Any:
    for _ in range(steps):
        new = u.copy()
        new[1:-1] = 0.5 * u[1:-1] * u[2:]
        u = new
    return np.sum(u * u)


def seen(u: Any, steps: int) -> Any:
    u = u.copy()
    total = 0.0
    for _ in range(steps):
        total += np.sum(u**3)
        u[1:-1] = 0.4 * u[1:-1] * u[2:]
        total += np.sum(u[1:] * u[:-1])
    return total * np.sum(u)


def two(u: Any, steps: int) -> Any:
    u, v = u.copy(), 0.5 * u
    for _ in range(steps):
        u[1:-1] += 0.1 * u[1:-1] * v[2:]
        v[1:-1] -= 0.1 * v[1:-1] * u[:-2]
    return np.sum(u * v)


def again(u: Any, steps: int) -> Any:
    total = 0.0
    for _ in range(2):
        v = u * 1.5
        for _ in range(steps):
            v[1:-1] *= 0.9 + 0.1 * v[2:]
        total += np.sum(v * v)
    return total


def written_after(u: Any, steps: int) -> Any:
    u = u.copy()
    for _ in range(steps):
        u[1:-1] *= 0.9 + 0.1 * u[2:]
    u[0] = 2.0 * u[1]
    return np.sum(u * u)


def grid(u: Any, steps: int) -> Any:
    a = np.outer(u, u)
    for _ in range(steps):
        a[1:-1, 1:-1] += 0.1 * a[1:-1, 1:-1] * (a[2:, 1:-1] - a[1:-1, :-2])
    return np.sum(a * a)


def handed_on(u: Any, steps: int) -> Any:
    past, now = u.copy(), u * 0.5
    for _ in range(steps):
        new = now * (1.0 + 0.1 * past)
        past, now = now, new
    return np.sum(now * past)


def beside_others(u: Any, steps: int) -> Any:
    v = 0.5 * u
    for _ in range(steps):
        v = v - 0.1 * np.sin(u)
        u = u + 0.1 * v
    return np.sum(u * v)


def beside_a_pair(u: Any, steps: int) -> Any:
    u, v = u.copy(), 0.5 * u
    for _ in range(steps):
        v[1:-1] = 0.5 * (v[2:] + v[:-2])
        u[1:-1] += 0.1 * np.sin(u[1:-1]) + v[1:-1]
    return np.sum(u * v)


def few(u: Any, steps: int) -> Any:
    u = u.copy()
    for _ in range(steps):
        u[3] = u[3] * u[4]
        u[:3] = u[:3] * u[1:4]
    return np.sum(u * u)


def numbers(u: Any, steps: int) -> Any:
    x = u[0]
    for _ in range(steps):
        x = x * (1.0 - 0.1 * x)
    return x * u[1]


IN_ROWS = (part, uneven, copied, seen, two, written_after, grid)
NOT = (whole, handed_on, beside_others, beside_a_pair, few, numbers)


@pytest.mark.parametrize("program", [*IN_ROWS, again, *NOT], ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_gradients_are_those_of_the_numpy_target(program: Any, dtype: Any) -> None:
    """Without trips too, and of arrays in which nothing is between the rims."""
    there = sc.value_and_grad(program, backend="numba")
    here = sc.value_and_grad(program)
    for n, steps in ((9, 5), (9, 0), (9, -2), (5, 3)):
        u = RNG.normal(size=n).astype(dtype)
        before = u.copy()
        for got, wanted in zip(there(u, steps), here(u, steps), strict=True):
            np.testing.assert_allclose(got, wanted, rtol=2e-5 if dtype is np.float32 else 1e-11)
        np.testing.assert_array_equal(u, before)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_gradients_of_short_arrays(n: int) -> None:
    u = RNG.normal(size=n)
    got = sc.grad(part, backend="numba")(u, 3)
    np.testing.assert_allclose(got, sc.grad(part)(u, 3), rtol=1e-12)


def loops_of(program: Callable[..., Any]) -> str:
    return sc.grad(program, backend="numba").source(RNG.normal(size=9), 5)


@pytest.mark.parametrize("program", IN_ROWS, ids=lambda f: f.__name__)
def test_the_next_row_is_written(program: Any) -> None:
    """One row more than there are trips, and nothing is restored."""
    source = loops_of(program)
    assert "max(steps + 1, 1)" in source
    assert re.search(r"tape(_\d)?\[(\w+) \+ 1, [^\]]*\] = ", source)
    assert program is written_after or "kernels.inside" not in source


@pytest.mark.parametrize("program", NOT, ids=lambda f: f.__name__)
def test_other_states_are_recorded(program: Any) -> None:
    assert "steps + 1" not in loops_of(program)


def test_a_result_is_no_row() -> None:
    """Else it would keep all rows."""

    def stepped(u: Any, steps: int) -> Any:
        u = u.copy()
        for _ in range(steps):
            u[1:-1] *= 0.9 + 0.1 * u[2:]
        return u

    def pulled(u: Any, steps: int) -> Any:
        value, pull = sc.vjp(stepped, u, steps)
        return value, pull(value)[0]

    u = RNG.normal(size=9)
    there, here = sc.jit(pulled, backend="numba"), sc.jit(pulled)
    for steps in (4, 0):
        value, u_bar = there(u, steps)
        np.testing.assert_allclose(value, here(u, steps)[0], rtol=1e-12)
        np.testing.assert_allclose(u_bar, here(u, steps)[1], rtol=1e-12)
    source = there.source(u, 4)
    assert "steps + 1" in source
    assert re.search(r"\[i\] = tape\[", source)
    assert "= tape[j, i + 1]\n" not in source  # nothing is restored


def test_rows_of_an_array_that_the_program_makes() -> None:
    """Reads that count in another way leave it as it is; a row may not repeat one number."""

    def backwards(u: Any, steps: int) -> Any:
        rows = np.empty((steps, len(u)))
        for t in range(steps):
            rows[t] = u
            u = u * 0.9
        total = 0.0
        for t in range(steps):
            total += np.sum(rows[-t] * u)
        return total

    def spread(u: Any, steps: int) -> Any:
        rows = np.empty((steps, 4))
        v = u[:1] * 1.0
        for t in range(steps):
            rows[t] = v
            v = v * 0.9
        total = 0.0
        for t in range(steps):
            total += np.sum(rows[t])
        return total

    u = RNG.normal(size=4)
    for program in (backwards, spread):
        for steps in (3, 1, 0):
            got = sc.jit(program, backend="numba")(u, steps)
            np.testing.assert_allclose(got, program(u, steps), rtol=1e-12)
