from collections.abc import Callable

import numpy as np

from stagec.opt.sink import sink

A = np.arange(4.0)


def test_overwrite_waits_for_readers_of_the_old_version(check: Callable[..., None]) -> None:
    check(
        sink,
        """
func f(a: f64[4], x: float):
  u: f64[4] = update(a, 0.0, path=[1])
  e: f64 = read(a, path=[1], view=False)
  v: f64[2] = read(a, path=[2:], view=True)
  p: f64 = add(e, 1.0)
  w: f64[2] = add(v, p)
  q: f64 = add(e, 2.0)
  return u, w, q
""",
        """
func f(a: f64[4], x: float):
  e: f64 = read(a, path=[1], view=False)
  v: f64[2] = read(a, path=[2:], view=True)
  p: f64 = add(e, 1.0)
  w: f64[2] = add(v, p)
  u: f64[4] = update(a, 0.0, path=[1])
  q: f64 = add(e, 2.0)
  return u, w, q
""",
        (A, 1.0),
    )


def test_view_made_before_counts_as_reader(check: Callable[..., None]) -> None:
    check(
        sink,
        """
func f(a: f64[4]):
  v: f64[2] = read(a, path=[2:], view=True)
  u: f64[4] = update(a, 0.0, path=[1])
  w: f64[2] = add(v, 1.0)
  return u, w
""",
        """
func f(a: f64[4]):
  v: f64[2] = read(a, path=[2:], view=True)
  w: f64[2] = add(v, 1.0)
  u: f64[4] = update(a, 0.0, path=[1])
  return u, w
""",
        (A,),
    )


def test_dependent_overwrites_move_together(check: Callable[..., None]) -> None:
    check(
        sink,
        """
func f(a: f64[4]):
  u: f64[4] = update(a, 0.0, path=[1])
  w: f64[4] = update(u, 0.0, path=[2])
  e: f64 = read(a, path=[1], view=False)
  return w, e
""",
        """
func f(a: f64[4]):
  e: f64 = read(a, path=[1], view=False)
  u: f64[4] = update(a, 0.0, path=[1])
  w: f64[4] = update(u, 0.0, path=[2])
  return w, e
""",
        (A,),
    )


def test_stays_where_moving_does_not_help(check: Callable[..., None]) -> None:
    text = """
func f(a: f64[4], b: f64[4], c: f64[4], d: f64[4]):
  u: f64[4] = update(a, 0.0, path=[1])
  t: f64 = read(u, path=[0], view=False)
  e: f64[4] = multiply(a, t)
  z: f64 = read(e, path=[0], view=False)
  u.1: f64[4] = update(b, z, path=[1])
  u.2: f64[4] = update(b, z, path=[2])
  e.1: f64 = read(c, path=[1], view=False)
  u.3: f64[4] = update(d, t, path=[2])
  return u, u.1, u.2, u.3, e.1, d
"""
    check(sink, text, text, (A, A, A, A))


def test_may_raise_does_not_cross_an_effect(check: Callable[..., None]) -> None:
    text = """
func f(a: f64[4], i: int):
  u: f64[4] = update(a, 0.0, i, path=[$0])
  e: f64 = read(a, path=[1], view=False)
  print(e, end='\\n', sep=' ')
  e.1: f64 = read(a, path=[2], view=False)
  return u, e.1
"""
    check(sink, text, text, (A, 2))


def test_does_not_put_a_reader_behind_another_overwrite(check: Callable[..., None]) -> None:
    text = """
func f(a: f64[4], b: f64[4]):
  v: f64[4] = read(b, path=[:], view=True)
  u: f64[4] = update(a, v, path=[:])
  w: f64[4] = update(b, 0.0, path=[1])
  e: f64 = read(a, path=[1], view=False)
  return u, w, e
"""
    check(sink, text, text, (A, A + 1))


def test_shapes_are_not_read(check: Callable[..., None]) -> None:
    text = """
func f(a: f64[4]):
  u: f64[4] = update(a, 0.0, path=[1])
  z: f64[4] = zeros_like(a, dtype=f64)
  return u, z
"""
    check(sink, text, text, (A,))


def test_loops_that_overwrite_their_start_wait_too(check: Callable[..., None]) -> None:
    check(
        sink,
        """
func f(n: int, a: f64[4]):
  s: f64[4] = for i: int in range(0, n, 1) from p: f64[4] = a:
    u: f64[4] = update(p, 0.0, i, path=[$0])
    e: f64 = read(p, i, path=[$0], view=False)
    w: f64[4] = accumulate(u, e, path=[0])
    yield w
  t: f64 = read(a, path=[1], view=False)
  return s, t
""",
        """
func f(n: int, a: f64[4]):
  t: f64 = read(a, path=[1], view=False)
  s: f64[4] = for i: int in range(0, n, 1) from p: f64[4] = a:
    e: f64 = read(p, i, path=[$0], view=False)
    u: f64[4] = update(p, 0.0, i, path=[$0])
    w: f64[4] = accumulate(u, e, path=[0])
    yield w
  return s, t
""",
        (3, A),
    )
