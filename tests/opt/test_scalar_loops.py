"""What makes scalar loops of kernels fast: single checks, variables for elements, skips."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import stagec as sc

RNG = np.random.default_rng(7)


def gathered(values: Any, columns: Any, starts: Any, x: Any) -> Any:
    rows = len(starts) - 1
    y = np.zeros(rows)
    for i in range(rows):
        for k in range(starts[i], starts[i + 1]):
            y[i] += values[k] * x[columns[k]]
    return y


def shared(x: Any, bins: Any) -> Any:
    h = np.zeros(bins)
    for i in range(len(x)):
        k = int(x[i] * (bins - 1))
        h[k] += 1.0 - x[i]
        h[k + 1] += x[i]
    return h


def aligned(score: Any, gap: Any, a: Any, b: Any) -> Any:
    h = np.zeros((len(a) + 1, len(b) + 1))
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            h[i, j] = max(
                0.0, h[i - 1, j - 1] + score[a[i - 1], b[j - 1]], h[i - 1, j] - gap,
                h[i, j - 1] - gap,
            )  # fmt: skip
    return np.sum(h)


def matched(a: Any, b: Any) -> Any:
    cost = np.full((len(a) + 1, len(b) + 1), np.inf)
    cost[0, 0] = 0.0
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            best = min(cost[i - 1, j], cost[i, j - 1], cost[i - 1, j - 1])
            cost[i, j] = (a[i - 1] - b[j - 1]) ** 2 + best
    return cost[len(a), len(b)]


def stepped(x: Any, e: Any) -> Any:
    step = 1.0
    while abs(step) > 1e-12:
        step = (x - e * np.sin(x) - 0.8) / (1.0 - e * np.cos(x))
        if abs(step) > 1.0:
            step = step / abs(step)
        x = x - step
    return x


SPARSE = (
    RNG.normal(size=6), np.array([0, -1, 2, 1, 1, -3]), np.array([0, 2, 2, 5, 6]),
    RNG.normal(size=3),
)  # fmt: skip


def test_only_doubtful_indices_are_checked() -> None:
    compiled = sc.jit(gathered, backend="numba")
    text = compiled.source(*SPARSE)
    assert "boundscheck" not in text
    assert text.count("kernels.inside") == 2  # of `values` and `columns` once, and of `x`
    assert "y[kernels" not in text
    np.testing.assert_allclose(compiled(*SPARSE), gathered(*SPARSE), rtol=1e-15)


@pytest.mark.parametrize("column", [3, -4, 2**40, -(2**40)])
def test_indices_outside_raise(column: int) -> None:
    values, columns, starts, x = SPARSE
    columns = columns.copy()
    columns[3] = column
    compiled = sc.jit(gathered, backend="numba")
    compiled(*SPARSE)
    with pytest.raises(IndexError):
        gathered(values, columns, starts, x)
    with pytest.raises(IndexError):
        compiled(values, columns, starts, x)
    with pytest.raises(IndexError):
        compiled(values, columns[:2], starts, x)


def test_sums_that_are_only_indices_may_wrap_around() -> None:
    compiled = sc.jit(shared, backend="numba")
    x = RNG.uniform(size=20)
    assert "whole(k + 1" not in compiled.source(x, 8)
    np.testing.assert_allclose(compiled(x, 8), shared(x, 8), rtol=1e-15)
    for large in (1.3e18, 1e17, -1e17):  # beyond the bins, next to the end of 64 bits
        with pytest.raises(IndexError):
            compiled(np.append(x, large), 8)
    for lost in (1e300, -1e300):
        with pytest.raises(OverflowError):
            compiled(np.append(x, lost), 8)
    with pytest.raises(ValueError, match="NaN"):
        compiled(np.append(x, np.nan), 8)


def test_elements_of_inner_loops_are_variables() -> None:
    text = sc.jit(gathered, backend="numba").source(*SPARSE)
    assert "acc = y[i]\n" in text
    assert "            acc = kernels.plus(acc, " in text
    assert "        y[i] = acc\n" in text


def spread(n: Any, x: Any) -> Any:
    """The element may be outside where the loop makes no trip."""
    y = np.zeros(2)
    for i in range(4):
        for j in range(n - i):
            y[i] += x[j]
    return y


def test_elements_that_may_be_outside_stay() -> None:
    compiled = sc.jit(spread, backend="numba")
    x = RNG.normal(size=5)
    np.testing.assert_allclose(compiled(2, x), spread(2, x), rtol=1e-15)
    with pytest.raises(IndexError):
        compiled(4, x)


def mixed_places(x: Any) -> Any:
    y = np.zeros(len(x))
    for i in range(1, len(x)):
        for j in range(3):
            y[i] += x[j] * y[i - 1] + y[i] * 0.5
    return y


def halved_types(x: Any) -> Any:
    y = np.zeros(len(x), np.float32)
    for i in range(len(x)):
        for j in range(3):
            y[i] += x[j] * 1.1
    return y


@pytest.mark.parametrize("program", [mixed_places, halved_types])
def test_other_loops_write_to_memory(program: Any) -> None:
    x = RNG.normal(size=5)
    got, expected = sc.jit(program, backend="numba")(x), program(x)
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got, expected)


LETTERS = (RNG.normal(size=(4, 4)), 0.3, RNG.integers(4, size=9), RNG.integers(4, size=12))
SEQUENCES = (RNG.normal(size=8), RNG.normal(size=11))
TIES = (np.array([1.0, 1.0, 0.0, 0.0]), np.array([1.0, 0.0, 0.0, 1.0]))


@pytest.mark.parametrize(
    ("program", "args", "wrt"),
    [(aligned, LETTERS, (0, 1)), (matched, SEQUENCES, (0, 1)), (matched, TIES, (0, 1))],
)
def test_zero_cotangents_are_skipped(program: Any, args: Any, wrt: Any) -> None:
    compiled = sc.grad(program, argnums=wrt, backend="numba")
    assert " != 0.0:\n" in compiled.source(*args)
    plain = sc.grad(program, argnums=wrt)
    assert " != 0.0:\n" not in plain.source(*args)
    for got, expected in zip(compiled(*args), plain(*args), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-15)


def test_products_with_zero_cotangents_are_not_skipped() -> None:
    a, b = SEQUENCES[0].copy(), SEQUENCES[1]
    a[3] = np.nan
    for got, expected in zip(
        sc.grad(matched, argnums=(0, 1), backend="numba")(a, b),
        sc.grad(matched, argnums=(0, 1))(a, b),
        strict=True,
    ):
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-15)


def largest(x: Any) -> Any:
    best = 0.0
    for i in range(len(x)):
        best = max(best, 2.0 * np.sin(x[i]))
    return best


def fading(x: Any) -> Any:
    s = 0.0
    for i in range(len(x)):
        s = max(0.5 * s, x[i])
    return s


def in_single_precision(x: Any) -> Any:
    best = np.float32(0.0)
    for i in range(len(x)):
        best = np.maximum(best, x[i] * x[i])
    return best


def times_elements(x: Any) -> Any:
    s = 1.0
    for i in range(len(x)):
        s = max(s * x[i], -1.0)
    return s


TIED = np.array([0.2, 0.9, 0.1, 0.9, -0.3])
UNKNOWN = np.array([0.2, np.nan, 0.1, np.inf, 0.7])


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("program", [largest, fading, in_single_precision])
@pytest.mark.parametrize("x", [SEQUENCES[0], TIED, -TIED, UNKNOWN, np.zeros(4)])
def test_what_stays_zero_is_skipped(program: Any, x: Any) -> None:
    x = x.astype(np.float32) if program is in_single_precision else x
    compiled, plain = sc.grad(program, backend="numba"), sc.grad(program)
    assert "_bar != " in compiled.source(x)
    assert "_bar != " not in plain.source(x)
    got, expected = compiled(x), plain(x)
    assert got.dtype == expected.dtype
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-15)


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("x", [SEQUENCES[0], TIED, UNKNOWN, np.array([0.7, np.inf, 0.8])])
def test_what_may_become_another_number_than_zero_is_not(x: Any) -> None:
    compiled, plain = sc.grad(times_elements, backend="numba"), sc.grad(times_elements)
    assert "_bar != " not in compiled.source(x)
    np.testing.assert_allclose(compiled(x), plain(x), rtol=1e-12, atol=1e-15)


def test_numbers_around_loops_are_compiled_too() -> None:
    text = sc.grad(stepped, argnums=(0, 1), backend="numba").source(0.8, 0.9)
    entry = text.split("def stepped_grad(")[1]
    assert "np.float64" not in entry
    # sine, cosine, the step before and after it is cut
    assert "    rows = np.empty((16, 4))\n" in text
    got = sc.grad(stepped, argnums=(0, 1), backend="numba")(0.8, 0.9)
    np.testing.assert_allclose(got, sc.grad(stepped, argnums=(0, 1))(0.8, 0.9), rtol=1e-12)


def row_added(x: np.ndarray, rows: np.ndarray, y: np.ndarray) -> np.ndarray:
    for k in rows:
        for j in range(len(y)):
            y[j] = y[j] + np.exp(x[k, j])
    return y


def test_an_index_is_checked_in_front_of_the_innermost_loop() -> None:
    x, rows, y = RNG.normal(size=(3, 4)), np.array([0, -1, 2]), np.zeros(4)
    compiled = sc.jit(row_added, backend="numba")
    text = compiled.source(x, rows, y)
    assert "if 0 < t else 0" in text
    assert "x[kernels" not in text
    np.testing.assert_allclose(
        compiled(x, rows, y.copy()), row_added(x, rows, y.copy()), rtol=1e-15
    )
    with pytest.raises(IndexError):
        compiled(x, np.array([0, 3, 1]), y.copy())
    nothing = np.zeros((3, 0)), np.array([0, 3, 1]), np.zeros(0)
    assert compiled(*nothing).shape == (0,)  # no element is read


def refilled(a: np.ndarray) -> np.ndarray:
    r = a.copy()
    r[...] = 3 - 3
    return r + a


def test_a_python_integer_fills_an_array_of_one_integer() -> None:
    a = np.array([56])
    np.testing.assert_array_equal(sc.jit(refilled, backend="numba")(a), a)
