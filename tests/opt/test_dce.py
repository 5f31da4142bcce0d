# ruff: noqa: E501 - the text form has one statement a line

from collections.abc import Callable

import numpy as np

from stagec.opt.dce import dce

A = np.arange(4.0)


def test_unused_ops_go(check: Callable[..., None]) -> None:
    check(
        dce,
        """
func f(x: f64[4], y: f64[4]):
  a: f64[4] = add(x, y)
  b: f64[4] = multiply(a, y)
  c: f64[4] = add(a, a)
  return c
""",
        """
func f(x: f64[4], y: f64[4]):
  a: f64[4] = add(x, y)
  c: f64[4] = add(a, a)
  return c
""",
        (A, A),
    )


def test_unused_result_of_a_branch_goes_with_what_computes_it(
    check: Callable[..., None],
) -> None:
    check(
        dce,
        """
func f(c: bool, x: float):
  a: float, b: float = if c:
    p: float = add(x, 1.0)
    q: float = add(x, 2.0)
    yield p, q
  else:
    yield x, x
  return b
""",
        """
func f(c: bool, x: float):
  b: float = if c:
    q: float = add(x, 2.0)
    yield q
  else:
    yield x
  return b
""",
        (True, 1.0),
        (False, 1.0),
    )


def test_carry_used_for_itself_alone_goes_and_so_does_an_unused_trip_count(
    check: Callable[..., None],
) -> None:
    check(
        dce,
        """
func f(n: int, x: float):
  a: float, b: float, t: int = for i: int in range(0, n, 1) from p: float = x, q: float = x trips:
    r: float = multiply(p, 2.0)
    s: float = add(q, 1.0)
    yield r, s
  return b
""",
        """
func f(n: int, x: float):
  b: float = for i: int in range(0, n, 1) from q: float = x:
    s: float = add(q, 1.0)
    yield s
  return b
""",
        (3, 1.0),
        (0, 1.0),
    )


def test_swapped_carries_both_stay(check: Callable[..., None]) -> None:
    text = """
func f(n: int, x: float, y: float):
  a: float, b: float = for i: int in range(0, n, 1) from p: float = x, q: float = y:
    yield q, p
  return a
"""
    check(dce, text, text, (3, 1.0, 2.0), (2, 1.0, 2.0))


def test_carry_that_only_decides_when_to_stop_stays(check: Callable[..., None]) -> None:
    check(
        dce,
        """
func f(n: int, x: float):
  a: float, u: float, t: int = for i: int in range(0, n, 1) from p: float = x, v: float = x until trips:
    s: float = add(p, 1.0)
    w: float = add(v, 5.0)
    stop: bool = greater(s, 3.0)
    yield s, w, stop
  return t
""",
        """
func f(n: int, x: float):
  a: float, t: int = for i: int in range(0, n, 1) from p: float = x until trips:
    s: float = add(p, 1.0)
    stop: bool = greater(s, 3.0)
    yield s, stop
  return t
""",
        (9, 1.0),
        (1, 1.0),
    )


def test_while_keeps_what_its_condition_reads(check: Callable[..., None]) -> None:
    check(
        dce,
        """
func f(x: float):
  a: float, b: float, d: float = while from p: float = x, q: float = x, z: float = x:
    c: bool = less(p, 9.0)
    yield c
  do p.1: float, q.1: float, z.1: float:
    r: float = add(p.1, 1.0)
    s: float = add(q.1, p.1)
    e: float = add(z.1, s)
    yield r, s, e
  return b
""",
        """
func f(x: float):
  a: float, b: float = while from p: float = x, q: float = x:
    c: bool = less(p, 9.0)
    yield c
  do p.1: float, q.1: float:
    r: float = add(p.1, 1.0)
    s: float = add(q.1, p.1)
    yield r, s
  return b
""",
        (1.0,),
    )


def test_dead_loop_goes_but_not_one_with_an_effect(check: Callable[..., None]) -> None:
    check(
        dce,
        """
func f(n: int, x: float):
  a: float = for i: int in range(0, n, 1) from p: float = x:
    q: float = add(p, 1.0)
    yield q
  b: float = for j: int in range(0, n, 1) from p.1: float = x:
    q.1: float = add(p.1, 1.0)
    print(j, end='\\n', sep=' ')
    yield q.1
  return
""",
        """
func f(n: int, x: float):
  for j: int in range(0, n, 1):
    print(j, end='\\n', sep=' ')
    yield
  return
""",
        (2, 1.0),
    )


def test_calls_without_effect_go_with_their_function(check: Callable[..., None]) -> None:
    check(
        dce,
        """
func f(x: float):
  a: float = call g(x)
  b: float = call h(x)
  c: float = call k(x)
  return c

func g(x: float):
  c: bool = less(x, 0.0)
  y: float = if c:
    z: float = add(x, 1.0)
    w: float = call g(z)
    yield w
  else:
    yield x
  return y

func h(x: float):
  print(x, end='\\n', sep=' ')
  return x

func k(x: float):
  unused: float = add(x, 1.0)
  return x
""",
        """
func f(x: float):
  b: float = call h(x)
  c: float = call k(x)
  return c

func h(x: float):
  print(x, end='\\n', sep=' ')
  return x

func k(x: float):
  return x
""",
        (1.0,),
    )
