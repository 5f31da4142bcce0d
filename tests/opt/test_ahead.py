"""Products of a row that is there before the loop are one product of all rows."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import stagec

pytest.importorskip("numba", reason="the Numba target needs Numba")


def of_rows(w: Any, u: Any, xs: Any) -> Any:
    h, total = np.zeros((xs.shape[1], len(u)), dtype=xs.dtype), 0.0
    for t in range(len(xs)):
        h = np.tanh(xs[t] @ w + h @ u)
        total += np.sum(h * h)
    return total


def of_columns(w: Any, u: Any, xs: Any) -> Any:
    """Time is the second axis."""
    h, total = np.zeros((len(xs), len(u)), dtype=xs.dtype), 0.0
    for t in range(xs.shape[1]):
        h = np.tanh(xs[:, t] @ w + h @ u)
        total += np.sum(h * h)
    return total


def of_vectors(w: Any, u: Any, xs: Any) -> Any:
    h, total = np.zeros(len(u), dtype=xs.dtype), 0.0
    for x in xs:
        h = np.tanh(w.T @ x + u @ h)
        total += np.sum(h * h)
    return total


def joined(w: Any, u: Any, xs: Any) -> Any:
    h, total = np.zeros((xs.shape[1], u.shape[1]), dtype=xs.dtype), 0.0
    for t in range(len(xs)):
        h = np.tanh(np.concatenate((xs[t], h), axis=1) @ u + w[0])
        total += np.sum(h * h)
    return total


def joined_vectors(w: Any, u: Any, xs: Any) -> Any:
    """The weights are on the left, the input is behind, and there are three parts."""
    h, g, total = np.zeros(len(u), dtype=xs.dtype), w[0], 0.0
    for x in xs:
        h, g = np.tanh(u @ np.concatenate((h, g, x))), h
        total += np.sum(h * h)
    return total


def numbers(seed: int, *shape: int, kind: Any = np.float64) -> Any:
    return (0.15 * np.random.default_rng(seed).standard_normal(shape)).astype(kind)


SHAPES = {
    of_rows: ((16, 20), (20, 20), (120, 3, 16)),
    of_columns: ((16, 20), (20, 20), (3, 120, 16)),
    of_vectors: ((16, 20), (20, 20), (120, 16)),
    joined: ((16, 20), (36, 20), (120, 3, 16)),
    joined_vectors: ((16, 20), (20, 56), (120, 16)),
}
PROGRAMS = list(SHAPES)


def given(program: Any, kind: Any = np.float64) -> list[Any]:
    return [numbers(k, *shape, kind=kind) for k, shape in enumerate(SHAPES[program])]


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("program", PROGRAMS)
def test_values_and_gradients(program: Any, kind: Any) -> None:
    fast, slow = (
        stagec.value_and_grad(program, argnums=(0, 1, 2), backend=b) for b in ("numba", "numpy")
    )
    args = given(program, kind)
    tolerance = 1e-11 if kind is np.float64 else 3e-4
    along = 1 if program is of_columns else 0
    for steps in (120, 7, 1, 0):
        args[2] = np.take(args[2], range(steps), axis=along)
        (value, bars), (wanted, others) = fast(*args), slow(*args)
        np.testing.assert_allclose(value, wanted, rtol=tolerance)
        np.testing.assert_allclose(value, program(*args), rtol=tolerance)
        for a, b in zip(bars, others, strict=True):
            assert a.dtype == b.dtype == kind
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("program", PROGRAMS)
def test_one_product_of_all_rows(program: Any) -> None:
    fast, args = stagec.jit(program, backend="numba"), given(program)
    assert fast.source(*args).count(" @ ") == 1
    np.testing.assert_allclose(fast(*args), program(*args), rtol=1e-11)
    args[2] = args[2][::-1, ...][..., ::-1]
    np.testing.assert_allclose(fast(*args), program(*args), rtol=1e-11)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("program", [joined, joined_vectors])
def test_lengths_that_do_not_agree(program: Any, backend: str) -> None:
    """They are an error of the first trip: without one, there is none."""
    fast, (w, u, xs) = stagec.grad(program, 1, backend=backend), given(program)
    fast(w, u, xs)
    for wrong in (-1, 1, -24, 16):
        shape = list(u.shape)
        shape[0 if program is joined else 1] += wrong
        other = numbers(5, *shape)
        with pytest.raises(ValueError, match=r"mismatch|agree|incompatible"):
            fast(w, other, xs)
        np.testing.assert_array_equal(fast(w, other, xs[:0]), np.zeros_like(other))


def ending(w: Any, xs: Any) -> Any:
    """A loop that may end early."""
    total = 0.0
    for x in xs:
        total += np.sum(np.tanh(x @ w))
        if total > 3.0:
            break
    return total


def changing(w: Any, xs: Any) -> Any:
    """Weights that a trip changes."""
    for x in xs:
        w = np.tanh(w + np.outer(x @ w, w[0]))
    return w


def filled(w: Any, xs: Any) -> Any:
    """Rows that the loop itself makes."""
    ys = xs.copy()
    for t in range(len(ys)):
        ys[t] = np.tanh(ys[t] @ w)
        ys[-1] += ys[t]
    return ys


@pytest.mark.parametrize("program", [ending, changing, filled])
def test_what_stays(program: Any) -> None:
    fast = stagec.jit(program, backend="numba")
    w, xs = numbers(1, 16, 16), numbers(2, 200, 16)
    assert not re.search(r"xs(\.\w+\(.*\))? @ w", fast.source(w, xs))
    np.testing.assert_allclose(fast(w, xs), program(w, xs), rtol=1e-11)


def test_few_trips_stay() -> None:
    fast = stagec.jit(of_vectors, backend="numba")
    w, u, xs = given(of_vectors)
    assert " @ " not in fast.source(w, u, xs[:4])
    np.testing.assert_allclose(fast(w, u, xs), of_vectors(w, u, xs), rtol=1e-11)
