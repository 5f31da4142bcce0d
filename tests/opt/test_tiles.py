"""Long axes that are gone through in parts, and those that are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec

pytest.importorskip("numba", reason="the Numba target needs Numba")

RNG = np.random.default_rng(3)
LONG = 2100  # two parts of 512, one of 1024, and less
X, W = RNG.normal(size=(LONG, 6)), 0.3 * RNG.normal(size=(6, 6))


def mixture(x: Any, w: Any, centres: Any) -> Any:
    beta = np.empty((len(x), len(centres)))
    for c in range(len(centres)):
        z = (x - centres[c]) @ w
        beta[:, c] = -0.5 * np.sum(z**2, axis=1)
    largest = np.max(beta, axis=1, keepdims=True)
    return np.sum(largest[:, 0] + np.log(np.sum(np.exp(beta - largest), axis=1)))


def handed_on(x: Any, w: Any, centres: Any) -> Any:
    """The loop carries an array along the axis that each trip makes anew."""
    h = x
    for c in range(len(centres)):
        h = np.tanh(h @ w) * 0.5 + x * centres[c]
    return np.sum(h**2)


def nearest(x: Any, w: Any, centres: Any) -> Any:
    """Two groups a trip: between them is a sum over the axis."""
    c = centres
    for _ in range(3):
        gaps = np.sum(x**2, axis=1)[:, None] - 2 * x @ c.T + np.sum(c**2, axis=1)
        near = np.exp(np.min(gaps, axis=1)[:, None] - gaps)
        near = near / np.sum(near, axis=1)[:, None]
        c = (near.T @ x) / np.sum(near, axis=0)[:, None]
    return np.sum((c @ w) ** 2)


def in_place(x: Any, w: Any, centres: Any) -> Any:
    a = x.copy()
    for c in range(len(centres)):
        a[:, 0] = np.sum((a @ w) ** 2, axis=1) * 0.01
        a[:, 1] += np.sin(a[:, 0]) * centres[c, 0]
    return np.sum(a * x)


def stored(x: Any, w: Any, centres: Any) -> Any:
    kept = np.zeros((len(centres), *x.shape))
    for c in range(len(centres)):
        kept[c] = np.sin(x @ w + centres[c]) * np.sin(x @ w - centres[c])
    return np.sum(kept**2)


def counted(x: Any, w: Any, centres: Any) -> Any:
    """Sums of booleans, of numbers, and of a matrix along the axis."""
    t = 0.0
    for c in range(len(centres)):
        z = (x - centres[c]) @ w
        t += np.sum(z > 0) * np.sum(z) + np.sum(np.sum(np.exp(z), axis=0) * centres[c])
    return t


IN_PARTS = [mixture, handed_on, nearest, in_place, stored, counted]


def centred(x: Any, w: Any, centres: Any) -> Any:
    """Each part would need the sum of all others."""
    t = 0.0
    for c in range(len(centres)):
        y = (x + centres[c]) @ w
        t += np.sum(np.sin(y - np.mean(y)))
    return t


def turned_around(x: Any, w: Any, centres: Any) -> Any:
    t = 0.0
    for c in range(len(centres)):
        t += np.sum(np.cos(((x + centres[c]) @ w)[::-1] * x))
    return t


def summed_up(x: Any, w: Any, centres: Any) -> Any:
    t = 0.0
    for c in range(len(centres)):
        t += np.sum(np.cos(np.cumsum((x + centres[c]) @ w, axis=0)))
    return t


NOT = [centred, turned_around, summed_up]


@pytest.mark.parametrize("program", [*IN_PARTS, *NOT])
def test_gradients(program: Callable[..., Any]) -> None:
    """Also where later calls have other lengths than the first one, which decides."""
    staged = stagec.value_and_grad(program, argnums=(0, 1, 2), backend="numba")
    reference = stagec.value_and_grad(program, argnums=(0, 1, 2), backend="numpy")
    for n in (LONG, 1024, 700, 5):
        args = X[:n], W, RNG.normal(size=(4, 6))
        value, found = staged(*args)
        plain, wanted = reference(*args)
        np.testing.assert_allclose(value, program(*args), rtol=1e-11)
        np.testing.assert_allclose(plain, value, rtol=1e-11)
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("program", IN_PARTS)
def test_long_axes_are_gone_through_in_parts(program: Callable[..., Any]) -> None:
    text = stagec.jit(program, backend="numba").source(X, W, W[:4])
    assert "for first in range(" in text
    assert "part = min(" in text


@pytest.mark.parametrize("program", NOT)
def test_what_needs_other_parts_is_done_whole(program: Callable[..., Any]) -> None:
    assert "for first in" not in stagec.jit(program, backend="numba").source(X, W, W[:4])


@pytest.mark.parametrize("shape", [(500, 6), (LONG, 40)])
def test_short_axes_and_wide_rows_stay(shape: tuple[int, int]) -> None:
    args = np.ones(shape), np.ones((shape[1], shape[1])), np.ones((4, shape[1]))
    assert "for first in" not in stagec.jit(mixture, backend="numba").source(*args)


def test_the_length_of_a_part_follows_the_width_of_rows() -> None:
    text = stagec.jit(mixture, backend="numba").source(X, W, W[:4])
    assert ", 512):" in text
    assert "part = min(512, " in text


def test_single_precision() -> None:
    args = [a.astype(np.float32) for a in (X, W, W[:4])]
    found = stagec.jit(counted, backend="numba")(*args)
    np.testing.assert_allclose(found, counted(*args), rtol=1e-4)


def test_an_array_as_it_was_between_two_writes() -> None:
    def program(x: Any, w: Any, centres: Any) -> Any:
        a, t = x.copy(), 0.0
        for c in range(len(centres)):
            z = np.exp(np.sin(a @ w))
            a[:, 0] = np.sum(z, axis=1)
            before = a.copy()
            a[:, 1] = np.sum(z**2, axis=1)
            t += np.sum(before[::-1] * a * centres[c])
        return t

    args = X, W, W[:4]
    np.testing.assert_allclose(stagec.jit(program, backend="numba")(*args), program(*args))


def test_rows_are_not_copied_for_a_product() -> None:
    """They lie in one piece, if the matrix does."""
    staged = stagec.jit(handed_on, backend="numba")
    assert "[first:stop]\n" in staged.source(X, W, W[:4])
    for x in (X, np.asfortranarray(X), np.repeat(X, 2, axis=0)[::2], X[::-1]):
        np.testing.assert_allclose(staged(x, W, W[:4]), handed_on(x, W, W[:4]))
