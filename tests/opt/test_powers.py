"""Powers in compiled loops: infinite where those of Python numbers raise, as NumPy's are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

pytest.importorskip("numba", reason="the Numba target needs Numba")

X = np.array([0.0, -0.0, 2.0, -1.5, np.inf])


def constants(x: Any) -> Any:
    return x**-1 + x**-2, np.power(x, -3)


def of_elements(x: Any, n: int) -> Any:
    y = np.zeros(len(x))
    for k in range(len(x)):
        y[k] = x[k] ** n + x[k] ** -2
    return y


def by_elements(x: Any, n: Any) -> Any:
    y = np.zeros(len(x))
    for k in range(len(x)):
        y[k] = x[k] ** n[k]
    return y


@pytest.mark.parametrize(
    ("f", "args"),
    [
        (constants, (X,)),
        (constants, (X.astype(np.float32),)),
        (of_elements, (X, -1)),
        (of_elements, (X, -(2**33))),
        (of_elements, (X.astype(np.float32), -3)),
        (by_elements, (X, np.array([-1, -1, -3, 4, -(2**62)]))),
    ],
)
def test_powers_do_not_raise(f: Callable[..., Any], args: tuple[Any, ...]) -> None:
    with np.errstate(all="ignore"):
        wanted = f(*args)
        found = sc.jit(f, backend="numba")(*args)
    for a, b in zip(np.atleast_2d(wanted), np.atleast_2d(found), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-6 if args[0].dtype == np.float32 else 1e-15)


def test_powers_of_python_numbers_raise() -> None:
    def f(x: Any, a: float) -> Any:
        y = np.zeros(len(x))
        for k in range(len(x)):
            y[k] = x[k] + a**-1
        return y

    with pytest.raises(ZeroDivisionError):
        sc.jit(f, backend="numba")(X, 0.0)


def test_what_is_not_negative_stays_a_product() -> None:
    def f(x: Any) -> Any:
        y = np.zeros(len(x))
        for k in range(len(x)):
            for j in range(4):
                y[k] += x[k] ** j + x[k] ** -4
        return y

    text = sc.jit(f, backend="numba").source(X)
    assert "** j" in text
    assert "1.0 / x_k ** 4" in text
