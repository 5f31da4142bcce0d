"""What a loop carries: names that share an array, arrays from outside, exits without an end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import stagec

OUTSIDE = np.array([1.0, 2.0])


def two_names(a: Any, n: int) -> Any:
    x = a * 3
    y = a * 1
    for _ in range(n):
        step = x * 2
        x = step
        y = step
    return x + y


def two_names_or_return(a: Any, n: float) -> Any:
    x = a * 3
    y = a * 1
    while np.sum(x) < n:
        step = x * 2
        if np.sum(step) > 50:
            return x
        if np.sum(step) > 10:
            x = step
            y = step
    return x + y


def endless(x: float) -> Any:
    while True:
        x = x * 2
        if x > 100:
            return x


def endless_with_test(x: float) -> Any:
    while x < 1000:
        x = x * 2
        if x > 100 and x < 130:
            return -x
    return x


def total(x: Any) -> Any:
    return np.sum(x**2)


def calls_in_the_test(x: float) -> Any:
    slope = x
    while total(slope) > 1e-3:
        x = x - 0.4 * slope
        if total(x) < 0.1:
            return x
        slope = 2 * x
    return x


def array_from_outside(n: float) -> Any:
    x = OUTSIDE
    while np.sum(x) < n:
        x = x + OUTSIDE if np.sum(x) > 20 else x * 2
    return x


def unpacked_generator(x: Any) -> Any:
    a, b = (2 * part for part in (x, x + 1))
    return a * b


def returned_with_a_size_of_its_own(x: Any, y: Any) -> Any:
    x = x.copy()
    for i in range(3):
        if np.mean(x) < -0.55:
            return np.tanh(np.outer(OUTSIDE, OUTSIDE)[: i + 1])
        for _ in range(2):
            x[1:] = np.sin(x[1:]) - 0.5
    return y


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (two_names, (np.arange(3.0), 3)),
        (two_names_or_return, (np.ones(3), 30.0)),
        (two_names_or_return, (np.ones(3), 70.0)),
        (endless, (3.0,)),
        (endless_with_test, (3.0,)),
        (endless_with_test, (1.0,)),
        (endless_with_test, (2000.0,)),
        (calls_in_the_test, (1.0,)),
        (array_from_outside, (100.0,)),
        (array_from_outside, (1.0,)),
        (unpacked_generator, (np.arange(3.0),)),
        (returned_with_a_size_of_its_own, (np.full(4, 0.3), np.ones((3, 4)))),
        (returned_with_a_size_of_its_own, (np.full(4, 2.0), np.ones((3, 4)))),
        (returned_with_a_size_of_its_own, (np.full(4, -0.6), np.ones((3, 4)))),
    ],
)
def test_results(function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    np.testing.assert_array_equal(stagec.jit(function)(*arguments), function(*arguments))


def test_endless_loop_has_one_result() -> None:
    assert stagec.grad(endless)(3.0) == 64.0


def test_name_of_either_of_two_arrays_is_not_written_to() -> None:
    def f(a: Any, n: int) -> Any:
        x = a * 3
        y = a * 1
        for _ in range(n):
            step = x * 2
            x = step
            y = step
        x[0] = 100.0
        return y

    with pytest.raises(stagec.StagecError, match="SC311"):
        stagec.jit(f)(np.ones(3), 2)


def test_outside_array_of_one_branch_is_written_to() -> None:
    first, second = np.ones(2), np.zeros(2)

    @stagec.jit
    def f(n: float) -> Any:
        x = first if n > 3 else second
        x[0] = 3.0
        return x * 2

    np.testing.assert_array_equal(f(5.0), [6.0, 2.0])
    np.testing.assert_array_equal(f(1.0), [6.0, 0.0])
    np.testing.assert_array_equal([first, second], [[3.0, 1.0], [3.0, 0.0]])


def nested(x: float, depth: int) -> float:
    if depth == 0:
        return x
    total = 0.0
    for k in range(2):
        total += nested(x + k, depth - 1)
    return total


def test_staging_of_nested_loops_is_linear_in_their_depth() -> None:
    staged = stagec.jit(nested, static_argnames="depth")
    assert staged(1.0, 12) == nested(1.0, 12)


def test_number_that_one_call_of_a_loop_carries_is_known_in_another() -> None:
    def power(x: float, n: int, step: int) -> Any:
        for _ in range(3):
            n = n + step
        return x if n == 2 else x**n

    def both(x: float, k: int) -> Any:
        return power(x, k, 1) + power(x, 2, 0)

    assert stagec.jit(both)(3.0, 1) == both(3.0, 1)


def added(values: Any) -> Any:
    s = 0
    for v in values:
        s += v
    return s


def totals_of_several_types(x: Any, k: Any) -> Any:
    """A loop is staged again for other types: those it had before are no guess."""
    return added(x), added(x > 0), added(k), sum(x), sum(k), [added(v) for v in (x, k)]


def test_a_loop_staged_again_has_its_own_types() -> None:
    args = np.array([1.5, -2.0]), np.array([1, 2])
    wanted, found = totals_of_several_types(*args), stagec.jit(totals_of_several_types)(*args)
    assert found == wanted
    pairs = zip((*wanted[:5], *wanted[5]), (*found[:5], *found[5]), strict=True)
    assert all(type(a) is type(b) for a, b in pairs)


@dataclass
class Phase:
    position: Any
    momentum: Any


def kept_in_a_dataclass(x: Any, n: int) -> Any:
    state = Phase(x, x * 0)
    for k in range(n):
        if k > 1:
            state.momentum = state.momentum - 0.1 * state.position
        state.position = state.position + 0.1 * state.momentum
    return state.position, state.momentum


def test_objects_of_a_dataclass_are_changed_in_loops() -> None:
    x = np.array([1.0, -2.0])
    for n in (0, 4):
        wanted, found = kept_in_a_dataclass(x, n), stagec.jit(kept_in_a_dataclass)(x, n)
        np.testing.assert_array_equal(found, wanted)
