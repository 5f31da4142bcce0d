"""Arrays of integers that select elements, as loops of compiled code, against NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

RNG = np.random.default_rng(0)
ROWS = np.array([2, 0, -1, 2, 1])
MATRIX, VECTOR, VALUES = RNG.normal(size=(4, 3)), RNG.normal(size=4), RNG.normal(size=(5, 3))


def read_rows(x: Any, k: Any, v: Any) -> Any:
    return np.exp(x[k]) * v


def read_columns(x: Any, k: Any, v: Any) -> Any:
    return np.sin(x.T[:, k]) + v.T


def read_with_integer(x: Any, k: Any, v: Any) -> Any:
    return 2.0 * x[k, 1]


def read_pairs(x: Any, k: Any, v: Any) -> Any:
    return 2.0 * x[k, k] + 1.0


def read_matrix_of_rows(x: Any, k: Any, v: Any) -> Any:
    return np.tanh(x[k.reshape(5, 1)])


def read_grid(x: Any, k: Any, v: Any) -> Any:
    return np.sin(x[k[:, None], np.array([2, 0, 2])]) * v


def store_grid(x: Any, k: Any, v: Any) -> Any:
    x[k[:, None], np.array([2, 0, 2])] = np.exp(v) * k[:, None]
    return x


def add_grid(x: Any, k: Any, v: Any) -> Any:
    np.add.at(x, (k[:, None], np.array([2, 0, 2])), np.exp(v))
    return x


def read_box(x: Any, k: Any, v: Any) -> Any:
    i, j = np.ogrid[1:3, 1:3]
    return x[i, j] * x[i - 1, j] - x[k[i], j - 1]


def add_rows(x: Any, k: Any, v: Any) -> Any:
    np.add.at(x, k, 2.0 * v)
    return x


def add_one_row(x: Any, k: Any, v: Any) -> Any:
    np.add.at(x, k, np.exp(v[0]))
    return x


def add_number(x: Any, k: Any, v: Any) -> Any:
    np.add.at(x, k, 1.5)
    return x


def store_rows(x: Any, k: Any, v: Any) -> Any:
    x[k] = np.exp(v)  # of rows stored twice the last one stays
    return x


def store_columns(x: Any, k: Any, v: Any) -> Any:
    y = x.T
    y[:, k] = np.exp(v.T)
    return x


def add_in_a_loop(x: Any, k: Any, v: Any) -> Any:
    for _ in range(3):
        x[k] += v * x[k]
    return x


def both(x: Any, k: Any, v: Any) -> Any:
    made = np.zeros_like(x)
    np.add.at(made, k, np.sin(x[k]) * v)
    return made


PROGRAMS = (
    read_rows, read_columns, read_with_integer, read_matrix_of_rows, add_rows, add_one_row,
    add_number, store_rows, store_columns, add_in_a_loop, both, read_grid, store_grid, add_grid,
    read_box,
)  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_value_and_gradient(program: Callable[..., Any]) -> None:
    expected = program(MATRIX.copy(), ROWS, VALUES)
    found = sc.jit(program, backend="numba")(MATRIX.copy(), ROWS, VALUES)
    np.testing.assert_allclose(found, expected, rtol=1e-14)

    def loss(x: Any, k: Any, v: Any) -> Any:
        return np.sum(program(x, k, v) ** 2)

    gradients = [sc.grad(loss, argnums=(0, 2), backend=b) for b in ("numba", "numpy")]
    for a, b in zip(*(g(MATRIX.copy(), ROWS, VALUES) for g in gradients), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


def test_several_arrays() -> None:
    found = sc.jit(read_pairs, backend="numba")
    given = RNG.normal(size=(4, 4)), ROWS, VALUES
    np.testing.assert_allclose(found(*given), read_pairs(*given), rtol=1e-15)
    assert "np.empty" in found.source(*given)


@pytest.mark.parametrize("row", [4, -5, 2**40])
@pytest.mark.parametrize("program", [read_rows, add_rows, store_rows])
def test_outside(program: Callable[..., Any], row: int) -> None:
    rows = ROWS.copy()
    rows[3] = row
    with pytest.raises(IndexError):
        program(MATRIX.copy(), rows, VALUES)
    with pytest.raises(IndexError):
        sc.jit(program, backend="numba")(MATRIX.copy(), rows, VALUES)


def test_one_loop() -> None:
    text = sc.jit(both, backend="numba").source(MATRIX, ROWS, VALUES)
    assert "np.add.at" not in text
    assert text.count("for i in") == 1


def test_what_only_the_library_uses_stays() -> None:
    def product(x: Any, k: Any, v: Any) -> Any:
        return np.linalg.svd(x[k[:3]])[1]

    assert "kernel" not in sc.jit(product, backend="numba").source(MATRIX, ROWS, VALUES)


def test_masks_stay() -> None:
    def masked(x: Any, k: Any) -> Any:
        return 2.0 * x[k]

    found = sc.jit(masked, backend="numba")(MATRIX, VECTOR > 0)
    np.testing.assert_array_equal(found, masked(MATRIX, VECTOR > 0))


def outer(x: Any, k: Any, m: Any) -> Any:
    return 2.0 * x[k[:, None], m]


def test_arrays_that_are_repeated() -> None:
    """Arrays of integers may belong to different axes of what they select."""
    found = sc.jit(outer, backend="numba")
    square = RNG.normal(size=(4, 4))
    for rows, columns in ((5, 3), (1, 3), (5, 1), (1, 1), (0, 3), (5, 0), (3, 3)):
        given = square, np.arange(rows) % 4, np.arange(columns)
        np.testing.assert_array_equal(found(*given), outer(*given))
    assert "np.empty" in found.source(square, ROWS, ROWS[:3])
    text = sc.jit(add_grid, backend="numba").source(MATRIX, ROWS, VALUES)
    assert "np.add.at" not in text


def test_arrays_that_may_be_repeated_stay() -> None:
    """Where only the run time knows which array is repeated, the library does it."""

    def pairs(x: Any, k: Any, m: Any) -> Any:
        return 2.0 * x[k, m]

    found = sc.jit(pairs, backend="numba")
    for rows, columns in ((5, 5), (5, 1), (1, 5)):
        given = RNG.normal(size=(5, 5)), np.arange(rows), np.arange(columns)
        np.testing.assert_array_equal(found(*given), pairs(*given))


def rows_times(begins: Any, columns: Any, values: Any, x: Any) -> Any:
    """A sparse matrix in rows, whose lengths only the run time knows, times a vector."""
    made = np.zeros(len(begins) - 1)
    for i in range(len(begins) - 1):
        part = columns[begins[i] : begins[i + 1]]
        made[i] = values[begins[i] : begins[i + 1]] @ x[part]
    return made


@pytest.mark.parametrize("kind", [np.int64, np.uint32])
def test_slices_of_indices(kind: type) -> None:
    begins = np.array([0, 2, 2, 3, 6]).astype(kind)
    columns = np.array([1, 0, 4, 2, 1, 1]).astype(kind)
    values, x = RNG.normal(size=6), RNG.normal(size=5)
    staged = sc.jit(rows_times, backend="numba")
    expected = rows_times(begins, columns, values, x)
    np.testing.assert_allclose(staged(begins, columns, values, x), expected)
    assert "loops in Python: none" in str(staged.explain(begins, columns, values, x))
    slope = sc.grad(lambda x: rows_times(begins, columns, values, x).sum(), backend="numba")
    matrix = np.zeros((4, 5))
    rows = np.repeat(np.arange(4), np.diff(begins.astype(int)))
    np.add.at(matrix, (rows, columns.astype(int)), values)
    np.testing.assert_allclose(slope(x), matrix.sum(axis=0))
    columns[2] = 5
    with pytest.raises(IndexError):
        staged(begins, columns, values, x)


def sparse(rows: Any, columns: Any, values: Any, x: Any) -> Any:
    total = 0.0
    for i in range(len(rows) - 1):
        chosen = columns[rows[i] : rows[i + 1]]
        total += np.sin(values[rows[i] : rows[i + 1]] @ x[chosen])
    return total


def test_slices_that_are_equally_long_are_added_in_loops() -> None:
    rng = np.random.default_rng(3)
    rows = np.array([0, 1, 1, 4, 6, 9])
    columns, values = rng.integers(0, 7, 9), rng.standard_normal(9)
    given = rows, columns, values, rng.standard_normal(7)
    slope = sc.grad(sparse, (2, 3), backend="numba")
    for found, expected in zip(slope(*given), sc.grad(sparse, (2, 3))(*given), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-13)
    assert "np.add.at" not in slope.source(*given)
    with pytest.raises(IndexError):
        slope(rows, columns + 1, *given[2:])
    with pytest.raises(ValueError, match="mismatch"):
        slope(rows, columns, values[:-1], given[3])
