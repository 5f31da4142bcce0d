"""Sizes that are near each other at the first call, and calls where they are not."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import stagec
from stagec import driver
from tests.benchmarks.workloads import WORKLOADS


def edged(n: Any, a: Any, b: Any) -> Any:
    a[1 : n - 1] += b[: n - 2] * b[2:n]
    return a[n - 1] - np.sum(b[:n])


def inner(wide: Any, narrow: Any) -> Any:
    n = narrow.shape[0]
    return np.sum((wide[2 : n + 2] - wide[:n]) * narrow)


def between(faces: Any, cells: Any) -> Any:
    cells[:] = 0.5 * (faces[1:] + faces[:-1]) * cells
    return cells


def smaller(n: Any, a: Any) -> Any:
    return np.sum(a[: n + 1] * a[1 : n + 2])


def three(table: Any) -> Any:
    found = np.zeros(len(table))
    for k in range(len(table)):
        found[k] = np.sum(np.array([1.0, 0.0, 2.0]) * table[k][1:])
    return found


def tables(*widths: int) -> tuple[Any, ...]:
    return tuple(np.random.default_rng(n).standard_normal((7, n)) for n in widths)


def arrays(*lengths: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(len(lengths))
    return tuple(rng.standard_normal(n) for n in lengths)


CALLS: list[tuple[Callable[..., Any], list[tuple[Any, ...]]]] = [
    (edged, [(n, *arrays(12, 12)) for n in (12, 11, 20, 5, 1, 0)]),
    (edged, [(12, *arrays(n, n)) for n in (12, 13, 30)]),
    (inner, [arrays(14, 10), arrays(12, 10), arrays(30, 26), arrays(9, 12)]),
    (inner, [arrays(12, 10), arrays(14, 10), arrays(22, 20)]),
    (between, [arrays(11, 10), arrays(21, 20), arrays(2, 9)]),
    (smaller, [(8, *arrays(10)), (9, *arrays(11)), (8, *arrays(9)), (0, *arrays(10))]),
    (three, [tables(n) for n in (4, 2, 5)]),
    (three, [tables(n) for n in (2, 4)]),
    (smaller, [(20, *arrays(10)), (21, *arrays(11)), (10, *arrays(10))]),
]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize(("function", "calls"), CALLS)
def test_one_function_for_all_calls(
    backend: str, function: Callable[..., Any], calls: list[tuple[Any, ...]]
) -> None:
    staged = stagec.jit(function, backend=backend)
    for args in (*calls, *calls):
        mine, theirs = ([np.copy(a) if np.ndim(a) else a for a in args] for _ in range(2))
        assert _outcome(staged, mine) == _outcome(function, theirs)


def _outcome(function: Callable[..., Any], args: list[Any]) -> list[Any]:
    try:
        result = np.round(function(*args), 9).tolist()
    except (ValueError, IndexError) as error:
        result = type(error)
    return [result, *(np.round(a, 9).tolist() for a in args)]


def test_near_sizes_cost_one_more_specialisation() -> None:
    staged = stagec.jit(edged, backend="numba")
    for n in (12, 11, 10, 9, 4):
        staged(n, *arrays(12, 12))
    text = str(staged.explain(12, *arrays(12, 12)))
    assert "specialisations: 2" in text
    assert "(0, -1) is (1, 0) + 0" in text


def test_a_size_and_more_has_gradients_in_loops() -> None:
    slope = stagec.grad(inner, argnums=(0, 1), backend="numba")
    for wide, narrow in (arrays(14, 12), arrays(30, 28), arrays(14, 10)):
        n = len(narrow)
        first, second = slope(wide, narrow)
        expected = np.zeros_like(wide)
        expected[2 : n + 2] += narrow
        expected[:n] -= narrow
        np.testing.assert_allclose(first, expected)
        np.testing.assert_allclose(second, wide[2 : n + 2] - wide[:n])
    assert "for i in" in slope.source(*arrays(14, 12))


def test_gradients_are_told_of_integers_that_are_sizes() -> None:
    def swept(n: Any, u: Any) -> Any:
        q = np.zeros_like(u)
        for _ in range(3):
            for j in range(1, n - 1):
                q[1 : n - 1, j] = (u[j, : n - 2] - q[1 : n - 1, j - 1]) / (2 + u[1 : n - 1, j])
            u[1 : n - 1, 0] = q[1 : n - 1, n - 2]
        return np.sum(u)

    slope, slow = stagec.grad(swept, 1, backend="numba"), stagec.grad(swept, 1)
    for n, k in [(12, 12), (9, 9), (12, 10)]:
        u = np.random.default_rng(n).standard_normal((n, n)) + 5.0
        np.testing.assert_allclose(slope(k, u.copy()), slow(k, u.copy()), rtol=1e-12)
    # tapes are arrays, as where the program asks for the length
    assert "append" not in slope.source(12, np.ones((12, 12)))


def test_what_is_left_of_a_size_is_known_where_it_meets_a_number() -> None:
    text = stagec.jit(three, backend="numba").source(*tables(4))
    assert "table: f64[n, 4]" in text
    assert "in range(3)" in text


# -- longer arrays than those of the first call


def multiplied(a: Any, b: Any, c: Any) -> Any:
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            total = 0.0
            for k in range(a.shape[1]):
                total += a[i, k] * b[k, j]
            c[i, j] = total
    return c


def scaled(a: Any, b: Any) -> Any:
    return np.sum(np.exp(a) * b)


def factors(n: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(n)
    shapes = (n, n + 9), (n + 9, n + 18), (n, n + 18)
    return tuple(rng.standard_normal(shape) for shape in shapes)


def versions(staged: Any) -> int:
    return sum(map(len, staged._compiler.table.values()))


SMALL, LARGE = 5, 150


def test_long_arrays_get_the_code_of_long_arrays() -> None:
    alone = stagec.jit(multiplied, backend="numba").source(*factors(LARGE))
    staged = stagec.jit(multiplied, backend="numba")
    small = staged.source(*factors(SMALL))
    assert small != alone
    for n in (SMALL, LARGE, SMALL + 1, LARGE + 1):
        np.testing.assert_allclose(staged(*factors(n)), multiplied(*factors(n)))
    assert staged.source(*factors(LARGE)) == alone
    assert staged.source(*factors(SMALL)) == small
    assert staged.compiled(*factors(LARGE)) is not staged.compiled(*factors(SMALL))
    assert versions(staged) == 2
    assert "larger" in str(staged.explain(*factors(LARGE)))


def test_short_arrays_after_long_ones_compile_nothing() -> None:
    staged = stagec.jit(multiplied, backend="numba")
    text = staged.source(*factors(LARGE))
    assert staged.source(*factors(SMALL)) == text
    assert versions(staged) == 1


def test_both_ways_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    staged = stagec.jit(multiplied, backend="numba")
    for n in (SMALL, LARGE):
        staged(*factors(n))
    monkeypatch.setattr(type(staged._compiler), "flatten", None)
    for n in (SMALL, LARGE, SMALL + 1, LARGE + 1):
        np.testing.assert_allclose(staged(*factors(n)), multiplied(*factors(n)))


def test_what_no_length_decides_is_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    staged = stagec.value_and_grad(scaled, argnums=(0, 1), backend="numba")
    staged(*arrays(3, 3))
    monkeypatch.setattr(type(staged._compiler), "flatten", None)
    staged(*arrays(300_000, 300_000))


def test_growing_step_by_step_ends() -> None:
    staged = stagec.jit(multiplied, backend="numba")
    seen = [staged.source(*factors(n)) for n in range(2, 120)]
    assert 1 < versions(staged) <= driver.CLASSES
    assert len(set(seen)) == versions(staged)
    again = [staged.source(*factors(n)) for n in range(2, 120)]
    assert again == seen


def test_there_are_no_more_versions_than_a_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "CLASSES", 1)
    staged = stagec.jit(multiplied, backend="numba")
    small = staged.source(*factors(SMALL))
    assert staged.source(*factors(LARGE)) == small
    (made,) = next(iter(staged._compiler.table.values()))
    assert made.reach.holds(staged._compiler.flatten(factors(10 * LARGE), {})[1])


def test_a_specification_does_not_decide_for_calls() -> None:
    staged = stagec.jit(multiplied, backend="numba")
    matrix = stagec.spec("f64[n, m]"), stagec.spec("f64[m, k]"), stagec.spec("f64[n, k]")
    staged.source(*matrix)
    alone = stagec.jit(multiplied, backend="numba").source(*factors(LARGE))
    assert staged.source(*factors(LARGE)) == alone


def test_short_ones_are_near_each_other_by_chance_long_ones_are_not() -> None:
    alone = stagec.jit(edged, backend="numba").source(100, *arrays(100, 100))
    staged = stagec.jit(edged, backend="numba")
    assert staged.source(5, *arrays(5, 5)) != alone
    assert staged.source(100, *arrays(100, 100)) == alone


def test_many_threads_may_find_that_arrays_are_longer() -> None:
    staged = stagec.jit(multiplied, backend="numba")
    sizes = [SMALL, LARGE] * 4
    staged(*factors(SMALL))
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda n: staged(*factors(n)), sizes))
    for n, result in zip(sizes, made, strict=True):
        np.testing.assert_allclose(result, multiplied(*factors(n)))


def lengthened(x: Any, w: Any) -> Any:
    total = 0.0
    for k in range(x.shape[0]):
        total += np.sum(np.tanh(x[k] @ w))
    return total


def test_a_pullback_is_that_of_the_code_that_ran() -> None:
    for n in (2, 60, 3, 61):
        rng = np.random.default_rng(n)
        x, w = rng.standard_normal((n, n + 1)), rng.standard_normal((n + 1, n + 2))
        _, pull = stagec.vjp(lengthened, x, w)
        slopes = stagec.grad(lengthened, argnums=(0, 1))(x, w)
        for mine, theirs in zip(pull(1.0), slopes, strict=True):
            np.testing.assert_allclose(mine, theirs)


@pytest.mark.parametrize("name", ["adi", "csr_product", "jacobi_2d", "lstm", "mixture"])
def test_what_ran_before_leaves_no_trace_in_the_code_for_long_arrays(name: str) -> None:
    workload = WORKLOADS[name]
    staged: Any = workload.derivative.staged(workload, "numba")
    for n in workload.sizes:
        alone: Any = workload.derivative.staged(workload, "numba")
        arguments = workload.data(n)
        assert staged.source(*arguments) == alone.source(*arguments)
