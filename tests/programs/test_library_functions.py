"""Functions that take functions, methods of ufuncs, lists as arrays: on both targets."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

X = np.array([0.7, 1.9, -0.4, 1.2])
M = np.linspace(-1.0, 2.5, 12).reshape(3, 4)
POSITIONS = np.array([0, 1, 1, 3])


def multiplied(x: Any) -> Any:
    h = np.ones(4)
    np.multiply.at(h, POSITIONS, x)
    np.maximum.at(h, [0, 2], 0.3)
    np.negative.at(h, [1, 1, 2])
    return h


def by_piece(x: Any) -> Any:
    return np.piecewise(x, [x < 0, x > 1], [lambda v: -v, lambda v: v * 2, 3.0])


@np.vectorize
def bent(a: Any, b: Any) -> Any:
    return a * b if a > b else a - b


def sorted_in_place(x: Any) -> Any:
    values = [x[0], x[1], x[2]]
    values.sort(reverse=True)
    return values


PROGRAMS: list[tuple[Callable[..., Any], Any]] = [
    (multiplied, X),
    (by_piece, X),
    (lambda x: bent(x, 1.0), X),
    (lambda x: np.vectorize(lambda v: 1 if v > 0 else 0)(x), X),
    (lambda x: np.vectorize(lambda v: v * 2, otypes=[float])(x), M),
    (lambda x: np.apply_along_axis(lambda v: v / v.sum(), 1, x), M),
    (lambda x: np.apply_along_axis(lambda v: v.sum(), 0, x), M),
    (lambda x: np.apply_along_axis(lambda v: np.outer(v, v), 0, x), M),
    (lambda x: np.maximum.accumulate(x, axis=1), M),
    (lambda x: np.logaddexp.reduce(x), X),
    (lambda x: np.hypot.reduce(x, axis=1), M),
    (lambda x: sorted(x, reverse=True), X),
    (lambda x: sorted([float(x[0]), 1.0, 0.2]), X),
    (lambda x: sorted([x[0], x[1], x[2]], key=abs), X),
    (lambda x: sorted(v * 2 for v in x), X),
    (sorted_in_place, X),
    (lambda x: [r * 2 for r in x], M),
    (lambda x: {i: r.sum() for i, r in enumerate(x)}[1], M),
    (lambda x: [(i, j, x[i] * j) for i in range(3) for j in range(i)], X),
    (lambda x: np.unique(x), np.array([0.5, 2.0, 0.5, 1.0])),
    (lambda x: np.union1d(x, x[:2]), X),
    (lambda x: np.setdiff1d(x, [5.0]), X),
    (lambda x: np.choose([0, 1, 1, 0], [x, x * 2]), X),
    (lambda x: np.select([[True, False, False, True], x > 1], [x, [1, 2, 3, 4]], 9), X),
    (lambda x: np.average(x, axis=0, weights=[1, 2, 3]), M),
    (lambda x: np.sum([x, x * 2]), X),
    (lambda x: np.full(2, [x[0], 1]), X),
    (lambda x: np.vstack([[1, 2, 3, 4], x]), X),
    (lambda x: np.array([[x, [1, 2, 3, 4]], [[4, 5, 6, 7], x]]), X),
    (lambda x: [1, 2, 3, 4] * x, X),
    (lambda x: np.dot([1, 2, 3, 4], x), X),
    (lambda x: np.split(x, 2), X),
]


def flat(value: Any) -> list[np.ndarray]:
    if isinstance(value, list | tuple):
        return [leaf for part in value for leaf in flat(part)]
    return [np.asarray(value)]


def total(f: Callable[..., Any]) -> Callable[[Any], Any]:
    def loss(x: Any) -> Any:
        s = 0.0
        for part in flat(f(x)):
            s = s + np.sum(np.sin(part))
        return s

    return loss


@pytest.mark.parametrize("f", PROGRAMS, ids=[str(k) for k in range(len(PROGRAMS))])
def test_result_and_derivatives(f: tuple[Callable[..., Any], Any]) -> None:
    function, x = f
    wanted, found = function(x.copy()), sc.jit(function)(x.copy())
    assert type(found) is type(wanted)
    for a, b in zip(flat(wanted), flat(found), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(b, a, rtol=1e-12)
    loss, along = total(function), np.cos(np.arange(x.size)).reshape(x.shape)
    slope = (loss(x + 1e-6 * along) - loss(x - 1e-6 * along)) / 2e-6
    if len({*x.ravel()}) == x.size:
        np.testing.assert_allclose(
            np.sum(sc.grad(loss)(x) * along), slope, rtol=1e-6, atol=1e-9
        )
    forward = sc.jvp(loss, (x,), (along,))[1]
    np.testing.assert_allclose(forward, np.sum(sc.grad(loss)(x) * along), atol=1e-12)


def test_distinct_values_have_the_slope_of_the_first() -> None:
    def f(x: Any) -> Any:
        return np.sum(np.unique(x) * np.array([1.0, 10.0, 100.0]))

    gradient = sc.grad(f)(np.array([[0.5, 2.0], [0.5, 1.0]]))
    np.testing.assert_array_equal(gradient, [[1.0, 100.0], [0.0, 10.0]])


def test_common_values_have_the_slope_of_the_first_array() -> None:
    def f(x: Any) -> Any:
        return np.sum(np.intersect1d(x, [1.9, 0.7, 5.0]) * np.array([1.0, 10.0]))

    assert sc.jit(f)(X) == f(X)
    np.testing.assert_array_equal(sc.grad(f)(X), [1.0, 10.0, 0.0, 0.0])


def equal_zip(x: Any, y: Any) -> Any:
    x[0] = 5.0
    return [a * b for a, b in zip(x, y, strict=True)]


def left_early(x: Any, y: Any) -> Any:
    s = 0.0
    for a, b in zip(x, y, strict=True):
        if a > 1:
            break
        s += a * b
    return s


@pytest.mark.parametrize("f", [equal_zip, left_early])
@pytest.mark.parametrize("sizes", [(4, 4), (4, 3), (3, 4)])
def test_zip_strict(f: Callable[..., Any], sizes: tuple[int, int]) -> None:
    args = [np.arange(float(n)) for n in sizes]
    try:
        wanted: Any = f(*copy.deepcopy(args))
    except ValueError as error:
        with pytest.raises(
            ValueError, match=str(error).replace("(", r"\(").replace(")", r"\)")
        ):
            sc.jit(f)(*args)
    else:
        assert sc.jit(f)(*args) == wanted


def test_whole_numbers_and_conjugates() -> None:
    whole = sc.jit(lambda a: a.is_integer())
    assert [whole(a) for a in (2.0, 2.5, math.inf, math.nan)] == [True, False, False, False]
    assert type(whole(2.0)) is bool
    assert type(sc.jit(lambda z: z.conjugate())(1 + 2j)) is complex


@pytest.mark.parametrize(
    "view",
    [lambda x: x.astype(float, copy=False), lambda x: x.conj(), lambda x: np.block([[x]])],
)
def test_what_shares_memory(view: Callable[..., Any]) -> None:
    def f(x: Any) -> Any:
        y = view(x)
        y += 100
        return y * 1

    one, two = M.copy(), M.copy()
    np.testing.assert_array_equal(sc.jit(f)(one), f(two))
    np.testing.assert_array_equal(one, two)


def test_array_without_axes_written_twice() -> None:
    def f(a: Any) -> Any:
        b = a.copy()
        b += 1
        b[...] = b * 2
        return b

    found = sc.jit(f)(np.array(2.5))
    assert isinstance(found, np.ndarray)
    assert found == 7.0


class Steps:
    def __init__(self, size: Any) -> None:
        self.size = size

    def __iter__(self) -> Any:
        for k in range(3):
            yield self.size * k

    def __contains__(self, k: int) -> bool:
        return k == 3

    def __eq__(self, other: Any) -> Any:
        return self.size == other.size

    def __getattr__(self, name: str) -> str:
        return name


def test_special_methods() -> None:
    def f(a: Any) -> Any:
        s = Steps(a)
        parts = sum(s), list(s), 3 in s, 4 not in s
        return parts, s == Steps(2.0), s != Steps(2.0), s.missing

    assert sc.jit(f)(2.0) == f(2.0)
    assert sc.jit(f)(3.0) == f(3.0)


def test_a_lone_condition_of_piecewise() -> None:
    """An array, or a list of truths, is one condition and no list of them."""

    piecewise: Any = np.piecewise

    def program(x: Any) -> Any:
        of_array = piecewise(x, x > 0.5, [lambda v: v * 2, 3.0])
        truths = piecewise(x, [True, False], [1])
        return of_array, truths, piecewise(x, [x[0] > 1, x[1] > 0], [2])

    x = np.array([0.0, 1.0])
    for found, expected in zip(sc.jit(program)(x), program(x), strict=True):
        np.testing.assert_array_equal(found, expected, strict=True)
