from collections.abc import Callable

import numpy as np

from stagec.opt.cse import cse

A = np.arange(4.0)


def test_equal_ops_are_computed_once(check: Callable[..., None]) -> None:
    check(
        cse,
        """
func f(c: bool, x: f64[4]):
  a: f64[4] = add(x, 1.0)
  b: f64[4] = add(x, 1.0)
  d: f64[4] = add(x, 1)
  e: f64[4] = if c:
    g: f64[4] = add(b, 1.0)
    h: f64[4] = add(a, 1.0)
    k: f64[4] = multiply(g, h)
    yield k
  else:
    l: f64[4] = add(a, 1.0)
    yield l
  m: f64[4] = add(a, 1.0)
  return b, d, e, m
""",
        """
func f(c: bool, x: f64[4]):
  a: f64[4] = add(x, 1.0)
  d: f64[4] = add(x, 1)
  e: f64[4] = if c:
    g: f64[4] = add(a, 1.0)
    k: f64[4] = multiply(g, g)
    yield k
  else:
    l: f64[4] = add(a, 1.0)
    yield l
  m: f64[4] = add(a, 1.0)
  return a, d, e, m
""",
        (True, A),
        (False, A),
    )


def test_zero_and_minus_zero_differ(check: Callable[..., None]) -> None:
    text = """
func f(x: float):
  a: float = multiply(x, 0.0)
  b: float = multiply(x, -0.0)
  return a, b
"""
    check(cse, text, text, (1.0,))


def test_loop_bodies_share_with_what_is_before_the_loop(check: Callable[..., None]) -> None:
    check(
        cse,
        """
func f(n: int, x: float):
  a: float = multiply(x, x)
  s: float = for i: int in range(0, n, 1) from p: float = x:
    b: float = multiply(x, x)
    q: float = add(p, b)
    yield q
  return s, a
""",
        """
func f(n: int, x: float):
  a: float = multiply(x, x)
  s: float = for i: int in range(0, n, 1) from p: float = x:
    q: float = add(p, a)
    yield q
  return s, a
""",
        (3, 2.0),
    )


def test_new_memory_and_effects_are_left_alone(check: Callable[..., None]) -> None:
    text = """
func f(x: f64[n]):
  a: f64[3] = zeros(dtype=f64, shape=(3,))
  b: f64[3] = zeros(dtype=f64, shape=(3,))
  c: f64[n] = zeros_like(x, dtype=f64)
  d: f64[n] = zeros_like(x, dtype=f64)
  print(x, end='\\n', sep=' ')
  print(x, end='\\n', sep=' ')
  return a, b, c, d
"""
    check(cse, text, text, (A,))


def test_attributes_tell_ops_apart(check: Callable[..., None]) -> None:
    check(
        cse,
        """
func f(x: f64[4], i: int):
  a: f64 = read(x, i, path=[$0], view=False)
  b: f64 = read(x, path=[1], view=False)
  c: f64 = read(x, i, path=[$0], view=False)
  return a, b, c
""",
        """
func f(x: f64[4], i: int):
  a: f64 = read(x, i, path=[$0], view=False)
  b: f64 = read(x, path=[1], view=False)
  return a, b, a
""",
        (A, 2),
    )
