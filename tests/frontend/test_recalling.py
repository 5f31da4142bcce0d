"""Loops that are staged again settle in one round, if they begin as they did before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import stagec
from stagec.frontend import loops
from stagec.frontend.join import Join

DEPTH = 5


def rounds(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A list that grows with each time that the body of a loop is staged."""
    made: list[Any] = []

    def join(*given: Any, **options: Any) -> Join:
        made.append(given)
        return Join(*given, **options)

    monkeypatch.setattr(loops, "Join", join)
    return made


def nested(x: Any, n: int) -> Any:
    y = x * 2
    for _ in range(n):
        for _ in range(n):
            for _ in range(n):
                for _ in range(n):
                    for _ in range(n):
                        x, y = y * 0.5, x + 0.1
    return x + y


def test_nested_loops_that_carry_new_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    x, made = np.linspace(0.0, 1.0, 4), rounds(monkeypatch)
    np.testing.assert_allclose(stagec.jit(nested)(x, 2), nested(x, 2))
    # the innermost settles in some rounds, each around it in one or two more
    assert len(made) <= 6 * DEPTH


def descent(f: Any, slope: Any, x: Any) -> Any:
    best, step = f(x), 0.1
    while step > 1e-2:
        new = x - step * slope(x)
        if f(new) < best:
            x, best = new, f(new)
        else:
            step = step / 2
    return x


def bowl(x: Any, y: Any) -> Any:
    return np.sum((x - y) ** 2) + np.sum(x**2)


@pytest.mark.parametrize(("gradient", "most"), [(stagec.grad, 10), (stagec.jacfwd, 22)])
def test_functions_made_by_transforms_are_the_same_again(
    monkeypatch: pytest.MonkeyPatch, gradient: Any, most: int
) -> None:
    def outer(y: Any) -> Any:
        def inner(x: Any) -> Any:
            return bowl(x, y)

        return bowl(descent(inner, gradient(inner), y), y)

    def program(y: Any) -> Any:
        return descent(outer, lambda z: 2 * z, y)

    made = rounds(monkeypatch)
    stagec.jit(program).source(np.array([0.3, -0.2]))
    assert len(made) <= most


def same_array(x: Any, again: bool) -> Any:
    total = 0.0
    for k in range(2):
        a = x + 0
        b = a if again else x + 1
        for _ in range(3):
            a, b = b, a
            total = total + a[0] + k
        total = total + b[0]
    return total


@pytest.mark.parametrize("again", [True, False])
def test_one_array_with_two_names_is_not_two(again: bool) -> None:
    def program(x: Any) -> Any:
        return same_array(x, True) + same_array(x, again) * 2 + same_array(x, False) * 3

    x = np.array([0.5, 1.5])
    for backend in ("numpy", "numba"):
        np.testing.assert_allclose(stagec.jit(program, backend=backend)(x), program(x))


def filled(x: Any, part: Any) -> Any:
    for _ in range(3):
        part = part * 2
        x = x + np.sum(part)
    return x


def test_shapes_of_another_call_are_not_carried() -> None:
    def program(x: Any, y: Any) -> Any:
        return filled(x, y)[0] + filled(y, x)[0] + filled(x, x)[0]

    x, y = np.arange(3.0), np.arange(4.0)
    np.testing.assert_allclose(stagec.jit(program)(x, y), program(x, y))
    (result,) = stagec.jit(lambda x, y: filled(y, x) + filled(x, y)[0]).ir(x, y).results
    assert str(result.type) == "f64[m]"
