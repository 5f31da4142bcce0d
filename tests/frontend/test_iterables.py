"""Ranges whose step only the run time knows."""

from typing import Any

import numpy as np
import pytest

import stagec as sc

X = np.random.default_rng(4).random(11)


def sieve(n: Any) -> Any:
    prime = np.ones(n + 1, bool)
    prime[:2] = False
    for i in range(2, int(n**0.5) + 1):
        if prime[i]:
            for j in range(i * i, n + 1, i):
                prime[j] = False
    return prime


def back_and_forth(x: Any, lo: Any, hi: Any, step: Any) -> Any:
    total, last = np.float64(0.0), -1
    for k in range(lo, hi, step):
        total, last = total * 0.5 + x[k] * k, k
    for k in reversed(range(lo, hi, step)):
        total = total * 0.5 + x[k] + len(range(lo, hi, step))
    for i, k in enumerate(range(lo, hi, step)):
        total += i * x[k]
    return total, last, [k / 2 for k in range(lo, hi, step)]


def halves(x: Any) -> Any:
    step = 1
    while step < len(x):
        for j in range(0, len(x) - step, 2 * step):
            x[j] += x[j] * x[j + step]
        step *= 2
    return x[0]


BOUNDS = [
    (0, 11, 2), (10, 0, -3), (3, 9, 4), (2, 5, 7), (5, 0, 1), (0, 11, 0), (0, 5, 1.5),
    (np.int64(1), np.int32(9), np.int64(3)), (np.uint8(9), 0, np.int8(-2)), (1, 9, True),
]  # fmt: skip


def outcome(f: Any, args: Any) -> Any:
    try:
        return repr(f(*args))
    except (TypeError, ValueError) as error:
        return repr(error)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_a_step_of_the_run_time(backend: Any) -> None:
    staged = sc.jit(back_and_forth, backend=backend)
    for bounds in BOUNDS:
        assert outcome(staged, (X, *bounds)) == outcome(back_and_forth, (X, *bounds))
    for n in (50, 1, 97):
        np.testing.assert_array_equal(sc.jit(sieve, backend=backend)(n), sieve(n))
    np.testing.assert_allclose(
        sc.grad(halves, backend=backend)(X), slopes(halves, X), rtol=1e-7
    )


def slopes(f: Any, x: Any) -> Any:
    steps = 1e-20j * np.eye(len(x))
    return [f(x + step).imag / 1e-20 for step in steps]
