"""Parallel iteration over arrays, ranges and lists, one or all of them known at staging."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

A = np.arange(1.0, 8.0) ** 1.5


def downwards(a: Any, n: int) -> Any:
    return sum(k * i + a[0] for k, i in enumerate(range(n, 2, -1)))


def three_ranges(a: Any, n: int) -> Any:
    total = 0.0
    for i, j, k in zip(range(2, n, 2), range(n, 2, -1), range(10), strict=False):
        total += a[k] * (i * j - k)
    return total


def backwards(a: Any, n: int) -> Any:
    total = 0.0
    for v, i in zip(reversed(a), range(n), strict=False):
        total += v * i
    for k, i in enumerate(reversed(range(1, n, 2))):
        total += k * i * a[0]
    return total


def names(a: Any, n: int) -> Any:
    total = 0.0
    for v, name in zip(a[:n], ["x", "yy", "z"], strict=False):
        if name == "yy":
            continue
        if v > 5.0:
            break
        total += v * len(name)
    else:
        total += 100.0
    return total


def early(a: Any, n: int) -> Any:
    for i, factor in zip(range(n), (2.0, 3.0), strict=False):
        if i * factor > 1:
            return a[i] * factor
    return a[0]


def functions(a: Any, n: int) -> Any:
    total = 0.0
    for k, (v, f) in enumerate(zip(a, [np.sin, np.cos], strict=False), n):
        total += k * f(v)
    return total


def layers(a: Any, n: int) -> Any:
    sizes = [n, 2 * n, n]
    pairs = list(zip(sizes[:-1], reversed(sizes), strict=False))
    weights = dict(zip(["u", "v"], [a, 2 * a], strict=True))
    for k, (rows, columns) in enumerate(pairs):
        a = a * rows + columns * k
    return np.sum(a * weights["v"]) + tuple(zip((a, a), (1, 2), strict=True))[1][0][1]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize(
    "program",
    [downwards, three_ranges, backwards, names, early, functions, layers],
    ids=lambda p: p.__name__,
)
def test_parallel_iteration(program: Callable[..., Any], backend: str) -> None:
    if backend == "numba":
        pytest.importorskip("numba", reason="the Numba target needs Numba")
    staged = sc.jit(program, backend=backend)
    for n in (0, 1, 3, 6):
        np.testing.assert_allclose(staged(A, n), program(A, n), rtol=1e-13)


def test_gradient_of_bounded_iteration() -> None:
    np.testing.assert_allclose(sc.grad(names)(A, 5), [1.0, 0, 0, 0, 0, 0, 0])


def test_shortest_list_ends_the_loop() -> None:
    def f(x: float) -> Any:
        return [a * b for a, b in zip([x, x, x], (1, 2), strict=False)]

    assert sc.jit(f)(2.0) == [2.0, 4.0]


def test_a_reversed_part_of_zip_is_as_long_as_it_is() -> None:
    def f(x: Any, n: int) -> Any:
        found = [v for v in x if v > 0]
        total = 0.0
        for a, b in zip(reversed(found), x, strict=False):
            total = total * 2 + a * b
        for k, v in zip(reversed(range(n)), x, strict=False):
            total += k * v
        return total

    x = np.array([1.0, -2.0, 3.0, 0.5])
    text = sc.jit(f).source(x, 3)
    assert "// 1" not in text
    assert "max(0, " not in text
    for n in (-2, 0, 1, 3, 9):
        assert sc.jit(f)(x, n) == f(x, n)
