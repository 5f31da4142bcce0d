"""Loops whose trips are done side by side: which are, and that they give what they gave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

pytest.importorskip("numba", reason="the Numba target needs Numba")

SIDE_BY_SIDE = "min(64, "
RNG = np.random.default_rng(7)
N = 300  # no multiple of what is done side by side
AT = RNG.integers(20, size=N)
TABLE = RNG.normal(size=(20, 3))
X = RNG.normal(size=(N, 3))


def turned(x: Any, at: Any, table: Any) -> Any:
    """Much is computed from a few numbers, two of them from a row that an index selects."""
    out = np.empty((len(x), 3))
    for i in range(len(x)):
        axis, u = np.empty(3), np.empty(3)
        for k in range(3):
            axis[k] = table[at[i], k] + 1.5
            u[k] = x[i, k]
        for _ in range(4):
            along = 0.0
            for k in range(3):
                along += axis[k] * u[k]
            w = np.empty(3)
            for k in range(3):
                w[k] = np.cos(along) * u[k] + axis[k] * np.sin(along) - 0.1 * u[2 - k]
            for k in range(3):
                u[k] = w[k] / (1.0 + along**2)
        for k in range(3):
            out[i, k] = u[k]
    return out


def rows(x: Any, at: Any, table: Any) -> Any:
    """Rows of whole arrays."""
    axis = table[at] + 1.5
    return step(axis, step(axis, x))


def step(axis: Any, u: Any) -> Any:
    along = np.sum(axis * u, axis=1)[:, None]
    u = np.cos(along) * u + np.cross(axis, u) * np.sin(along)
    return u / (1.0 + along**2) + axis / (2.0 + np.sum(u**2, axis=1))[:, None]


def mixed(x: Any, at: Any, table: Any) -> Any:
    """Few operations, but a few of them are exponentials."""
    out = np.empty(len(x))
    for i in range(len(x)):
        total = 0.0
        for k in range(3):
            total += np.exp(x[i, k]) * table[at[i], k] ** 2
        out[i] = np.log(total)
    return out


def backwards(x: Any, at: Any, table: Any) -> Any:
    value, pull = sc.vjp(lambda u: rows(u, at, table), x)
    return pull(np.cos(value))[0]


def staged(f: Callable[..., Any], *args: Any) -> tuple[Any, str]:
    compiled = sc.jit(f, backend="numba")
    return compiled(*args), compiled.source(*args)


@pytest.mark.parametrize("f", [turned, rows, mixed, backwards])
def test_side_by_side(f: Callable[..., Any]) -> None:
    value, text = staged(f, X, AT, TABLE)
    assert SIDE_BY_SIDE in text
    assert "kernels.whole" not in text  # places of lanes fit a machine word,
    assert "boundscheck" not in text  # and are inside
    expected = sc.jit(f)(X, AT, TABLE)
    np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-12)


def test_later_calls_may_be_of_any_length() -> None:
    f = sc.jit(rows, backend="numba")
    for n in (N, 1, 63, 64, 65, 0, 1000):
        x, at = RNG.normal(size=(n, 3)), RNG.integers(20, size=n)
        np.testing.assert_allclose(f(x, at, TABLE), rows(x, at, TABLE), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("wrong", [20, -21])
def test_indices_are_checked(wrong: int) -> None:
    f = sc.jit(turned, backend="numba")
    f(X, AT, TABLE)
    at = AT.copy()
    at[N - 2] = wrong
    with pytest.raises(IndexError):
        f(X, at, TABLE)
    at[N - 2] = -20
    np.testing.assert_allclose(f(X, at, TABLE), turned(X, at, TABLE), rtol=1e-9)


def test_few_trips_stay() -> None:
    assert SIDE_BY_SIDE not in staged(rows, X[:40], AT[:40], TABLE)[1]


# --- what stays --------------------------------------------------------------------------


def little(x: Any, at: Any, table: Any) -> Any:
    return np.sum(table[at] * x, axis=1)


def handed_on(x: Any, at: Any, table: Any) -> Any:
    """A trip needs what the trip before has made."""
    out = x.copy()
    for i in range(1, len(x)):
        for _ in range(8):
            for k in range(3):
                out[i, k] = 0.1 * np.sin(out[i, k] + out[i - 1, k]) + table[at[i], k]
    return out


def long_rows(x: Any, at: Any, table: Any) -> Any:
    """LLVM makes vectors of rows of sixteen."""
    y = np.repeat(x, 6, axis=1)[:, :16]
    for _ in range(3):
        y = np.cos(y - np.sum(y, axis=1)[:, None]) * y + np.sin(y)
    return y


def long_trips(x: Any, at: Any, table: Any) -> Any:
    """LLVM does not write out a loop that computes so much."""
    out = np.zeros(len(x))
    for i in range(len(x)):
        for k in range(3):
            out[i] += np.arctan2(x[i, k], 2.0) * np.sinh(x[i, k])
    return out


@pytest.mark.parametrize("f", [little, handed_on, long_rows, long_trips])
def test_stays(f: Callable[..., Any]) -> None:
    value, text = staged(f, X, AT, TABLE)
    assert SIDE_BY_SIDE not in text
    np.testing.assert_allclose(value, f(X, AT, TABLE), rtol=1e-9)


def in_place(x: Any, at: Any, table: Any) -> Any:
    """What was done before an index was outside stays done."""
    for i in range(len(x)):
        u = np.empty(3)
        for k in range(3):
            u[k] = table[at[i], k]
        for _ in range(8):
            for k in range(3):
                u[k] = np.sin(u[k] + u[2 - k]) * u[1] + np.cos(u[k])
        for k in range(3):
            x[i, k] = u[k]


def test_what_was_done_before_a_failure_stays_done() -> None:
    at = AT.copy()
    at[N - 2] = 99
    results: list[Any] = []
    for f in (in_place, sc.jit(in_place, backend="numba")):
        x = X.copy()
        with pytest.raises(IndexError):
            f(x, at, TABLE)
        results.append(x)
    np.testing.assert_allclose(results[1], results[0], rtol=1e-9)


def test_parts_of_loops_on_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = pytest.importorskip("stagec_runtime.threads")
    monkeypatch.setattr(threads, "WORTH", 1)
    monkeypatch.setattr(threads, "_pools", [threads.Pool(3)])
    value, text = staged(turned, X, AT, TABLE)
    assert SIDE_BY_SIDE in text
    assert "in range(start, stop, 64)" in text
    np.testing.assert_allclose(value, turned(X, AT, TABLE), rtol=1e-9)
