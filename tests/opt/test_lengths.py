"""Equal lengths that only the run time knows are seen to be equal, and no others."""

from typing import Any

import numpy as np
import pytest

import stagec as sc


def halves(u: Any, v: Any) -> Any:
    return np.sum(u[: len(u) // 2] * v[: len(u) // 2])


def kept(u: Any, k: int) -> Any:
    head = u[:k]
    return np.sum(head * head)


def parts(u: Any, k: int) -> Any:
    # one of the two may be of length 1 and is repeated then
    return np.sum(u[:k] * u[k:])


def shrinking(u: Any, k: int) -> Any:
    total = 0.0
    while len(u) > k:
        shorter = u[: len(u) // 2]
        total = total + np.sum(shorter * shorter)
        u = shorter
    return total


@pytest.mark.parametrize("n", [2, 3, 7])
def test_gradients_of_halves(n: int) -> None:
    u, v = np.arange(1.0, n + 1), np.arange(2.0, n + 2)
    expected = np.where(np.arange(n) < n // 2, v, 0.0)
    np.testing.assert_array_equal(sc.grad(halves)(u, v), expected)


def test_no_ones_are_multiplied() -> None:
    text = sc.grad(kept).source(np.ones(5), 3)
    assert "np.full" not in text
    assert "unbroadcast" not in text


@pytest.mark.parametrize(("n", "k"), [(4, 2), (3, 1), (3, 2), (5, 1), (5, 4)])
def test_a_length_of_one_is_repeated(n: int, k: int) -> None:
    u = np.arange(1.0, n + 1)
    expected = np.zeros(n)
    for at in range(n):
        step = np.zeros(n)
        step[at] = 1.0
        expected[at] = (parts(u + step, k) - parts(u - step, k)) / 2
    np.testing.assert_allclose(sc.grad(parts)(u, k), expected, rtol=1e-13)


def test_a_length_that_changes_in_a_loop() -> None:
    u = np.arange(1.0, 12.0)
    expected = np.zeros(11)
    for n in (5, 2, 1):
        expected[:n] += 2 * u[:n]
    np.testing.assert_array_equal(sc.grad(shrinking)(u, 1), expected)
