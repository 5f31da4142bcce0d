"""Slices of which the run time knows whether they have length 1 and are broadcast."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

X = np.random.default_rng(5).normal(size=(4, 9))


def stored(x: Any, starts: Any, stops: Any) -> Any:
    """Parts of one array in parts of another."""
    out = np.zeros(x.shape)
    for j in range(len(starts)):
        out[:, j:] = x[:, starts[j] : stops[j]]
    return out


def stored_in_rows(x: Any, starts: Any, stops: Any) -> Any:
    out = np.zeros((9, 4))
    for j in range(len(starts)):
        out[j:] = x.T[starts[j] : stops[j]] * 2
    return out


def stored_in_itself(x: Any, starts: Any, stops: Any) -> Any:
    out = x.copy()
    for j in range(len(starts)):
        out[:, j:] = np.sin(x[0, 0]) + out[:, starts[j] : stops[j]]
    return out


def copied_in_itself(x: Any, starts: Any, stops: Any) -> Any:
    out = x.copy()
    for j in range(len(starts)):
        out[:, j:] = out[:, starts[j] : stops[j]]
    return out


def packed(x: Any, starts: Any, stops: Any) -> Any:
    """Triangles, column by column."""
    out = np.zeros((len(x), len(starts), len(starts)))
    start = 0
    for j in range(len(starts)):
        stop = start + len(starts) - 1 - j
        out[:, j + 1 :, j] = x[:, start:stop]
        start = stop
    return out


def one_row_for_all(x: Any, starts: Any, stops: Any) -> Any:
    """The other axis is surely broadcast."""
    out = np.zeros(x.shape)
    for j in range(len(starts)):
        out[:, j:] = x[0:1, starts[j] : stops[j]]
    return out


PROGRAMS = [stored, stored_in_rows, stored_in_itself, copied_in_itself, packed]
BOUNDS = [
    ([0, 1, 2], [9, 9, 9]),
    ([3, 4, 0], [4, 5, 1]),
    ([-9, -1, 2], [9, 12, 20]),
    ([0, 8, 0], [-8, 9, 7]),
    ([8, 0, 1], [30, 8, 9]),
    ([], []),
]
WRONG = [([0], [2]), ([5], [5]), ([0, 3], [9, 8]), ([7, 8], [9, 20])]


def both(bounds: Any) -> tuple[Any, Any]:
    starts, stops = (np.array(b, dtype=np.int64) for b in bounds)
    return starts, stops


def wrong(program: Callable[..., Any], bounds: Any) -> bool:
    try:
        program(X, *both(bounds))
    except ValueError:
        return True
    return False


@pytest.mark.parametrize("program", PROGRAMS)
def test_values_and_failures(program: Callable[..., Any]) -> None:
    made = sc.jit(program, backend="numba")
    for bounds in BOUNDS + WRONG:
        given = both(bounds)
        if wrong(program, bounds):
            with pytest.raises(ValueError, match=r"broadcast|shape|length"):
                made(X, *given)
        else:
            np.testing.assert_allclose(made(X, *given), program(X, *given), rtol=1e-14)
    text = made.source(X, *both(BOUNDS[0]))
    assert not re.search(r"^    for", text.rpartition("\ndef ")[2], re.MULTILINE)


@pytest.mark.parametrize("bounds", [b for b in BOUNDS if not wrong(one_row_for_all, b)])
def test_other_axes_may_be_broadcast(bounds: Any) -> None:
    given = both(bounds)
    plain = one_row_for_all(X, *given)
    np.testing.assert_array_equal(sc.jit(one_row_for_all, backend="numba")(X, *given), plain)

    def total(x: Any, starts: Any, stops: Any) -> Any:
        return np.sum(one_row_for_all(x, starts, stops) * x)

    slope = sc.grad(total, backend="numba")(X, *given)
    np.testing.assert_allclose(slope, sc.grad(total)(X, *given), rtol=1e-14)


@pytest.mark.parametrize("program", PROGRAMS)
def test_gradients(program: Callable[..., Any]) -> None:
    def total(x: Any, starts: Any, stops: Any) -> Any:
        found = program(x, starts, stops)
        return np.sum(found**2 * np.arange(1.0, found.size + 1).reshape(found.shape))

    made, plain = sc.grad(total, backend="numba"), sc.grad(total)
    for bounds in BOUNDS:
        given = both(bounds)
        if not wrong(program, bounds):
            np.testing.assert_allclose(made(X, *given), plain(X, *given), rtol=1e-12)


def test_the_gradient_of_packed_columns_is_one_kernel_each_way() -> None:
    def total(x: Any, n: Any) -> Any:
        out = np.zeros((len(x), n, n))
        start = 0
        for j in range(n):
            stop = start + n - 1 - j
            out[:, j + 1 :, j] = x[:, start:stop]
            start = stop
        return np.sum(np.sin(out))

    text = sc.grad(total, backend="numba").source(X, 4)
    assert not re.search(r"^    for", text.rpartition("\ndef ")[2], re.MULTILINE)
    found = sc.grad(total, backend="numba")(X, 4)
    np.testing.assert_allclose(found, sc.grad(total)(X, 4), rtol=1e-14)


def weighted(x: Any, w: Any, starts: Any, stops: Any) -> Any:
    """Windows, each of which has to be as long as the weights, or one number."""
    out = np.zeros(len(starts))
    for j in range(len(starts)):
        part = x[starts[j] : stops[j]]
        out[j] = np.sum(np.sin(part * w) + np.minimum(w, part) / np.where(part > 0, 2, part))
    return np.sum(out**2)


def weighted_rows(x: Any, w: Any, starts: Any, stops: Any) -> Any:
    y = np.outer(np.arange(1.0, 5.0), x)
    out = np.outer(np.ones(4), w)
    for j in range(len(starts)):
        out = out * y[:, starts[j] : stops[j]]
    return np.sum(out * out)


@pytest.mark.parametrize("program", [weighted, weighted_rows])
def test_operands_of_arithmetic(program: Callable[..., Any]) -> None:
    made, slope = (f(program, backend="numba") for f in (sc.jit, sc.grad))
    x, w = X[0], X[1, :3]
    for bounds in [([0, 2, 6], [3, 5, 9]), ([0, 4, 8], [3, 5, 20]), ([-3, -2], [9, -1])]:
        given = both(bounds)
        assert made(x, w, *given) == pytest.approx(program(x, w, *given), rel=1e-13)
        exact = sc.grad(program)(x, w, *given)
        np.testing.assert_allclose(slope(x, w, *given), exact, rtol=1e-12)
    for bounds in [([0, 0], [3, 2]), ([9], [12]), ([7], [10])]:
        for function in (made, slope):
            with pytest.raises(ValueError, match=r"broadcast|shape|length"):
                function(x, w, *both(bounds))
    for function in (made, slope):
        text = function.source(x, w, *given)
        assert not re.search(r"^    for", text.rpartition("\ndef ")[2], re.MULTILINE)


def strided(x: Any, w: Any, step: Any) -> Any:
    height, width = w.shape
    rows, columns = (len(x) - height) // step + 1, (x.shape[1] - width) // step + 1
    out = np.zeros((rows, columns))
    for i in range(rows):
        for j in range(columns):
            part = x[i * step : i * step + height, j * step : j * step + width]
            out[i, j] = np.sum(part * w)
    return np.sum(out**2)


def test_windows_along_two_axes() -> None:
    made, slope = (f(strided, backend="numba") for f in (sc.jit, sc.grad))
    exact, both_slopes = sc.grad(strided, (0, 1)), sc.grad(strided, (0, 1), backend="numba")
    x, w = np.tile(X, (2, 1)), X[1:3, :3]
    for step in (1, 2, 3):
        assert made(x, w, step) == pytest.approx(strided(x, w, step), rel=1e-13)
        for a, b in zip(both_slopes(x, w, step), exact(x, w, step), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12)
    for function in (made, slope):
        text = function.source(x, w, 2)
        assert not re.search(r"^    for", text.rpartition("\ndef ")[2], re.MULTILINE)


def scaled(x: Any, w: Any, starts: Any, stops: Any) -> Any:
    total = 0.0
    for j in range(len(starts)):
        part = x[starts[j] : stops[j], stops[0] - 2 : stops[j]]
        total = total + np.sum(np.sin(part * w))
    return total


@pytest.mark.parametrize(
    "bounds", [([0, 1], [2, 3]), ([1, 0], [2, 1]), ([0, 1], [3, 2]), ([1, 0], [3, 2])]
)
def test_each_of_two_axes_may_be_broadcast(bounds: Any) -> None:
    made, slope = sc.jit(scaled, backend="numba"), sc.grad(scaled, (0, 1), backend="numba")
    given = both(bounds)
    for w in (X[:2, :3], X[:3, :2], X[:2, :2]):
        try:
            value = scaled(X, w, *given)
        except ValueError:
            with pytest.raises(ValueError, match=r"broadcast|shape|length"):
                slope(X, w, *given)
            continue
        assert made(X, w, *given) == pytest.approx(value, rel=1e-13)
        for a, b in zip(
            slope(X, w, *given), sc.grad(scaled, (0, 1))(X, w, *given), strict=True
        ):
            np.testing.assert_allclose(a, b, rtol=1e-12)
