"""What the tables of JAX's NumPy tests ask: type, dtype, value and exception are NumPy's."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

pytestmark = pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")

X = np.array([[1.0, 2.0, -3.0], [4.0, 5.0, 6.0]])
F = np.array([1.5, -2.0, 0.25], np.float32)
IS = np.array([3, 1, 2], np.int8)
U = np.array([6, 6, 1, 7, 5, 3], np.uint8)

CASES: list[Callable[..., Any]] = [
    lambda x, f, i, u: (x.__add__(1), x.__rsub__(1.0), x.__len__(), x.__neg__(), x.__lt__(2)),
    lambda x, f, i, u: (x.__matmul__(x.T), f.__abs__(), x[0, 0].__pow__(2), x.__divmod__(2)),
    lambda x, f, i, u: np.trim_zeros(np.where(x > 4.5, x, 0)),
    lambda x, f, i, u: np.trim_zeros(np.where(x > 4.5, x, 0), axis=0),
    lambda x, f, i, u: np.trim_zeros(x, axis=3),
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
    lambda x, f, i, u: np.convolve(f, np.float64(2.0)),
    lambda x, f, i, u: (np.asarray(x[0, 0]).item(0), np.asarray(x[0, 0]).tolist()),
    lambda x, f, i, u: np.copyto(i, 1.5),
    lambda x, f, i, u: np.copyto(x, 2, where=x > 2),
]

# options that ops do not have; a third of the elements counts
OPTIONS: list[Callable[..., Any]] = [
    lambda x, f, i, u: (np.max(x, initial=0), x.min(axis=0, initial=3.0), i.min(initial=1.5)),
    lambda x, f, i, u: np.max(x, axis=(0, 1), initial=1, where=x < 2, keepdims=True),
    lambda x, f, i, u: (np.max(x[:0], initial=2), np.max(x[:0], axis=0, initial=2)),
    lambda x, f, i, u: (np.all(x, where=x > 0), x.any(axis=0, where=[True, False, True])),
    lambda x, f, i, u: (np.var(x, where=x > 0), np.var(i, where=i > 1), f.std(where=f > 0)),
    lambda x, f, i, u: np.var(x, axis=0, where=x > -9, ddof=1, keepdims=True),
    lambda x, f, i, u: np.var(x, axis=1, mean=np.mean(x, axis=1, keepdims=True)),
    lambda x, f, i, u: np.std(x, axis=0, where=x > -9),
    lambda x, f, i, u: (np.nansum(x, initial=1.0), np.nanprod(np.sqrt(f), initial=2.0)),
    lambda x, f, i, u: np.nanmax(np.sqrt(x), axis=0, initial=0.0, where=x < 4.5),
    lambda x, f, i, u: (np.nanmin(np.sqrt(x), initial=9), np.nanmean(np.sqrt(x), where=x < 5)),
    lambda x, f, i, u: (np.nanvar(np.sqrt(x), where=x < 5), np.nanstd(x, 1, where=x < 5)),
    lambda x, f, i, u: np.cov(x, aweights=np.array([1.0, 2, 3]), fweights=[1, 2, 1], ddof=0),
    lambda x, f, i, u: np.cov(x[0], aweights=np.array([1.0, 2.0, 3.0])),
    lambda x, f, i, u: np.cov(x, rowvar=False, aweights=[1.0, 2.0]),
    lambda x, f, i, u: np.interp(x, [1.0, 2.0, 5.5], [1.0, 2.0, 3.0], period=6.0),
    lambda x, f, i, u: np.array_equal(np.sqrt(f), np.sqrt(f), equal_nan=True),
    lambda x, f, i, u: np.array_equal(np.sqrt(f), np.sqrt(f), equal_nan=False),
    lambda x, f, i, u: np.shape(np.cov(x[:1], fweights=[1, 2, 1])),
    lambda x, f, i, u: np.cov(x[: len(x)], fweights=[1, 2, 1]),
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


@pytest.mark.parametrize("f", CASES + OPTIONS)
def test_as_numpy(f: Callable[..., Any]) -> None:
    mine, theirs = (copy.deepcopy((X, F, IS, U)) for _ in range(2))
    try:
        expected = f(*theirs)
    except Exception as error:
        with pytest.raises(type(error)):
            sc.jit(f)(*mine)
        return
    agree(sc.jit(f)(*mine), expected)
    agree(mine, theirs)


@pytest.mark.parametrize("f", OPTIONS[:12:2] + OPTIONS[12:16])
def test_slopes(f: Callable[..., Any]) -> None:
    """Both modes give the slope that differences show, off the bounds of the masks."""

    def total(x: Any) -> Any:
        found = f(x, F, IS, U)
        parts = found if isinstance(found, tuple) else (found,)
        return sum([np.sum(np.sin(p) * 1.5) for p in parts if p.dtype == np.float64])

    x = X * 1.01 + 0.02
    step = np.cos(np.arange(6.0)).reshape(2, 3)
    slope = (total(x + 1e-6 * step) - total(x - 1e-6 * step)) / 2e-6
    np.testing.assert_allclose(np.sum(sc.grad(total)(x) * step), slope, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(sc.jvp(total, (x,), (step,))[1], slope, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("axis", [2, -3, (0, 0)])
def test_axes_that_there_are_not(axis: Any) -> None:
    """NumPy's own error: no other axis is taken."""
    with pytest.raises(ValueError) as expected:  # noqa: PT011
        np.max(X, axis=axis, initial=0.0)
    with pytest.raises(type(expected.value), match=re.escape(str(expected.value))):
        sc.jit(lambda x: np.max(x, axis=axis, initial=0.0))(X)


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
