"""Short lists in lists as arrays: the same results and errors, and no list in a loop."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec
from stagec.errors import StagecError
from stagec.ir.function import Function
from stagec.ir.interpreter import evaluate
from stagec.ir.types import ListType
from stagec.ir.verifier import verify
from stagec.ir.walk import statements
from stagec.opt.short_lists import short_lists

TRIPS = (0, 1, 2, 5)


def pairs(x, n):
    t, xs = 0.0, []
    for _ in range(n):
        t, x = t + 0.1, 0.5 * x + 1
        xs.append([x, t])
    return np.array(xs)


def added_up(x, n):
    xs, s = [], 0.0
    for i in range(n):
        xs.append([x * i, x, x + i])
    for row in xs:
        s = s + row[0] * row[-1]
    return s


def from_the_last(x, n):
    xs = []
    for i in range(n + 1):
        xs.append([x, 1.0] if i == 0 else [xs[-1][0] * 0.5 + xs[-1][1], xs[-1][1] * x])
    return np.array(xs)


def changed_inside(x, n):
    xs = [[x, 1.0] for _ in range(n)]
    for i in range(1, n):
        xs[i][0] = xs[i - 1][0] * 0.5 + xs[i][1]
    return np.array(xs)


def replaced(x, n):
    xs = [[x, 1.0] for _ in range(n)]
    for i in range(1, n):
        xs[i] = [xs[i - 1][0] * 0.5, xs[i - 1][1] + x]
    return np.array(xs)[:, 1]


def changed_before(x, n):
    row, xs = [x, 2.0], []
    for i in range(n):
        row[0], row[1] = row[0] * 0.5, row[1] + i
        xs.append(row[:])
    row[0] = 7.0
    return np.array(xs), row[0]


def any_place(x, n):
    xs, s = [], 0.0
    for i in range(n):
        xs.append([x, s, 2.0])
        s = s + xs[i][i % 3] + xs[-1][-1 - i % 2]
    return s


def behind(x, n):
    xs = []
    for i in range(n):
        xs.append([x * i, x])
    return xs[n - 1][n]


def set_behind(x, n):
    xs = []
    for i in range(n):
        xs.append([x * i, x])
        xs[i][i] = 2.0
    return xs[0][0]


def taken_away(x, n):
    xs, s = [], x
    for i in range(n):
        xs.append([x * i, x])
    for _ in range(n):
        row = xs.pop()
        s = s * row[0] + row[1]
    return s, len(xs)


def summed(x, n):
    xs = []
    for i in range(n):
        xs.append([x * i, x])
    return sum([sum(row) * len(row) for row in xs])


def half_way(x, n):
    xs = []
    for i in range(n):
        xs.append([x * i, x])
        if i == 3:
            raise ValueError("three")
    return np.array(xs)


def integers(x, n):
    xs = []
    for i in range(n):
        xs.append([i, i * i])
    return np.array(xs) * x


PROGRAMS = [
    *(pairs, added_up, from_the_last, changed_inside, replaced, changed_before, any_place),
    *(behind, set_behind, taken_away, summed, half_way, integers),
]


def ir(program: Callable[..., Any]) -> Function:
    return stagec.jit(program).ir(0.3, 5)


def nested(fn: Function) -> bool:
    """Whether there are lists of lists."""
    values = (v for s in statements(fn.body) for v in s.outs)
    return any(isinstance(v.type, ListType) and v.type.nested for v in values)


def outcome(run: Callable[..., Any], *args: Any) -> Any:
    """What the call returns, or what it raises."""
    try:
        return repr(run(*args))
    except (IndexError, ValueError) as error:
        return type(error), str(error)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_results_and_errors_stay(program: Callable[..., Any]) -> None:
    fn = ir(program)
    done = short_lists(fn)
    verify(done)
    assert nested(fn)
    assert not nested(done)
    for n in TRIPS:
        assert outcome(evaluate, done, 0.3, n) == outcome(evaluate, fn, 0.3, n)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_compiled_code_agrees(program: Callable[..., Any]) -> None:
    compiled, plain = stagec.jit(program, backend="numba"), stagec.jit(program)
    assert ".append(" not in compiled.source(0.3, 5)
    for n in TRIPS:
        assert outcome(compiled, 0.3, n) == outcome(plain, 0.3, n)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_gradients_agree(program: Callable[..., Any]) -> None:
    def loss(x, n):
        found = program(x, n)
        s = 0.0
        for part in found if isinstance(found, tuple) else (found,):
            s = s + np.sum(np.array(part) ** 2)
        return s

    compiled, plain = stagec.grad(loss, backend="numba"), stagec.grad(loss)
    for n in TRIPS:
        found, wanted = outcome(compiled, 0.3, n), outcome(plain, 0.3, n)
        if isinstance(wanted, str):
            np.testing.assert_allclose(compiled(0.3, n), plain(0.3, n), rtol=1e-13)
        else:
            assert found == wanted


@pytest.mark.parametrize("program", [pairs, changed_inside, replaced, taken_away])
def test_gradients_go_through_no_list(program: Callable[..., Any]) -> None:
    def loss(x, n):
        found = program(x, n)
        return np.sum(found) if isinstance(found, np.ndarray) else found[0]

    source = stagec.grad(loss, backend="numba").source(0.3, 5)
    assert ".append(" not in source
    assert ".pop(" not in source


def returned(x, n):
    xs = []
    for i in range(n):
        xs.append([x * i, x])
    return xs


def last(x, n):
    return returned(x, n)[-1]


def ragged(x, n):
    xs = []
    for i in range(n):
        xs.append([x * i, x] if i % 2 else [x])
    return xs[-1][0]


def longer(x, n):
    xs = []
    for i in range(n):
        xs.append([x * i, x])
        xs[-1].append(2.0)
    return xs[-1][2]


def sorted_rows(x, n):
    """The loop stays with NumPy, and its list a list."""
    xs, a = [], np.array([x, 1.0, 2.0])
    for _ in range(n):
        a = np.partition(a * 0.5, 1)
        xs.append([a[0], x])
    return np.array(xs)


@pytest.mark.parametrize("program", [returned, last, ragged, longer, sorted_rows])
def test_other_lists_stay(program: Callable[..., Any]) -> None:
    fn = ir(program)
    assert str(short_lists(fn)) == str(fn)
    for n in TRIPS[1:]:
        wanted = outcome(program, 0.3, n)
        assert outcome(stagec.jit(program, backend="numba"), 0.3, n) == wanted


def test_one_list_is_not_an_element_twice() -> None:
    def twice(x, n):
        row, xs = [x, 2.0], []
        for _ in range(n):
            xs.append(row)
        row[1] = 5.0
        return np.array(xs)

    with pytest.raises(StagecError, match="another name"):
        stagec.jit(twice, backend="numba")(0.3, 5)
