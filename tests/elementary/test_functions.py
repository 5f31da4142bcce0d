"""Elementary functions are exact to a last place and a half, as NumPy's are, and vectorised."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba", reason="the Numba target needs Numba")

import numba

from stagec_runtime.elementary import functions, tables
from stagec_runtime.elementary.formats import DOUBLE, SINGLE
from tests.elementary import fit
from tests.elementary.functions import (
    CASES,
    LEAST,
    MEASURED,
    SPECIAL,
    Kind,
    evaluate,
    largest_error,
    over_arrays,
)

PAGE = Path(__file__).parents[2] / "docs" / "elementary.md"


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_function(name: str, kind: Any) -> None:
    """One test, so that the function is compiled once."""
    if name in MEASURED:
        assert largest_error(name, kind, count=150) < CASES[name].bound
    _check_special_values(name, kind)
    _check_vectorised(name, kind)


def _check_special_values(name: str, kind: Kind) -> None:
    """Zeros with their signs, infinities, NaN, overflow and numbers below the normal ones."""
    points = SPECIAL.astype(kind)
    pairs = [*map(np.ravel, np.meshgrid(points, points))]
    operands = [points] if CASES[name].arity == 1 else pairs
    got, wanted = evaluate(name, *operands), np.asarray(CASES[name].numpy(*operands))
    assert got.dtype == wanted.dtype
    eps = 4 * float(np.finfo(kind).eps)
    # of `logaddexp` the two terms may cancel, in NumPy too
    least = 2.0 ** LEAST[kind] if CASES[name].exact else eps
    np.testing.assert_allclose(got, wanted, rtol=eps, atol=least)
    number = ~np.isnan(wanted)
    np.testing.assert_array_equal(np.signbit(got[number]), np.signbit(wanted[number]))


def _check_vectorised(name: str, kind: Kind) -> None:
    """What LLVM makes of the loop works on vectors and calls nothing but for rare operands."""
    element = numba.float64 if kind is np.float64 else numba.float32
    signature = (numba.types.Array(element, 1, "C"),) * (CASES[name].arity + 1)
    code = over_arrays(name).inspect_llvm(signature)
    loops = "\n".join(re.findall(r"^vector\.body.*?(?=^\S)", code, flags=re.M | re.S))
    vector = rf"<\d+ x {'double' if kind is np.float64 else 'float'}>"
    assert re.search(rf"store {vector}", loops), "results are stored one by one"
    assert re.search(rf"f(mul|add|sub) {vector}", loops), "the arithmetic is that of numbers"
    called = re.findall(r"call [^@\n]*@([\w.]+)\(", loops)
    assert all(re.match(r"llvm\.|stagec_rare_\w+_\d+_\d+$", c) for c in called), called


@pytest.mark.parametrize("name", CASES)
def test_as_python(name: str) -> None:
    """Called by Python it is the function of NumPy."""
    case = CASES[name]
    operands = (np.float64(max(case.lo, 0.25)), np.float64(0.5))[: case.arity]
    found = getattr(functions, name)(*operands)
    assert found == pytest.approx(case.numpy(*operands), rel=1e-15)


def test_constant_exponents() -> None:
    power = functions.pow

    @numba.njit(error_model="numpy")
    def powers(x: float) -> Any:
        return power(x, 2.0), power(x, 3.0), power(x, -1.0), power(x, 0.5)

    for x in (*SPECIAL, 0.7, 1.3e5):
        with np.errstate(all="ignore"):
            wanted = [np.float64(x) ** y for y in (2.0, 3.0, -1.0, 0.5)]
        np.testing.assert_allclose(powers(x), wanted, rtol=3e-16, atol=0)


def test_mixed_operands() -> None:
    """Integers become float64, and float32 stays if all operands are."""
    angle, sine = functions.arctan2, functions.sin
    angles = numba.njit(lambda x, y: angle(x, y))
    assert angles(1, np.float32(2)) == pytest.approx(np.arctan2(1, 2.0), rel=1e-15)
    assert numba.njit(lambda x: sine(x))(True) == pytest.approx(np.sin(1.0), rel=1e-15)
    assert angles.overloads[numba.int64, numba.float32].signature.return_type == numba.float64


def test_tables() -> None:
    """The tables are those that the script computes."""
    for name, formats in fit.tables().items():
        found = getattr(tables, name)
        assert found[DOUBLE] == formats["DOUBLE"], name
        assert found[SINGLE] == formats["SINGLE"], name


def test_documented_errors() -> None:
    """The page has all functions, with errors within the bounds that are tested."""
    rows = re.findall(r"^\| `(\w+)` \| (\S+) \| (\S+) \|$", PAGE.read_text(), re.MULTILINE)
    assert [name for name, *_ in rows] == MEASURED
    for name, *errors in rows:
        assert all(0 < float(e) < CASES[name].bound for e in errors), name
