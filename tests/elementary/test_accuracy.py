"""Elementary functions are exact to about one and a half last places."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba", reason="the Numba target needs Numba")

from stagec_runtime.elementary import functions, tables
from stagec_runtime.elementary.formats import DOUBLE, SINGLE
from tests.elementary import fit
from tests.elementary.functions import (
    CASES,
    LEAST,
    MEASURED,
    SPECIAL,
    evaluate,
    largest_error,
)

KINDS = (np.float64, np.float32)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", MEASURED)
def test_error(name: str, kind: Any) -> None:
    assert largest_error(name, kind) < CASES[name].bound


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_special_values(name: str, kind: Any) -> None:
    """Zeros with their signs, infinities, NaN, overflow and numbers below the normal ones."""
    points = SPECIAL.astype(kind)
    operands = (
        [points] if CASES[name].arity == 1 else [*map(np.ravel, np.meshgrid(points, points))]
    )
    got, wanted = evaluate(name, *operands), np.asarray(CASES[name].numpy(*operands))
    assert got.dtype == wanted.dtype
    eps = 4 * np.finfo(kind).eps
    # of `logaddexp` the two terms may cancel, in NumPy too
    least = 2.0 ** LEAST[kind] if CASES[name].exact else eps
    np.testing.assert_allclose(got, wanted, rtol=eps, atol=least)
    number = ~np.isnan(wanted)
    np.testing.assert_array_equal(np.signbit(got[number]), np.signbit(wanted[number]))


@pytest.mark.parametrize("name", CASES)
def test_as_python(name: str) -> None:
    """Called by Python it is the function of NumPy."""
    case = CASES[name]
    operands = (np.float64(max(case.lo, 0.25)), np.float64(0.5))[: case.arity]
    assert getattr(functions, name)(*operands) == pytest.approx(
        case.numpy(*operands), rel=1e-15
    )


@pytest.mark.parametrize("exponent", [2.0, 3.0, -1.0, 0.5])
def test_constant_exponents(exponent: float) -> None:
    from numba import njit

    power = functions.pow
    root = njit(error_model="numpy")(lambda x: power(x, exponent))
    for x in (*SPECIAL, 0.7, 1.3e5):
        with np.errstate(all="ignore"):
            wanted = np.float64(x) ** exponent
        np.testing.assert_allclose(root(x), wanted, rtol=3e-16, atol=0)


def test_tables() -> None:
    """The tables are those that the script computes."""
    for name, formats in fit.tables().items():
        found = getattr(tables, name)
        assert found[DOUBLE] == formats["DOUBLE"], name
        assert found[SINGLE] == formats["SINGLE"], name
