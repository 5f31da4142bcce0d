"""Results that share memory, in functions whose loops are compiled."""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

import stagec

pytest.importorskip("numba", reason="the Numba target needs Numba")


def whole_and_view(x: Any, s: float, n: int) -> Any:
    x = x.copy()
    for k in range(n):
        x[k] *= s
    return x, x[::-1], x.reshape(2, 3).T


def in_a_branch(x: Any, s: float, n: int) -> Any:
    x = x.copy()
    if s > 0:
        for k in range(n):
            x[k] *= s
        return x, x[1:], x * 2
    return x, x, x


def view_of_a_view(x: Any, s: float, n: int) -> Any:
    a = x * 2
    if s > 0.5:
        for k in range(n):
            a[k] = x[k] * s
        b = a[1:]
        c = b[:2]
    else:
        for k in range(n):
            a[k] += s
        if s > 0:
            b, c = a, a[::-1]
        else:
            b = a[2:]
            c = b * 2
    return b, a, c


def from_a_loop(x: Any, s: float, n: int) -> Any:
    z = np.zeros(len(x))
    for _ in range(n):
        z[:] = x * s + np.tanh(z)
        if z[0] > 1.0:
            return z, z[1:]
        z[1:] -= z[:-1]
    return z[1:], z


def sharing(results: Any) -> list[bool]:
    return [np.shares_memory(a, b) for a, b in product(results, results)]


@pytest.mark.parametrize("s", [0.3, -0.3, 0.9])
@pytest.mark.parametrize("n", [0, 4])
@pytest.mark.parametrize("f", [whole_and_view, in_a_branch, view_of_a_view, from_a_loop])
def test_results_share_memory_as_in_python(f: Callable[..., Any], s: float, n: int) -> None:
    x = np.arange(1.0, 7.0)
    found, wanted = stagec.jit(f, backend="numba")(x.copy(), s, n), f(x.copy(), s, n)
    assert sharing(found) == sharing(wanted)
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
