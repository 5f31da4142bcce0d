"""Lists of numbers in loops whose number of trips is not known: columns of arrays that grow."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec
from stagec.ir.function import Function
from stagec.ir.interpreter import evaluate
from stagec.ir.parser import parse
from stagec.ir.types import ListType
from stagec.ir.verifier import verify
from stagec.ir.walk import statements
from stagec.ops import ALL
from stagec.opt.tapes import lockstep, tapes

MANY = 100  # trips, more than a new array has rows


def search(x, n):
    s = x[0]
    trips = 0
    while trips < n and s < 100.0:
        s = s * np.sin(s) * np.cos(x[1] * s)
        trips += 1
    return s


def several_types(x, n):
    z = x[0] + 1j * x[1]
    s = x[0]
    k = 3
    while k < 3 * n:
        if s > 0.5:
            s = s * np.cos(s) * x[k % 4]
            k += 1
        else:
            s = s * np.sin(s) * x[1] + 0.7
            k += 2
        z = z * z * 0.3 + s
    return np.abs(z)


def several_loops(x, n):
    s = x[0]
    for i in range(n):
        t = s
        while t > 0.2:
            t = t * np.sin(t) * 0.9
        if s > 0.5:
            while t < 0.7:
                t = t + 0.2 + 0.1 * np.cos(t) * x[1]
        s = np.sin(s) * x[i % 4] + t
    return s


def three_deep(x, n):
    s = x[0]
    i = 0
    while i < n:
        j = 0
        while j < i:
            t = s
            while t > 0.2:
                t = t * np.sin(t) * 0.9
            s = s * np.cos(t) + 0.1
            j += 2
        i += 5
    return s


def left_early(x, n):
    s = x[0]
    for k in range(n):
        s = s * np.cos(s) + 0.01 * k
        if s > 5.0:
            break
        s = s * x[1]
    else:
        s = s * s
    return s


def in_a_branch(x, n):
    s = x[0]
    if n > 1:
        k = 0
        while k < n:
            s = s * np.sin(s) + x[1]
            k += 1
    else:
        s = s * s
    return s


def own_lists(x, n):
    found = []
    other = []
    s = x[0]
    k = 0
    while k < n:
        found.append(s)
        s = s * np.sin(s) + x[1]
        other.append(s * s)
        k += 1
    total = 0.0
    for i in range(k):
        total += found[i] * other[i]
    return total + len(found)


PROGRAMS = [search, several_types, several_loops, three_deep, left_early, in_a_branch]
X = np.array([0.8, 0.9, 0.4, 1.1])


@pytest.fixture(autouse=True)
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let few lists be worth an array too."""
    monkeypatch.setattr(lockstep, "WORTH", 1)


def gradient(program: Callable[..., Any], trips: int) -> Function:
    return stagec.jit(stagec.value_and_grad(program)).ir(X, trips)


def lists(fn: Function) -> list[Any]:
    return [v for s in statements(fn.body) for v in s.outs if isinstance(v.type, ListType)]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_results_stay(program: Callable[..., Any]) -> None:
    fn = gradient(program, 3)
    done = tapes(fn)
    verify(done)
    assert not lists(done)
    for trips in (0, 1, 3, MANY):
        for a, b in zip(evaluate(done, X, trips), evaluate(fn, X, trips), strict=True):
            np.testing.assert_array_equal(a, b)
            assert type(a) is type(b)
    assert str(tapes(done)) == str(done)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_compiled(program: Callable[..., Any]) -> None:
    pytest.importorskip("numba", reason="kernels need Numba")
    compiled = stagec.value_and_grad(program, backend="numba")
    assert "append(" not in compiled.source(X, 3)
    for trips in (0, 1, 3, MANY):
        value, slope = compiled(X, trips)
        expected, expected_slope = stagec.value_and_grad(program)(X, trips)
        np.testing.assert_allclose(value, expected, rtol=1e-12)
        np.testing.assert_allclose(slope, expected_slope, rtol=1e-9, atol=1e-300)


def test_rows_are_numbered_by_the_trips() -> None:
    pytest.importorskip("numba", reason="kernels need Numba")
    text = stagec.value_and_grad(search, backend="numba").source(X, 3)
    assert "rows[trips, 0] = s" in text
    assert "rows[k, 0]" in text


def test_few_lists_are_faster_as_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    fn = gradient(search, 3)
    count = sum("list_new" in line for line in str(fn).splitlines())
    monkeypatch.setattr(lockstep, "WORTH", count)
    assert not lists(tapes(fn))
    monkeypatch.setattr(lockstep, "WORTH", count + 1)
    assert str(tapes(fn)) == str(fn)


def test_loops_whose_other_lists_keep_them_out_of_kernels_stay() -> None:
    fn = gradient(own_lists, 3)
    assert str(tapes(fn)) == str(fn)


def test_lists_of_one_length_and_type_are_one_array() -> None:
    text = str(tapes(gradient(several_types, 3)))
    made = [line.split(": ")[1] for line in text.splitlines() if "= empty(" in line]
    assert sorted(kind.split(" =")[0] for kind in made) == ["c128[?]", "f64[?, 3]", "i64[?]"]


def test_lists_that_are_not_always_of_one_length() -> None:
    start = "from u: f64 = x, p: list<f64> = a, q: list<f64> = b"
    fn = parse(
        f"""
func f(x: f64, n: int):
  a: list<f64> = list_new(element=<f64>)
  b: list<f64> = list_new(element=<f64>)
  y: f64, xs: list<f64>, ys: list<f64>, trips: int = while {start} trips:
    more: bool_ = less(u, n)
    so: bool = to_python(more, kind='bool')
    yield so
  do v: f64, r: list<f64>, s: list<f64>:
    c: list<f64> = list_append(r, v)
    w: f64 = add(v, 1.0)
    long: int = list_length(s)
    d: list<f64> = list_append(s, w)
    z: f64 = add(w, long)
    yield z, c, d
  total: f64 = for k: int in range(0, trips, 1) from t: f64 = y:
    e: f64 = list_get(xs, k)
    g: f64 = list_get(ys, k)
    h: f64 = multiply(e, g)
    i: f64 = add(t, h)
    yield i
  return total
""",
        {op.name: op for op in ALL},
    )
    done = tapes(fn)
    verify(done)
    assert evaluate(done, np.float64(0.5), 40) == evaluate(fn, np.float64(0.5), 40)
