"""Loops that hand parts of a long axis to what is around them, inside of a loop over parts."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec

pytest.importorskip("numba", reason="the Numba target needs Numba")

from stagec_runtime import threads

RNG = np.random.default_rng(4)
LONG = 2100
X, W, CENTRES = (
    RNG.normal(size=(LONG, 6)),
    0.3 * RNG.normal(size=(6, 6)),
    RNG.normal(size=(4, 6)),
)


def shares(x: Any, w: Any, centres: Any) -> Any:
    """Two loops, with a normalisation between them; sums over the axis in the second."""
    beta = np.empty((len(x), len(centres)))
    for c in range(len(centres)):
        beta[:, c] = -0.5 * np.sum(((x - centres[c]) @ w) ** 2, axis=1)
    beta = np.exp(beta - np.max(beta, axis=1, keepdims=True))
    beta = beta / np.sum(beta, axis=1)[:, None]
    means = np.empty_like(centres)
    for c in range(len(centres)):
        means[c] = np.sum(beta[:, c : c + 1] * (x @ w), axis=0) / np.sum(beta[:, c])
    return np.sum(means**2)


def steps(x: Any, w: Any, centres: Any) -> Any:
    """What is carried begins as an array from outside."""
    h = x
    for c in range(len(centres)):
        h = np.tanh(h @ w) * 0.5 + x * centres[c]
    return np.sum(h**2)


def in_place(x: Any, w: Any, centres: Any) -> Any:
    a = np.sin(x)
    for c in range(len(centres)):
        a[:, 0] = np.sum((a @ w) ** 2, axis=1) * 0.01
        a[:, 1] += np.sin(a[:, 0]) * centres[c, 0]
    return np.sum(a * x)


def chained(x: Any, w: Any, centres: Any) -> Any:
    """What needs the sums is carried from trip to trip, and made of what is not."""
    y, t = np.cos(x), 1.0
    kept = np.zeros(len(centres))
    for c in reversed(range(len(centres))):
        scale = np.exp(centres[c] * 0.1)
        z = (y * scale) @ w
        t = t * 0.5 + np.sum(z**2) / len(x) + np.sum(scale)
        kept[c] = t
        y = y + 0.1 * np.sin(z)
    return np.sum(kept) + np.sum(y)


def needed_whole(x: Any, w: Any, centres: Any) -> Any:
    """What parts make is needed behind them as a whole."""
    y = np.zeros((len(x), len(centres)))
    for c in range(len(centres)):
        y[:, c] = np.sum(np.sin((x - centres[c]) @ w), axis=1)
    y = y * 2
    return np.sum(np.cumsum(y, axis=0)[::7] * y[::7])


PROGRAMS = [shares, steps, in_place, chained, needed_whole]


@pytest.mark.parametrize("program", PROGRAMS)
def test_parts_are_around_the_loops(program: Callable[..., Any]) -> None:
    lines = stagec.jit(program, backend="numba").source(X, W, CENTRES).splitlines()
    (at,) = (k for k, line in enumerate(lines) if "for first in range(" in line)
    depth = len(lines[at]) - len(lines[at].lstrip())
    assert depth == 4  # no loop is around it
    loops = [k for k, line in enumerate(lines) if line.startswith(" " * 8 + "for c in")]
    assert loops
    assert min(loops) > at


@pytest.mark.parametrize("program", PROGRAMS)
def test_gradients(program: Callable[..., Any]) -> None:
    """Also where later calls have other lengths than the first one, which decides."""
    staged = stagec.value_and_grad(program, argnums=(0, 1, 2), backend="numba")
    reference = stagec.value_and_grad(program, argnums=(0, 1, 2), backend="numpy")
    for n in (LONG, 1024, 5):
        args = X[:n], W, CENTRES
        value, found = staged(*args)
        _, wanted = reference(*args)
        np.testing.assert_allclose(value, program(*args), rtol=1e-11)
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


def test_forward_and_backward_loops_share_the_parts() -> None:
    def likelihood(x: Any, w: Any, centres: Any) -> Any:
        beta = np.empty((len(x), len(centres)))
        for c in range(len(centres)):
            beta[:, c] = -0.5 * np.sum(((x - centres[c]) @ w) ** 2, axis=1)
        top = np.max(beta, axis=1, keepdims=True)
        return np.sum(top[:, 0] + np.log(np.sum(np.exp(beta - top), axis=1)))

    staged = stagec.value_and_grad(likelihood, argnums=(1, 2), backend="numba")
    text = staged.source(X, W, CENTRES)
    assert text.count("for first in") == 1
    for name in ("beta", "beta_bar"):
        assert re.search(rf"{name} = np.empty\(\(\w+, part\)\)", text)
    _, wanted = stagec.value_and_grad(likelihood, argnums=(1, 2))(X, W, CENTRES)
    for a, b in zip(staged(X, W, CENTRES)[1], wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9)


def test_what_is_handed_on_may_be_wider_than_what_is_multiplied() -> None:
    args = X, W, RNG.normal(size=(50, 6))
    text = stagec.jit(shares, backend="numba").source(*args)
    assert "\n    for first in range(" in text
    assert "part = min(128, " in text
    wide = X, W, RNG.normal(size=(600, 6))
    assert "\n    for first in" not in stagec.jit(shares, backend="numba").source(*wide)


def counting(x: Any, w: Any, v: Any) -> Any:
    y, sums = np.sin(x), 0.0
    for k in range(len(v) - 3):
        y = np.sin(y @ w + v[k])
        sums += np.sum(y) * k
    return sums + np.sum(y**2)


@pytest.mark.parametrize("length", [6, 4, 3, 1])
def test_loops_that_make_no_trip(length: int) -> None:
    x = np.repeat(X, 2, axis=0)
    staged = stagec.jit(counting, backend="numba")
    assert "\n    for first in" in staged.source(x, W, np.ones(6))
    np.testing.assert_allclose(staged(x, W, np.ones(6)), counting(x, W, np.ones(6)))
    v = np.ones(length)
    np.testing.assert_allclose(staged(x, W, v), counting(x, W, v))


def test_many_sums_are_not_kept() -> None:
    """An array of them for all trips would be large."""
    x, v = np.repeat(X, 2, axis=0), np.ones(100_000)
    text = stagec.jit(counting, backend="numba").source(x, W, v)
    (line,) = (s for s in text.splitlines() if "for first in" in s)
    assert line.startswith(" " * 8)


def test_errors_are_those_of_the_first_that_fails() -> None:
    """What parts need does not come before what was to fail first."""

    def program(x: Any, w: Any, n: int) -> Any:
        y = np.sin(x)
        total = np.sum(y)
        if total > -np.inf and n > 1:
            raise ValueError("too many")
        z = np.zeros((len(x), 6))
        for k in range(n):
            z = np.sin((y + z) @ w) + y[:, k // (n - n + 0 * n)][:, None]
        return np.sum(z)

    with pytest.raises(ValueError, match="too many"):
        stagec.jit(program, backend="numba")(X, W, 2)
    with pytest.raises(ZeroDivisionError):
        stagec.jit(program, backend="numba")(X, W, 1)


@pytest.mark.parametrize("program", PROGRAMS)
def test_single_precision(program: Callable[..., Any]) -> None:
    args = [a.astype(np.float32) for a in (X, W, CENTRES)]
    found = stagec.jit(program, backend="numba")(*args)
    np.testing.assert_allclose(found, program(*args), rtol=1e-3)


def likelihood(x: Any, w: Any, centres: Any) -> Any:
    """Nothing along the axis leaves the parts, of the derivative either."""
    beta = np.empty((len(x), len(centres)))
    for c in range(len(centres)):
        beta[:, c] = -0.5 * np.sum(((x - centres[c]) @ w) ** 2, axis=1)
    largest = np.max(beta, axis=1, keepdims=True)
    return np.sum(largest[:, 0] + np.log(np.sum(np.exp(beta - largest), axis=1)))


def test_parts_run_on_several_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    many = np.tile(X, (20, 1))
    gradient = stagec.value_and_grad(likelihood, argnums=2, backend="numba")
    assert "np.add" in gradient.source(many, W, CENTRES)
    found: list[Any] = []
    for count in (1, 3):
        monkeypatch.setattr(threads, "_pools", [threads.Pool(count)])
        found.append(gradient(many, W, CENTRES))
    (value, slopes), (other, others) = found
    assert value == other
    np.testing.assert_array_equal(slopes, others)
    expected = stagec.grad(likelihood, argnums=2)(many, W, CENTRES)
    np.testing.assert_allclose(slopes, expected, rtol=1e-9, atol=1e-12)


def test_what_only_others_fill_is_not_made_in_parts() -> None:
    """The adjoint of `beta` is there from the first loop on, and filled behind the parts."""
    text = stagec.value_and_grad(shares, argnums=2, backend="numba").source(X, W, CENTRES)
    assert "np.zeros((part" not in text
    assert "beta_bar = np.zeros(" in text
