"""Which loops are run in parts, and that parts give what the whole loop gives."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

pytest.importorskip("numba")

from stagec_runtime import threads

N = 40


def normal(seed: int, *shape: int) -> Any:
    return np.random.default_rng(seed).normal(size=shape)


@pytest.fixture(autouse=True)
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any work is worth three threads."""
    monkeypatch.setattr(threads, "WORTH", 1)
    monkeypatch.setattr(threads, "_pools", [threads.Pool(3)])


# --- independent loops -----------------------------------------------------------------------


def rows(x: Any, y: Any) -> Any:
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            y[i, j] = 2.0 * x[i, j] + i


def columns(x: Any, y: Any) -> Any:
    for j in range(x.shape[1]):
        s = 0.0
        for i in range(x.shape[0]):
            s += x[i, j]
        for i in range(x.shape[0]):
            y[i, j] = s


def stencil(x: Any, y: Any) -> Any:
    for i in range(1, x.shape[0] - 1):
        for j in range(1, x.shape[1] - 1):
            y[i, j] = x[i - 1, j] + x[i + 1, j] - x[i, j - 1] * x[i, j + 1]


def shifted(x: Any, y: Any) -> Any:
    for i in range(x.shape[0] - 2):
        y[i + 2, 0] = x[i, 0]
        y[i + 2, 1] = y[i + 2, 0] + x[i + 1, 1]


def own_rows(x: Any, y: Any) -> Any:
    for i in range(x.shape[0]):
        row = y[i]
        for j in range(1, x.shape[1]):
            row[j] = row[j - 1] + x[i, j]


def gathered(x: Any, y: Any) -> Any:
    for i in range(x.shape[0]):
        y[i, 0] = x[int(abs(x[i, 1])) % 3, 0]


def iterated(x: Any, y: Any) -> Any:
    for i in range(x.shape[0]):
        z = 1.0
        while abs(z * z - abs(x[i, 0])) > 1e-12:
            z = 0.5 * (z + abs(x[i, 0]) / z)
        y[i, 0] = z


def chosen(x: Any, y: Any) -> Any:
    for i in range(x.shape[0]):
        if x[i, 0] > 0:
            y[i, 0] = x[i, 1]
        else:
            y[i, 1] += 1.0


def in_place(x: Any, y: Any) -> Any:
    for i in range(x.shape[0]):
        y[i, 0] = y[i, 1] * y[i, 0] + x[i, 0]


def summed(x: Any, y: Any) -> Any:
    s = 0.0
    for i in range(x.shape[0]):
        s += x[i, 0]
    y[0, 0] = s


# --- loops that depend on their order, or seem to --------------------------------------------


def backwards(x: Any, y: Any) -> Any:
    for i in range(x.shape[0] - 1, -1, -1):
        y[i, 0] = x[i, 0]


def recurrence(x: Any, y: Any) -> Any:
    for i in range(1, x.shape[0]):
        y[i, 0] = 0.5 * y[i - 1, 0] + x[i, 0]


def neighbours(x: Any, y: Any) -> Any:
    for i in range(x.shape[0] - 1):
        y[i, 0] += x[i, 0]
        y[i + 1, 0] += x[i, 0]


def scatter(x: Any, y: Any) -> Any:
    for i in range(x.shape[0]):
        y[int(abs(x[i, 0])) % 3, 0] += x[i, 1]


def drifting(x: Any, y: Any) -> Any:
    for i in range(x.shape[0]):
        y[(i + int(abs(x[i, 0]))) % 3, 0] = x[i, 1]


def offset(x: Any, y: Any) -> Any:
    for i in range(x.shape[0] - 10):
        k = i + int(abs(x[i, 0]))
        y[k, 0] = x[i, 1]


def around(x: Any, y: Any) -> Any:
    for i in range(x.shape[0]):
        y[i - 1, 0] = x[i, 0] + y[-1, 1]


def wrapped(x: Any, y: Any) -> Any:
    for i in range(-3, x.shape[0] - 3):
        y[i, 0] += x[i, 0]
        y[i, 1] = y[i, 0]


def transposed(x: Any, y: Any) -> Any:
    for i in range(x.shape[1]):
        for j in range(x.shape[1]):
            y[j, i] = y[i, j] + 1.0


def same_row(x: Any, y: Any) -> Any:
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            y[j, 0] = x[i, j]


def diagonal(x: Any, y: Any) -> Any:
    for i in range(5):
        for j in range(x.shape[0] - 5):
            y[i + j, 0] += x[j, 1]


def read_whole(x: Any, y: Any) -> Any:
    for i in range(x.shape[0]):
        y[i, 0] = x[i, 0] + y[3, 1]
        y[i, 1] = x[i, 1]


def corrected(x: Any, y: Any) -> Any:
    s = lost = 0.0
    for i in range(x.shape[0]):
        term = x[i, 0] - lost
        total = s + term
        lost = (total - s) - term
        s = total
    y[0, 0] = s


def running(x: Any, y: Any) -> Any:
    s = 0.0
    for i in range(x.shape[0]):
        s += x[i, 0]
        y[i, 0] = s


def first_found(x: Any, y: Any) -> Any:
    for i in range(x.shape[0]):
        y[i, 0] = 1.0
        if x[i, 0] > 1.0:
            break


def halves(x: Any, y: Any) -> Any:
    for i in range(x.shape[0]):
        y[i // 2, 0] += x[i, 0]


def constant(x: Any, y: Any) -> Any:
    for i in range(x.shape[0]):
        y[2, i % 3] += x[i, 0]


INDEPENDENT = [
    rows, columns, stencil, shifted, own_rows, gathered, iterated, chosen, in_place, summed,
]  # fmt: skip
ORDERED = [
    backwards, recurrence, neighbours, scatter, drifting, offset, around, wrapped, transposed,
    same_row, diagonal, read_whole, corrected, running, first_found, halves, constant,
]  # fmt: skip


@pytest.mark.parametrize("loop", [*INDEPENDENT, *ORDERED], ids=lambda f: f.__name__)
def test_loops(loop: Callable[..., Any]) -> None:
    x, y = normal(0, N, 7), normal(1, N, 7)
    expected = y.copy()
    loop(x, expected)
    compiled = sc.jit(loop, backend="numba")
    assert bool(compiled.explain(x, y).parts) == (loop in INDEPENDENT)
    for _ in range(3):
        found = y.copy()
        compiled(x, found)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    assert compiled.explain(x, y).fallbacks == ()


# --- rows that each trip makes, and several nests of loops ------------------------------------


def softmax(x: Any, y: Any) -> Any:
    e = np.exp(x - np.max(x, axis=1, keepdims=True))
    return e / np.sum(e, axis=1, keepdims=True)


def logsumexp(x: Any, y: Any) -> Any:
    top = np.max(x, axis=1)
    return top + np.log(np.sum(np.exp(x - top[:, None]), axis=1))


def own_array(x: Any, y: Any) -> Any:
    for i in range(x.shape[0]):
        row = np.empty(x.shape[1])
        for j in range(x.shape[1]):
            row[j] = x[i, j] * x[i, 0]
        for j in range(x.shape[1]):
            y[i, j] += row[x.shape[1] - 1 - j]


def nests(x: Any, y: Any) -> Any:
    n, m = x.shape
    total = 0.0
    for i in range(n):
        for j in range(m):
            y[i, j] = x[i, j] ** 2
    for j in range(m):
        total += y[3, j]
    for j in range(m):
        for i in range(n):
            y[i, j] += total
    return total


def mostly_in_order(x: Any, y: Any) -> Any:
    n, m = x.shape
    for i in range(n):
        for j in range(m):
            y[i, j] = x[i, j] ** 2
    for k in range(n):
        for i in range(1, n):
            for j in range(m):
                y[i, j] += 0.1 * y[i - 1, j] / (1.0 + k)


def handed_on(x: Any, y: Any) -> Any:
    row = np.zeros(x.shape[1])
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            y[i, j] = row[j]
            row[j] = x[i, j]


@pytest.mark.parametrize(
    ("program", "count"),
    [(softmax, 1), (logsumexp, 2), (own_array, 1), (nests, 3), (mostly_in_order, 0),
     (handed_on, 0)],
    ids=lambda p: getattr(p, "__name__", None),
)  # fmt: skip
def test_nests(program: Callable[..., Any], count: int) -> None:
    x, y = normal(8, N, 7), normal(9, N, 7)
    want_y = y.copy()
    want = program(x, want_y)
    compiled = sc.jit(program, backend="numba")
    assert len(compiled.explain(x, y).parts) == count
    for _ in range(3):
        got_y = y.copy()
        got = compiled(x, got_y)
        np.testing.assert_allclose(got_y, want_y, rtol=1e-12, atol=1e-12)
        if want is not None:
            np.testing.assert_allclose(got, want, rtol=1e-12)
    assert compiled.explain(x, y).fallbacks == ()


def test_pullbacks_of_rows() -> None:
    def f(x: Any, y: Any) -> Any:
        return np.sum(softmax(x, y) * y) + np.sum(logsumexp(x, y) * y[:, 0])

    x, y = normal(10, N, 7), normal(11, N, 7)
    compiled = sc.value_and_grad(f, argnums=(0, 1), backend="numba")
    assert compiled.explain(x, y).parts
    (got, got_bars), (want, want_bars) = (
        compiled(x, y),
        sc.value_and_grad(f, argnums=(0, 1))(x, y),
    )
    np.testing.assert_allclose(got, want, rtol=1e-12)
    for g, w in zip(got_bars, want_bars, strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-12, atol=1e-14)


def test_arrays_of_a_trip_are_made_once() -> None:
    x, y = normal(12, N, 7), normal(13, N, 7)
    source = sc.jit(own_array, backend="numba").source(x, y)
    made = next(line for line in source.splitlines() if "row = np.empty" in line)
    assert made.startswith("    row")  # in front of the loop


def test_arrays_that_outlive_their_trip_are_made_in_it() -> None:
    def f(x: Any) -> Any:
        last = np.zeros(x.shape[1])
        for i in range(x.shape[0]):
            row = np.empty(x.shape[1])
            for j in range(x.shape[1]):
                row[j] = x[i, j] + last[x.shape[1] - 1 - j]
            last = row
        return last

    x = normal(14, N, 7)
    np.testing.assert_allclose(sc.jit(f, backend="numba")(x), f(x), rtol=1e-12)


def test_kernels_write_to_the_arrays_of_their_callers() -> None:
    def f(x: Any, n: Any) -> Any:
        y = np.zeros(x.shape)
        for _ in range(n):
            for i in range(1, x.shape[0]):
                y[i] += x[i] * y[i - 1] + 1.0
        np.linalg.solve(np.eye(2), np.ones(2))
        for i in range(1, x.shape[0]):
            y[i] += y[i - 1]
        return y

    x = normal(15, N)
    compiled = sc.jit(f, backend="numba")
    assert ".copy()" not in compiled.source(x, 3)
    np.testing.assert_allclose(compiled(x, 3), f(x, 3), rtol=1e-12)


# --- reductions ------------------------------------------------------------------------------


def several(x: Any) -> Any:
    return np.sum(x * x), np.max(np.abs(x)), np.min(x), np.prod(1.0 + 0.01 * x)


def average(x: Any) -> Any:
    return np.mean(np.exp(x) * x)


def inner(x: Any) -> Any:
    return np.sum(np.exp(x), axis=1)


@pytest.mark.parametrize("program", [several, average, inner], ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_reductions(program: Callable[..., Any], dtype: str) -> None:
    x = normal(2, N, 5).astype(dtype)
    compiled = sc.jit(program, backend="numba")
    got, want = compiled(x), sc.jit(program)(x)
    assert compiled.explain(x).parts
    for a, b in zip(np.atleast_1d(got), np.atleast_1d(want), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12 if dtype == "float64" else 1e-5)
    assert np.result_type(got[0]) == np.result_type(want[0]) if program is several else True


def test_a_mean_is_not_turned_into_a_number_and_back() -> None:
    text = sc.jit(average, backend="numba").source(normal(2, N, 5))
    caller = text[text.rindex("def average") :]
    assert "float(" not in caller.replace("np.float64(acc)", "")
    assert caller.count("np.float64(") == 1


def test_scalars_that_are_returned_are_made_by_the_kernel() -> None:
    x = normal(2, N, 5)
    compiled = sc.jit(lambda x: np.sum(x * x), backend="numba")
    _, _, caller = compiled.source(x).partition("return kernels.float64(acc)")
    assert caller
    assert "float" not in caller
    for size in (1, N):  # one call, and parts
        assert type(compiled(x[:size])) is np.float64


def test_nan_is_the_largest_of_any_part() -> None:
    x = normal(3, 1000)
    x[700] = np.nan
    compiled = sc.jit(lambda x: np.max(np.abs(x) * 2.0), backend="numba")
    assert np.isnan(compiled(x))
    assert compiled.explain(x).parts


def test_the_same_bits_for_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    x = normal(4, 10_000)
    compiled = sc.value_and_grad(lambda x: np.sum(np.sin(x) * np.exp(-x * x)), backend="numba")
    found: list[Any] = []
    for count in (1, 2, 5):
        monkeypatch.setattr(threads, "_pools", [threads.Pool(count)])
        found += [compiled(x) for _ in range(3)]
    assert {float(value) for value, _ in found} == {float(found[0][0])}
    assert all(np.array_equal(g, found[0][1]) for _, g in found)


def test_the_first_exception_of_a_loop_is_raised_with_the_line() -> None:
    def f(x: Any, k: Any, y: Any) -> Any:
        for i in range(y.shape[0]):
            y[i] = x[k[i]]  # here

    k = np.arange(1000)
    k[[300, 900]] = 5000
    compiled = sc.jit(f, backend="numba")
    assert compiled.explain(np.ones(1000), k, np.ones(1000)).parts
    with pytest.raises(IndexError) as raised:
        compiled(np.ones(1000), k, np.ones(1000))
    assert [note.endswith("# here") for note in raised.value.__notes__] == [True]


def test_large_integers_run_as_python() -> None:
    def f(n: Any, y: Any) -> Any:
        for i in range(y.shape[0]):
            y[i] = float(n % (i + 1))

    for n in (12345, 2**60 + 1, 2**80 + 1):
        found, expected = np.zeros(50), np.zeros(50)
        sc.jit(f, backend="numba")(n, found)
        f(n, expected)
        np.testing.assert_array_equal(found, expected)


def test_overlapping_arrays_are_refused() -> None:
    y = normal(5, N, 7)
    compiled = sc.jit(in_place, backend="numba")
    with pytest.raises(sc.StagecError, match="SC501"):
        compiled(y[1:], y[:-1])


def test_what_is_small_at_staging_stays_as_it_is() -> None:
    def f(x: Any) -> Any:
        y = np.zeros(4)
        for i in range(4):
            y[i] = x[i] * 2.0
        return y

    assert sc.jit(f, backend="numba").explain(np.ones(6)).parts == ()


def test_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    def f(a: Any, b: Any) -> Any:
        return np.sum(np.tanh(a * b) + np.sin(a) / (2.0 + b * b))

    a, b = normal(6, N, 5), normal(7, N, 5)
    compiled = sc.grad(f, argnums=(0, 1), backend="numba")
    assert compiled.explain(a, b).parts
    got, want = compiled(*copy.deepcopy((a, b))), sc.grad(f, argnums=(0, 1))(a, b)
    for g, w in zip(got, want, strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-12)
    monkeypatch.setattr(threads, "WORTH", 10**9)
    for g, w in zip(compiled(a, b), got, strict=True):
        np.testing.assert_array_equal(g, w)


def test_source(golden: Callable[[str, str], None]) -> None:
    def f(x: Any, w: Any) -> Any:
        r = np.tanh(x) * w
        return np.max(r), np.sum(r * r, axis=1)

    golden(sc.jit(f, backend="numba").source(normal(0, N, 5), normal(1, N, 5)), "py")


# --- arrays that are only added to -----------------------------------------------------------


def gathered_rows(x: Any, k: Any, w: Any) -> Any:
    s = np.zeros(len(k))
    for i in range(len(k)):
        for j in range(w.shape[1]):
            s[i] += x[k[i], j] * np.sin(w[i, j])
    return np.sum(s * s[::-1])


def chained_rows(x: Any, k: Any, w: Any) -> Any:
    """The backward loop reads what it adds to."""
    y = x.copy()
    for i in range(len(k)):
        for j in range(w.shape[1]):
            y[k[i], j] = np.sin(y[k[i] - 1, j] * w[i, j])
    return np.sum(y**2)


def few_rows(x: Any, k: Any, w: Any) -> Any:
    s = np.zeros((len(k), 3))
    for c in range(3):
        s[:, c] = np.sum((w @ w.T)[k, :4] * x[c, 0], axis=1)
    return np.sum(s**2)


MANY = 40_000
K = np.random.default_rng(5).integers(1, 6, size=MANY)
ROWS = (normal(1, 6, 4), K, normal(2, MANY, 4))


def of_rows(program: Callable[..., Any], backend: str) -> Any:
    return sc.value_and_grad(program, argnums=(0, 2), backend=backend)


@pytest.mark.parametrize("program", [gathered_rows, chained_rows, few_rows])
def test_backward_loops_that_add_to_rows(program: Callable[..., Any]) -> None:
    few = (ROWS[0], K[:70], ROWS[2][:70])
    args = few if program is few_rows else ROWS
    (found, slopes), (value, expected) = (
        of_rows(program, backend)(*args) for backend in ("numba", "numpy")
    )
    assert found == pytest.approx(value, rel=1e-12)
    for a, b in zip(slopes, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12)


def test_each_part_adds_to_an_array_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    gradient = of_rows(gathered_rows, "numba")
    assert "threads.fold(\n        np.add," in gradient.source(*ROWS)
    assert "np.add" not in of_rows(chained_rows, "numba").source(*ROWS)
    _, (one, _) = gradient(*ROWS)
    monkeypatch.setattr(threads, "_pools", [threads.Pool(1)])
    _, (other, _) = gradient(*ROWS)
    np.testing.assert_array_equal(one, other)


def test_large_arrays_are_added_to_by_one_thread() -> None:
    args = (normal(1, MANY // 8, 4), *ROWS[1:])
    assert "np.add" not in of_rows(gathered_rows, "numba").source(*args)


def test_loops_that_were_short_at_the_first_call_add_on_one_thread() -> None:
    args = (ROWS[0], K[:70], ROWS[2][:70])
    assert "np.add" not in of_rows(gathered_rows, "numba").source(*args)
