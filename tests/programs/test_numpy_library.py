"""NumPy's functions that are written in Python: values and derivatives, on both targets."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.polynomial import chebyshev, hermite, hermite_e, laguerre, legendre, polynomial

import stagec as sc

X = np.array([0.3, -0.7, 1.3, 2.1, -0.9, 1.7])
Y = np.array([1.1, -0.4, 0.8, 0.25, 1.9, -1.2])
A = np.array([[2.0, 0.3, 0.1, -1.1], [0.2, 1.5, 0.4, 0.7], [0.5, -0.15, 1.2, 0.9]])
CUBIC = np.poly1d([1.0, -2.0, 0.5, 1.5])
SERIES = chebyshev.Chebyshev([0.5, 1.0, -0.3, 0.2], domain=[-2.0, 3.0])
K = np.array([1, 2, 2, 0, 3, 1])
R = np.array([[1, 2, 2], [0, 3, 1], [1, 2, 2]])

Function = Callable[..., Any]

# each of two arrays, a matrix and a number: the derivative with respect to all is looked at
SMOOTH: list[Function] = [
    lambda x, y, a, s: sliding_window_view(x, 3),
    lambda x, y, a, s: sliding_window_view(a, (2, 2)),
    lambda x, y, a, s: sliding_window_view(a, 2, axis=-2),
    lambda x, y, a, s: (np.add.reduceat(x, [3, 1, 4]), np.add.reduceat(a, [0, 2], 1)),
    lambda x, y, a, s: (np.logaddexp.reduceat(x, K[:2]), np.multiply.reduceat(a, [2, 1])),
    lambda x, y, a, s: np.logaddexp.reduce(a, axis=-1, keepdims=True),
    lambda x, y, a, s: (np.hypot.reduce(a, axis=None), np.logaddexp.reduce(a, (0, 1))),
    lambda x, y, a, s: (np.pad(x, 2, mode="mean"), np.pad(a, 1, mode="median")),
    lambda x, y, a, s: np.pad(a, ((1, 2), (2, 1)), mode="maximum", stat_length=2),
    lambda x, y, a, s: np.pad(a, (1, 2), "minimum", stat_length=((1, 2), (3, 9))),
    lambda x, y, a, s: np.pad(x, (2, 3), "linear_ramp", end_values=(1.0, 2.0)),
    lambda x, y, a, s: np.pad(a, ((1, 2), (0, 3)), mode="linear_ramp", end_values=5),
    lambda x, y, a, s: (np.pad(a, {0: (1, 2)}, mode="wrap"), np.pad(a, {-1: 1})),
    lambda x, y, a, s: np.unique(a[:, ::-1], axis=0),
    lambda x, y, a, s: np.polydiv(x, y[:3] + 3),
    lambda x, y, a, s: np.polydiv(s, y),
    lambda x, y, a, s: (np.polyint(x, k=s), np.polyint(x, 2, k=[1.0, s])),
    lambda x, y, a, s: np.polyfit(x, y, 2, w=np.abs(y)),
    lambda x, y, a, s: np.polyfit(x, y, 1, cov=True),
    lambda x, y, a, s: np.polyfit(x, y, 1, cov="unscaled"),
    lambda x, y, a, s: (polynomial.polyval(x, y), chebyshev.chebval(x, y)),
    lambda x, y, a, s: (legendre.legval(a, y), hermite.hermval(x, a)),
    lambda x, y, a, s: (hermite_e.hermeval(s, y), laguerre.lagval(x, y)),
    lambda x, y, a, s: (laguerre.lagval(s, y[:1]), legendre.legval(s, y[:2])),
    lambda x, y, a, s: (np.i0(x), np.i0(s), np.log(np.i0(x * 30 + 5))),
    lambda x, y, a, s: np.kaiser(x.shape[0], s) * x,
    lambda x, y, a, s: np.apply_over_axes(np.sum, a, [0, -1]),
    lambda x, y, a, s: np.histogram2d(x, y, 3, [[-2, 2], [-2, 2]], weights=y),
    lambda x, y, a, s: np.histogramdd(a, 2, density=True, weights=x[:3] + 3)[0],
    lambda x, y, a, s: np.insert(x, [3, 1], [5.0, s]),
    lambda x, y, a, s: np.insert(a, [1, 0, -1], y[:4], axis=0),
    lambda x, y, a, s: (np.insert(a, -1, y[:3], axis=1), np.insert(x, slice(1, 3), s)),
    lambda x, y, a, s: (np.insert(x, [1], y[:3]), np.insert(a, [-1], y[:3, None], axis=1)),
    lambda x, y, a, s: np.insert(x, np.array([True, False, True]), [s, 2.0]),
    lambda x, y, a, s: (np.delete(x, slice(3, 1)), np.delete(a, slice(-9, 2), 1)),
    lambda x, y, a, s: (np.pad(a, 2, "reflect", reflect_type="odd"), np.pad(x, 1)),
    lambda x, y, a, s: np.pad(a, ((1, 2), (0, 1)), constant_values=((s, 2), (0, s))),
    lambda x, y, a, s: np.nan_to_num(np.where(x > 1, np.nan, x), nan=s),
    lambda x, y, a, s: np.percentile(x, [0, 25, 50, 75, 100], method="inverted_cdf"),
    lambda x, y, a, s: np.quantile(a, [0.0, 0.5, 1.0], 1, method="averaged_inverted_cdf"),
    lambda x, y, a, s: np.quantile(x, [0.0, 0.25, 0.5, 1.0], method="closest_observation"),
    lambda x, y, a, s: np.quantile(x, s, method="averaged_inverted_cdf"),
    lambda x, y, a, s: (polynomial.polymul(x, y), polynomial.polyadd(x, y[:3])),
    lambda x, y, a, s: (polynomial.polysub(y[:3], x), polynomial.polyder(a, 2, axis=1)),
    lambda x, y, a, s: (polynomial.polyfit(x, y, 2), chebyshev.chebfit(x, y, 2, w=y)),
    lambda x, y, a, s: (polynomial.polyvander(x, 3), legendre.legvander(x, 4)),
    lambda x, y, a, s: (hermite.hermvander(a, 3), laguerre.lagvander(x, 3)),
    lambda x, y, a, s: chebyshev.chebval2d(x[:4], y[:4], a),
    lambda x, y, a, s: (CUBIC(x), CUBIC.deriv()(s), SERIES(a), SERIES.deriv()(y)),
    lambda x, y, a, s: np.take_along_axis(a, np.argsort(a, axis=None), axis=None),
    lambda x, y, a, s: np.linalg.qr(a[:, :3])[1].ravel() ** 2,
    lambda x, y, a, s: np.reshape(a, (4, 3), copy=True),
]

# integers, sizes, types
OTHERS: list[Function] = [
    lambda x, k, r, n: (np.hanning(n), np.hamming(n), np.blackman(n), np.bartlett(n)),
    lambda x, k, r, n: (np.hanning(n - 4), np.bartlett(n - 4), np.kaiser(n - 4, 2.0)),
    lambda x, k, r, n: (np.hanning(n - 6), np.blackman(n - 5), np.kaiser(n - 5, 2.0)),
    lambda x, k, r, n: np.broadcast_shapes(x.shape, (4, 1), n + 1),
    lambda x, k, r, n: np.zeros(n, np.result_type(x.astype(np.float32), 1.5)),
    lambda x, k, r, n: np.unique(r, axis=0, return_index=True, return_counts=True),
    lambda x, k, r, n: np.unique(r, axis=1, return_inverse=True),
    lambda x, k, r, n: np.unique(r[:0], axis=0),
    lambda x, k, r, n: np.histogram2d(x, x[::-1], bins=(3, [-1.0, 0.0, 2.1])),
    lambda x, k, r, n: np.histogramdd((x, k), bins=2)[0],
    lambda x, k, r, n: np.ravel_multi_index((k, k - 1), (3, 2), mode=("clip", "wrap")),
    lambda x, k, r, n: np.ravel_multi_index((k, k), (4, 5), order="F"),
    lambda x, k, r, n: np.searchsorted(x, x + 0.1, "right", sorter=np.argsort(x)),
    lambda x, k, r, n: np.pad(k, (n, 1), mode="mean", stat_length=4),
    lambda x, k, r, n: np.pad(r, 2, mode="linear_ramp", end_values=-3),
    lambda x, k, r, n: np.linspace(-x, 4, 3, dtype=np.int32, axis=1),
    lambda x, k, r, n: np.pad(x, n, mode="empty")[n:-n],
    lambda x, k, r, n: (np.add.reduceat(x > 0, k[:3]), np.maximum.reduceat(k, [0, 3])),
    lambda x, k, r, n: np.insert(k, [1, 1, n + 1], 7.9),
    lambda x, k, r, n: (np.i0(k), np.i0(x - 30)),
    lambda x, k, r, n: (np.delete(x, n - 6), np.delete(r, n - 4, axis=1), np.delete(k, -2)),
    lambda x, k, r, n: (np.delete(x, slice(n, None, -2)), np.delete(k, slice(-n, None))),
    lambda x, k, r, n: (np.insert(x, n - 6, 2), np.insert(k, n, [1.5, 2]), np.delete(x, n)),
    lambda x, k, r, n: (np.diff(x > 0), np.diff(r > 1, 2, axis=0, prepend=True)),
    lambda x, k, r, n: (np.choose(k % 2, [k, x]), (k % 2).choose([k, x], mode="clip")),
    lambda x, k, r, n: np.intersect1d(k, r, return_indices=True),
    lambda x, k, r, n: np.intersect1d(k, [n, 3, 1], False, False),
    lambda x, k, r, n: (*np.unique_all(r), *np.unique_counts(k), *np.unique_inverse(r)),
    lambda x, k, r, n: np.zeros(n, np.common_type(x.astype(np.float32), k)),
    lambda x, k, r, n: np.pad(k, 1, constant_values=(n, 2.9)),
    lambda x, k, r, n: tuple(np.meshgrid(x, k, sparse=True, copy=False)),
    lambda x, k, r, n: np.meshgrid(x, k, copy=False),
    lambda x, k, r, n: np.percentile(k, [20, 50], method="averaged_inverted_cdf"),
    lambda x, k, r, n: np.percentile(k, [20, 50], method="inverted_cdf"),
    lambda x, k, r, n: isinstance(slice(n, None), slice),
    # options given by position
    lambda x, k, r, n: np.intersect1d(k, r, False, True),
    lambda x, k, r, n: np.interp(x, np.abs(x), x, None, None, 1.5),
    lambda x, k, r, n: np.searchsorted(x, [1.0, 2.0], "left", np.argsort(x)),
    lambda x, k, r, n: (np.unique(r, False, False, False, 0), np.polyint(x, 2, [1.0, n])),
    lambda x, k, r, n: (
        np.cov(r, None, True, False, None, None, [1, 2, 3]),
        np.max(r, 0, None),
    ),
    lambda x, k, r, n: (np.polyfit(x, k, 1, None, False, x**2), np.array_equal(x, x, True)),
    # element types that the caller asks for
    lambda x, k, r, n: (np.less(x, 0.8, dtype=bool), np.equal(x, 0.3, dtype=bool)),
    lambda x, k, r, n: (np.abs(x + 1j, dtype=float), np.signbit(x, dtype=bool)),
    lambda x, k, r, n: (np.matmul(r, r, dtype=float), np.trace(r, dtype=np.int32)),
    lambda x, k, r, n: np.concatenate([x, k], dtype=np.int64, casting="unsafe"),
    # of one axis, or rows of one element
    lambda x, k, r, n: (np.triu(x, 1), np.tril(k)),
    lambda x, k, r, n: (np.trim_zeros(x[:0]), np.trim_zeros(k)),
    lambda x, k, r, n: (sorted(x[:, None]), sorted(r[:1]), sorted(k[:, None], reverse=True)),
    lambda x, k, r, n: np.choose(k % 2, [x.astype(np.float32), 3]),
    lambda x, k, r, n: np.insert(x, k > 1, 9),
    lambda x, k, r, n: (np.insert(x, k[:1], x[:3]), np.insert(r, [n - 4], 7, axis=1)),
    lambda x, k, r, n: (np.hanning(np.uint8(n - 5)), np.bartlett(np.int8(n + 95))),
    lambda x, k, r, n: (np.hamming(n - 0.5), np.kaiser(n - 0.0, 2.0)),
    lambda x, k, r, n: np.kaiser(np.uint8(n - 1), 2),
    lambda x, k, r, n: np.pad(np.array(x[0]), (2, 1)),
    lambda x, k, r, n: (np.isclose(x, 1, x[0], atol=n), np.isclose(k, r[0, 0], x[0])),
    lambda x, k, r, n: np.isclose(np.where(x > 0, np.inf, np.nan), [np.inf] * 6, x[0], 0, True),
    lambda x, k, r, n: (np.allclose(x, x + 1e-3, atol=x[0]), np.allclose(k, 2, x[0])),
    lambda x, k, r, n: (np.isin(r, k[:2], kind="sort"), *np.unravel_index(k, (2, n), "F")),
    lambda x, k, r, n: np.histogram(x, 3, (x[1], x[3]), density=True),
    lambda x, k, r, n: np.histogram(x, range=(x[0], x[0])),
    lambda x, k, r, n: np.isclose(np.float32(1), 2, 0.1 * n - 1e-16, 0),
    lambda x, k, r, n: (np.size(r, (0, -1)), np.size(r, ()), np.rollaxis(r, 0, 2)),
    # no NaN is equal to another
    lambda x, k, r, n: np.unique_all(np.where(x < 0, np.nan, x)),
    lambda x, k, r, n: np.unique_counts(np.where(k > 1, np.nan, k + 1j)),
    lambda x, k, r, n: np.unique_inverse(np.where(x < 0, np.nan, x).reshape(2, 3)),
    lambda x, k, r, n: np.ravel_multi_index((k.astype(np.int8), k), (n, 99)),
    lambda x, k, r, n: (*np.ix_([], k), np.linalg.outer(x, k)),
    lambda x, k, r, n: np.logspace(x, 2, 4, base=np.arange(1, 7), axis=-1),
    lambda x, k, r, n: np.logspace(1, n, 4, base=np.array([[2.0], [3.0]]), axis=1),
    lambda x, k, r, n: (np.logspace(1, n, 4, dtype="f4"), np.geomspace(1, n, 4, dtype=int)),
    lambda x, k, r, n: np.polyfit(x[:3], r, 0, cov="unscaled"),
    lambda x, k, r, n: (np.size([]), np.shape([[], []]), np.size(())),
]


def chosen_into(x: Any, k: Any, r: Any, n: Any) -> Any:
    y = x.copy()
    return np.choose(k % 2, [x, -x], out=y), np.choose(k % 2, [x, x * 2], y), y


def put_nothing(x: Any, k: Any, r: Any, n: Any) -> Any:
    a = x.copy()
    np.put(a, k, [])
    np.put(a, k, x[x > 9])
    return a


def put_along(x: Any, k: Any, r: Any, n: Any) -> Any:
    a, b = x.reshape(2, 3), np.zeros((2, n, 1))
    np.put_along_axis(a, k[None, :2] % 3, 5.0, axis=1)
    np.put_along_axis(b, k.reshape(1, 2, 3), 7.0, axis=1)
    return a, b


OTHERS += [chosen_into, put_along, put_nothing]

# exceptions are NumPy's
REFUSED: list[tuple[Function, type[Exception]]] = [
    (lambda x, k, r, n: sliding_window_view(x, n + 9), ValueError),
    (lambda x, k, r, n: np.broadcast_shapes(x.shape, (n, 1), (n - 1,)), ValueError),
    (lambda x, k, r, n: np.add.reduceat(x, [n, n + 1]), IndexError),
    (lambda x, k, r, n: np.insert(x, [n, n + 5], 1.0), IndexError),
    (lambda x, k, r, n: np.insert(x, n + 2, 1.0), IndexError),
    (lambda x, k, r, n: np.histogram(x, range=(x[0], x[1])), ValueError),
    (lambda x, k, r, n: np.histogram(x, range=(x[1], x[3] + np.inf)), ValueError),
    (lambda x, k, r, n: np.insert(r, -9, n, axis=0), IndexError),
    (lambda x, k, r, n: np.insert(x, np.abs(x), n), IndexError),
    (lambda x, k, r, n: np.ravel_multi_index((np.abs(x), k), (3, 4)), TypeError),
    (lambda x, k, r, n: np.pad(x, 1, mode="mean", stat_length=n - 9), ValueError),
    (lambda x, k, r, n: np.place(x, k > 0, []), ValueError),
    (lambda x, k, r, n: np.put_along_axis(x, r, 1.0, axis=None), ValueError),
    (lambda x, k, r, n: np.delete(x, n + 1), IndexError),
    (lambda x, k, r, n: np.delete(x, -7), IndexError),
    (lambda x, k, r, n: np.subtract.reduce(r, axis=None), ValueError),
    (lambda x, k, r, n: np.pad(x[:0], n, mode="mean"), ValueError),
    (lambda x, k, r, n: sorted(r), ValueError),
    (lambda x, k, r, n: np.choose(x, [x, x]), TypeError),
]


# TypeError where NumPy is called, refused where it is staged
NO_LOOP: list[Function] = [
    lambda x, k, r, n: np.add(x, k, dtype=np.int64),
    lambda x, k, r, n: np.abs(x + 1j, dtype=complex),
    lambda x, k, r, n: np.divide(k, 2, dtype=int),
    lambda x, k, r, n: np.concatenate([x, k], dtype=np.int64),
    lambda x, k, r, n: np.stack([x, k], dtype=np.int64),
    lambda x, k, r, n: np.hstack([x, x + 1j], dtype=float),
]


@pytest.mark.parametrize("f", NO_LOOP)
def test_no_conversion_loses_a_part(f: Function) -> None:
    with pytest.raises(TypeError):
        f(X, K, R, 5)
    with pytest.raises((TypeError, sc.StagecError)):
        sc.jit(f)(X, K, R, 5)


def test_what_has_no_array_is_refused() -> None:
    with pytest.raises((TypeError, sc.StagecError)):
        sc.jit(lambda x: np.r_["0,2", x, x])(X)
    with pytest.raises(sc.StagecError):
        sc.jit(lambda x: np.var(x, dtype=int))(X)
    with pytest.raises(sc.StagecError, match="correction"):
        sc.jit(lambda x: np.var(x, ddof=1, correction=1))(X)
    with pytest.raises((ValueError, sc.StagecError), match="start"):
        sc.jit(lambda x: np.rollaxis(x, 0, 4))(R)
    with pytest.raises(sc.StagecError, match=r"x1\.ndim=2"):
        sc.jit(np.linalg.outer)(R, K)


def parts(value: Any) -> list[Any]:
    if isinstance(value, tuple | list):
        return [part for item in value for part in parts(item)]
    return [value]


def agree(found: Any, expected: Any) -> None:
    """Assert that values, types and dtypes are the same."""
    for a, b in zip(parts(found), parts(expected), strict=True):
        assert type(a) is type(b)
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)
        assert np.asarray(a).dtype == np.asarray(b).dtype
        assert np.shape(a) == np.shape(b)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("f", OTHERS)
def test_values(backend: str, f: Function) -> None:
    found, expected = (
        run(*copy.deepcopy((X, K, R, 5))) for run in (sc.jit(f, backend=backend), f)
    )
    agree(found, expected)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize(("f", "error"), REFUSED)
def test_exceptions(backend: str, f: Function, error: type[Exception]) -> None:
    for run in (f, sc.jit(f, backend=backend)):
        with pytest.raises(error):
            run(*copy.deepcopy((X, K, R, 5)))


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("f", SMOOTH)
def test_derivatives(backend: str, f: Function) -> None:
    """Both modes agree with differences."""
    args = (X, Y, A, 0.7)
    agree(sc.jit(f, backend=backend)(*args), f(*args))

    def total(x: Any, y: Any, a: Any, s: Any) -> Any:
        found = f(x, y, a, s)
        if not isinstance(found, tuple):
            found = (found,)
        sums = [np.sum(np.sin(v) * (1 + np.sin(v))) for v in found]
        return sum(sums)

    rng = np.random.default_rng(3)
    steps = tuple(rng.normal(size=np.shape(v)) if np.ndim(v) else 0.4 for v in args)
    ahead, behind = (
        total(*(v + h * d for v, d in zip(args, steps, strict=True))) for h in (1e-6, -1e-6)
    )
    slopes = sc.grad(total, argnums=(0, 1, 2, 3), backend=backend)(*args)
    found = sum(np.sum(g * d) for g, d in zip(slopes, steps, strict=True))
    np.testing.assert_allclose(found, (ahead - behind) / 2e-6, rtol=1e-6, atol=1e-7)
    if backend == "numpy":
        pushed = sc.jvp(total, args, steps)[1]
        np.testing.assert_allclose(found, pushed, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_all_of_flat(backend: str) -> None:
    """What is assigned is repeated, in the order of the indices, whatever the layout."""

    def f(a: Any, v: Any) -> Any:
        b, c, d = a.copy(), a.T.copy().T, a.astype(int)
        b.flat = v * 2
        c.flat = np.append(a, v)
        d.flat = [v[0], 2.5]
        b[0].flat = 5
        return b, c, d

    agree(sc.jit(f, backend=backend)(A, X[:5]), f(A, X[:5]))
    found = sc.grad(lambda a, v: np.sum(f(a, v)[0] ** 2), 1, backend=backend)(A, X[:5])
    np.testing.assert_allclose(found, 8 * X[:5] * [2, 2, 1, 1, 2])


@pytest.mark.filterwarnings("ignore:Arrays of 2-dimensional vectors")
@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_cross_products_in_the_plane(backend: str) -> None:
    def f(x: Any, a: Any) -> Any:
        return np.cross(a[:, :2], a[:, 2:]), np.cross(x[:2], x[2:4])

    agree(sc.jit(f, backend=backend)(X, A), f(X, A))
    slope = sc.grad(lambda x, a: np.sum(f(x, a)[1]), backend=backend)(X, A)
    np.testing.assert_allclose(slope, [X[3], -X[2], -X[1], X[0], 0, 0])
