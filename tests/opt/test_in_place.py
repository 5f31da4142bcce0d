"""States of loops in place: what is, what is not, and the same results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec

pytest.importorskip("numba", reason="kernels need Numba")


def net(x: Any, w: Any) -> Any:
    h = np.zeros(x.shape[0])
    for t in range(x.shape[1]):
        h = np.tanh(h * w + x[:, t])
    return h


def two(x: Any, w: Any) -> Any:
    """Two states, of which each is computed from the other as well."""
    h, c = np.zeros(x.shape[0]), np.ones(x.shape[0])
    for t in range(x.shape[1]):
        h, c = c * w + x[:, t], c - 0.1 * h
    return h + c


def given(x: Any, w: Any) -> Any:
    """The state begins as an array of the caller's."""
    h = w
    for t in range(x.shape[1]):
        h = h * 0.5 + x[:, t]
    return h


def backwards(x: Any, w: Any) -> Any:
    """Another element is needed than the one that is computed."""
    h = np.ones(x.shape[0])
    for t in range(x.shape[1]):
        h = h[::-1] * w + x[:, t]
    return h


def shifted(x: Any, w: Any) -> Any:
    h = np.ones(x.shape[0])
    for t in range(x.shape[1]):
        h = np.concatenate([h[1:], h[:1]]) * w + x[:, t]
    return h


def kept(x: Any, w: Any) -> Any:
    """The state before the last trip is needed behind the loop."""
    h = past = np.ones(x.shape[0])
    for t in range(x.shape[1]):
        past, h = h, h * w + x[:, t]
    return h - past


def listed(x: Any, w: Any) -> Any:
    found = []
    h = np.ones(x.shape[0])
    for t in range(x.shape[1]):
        found.append(h)
        h = h * w + x[:, t]
    return np.sum(np.array(found) ** 2) + h


def around(x: Any, w: Any) -> Any:
    """Some elements are computed twice, as the counter is negative at first."""
    n, h = x.shape[0], np.ones(x.shape[0])
    for t in range(x.shape[1]):
        new = np.empty(n)
        for i in range(-n, n):
            new[i] = h[i] * w + x[i, t]
        h = new
    return h


def around_down(x: Any, w: Any) -> Any:
    n, h = x.shape[0], np.ones(x.shape[0])
    for t in range(x.shape[1]):
        new = np.empty(n)
        for i in range(n - 1, -2, -1):
            new[i] = h[i] * w + x[i, t]
        h = new
    return h


X = np.sin(np.arange(40.0 * 50)).reshape(40, 50)


@pytest.mark.parametrize(
    "program",
    [net, two, given, backwards, shifted, kept, listed, around, around_down],
)
@pytest.mark.parametrize("shape", [(40, 50), (40, 1), (40, 0), (1, 50), (37, 33)])
def test_states(program: Callable[..., Any], shape: tuple[int, int]) -> None:
    x = np.ascontiguousarray(X[: shape[0], : shape[1]])
    w: Any = np.arange(float(shape[0])) if program is given else 0.9
    before = np.copy(w)
    for lie in (x, np.asfortranarray(x)):
        if shape[1] or program is not listed:
            found = stagec.jit(program, backend="numba")(lie, w)
            np.testing.assert_allclose(found, program(lie, w), rtol=1e-12)
    assert np.array_equal(w, before)


def test_gradients() -> None:
    def total(x: Any, w: Any) -> Any:
        return np.sum(net(x, w) ** 2) + np.sum(two(x, w))

    found = stagec.grad(total, argnums=(0, 1), backend="numba")(X, 0.9)
    wanted = stagec.grad(total, argnums=(0, 1))(X, 0.9)
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9)


def test_one_array() -> None:
    text = stagec.jit(net, backend="numba").source(X, 0.9)
    assert "h[i] = kernels.tanh(h[i] * w + x[i, t])" in text
    assert "np.empty" not in text


def test_rows_in_strips() -> None:
    x = np.zeros((400, 50))
    assert "first" in stagec.jit(net, backend="numba").source(x, 0.9)
