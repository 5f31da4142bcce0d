from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from stagec.errors import InternalError
from stagec.ir.build import Builder, params
from stagec.ir.core import Op, const
from stagec.ir.function import Function
from stagec.ir.inline import inline, inline_into
from stagec.ir.interpreter import Unset, evaluate
from stagec.ir.liveness import live_after, live_out
from stagec.ir.parser import parse
from stagec.ir.types import FLOAT, INT
from stagec.ir.verifier import verify

LOOP = """
func f(lo: int, hi: int, stop: int):
  s: int, t: int = for i: int in {range} from p: int = 0 {flags}trips:
    ten: int = multiply(p, 10)
    q: int = add(ten, i)
    c: bool = equal(i, stop)
    yield q{result}
  return s, t
"""


def _loop(ops: Mapping[str, Op], header: str, until: bool) -> Function:
    flags, result = ("until ", ", c") if until else ("", "")
    return parse(LOOP.format(range=header, flags=flags, result=result), ops)


@pytest.mark.parametrize("until", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("bounds", [(1, 6, 2), (6, 1, -2), (3, 3, 1), (1, 7, 4)])
def test_for(ops: Mapping[str, Op], until: bool, reverse: bool, bounds: Any) -> None:
    lo, hi, step = bounds
    header = f"range(lo, hi, {step})"
    fn = _loop(ops, f"reversed({header})" if reverse else header, until)
    verify(fn)
    s = t = 0
    for i in reversed(range(lo, hi, step)) if reverse else range(lo, hi, step):
        s, t = 10 * s + i, t + 1
        if until and i == 3:
            break
    assert evaluate(fn, lo, hi, 3) == (s, t)


def test_while(ops: Mapping[str, Op]) -> None:
    fn = parse(
        """
func f(x: int, stop: int):
  p: int, q: int, t: int = while from a: int = x, b: int = 0 until trips:
    c: bool = less(a, 100)
    yield c
  do d: int, e: int:
    g: int = multiply(d, 2)
    s: bool = equal(g, stop)
    yield g, d, s
  return p, q, t
""",
        ops,
    )
    verify(fn)
    assert evaluate(fn, 3, -1) == (192, 96, 6)
    assert evaluate(fn, 3, 12) == (12, 6, 2)
    assert evaluate(fn, 200, 1) == (200, 0, 0)


def test_calls_recurse(ops: Mapping[str, Op]) -> None:
    fn = parse(
        """
func f(n: int):
  y: int = call factorial(n)
  return y

func factorial(n: int):
  c: bool = less(n, 2)
  y: int = if c:
    yield 1
  else:
    m: int = subtract(n, 1)
    z: int = call factorial(m)
    w: int = multiply(n, z)
    yield w
  return y
""",
        ops,
    )
    assert evaluate(fn, 6) == (720,)


def test_inputs_are_not_written_to(ops: Mapping[str, Op]) -> None:
    fn = parse(
        """
func f(a: f64[n]) mutated(a=0):
  b: f64[n] = update(a, 7.0, path=[0])
  c: f64[n] = accumulate(b, 1.0, path=[:])
  return c, a
""",
        ops,
    )
    a = np.zeros(2)
    c, same = evaluate(fn, a)
    assert c.tolist() == [8.0, 1.0]
    assert same is a
    assert a.tolist() == [0.0, 0.0]


def test_undefined_values_travel_but_are_never_used(ops: Mapping[str, Op]) -> None:
    fn = parse(
        """
func f(c: bool, d: bool, x: float):
  y: float = if c:
    yield x
  else:
    yield undef<float>
  z: float = if d:
    w: float = add(y, 1.0)
    yield w
  else:
    yield y
  return z
""",
        ops,
    )
    assert evaluate(fn, True, True, 1.0) == (2.0,)
    assert evaluate(fn, False, False, 1.0) == (Unset(FLOAT),)
    with pytest.raises(InternalError, match=r"undefined value is used in\nw: float = add\(y"):
        evaluate(fn, False, True, 1.0)


def test_inlined_statements_compute_the_same(ops: Mapping[str, Op]) -> None:
    fn = parse(
        """
func f(x: float, n: int):
  s: float = for i: int in range(0, n, 1) from p: float = x:
    q: float = add(p, x)
    yield q
  return s, x
""",
        ops,
    )
    builder = Builder()
    y, k = params(FLOAT, INT, hints=("y", "k"))
    first, same = inline_into(builder, fn, (y, k))
    stmts, results = inline(fn, (first, const(2)))
    for stmt in stmts:
        builder.append(stmt)
    outer = Function("g", builder.block((y, k), (*results, same)))
    verify(outer)
    assert evaluate(outer, 1.5, 3) == (18.0, 6.0, 1.5)


def _names(values: set[Any]) -> set[str]:
    return {v.hint for v in values}


def test_liveness(ops: Mapping[str, Op]) -> None:
    fn = parse(
        """
func f(x: float, y: float, z: float, n: int):
  a: float = add(x, y)
  b: float = add(a, x)
  s: float = for i: int in range(0, n, 1) from p: float = b:
    c: float = add(p, z)
    d: float = add(c, a)
    yield d
  e: float = add(s, y)
  w: float = while from g: float = e:
    t: bool = less(g, x)
    yield t
  do h: float:
    r: float = add(h, y)
    yield r
  u: float = if True:
    v: float = add(w, s)
    yield v
  else:
    yield w
  return u, x
""",
        ops,
    )
    after = live_after(fn.body)
    assert [_names(v) for v in after] == [
        {"a", "x", "y", "z", "n"},
        {"a", "b", "x", "y", "z", "n"},
        {"s", "x", "y"},
        {"s", "e", "x", "y"},
        {"s", "w", "x"},
        {"u", "x"},
    ]
    _, _, loop, _, while_, branch = fn.body.stmts
    (body,) = live_out(loop, after[2])
    assert _names(body) == {"x", "y", "z", "a"}
    assert [_names(v) for v in live_after(loop.body, body)] == [  # type: ignore[union-attr]
        {"c", "x", "y", "z", "a"},
        {"d", "x", "y", "z", "a"},
    ]
    cond, body = live_out(while_, after[4])
    assert _names(cond) == {"s", "x", "y", "g"}
    assert _names(body) == {"s", "x", "y"}
    assert [_names(v) for v in live_out(branch, after[5])] == [{"x"}, {"x"}]
