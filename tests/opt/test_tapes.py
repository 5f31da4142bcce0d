"""Tapes in arrays: the same results, in the graph and without Numba."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec
from stagec.ir.function import Function
from stagec.ir.interpreter import evaluate
from stagec.ir.types import ArrayType, ListType
from stagec.ir.verifier import verify
from stagec.ir.walk import statements
from stagec.opt.tapes import tapes

X = np.array([0.3, -0.7, 1.1, 0.4])


def counted(x, n):
    for _ in range(n):
        x = x * np.sin(x)
    return x


def upwards_in_steps(x, n):
    for i in range(3, n, 2):
        x = x * np.sin(x) + i
    return x


def downwards(x, n):
    for i in range(n, 0, -1):
        x = x * np.sin(x) + i
    return x


def nest(x, n):
    s = 0.0
    for _ in range(n):
        for j in range(len(x)):
            s = s * np.sin(s) + x[j]
    return s


def triangle(x, n):
    s = 0.0
    for i in range(len(x)):
        a = x[i]
        for j in range(i):
            a = a * np.sin(a) + x[j]
        s += a * a
    return s


def three_deep(x, n):
    s = 0.1
    for i in range(n):
        for j in range(i):
            for k in range(j + 1):
                s = s * np.cos(s) + x[k % 4]
    return s


def bounds_of_bounds(x, n):
    s = 0.1
    for i in range(n):
        for j in range(i, n):
            for _ in range(j, i, -1):
                s = s * np.sin(s) + x[j]
    return s


def search(x, n):
    s = x
    while s > 0.1:
        s = s * np.sin(s)
    return s


def searches(x, n):
    total = 0.0
    for i in range(n):
        e = x[0] + i + 1.0
        while np.abs(e * e - 2.0) > 1e-8:
            e = 0.5 * (e + 2.0 / e)
        total += e * x[1]
    return total


def leaves_early(x, n):
    s = 0.5
    for _ in range(n):
        for j in range(4):
            s = s * s + x[j]
            if s > 2.0:
                s = s - 2.0
                break
    return s


def in_a_branch(x, n):
    s = 0.5
    for i in range(n):
        if s > 0.4:
            for j in range(i):
                s = s * np.sin(s) + x[j % 4]
        else:
            s = s * s + 0.5
    return s


def rows(x, n):
    for _ in range(n):
        x = x - 0.1 * x * np.sort(x)
    return np.sum(x * x)


def shorter_rows(x, n):
    u = x.copy()
    for _ in range(n):
        flux = u[1:] * u[:-1]
        u[1:] = u[1:] - 0.1 * flux * flux
    return np.sum(u * u)


def columns(x, n):
    q = np.outer(x, x) + np.eye(4)
    for k in range(4):
        for j in range(k + 1, 4):
            q[:, j] -= np.sum(q[:, k] * q[:, j]) * q[:, k] / (n + 1)
    return np.sum(q**3)


def columns_from_below(x, n):
    q = np.outer(x, x) + np.eye(len(x))
    for k in range(-1, len(x)):
        for j in range(k - 1, len(x), 2):
            q[j] = q[j] * q[j] / (n + 2.0)
        for i in range(k):
            q[:, i] *= q[:, i]
    return np.sum(q**3)


def complex_numbers(x, n):
    z = x[0] + 1j * x[1]
    for _ in range(n):
        z = z * z + (0.1 + 0.2j)
    return np.abs(z)


def collected(x, n):
    found = []
    s = x[0]
    for i in range(n):
        s = s * np.sin(s) + x[i % 4]
        found.append(s)
    return np.sum(np.array(found) ** 2)


def collected_downwards(x, n):
    found = []
    s = x[0]
    for i in range(n + 2, 2, -1):
        s = s * np.sin(s) + x[i % 4]
        found.append(s)
    return np.sum(np.array(found) ** 2)


def read_from_the_other_end(x, n):
    found = []
    for i in reversed(range(n)):
        found.append(x * i)
    s = 0.0
    for e in found:
        s = s * 0.5 + np.sum(e * e)
    return s


NUMBER = {counted: (0.7, 5), upwards_in_steps: (0.7, 10), downwards: (0.7, 5), search: (0.9, 0)}
ARRAYS = (
    nest, triangle, three_deep, bounds_of_bounds, searches, leaves_early, in_a_branch,
    shorter_rows, complex_numbers, collected, collected_downwards, columns,
    columns_from_below, read_from_the_other_end,
)  # fmt: skip
PROGRAMS: dict[Callable[..., Any], tuple[Any, ...]] = NUMBER | dict.fromkeys(ARRAYS, (X, 4))


def gradient(program: Callable[..., Any], args: tuple[Any, ...]) -> Function:
    transform = stagec.value_and_grad(program)
    return stagec.jit(transform).ir(*args)


def lists_of_lists(fn: Function) -> list[Any]:
    values = (v for s in statements(fn.body) for v in s.outs)
    return [
        v
        for v in values
        if isinstance(v.type, ListType) and isinstance(v.type.element, ListType)
    ]


def lists(fn: Function) -> list[Any]:
    return [v for s in statements(fn.body) for v in s.outs if isinstance(v.type, ListType)]


@pytest.mark.parametrize("trips", [None, 0, 1])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_results_stay(program: Callable[..., Any], trips: int | None) -> None:
    first, n = PROGRAMS[program]
    fn = gradient(program, (first, n))
    done = tapes(fn)
    verify(done)
    args = (first, n if trips is None else trips)
    for a, b in zip(evaluate(done, *args), evaluate(fn, *args), strict=True):
        np.testing.assert_array_equal(a, b)
        assert type(a) is type(b)
    assert str(tapes(done)) == str(done)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_no_list_holds_lists(program: Callable[..., Any]) -> None:
    assert not lists_of_lists(tapes(gradient(program, PROGRAMS[program])))


@pytest.mark.parametrize(
    "program",
    [
        *(counted, upwards_in_steps, downwards, nest, shorter_rows, complex_numbers),
    ],
    ids=lambda p: p.__name__,
)
def test_counted_loops_need_no_list(program: Callable[..., Any]) -> None:
    assert not lists(tapes(gradient(program, PROGRAMS[program])))


@pytest.mark.parametrize("program", [columns, columns_from_below], ids=lambda p: p.__name__)
def test_no_list_holds_arrays(program: Callable[..., Any]) -> None:
    found = lists(tapes(gradient(program, PROGRAMS[program])))
    assert all(isinstance(v.type.element, ArrayType) and not v.type.element.rank for v in found)


def test_loops_that_stay_with_numpy_keep_their_lists() -> None:
    fn = gradient(rows, (X, 4))
    assert str(tapes(fn)) == str(fn)


def test_the_users_lists_stay_where_they_are_more_than_recorded() -> None:
    def popped(x: float, n: int) -> float:
        found: list[float] = []
        for i in range(n):
            found.append(x * i)
            if i % 3 == 2:
                x = x + found.pop()
        return x + found[-1]

    fn = stagec.jit(popped).ir(0.5, 7)
    assert str(tapes(fn)) == str(fn)


def test_a_place_that_is_not_known_to_be_inside_stays() -> None:
    def last(x: float, n: int, k: int) -> float:
        found: list[float] = []
        for i in range(n):
            found.append(x * i)
        return found[k]

    fn = stagec.jit(last).ir(0.5, 7, 3)
    assert str(tapes(fn)) == str(fn)
    with pytest.raises(IndexError):
        stagec.jit(last, backend="numba")(0.5, 7, 8)
    assert stagec.jit(last, backend="numba")(0.5, 7, -1) == 3.0
