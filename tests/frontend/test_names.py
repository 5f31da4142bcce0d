"""What generated code calls the values that a program gives no name."""

from __future__ import annotations

from typing import Any

import numpy as np

import stagec as sc

X = np.arange(3.0)


def slope(place: Any, speed: Any) -> Any:
    return place * speed - place**3


def step(x: Any, v: Any, h: Any) -> Any:
    first = slope(x, v)
    second = slope(x + h * first, v)
    return np.sum(x + h / 2 * (first + second))


def element(x: Any, i: Any) -> Any:
    return x[i] * x[i - 1]


def neighbours(x: Any, n: Any) -> Any:
    total = 0.0
    for i in range(1, n):
        total += element(x, i + 1)
    return total


def named_by_the_caller(x: Any) -> Any:
    wide = 2 * x
    return slope(wide, 3.0)


def once(x: Any) -> Any:
    return scaled(x + 1)


def scaled(place: Any) -> Any:
    return 3 * place


def test_what_is_given_to_a_parameter_is_called_so():
    text = sc.grad(step).source(X, X, 0.1)
    assert "    place = x + h * first\n" in text
    assert "place_bar" in text
    text = sc.jit(step).source(X, X, 0.1)
    assert "    place = x + h * first\n" in text


def test_names_of_the_caller_come_first():
    text = sc.jit(named_by_the_caller).source(X)
    assert "wide" in text
    assert "place" not in text


def test_what_needs_no_variable_gets_none():
    assert sc.jit(once).source(X).count("place") == 0
    text = sc.jit(neighbours).source(X, 2)
    assert "i + 1" in text
    assert sc.jit(neighbours)(np.arange(4.0), 3) == neighbours(np.arange(4.0), 3)
