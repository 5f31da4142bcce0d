"""What the tables of JAX's NumPy tests ask: type, dtype, value and exception are NumPy's."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

X = np.array([[1.0, 2.0, -3.0], [4.0, 5.0, 6.0]])
F = np.array([1.5, -2.0, 0.25], np.float32)
I = np.array([3, 1, 2], np.int8)
U = np.array([6, 6, 1, 7, 5, 3], np.uint8)

CASES: list[Callable[..., Any]] = [
    lambda x, f, i, u: (x.__add__(1), x.__rsub__(1.0), x.__len__(), x.__neg__(), x.__lt__(2)),
    lambda x, f, i, u: (x.__matmul__(x.T), f.__abs__(), x[0, 0].__pow__(2), x.__divmod__(2)),
    lambda x, f, i, u: np.trim_zeros(np.where(x > 4.5, x, 0)),
    lambda x, f, i, u: np.trim_zeros(np.where(x > 4.5, x, 0), axis=0),
    lambda x, f, i, u: (np.sort_complex(f), np.sort_complex(i)),
    lambda x, f, i, u: (np.sum(i, initial=2.5), np.prod(i, initial=2.5), np.sum(f, initial=1)),
    lambda x, f, i, u: np.meshgrid(f, i, sparse=True),
    lambda x, f, i, u: np.ix_(x[0] > 0, [0, 1]),
    lambda x, f, i, u: np.ix_(x > 0),
    lambda x, f, i, u: (np.r_[f, 0, 2.5], np.r_[i, 0:2], np.r_[i, 1], np.r_[i, 1.0]),
    lambda x, f, i, u: np.histogram(i, bins=[-1, 0, 5]),
    lambda x, f, i, u: (np.unwrap(u * 5), np.unwrap(u, period=4), np.unwrap(f * 3)),
    lambda x, f, i, u: (np.intersect1d(u, i), np.intersect1d(f, i)),
    lambda x, f, i, u: (np.flip(np.asarray(x[0, 0])), np.ediff1d(x, to_end=1)),
    lambda x, f, i, u: (np.polyadd(1, f), np.polysub(f, 2), np.polymul(2, 3.5)),
    lambda x, f, i, u: (np.convolve(f, 2.0), np.convolve(3, i)),
    lambda x, f, i, u: (np.asarray(x[0, 0]).item(0), np.asarray(x[0, 0]).tolist()),
    lambda x, f, i, u: np.copyto(i, 1.5),
    lambda x, f, i, u: np.copyto(x, 2, where=x > 2),
]


def less_truths(x: Any, f: Any, i: Any, u: Any) -> Any:
    x -= x > 2
    np.subtract.at(f, [0, 0], True)
    i[:2] -= u[:2] > 5


CASES.append(less_truths)


def agree(found: Any, expected: Any) -> None:
    """Assert that the values are the same, as are their types and dtypes."""
    assert type(found) is type(expected)
    if isinstance(expected, list | tuple):
        for a, b in zip(found, expected, strict=True):
            agree(a, b)
    elif expected is not None:
        assert np.asarray(found).dtype == np.asarray(expected).dtype
        np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("f", CASES)
def test_as_numpy(f: Callable[..., Any]) -> None:
    mine, theirs = (copy.deepcopy((X, F, I, U)) for _ in range(2))
    try:
        expected = f(*theirs)
    except Exception as error:
        with pytest.raises(type(error)):
            sc.jit(f)(*mine)
        return
    agree(sc.jit(f)(*mine), expected)
    agree(mine, theirs)


def test_sparse_grids_are_copies() -> None:
    def f(x: Any) -> Any:
        grid = np.meshgrid(x, sparse=True)[0]
        grid[0] = 9.0
        return grid

    x = np.ones(2)
    np.testing.assert_array_equal(sc.jit(f)(x), [9.0, 1.0])
    np.testing.assert_array_equal(x, [1.0, 1.0])


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("number", [np.float64(2.0), np.float32(2.0), 2.0])
def test_kind_of_the_gradient_of_a_number(number: Any, backend: Any) -> None:
    """It is that of the number, also where the function makes an array of it."""

    def f(x: Any) -> Any:
        return np.sum(np.cumprod(np.ravel(x)) * 3)

    assert type(sc.grad(f, backend=backend)(number)) is type(number)


def test_names_that_the_test_of_a_loop_sets() -> None:
    def f(x: Any) -> Any:
        k, total = 0, 0.0
        while (v := x[k]) < 1.5 and k < 4:
            total += v * v
            k += 1
        return total, v, k

    x = np.array([0.1, 0.2, 0.3, 2.0])
    assert sc.jit(f)(x) == f(x)
    np.testing.assert_allclose(sc.grad(lambda x: f(x)[0])(x), [0.2, 0.4, 0.6, 0.0])
