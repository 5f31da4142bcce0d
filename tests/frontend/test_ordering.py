"""Lists of arrays and tuples in the order of numbers that only the run time knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

X = np.random.default_rng(0).normal(size=8)
TIES = np.array([3.0, 0.0, 0.0, -3.0, -3.0, 0.0, 1.0, 2.0])


def height(p: Any) -> Any:
    return (p[0] - 1) ** 2 + 5 * (p[1] - p[0] ** 2) ** 2


def stable(x: Any) -> Any:
    points = [x[:2], x[2:4], x[4:6], x[6:]]
    points.sort(key=lambda p: p @ p)
    down = sorted(points, key=np.sum, reverse=True)
    pairs = sorted(zip(points, [np.max(p) for p in points], strict=True), key=lambda t: t[1])
    return points, down, pairs[0], pairs[-1]


def nelder_mead(x: Any) -> Any:
    simplex = [x[:2], x[2:4], x[4:6]]
    for _ in range(30):
        simplex.sort(key=height)
        middle = (simplex[0] + simplex[1]) / 2
        back = 2 * middle - simplex[2]
        if height(back) < height(simplex[0]):
            far = 3 * middle - 2 * simplex[2]
            simplex[2] = far if height(far) < height(back) else back
        elif height(back) < height(simplex[1]):
            simplex[2] = back
        else:
            near = (middle + simplex[2]) / 2
            if height(near) < height(simplex[2]):
                simplex[2] = near
            else:
                simplex = [simplex[0]] + [(simplex[0] + p) / 2 for p in simplex[1:]]
    return simplex[0], height(simplex[0])


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("f", [stable, nelder_mead])
@pytest.mark.parametrize("x", [X, -X, TIES])
def test_few_items(f: Callable[..., Any], x: Any, backend: str) -> None:
    found, expected = sc.jit(f, backend=backend)(x), f(x)
    for a, b in zip(found, expected, strict=True):
        for v, w in zip(a, b, strict=True) if isinstance(b, list | tuple) else [(a, b)]:
            np.testing.assert_allclose(v, w)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_derivative(backend: str) -> None:
    def lowest(x: Any) -> Any:
        points = sorted([x[:2], x[2:4], x[4:6], x[6:]], key=height)
        return points[0] @ points[1] + 2 * np.sum(points[3])

    h = 1e-6
    expected = [(lowest(X + d) - lowest(X - d)) / (2 * h) for d in h * np.eye(len(X))]
    np.testing.assert_allclose(sc.grad(lowest, backend=backend)(X), expected, rtol=1e-6)
