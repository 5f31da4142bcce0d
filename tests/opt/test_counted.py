"""Lists of known length as arrays: the same results and errors, and no list in a loop."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec
from stagec.ir.core import For
from stagec.ir.function import Function
from stagec.ir.interpreter import evaluate
from stagec.ir.parser import parse
from stagec.ir.types import ListType
from stagec.ir.verifier import verify
from stagec.ir.walk import statements
from stagec.ops import ALL
from stagec.opt.counted import counted
from stagec.opt.tapes import tapes

V = np.array([1.0, 2.0, 0.5])


def trajectory(x, n):
    xs = [x]
    for _ in range(n):
        xs.append(np.tanh(2 * xs[-1]))
    return np.array(xs)


def recurrence(x, n):
    xs = [x, 2 * x]
    for i in range(n):
        xs.append(xs[i] + 0.5 * xs[-1] * xs[-2])
    return np.array(xs)


def two_loops(x, n):
    xs = []
    for i in range(n):
        xs.append(x * i)
    for j in range(3):
        xs.append(xs[j] + x if j < n else x)
    return np.array(xs), len(xs)


def assigned(x, n):
    xs = [x for _ in range(n)]
    for i in range(1, n):
        xs[i] = xs[i - 1] * 0.5 + xs[i]
    return np.array(xs), xs[n - 1]


def assigned_in_branches(x, n):
    xs = [x] * 5
    for i in range(n):
        if i % 2:
            xs[i] = xs[0] * i
        else:
            xs[1] = xs[i] + 1
    return sum(xs)


def taken_away(x, n):
    xs, s = list(x), 0.0
    for _ in range(n):
        s = s * 0.5 + xs.pop()
    return s, xs


def in_steps(x, n):
    xs = [x]
    for i in range(3, 2 * n, 2):
        xs.append(xs[-1] * i)
    return np.array(xs), xs


def downwards(x, n):
    xs = []
    for i in range(n - 1, -1, -1):
        xs.append(x * i)
    return np.array(xs)[::-1], xs[0]


def written_behind_a_copy(x, n):
    xs = [x]
    for _ in range(n):
        w = xs[-1].copy()
        w[0] += 1
        xs.append(w)
        xs[0] = xs[0] * 2
    return np.array(xs), len(xs)


def two_names(x, n):
    xs = [x]
    for _ in range(n):
        xs.append(xs[-1] + 1)
    ys = xs
    ys.append(x)
    return np.array(xs), len(ys)


def read_behind(x, n):
    xs = []
    for i in range(n):
        xs.append(x + i)
    s = 0.0
    for i, v in enumerate(xs):
        s = s + i * v
    return s


def any_place(x, n):
    xs = [x, 2 * x]
    for _ in range(3):
        xs.append(xs[n] + xs[-2])
    return np.array(xs), xs[n - 1]


def older(x, n):
    xs = [x]
    for i in range(n):
        xs.append(xs[-1] + xs[i // 2] * xs[(-i) // 3])
    return np.array(xs)


def repeated(x, n):
    s = [0.0] * (n + 1)
    for i in range(n):
        s[i + 1] = s[i] + x * i
    return s, s[n]


NUMBERS = (
    *(recurrence, two_loops, assigned, assigned_in_branches, in_steps, downwards, two_names),
    *(read_behind, any_place, older, repeated),
)
PROGRAMS: dict[Callable[..., Any], Any] = dict.fromkeys(NUMBERS, 0.3)
PROGRAMS |= dict.fromkeys((trajectory, written_behind_a_copy, taken_away), V)


def ir(program: Callable[..., Any], x: Any) -> Function:
    return stagec.jit(program).ir(x, 2)


def in_loops(fn: Function) -> list[Any]:
    """The lists that loops carry."""
    loops = (s for s in statements(fn.body) if isinstance(s, For))
    return [v for s in loops for v in s.carry if isinstance(v.type, ListType)]


def outcome(run: Callable[..., Any], *args: Any) -> Any:
    """What the call returns, or what it raises."""
    try:
        return repr(run(*args))
    except (IndexError, ValueError) as error:
        return type(error), str(error)


def parts(result: Any) -> tuple[Any, ...]:
    return result if isinstance(result, tuple) else (result,)


def leaves(result: Any) -> list[Any]:
    """The arrays in lists and tuples."""
    if not isinstance(result, list | tuple):
        return [result]
    return [leaf for part in result for leaf in leaves(part)]


def loss(program: Callable[..., Any]) -> Callable[..., Any]:
    def squares(x, n):
        found = program(x, n)
        s = 0.0
        for part in found if isinstance(found, tuple) else (found,):
            s = s + np.sum(np.array(part) ** 2)
        return s

    return squares


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_results_and_errors_stay(program: Callable[..., Any]) -> None:
    x = PROGRAMS[program]
    fn = ir(program, x)
    done = counted(fn)
    verify(done)
    assert in_loops(fn)
    assert not in_loops(done)
    for n in (-1, 0, 1, 2, 3, 4, 7):
        assert outcome(evaluate, done, x, n) == outcome(evaluate, fn, x, n)
    assert str(counted(done)) == str(done)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_gradients_stay(program: Callable[..., Any]) -> None:
    x = PROGRAMS[program]
    fn = stagec.jit(stagec.grad(loss(program))).ir(x, 2)
    done = counted(fn)
    verify(done)
    for n in (-1, 0, 1, 2, 3):
        found, wanted = outcome(evaluate, done, x, n), outcome(evaluate, fn, x, n)
        assert isinstance(found, str) == isinstance(wanted, str)
        if isinstance(wanted, str):
            (a,), (b,) = evaluate(done, x, n), evaluate(fn, x, n)
            np.testing.assert_allclose(a, b, rtol=1e-14)
        else:
            assert found == wanted


@pytest.mark.parametrize(
    "program",
    [trajectory, recurrence, two_loops, in_steps, read_behind, any_place, older, repeated],
)
def test_gradients_go_through_no_list(program: Callable[..., Any]) -> None:
    fn = stagec.jit(stagec.grad(loss(program))).ir(PROGRAMS[program], 2)
    assert not in_loops(tapes(counted(fn)))


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_compiled_code_agrees(program: Callable[..., Any]) -> None:
    x = PROGRAMS[program]
    compiled = stagec.jit(program, backend="numba")
    for n in (4, 3, 1, 0):
        wanted = outcome(program, x, n)
        if not isinstance(wanted, str):
            assert outcome(compiled, x, n) == wanted
            continue
        found, wanted = compiled(x, n), program(x, n)
        for a, b in zip(parts(found), parts(wanted), strict=True):
            np.testing.assert_allclose(np.array(a), np.array(b), rtol=1e-14)


def test_a_trajectory_is_one_array() -> None:
    source = stagec.jit(trajectory, backend="numba").source(V, 4)
    assert "append" not in source
    assert "xs = np.empty((" in source
    assert "inside" not in source


def run_lengths(x, n):
    d = [1] * n
    for i in range(1, n):
        if x[i] > x[i - 1]:
            d[i] = d[i - 1] + 1
    return d


def test_indices_of_a_list_of_one_number_need_no_checks() -> None:
    x = np.array([1.0, 2.0, 3.0, 0.5, 0.7])
    compiled = stagec.jit(run_lengths, backend="numba")
    for n in (5, 1, 0):
        assert compiled(x, n) == run_lengths(x, n)
    assert "list index" not in compiled.source(x, 5)


def returned(x, n):
    xs = [x]
    for _ in range(n):
        xs.append(np.tanh(xs[-1]))
    return xs


def first_of_all(x, n):
    return returned(x, n)[0]


def appended_twice(x, n):
    xs, y = [], x * 2
    for _ in range(n):
        xs.append(y)
    return xs


def last_and_all(x, n):
    xs = []
    for _ in range(n):
        x = np.tanh(x)
        xs.append(x)
    return x, xs


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("program", [returned, first_of_all, appended_twice, last_and_all])
def test_the_caller_gets_the_arrays_that_were_appended(
    program: Callable[..., Any], backend: str
) -> None:
    """What shares memory in eager code does so."""

    def shared(run: Callable[..., Any]) -> list[bool]:
        x = V.copy()
        arrays = leaves((x, run(x, 3)))
        return [np.shares_memory(a, b) for a in arrays for b in arrays]

    assert shared(stagec.jit(program, backend=backend)) == shared(program)


def test_loops_that_stay_with_numpy_keep_their_lists() -> None:
    def sorted_rows(x, n):
        xs = [x]
        for _ in range(n):
            xs.append(np.partition(xs[-1] * 0.5, 1))
        return np.array(xs)

    fn = ir(sorted_rows, V)
    assert str(counted(fn)) == str(fn)


def test_lists_whose_length_is_not_known_stay() -> None:
    def sometimes(x, n):
        xs = [x]
        for i in range(n):
            if i % 2:
                xs.append(xs[-1] * 2)
        return np.array(xs)

    fn = ir(sometimes, 0.3)
    assert str(counted(fn)) == str(fn)


@pytest.mark.parametrize("trips", ["reversed(range(0, n, 1))", "range(0, n, 1)"])
def test_elements_taken_from_the_end_of_an_array(trips: str) -> None:
    fn = parse(
        f"""
func f(x: f64[m], n: int):
  found: list<f64> = list_unstack(x, kind='np')
  s: float, rest: list<f64> = for i: int in {trips} from t: float = 0.5, xs: list<f64> = found:
    ys: list<f64>, y: f64 = list_pop(xs)
    a: float = multiply(t, t)
    b: f64 = multiply(y, i)
    c: f64 = add(a, b)
    d: float = to_python(c, kind='float')
    yield d, ys
  return s
""",
        {op.name: op for op in ALL},
    )
    verify(fn)
    done = counted(fn)
    verify(done)
    assert not in_loops(done)
    for n in (0, 2, 3):
        assert evaluate(done, V, n) == evaluate(fn, V, n)
    with pytest.raises(IndexError, match="pop from empty list"):
        evaluate(done, V, 4)
