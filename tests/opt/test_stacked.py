"""Products that a loop adds up are one product of all rows."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import stagec

pytest.importorskip("numba", reason="the Numba target needs Numba")


def recurrent(w: Any, u: Any, xs: Any) -> Any:
    h = np.zeros((xs.shape[1], w.shape[1]), dtype=xs.dtype)
    total = 0.0
    for t in range(len(xs)):
        h = np.tanh(xs[t] @ w + h @ u)
        total += np.sum(h * h)
    return total


def one_by_one(w: Any, xs: Any) -> Any:
    total = 0.0
    for t in range(len(xs)):
        total += np.sum(np.tanh(w @ xs[t]))
    return total


def scatter(xs: Any, ys: Any) -> Any:
    """A sum of products that the program itself makes, of rows that are there."""
    total = np.zeros((xs.shape[1], ys.shape[1]))
    for k in range(len(xs)):
        total -= np.outer(xs[k], ys[k])
    return total


def of_states(xs: Any, steps: int) -> Any:
    """Nothing in the loop is as large as what would be kept."""
    total, x = np.zeros((len(xs), len(xs))), xs
    for _ in range(steps):
        x = np.cos(x)
        total += np.outer(x, np.sin(x))
    return total


def told(xs: Any, ys: Any) -> Any:
    total = np.zeros((xs.shape[1], ys.shape[1]))
    for k in range(len(xs)):
        print(k)  # noqa: T201
        total += np.outer(xs[k], ys[k])
    return total


def watched(xs: Any, ys: Any) -> Any:
    """The sum is read on the way."""
    total, largest = np.zeros((xs.shape[1], ys.shape[1])), 0.0
    for k in range(len(xs)):
        total += np.outer(xs[k], ys[k])
        largest = max(largest, total[0, 0])
    return total, largest


def numbers(seed: int, *shape: int, kind: Any = np.float64) -> Any:
    return (0.3 * np.random.default_rng(seed).standard_normal(shape)).astype(kind)


def innermost(text: str) -> str:
    """What the loops of the kernels do."""
    return "\n".join(line for line in text.splitlines() if re.match(r"        ", line))


def series(steps: int, rows: int, kind: Any = np.float64) -> tuple[Any, ...]:
    return (numbers(1, 12, 16, kind=kind), numbers(2, 16, 16, kind=kind),
            numbers(3, steps, rows, 12, kind=kind))  # fmt: skip


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_gradients_of_weights(kind: Any) -> None:
    fast = stagec.grad(recurrent, argnums=(0, 1, 2), backend="numba")
    slow = stagec.grad(recurrent, argnums=(0, 1, 2))
    text = fast.source(*series(100, 3, kind))
    assert text.count(".reshape(") == 3
    assert not re.search(r"dot\(\w+(\[.*\])?\.T, \w+_bar", innermost(text))
    tolerance = 1e-12 if kind is np.float64 else 2e-4
    for steps, rows in [(100, 3), (1, 3), (0, 3), (30, 1), (7, 0)]:
        given = series(steps, rows, kind)
        for a, b in zip(fast(*given), slow(*given), strict=True):
            assert a.dtype == b.dtype == kind
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def test_rows_of_the_program() -> None:
    fast, slow = (stagec.grad(one_by_one, backend=b) for b in ("numba", "numpy"))
    w, xs = numbers(1, 20, 30), numbers(2, 100, 30)
    np.testing.assert_allclose(fast(w, xs), slow(w, xs), rtol=1e-12)
    assert "xs.T @" in fast.source(w, xs)
    np.testing.assert_array_equal(fast(w, xs[:0]), np.zeros_like(w))


def test_sums_that_the_program_makes() -> None:
    fast = stagec.jit(scatter, backend="numba")
    xs, ys = numbers(1, 100, 20), numbers(2, 100, 30)
    assert "xs.T @ ys" in fast.source(xs, ys)
    for count in (100, 1, 0):
        np.testing.assert_allclose(
            fast(xs[:count], ys[:count]),
            scatter(xs[:count], ys[:count]),
            rtol=1e-12,
            atol=1e-14,
        )
    strided = numbers(3, 100, 40)[:, ::2], numbers(4, 200, 30)[::2]
    np.testing.assert_allclose(fast(*strided), scatter(*strided), rtol=1e-12, atol=1e-14)
    with pytest.raises(IndexError):
        fast(xs, ys[:50])


def stored(xs: Any, ys: Any) -> Any:
    """The loop stores one of the factors as rows."""
    rows, total = np.zeros(xs.shape), np.zeros((xs.shape[1], ys.shape[1]))
    for k in range(len(xs)):
        row = np.cos(xs[k])
        rows[k] = row
        total += np.outer(row, ys[k])
    return total, rows


def stored_twice(xs: Any, ys: Any) -> Any:
    """What is stored is changed before the loop is over."""
    rows, total = np.zeros(xs.shape), np.zeros((xs.shape[1], ys.shape[1]))
    for k in range(len(xs)):
        row = np.cos(xs[k])
        rows[k] = row
        rows[len(xs) // 2] += 1.0
        total += np.outer(row, ys[k])
    return total, rows


@pytest.mark.parametrize("program", [stored, stored_twice])
def test_rows_that_the_loop_stores(program: Any) -> None:
    fast = stagec.jit(program, backend="numba")
    xs, ys = numbers(1, 100, 20), numbers(2, 100, 30)
    assert ("rows.T @ ys" in fast.source(xs, ys)) == (program is stored)
    for count in (100, 1, 0):
        found, wanted = fast(xs[:count], ys[:count]), program(xs[:count], ys[:count])
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


def squares(xs: Any) -> Any:
    """Both factors are the same rows, one of them turned."""
    total = np.zeros(xs.shape[1:])
    for k in range(len(xs)):
        total += xs[k] @ xs[k]
    return total


def test_a_matrix_times_itself() -> None:
    fast, xs = stagec.jit(squares, backend="numba"), numbers(1, 100, 9, 9)
    assert "xs.reshape(" in fast.source(xs)
    np.testing.assert_allclose(fast(xs), squares(xs), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("program", [told, watched])
def test_sums_that_stay(program: Any, capsys: pytest.CaptureFixture[str]) -> None:
    fast = stagec.jit(program, backend="numba")
    given = numbers(1, 100, 20), numbers(2, 100, 30)
    assert "xs.T @ ys" not in fast.source(*given)
    found, said = fast(*given), capsys.readouterr().out
    wanted = program(*given)
    assert capsys.readouterr().out == said
    for a, b in zip(
        *(v if isinstance(v, tuple) else (v,) for v in (found, wanted)), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_nothing_is_kept_that_is_larger_than_what_is_there() -> None:
    fast, xs = stagec.jit(of_states, backend="numba"), numbers(1, 40)
    assert " @ " not in fast.source(xs, 100)
    np.testing.assert_allclose(fast(xs, 100), of_states(xs, 100), rtol=1e-12)


def agreeing(w: Any, xs: Any) -> Any:
    """`w` has as many rows as `xs` twice, which only a trip finds out."""
    total = 0.0
    for t in range(len(xs)):
        total += np.sum(np.tanh(np.concatenate((xs[t], xs[t]), axis=1) @ w))
    return total


def test_without_trips_nothing_has_to_agree() -> None:
    fast = stagec.grad(agreeing, backend="numba")
    w, xs = numbers(1, 24, 16), numbers(2, 100, 3, 12)
    np.testing.assert_allclose(fast(w, xs), stagec.grad(agreeing)(w, xs), rtol=1e-11)
    np.testing.assert_array_equal(fast(w[:5], xs[:0]), np.zeros((5, 16)))
    with pytest.raises(ValueError, match="agree"):
        fast(w[:5], xs)
