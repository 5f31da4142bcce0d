"""`array.shape = shape`, and writes to `array.flat`."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc


def flat(x: Any) -> Any:
    y = x * 2.0
    first = y[0]
    y.shape = y.size
    y[1] += 10.0
    return y, first


def seen_elsewhere(x: Any) -> Any:
    y = x[np.array([1, 0])]
    row = y[0]
    y.shape = 6
    y[0] = 7.0
    return row, y


def chained(n: int, m: int) -> Any:
    rows, columns = np.mgrid[0:n, 0:m]
    rows.shape = columns.shape = n * m
    return rows + 10 * columns


def grids(n: int, m: int) -> Any:
    """Each of several results of one op."""
    rows, columns = np.meshgrid(np.arange(n), np.arange(m), indexing="ij")
    return np.column_stack([rows.ravel(), columns.ravel()])


def picked(x: Any) -> Any:
    y = np.sort(x) + 1j * np.sort(-x)
    y.shape = -1
    y[0] = 7.0
    return y


def two_axes(x: Any) -> Any:
    y = np.exp(x)
    y.shape = (2, -1)
    return y[1] * np.sum(y[0])


def test_the_array_is_seen_in_another_shape() -> None:
    x = np.arange(6.0).reshape(2, 3)
    for program in (flat, seen_elsewhere):
        for found, expected in zip(sc.jit(program)(x), program(x), strict=True):
            np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(sc.jit(picked)(x), picked(x))
    np.testing.assert_array_equal(sc.jit(chained)(3, 4), chained(3, 4))
    np.testing.assert_array_equal(sc.jit(grids)(3, 4), grids(3, 4))
    np.testing.assert_allclose(sc.jit(two_axes)(x.ravel()), two_axes(x.ravel()), rtol=1e-15)


def test_its_gradient() -> None:
    x = np.linspace(0.0, 1.0, 6)
    found = sc.grad(lambda v: np.sum(two_axes(v)))(x)
    e = np.exp(x)
    expected = e * np.r_[np.full(3, np.sum(e[3:])), np.full(3, np.sum(e[:3]))]
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def of_an_argument(x: Any) -> Any:
    x.shape = 6
    return x


def held_twice(x: Any) -> Any:
    y = z = x + 1.0
    y.shape = 6
    return y, z


def held_in_a_list(x: Any) -> Any:
    y = x + 1.0
    kept = [y]
    y.shape = 6
    return kept[0]


def transposed(x: Any) -> Any:
    y = (x + 1.0).T
    y.shape = 6
    return y


PROGRAMS = [of_an_argument, held_twice, held_in_a_list, transposed]


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_else_holds_the_array_would_keep_its_shape(program: Callable[..., Any]) -> None:
    with pytest.raises(sc.StagecError, match=r"SC351.*\n.*\n.*\nhelp: write . = .\.reshape"):
        sc.jit(program)(np.ones((2, 3)))


def through_flat(x: Any, k: int) -> None:
    x.flat[k] = 70.0
    x.flat[-k:] = [1.0, 2.0]
    x.flat[[0, 2]] = x.flat[3]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_writes_to_flat_reach_the_array_in_any_layout(backend: str) -> None:
    if backend == "numba":
        pytest.importorskip("numba", reason="the Numba target needs Numba")
    staged = sc.jit(through_flat, backend=backend)
    views: list[Callable[[Any], Any]] = [
        lambda a: a.T,
        lambda a: a[:, ::2],
        lambda a: a.transpose(0, 2, 1),
    ]
    for view in views:
        for k in (1, 2, 5):
            found, expected = (np.arange(24.0).reshape(2, 4, 3) for _ in range(2))
            staged(view(found), k)
            through_flat(view(expected), k)
            np.testing.assert_array_equal(found, expected)


def strided(x: Any) -> Any:
    y = x.copy()
    a = y[::2]
    a.reshape(-1)[0] += 2.0
    a.reshape(-1, 1)[1:] *= x[0]
    a.reshape(1, -1, 1)[0, 2] = x[1] * x[2]
    b = y.reshape(2, 3)[:, ::2]
    b.reshape(2, 1, 2)[1, 0, 1] *= x[3]
    b[None, :, None].reshape(2, 2)[1] -= x[1]
    b[:1].reshape(-1)[1] *= 3.0
    return y


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_axes_of_length_one_are_added_to_views_of_any_array(backend: str) -> None:
    if backend == "numba":
        pytest.importorskip("numba", reason="the Numba target needs Numba")
    x = np.arange(1.0, 7.0)
    staged = sc.jit(strided, backend=backend)
    np.testing.assert_array_equal(staged(x), strided(x))
    forward, reverse = sc.jacfwd(staged)(x), sc.jacrev(staged)(x)
    np.testing.assert_allclose(forward, reverse, rtol=1e-12)
    step = 1e-20 * np.arange(1.0, 7.0)
    np.testing.assert_allclose(forward @ step, np.imag(strided(x + 1j * step)), rtol=1e-12)


def test_axes_of_a_strided_array_that_are_divided_are_not_written_to() -> None:
    def divided(x: Any) -> None:
        x[::2].reshape(2, -1)[0] = 7.0

    with pytest.raises(sc.StagecError, match="SC311"):
        sc.jit(divided)(np.ones(8))


def test_a_copy_of_the_elements_in_a_row_is_not_written_to() -> None:
    def held(x: Any) -> None:
        row = x.flat
        row[1] = 7.0

    with pytest.raises(sc.StagecError, match="SC311"):
        sc.jit(held)(np.ones((2, 3)).T)
    with pytest.raises(IndexError):
        sc.jit(through_flat)(np.ones((2, 3)).T, 6)


def in_parts(x: Any) -> Any:
    """Neighbours in contiguous memory are contiguous, be they rows or parts of one."""
    y = np.concatenate([x, 2.0 * x, x])
    head = y[:6].reshape(2, 3)
    head[:, 1] *= x[:2]
    rows = np.zeros((3, 6)) * x
    rows[1:].reshape(-1)[2:4] = head[0, :2] * x[2]
    for i in range(3):
        pair = y[2 * i + 1 : 2 * i + 3].reshape(2, 1)
        pair[:, 0] += x[i] * (i + 1)
    return y + np.sum(rows, axis=1)[1]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_parts_of_contiguous_memory_in_another_shape_are_views(backend: str) -> None:
    if backend == "numba":
        pytest.importorskip("numba", reason="the Numba target needs Numba")
    x = np.arange(1.0, 7.0)
    staged = sc.jit(in_parts, backend=backend)
    np.testing.assert_array_equal(staged(x), in_parts(x))
    forward, reverse = sc.jacfwd(staged)(x), sc.jacrev(staged)(x)
    np.testing.assert_allclose(forward, reverse, rtol=1e-12)
    step = 1e-20 * np.arange(1.0, 7.0)
    np.testing.assert_allclose(forward @ step, np.imag(in_parts(x + 1j * step)), rtol=1e-12)


def test_columns_in_another_shape_are_not_written_to() -> None:
    def columns(x: Any) -> None:
        x[:, 1:].reshape(-1)[0] = 7.0

    def backwards(x: Any) -> None:
        x[::-1].reshape(-1)[0] = 7.0

    for program in (columns, backwards):
        with pytest.raises(sc.StagecError, match="SC311"):
            sc.jit(program)(np.ones((4, 3)))
