"""Indices that are checked in front of an innermost loop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import stagec as sc

pytest.importorskip("numba", reason="the Numba target needs Numba")

X = np.random.default_rng(1).normal(size=12)


def first(x: Any, n: int) -> Any:
    total = 0.0
    for i in range(n):
        total += x[i] * x[i + 1]
    return total


def every_second(x: Any, n: int) -> Any:
    y = np.zeros(n)
    for i in range(n):
        y[i] = x[2 * i + 1]
    return y


def from_behind(x: Any, n: int) -> Any:
    """Indices that may count from the end."""
    total = 0.0
    for i in range(n):
        total += x[i - 2]
    return total


def down(x: Any, n: int) -> Any:
    total = 0.0
    for i in range(n):
        total += x[n - i]
    return total


def until_found(x: Any, n: int) -> Any:
    """The loop ends before its range does."""
    total = 0.0
    for i in range(n):
        total += x[i]
        if total > 100.0:
            break
    return total


def one_branch(x: Any, n: int) -> Any:
    """Not all of the range is read."""
    total = 0.0
    for i in range(n):
        if i < 5:
            total += x[i]
    return total


def selected(x: Any, n: int) -> Any:
    """An index that the array itself gives."""
    total = 0.0
    for i in range(n):
        total += x[i + int(np.sign(x[i]))]
    return total


def upwards(x: Any, n: int) -> Any:
    """A range that begins behind its end."""
    total = 0.0
    for i in range(20, n):
        total += x[i]
    return total


def refused(x: Any, n: int) -> Any:
    """What is read may be refused before an index is outside."""
    total = 0.0
    for i in range(n):
        total += 1.0 / float(x[i] - 2.0)
    return total


IN_FRONT = [first, every_second]
EVERY = [*IN_FRONT, from_behind, down, until_found, one_branch, selected, upwards, refused]


@pytest.mark.parametrize("program", EVERY)
def test_what_is_inside_is_computed(program: Any) -> None:
    staged = sc.jit(program, backend="numba")
    for n in (0, 1, 5):
        np.testing.assert_allclose(staged(X, n), program(X, n), rtol=1e-14)


@pytest.mark.parametrize("program", [first, every_second, from_behind, down, selected, upwards])
def test_what_is_outside_raises(program: Any) -> None:
    staged = sc.jit(program, backend="numba")
    with pytest.raises(IndexError):
        program(X, 30)
    with pytest.raises(IndexError):
        staged(X, 30)


def test_what_is_not_read_may_be_outside() -> None:
    for program, x in ((one_branch, X), (until_found, 100.0 + X)):
        staged = sc.jit(program, backend="numba")
        assert staged(x, 30) == pytest.approx(program(x, 30))
    assert sc.jit(from_behind, backend="numba")(X, 14) == pytest.approx(from_behind(X, 14))


def test_what_is_refused_before_is_told() -> None:
    x = X.copy()
    x[3] = 2.0
    with pytest.raises(ZeroDivisionError):
        refused(x, 30)
    with pytest.raises(ZeroDivisionError):
        sc.jit(refused, backend="numba")(x, 30)


@pytest.mark.parametrize("program", IN_FRONT)
def test_indices_that_count_up_are_checked_once(program: Any) -> None:
    text = sc.jit(program, backend="numba").source(X, 5)
    loop = text[text.index("    for i in") : text.index(f"def {program.__name__}(x, n)")]
    assert "kernels.inside" not in loop
    assert "    if 0 < n:\n        kernels.inside(" in text
    assert "threads." in text


def test_an_array_that_grows_shorter_is_checked_anew() -> None:
    def rows(x: Any, n: int) -> Any:
        total = 0.0
        for k in range(3):
            part = x[k:]
            for i in range(n):
                total += part[i] * part[0]
        return total

    staged = sc.jit(rows, backend="numba")
    assert staged(X, 10) == pytest.approx(rows(X, 10))
    with pytest.raises(IndexError):
        staged(X, 11)


def test_counters_of_the_loop_around_a_kernel_are_not_checked() -> None:
    """What the driver counts is inside of what the kernel is handed, as the driver knows."""

    def solved(zs: Any, a: Any) -> Any:
        total = 0.0
        for i in range(zs.shape[0]):
            y = np.linalg.solve(a, zs[i])
            total += y @ np.sin(zs[i])
        return total

    zs, a = np.arange(12.0).reshape(4, 3), np.eye(3) + 0.1
    staged = sc.grad(solved, backend="numba")
    np.testing.assert_allclose(staged(zs, a), sc.grad(solved)(zs, a))
    source = staged.source(zs, a)
    assert "[i, j]" in source
    assert "range(" not in source.replace(" in range(", "")
    assert "boundscheck" not in source


def test_what_two_places_hand_to_a_function_is_checked() -> None:
    """A kernel that is called for other numbers too knows nothing of them."""

    def row(zs: Any, a: Any, k: Any) -> Any:
        return 2.0 * np.linalg.solve(a, zs[k]) + zs[k]

    def both(zs: Any, a: Any, k: Any) -> Any:
        total = row(zs, a, k)
        for i in range(zs.shape[0]):
            total = total + row(zs, a, i)
        return total

    zs, a = np.arange(12.0).reshape(4, 3), np.eye(3) + 0.1
    staged = sc.jit(both, backend="numba")
    np.testing.assert_allclose(staged(zs, a, -1), both(zs, a, -1))
    with pytest.raises(IndexError):
        staged(zs, a, 4)


def test_a_row_that_an_array_of_one_row_lacks_is_refused() -> None:
    """Its only row was read: an axis of length 1 is not always broadcast."""

    def after(x: Any, w: Any) -> Any:
        out = np.zeros(len(x))
        for i in range(len(x)):
            out[i] = np.sum(x[i] * w[1])
        return out

    def counted(x: Any, w: Any) -> Any:
        total = 0.0
        for i in range(len(x)):
            total += x[i] @ w[i]
        return total

    x = np.arange(6.0).reshape(3, 2)
    for program in (after, counted):
        staged = sc.jit(program, backend="numba")
        np.testing.assert_allclose(staged(x, x), program(x, x))
        with pytest.raises(IndexError):
            staged(x, x[:1])


def test_a_row_before_the_first_is_refused() -> None:
    """Counted from the end, it is another row."""

    def before(x: Any, w: Any) -> Any:
        total = 0.0
        for i in range(len(x)):
            total += np.sum(x[i] * w[-3])
        return total

    x = np.arange(10.0).reshape(5, 2)
    staged = sc.jit(before, backend="numba")
    for n in (5, 4, 3):
        np.testing.assert_allclose(staged(x, x[:n].copy()), before(x, x[:n]))
    for n in (2, 1):
        with pytest.raises(IndexError):
            staged(x, x[:n].copy())
