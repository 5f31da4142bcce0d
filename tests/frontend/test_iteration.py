"""Loops over generators that stand in one another."""

from typing import Any

import numpy as np
import pytest

import stagec as sc

X = np.linspace(0.3, 1.7, 6).reshape(2, 3)


def pairs(n: Any, m: Any) -> Any:
    for i in range(n):
        for j in range(m):
            yield i, j


def nested(x: Any) -> Any:
    total = 0.0
    for here in pairs(*x.shape):
        value = x[here]
        for there in pairs(*x.shape):
            other = x[there]
            total += value * other**2
    return total


def largest(x: Any) -> Any:
    result = np.ones(x.shape, bool)
    for here in np.ndindex(x.shape):
        for offset in np.ndindex(x.shape):
            ways = here, offset, x.shape
            at = tuple((p + o - w // 2) % w for p, o, w in zip(*ways, strict=True))
            result[here] &= x[at] <= x[here]
    return result


def left_early(x: Any) -> Any:
    total, last, i, p = 0.0, 0.0, 0, 0
    for i, _ in pairs(*x.shape):
        for p, q in pairs(*x.shape):
            if x[p, q] > 1.5:
                break
            last = x[p, q]
            total += last
        else:
            total += 100
        if total > 20:
            return total, last, i, p
    return total, last, i, p


def enclosed(x: Any) -> Any:
    scale = 3.0  # the generator alone needs it

    def scaled() -> Any:
        for i in range(x.shape[0]):
            for j in range(x.shape[1]):
                yield x[i, j] * scale

    return sum(a * b for a in scaled() for b in scaled())


FUNCTIONS = [nested, largest, left_early, enclosed]


@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_what_the_inner_loop_leaves_behind_is_not_carried(f: Any, backend: Any) -> None:
    for x in (X, X[:1], X * 0.1):
        np.testing.assert_allclose(sc.jit(f, backend=backend)(x), f(x), rtol=1e-13)
    if f is nested:
        np.testing.assert_allclose(
            sc.grad(f, backend=backend)(X), np.sum(X**2) + 2 * X * np.sum(X), rtol=1e-13
        )
