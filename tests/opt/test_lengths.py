"""Equal lengths that only the run time knows are seen to be equal, and no others."""

from typing import Any

import numpy as np
import pytest

import stagec as sc


def halves(u: Any, v: Any) -> Any:
    return np.sum(u[: len(u) // 2] * v[: len(u) // 2])


def kept(u: Any, k: int) -> Any:
    head = u[:k]
    return np.sum(head * head)


def parts(u: Any, k: int) -> Any:
    # one of the two may be of length 1 and is repeated then
    return np.sum(u[:k] * u[k:])


def shrinking(u: Any, k: int) -> Any:
    total = 0.0
    while len(u) > k:
        shorter = u[: len(u) // 2]
        total = total + np.sum(shorter * shorter)
        u = shorter
    return total


@pytest.mark.parametrize("n", [2, 3, 7])
def test_gradients_of_halves(n: int) -> None:
    u, v = np.arange(1.0, n + 1), np.arange(2.0, n + 2)
    expected = np.where(np.arange(n) < n // 2, v, 0.0)
    np.testing.assert_array_equal(sc.grad(halves)(u, v), expected)


def test_no_ones_are_multiplied() -> None:
    text = sc.grad(kept).source(np.ones(5), 3)
    assert "np.full" not in text
    assert "unbroadcast" not in text


@pytest.mark.parametrize(("n", "k"), [(4, 2), (3, 1), (3, 2), (5, 1), (5, 4)])
def test_a_length_of_one_is_repeated(n: int, k: int) -> None:
    u = np.arange(1.0, n + 1)
    expected = np.zeros(n)
    for at in range(n):
        step = np.zeros(n)
        step[at] = 1.0
        expected[at] = (parts(u + step, k) - parts(u - step, k)) / 2
    np.testing.assert_allclose(sc.grad(parts)(u, k), expected, rtol=1e-13)


def test_a_length_that_changes_in_a_loop() -> None:
    u = np.arange(1.0, 12.0)
    expected = np.zeros(11)
    for n in (5, 2, 1):
        expected[:n] += 2 * u[:n]
    np.testing.assert_array_equal(sc.grad(shrinking)(u, 1), expected)


def rows(values: Any, columns: Any, ends: Any, x: Any) -> Any:
    y = np.zeros(len(ends) - 1)
    for i in range(len(y)):
        part = slice(ends[i], ends[i + 1])
        y[i] = np.sum(values[part] * x[columns[part]])
    return y


def test_rows_of_a_sparse_matrix_are_compiled() -> None:
    values, x = np.arange(1.0, 8.0), np.array([0.5, 2.0, -1.0])
    columns, ends = np.array([0, 2, 1, 0, 1, 2, 2]), np.array([0, 2, 2, 3, 7])
    staged = sc.jit(rows, backend="numba")
    given = values, columns, ends, x
    np.testing.assert_allclose(staged(*given), rows(*given), rtol=1e-15)
    assert "loops in Python: none" in str(staged.explain(*given))
    slope = sc.grad(sc.jit(lambda *args: np.sum(rows(*args) ** 2), backend="numba"))
    wanted = 2 * rows(*given).repeat(np.diff(ends)) * x[columns]
    np.testing.assert_allclose(slope(*given), wanted, rtol=1e-14)


def growing(u: Any, n: int) -> Any:
    row = u[:1]
    for _ in range(n):
        row = np.concatenate((row, row[:1] * 2))
    return row * u[: n + 1], row[:1] * u


def halved(u: Any, n: int) -> Any:
    row, other = u.copy(), u * 2
    for k in range(n):
        row = row + k
        row, other = other[: len(other) - k], row[: len(row) - k]
    return row * other, len(row)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("function", [growing, halved])
def test_lengths_that_trips_do_not_keep(function: Any, backend: str) -> None:
    u = np.linspace(0.5, 2.0, 5)
    for n in (0, 1, 2):
        found = sc.jit(function, backend=backend)(u, n)
        for got, wanted in zip(found, function(u, n), strict=True):
            np.testing.assert_array_equal(got, wanted)


def windows(x: Any, w: Any) -> Any:
    out = np.empty(len(x) - len(w) + 1)
    for i in range(len(out)):
        out[i] = np.dot(x[i : i + len(w)], w)
    return np.sum(out**2)


def test_an_array_is_as_long_as_what_it_was_made_with() -> None:
    made, slope = sc.jit(windows, backend="numba"), sc.grad(windows, (0, 1), backend="numba")
    w = np.array([0.5, 1.0, 0.25])
    for n in (2, 3, 9):
        x = np.sin(np.arange(n))
        assert made(x, w) == pytest.approx(windows(x, w), rel=1e-14)
        for found, exact in zip(slope(x, w), sc.grad(windows, (0, 1))(x, w), strict=True):
            np.testing.assert_allclose(found, exact, rtol=1e-13)
    with pytest.raises(ValueError, match="negative dimensions"):
        made(np.ones(1), w)
    text = slope.source(x, w)
    assert not any(name in text for name in ("min(", "inside", "agree", "if "))


def rows_of_every_other_length(x: Any, n: int) -> Any:
    total = 0.0
    for k in range(n):
        row = np.ones(len(x) - 2 * k)
        for i in range(len(row)):
            total = total + row[i] * np.sum(x[i : i + 2 * k])
    rest = np.zeros(len(x) - n)
    for i in range(len(rest)):
        total = total + np.sum(x[i : i + n + 1]) * np.sum(x[i : i + n])
    return total


def test_lengths_of_arrays_that_loops_make() -> None:
    made, slope = (f(rows_of_every_other_length, backend="numba") for f in (sc.jit, sc.grad))
    x = np.sin(np.arange(9))
    for n in (0, 1, 4, 5):
        assert made(x, n) == pytest.approx(rows_of_every_other_length(x, n), rel=1e-13)
        exact = sc.grad(rows_of_every_other_length)(x, n)
        np.testing.assert_allclose(slope(x, n), exact, rtol=1e-13)


def moved_down(x: Any, m: int) -> Any:
    out = np.zeros(len(x) - 1)
    for i in range(len(out)):
        out[:i] = out[:i] + x[m : m + i]
    return np.sum(out * np.arange(len(out)))


def test_the_length_of_an_array_of_which_shorter_ones_are_known() -> None:
    slope = sc.grad(moved_down, backend="numba")
    x = np.sin(np.arange(7))
    for m in (1, 0):
        np.testing.assert_allclose(slope(x, m), sc.grad(moved_down)(x, m), rtol=1e-13)
