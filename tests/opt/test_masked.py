"""What masks say is stored, as loops of compiled code, against NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 3))


def store_number(x: Any, y: Any) -> Any:
    x[x > y] = 2
    return x


def store_elements(x: Any, y: Any) -> Any:
    m = x < 0.5
    x[m] = x[m] ** 2 + np.exp(y[m])
    return x


def add_in_a_loop(x: Any, y: Any) -> Any:
    for k in range(3):
        m = abs(x) < 1.0
        x[m] += 0.3 * y[m] + k
    return x


def mask_from_outside(x: Any, y: Any) -> Any:
    m = np.linalg.inv(x @ y.T + np.eye(4)) @ x > 0
    for _ in range(3):
        x = 1.1 * x
        x[m] = np.sqrt(abs(y[m]))
    return x


def from_the_other_end(x: Any, y: Any) -> Any:
    m = x > 0
    turned = x[::-1]
    x[m] = 2.0 * turned[m]
    return x


def of_one_axis(x: Any, y: Any) -> Any:
    row = x[1]
    row[row > 0] = row[row > 0] * y[0, 0]
    return x


PROGRAMS = (
    store_number, store_elements, add_in_a_loop, mask_from_outside, from_the_other_end,
    of_one_axis,
)  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_value_and_gradient(program: Callable[..., Any]) -> None:
    compiled = sc.jit(program, backend="numba")
    np.testing.assert_allclose(compiled(X.copy(), Y), program(X.copy(), Y), rtol=1e-14)
    text = compiled.source(X.copy(), Y)
    assert "[m]" not in text
    assert "[x > y]" not in text

    def loss(x: Any, y: Any) -> Any:
        return np.sum(program(x.copy(), y) ** 2)

    gradients = [sc.grad(loss, argnums=(0, 1), backend=b) for b in ("numba", "numpy")]
    for a, b in zip(*(g(X, Y) for g in gradients), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


def test_a_mask_that_is_written_to() -> None:
    def program(m: Any) -> Any:
        n = m & True
        n[n] = ~n[n]
        return n

    m = X > 0
    np.testing.assert_array_equal(sc.jit(program, backend="numba")(m), program(m))


@pytest.mark.filterwarnings("error")
def test_only_what_is_selected_is_computed() -> None:
    def program(x: Any) -> Any:
        m = x > 0
        x[m] = np.log(x[m])
        return x

    found = sc.jit(program, backend="numba")(X.copy())
    np.testing.assert_allclose(found, program(X.copy()), rtol=1e-14)


def test_what_is_no_element_of_its_own_stays() -> None:
    def others(x: Any, y: Any) -> Any:
        x[x > 0] = y[y > 0][: np.sum(x > 0)]
        return x

    def in_order(x: Any) -> Any:
        m = x > 0
        x[m] = np.cumsum(x[m])
        return x

    def rows(x: Any, y: Any) -> Any:
        x[x[:, 0] > 0] = y[0]
        return x

    y = abs(Y) + 1
    for program, args in ((others, (X, y)), (in_order, (X,)), (rows, (X, Y))):
        found = sc.jit(program, backend="numba")(X.copy(), *args[1:])
        np.testing.assert_allclose(found, program(X.copy(), *args[1:]), rtol=1e-14)


def test_numbers_that_the_array_rounds_are_numpys_to_store() -> None:
    def program(x: Any, v: float) -> Any:
        x[x > 0] = v
        return x

    found = sc.jit(program, backend="numba")(np.arange(-3, 3), 1.5)
    np.testing.assert_array_equal(found, program(np.arange(-3, 3), 1.5))
