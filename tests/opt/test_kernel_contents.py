"""What kernels can hold: arrays that are made of numbers, places of extrema."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import stagec as sc

pytest.importorskip("numba", reason="the Numba target needs Numba")


def turned(angles: Any, scale: Any) -> Any:
    found = np.empty((len(angles), 2))
    for k in range(len(angles)):
        cos, sin = np.cos(angles[k]), np.sin(angles[k])
        turn = np.array([[cos, -sin], [sin, cos]]) + 0 * np.eye(2)
        found[k] = turn @ np.array([scale, angles[k]])
    return found


@pytest.mark.parametrize("gradient", [False, True])
def test_arrays_of_numbers_and_unit_matrices_are_made_in_kernels(gradient: bool) -> None:
    angles, scale = np.array([0.25, -1.0, 0.5]), 2.0

    def last(angles: Any, scale: Any) -> Any:
        return turned(angles, scale)[-1, 0]

    program = sc.grad(last) if gradient else turned
    f = sc.jit(program, backend="numba")
    np.testing.assert_allclose(f(angles, scale), program(angles, scale), rtol=1e-13)
    loops = f.source(angles, scale).split("\ndef ")[-1]
    assert "for " not in loops, loops


def extremes(x: Any) -> Any:
    found = np.empty((len(x), 2), int)
    for k in range(len(x)):
        found[k] = np.argmin(x[k] * 1.0), np.argmax(x[k] * 1.0)
    return found


def test_the_first_extremum_is_found_in_a_kernel() -> None:
    x = np.array([[2.0, 1.0, 1.0, 2.0], [0.0, np.nan, -1.0, np.nan], [-0.0, 0.0, 0.0, -0.0]])
    f = sc.jit(extremes, backend="numba")
    np.testing.assert_array_equal(f(x), extremes(x))
    assert "np.arg" not in f.source(x)


def counted(n: Any, start: Any, step: Any) -> Any:
    total = 0.0
    for k in range(1, n):
        total += np.sum(np.arange(k) * 0.5) + np.sum(np.arange(start, 1.0, step))
    return total


def test_only_whole_ranges_are_made_in_kernels() -> None:
    f = sc.jit(counted, backend="numba")
    assert f(5, 0.1, 0.1) == counted(5, 0.1, 0.1)


def nearest_means(x: Any, c: Any) -> Any:
    total, count = np.zeros_like(c), np.zeros(len(c))
    for k in range(len(x)):
        j = np.argmin(np.sum((c - x[k]) ** 2, axis=1))
        total[j] += x[k]
        count[j] += 1
    return total / count[:, None]


def test_the_place_of_an_extremum_is_an_index_in_a_kernel() -> None:
    rng = np.random.default_rng(3)
    x, c = rng.random((30, 3)), rng.random((4, 3))
    f = sc.jit(nearest_means, backend="numba")
    np.testing.assert_allclose(f(x, c), nearest_means(x, c), rtol=1e-13)
    assert "np.arg" not in f.source(x, c)


def inserted(a: Any, v: Any) -> Any:
    found = np.empty((len(v), 2), int)
    for k in range(len(v)):
        found[k] = np.searchsorted(a, v[k]), np.searchsorted(a, v[k], side="right")
    return found


@pytest.mark.parametrize(
    "a",
    [
        np.array([-1.0, 0.5, 0.5, 0.5, 2.0, np.inf, np.nan, np.nan]),
        np.array([3.0, 1.0, 2.0, 5.0, 0.0]),  # not sorted
        np.array([0.5]),
        np.zeros(0),
        np.array([1, 2, 2, 7]),
    ],
    ids=str,
)
def test_the_place_of_a_number_is_searched_in_a_kernel(a: Any) -> None:
    more = np.array([2, -3, 9], a.dtype)
    v = np.concatenate([a, more, [] if a.dtype.kind == "i" else [np.nan, -np.inf, 0.7]])
    v = v.astype(a.dtype)
    f = sc.jit(inserted, backend="numba")
    np.testing.assert_array_equal(f(a, v), inserted(a, v))
    assert "np.searchsorted" not in f.source(a, v)


def rolled(u: Any, steps: Any) -> Any:
    for _ in range(steps):
        near = np.roll(u, 1, 0) + np.roll(u, -1, 0) + np.roll(u, 1, 1) * np.roll(u, -2, 1)
        u = u + 0.1 * (near - 4 * np.flip(u))
    return u


@pytest.mark.parametrize("gradient", [False, True])
@pytest.mark.parametrize("shape", [(5, 6), (2, 3), (1, 2)])
def test_what_is_rolled_by_a_few_places_is_two_parts_in_a_kernel(
    shape: tuple[int, int], gradient: bool
) -> None:
    u = np.random.default_rng(4).random(shape)

    def total(u: Any, steps: Any) -> Any:
        return np.sum(rolled(u, steps) ** 2)

    program = sc.grad(total) if gradient else rolled
    f = sc.jit(program, backend="numba")
    np.testing.assert_allclose(f(u, 3), program(u, 3), rtol=1e-13, atol=1e-13)
    if shape == (5, 6):
        assert "np.roll" not in f.source(u, 3)
