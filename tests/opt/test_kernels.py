"""What moves into kernels, and how many there are."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

pytest.importorskip("numba", reason="numba is not installed: pip install 'stagec[numba]'")


def kernels_of(program: Callable[..., Any], *args: Any) -> int:
    return sc.jit(program, backend="numba").source(*args).count("@njit")


def layers(x: Any, w: Any, v: Any) -> Any:
    x = np.tanh(x @ w + 1.0) ** 2
    return np.tanh(x @ v + 1.0) ** 2


def other_layers(x: Any, w: Any, v: Any) -> Any:
    x = np.tanh(x @ w + 1.0) ** 2
    return np.tanh(x @ v + 2.0) ** 2


def test_kernels_that_do_the_same_are_one() -> None:
    rng = np.random.default_rng(0)
    x, w, v = (rng.normal(size=s) for s in ((5, 4), (4, 3), (3, 7)))
    assert kernels_of(layers, x, w, v) == 1
    assert kernels_of(layers, x, w, np.float32(v)) == 1
    assert kernels_of(layers, *map(np.float32, (x, w, v))) == 1
    assert kernels_of(layers, np.float32(x), np.float32(w), v) == 2
    assert kernels_of(other_layers, x, w, v) == 2
    for program in (layers, other_layers):
        found = sc.jit(program, backend="numba")(x, w, v)
        np.testing.assert_allclose(found, program(x, w, v), rtol=1e-12)


def scan(x: Any, w: Any) -> Any:
    state = np.exp(w - 1.0) * w
    total = np.sum(state)
    state = np.cumsum(state)
    states = np.zeros((len(x), len(w)))
    state = state / total
    for k in range(len(x)):
        state = state * x[k]
        states[k] = state
    return states


def test_an_array_is_made_in_the_kernel_that_fills_it() -> None:
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=4), rng.normal(size=3)
    compiled = sc.jit(scan, backend="numba")
    kernel = next(t for t in compiled.source(x, w).split("@njit") if "for k in" in t)
    assert "states = np.zeros(" in kernel
    assert "states.copy()" not in kernel
    np.testing.assert_allclose(compiled(x, w), scan(x, w), rtol=1e-12)


def refused(x: Any, n: int) -> Any:
    made = np.zeros(n)
    total = 0.0
    for k in range(len(x) + 1):
        total += x[k]
    for k in range(n):
        made[k] = total
    return made


def test_an_array_is_not_made_after_what_may_fail() -> None:
    with pytest.raises(ValueError, match="negative dimensions"):
        sc.jit(refused, backend="numba")(np.ones(3), -1)
    with pytest.raises(IndexError):
        sc.jit(refused, backend="numba")(np.ones(3), 2)
