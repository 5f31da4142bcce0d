"""Numerical programs: values, changed arguments, both modes of differentiation."""

from typing import Any

import numpy as np
import pytest

import stagec as sc
from tests.programs.numerics import CASES


def flat(tree: Any) -> np.ndarray:
    if isinstance(tree, tuple | list):
        return np.concatenate([flat(t) for t in tree])
    return np.ravel(np.asarray(tree))


@pytest.mark.parametrize("name", CASES)
def test_value_and_changed_arguments(name: str) -> None:
    f, *makers = CASES[name]
    ours, theirs = [m() for m in makers], [m() for m in makers]
    np.testing.assert_allclose(flat(sc.jit(f)(*ours)), flat(f(*theirs)), rtol=1e-10)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)


@pytest.mark.parametrize("name", CASES)
def test_gradient_in_both_modes(name: str) -> None:
    f, *makers = CASES[name]
    rest = [m() for m in makers[1:]]
    x = makers[0]()
    gradient = sc.grad(f)(x, *rest)
    np.testing.assert_array_equal(x, makers[0]())  # grad changes no argument
    direction = np.random.default_rng(5).normal(size=np.shape(x))
    if np.ndim(x) == 0:
        direction = float(direction)

    def at(step: float) -> float:
        return float(f(makers[0]() + step * direction, *[m() for m in makers[1:]]))

    slopes = [(at(h) - at(-h)) / (2 * h) for h in (1e-4, 5e-5)]
    expected = (4 * slopes[1] - slopes[0]) / 3
    reverse = float(np.sum(gradient * direction))
    np.testing.assert_allclose(reverse, expected, rtol=1e-6, atol=1e-8)
    tangents = (direction, *(None for _ in rest))
    _, forward = sc.jvp(f, (x, *rest), tangents)
    np.testing.assert_allclose(float(forward), reverse, rtol=1e-10, atol=1e-12)
