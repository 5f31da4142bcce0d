"""Loops over arrays that the body writes to, by names that later stand for other arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import stagec

Function = Callable[..., Any]


def view(x: Any, n: int) -> Any:
    a, total = x * 2, 0.0
    for e in a[::-1]:
        b = a
        b[0] += n
        a = b * e
        total = total + e
    return total


def in_step(x: Any, n: int) -> Any:
    a, total = x * 2, 0.0
    for e, g in zip(a, x[::-1], strict=True):
        b = a
        b[2] += n
        a = b * e
        total += e * g
    return total


def backwards(x: Any, n: int) -> Any:
    a, total = x * 2, 0.0
    for e in reversed(a):
        b = a
        b[0] += n
        a = b * e
        total += e
    return total


def from_a_generator(x: Any, n: int) -> Any:
    def each(c: Any) -> Iterator[Any]:
        yield from c

    a, total = x * 2, 0.0
    for e in each(a):
        b = a
        b[2] += n
        a = b * e
        total += e
    return total


def nested(x: Any, n: int) -> Any:
    a, total = x * 2, 0.0
    for _ in range(n):
        for e in a[::-1]:
            b = a
            b[0] += e
            a = b * 1.5
            total += e * b[1]
    return total


def tuple_of_arrays(x: Any, n: int) -> Any:
    a, b, total = x * 2, x * 3, 0.0
    for array in (a, b):
        for e in array[::-1]:
            c = b
            c[0] += e
            b = c * 1.5
            total += e * c[1]
    return total


def argument(x: Any, n: int) -> Any:
    for i in range(n):
        x[0] += i
        x = x * 2
        x[1] -= i
    return x


def changing_backwards(x: Any, n: int) -> Any:
    y = np.zeros(())
    for i in reversed(range(2, n + 3, 2)):
        y = y + x * i
    return y


EVERY = [
    view, in_step, backwards, from_a_generator, nested, tuple_of_arrays, argument,
    changing_backwards,
]  # fmt: skip


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("function", EVERY)
def test_results_and_arguments(function: Function, backend: str) -> None:
    staged = stagec.jit(function, backend=backend)
    for n in range(4):
        ours, theirs = np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0])
        np.testing.assert_allclose(staged(ours, n), function(theirs, n), rtol=1e-14)
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("function", [view, nested, tuple_of_arrays])
def test_gradients(function: Function) -> None:
    x, step = np.array([1.0, 2.0, 3.0]), 1e-6
    found = stagec.grad(function)(x, 2)
    for k, e in enumerate(np.eye(3)):
        wanted = (function(x + step * e, 2) - function(x - step * e, 2)) / (2 * step)
        np.testing.assert_allclose(found[k], wanted, rtol=1e-7)


def tuple_with_a_choice(x: Any, s: float) -> Any:
    a, b, total = x * 2, x * 3, 0.0
    for e in (a, b):
        total += e.sum()
        if s > 0:
            b = x * 5
        b[0] += 1
    return total


def array_with_a_choice(x: Any, s: float) -> Any:
    a, total = x * 2, 0.0
    for e in a:
        total += e
        if s > 0:
            a = x * 5
        a[2] += 1
    return total


@pytest.mark.parametrize("function", [tuple_with_a_choice, array_with_a_choice])
def test_an_array_that_may_be_the_iterated_one_is_not_written_to(function: Function) -> None:
    with pytest.raises(stagec.StagecError, match="SC311"):
        stagec.jit(function)(np.ones(3), 1.0)


def test_a_list_bound_anew_on_one_path_is_iterated_as_before() -> None:
    def f(x: Any, s: float) -> Any:
        values, total = [x[0] * 2, x[1] * 3], 0.0
        for e in values:
            total += e
            if s > 0:
                values = [1.0, x[0]]
            values[1] = 7.0
        return total

    for s in (1.0, -1.0):
        assert stagec.jit(f)(np.ones(3), s) == f(np.ones(3), s)
