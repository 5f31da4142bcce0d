"""Division with remainder in compiled code: the quotient that fits no word."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import stagec as sc

pytest.importorskip("numba", reason="the Numba target needs Numba")

LEAST = np.array([-(2**63), 2**63 - 1, 5, -7])
BY = np.array([-1, -1, 0, -1])


def of_elements(x: Any, y: Any) -> Any:
    quotients, rests = np.zeros_like(x), np.zeros_like(x)
    for k in range(len(x)):
        quotients[k] = x[k] // y[k]
        rests[k] = x[k] % y[k]
    return quotients, rests


def of_python_numbers(x: Any, by: int) -> Any:
    total = rest = 0
    for k in range(len(x)):
        total += int(x[k]) // by
        rest += int(x[k]) % by
    return total, rest


def test_least_integer_by_minus_one_wraps_as_in_numpy() -> None:
    with np.errstate(all="ignore"):
        wanted = of_elements(LEAST, BY)
        found = sc.jit(of_elements, backend="numba")(LEAST, BY)
    np.testing.assert_array_equal(found, wanted)


def test_least_python_integer_by_minus_one_overflows() -> None:
    divided = sc.jit(of_python_numbers, backend="numba")
    assert divided(LEAST[2:], -1) == of_python_numbers(LEAST[2:], -1)
    with pytest.raises(OverflowError):
        divided(LEAST[:1].repeat(2), -1)


def test_numbers_with_a_fraction_by_minus_one() -> None:
    def f(x: Any, by: float) -> float:
        total = 0.0
        for k in range(len(x)):
            total += float(x[k]) // by + float(x[k]) % by
        return total

    x = np.array([0.5, -0.25, -(2.0**63)])
    assert sc.jit(f, backend="numba")(x, -1.0) == f(x, -1.0)


@pytest.mark.parametrize("kind", [np.complex128, np.complex64])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_complex_quotients_are_those_of_numpy(kind: Any) -> None:
    """Quotients by zero, too, of which Numba's own raise an exception."""

    def quotients(x: Any, y: Any) -> Any:
        found = np.zeros(len(y), x.dtype)
        for k in range(len(y)):
            found[k] = x[k] / y[k] + 1 / y[k]
        return found

    sides = np.meshgrid(*[[0.0, -0.0, 3.0, -0.5, 1e30, np.inf, np.nan]] * 2)
    y = np.ravel(sides[0] + 0j).astype(kind)
    y.imag = np.ravel(sides[1])
    staged = sc.jit(quotients, backend="numba")
    for x in (y, y[::-1], np.full_like(y, 2 - 1j)):
        found, wanted = staged(x, y), quotients(x, y)
        eps = float(np.finfo(kind).eps)
        np.testing.assert_allclose(found.real, wanted.real, rtol=8 * eps)
        np.testing.assert_allclose(found.imag, wanted.imag, rtol=8 * eps)
    assert "_kernel(" in staged.source(y, y)
