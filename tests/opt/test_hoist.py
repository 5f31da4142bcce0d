from collections.abc import Callable

import numpy as np

from stagec.opt.hoist import hoist

A = np.arange(4.0)


def test_invariant_ops_leave_all_their_loops(check: Callable[..., None]) -> None:
    check(
        hoist,
        """
func f(n: int, x: f64[4], y: float):
  s: f64[4] = for i: int in range(0, n, 1) from p: f64[4] = x:
    r: f64[4] = for j: int in range(0, i, 1) from q: f64[4] = p:
      a: f64[4] = multiply(x, y)
      b: f64[4] = multiply(a, i)
      c: f64[4] = multiply(b, j)
      d: f64[4] = add(q, c)
      yield d
    yield r
  return s
""",
        """
func f(n: int, x: f64[4], y: float):
  a: f64[4] = multiply(x, y)
  s: f64[4] = for i: int in range(0, n, 1) from p: f64[4] = x:
    b: f64[4] = multiply(a, i)
    r: f64[4] = for j: int in range(0, i, 1) from q: f64[4] = p:
      c: f64[4] = multiply(b, j)
      d: f64[4] = add(q, c)
      yield d
    yield r
  return s
""",
        (3, A, 2.0),
        (0, A, 2.0),
    )


def test_what_may_raise_stays_unless_the_loop_surely_runs(check: Callable[..., None]) -> None:
    check(
        hoist,
        """
func f(n: int, x: float, y: float):
  s: float = for i: int in range(0, n, 1) from p: float = x:
    a: float = divide(x, y)
    b: float = add(p, a)
    yield b
  t: float = for j: int in range(0, 3, 1) from q: float = x:
    c: float = divide(x, y)
    print(c, end='\\n', sep=' ')
    d: float = divide(y, x)
    e: float = add(q, d)
    yield e
  return s, t
""",
        """
func f(n: int, x: float, y: float):
  s: float = for i: int in range(0, n, 1) from p: float = x:
    a: float = divide(x, y)
    b: float = add(p, a)
    yield b
  c: float = divide(x, y)
  t: float = for j: int in range(0, 3, 1) from q: float = x:
    print(c, end='\\n', sep=' ')
    d: float = divide(y, x)
    e: float = add(q, d)
    yield e
  return s, t
""",
        (3, 1.0, 2.0),
        (0, 1.0, 2.0),
    )


def test_condition_of_a_while_runs_at_least_once(check: Callable[..., None]) -> None:
    check(
        hoist,
        """
func f(x: float, y: float):
  s: float = while from p: float = x:
    a: float = divide(10.0, y)
    c: bool = less(p, a)
    yield c
  do q: float:
    b: float = divide(y, x)
    d: float = add(x, y)
    e: float = add(b, d)
    r: float = add(q, e)
    yield r
  return s
""",
        """
func f(x: float, y: float):
  a: float = divide(10.0, y)
  d: float = add(x, y)
  s: float = while from p: float = x:
    c: bool = less(p, a)
    yield c
  do q: float:
    b: float = divide(y, x)
    e: float = add(b, d)
    r: float = add(q, e)
    yield r
  return s
""",
        (1.0, 2.0),
        (9.0, 2.0),
    )


def test_new_memory_that_the_loop_writes_to_stays(check: Callable[..., None]) -> None:
    check(
        hoist,
        """
func f(n: int, x: f64[4]):
  s: f64[4], t: f64[4] = for i: int in range(0, n, 1) from p: f64[4] = x, q: f64[4] = x:
    a: f64[4] = zeros(dtype=f64, shape=(4,))
    v: f64[2] = read(a, path=[2:], view=True)
    w: f64[2] = update(v, 1.0, path=[0])
    b: f64[4] = zeros_like(x, dtype=f64)
    c: f64[4] = zeros(dtype=f64, shape=(4,))
    d: f64[4] = add(p, b)
    e: f64[4] = for j: int in range(0, i, 1) from g: f64[4] = c:
      h: f64[4] = update(g, 1.0, j, path=[$0])
      yield h
    k: f64[4] = zeros(dtype=f64, shape=(4,))
    yield d, k
  return s, t
""",
        """
func f(n: int, x: f64[4]):
  b: f64[4] = zeros_like(x, dtype=f64)
  s: f64[4], t: f64[4] = for i: int in range(0, n, 1) from p: f64[4] = x, q: f64[4] = x:
    a: f64[4] = zeros(dtype=f64, shape=(4,))
    v: f64[2] = read(a, path=[2:], view=True)
    w: f64[2] = update(v, 1.0, path=[0])
    c: f64[4] = zeros(dtype=f64, shape=(4,))
    d: f64[4] = add(p, b)
    e: f64[4] = for j: int in range(0, i, 1) from g: f64[4] = c:
      h: f64[4] = update(g, 1.0, j, path=[$0])
      yield h
    k: f64[4] = zeros(dtype=f64, shape=(4,))
    yield d, k
  return s, t
""",
        (3, A),
        (0, A),
    )


def test_undefined_operands_and_branches_keep_their_ops(check: Callable[..., None]) -> None:
    text = """
func f(n: int, c: bool, x: float):
  s: float = for i: int in range(0, n, 1) from p: float = x:
    r: float = if c:
      q: float = add(x, x)
      yield q
    else:
      u: float = add(x, undef<float>)
      yield p
    yield r
  return s
"""
    check(hoist, text, text, (3, True, 1.0))


def test_lengths_of_what_trips_make_are_those_of_parameters(check: Callable[..., None]) -> None:
    check(
        hoist,
        """
func f(n: int, x: f64[m], y: float):
  s: f64[m], t: int = for i: int in range(0, n, 1) from p: f64[m] = x, l: int = 4:
    a: f64[m] = multiply(p, y)
    b: int{m} = extent(a, axis=0)
    c: int = add(l, b)
    yield a, c
  return s, t
""",
        """
func f(n: int, x: f64[m], y: float):
  b: int{m} = extent(x, axis=0)
  s: f64[m], t: int = for i: int in range(0, n, 1) from p: f64[m] = x, l: int = 4:
    a: f64[m] = multiply(p, y)
    c: int = add(l, b)
    yield a, c
  return s, t
""",
        (3, A, 2.0),
        (0, A, 2.0),
    )
