"""Numbers and arrays that are not set where they are passed to kernels."""

from typing import Any

import numpy as np
import pytest

import stagec

pytest.importorskip("numba", reason="the Numba target needs Numba")


def early(a: Any) -> Any:
    """The kernel of the inner loop is given what the outer one will return."""
    if len(a) < 3:
        return a.sum() * 1.0
    s = 0.0
    for k, x in enumerate(a):
        if x < 0:
            for y in a[k:]:
                if y > 0:
                    return s + y
                s -= y
        s += x
    return s


@pytest.mark.parametrize("last", [[-2.0, -3.0], [-2.0, 3.0], [2.0, 3.0]])
def test_a_value_that_is_returned_early_and_its_pullback(last: list[float]) -> None:
    a = np.array([1.0, 2.0, -1.0, *last])
    value, pull = stagec.vjp(stagec.jit(early, backend="numba"), a)
    wanted, wanted_pull = stagec.vjp(early, a)
    assert value == wanted == early(a)
    np.testing.assert_array_equal(pull(1.0)[0], wanted_pull(1.0)[0])


WEIGHTS = np.array([0.5, -0.25, 1.0])


def row(x: Any, y: Any, n: int) -> Any:
    for k in range(n):
        if k < n - 1:
            if np.sum(np.sort(x)) > 1.0:
                return np.tanh(y[k])
            y = np.tanh(y)
        else:
            x = x * 0.5
    return WEIGHTS


def of_row(x: Any, y: Any, n: int) -> Any:
    """The kernel behind the loop is given a row that may not be set, and is as long as that."""
    r = row(x, y, n)
    return np.sum(x * np.cos(x)) + np.sum(2.0 * np.sin(r))


@pytest.mark.parametrize("first", [0.1, 1.1])
@pytest.mark.parametrize("n", [3, 0])
def test_an_array_that_is_returned_early(first: float, n: int) -> None:
    x, y = np.array([first, 0.2, 0.3]), np.ones((3, 2))
    found = stagec.grad(of_row, argnums=(0, 1), backend="numba")(x, y, n)
    for a, b in zip(found, stagec.grad(of_row, argnums=(0, 1))(x, y, n), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def left_from_steps(x: Any, n: int) -> Any:
    u = x.copy()
    for _ in range(n):
        if np.sum(u) > 3.0:
            return np.tanh(u)
        u[:-1] += 0.2 * np.sin(u[1:])
    return np.cos(x)


def of_steps(x: Any, n: int) -> Any:
    """The tape of what is returned early holds what is not set on the trips before."""
    return np.sum(np.sin(left_from_steps(x, n)))


@pytest.mark.parametrize("first", [0.1, 0.7, 2.0])
def test_an_unset_array_from_a_tape_tells_no_length(first: float) -> None:
    x = np.linspace(first, 1.0, 4)
    found = stagec.grad(of_steps, backend="numba")(x, 4)
    np.testing.assert_allclose(found, stagec.grad(of_steps)(x, 4), rtol=1e-12)


def searched(x: Any, y: Any, n: int) -> Any:
    """What is returned early is recorded on the trips before, as a number beside others."""
    r = x[0]
    for _ in range(n):
        o = None
        for k in range(3):
            if y[k, 0] > 0.9:
                o = y[k]
            if np.max(x) > 0.0:
                if x[1] < -0.2:
                    return np.tanh(x[k] * x[1])
                continue
            r = np.sin(r)
        r += 0.3 if o is None else np.sum(o)
    return r


@pytest.mark.parametrize("second", [0.3, -0.3])
def test_numbers_that_may_not_be_set_in_the_rows_of_a_tape(
    second: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Python says where an unset variable is read; compiled code reads whatever is there
    monkeypatch.setattr("numba.config.DISABLE_JIT", True)
    x, y = np.array([0.5, second, -0.1]), np.array([[0.1], [1.0], [0.2]])
    found = stagec.grad(searched, backend="numba")(x, y, 2)
    np.testing.assert_allclose(found, stagec.grad(searched)(x, y, 2), rtol=1e-12)
