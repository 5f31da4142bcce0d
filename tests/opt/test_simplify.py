# ruff: noqa: E501 - the text form has one statement a line

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

import stagec as sc
from stagec.ir.core import Op
from stagec.ir.parser import parse
from stagec.opt.dce import dce
from stagec.opt.simplify import simplify

A = np.arange(4.0)


def test_constants_are_folded_to_the_same_bits(check: Callable[..., None]) -> None:
    check(
        simplify,
        """
func f(x: f32[4]):
  a: float = add(0.1, 0.2)
  b: f32 = multiply(f32(3.0), a)
  c: f32[4] = multiply(x, b)
  return c
""",
        """
func f(x: f32[4]):
  c: f32[4] = multiply(x, f32(0.90000004))
  return c
""",
        (A.astype("f4"),),
    )


@pytest.mark.parametrize("op", ["divide(1.0, 0.0)", "divide(1, 0)"])
def test_what_raises_is_left_to_run_time(check: Callable[..., None], op: str) -> None:
    text = f"""
func f():
  a: float = {op}
  return a
"""
    check(simplify, text, text)


def test_what_warns_is_left_to_run_time(check: Callable[..., None]) -> None:
    text = """
func f():
  a: f64 = divide(f64(1.0), 0.0)
  return a
"""
    check(simplify, text, text)


def test_branch_on_a_known_condition_is_taken(check: Callable[..., None]) -> None:
    check(
        simplify,
        """
func f(x: float):
  c: bool = less(1, 2)
  y: float = if c:
    z: float = add(x, 1.0)
    yield z
  else:
    yield x
  w: float = add(y, y)
  return w
""",
        """
func f(x: float):
  z: float = add(x, 1.0)
  w: float = add(z, z)
  return w
""",
        (1.0,),
    )


def test_branches_on_one_condition_are_merged(check: Callable[..., None]) -> None:
    check(
        simplify,
        """
func f(c: bool, x: float):
  y: float = if c:
    z: float = add(x, 1.0)
    yield z
  else:
    yield 0.0
  w: float = if c:
    v: float = add(y, y)
    yield v
  else:
    u: float = multiply(y, 2.0)
    yield u
  return y, w
""",
        """
func f(c: bool, x: float):
  y: float, w: float = if c:
    z: float = add(x, 1.0)
    v: float = add(z, z)
    yield z, v
  else:
    yield 0.0, 0.0
  return y, w
""",
        (True, 3.0),
        (False, 3.0),
    )


def test_condition_is_known_inside_its_branches(check: Callable[..., None]) -> None:
    check(
        simplify,
        """
func f(c: bool, d: bool[], x: float):
  y: float, e: bool, g: bool = if c:
    z: float = if c:
      yield 1.0
    else:
      yield x
    yield z, c, True
  else:
    yield x, False, c
  w: float = if d:
    v: float = if d:
      yield 1.0
    else:
      yield 2.0
    yield v
  else:
    yield x
  return y, e, g, w
""",
        """
func f(c: bool, d: bool[], x: float):
  y: float = if c:
    yield 1.0
  else:
    yield x
  w: float = if d:
    yield 1.0
  else:
    yield x
  return y, c, c, w
""",
        (True, np.array(True), 3.0),
        (False, np.array(False), 3.0),
    )


def test_equal_results_need_no_branch_but_undefined_ones_do(check: Callable[..., None]) -> None:
    check(
        simplify,
        """
func f(c: bool, x: float):
  a: float, b: float, d: float, e: float, g: float = if c:
    yield x, 2.0, x, 1.0, -0.0
  else:
    yield x, 2.0, undef<float>, x, 0.0
  h: float, k: float = if c:
    yield 1.0, 1.0
  else:
    yield x, x
  return a, b, e, h, k, g
""",
        """
func f(c: bool, x: float):
  d: float, e: float, g: float = if c:
    yield x, 1.0, -0.0
  else:
    yield undef<float>, x, 0.0
  return x, 2.0, e, e, e, g
""",
        (True, 3.0),
        (False, 3.0),
    )


def test_loop_that_never_runs_is_its_start(check: Callable[..., None]) -> None:
    check(
        simplify,
        """
func f(x: float):
  y: float, t: int = for i: int in range(3, 3, 1) from p: float = x trips:
    q: float = add(p, 1.0)
    yield q
  w: float = while from p.1: float = y:
    c: bool = less(2, 1)
    yield c
  do p.2: float:
    q.1: float = add(p.2, 1.0)
    yield q.1
  return y, t, w
""",
        """
func f(x: float):
  return x, 0, x
""",
        (1.0,),
    )


def test_carries_that_never_change_or_are_equal_go(check: Callable[..., None]) -> None:
    check(
        simplify,
        """
func f(n: int, x: float):
  a: float, b: float, c: float, d: float = for i: int in range(0, n, 1) from p: float = x, q: float = x, r: float = x, s: float = 0.0:
    u: float = add(p, q)
    v: float = add(u, r)
    w: float = add(v, s)
    yield p, w, w, 0.0
  return a, b, c, d
""",
        """
func f(n: int, x: float):
  b: float = for i: int in range(0, n, 1) from q: float = x:
    u: float = add(x, q)
    v: float = add(u, q)
    w: float = add(v, 0.0)
    yield w
  return x, b, b, 0.0
""",
        (3, 1.5),
        (0, 1.5),
    )


def test_carry_of_a_while_that_never_changes_goes(check: Callable[..., None]) -> None:
    check(
        simplify,
        """
func f(x: float, y: float):
  a: float, b: float = while from p: float = x, q: float = y:
    c: bool = less(p, q)
    yield c
  do p.1: float, q.1: float:
    r: float = add(p.1, 1.0)
    yield r, q.1
  return a, b
""",
        """
func f(x: float, y: float):
  a: float = while from p: float = x:
    c: bool = less(p, y)
    yield c
  do p.1: float:
    r: float = add(p.1, 1.0)
    yield r
  return a, y
""",
        (1.5, 4.0),
        (5.0, 4.0),
    )


def test_swapped_carries_stay(check: Callable[..., None]) -> None:
    text = """
func f(n: int, x: float, y: float):
  a: float, b: float = for i: int in range(0, n, 1) from p: float = x, q: float = y:
    yield q, p
  return a, b
"""
    check(simplify, text, text, (3, 1.0, 2.0))


def test_exit_that_never_happens_goes(check: Callable[..., None]) -> None:
    check(
        simplify,
        """
func f(n: int, x: float):
  a: float = for i: int in range(0, n, 1) from p: float = x until:
    q: float = add(p, 1.0)
    c: bool = less(2, 1)
    yield q, c
  return a
""",
        """
func f(n: int, x: float):
  a: float = for i: int in range(0, n, 1) from p: float = x:
    q: float = add(p, 1.0)
    yield q
  return a
""",
        (3, 1.5),
    )


def test_rewrites_keep_the_name_of_what_they_replace(check: Callable[..., None]) -> None:
    check(
        lambda fn: dce(simplify(fn)),
        """
func f(x: f64[3, 4]):
  y: f64[4, 3] = transpose(x, axes=(1, 0))
  z: f64[3, 4] = transpose(y, axes=(1, 0))
  w: f64[3, 4] = transpose(x, axes=(0, 1))
  return z, w
""",
        """
func f(x: f64[3, 4]):
  return x, x
""",
        (np.arange(12.0).reshape(3, 4),),
    )


def test_branches_with_effects_between_them_are_not_merged(check: Callable[..., None]) -> None:
    text = """
func f(c: bool, x: float):
  y: float = if c:
    yield 1.0
  else:
    yield x
  print(y, end='\\n', sep=' ')
  z: float = if c:
    yield x
  else:
    yield 1.0
  return z
"""
    check(simplify, text, text, (True, 2.0), (False, 2.0))


def test_residual_functions_are_simplified(ops: Mapping[str, Op]) -> None:
    text = """
func f(x: float):
  y: float = call g(x)
  return y

func g(x: float):
  a: float = add(1.0, 2.0)
  y: float = multiply(a, x)
  return y
"""
    assert "multiply(3.0, x)" in str(simplify(parse(text, ops)))


def test_loop_of_one_trip_is_its_body(check: Callable[..., None]) -> None:
    check(
        simplify,
        """
func f(x: float):
  s: float = for i: int in range(3, 4, 1) from p: float = x:
    a: float = multiply(p, i)
    yield a
  return s
""",
        """
func f(x: float):
  a: float = multiply(x, 3)
  return a
""",
        (2.0,),
    )


def test_loop_of_one_trip_that_ends_early_stays(check: Callable[..., None]) -> None:
    text = """
func f(x: float):
  s: float = for i: int in range(0, 1, 1) from p: float = x until:
    a: float = multiply(p, 2.0)
    b: bool = less(a, x)
    yield a, b
  return s
"""
    check(simplify, text, text, (2.0,))


def test_steps_of_a_python_integer_are_one(check: Callable[..., None]) -> None:
    check(
        lambda fn: dce(simplify(fn)),
        """
func f(n: int, x: float):
  a: int = add(n, 1)
  b: int = subtract(a, 1)
  c: int = add(a, 2)
  d: int = subtract(n, 5)
  e: int = add(d, 1)
  y: float = add(x, 1)
  z: float = subtract(y, 1)
  return b, c, e, z
""",
        """
func f(n: int, x: float):
  c: int = add(n, 3)
  e: int = subtract(n, 4)
  y: float = add(x, 1)
  z: float = subtract(y, 1)
  return n, c, e, z
""",
        (7, 0.1), (-3, 1e17),
    )  # fmt: skip


def test_what_each_trip_sets_is_known_after_a_loop_that_makes_one(
    check: Callable[..., None],
) -> None:
    check(
        lambda fn: dce(simplify(fn)),
        """
func f(x: float):
  y: float, set: bool, z: float = while from p: float = x, q: bool = False, z.1: float = undef<float> until:
    yield True
  do p.1: float, q.1: bool, z.2: float:
    z.3: float = multiply(p.1, 2.0)
    e: bool = greater(z.3, 10.0)
    w: float = add(z.3, p.1)
    yield w, True, z.3, e
  check_defined(set, name='z')
  k: bool, s: float = for i: int in range(0, 3, 1) from p.2: bool = False, p.3: float = z:
    t: float = multiply(p.3, 2.0)
    yield True, t
  return s, k
""",
        """
func f(x: float):
  y: float, z: float = while from p: float = x, z.1: float = undef<float> until:
    yield True
  do p.1: float, z.2: float:
    z.3: float = multiply(p.1, 2.0)
    e: bool = greater(z.3, 10.0)
    w: float = add(z.3, p.1)
    yield w, z.3, e
  s: float = for i: int in range(0, 3, 1) from p.3: float = z:
    t: float = multiply(p.3, 2.0)
    yield t
  return s, True
""",
        (1.5,),
    )


def test_what_no_trip_may_set_is_not_known(check: Callable[..., None]) -> None:
    text = """
func f(n: int):
  k: bool = for i: int in range(0, n, 1) from p: bool = False:
    yield True
  return k
"""
    check(simplify, text, text, (0,))


def test_test_that_is_handed_on_is_known_at_the_start(check: Callable[..., None]) -> None:
    check(
        lambda fn: dce(simplify(fn)),
        """
func f(x: float):
  k: bool, y: float = while from p: bool = False, q: float = x:
    yield p
  do p.1: bool, q.1: float:
    r: float = multiply(q.1, 2.0)
    s: bool = less(r, 10.0)
    yield s, r
  return y
""",
        """
func f(x: float):
  return x
""",
        (1.5,),
    )


def weighted(x: Any, k: Any) -> Any:
    return np.sum(x) * k


def test_an_integer_times_one_is_converted() -> None:
    text = sc.value_and_grad(weighted, argnums=0).source(A, 3)
    assert "np.full(x.shape, np.float64(k))" in text
    assert sc.jit(weighted)(A, 3) == 18.0


def chosen(x: Any) -> Any:
    safe = np.where(x > 1, x, 1.0)
    return np.sum(np.where(x > 1, np.log(safe), x * 2))


def test_what_is_masked_is_not_masked_again() -> None:
    text = sc.grad(chosen).source(A)
    assert "np.where(mask, 0, 2.0)" in text
    assert "np.where(mask, 1.0 / safe, 0)" in text
    np.testing.assert_allclose(sc.grad(chosen)(A), [2, 2, 1 / 2, 1 / 3])
    assert "np.float32(2.0)" in sc.grad(chosen).source(A.astype("f4"))


def asked_both_ways(x: Any, y: Any) -> Any:
    above = x > 0
    below = not above
    if above:
        y = y * 2
        if below:
            y = y + 1
        y = y * x
    return y


@pytest.mark.parametrize("x", [1.5, -1.0])
def test_conditions_made_of_each_other_may_be_nested(x: float) -> None:
    x = np.float64(x)
    assert sc.jit(asked_both_ways)(x, 2.0) == asked_both_ways(x, 2.0)
