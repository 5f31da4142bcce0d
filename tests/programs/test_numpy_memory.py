"""What NumPy's functions return: a view of an argument where NumPy gives one, else a copy."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

X = np.array([0.3, -0.7, 1.3, 2.1, -0.9, 1.7])
A = np.arange(12.0).reshape(3, 4)

Function = Callable[..., Any]

# of a row and a matrix, what the function returns is written to
RETURNED: list[Function] = [
    lambda x, a: np.asarray(x, copy=True),
    lambda x, a: np.asarray(a=x, dtype=float),
    lambda x, a: np.array(x, copy=None),
    lambda x, a: np.array(x, copy=False),
    lambda x, a: a.flat[1:4],
    lambda x, a: x.flat[1:3],
    lambda x, a: np.flip(m=x),
    lambda x, a: np.transpose(a=a),
    lambda x, a: np.swapaxes(a=a, axis1=0, axis2=1),
    lambda x, a: np.reshape(a, shape=(4, 3)),
    lambda x, a: np.ravel(a=a),
    lambda x, a: a.reshape(4, 3, copy=True),
    lambda x, a: np.meshgrid(x, copy=False, sparse=True)[0],
    lambda x, a: np.take(a, 1, axis=0),
    lambda x, a: a.take(2, 1),
    lambda x, a: np.histogram(x, bins=np.arange(4.0))[1],
    lambda x, a: np.histogram(a[0], bins=x[:3] + np.arange(3.0))[1],
    lambda x, a: np.block(x),
    lambda x, a: np.append(x, []),
]


def written(f: Function) -> Function:
    def run(x: Any, a: Any) -> Any:
        found = f(x, a)
        found[0] = 50.0
        return found, x, a

    return run


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("f", RETURNED)
def test_memory_of_results(backend: str, f: Function) -> None:
    """Writing to the result changes the arguments as in NumPy."""
    run = written(f)
    for found, expected in zip(
        sc.jit(run, backend=backend)(*copy.deepcopy((X, A))),
        run(*copy.deepcopy((X, A))),
        strict=True,
    ):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("pick", [lambda a, k: a[:, k], lambda a, k: np.take(a, k, axis=1)])
def test_columns_picked_by_an_array_may_lie_in_any_order(backend: str, pick: Function) -> None:
    """NumPy chooses; so nothing is known about a row of all elements, but it can be read."""

    def write(a: Any, k: Any) -> Any:
        found = pick(a, k)
        row = found.ravel()
        row[1] = 50.0
        return found

    def read(a: Any, k: Any) -> Any:
        return pick(a, k).ravel() * 2

    k = np.array([2, 0])
    np.testing.assert_array_equal(sc.jit(read, backend=backend)(A, k), read(A, k))
    with pytest.raises(sc.StagecError, match="SC311"):
        sc.jit(write, backend=backend)(A.copy(), k)


def test_copy_false_refuses_to_copy() -> None:
    with pytest.raises(sc.StagecError, match="copy=False"):
        sc.jit(lambda x: np.asarray(x, int, copy=False))(X)


def test_edges_of_histogramdd_are_a_list() -> None:
    found = sc.jit(lambda x: np.histogramdd(x, 2))(A)
    assert type(found[1]) is type(np.histogramdd(A, 2)[1])


def drawn(x: Any) -> Any:
    w = np.random.default_rng(0).normal(size=3)
    w *= 2
    return w, x


def positions(x: Any) -> Any:
    rows, columns = np.triu_indices(3, 1)
    rows[0] += 1
    return rows, x[columns]


def grid(x: Any) -> Any:
    rows, columns = np.ogrid[0:2, 0:3]
    rows += 1
    return rows, x[rows * columns]


def window(x: Any) -> Any:
    w = np.hanning(5)
    w += 1
    return w, x


def chosen_again(x: Any) -> Any:
    rng = np.random.default_rng(1)
    places = rng.permutation(4)
    return rng.choice(places, 2), x[places]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("f", [drawn, positions, grid, window, chosen_again])
def test_arrays_that_staging_makes_are_new_in_each_call(backend: str, f: Function) -> None:
    staged = sc.jit(f, backend=backend)
    wanted = f(X)
    for _ in range(3):
        got = staged(X)
        for one, other in zip(got, wanted, strict=True):
            np.testing.assert_array_equal(one, other)
        got[0][...] = 50  # must not be seen by the next call


def test_what_an_object_made_at_staging_holds_is_not_written_to() -> None:
    def raised(x: Any) -> Any:
        p = np.poly1d([1.0, 2.0])
        p.coeffs[0] = 5.0
        return p(x)

    with pytest.raises(sc.StagecError, match="SC316"):
        sc.jit(raised)(X)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_arrays_that_staging_makes_in_a_loop(backend: str) -> None:
    def energy(a: Any) -> Any:
        total = 0.0
        for k in range(3):
            total += np.sum(a[np.triu_indices(3, 1)]) * k + np.poly1d([1.0, 2.0])(a[0, 0])
        return total

    np.testing.assert_allclose(sc.jit(energy, backend=backend)(A), energy(A))
    wanted = [[3, 3, 3, 0], [0, 0, 3, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(sc.grad(energy, backend=backend)(A), wanted)


def test_a_part_of_complex_numbers_with_a_name_is_not_written_to() -> None:
    def f(x: Any) -> Any:
        y = x * 1j
        part = y.imag
        part *= 2
        return y

    with pytest.raises(
        sc.StagecError, match="SC311: this may be, or have elements of, another"
    ):
        sc.jit(f)(np.ones(3))
