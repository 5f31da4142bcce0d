"""Kernels that read integers of fewer than 64 bits: as indices, tests and conversions."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

WIDTHS = (np.int8, np.int16, np.int32, np.uint8, np.uint16, np.uint32)


def sparse(rows: Any, columns: Any, values: Any, x: Any) -> Any:
    y = np.zeros(len(rows) - 1)
    for i in range(len(y)):
        for k in range(rows[i], rows[i + 1]):
            y[i] += values[k] * x[columns[k]]
    return y


def selected(index: Any, x: Any) -> Any:
    y = np.zeros(5)
    y[index] += x[index] * 2.0
    return y, np.sum(x[index])


def counted(image: Any, table: Any) -> Any:
    for i in range(image.shape[0]):
        for j in range(image.shape[1]):
            table[image[i, j]] += 1
    return table


def bright(image: Any, out: Any) -> Any:
    for i in range(image.shape[0]):
        for j in range(image.shape[1]):
            if image[i, j] > 4 and image[i, j] != image[0, 0]:
                out[i, j] = float(image[i, j]) / 255
            elif image[i, j] <= image[0, j]:
                out[i, j] = image[i, j]
    return out


def first_match(image: Any, n: Any) -> Any:
    found = 0
    for i in range(image.shape[0]):
        for j in range(image.shape[1]):
            if image[i, j] == n:
                found += i * 100 + j
    return found


ROWS, COLUMNS = np.array([0, 2, 3, 3, 6]), np.array([0, 3, 1, 4, 0, 2])
IMAGE = np.arange(24).reshape(4, 6) % 9
X = np.linspace(0.5, 2.0, 6)
PROGRAMS: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (sparse, (ROWS, COLUMNS, X, X[:5])),
    (selected, (np.array([4, 0, 0, 2]), X)),
    (counted, (IMAGE, np.zeros(9))),
    (counted, (IMAGE, np.zeros(9, dtype=np.int64))),
    (bright, (IMAGE, np.zeros((4, 6)))),
    (first_match, (IMAGE, 7)),
]


def narrowed(args: tuple[Any, ...], width: Any) -> tuple[Any, ...]:
    """The arguments with the integers that are read in the type."""
    first = [a.astype(width) if a.dtype == np.int64 else a for a in args[:2] if np.ndim(a)]
    return (*first[:1], *args[1:]) if len(args) == 2 else (*first, *args[2:])


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("function", "args"), PROGRAMS)
def test_kernels_read_them(function: Any, args: tuple[Any, ...], width: Any) -> None:
    args = narrowed(args, width)
    mine, expected = copy.deepcopy(args), copy.deepcopy(args)
    staged = sc.jit(function, backend="numba")
    assert "@njit" in staged.source(*args)
    found, wanted = staged(*mine), function(*expected)
    assert type(found) is type(wanted)
    for a, b in zip((*mine, found), (*expected, wanted), strict=True):
        np.testing.assert_equal(a, b)


@pytest.mark.parametrize("width", [np.int32, np.uint8])
def test_indices_from_the_end_and_outside(width: Any) -> None:
    def last(index: Any, x: Any) -> Any:
        s = 0.0
        for k in range(len(index)):
            s += x[index[k]]
        return s

    staged = sc.jit(last, backend="numba")
    index = np.array([0, 1, 5], dtype=width)
    assert staged(index, X) == last(index, X)
    if width is np.int32:
        assert staged(-index, X) == last(-index, X)
    with pytest.raises(IndexError):
        staged(index, X[:5])


def test_the_gradient_reads_them_again() -> None:
    def loss(values: Any, x: Any, rows: Any, columns: Any) -> Any:
        return np.sum(sparse(rows, columns, values, x) ** 2)

    rows, columns = ROWS.astype(np.int32), COLUMNS.astype(np.uint32)
    slopes = [
        sc.grad(loss, argnums=(0, 1), backend=b)(X, X[:5], r, c)
        for b, r, c in (("numpy", ROWS, COLUMNS), ("numba", rows, columns))
    ]
    np.testing.assert_allclose(slopes[0][0], slopes[1][0])
    np.testing.assert_allclose(slopes[0][1], slopes[1][1])


@pytest.mark.parametrize("width", [np.int8, np.uint8, np.int32])
def test_what_would_be_cut_to_few_bits_is_left_to_numpy(width: Any) -> None:
    def summed(a: Any) -> Any:
        s = a[0]
        for k in range(1, len(a)):
            s = s + a[k]
            a[k] = s
        return s

    a = np.full(9, 100, dtype=width)
    mine, expected = a.copy(), a.copy()
    with np.errstate(over="ignore"):
        found, wanted = sc.jit(summed, backend="numba")(mine), summed(expected)
    assert found == wanted
    assert found.dtype == wanted.dtype
    np.testing.assert_array_equal(mine, expected)
