"""Keys of dicts and elements of sets: tuples, and values of several types that are equal."""

import functools
from collections import namedtuple
from typing import Any

import numpy as np
import pytest

import stagec as sc

Place = namedtuple("Place", "row column")
X = np.arange(1.0, 7.0)


def memoised(x: Any) -> Any:
    memo: Any = {}

    def ways(i: int, j: int) -> Any:
        if i == 0 or j == 0:
            return x[i + j]
        if (i, j) not in memo:
            memo[i, j] = ways(i - 1, j) * ways(i, j - 1) / 2 + ways(i - 1, j - 1)
        return memo[i, j]

    return ways(2, 3)


def tables(x: Any) -> Any:
    table = {(i, i + 1): x[i] for i in range(3)}
    table[Place(0, 1)] = x[5]
    table[0, 1] *= 2.0
    for i in range(3):
        for j in range(2):
            table[i, j] = table.get((i, j), 1.0) + x[i] * x[j + 1]
    del table[2, 0]
    seen = {(1, 2), (2, 3)}
    seen.add((1, 2))
    total = sum(v * (i + 2 * j) for (i, j), v in table.items())
    return total * len(seen) + x[0] * ((1, 2) in seen) + ((7, 7) in seen), table.pop((1, 2))


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_tuples_are_keys(backend: str) -> None:
    if backend == "numba":
        pytest.importorskip("numba", reason="the Numba target needs Numba")
    for program in (memoised, tables):
        staged = sc.jit(program, backend=backend)
        np.testing.assert_allclose(staged(X), program(X), rtol=1e-14)
        forward, reverse = sc.jacfwd(staged)(X), sc.jacrev(staged)(X)
        np.testing.assert_allclose(forward, reverse, rtol=1e-13)
        step = 1e-20 * X
        exact = np.imag(program(X + 1j * step))
        np.testing.assert_allclose(np.asarray(forward) @ step, exact, rtol=1e-13)


def test_a_tuple_with_a_staged_item_is_no_key() -> None:
    with pytest.raises(sc.StagecError, match="SC303"):
        sc.jit(lambda x: {(x[0], 1): 2.0})(X)


def equal_keys(x: Any) -> Any:
    table = {1: x[0], "a": x[1]}
    table[True] = x[2]
    table[1.0] *= 2.0
    table[np.int64(2)] = x[3]
    table[2] += 1.0
    return list(table.keys()), table[np.int64(1)], table.pop(2.0), len(table)


def changes(table: Any) -> None:
    table[True] = table[1] * 2.0
    table[np.int64(3)] = table[1]


def test_keys_that_are_equal_are_one_key_whatever_their_types() -> None:
    assert sc.jit(equal_keys)(X) == equal_keys(X)
    found, expected = {1: 1.0}, {1: 1.0}
    sc.jit(changes)(found)
    changes(expected)
    assert found == expected
    assert list(map(type, found)) == list(map(type, expected))


def cached(x: Any) -> Any:
    calls = [0, 0]

    @functools.lru_cache(None)
    def chain(i: int) -> Any:
        calls[0] += 1
        return x[i] if i < 2 else chain(i - 1) * x[i] + chain(i - 2)

    @functools.cache
    def tree(i: int, j: int = 0) -> Any:
        return x[i] * j if i == 0 else tree(i - 1, j=j + 1) + tree(i - 1, j=j + 2)

    @functools.lru_cache
    def plain(i: int) -> Any:
        return i * x[0]

    @functools.lru_cache(maxsize=2)
    def few(i: int) -> Any:
        calls[1] += 1
        return x[i] * i

    total = sum(few(i) for i in (1, 2, 1, 3, 1, 2, 0))
    return chain(5) + tree(5) + plain(3) * plain(3) + total, calls


def test_results_are_cached_as_functools_does() -> None:
    found, expected = sc.jit(cached)(X), cached(X)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-14)
    assert found[1] == expected[1]
    slope = sc.grad(lambda x: cached(x)[0])(X)
    np.testing.assert_allclose(slope @ X * 1e-20, np.imag(cached(X * (1 + 1e-20j))[0]))
