"""Calls of NumPy functions: the result's type, dtype and value are NumPy's, on both targets."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

N = np.arange(5)
X = N * 1.5
M = np.arange(12.0).reshape(3, 4) * -1.7
S = np.ones(2, np.float32)

# lists and tuples of staged numbers as operands
OF_LISTS: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (lambda a, b: np.array_equal([a, b], [a, b]), (1.0, 2.0)),
    (lambda a, b: np.array_equal((a, b), np.array([1.0, 2.0])), (1.0, 3.0)),
    (lambda a, b: np.allclose([a, b], [b, a]), (1.0, 1.0 + 1e-12)),
    (lambda xs: np.array_equal(xs, [1, 2]), ([1, 2],)),
    (lambda x: np.concatenate((np.where(x)[0], [len(x)])), (N,)),
    (lambda x: np.hstack(([x[0]], x, [x[1], 2.0])), (X,)),
    (lambda x: np.linalg.solve([[x[0] + 1, 1.0], [2.0, x[1] + 5]], [x[0], 1.0]), (X,)),
    (lambda x: x[[]].sum(axis=0), (M,)),
    (lambda x: x[[]], (N,)),
]

# a number among arrays that are laid out takes their type, whatever its value
LAID_OUT: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    *((lambda a, v: np.concatenate((a, v), axis=None), (S, v)) for v in (3, 2.5, True, 1j)),
    *((lambda a, v: np.union1d(v, a), (S.astype(np.int8), v)) for v in (3, 300, 2.5)),
    (lambda a, v: np.union1d(a, [v]), (S, 3)),
    (lambda a, v: np.concatenate([a, v], axis=None), (3, np.float32(2))),
]

# `dtype` is the type of the result too
WITH_DTYPE: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (lambda x: np.sum(x, dtype=np.int32), (X,)),
    (lambda x: np.sum(x, axis=1, dtype=np.int16), (M,)),
    (lambda x: np.sum(x, dtype=np.int8), (np.arange(50) * 100,)),
    (lambda x: np.sum(x, dtype=np.int32, where=x > 1), (N,)),
    (lambda x: np.sum(x, dtype=np.int32, initial=-3.5), (N,)),
    (lambda x: np.prod(x, axis=1, dtype=np.int32), (M,)),
    (lambda x: np.mean(x, dtype=int), (X,)),
    (lambda x: np.mean(x, axis=0, dtype=int, keepdims=True), (M,)),
    (lambda x: np.mean(x, where=x > 1, dtype=np.int32), (N,)),
    *((lambda x, d=d: np.mean(x, axis=0, dtype=d), (M * 100,)) for d in (np.uint8, np.int8)),
    (lambda x: x.mean(dtype=np.uint8), (np.arange(50, 90),)),
    (lambda x: np.cumsum(x, dtype=np.int32), (X,)),
    (lambda x: np.cumprod(x, dtype=np.int8), (N + 3,)),
    (lambda x: np.nansum(x, dtype=np.int32), (N,)),
]

# products of numbers are NumPy scalars, of the type of both as arrays
OF_NUMBERS: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (np.dot, (2, 3)),
    (np.dot, (2.0, S)),
    (np.inner, (2, 3.0)),
    (np.inner, (S, 2.0)),
    (lambda x: x.item((2, 2)), (M,)),
    (lambda x: x.item((1,)), (N,)),
]

# of numbers of few bits, and of truths
OF_NARROW: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    *((lambda x, i: np.ldexp(2 * x, i), (np.array([1.5, -1e-42], "f4"), i)) for i in (2, -3)),
    (lambda x, i: np.ldexp(x.astype("f4"), i) + x, (X, np.arange(5, dtype=np.int8))),
    (lambda x: np.pad(x > 2, 1, mode="mean"), (X,)),
    (lambda x: np.pad(x, 1, mode="mean"), (X.astype("f4"),)),
    (lambda x: np.vectorize(lambda v: v * 2)(x), (S,)),
    (lambda x: np.vectorize(lambda v: v * 2 + 1)(x), (N.astype(np.uint8),)),
    (lambda x: np.vectorize(lambda v, w: v * w)(x, 2), (N > 2,)),
    (lambda x: x[1:].view() * x.view().shape[0], (X,)),
]

# where NumPy writes nothing, `out` keeps what it holds
CHOSEN: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (lambda a, b: np.divide(a, b, out=np.zeros_like(a), where=b != 0), (X, N % 2 * 1.0)),
    (lambda x: np.log(x, out=np.full_like(x, -1.0), where=x > 0), (M,)),
    (lambda x: np.sqrt(x, out=x, where=x > 2), (X,)),
    (lambda x: np.add(x, 1, out=x, where=[True, False, True, False, True]), (N,)),
    (lambda x, y: np.power(x, 2, out=y, where=x > 0), (S, np.zeros(2, np.float32))),
]

# the methods of ufuncs, and `where=` without an `out`
ONE_AXIS: Any = (1,)
IN_ORDER: Any = (1, None, None, True)
SINGLE: Any = np.float32
OF_UFUNCS: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (lambda x: np.add.outer(x, 5), (np.ones(2, np.int16),)),
    (lambda x: np.power.outer(x, 2), (S,)),
    (lambda x: np.subtract.outer(7, x), (S,)),
    (lambda x: np.multiply.outer(x, len(x), dtype=np.float32), (X,)),
    (lambda x: np.add.outer(x, x, out=np.ones((5, 5)), where=x > 1), (X,)),
    (lambda x: np.add.accumulate(x, axis=ONE_AXIS), (M,)),
    (lambda x: np.maximum.reduce(x, *IN_ORDER), (M,)),
    (lambda x: np.add.reduce(x, 0, SINGLE), (N,)),
    (lambda x: np.log(x, where=x > 2, out=None)[2:], (X,)),
    (lambda x, y: np.add(x, y, out=None, where=[[False], [True], [False]])[1], (M, M[0])),
    (lambda x: np.greater(x, 1, where=True), (X,)),
    (lambda x, y: np.einsum("ij,ij,j->", x, x, y), (M, M[0])),
]

# NumPy's functions that are written in Python
WRITTEN: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (lambda x: np.delete(x, [1, 3, 5]), (M,)),
    (lambda x: np.delete(x, (0, -1), axis=1), (M,)),
    (lambda x: np.delete(x, x > 2), (X,)),
    (lambda x: np.delete(x, []), (X,)),
    (lambda x: np.delete(x, 1), (X,)),
    (lambda x: np.outer(x, range(3)), (X,)),
    (lambda x: np.average(x, None, range(5)), (X,)),
    (lambda x: x.sum().sum(0) + np.max(x.sum(), axis=-1), (X,)),
    (lambda x: np.lexsort((x % 2, x % 3)), (N,)),
    (lambda x: np.lexsort(x, axis=0), (M,)),
    (lambda: np.lexsort((("b", "a", "a"), ("x", "y", "x"))), ()),
    (lambda xs: np.fromiter((x * x for x in xs), float), ([1.0, 2.0],)),
    (lambda x: np.fromiter((2 * v for v in x), np.float32, 3), (X,)),
    (lambda n: np.fromfunction(lambda i, j: i - j, (n, 3)), (4,)),
    (lambda a: np.fromfunction(lambda i, j: i * a + j, (2, 2), dtype=int), (0.5,)),
    (lambda x: np.trim_zeros(x), (np.array([0.0, 0.0, 1.0, 0.0, 2.0, 0.0]),)),
    (lambda x: np.trim_zeros(x, "b"), (np.array([0, 1, 0]),)),
    (lambda x: np.trim_zeros(x), (np.zeros(3),)),
    (lambda x, y: np.array_equiv(x, y), (X, np.tile(X, (2, 1)))),
    (lambda x, y: np.array_equiv(x, y), (X, M)),
    (lambda x: np.setxor1d(x, [1, 9]), (N,)),
    (lambda a, b: np.ravel_multi_index((a, b), (3, 4)), (2, 1)),
    (lambda a, b: np.ravel_multi_index((a, b), (3, 4)), (N % 3, N % 4)),
    (lambda xs: np.asarray_chkfinite(xs), ([[1.0, 2.0], [3.0, 4.0]],)),
    (lambda x: np.isscalar(x), (1.5,)),
    (lambda x: np.isscalar(x), ([1.5],)),
    (lambda x: np.choose(x, (x * 2, 0.5, [7, 8, 9, 10, 11]), mode="clip"), (N - 1,)),
    (lambda x: np.choose(x, M[:, :1], mode="wrap"), (N - 7,)),
    (lambda k: np.choose(k, (3.0, 4.0)), (1,)),
    (lambda x: np.logaddexp.reduce(x), (X[:0],)),
    (lambda x: np.hypot.reduce(x), (M[:0],)),
    (lambda x: np.gcd.reduce(x, axis=0), (N[:0],)),
    (lambda x: np.gcd.reduce(x, axis=0), (N,)),
    (lambda *xs: np.choose(xs[0] % 3, xs), (N, 2.5, N[:1])),
    (lambda x: np.interp(x, [0.0, 1.0], [2.0, 3.0], left=-1.0, right=7.0), (0.5,)),
    (lambda x: np.interp(x, [0.0, 1.0], [2.0, 3.0], left=-1.0, right=7.0), (X - 1,)),
    (lambda x: np.isrealobj(x) is not np.iscomplexobj(x), (X,)),
]

# a range whose bounds are known at run time only is an array of integers
OF_RANGES: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (lambda x: np.take(x, range(1, x.shape[0]), 0), (X,)),
    (lambda x: x[range(0, len(x), 2)], (X,)),
    (lambda x: x[:, range(x.shape[1] - 1)], (M,)),
    (lambda x: np.sum(range(len(x), 0, -1)), (X,)),
    (lambda x, n: np.array(range(n)) * x, (2.0, 3)),
    (lambda x: x[range(len(x), 2)], (X,)),
    (lambda x: x[:, range(0)], (M,)),
    (lambda x: x[..., [], None], (M,)),
    (lambda x: np.take(x, [], axis=1), (M,)),
    (lambda x: np.take(x, range(0)), (M,)),
]


# True and False select all or nothing, along an axis of their own
def _raised(x: Any) -> Any:
    y = x.copy()
    y[x > 1] = 3.0
    return y


POINT: Any = np.array(2.0)
OF_TRUTHS: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (lambda x, m: x[m], (POINT, np.array(True))),
    (lambda x, m: x[m], (POINT, False)),
    (lambda x, m: x[m], (M, np.array(False))),
    (lambda x: x[x > 0], (POINT,)),
    (_raised, (POINT,)),
    (_raised, (np.array(0.5),)),
    (lambda x: x[x[1] > 0, 1:], (X,)),
    (lambda x: x[x[1] > 0, None], (X,)),
    (lambda x: x[np.bool_(True), 0], (X,)),
    (lambda x: x[x.sum() > 0, 0], (X,)),
    (lambda x, m, i: np.tile(x, (2, 1, 1))[m, i], (M, np.ones((2, 3), bool), 3)),
]

# attributes that only NumPy has a name for, numbers along an axis, no differences
ATTRIBUTES: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (lambda x: np.pad(x, [(1, 2)], constant_values=-np.inf), (X,)),
    (lambda x: np.pad(x, 1, constant_values=((np.nan, np.inf),)), (X,)),
    (lambda x: np.pad(x + 0j, 1, constant_values=complex(-np.inf, 2.0)), (X,)),
    (lambda x: np.cumsum(x, axis=0), (2.5,)),
    (lambda x: np.cumprod(x.sum(), axis=-1), (X,)),
    (lambda x: np.diff(x, 0, prepend=1.0, append=x), (X,)),
    (lambda x: np.stack([g.ravel() for g in np.meshgrid(x, x[:1])]), (X,)),
]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize(
    ("f", "args"),
    [
        *(*OF_LISTS, *LAID_OUT, *WITH_DTYPE, *OF_NUMBERS, *CHOSEN, *OF_UFUNCS, *WRITTEN),
        *(*OF_RANGES, *OF_TRUTHS, *ATTRIBUTES, *OF_NARROW),
    ],
)
def test_result(backend: str, f: Callable[..., Any], args: Any) -> None:
    def called(*given: Any) -> Any:
        return f(*given)

    mine, theirs = copy.deepcopy(args), copy.deepcopy(args)
    expected, found = f(*theirs), sc.jit(called, backend=backend)(*mine)
    assert type(found) is type(expected)
    assert np.asarray(found).dtype == np.asarray(expected).dtype
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    for a, b in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)


def test_what_they_refuse() -> None:
    """Exceptions are NumPy's."""
    cases: list[tuple[Callable[..., Any], type[Exception]]] = [
        (lambda x: np.asarray_chkfinite(x / 0.0), ValueError),
        (lambda x: np.fromiter((v for v in x), float, 7), ValueError),
        (lambda x: np.ravel_multi_index((x, x), (3, 4)), ValueError),
        (lambda x: np.delete(x, [7]), IndexError),
        (lambda x: np.choose(x, (x, -x)), ValueError),
        (lambda x: np.choose(x - 1, (x, x, x, x)), ValueError),
        (lambda x: np.arctan2.reduce(x[:0]), ValueError),
        (lambda x: np.max(x, axis=3, initial=0), np.exceptions.AxisError),
        (lambda x: x[0, 0], IndexError),
        (lambda x: x[None, ..., 0, 1:], IndexError),
        (lambda x: np.mean(x.sum(), axis=0), ValueError),
    ]
    with np.errstate(all="ignore"):
        for f, error in cases[:-1]:
            for run in (f, sc.jit(f)):
                with pytest.raises(error):
                    run(N)
    with pytest.raises(sc.StagecError, match="does not fit an array of rank 0"):
        sc.jit(cases[-1][0])(N)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_the_sign_of_minus_zero(backend: str) -> None:
    x = np.array([-0.0, 0.0, -2.0])
    for kind in (np.float64, np.float32, np.int64):
        found = sc.jit(lambda x: np.sign(x), backend=backend)(x.astype(kind))
        np.testing.assert_array_equal(found, np.sign(x.astype(kind)), strict=True)
        assert not np.signbit(found[:2].astype(float)).any()


def test_slope_of_what_is_chosen() -> None:
    """What is not chosen has slope 0, also where the function has none there."""

    def total(x: Any) -> Any:
        return np.sum(np.log(x, out=np.zeros(x.shape), where=x > 0))

    x = np.array([-1.0, 0.0, 2.0])
    for backend in ("numpy", "numba"):
        np.testing.assert_array_equal(sc.grad(total, backend=backend)(x), [0.0, 0.0, 0.5])


@pytest.mark.parametrize("x", [N, N[:0]])
def test_truth_of_an_array(x: Any) -> None:
    def truth(x: Any) -> Any:
        return 1 if x > 1 else 2

    with pytest.raises(ValueError, match="truth value of an") as expected:
        truth(x)
    with pytest.raises(ValueError, match="truth value of an") as found:
        sc.jit(truth)(x)
    assert str(found.value) == str(expected.value)


def test_a_product_of_matrices_lies_in_rows() -> None:
    """So that another shape of it is a view that can be written to."""

    def states(x: Any, n: int) -> Any:
        found = np.dot(x.T, x).reshape(n, 2, -1)
        found[:, 0] = np.tanh(found[:, 0])
        return found

    for given in (M, np.asfortranarray(M)):
        np.testing.assert_array_equal(sc.jit(states)(given, 2), states(given, 2))


def test_astype_casts_by_the_rule_given() -> None:
    def f(x: Any, rule: str) -> Any:
        return x.astype(np.float32, casting=rule), x.astype(np.int64, "K", "unsafe")

    staged = sc.jit(f)
    x = np.array([1.5, -2.5])
    for found, expected in zip(staged(x, "same_kind"), f(x, "same_kind"), strict=True):
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype
    for run in (f, staged):
        with pytest.raises(TypeError, match="according to the rule 'safe'"):
            run(x, "safe")


def named_arrays(x: Any, steps: Any) -> Any:
    made = [
        np.zeros(shape=(2, 3)),
        np.full(shape=3, fill_value=1.5),
        np.ones(shape=2, dtype=int),
        np.eye(N=3, dtype=np.float32),
        np.linspace(start=0, stop=1, num=3),
        np.identity(n=2),
        np.array(object=[1, 2.0]),
    ]
    first = made[0]
    for k in range(steps):
        for array in made:
            array[0] = k
        first[1, 0] += x
        first = first * 2
    return made, first


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_arrays_made_of_keywords_alone_are_the_programs_own(backend: str) -> None:
    made, first = sc.jit(named_arrays, backend=backend)(1.5, 3)
    wanted, last = named_arrays(1.5, 3)
    for got, array in zip([*made, first], [*wanted, last], strict=True):
        np.testing.assert_array_equal(got, array, strict=True)
