"""Helpers of kernels that are written into their callers: as in Python, so in compiled code."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

numba = pytest.importorskip("numba", reason="kernels need Numba")
kernels = pytest.importorskip("stagec_runtime.kernels")


@pytest.fixture(params=["Python", "compiled"])
def run(request: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """What makes a helper ready to be called."""
    if request.param == "Python":
        return lambda helper: helper
    two = {kernels.natural: lambda helper: lambda x: helper(x)}

    def compiled(helper: Callable[..., Any]) -> Callable[..., Any]:
        return numba.njit(two.get(helper, lambda f: lambda x, y: f(x, y))(helper))

    return compiled


@pytest.mark.parametrize(
    ("index", "length", "place"), [(0, 3, 0), (2, 3, 2), (-1, 3, 2), (-3, 3, 0)]
)
def test_place_of_an_element(run: Any, index: int, length: int, place: int) -> None:
    assert run(kernels.inside)(index, length) == place


@pytest.mark.parametrize(("index", "length"), [(3, 3), (-4, 3), (0, 0), (-1, 0), (2**62, 5)])
def test_no_such_element(run: Any, index: int, length: int) -> None:
    with pytest.raises(IndexError, match="is out of bounds"):
        run(kernels.inside)(index, length)


def chosen(a: Any, places: Any) -> Any:
    total = 0.0
    for i in range(places.shape[0]):
        total += a[kernels.inside(places[i], a.shape[0])]
    return total


def test_an_index_that_is_not_negative_takes_one_test() -> None:
    """Neither the helper nor Numba chooses between an index from the front and the end."""
    compiled = numba.njit(error_model="numpy")(chosen)
    assert compiled(np.arange(1.0, 4), np.array([0, -1, 2])) == 7.0
    (text,) = compiled.inspect_llvm().values()
    body = text[text.index("define") :]
    assert "select" not in body[: body.index("\n}")]


def test_natural_index(run: Any) -> None:
    assert run(kernels.natural)(4) == 4


@pytest.mark.parametrize("number", [0, 5, -(2**62), 2**62])
def test_integers_of_a_word(run: Any, number: int) -> None:
    assert run(kernels.whole)(number, float(number)) == number


@pytest.mark.parametrize("rough", [2.0**63, -(2.0**63), math.inf, -math.inf])
def test_integers_beyond_a_word(rough: float) -> None:
    whole = numba.njit(lambda x, y: kernels.whole(x, y))
    with pytest.raises(OverflowError, match="must fit 64 bits"):
        whole(0, rough)
    with pytest.raises(ValueError, match="cannot convert float NaN"):
        whole(0, math.nan)


@pytest.mark.parametrize(
    ("x", "y", "total", "product"),
    [
        (1.5, 2.5, 4.0, 3.75),
        (1.5, 2, 3.5, 3.0),
        (1.5, True, 2.5, 1.5),
        (np.float32(0.1), np.float32(3), np.float32(3.1), np.float32(0.3)),
        (-0.0, -0.0, -0.0, 0.0),
        (math.inf, 1.0, math.inf, math.inf),
    ],
)
def test_steps_of_sums_and_products(run: Any, x: Any, y: Any, total: Any, product: Any) -> None:
    assert run(kernels.plus)(x, y) == pytest.approx(total, rel=1e-7)
    assert run(kernels.times)(x, y) == pytest.approx(product, rel=1e-7)


def test_a_single_precision_sum_stays_one() -> None:
    compiled = numba.njit(lambda x, y: kernels.plus(x[0], y[0]))
    arrays = np.ones(1, np.float32), np.ones(1)
    compiled(*arrays)
    assert str(compiled.nopython_signatures[0].return_type) == "float32"


@pytest.mark.parametrize(
    ("x", "y", "larger", "smaller"),
    [
        (1.0, 2.0, 2.0, 1.0),
        (math.nan, 2.0, math.nan, math.nan),
        (2.0, math.nan, math.nan, math.nan),
        (-math.inf, math.inf, math.inf, -math.inf),
    ],
)
def test_extrema(run: Any, x: float, y: float, larger: float, smaller: float) -> None:
    np.testing.assert_equal(run(kernels.larger)(x, y), larger)
    np.testing.assert_equal(run(kernels.smaller)(x, y), smaller)


def numbers(start: int, stop: int) -> list[int]:
    found = [7]
    for k in kernels.trips(start, stop):
        found.append(k)
    for k in reversed(kernels.trips(0, stop, 0)):
        found.append(k)
    return found


@pytest.mark.parametrize(("start", "stop"), [(0, 3), (2, 5), (3, 3), (4, 2)])
def test_trips(start: int, stop: int) -> None:
    want = [7, *range(start, stop), *reversed(range(stop))]
    assert numbers(start, stop) == want
    assert numba.njit(numbers)(start, stop) == want


def rows_taken_off(a: np.ndarray, k: int, i: int) -> None:
    for j in kernels.trips(k + 1, a.shape[1]):
        a[k, j] -= 0.5 * a[i, j]


def test_trips_that_begin_behind_another_index() -> None:
    """LLVM knows that no index is negative, and makes several trips at a time."""
    compiled = numba.njit(rows_taken_off)
    compiled(np.eye(5), 1, 3)
    (text,) = compiled.inspect_llvm().values()
    assert "fsub <" in text or "llvm.fmuladd.v" in text


def fallen(start: int, stop: int, step: int) -> list[int]:
    found = [7]
    for k in kernels.falling(range(start, stop, step)):
        found.append(k)
    return found


@pytest.mark.parametrize(
    ("start", "stop", "step"), [(4, -1, -1), (7, 1, -2), (0, 0, -1), (1, 4, -1), (3, 0, -1)]
)
def test_falling_numbers(start: int, stop: int, step: int) -> None:
    want = [7, *range(start, stop, step)]
    assert fallen(start, stop, step) == want
    assert numba.njit(fallen)(start, stop, step) == want


def backward_rows(table: Any, x: Any, y: Any, z: Any) -> None:
    for j in kernels.falling(range(len(table) - 1, -1, -1)):
        for i in range(x.shape[0]):
            y[i] = table[j, i] * x[i]
            z[i] += x[i]


def test_loops_inside_of_one_that_falls() -> None:
    table = np.arange(12.0).reshape(3, 4)
    x, y, z = np.arange(4.0), np.zeros(4), np.zeros(4)
    numba.njit(backward_rows)(table, x, y, z)
    np.testing.assert_array_equal(y, table[0] * x)
    np.testing.assert_array_equal(z, 3 * x)


# -- integers ----------------------------------------------------------------------------------

INTEGERS = [0, 1, -1, 2, -3, 7, 2**62, -(2**63) + 1, 2**63 - 1]


def test_division_with_remainder() -> None:
    def both(x: Any, y: Any) -> Any:
        return kernels.floor_divide(x, y), kernels.remainder(x, y)

    found = numba.njit(both)
    for x in INTEGERS:
        for y in INTEGERS:
            if y:
                assert found(x, y) == both(x, y) == (x // y, x % y)
    assert found(True, 2) == (0, 1)
    assert found(-7.5, 2.0) == (-4.0, 0.5)
    assert numba.njit(kernels_remainder)(-(2**63), -1) == 0


def kernels_remainder(x: Any, y: Any) -> Any:
    """The remainder as a function that can be compiled."""
    return kernels.remainder(x, y)


@pytest.mark.parametrize("name", ["floor_divide", "remainder"])
@pytest.mark.parametrize("zero", [0, 0.0])
def test_division_by_zero(run: Any, name: str, zero: Any) -> None:
    with pytest.raises(ZeroDivisionError):
        run(getattr(kernels, name))(3, zero)


def test_a_quotient_beyond_a_word() -> None:
    compiled = numba.njit(lambda x, y: kernels.floor_divide(x, y))
    with pytest.raises(OverflowError, match="must fit 64 bits"):
        compiled(-(2**63), -1)


@pytest.mark.parametrize("step", [1, 2, 3, 7, -1, -2, -3])
def test_ranges_from_last_to_first(step: int) -> None:
    def numbers(lo: int, hi: int, step: int) -> Any:
        return list(kernels.backwards(lo, hi, step))

    found = numba.njit(numbers)
    for lo in (-3, 0, 2):
        for hi in (-5, 0, 2, 3, 8):
            expected = list(range(lo, hi, step))[::-1]
            assert found(lo, hi, step) == numbers(lo, hi, step) == expected


def test_no_range_without_a_step() -> None:
    compiled = numba.njit(lambda n: len(kernels.backwards(0, n, n - n)))
    with pytest.raises(ValueError, match="must not be zero"):
        compiled(3)
