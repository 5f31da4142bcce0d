"""Arrays that are put together are made as parts of the result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

pytest.importorskip("numba", reason="the Numba target needs Numba")

X = np.random.default_rng(5).normal(size=(7, 3))


def flat(x: Any) -> Any:
    n = len(x)
    blocks = np.empty((n, 2, 3))
    for r in range(2):
        blocks[:, r] = x * (r + 1)
    return np.concatenate([blocks.ravel(), -2.0 * x[:, 0] ** 2])


def rows(x: Any) -> Any:
    n, m = x.shape
    above, below = np.empty((n, m)), np.empty((2, m))
    for i in range(n):
        for j in range(m):
            above[i, j] = x[i, j] + above[i - 1, j] if i else 0.0
    for i in range(2):
        for j in range(m):
            below[i, j] = above[i + 1, j] * x[i, 0]
            below[i, 0] += 1
    return np.concatenate((above, below))


def with_a_view(x: Any) -> Any:
    """The second operand is a part of the first, and is copied."""
    columns = np.empty((len(x), 2, 3))
    for k in range(2):
        for i in range(len(x)):
            columns[i, k] = x[i] + (columns[i - 1, 0] if i else k)
    return np.concatenate([columns.ravel(), columns[:, 1, 2]])


def with_an_argument(x: Any) -> Any:
    made = np.empty((len(x), 3))
    for i in range(len(x)):
        made[i] = x[i] * (made[i - 1] if i else 1.0)
    return np.concatenate((x, made, x[::-1]))


def inside_of_a_loop(x: Any) -> Any:
    total = np.zeros(len(x) + 2)
    for k in range(3):
        a, b = np.empty(len(x)), np.empty(2)
        for i in range(len(x)):
            a[i] = x[i, k] + k
        for i in range(2):
            b[i] = a[i] * k
        total += np.concatenate((a, b))
    return total


def lone_statements(x: Any) -> Any:
    """They are loops as well, between others."""
    n = len(x)
    a = np.empty(n)
    for i in range(n):
        a[i] = x[i, 0] * x[i, 1]
    return np.concatenate([15.0 * x[:, 0], 2.0 + x[:, 2]]), a


def seen(x: Any) -> Any:
    a, b = np.empty(len(x)), np.empty(len(x))
    for i in range(len(x)):
        a[i], b[i] = x[i, 0], x[i, 1]
    return np.concatenate((a, b)), b


def written_to_later(x: Any) -> Any:
    a = np.empty(len(x))
    for i in range(len(x)):
        a[i] = x[i, 0]
    both = np.concatenate((a, 2 * a))
    for i in range(len(x)):
        a[i] += 1
    return both * np.sum(a)


def twice(x: Any) -> Any:
    a = np.empty(len(x))
    for i in range(len(x)):
        a[i] = x[i, 0] + (a[i - 1] if i else 0.0)
    return np.concatenate((a, a))


def chosen(x: Any) -> Any:
    a, b = np.empty(len(x)), np.empty(len(x))
    for i in range(len(x)):
        a[i], b[i] = x[i, 0], x[i, 1]
        if x[i, 2] > 0:
            a, b = b, a
    return np.concatenate((a, b))


def of_given_length(x: Any, n: int) -> Any:
    a, b = np.empty(n), np.empty(len(x))
    for i in range(n):
        a[i] = x[i, 0]
    for i in range(len(x)):
        b[i] = x[i, 1] + a[0]
    return np.concatenate((a, b))


PARTS = (flat, rows, with_a_view, with_an_argument, lone_statements)
OTHERS = (inside_of_a_loop, written_to_later, seen, chosen)


@pytest.mark.parametrize("program", [*PARTS, *OTHERS, twice])
@pytest.mark.parametrize("shape", [(7, 3), (2, 3)])
def test_what_is_put_together_is_numpys(
    program: Callable[..., Any], shape: tuple[int, int]
) -> None:
    x = X[: shape[0]]
    if program is rows and len(x) < 3:
        x = X[:3]
    staged = sc.jit(program, backend="numba")
    found, expected = staged(x), program(x)
    for one, other in zip(
        *((v if isinstance(v, tuple) else (v,)) for v in (found, expected)), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-14)


@pytest.mark.parametrize("program", PARTS)
def test_parts_are_made_in_their_places(program: Callable[..., Any]) -> None:
    source = sc.jit(program, backend="numba").source(X)
    assert "concatenate" not in source


@pytest.mark.parametrize("program", [seen, written_to_later])
def test_arrays_that_are_needed_afterwards_stay(program: Callable[..., Any]) -> None:
    source = sc.jit(program, backend="numba").source(X)
    first = next(line for line in source.splitlines() if line.strip().startswith("a = "))
    assert program is seen or "np.empty" in first


def test_one_array_is_in_one_place() -> None:
    source = sc.jit(twice, backend="numba").source(X)
    assert source.count("np.empty") == 1
    assert "concatenate" not in source


def test_making_an_array_of_negative_length_fails() -> None:
    staged = sc.jit(of_given_length, backend="numba")
    np.testing.assert_array_equal(staged(X, 3), of_given_length(X, 3))
    with pytest.raises(ValueError, match="negative dimensions"):
        staged(X, -2)


@pytest.mark.parametrize("dtype", [np.int32, np.uint8, bool, np.float32, complex])
def test_all_types(dtype: Any) -> None:
    def program(x: Any, y: Any) -> Any:
        a = np.empty((len(x), 3), x.dtype)
        for i in range(len(x)):
            for j in range(3):
                a[i, j] = x[i, 2 - j]
        return np.concatenate((a, y))

    x = (10 * X).astype(np.int8).astype(dtype)
    found = sc.jit(program, backend="numba")(x, x[:2])
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, program(x, x[:2]))


def test_gradient() -> None:
    def loss(x: Any) -> Any:
        return np.sum(flat(x) ** 2)

    numba, numpy = (sc.grad(loss, backend=b)(X) for b in ("numba", "numpy"))
    np.testing.assert_allclose(numba, numpy, rtol=1e-13)


def test_numpy_stays_as_written() -> None:
    assert "np.concatenate" in sc.jit(flat, backend="numpy").source(X)
