"""Products of tall matrices in loops: which are done the other way round, and which are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc
from stagec.opt.lengthwise.choice import chosen

pytest.importorskip("numba", reason="the Numba target needs Numba")

RNG = np.random.default_rng(3)


def distances(x: Any, mu: Any, Q: Any) -> Any:
    s = 0.0
    for c in range(len(mu)):
        z = (x - mu[c]) @ Q[c].T
        s += np.sum(np.sqrt(1.0 + np.sum(z**2, axis=1)) * np.mean(z, axis=1))
    return s


def softmax(x: Any, mu: Any, Q: Any) -> Any:
    out = np.zeros(len(x))
    for c in range(len(mu)):
        z = np.tanh(x * mu[c]) @ Q[c]
        e = np.exp(z - np.max(z, axis=1, keepdims=True))
        p = e / np.sum(e, axis=1, keepdims=True)
        out += np.sum(p * z, axis=-1) + len(z)
    return out


def scatter(x: Any, mu: Any, Q: Any) -> Any:
    total = np.zeros_like(Q)
    for c in range(len(mu)):
        t = x - mu[c]
        w = np.exp(-np.sum(t**2, axis=1))
        total[c] = t.T @ (w[:, None] * t) + np.sum(t, axis=0)
    return total


def layers(x: Any, mu: Any, Q: Any) -> Any:
    """A matrix is carried from trip to trip."""
    h = x.copy()
    for c in range(len(mu)):
        h = np.tanh(h @ Q[c] + mu[c])
    return h


def rows(x: Any, mu: Any, Q: Any) -> Any:
    """Rows of the product are looked at one by one."""
    s = 0.0
    for c in range(len(mu)):
        z = x @ Q[c]
        for i in range(len(z)):
            s += np.sqrt(1.0 + np.dot(z[i], mu[c]) ** 2)
    return s


def collected(x: Any, mu: Any, Q: Any) -> Any:
    """The products are results."""
    found = []
    for c in range(len(mu)):
        found.append(x @ Q[c])
    return found


def outside(x: Any, mu: Any, Q: Any) -> Any:
    """A product in no loop stays one of NumPy's."""
    return np.sum((x @ Q[0]) ** 2, axis=1)


TURNED = (distances, softmax, scatter)
STAY = (layers, rows, collected, outside)


def arguments(n: int, d: int = 3, k: int = 4) -> tuple[Any, ...]:
    return RNG.normal(size=(n, d)), RNG.normal(size=(k, d)), RNG.normal(size=(k, d, d))


def turning(function: Any, *args: Any) -> set[str]:
    """The names of the matrices that turn."""
    return {v.hint for v in chosen(function.ir(*args, stage="optimised")).values}


@pytest.mark.parametrize("program", [*TURNED, *STAY])
def test_values(program: Callable[..., Any]) -> None:
    """Whatever the sizes of later calls are."""
    compiled = sc.jit(program, backend="numba")
    for n in (17, 5, 2, 1, 0) if program is not softmax else (17, 5, 2, 1):
        args = arguments(n)
        found, expected = compiled(*args), program(*args)
        np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=1e-10)


@pytest.mark.parametrize("program", TURNED)
@pytest.mark.parametrize("n", [17, 4])
def test_gradients(program: Callable[..., Any], n: int) -> None:
    def loss(x: Any, mu: Any, Q: Any) -> Any:
        return np.sum(program(x, mu, Q) ** 2)

    args = arguments(n)
    ours = sc.grad(loss, argnums=(0, 1, 2), backend="numba")(*args)
    expected = sc.grad(loss, argnums=(0, 1, 2), backend="numpy")(*args)
    for a, b in zip(ours, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-10)


def test_what_turns() -> None:
    compiled = sc.jit(distances, backend="numba")
    args = arguments(17)
    assert turning(compiled, *args) == {"z", ""}
    assert "x[j, i]" in compiled.source(*args)  # a copy, in front of the loop


@pytest.mark.parametrize("program", STAY)
def test_what_stays(program: Callable[..., Any]) -> None:
    assert not turning(sc.jit(program, backend="numba"), *arguments(17))


def test_short_axes_at_the_first_call_stay() -> None:
    assert not turning(sc.jit(distances, backend="numba"), *arguments(5))


def test_long_rows_stay() -> None:
    assert not turning(sc.jit(distances, backend="numba"), *arguments(400, d=50))


def test_tapes_turn_with_what_is_recorded() -> None:
    compiled = sc.grad(distances, argnums=(1, 2), backend="numba")
    args = arguments(17)
    assert chosen(compiled.ir(*args, stage="optimised")).webs
