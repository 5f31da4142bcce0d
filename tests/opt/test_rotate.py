"""Arrays that trips of a loop make and hand on: which take turns, and the values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

pytest.importorskip("numba", reason="the Numba target needs Numba")

X = np.random.default_rng(7).normal(size=(6, 8))


def leapfrog(x: Any, n: Any) -> Any:
    past, now = np.zeros_like(x), np.zeros_like(x)
    for t in range(n):
        new = np.zeros_like(x)
        new[1:-1, 1:-1] = (
            2.0 * now[1:-1, 1:-1] - past[1:-1, 1:-1] + x[2:, 1:-1] * now[:-2, 1:-1]
        )
        new[2, 3] += x[0, 0] * t
        past, now = now, new
    return now


def at_the_rim(x: Any, n: Any) -> Any:
    now = np.zeros_like(x)
    for t in range(n):
        new = np.zeros_like(x)
        new[1:-1] = now[2:] + 0.5 * now[:-2] + x[1:-1]
        new[0, 1] += x[0, 0] * t
        now = new
    return now


def without_content(x: Any, n: Any) -> Any:
    now = np.zeros((6, 8))
    for _ in range(n):
        new = np.empty((6, 8))
        new[:, 1:] = now[:, :-1] + x[:, 1:]
        new[:, 0] = x[:, 0]
        now = new
    return now


def until(x: Any, n: Any) -> Any:
    past, now = np.zeros_like(x), np.zeros_like(x)
    for _ in range(n):
        new = np.zeros_like(x)
        new[1:-1] = now[2:] + 0.5 * past[:-2] + x[1:-1]
        past, now = now, new
        if now[2, 2] > 2.0:
            break
    return now - past


def in_another(x: Any, n: Any) -> Any:
    total = np.zeros_like(x)
    for k in range(3):
        now = np.zeros_like(x)
        for _ in range(n):
            new = np.zeros_like(x)
            new[1:-1] = now[2:] + 0.5 * now[:-2] + x[1:-1]
            now = new
        total += k * now
    return total


def begins_with_one(x: Any, n: Any) -> Any:
    past = np.zeros_like(x)
    now = past
    for _ in range(n):
        new = np.zeros_like(x)
        new[1:-1] = now[2:] + 0.5 * past[:-2] + x[1:-1]
        past, now = now, new
    return now


def begins_with_the_caller_s(x: Any, n: Any) -> Any:
    past, now = x, np.zeros_like(x)
    for _ in range(n):
        new = np.zeros_like(x)
        new[1:-1] = now[2:] + 0.5 * past[:-2] + x[1:-1]
        past, now = now, new
    return now


def needs_the_beginning(x: Any, n: Any) -> Any:
    first = np.zeros_like(x)
    past, now = first, np.zeros_like(x)
    for _ in range(n):
        new = np.zeros_like(x)
        new[1:-1] = now[2:] + 0.5 * past[:-2] + x[1:-1]
        past, now = now, new
    return now + np.exp(first)


def keeps_all(x: Any, n: Any) -> Any:
    now, all_of_them = np.zeros_like(x), []
    for _ in range(n):
        new = np.zeros_like(x)
        new[1:-1] = now[2:] + 0.5 * now[:-2] + x[1:-1]
        now = new
        all_of_them.append(now)
    return all_of_them


def keeps_a_view(x: Any, n: Any) -> Any:
    past, now = np.zeros_like(x), np.zeros_like(x)
    row = now[1]
    for _ in range(n):
        new = np.zeros_like(x)
        new[1:-1] = now[2:] + 0.5 * past[:-2] + x[1:-1] + row
        row = past[2]
        past, now = now, new
    return now + row


def keeps_the_first(x: Any, n: Any) -> Any:
    first, now = np.zeros_like(x), np.zeros_like(x)
    for t in range(n):
        new = np.zeros_like(x)
        new[1:-1] = now[2:] + 0.5 * first[:-2] + x[1:-1]
        if t == 1:
            first = now
        now = new
    return now + first


def returns_all(x: Any, n: Any) -> Any:
    past, now = np.zeros_like(x), np.zeros_like(x)
    for _ in range(n):
        new = np.zeros_like(x)
        new[1:-1] = now[2:] + 0.5 * past[:-2] + x[1:-1]
        past, now = now, new
    return past, now


def in_a_field(x: Any, n: Any) -> Any:
    v = np.cos(x)
    for _ in range(n):
        a = -(x**3)
        x = x + 0.1 * v
        v = v + 0.1 * a
    return x, v


def two_behind(x: Any, n: Any) -> Any:
    before, past, now = x, 2.0 * x, x
    for _ in range(n):
        new = 0.3 * now[::-1] + 0.2 * past - 0.1 * before
        before, past, now = past, now, new
    return before, past, now


def of_what_is_left(x: Any, n: Any) -> Any:
    total = np.zeros_like(x)
    for k in range(3):
        now = x
        for _ in range(n):
            now = 0.5 * now[::-1] + np.sin(x)
        total += k * now
    return total


TURNS = (
    leapfrog,
    at_the_rim,
    without_content,
    until,
    in_another,
    returns_all,
    begins_with_one,
    begins_with_the_caller_s,
    needs_the_beginning,
    in_a_field,
    two_behind,
    of_what_is_left,
)
STAY = (
    keeps_all,
    keeps_a_view,
    keeps_the_first,
)


@pytest.mark.parametrize("f", [*TURNS, *STAY])
def test_values(f: Callable[..., Any]) -> None:
    """The values are those of the program, and what it is given stays as it is."""
    given, staged = X.copy(), sc.jit(f, backend="numba")
    for n in (5, 2, 1, 0):
        np.testing.assert_allclose(np.array(staged(given, n)), np.array(f(X.copy(), n)))
    np.testing.assert_array_equal(given, X)


@pytest.mark.parametrize("f", [f for f in (*TURNS, *STAY) if f is not keeps_all])
def test_gradients(f: Callable[..., Any]) -> None:
    """The gradient is that of the NumPy target."""

    def loss(x: Any, n: Any) -> Any:
        got = f(x, n)
        return np.sum(np.sin(got[0])) + np.sum(got[1] ** 2)

    got = sc.grad(loss, backend="numba")(X, 4)
    np.testing.assert_allclose(got, sc.grad(loss)(X, 4))


def made_in_loops(source: str) -> int:
    """How many arrays the loops of the source make."""
    lines = [
        line for line in source.splitlines() if " = np.empty" in line or "np.zeros" in line
    ]
    indents = [len(line) - len(line.lstrip()) for line in lines]
    return sum(indent > 4 for indent in indents)


@pytest.mark.parametrize("f", [f for f in TURNS if f not in {in_another, of_what_is_left}])
def test_take_turns(f: Callable[..., Any]) -> None:
    """No trip makes an array."""
    assert made_in_loops(sc.jit(f, backend="numba").source(X, 4)) == 0


@pytest.mark.parametrize("f", STAY)
def test_stay(f: Callable[..., Any]) -> None:
    """Each trip makes an array where something else may hold one of those."""
    assert made_in_loops(sc.jit(f, backend="numba").source(X, 4)) > 0
