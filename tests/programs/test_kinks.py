"""Points where a function has no derivative: all modes and targets follow one convention."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec

BACKENDS = pytest.mark.parametrize("backend", ["numpy", "numba"])
POINTS = np.array([0.0, 3.0, -4.0])


def distances_in_a_loop(x: Any) -> Any:
    total = 0.0
    for a in x:
        for b in x:
            d = a - b
            total += math.sqrt(d**2 + 2 * d * d)
    return total


DISTANCES: dict[str, tuple[Callable[..., Any], list[float]]] = {
    "root of a square": (lambda x: np.sum(np.sqrt(x * x)), [0.0, 1.0, -1.0]),
    "several terms": (
        lambda x: np.sum(np.sqrt(x**2 + 3 * np.square(x) / 0.5 + x * x * 2)),
        [0.0, 3.0, -3.0],
    ),
    "of arrays": (
        lambda x: np.sum(np.sqrt(np.sum((x[:, None] - x)[..., None] ** 2, axis=2))),
        [0.0, 4.0, -4.0],
    ),
    "mean": (lambda x: np.sqrt(np.mean((x - x) ** 2)), [0.0] * 3),
    "loop": (distances_in_a_loop, [0.0, 4 * 3**0.5, -4 * 3**0.5]),
}


@BACKENDS
@pytest.mark.parametrize("name", DISTANCES)
def test_the_root_of_squares_is_a_distance(name: str, backend: str) -> None:
    function, expected = DISTANCES[name]
    with np.errstate(all="ignore"):
        backwards = stagec.grad(function, backend=backend)(POINTS)
        forwards = stagec.jacfwd(function, backend=backend)(POINTS)
    np.testing.assert_allclose(backwards, expected, rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(forwards, expected, rtol=1e-14, atol=1e-14)


@BACKENDS
@pytest.mark.parametrize(
    "function",
    [lambda x: np.sqrt(x**2 + x**3), lambda x: np.sqrt(x**2 - x * x), lambda x: np.sqrt(x)],
    ids=["of what may be negative", "a difference", "of a number"],
)
def test_other_roots_have_infinite_slopes(function: Callable[..., Any], backend: str) -> None:
    with np.errstate(all="ignore"):
        assert not np.isfinite(stagec.grad(function, backend=backend)(0.0))
        assert not np.isfinite(
            stagec.jvp(stagec.jit(function, backend=backend), (0.0,), (1.0,))[1]
        )


@BACKENDS
@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: np.where(x > 0, np.log(x), 0.0), 0.0),
        (lambda x: np.where(x != 0, np.sin(x) / x, 1.0), 0.0),
        (lambda x: np.where(x > 0, np.sqrt(x) * np.log(x), 2 * x) * 3, 6.0),
    ],
)
def test_a_number_not_chosen_leaks_no_nan(
    function: Callable[..., Any], expected: float, backend: str
) -> None:
    with np.errstate(all="ignore"):
        assert stagec.grad(function, backend=backend)(0.0) == expected
        pushed = stagec.jvp(stagec.jit(function, backend=backend), (0.0,), (1.0,))[1]
    assert pushed == expected


@BACKENDS
@pytest.mark.parametrize(
    ("function", "x", "y", "slopes"),
    [
        (np.logaddexp, np.inf, 1.0, (1, 0)),
        (np.logaddexp2, 1.0, np.inf, (0, 1)),
        (np.logaddexp, -np.inf, 1.0, (0, 1)),
        (np.logaddexp, -np.inf, -np.inf, (0, 0)),
        (np.hypot, 1.0, -np.inf, (0, -1)),
        (np.hypot, 0.0, 0.0, (0, 0)),
        (math.hypot, np.inf, 2.0, (1, 0)),
    ],
)
def test_slopes_at_infinity(
    function: Any, x: float, y: float, slopes: tuple[int, int], backend: str
) -> None:
    def program(x: Any, y: Any) -> Any:
        return function(x, y)

    with np.errstate(all="ignore"):
        assert stagec.grad(program, (0, 1), backend=backend)(x, y) == slopes
        staged = stagec.jit(program, backend=backend)
        pushed = [stagec.jvp(staged, (x, y), unit)[1] for unit in ((1.0, 0.0), (0.0, 1.0))]
    assert tuple(pushed) == slopes


@BACKENDS
@pytest.mark.parametrize(
    "function", [np.median, np.nanmedian, lambda x: np.nanquantile(x, 0.5)]
)
def test_the_middle_of_nothing(function: Any, backend: str) -> None:
    def program(x: Any) -> Any:
        return function(x[x > 2.0])

    gradient = stagec.value_and_grad(program, backend=backend)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value, slope = gradient(np.ones(3))
        pushed = stagec.jvp(stagec.jit(program, backend=backend), (np.ones(3),), (np.ones(3),))
    assert np.isnan(value)
    assert np.isnan(pushed[0])
    assert slope.tolist() == [0.0, 0.0, 0.0]
    value, slope = gradient(np.array([5.0, 1.0, 3.0, 9.0]))
    assert value == 5.0
    assert slope.tolist() == [1.0, 0.0, 0.0, 0.0]


@BACKENDS
def test_hessian_of_a_singular_determinant(backend: str) -> None:
    rows = np.outer([1.0, 2.0, 3.0], [1.0, -1.0, 2.0])
    found = stagec.hessian(np.linalg.det, backend=backend)(rows)
    h = 1e-3
    slope = stagec.grad(np.linalg.det)
    expected = [
        (slope(rows + h * e) - slope(rows - h * e)) / (2 * h)
        for e in np.eye(9).reshape(9, 3, 3)
    ]
    np.testing.assert_allclose(found.reshape(9, 3, 3), expected, atol=1e-9)
