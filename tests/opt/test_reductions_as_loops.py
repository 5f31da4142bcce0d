"""Reductions, products and slices in kernels, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import stagec as sc

pytest.importorskip("numba", reason="the Numba target needs Numba")

RNG = np.random.default_rng(5)
X = RNG.normal(size=(4, 5))
CUBE = RNG.normal(size=(3, 4, 5))
S = RNG.normal(size=(5, 5)) + 5 * np.eye(5)
V = RNG.normal(size=5)
N = RNG.integers(-9, 9, (4, 5))


def twice(x: Any) -> Any:
    """Something elementwise, so that there is a group to be part of."""
    return x * 2 + x


REDUCTIONS: list[tuple[Any, dict[str, Any]]] = [
    (function, {"axis": axis, "keepdims": keepdims})
    for function in (np.sum, np.mean, np.max, np.min, np.prod, np.var, np.std)
    for axis in (None, 0, 1, -1, (0, 1))
    for keepdims in (False, True)
]


@pytest.mark.parametrize("case", REDUCTIONS, ids=lambda c: f"{c[0].__name__}-{c[1]}")
def test_matrix_is_reduced_in_one_nest(case: Any) -> None:
    function, options = case

    def program(x: Any, n: Any) -> Any:
        y = function(x, **options)
        for _ in range(n):
            y = function(twice(x), **options)
            x = x + 0.1 * np.sum(y)
        return x, y

    got = sc.jit(program, backend="numba")(X, 2)
    for a, b in zip(got, program(X, 2), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
        assert np.shape(a) == np.shape(b)


@pytest.mark.parametrize("axis", [0, 1, 2, (0, 1), (0, 2), (1, 2), (0, 1, 2)])
@pytest.mark.parametrize("function", [np.sum, np.mean, np.max])
def test_axes_of_a_cube(function: Any, axis: Any) -> None:
    def program(x: Any) -> Any:
        return function(twice(x), axis=axis), function(twice(x), axis=axis, keepdims=True)

    for a, b in zip(sc.jit(program, backend="numba")(CUBE), program(CUBE), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13)
        assert np.shape(a) == np.shape(b)


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.complex128, np.int32])
def test_element_types_are_those_of_numpy(dtype: Any) -> None:
    def program(x: Any) -> Any:
        y = x + x
        return np.sum(y, axis=0), np.mean(y), np.sum(y), np.prod(x[0])

    x = N.astype(dtype)
    for a, b in zip(sc.jit(program, backend="numba")(x), program(x), strict=True):
        assert np.result_type(a) == np.result_type(b)
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_nan_wins_and_infinities_count() -> None:
    def program(x: Any) -> Any:
        y = x + x
        return np.max(y), np.min(y, axis=1), np.sum(y, axis=0)

    x = np.array([[1.0, np.nan, 2.0], [np.inf, -np.inf, 3.0]])
    with np.errstate(invalid="ignore"):
        for a, b in zip(sc.jit(program, backend="numba")(x), program(x), strict=True):
            np.testing.assert_array_equal(a, b)


def test_maximum_of_nothing_is_refused() -> None:
    def program(x: Any, n: int) -> Any:
        total = 0.0
        for k in range(n):
            total = total + np.max(x[:k] * 2.0)
        return total

    with pytest.raises(ValueError, match="zero-size array"):
        sc.jit(program, backend="numba")(V, 3)


def triangular_solve(L: Any, b: Any) -> Any:
    x = np.zeros_like(b)
    for i in range(b.shape[0]):
        x[i] = (b[i] - L[i, :i] @ x[:i]) / L[i, i]
    return x


def from_the_end(L: Any, b: Any) -> Any:
    x = np.zeros_like(b)
    n = b.shape[0]
    for i in range(n - 1, -1, -1):
        x[i] = (b[i] - np.dot(L[i, i + 1 :], x[i + 1 :])) / L[i, i]
    return x


def cholesky(A: Any) -> Any:
    A = A @ A.T
    for j in range(A.shape[0]):
        A[j, j] = np.sqrt(A[j, j] - np.dot(A[j, :j], A[j, :j]))
        for i in range(j + 1, A.shape[0]):
            A[i, j] = (A[i, j] - A[i, :j] @ A[j, :j]) / A[j, j]
    return np.tril(A)


def power_iteration(A: Any, x: Any) -> Any:
    for _ in range(4):
        x = A @ x
        x = x / np.linalg.norm(x)
        x = x + 0.1 * (x @ A)
    return x


def outer_updates(A: Any, x: Any) -> Any:
    A = A.copy()
    for k in range(3):
        A[k:, k:] += np.outer(x[k:], x[k:]) * 0.1
        A = A - np.tensordot(x, x, 0) * 0.01
    return A


def windows(x: Any, n: int) -> Any:
    total = 0.0
    for k in range(n):
        total = total + np.sum(x[k : k + 2] * x[:2]) + np.mean(x[k:])
    return total


def clipped(x: Any, k: int) -> Any:
    total = 0.0
    for j in range(3):
        total = total + np.sum(x[j : k + j] * 2.0) + np.sum(x[k:] * x[k:])
    return total


PROGRAMS: list[tuple[Any, tuple[Any, ...]]] = [
    (triangular_solve, (S, V)),
    (from_the_end, (S, V)),
    (cholesky, (S,)),
    (power_iteration, (S, V)),
    (outer_updates, (S, V)),
    (windows, (V, 3)),
    (clipped, (V, 9)),
    (clipped, (V, -2)),
]


@pytest.mark.parametrize("case", PROGRAMS, ids=lambda c: c[0].__name__)
def test_products_and_slices_in_compiled_loops(case: Any) -> None:
    program, args = case
    compiled = sc.jit(program, backend="numba")
    np.testing.assert_allclose(compiled(*args), program(*args), rtol=1e-12)

    def loss(*args: Any) -> Any:
        return np.sum(program(*args) ** 2)

    got = sc.grad(loss, backend="numba")(*args)
    np.testing.assert_allclose(got, sc.grad(loss)(*args), rtol=1e-10)


def test_loops_are_whole_kernels() -> None:
    for program, args in PROGRAMS[:3]:
        text = sc.jit(program, backend="numba").source(*args)
        assert " @ x" not in text
        assert "np.dot" not in text
        assert "boundscheck" not in text


def test_columns_are_summed_along_rows_of_memory() -> None:
    def program(x: Any) -> Any:
        return np.sum(x * x, axis=0)

    text = sc.jit(program, backend="numba").source(X)
    assert text.index("for i in") < text.index("for j in")
    assert "[i, j]" in text


def test_sizes_that_agree_by_chance_are_guarded() -> None:
    compiled = sc.jit(power_iteration, backend="numba")
    compiled(S, V)

    def program(x: Any) -> Any:
        return x @ np.linalg.svd(x)[0]

    square = sc.jit(program, backend="numba")
    np.testing.assert_allclose(square(S), program(S), rtol=1e-12)
    with pytest.raises(ValueError, match="matmul"):
        square(X)


def test_pullback_has_sizes_of_its_own() -> None:
    def program(x: Any) -> Any:
        repeated = np.repeat(x, [1, 2, 1, 0, 4])
        return np.sum(np.roll(x, 2) * x) + np.sum(np.tile(x, 2) ** 3) + np.sum(repeated**2)

    _, pull = sc.vjp(sc.jit(program, backend="numba"), V)
    np.testing.assert_allclose(pull(1.0)[0], sc.grad(program)(V), rtol=1e-12)


def wide_stencil(a: Any, b: Any) -> Any:
    a, b = a.copy(), b.copy()
    for _ in range(2):
        a[3:-3] = 0.25 * (b[:-6] + b[6:] + b[3:-3])
        b[3:-3] = 0.25 * (a[:-6] + a[6:] + a[3:-3])
    return np.sum(a * a) + np.sum(b)


@pytest.mark.parametrize("n", [9, 4, 3])
def test_what_is_kept_for_later_additions_may_be_nothing(n: int) -> None:
    gradient = sc.grad(wide_stencil, argnums=(0, 1), backend="numba")
    x = np.arange(n) + 1.0
    assert "padded" in gradient.source(x, 2 * x)
    found = sc.grad(wide_stencil, argnums=(0, 1))(x, 2 * x)
    for got, want in zip(gradient(x, 2 * x), found, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12)


def mirrored_head(x: Any, n: int) -> Any:
    return 2 * x[:n][::-1] + np.sin(x[1 : n + 1])


def mirrored_part(x: Any, n: int) -> Any:
    return 2 * x[1:-1][::-1] + x[:-2][::-1] * n


def mirrored_twice(x: Any, n: int) -> Any:
    return 2 * x[::-1][1:][::-1] + n


def last_row_of_head(x: Any, n: int) -> Any:
    return np.sin(x[:n, 1:][-1]) + x[1 : n + 1, 1:][-2]


def last_column_of_head(x: Any, n: int) -> Any:
    return np.sin(x[:, :n].T[-1]) + 1


def mirrored_update(x: Any, n: int) -> Any:
    x = x.copy()
    x[:n] += 0.5 * np.flip(x[:n])
    return x


def row_outside_the_head(x: Any, n: int) -> Any:
    return np.sin(x[:n][3]) + 1


@pytest.mark.parametrize(
    "program",
    [mirrored_head, mirrored_part, mirrored_twice, last_row_of_head, last_column_of_head,
     mirrored_update],
    ids=lambda p: p.__name__,
)  # fmt: skip
def test_places_counted_from_the_end_of_a_part(program: Any) -> None:
    x = S if "of_head" in program.__name__ else V
    for n in (2, 3):
        got = sc.jit(program, backend="numba")(x, n)
        np.testing.assert_allclose(got, program(x, n), rtol=1e-14)


def test_index_is_checked_against_the_part() -> None:
    with pytest.raises(IndexError):
        sc.jit(row_outside_the_head, backend="numba")(S, 2)


@pytest.mark.parametrize("n", [1, 2])
def test_slice_of_length_one_between_staged_bounds(n: int) -> None:
    def filtered(x: Any, w: Any) -> Any:
        n = w.shape[0]
        y = np.empty((x.shape[0], x.shape[1] - n + 1, w.shape[2]))
        for i in range(x.shape[1] - n + 1):
            y[:, i] = np.sum(x[:, i : i + n, :, np.newaxis] * w[np.newaxis], axis=(1, 2))
        return y

    x, w = CUBE, RNG.normal(size=(n, 5, 2))
    got = sc.jit(filtered, backend="numba")(x, w)
    np.testing.assert_allclose(got, filtered(x, w), rtol=1e-13)


def flags(x: Any, n: Any) -> Any:
    rows, columns = np.zeros(len(x), bool), np.zeros((len(x), x.shape[2]), bool)
    count = np.int64(0)
    for i in range(len(x)):
        if not np.any(x[i] > 0.5):
            continue
        rows[i] = np.all(x[i, :n]) and not np.all(x[i, 1:n])
        columns[i] = np.any(x[i], axis=0) & np.all(x[i] < 1, axis=0, keepdims=True)[0]
        count += np.count_nonzero(x[i]) + np.count_nonzero(x[i] > 0, axis=1)[0]
    return rows, columns, count


@pytest.mark.parametrize("dtype", [bool, np.int32, int, np.float32, float, complex])
def test_flags_and_counts_in_loops_are_loops(dtype: Any) -> None:
    x = np.trunc(RNG.normal(size=(9, 4, 3)) * 1.5).astype(dtype)
    if dtype is float:
        x[3, 1, 0] = np.nan  # is not zero
    x = np.abs(x) if dtype is complex else x
    staged = sc.jit(flags, backend="numba")
    for n in (3, 1, 0):
        assert repr(staged(x, n)) == repr(flags(x, n))
    text = staged.source(x, 3)
    assert not any(f"np.{name}" in text for name in ("any", "all", "count_nonzero"))
