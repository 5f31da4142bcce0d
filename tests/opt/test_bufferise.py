"""Bufferised functions mean the same when run in place, and copy no more than needed."""

import copy
import importlib.util
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stagec.ir.core import Apply, Call, Op
from stagec.ir.function import Function
from stagec.ir.interpreter import evaluate
from stagec.ir.parser import parse
from stagec.ir.verifier import verify
from stagec.ir.walk import statements
from stagec.ops import ALL
from stagec.opt.bufferise import Copy, bufferise


def _sibling(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


OPS: Mapping[str, Op] = {op.name: op for op in ALL}
destructive = _sibling("destructive")
random_functions = _sibling("random_functions")
V = np.arange(1.0, 5.0)
M = np.arange(1.0, 17.0).reshape(4, 4) + 9 * np.eye(4)


def same(a: Any, b: Any) -> bool:
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and np.array_equal(a, b)


def arrays(x: Any) -> list[Any]:
    if isinstance(x, list | tuple):
        return [y for e in x for y in arrays(e)]
    return [x] if isinstance(x, np.ndarray) else []


def compare(fn: Function, args: tuple[Any, ...]) -> tuple[Function, tuple[Copy, ...]]:
    """Bufferise, run in place, and compare with what the function means."""
    expected = evaluate(fn, *copy.deepcopy(args))
    done, copies = bufferise(fn)
    verify(done)
    given = copy.deepcopy(args)
    found = destructive.execute(done, *given)
    finals = dict(fn.mutated)
    assert all(map(same, expected, found)), f"\n{fn}\n{done}"
    for k, (arg, at_entry) in enumerate(zip(given, args, strict=True)):
        assert same(arg, expected[finals[k]] if k in finals else at_entry), f"\n{fn}\n{done}"
        assert k not in finals or found[finals[k]] is arg
    for k, fresh in enumerate(fn.fresh):
        others = [a for j, r in enumerate(found) if j != k for a in arrays(r)] + arrays(given)
        for array in arrays(found[k]) if fresh else []:
            assert array.flags.writeable
            assert not any(np.shares_memory(array, other) for other in others)
    return done, copies


def copies_of(text: str, *inputs: tuple[Any, ...]) -> tuple[list[str], list[str]]:
    """The names of what is copied outside of loops and inside of them."""
    fn = parse(text, OPS)
    verify(fn)
    for args in inputs:
        compare(fn, args)
    _, copies = bufferise(fn)
    assert all(c.reason for c in copies)
    return [c.name for c in copies if not c.in_loop], [c.name for c in copies if c.in_loop]


@pytest.mark.parametrize("start", [*range(0, 400, 50), 1600])
def test_random_functions_mean_the_same_in_place(start: int) -> None:
    for seed in range(start, start + 50):
        fn = random_functions.random_function(seed)
        verify(fn)
        compare(fn, random_functions.arguments(fn, seed))


def test_the_executor_notices_missing_copies() -> None:
    wrong = 0
    for seed in range(40):
        fn = random_functions.random_function(seed)
        args = random_functions.arguments(fn, seed)
        expected = evaluate(fn, *copy.deepcopy(args))
        given = copy.deepcopy(args)
        try:
            found = destructive.execute(fn, *given)
        except ValueError:  # a write to a read-only view
            wrong += 1
        else:
            wrong += not all(map(same, (*expected, *args), (*found, *given)))
    assert wrong > 30


@pytest.mark.parametrize("start", range(0, 400, 50))
def test_bufferised_functions_need_no_more_copies(start: int) -> None:
    for seed in range(start, start + 50):
        fn = random_functions.random_function(seed)
        # what is written back at the end would count as a use of the parameter
        fn = replace(fn, mutated=(), functions=())
        if any(isinstance(s, Call) for s in statements(fn.body)):
            continue
        done, _ = bufferise(fn)
        assert bufferise(done)[1] == (), f"{fn}\n{done}"


# --- patterns --------------------------------------------------------------------------------


def test_gauss_seidel_sweeps_stay_in_place() -> None:
    text = """
func seidel(A: f64[4, 4], n: int) mutated(A=0):
  m: int = subtract(n, 1)
  A.5: f64[4, 4] = for t: int in range(0, 3, 1) from A.1: f64[4, 4] = A:
    A.4: f64[4, 4] = for i: int in range(1, m, 1) from A.2: f64[4, 4] = A.1:
      A.6: f64[4, 4] = for j: int in range(1, m, 1) from A.3: f64[4, 4] = A.2:
        k: int = subtract(j, 1)
        l: int = add(j, 1)
        a: f64 = read(A.3, i, k, path=[$0, $1], view=False)
        b: f64 = read(A.3, i, l, path=[$0, $1], view=False)
        c: f64 = add(a, b)
        d: f64 = divide(c, 2.0)
        A.7: f64[4, 4] = update(A.3, d, i, j, path=[$0, $1])
        yield A.7
      yield A.6
    yield A.4
  return A.5
"""
    assert copies_of(text, (M, 4)) == ([], [])
    under_grad = text.replace(" mutated(A=0)", " fresh(0)")
    assert copies_of(under_grad, (M, 4)) == (["A"], [])


def test_the_adjoint_of_gauss_seidel_stays_in_place() -> None:
    text = """
func pullback(ct: f64[4, 4], n: int) fresh(0):
  m: int = subtract(n, 1)
  A.5: f64[4, 4] = for t: int in range(0, 3, 1) from A.1: f64[4, 4] = ct:
    A.4: f64[4, 4] = for i: int in reversed(range(1, m, 1)) from A.2: f64[4, 4] = A.1:
      A.6: f64[4, 4] = for j: int in reversed(range(1, m, 1)) from A.3: f64[4, 4] = A.2:
        k: int = subtract(j, 1)
        l: int = add(j, 1)
        d: f64 = read(A.3, i, j, path=[$0, $1], view=False)
        A.7: f64[4, 4] = update(A.3, 0.0, i, j, path=[$0, $1])
        c: f64 = divide(d, 2.0)
        A.8: f64[4, 4] = accumulate(A.7, c, i, k, path=[$0, $1])
        A.9: f64[4, 4] = accumulate(A.8, c, i, l, path=[$0, $1])
        yield A.9
      yield A.6
    yield A.4
  return A.5
"""
    assert copies_of(text, (M, 4)) == (["A"], [])


def test_buffers_that_change_places_are_not_copied() -> None:
    text = """
func heat(x: f64[4], n: int) fresh(0):
  u: f64[4] = copy(x)
  new: f64[4] = copy(x)
  u.3: f64[4], new.3: f64[4] = for t: int in range(0, n, 1) CARRY:
    a: f64[2] = read(u.1, path=[:2])
    b: f64[2] = read(u.1, path=[2:])
    c: f64[2] = add(a, b)
    new.2: f64[4] = update(new.1, c, path=[1:3])
    yield new.2, u.1
  return u.3
""".replace("CARRY", "from u.1: f64[4] = u, new.1: f64[4] = new")
    assert copies_of(text, (V, 0), (V, 1), (V, 4)) == ([], [])
    given = text.replace("  u: f64[4] = copy(x)\n", "").replace("= u, new.1", "= x, new.1")
    assert copies_of(given, (V, 0), (V, 1), (V, 4)) == (["u"], [])
    shared = text.replace("  new: f64[4] = copy(x)\n", "").replace("= new:", "= u:")
    assert copies_of(shared, (V, 0), (V, 1), (V, 4)) == (["new"], [])


def test_buffers_may_change_places_in_a_branch_and_in_nested_loops() -> None:
    text = """
func heat(x: f64[4], n: int) fresh(0):
  u: f64[4] = copy(x)
  new: f64[4] = copy(x)
  u.3: f64[4], new.3: f64[4] = for t: int in range(0, n, 1) CARRY:
    new.6: f64[4] = for s: int in range(0, 2, 1) from new.5: f64[4] = new.1:
      a: f64[2] = read(u.1, path=[:2])
      new.2: f64[4] = accumulate(new.5, a, path=[1:3])
      yield new.2
    odd: bool = less(t, 2)
    u.4: f64[4], new.4: f64[4] = if odd:
      yield new.6, u.1
    else:
      yield u.1, new.6
    yield u.4, new.4
  u.5: f64[4] = update(u.3, new.3, path=())
  new.7: f64[4] = update(new.3, 1.0, path=[0])
  z: f64[4] = add(u.5, new.7)
  return z
""".replace("CARRY", "from u.1: f64[4] = u, new.1: f64[4] = new")
    assert copies_of(text, (V, 0), (V, 1), (V, 4)) == ([], [])


def test_two_loops_in_a_loop_share_one_copy_at_entry() -> None:
    text = """
func f(x: f64[4], n: int) fresh(0):
  x.1: f64[4] = for i: int in range(0, n, 1) from x.2: f64[4] = x:
    x.3: f64[4] = for j: int in range(0, i, 1) from x.4: f64[4] = x.2:
      x.5: f64[4] = accumulate(x.4, 1.0, j, path=[$0])
      x.6: f64[4] = accumulate(x.5, 2.0, i, path=[$0])
      yield x.6
    x.7: f64[4] = for k: int in range(i, n, 1) from x.8: f64[4] = x.3:
      x.9: f64[4] = accumulate(x.8, 3.0, k, path=[$0])
      yield x.9
    yield x.7
  x.10: f64[4] = for l: int in range(0, n, 1) from x.11: f64[4] = x.1:
    x.12: f64[4] = accumulate(x.11, 1.0, l, path=[$0])
    yield x.12
  return x.10
"""
    assert copies_of(text, (V, 0), (V, 4)) == (["x"], [])


def test_the_condition_of_a_loop_leaves_the_carry_alone() -> None:
    text = """
func f(x: f64[4]) fresh(0):
  y: f64[4] = copy(x)
  y.1: f64[4] = while from y.2: f64[4] = y:
    y.3: f64[4] = accumulate(y.2, 1.0, path=[0])
    s: f64 = sum(y.3, axes=(0,))
    more: bool_ = less(s, 40.0)
    yield more
  do y.4: f64[4]:
    y.5: f64[4] = accumulate(y.4, 2.0, path=[0])
    yield y.5
  return y.1
"""
    assert copies_of(text, (V,)) == ([], ["y"])


def test_a_view_that_is_still_used_is_copied() -> None:
    text = """
func f(x: f64[4]):
  y: f64[4] = copy(x)
  t: f64[2] = read(y, path=[::2])
  y.1: f64[4] = update(y, 7.0, path=[0])
  s: f64 = sum(t, axes=(0,))
  y.2: f64[4] = update(y.1, s, path=[1])
  return y.2
"""
    assert copies_of(text, (V,)) == (["t"], [])
    apart = text.replace("::2]", "1:3]").replace(
        "update(y.1, s, path=[1]", "update(y.1, s, path=[3]"
    )
    assert copies_of(apart, (V,)) == ([], [])
    loop = text.replace(
        "update(y, 7.0, path=[0])",
        """for i: int in range(0, 3, 1) from y.3: f64[4] = y:
    a: f64 = sum(t, axes=(0,))
    y.4: f64[4] = update(y.3, a, i, path=[$0])
    yield y.4""",
    )
    assert copies_of(loop, (V,)) == (["t"], [])


def test_cholesky_stays_in_place() -> None:
    text = """
func cholesky(A: f64[4, 4], n: int) mutated(A=0):
  A.1: f64[4, 4] = for i: int in range(0, n, 1) from A.2: f64[4, 4] = A:
    A.3: f64[4, 4] = for j: int in range(0, i, 1) from A.4: f64[4, 4] = A.2:
      A.5: f64[4, 4] = for k: int in range(0, j, 1) from A.6: f64[4, 4] = A.4:
        a: f64 = read(A.6, i, k, path=[$0, $1], view=False)
        b: f64 = read(A.6, j, k, path=[$0, $1], view=False)
        c: f64 = multiply(a, b)
        d: f64 = negative(c)
        A.7: f64[4, 4] = accumulate(A.6, d, i, j, path=[$0, $1])
        yield A.7
      e: f64 = read(A.5, i, j, path=[$0, $1], view=False)
      f: f64 = read(A.5, j, j, path=[$0, $1], view=False)
      g: f64 = divide(e, f)
      A.8: f64[4, 4] = update(A.5, g, i, j, path=[$0, $1])
      yield A.8
    row: f64[?] = read(A.3, i, i, path=[$0, :$1])
    square: f64[?] = multiply(row, row)
    total: f64 = sum(square, axes=(0,))
    h: f64 = negative(total)
    A.9: f64[4, 4] = accumulate(A.3, h, i, i, path=[$0, $1])
    l: f64 = read(A.9, i, i, path=[$0, $1], view=False)
    m: f64 = power(l, 0.5)
    A.10: f64[4, 4] = update(A.9, m, i, i, path=[$0, $1])
    yield A.10
  return A.1
"""
    assert copies_of(text, (M + M.T, 4)) == ([], [])


def test_cotangents_grow_in_place_through_all_regions() -> None:
    text = """
func pullback(x: f64[4], ct: f64, n: int, c: bool) fresh(0):
  x_.0: f64[4] = zeros_like(x, dtype=f64)
  x_.1: f64[4] = for i: int in reversed(range(0, n, 1)) from x_.2: f64[4] = x_.0:
    x_.3: f64[4] = if c:
      k: int, x_.4: f64[4] = while from m: int = 0, x_.5: f64[4] = x_.2:
        less: bool = less(m, i)
        yield less
      do m.1: int, x_.6: f64[4]:
        a: f64 = read(x_.6, m.1, path=[$0], view=False)
        b: f64 = multiply(a, ct)
        x_.7: f64[4] = accumulate(x_.6, b, i, path=[$0])
        x_.8: f64[4] = update(x_.7, 0.0, m.1, path=[$0])
        m.2: int = add(m.1, 1)
        yield m.2, x_.8
      yield x_.4
    else:
      yield x_.2
    x_.9: f64[4] = accumulate(x_.3, ct, i, path=[$0])
    yield x_.9
  return x_.1
"""
    assert copies_of(text, (V, 0.5, 4, True), (V, 0.5, 4, False)) == ([], [])


def test_a_cotangent_that_starts_as_a_broadcast_is_copied_once() -> None:
    text = """
func pullback(x: f64[4], ct: f64, n: int) fresh(0):
  x_.0: f64[4] = broadcast_like(ct, x)
  x_.1: f64[4] = for i: int in range(0, n, 1) from x_.2: f64[4] = x_.0:
    x_.9: f64[4] = accumulate(x_.2, ct, i, path=[$0])
    yield x_.9
  return x_.1
"""
    assert copies_of(text, (V, np.float64(0.5), 4)) == (["x_"], [])
    plain = text.replace("return x_.1", "return x_.0")
    assert "x_" in copies_of(plain, (V, np.float64(0.5), 4))[0]


def test_a_carry_that_becomes_a_broadcast_is_copied_where_it_is_written_to() -> None:
    text = """
func f(x: f64[4], n: int) fresh(0):
  y: f64[4] = copy(x)
  y.1: f64[4] = for i: int in range(0, n, 1) from y.2: f64[4] = y:
    y.3: f64[4] = update(y.2, 1.0, i, path=[$0])
    s: f64 = sum(y.3, axes=(0,))
    y.4: f64[4] = broadcast_like(s, x)
    yield y.4
  return y.1
"""
    assert copies_of(text, (V, 0), (V, 3)) == (["y"], ["y"])


def test_swapped_parameters_are_written_back_with_one_copy() -> None:
    text = """
func f(x: f64[4], y: f64[4]) mutated(x=0, y=1):
  a: f64[4] = update(x, 1.0, path=[0])
  return y, a, a
"""
    assert copies_of(text, (V, 2 * V)) == (["a"], [])


def test_the_old_value_of_a_mutated_parameter_is_what_is_copied() -> None:
    text = """
func f(x: f64[4], n: int) mutated(x=0) fresh(1):
  x.1: f64[4] = for i: int in range(0, n, 1) from x.2: f64[4] = x:
    x.3: f64[4] = accumulate(x.2, 1.0, i, path=[$0])
    yield x.3
  d: f64[4] = subtract(x.1, x)
  return x.1, d
"""
    assert copies_of(text, (V, 3)) == (["x"], [])


def test_only_the_shape_of_a_value_may_be_read_after_a_write() -> None:
    text = """
func f(x: f64[4]) mutated(x=0):
  x.1: f64[4] = update(x, 1.0, path=[0])
  z: f64[4] = zeros_like(x, dtype=f64)
  x.2: f64[4] = accumulate(x.1, z, path=())
  return x.2
"""
    assert copies_of(text, (V,)) == ([], [])


def test_what_a_tape_holds_is_copied_in_the_loop() -> None:
    text = """
func f(x: f64[4], n: int) fresh(0, 1):
  tape: list<f64[4]> = list_new(element=<f64[4]>)
  u: f64[4] = copy(x)
  u.1: f64[4], tape.1: list<f64[4]> = for i: int in range(0, n, 1) CARRY:
    tape.3: list<f64[4]> = list_append(tape.2, u.2)
    u.3: f64[4] = accumulate(u.2, 1.0, i, path=[$0])
    yield u.3, tape.3
  return u.1, tape.1
"""
    text = text.replace("CARRY", "from u.2: f64[4] = u, tape.2: list<f64[4]> = tape")
    assert copies_of(text, (V, 0), (V, 3)) == ([], ["u"])
    numbers = text.replace("list_append(tape.2, u.2)", "list_append(tape.2, s)").replace(
        "    tape.3:", "    s: f64 = sum(u.2, axes=(0,))\n    tape.3:"
    )
    numbers = numbers.replace("list<f64[4]>", "list<f64>").replace(
        "element=<f64[4]>", "element=<f64>"
    )
    assert copies_of(numbers, (V, 3)) == ([], [])


def test_of_what_a_tape_holds_of_a_matrix_only_the_row_is_copied() -> None:
    """The row that a trip writes is the next trip's, which tapes it, then writes another."""
    text = """
func f(m: f64[4, 4], n: int) mutated(m=0) fresh(1):
  tape: list<f64[4]> = list_new(element=<f64[4]>)
  r: f64[4] = read(m, path=[0])
  v: f64[4] = copy(r)
  m.1: f64[4, 4], tape.1: list<f64[4]>, v.1: f64[4] = for i: int in range(0, n, 1) CARRY:
    tape.3: list<f64[4]> = list_append(tape.2, v.2)
    w: f64[4] = multiply(v.2, 2.0)
    m.3: f64[4, 4] = update(m.2, w, i, path=[$0])
    v.3: f64[4] = read(m.3, i, path=[$0])
    yield m.3, tape.3, v.3
  return m.1, tape.1
"""
    text = text.replace(
        "CARRY",
        "from m.2: f64[4, 4] = m, tape.2: list<f64[4]> = tape, v.2: f64[4] = v",
    )
    assert copies_of(text, (M, 0), (M, 4)) == ([], ["v"])


def test_residual_functions_say_what_they_write_to() -> None:
    text = """
func f(x: f64[4], y: f64[4]) mutated(x=0):
  a: f64[4], b: f64[4] = call g(x, y)
  c: f64[4], d: f64[4] = call g(a, b)
  return c, d

func g(x: f64[4], y: f64[4]) mutated(x=0):
  t: f64[4] = accumulate(x, y, path=())
  return t, y
"""
    assert copies_of(text, (V, 2 * V)) == ([], [])
    kept = text.replace("return c, d", "return d, a")
    assert copies_of(kept, (V, 2 * V)) == (["a"], [])


def test_results_of_a_call_may_share_what_the_function_made() -> None:
    text = """
func f(x: f64[4]):
  a: f64[4], b: f64[2] = call g(x)
  c: f64[4] = update(a, 7.0, path=())
  return b, c

func g(x: f64[4]):
  t: f64[4] = copy(x)
  v: f64[2] = read(t, path=[::2])
  return t, v
"""
    assert copies_of(text, (V,)) == (["b"], [])
    assert copies_of(
        text.replace("func g(x: f64[4])", "func g(x: f64[4]) fresh(0, 1)"), (V,)
    ) == (
        ["v"],
        [],
    )


def test_a_recursive_function_is_bufferised() -> None:
    text = """
func f(x: f64[4], n: int) mutated(x=0):
  y: f64[4] = call g(x, n)
  return y

func g(x: f64[4], n: int) mutated(x=0):
  done: bool = less(n, 1)
  y: f64[4] = if done:
    yield x
  else:
    m: int = subtract(n, 1)
    z: f64[4] = accumulate(x, 1.0, n, path=[$0])
    w: f64[4] = call g(z, m)
    yield w
  return y
"""
    assert copies_of(text, (V, 3)) == ([], [])


def test_large_functions_take_little_time() -> None:
    lines = ["func f(x: f64[4], c: bool) mutated(x=0) fresh(1):", "  v0: f64[4] = copy(x)"]
    for k in range(400):
        lines += [
            f"  t{k}: f64[2] = read(v{k}, path=[::2])",
            f"  s{k}: f64 = sum(t{k}, axes=(0,))",
            f"  v{k + 1}: f64[4] = update(v{k}, s{k}, path=[{k % 4}])",
        ]
    lines += ["  return x, v400"]
    fn = parse("\n".join(lines), OPS)
    start = time.process_time()
    _, copies = bufferise(fn)
    assert time.process_time() - start < 0.5
    assert copies == ()


def test_what_would_be_copied_to_be_written_as_a_whole_is_made_anew() -> None:
    text = """
func f(x: f64[4], s: f64):
  r: f64[4] = exp(x)
  %0: f64[4] = divide(r, s)
  r.1: f64[4] = update(r, %0, path=())
  t: f64[4] = accumulate(r.1, %0, path=())
  t.1: f64[4] = multiply(t, r.1)
  y: f64[4] = multiply(t.1, r)
  return y
"""
    fn = parse(text, OPS)
    done, copies = compare(fn, (V, np.float64(2.0)))
    assert copies == ()
    made = [(s.op.name, s.out.hint) for s in statements(done.body) if isinstance(s, Apply)]
    assert made == [
        *[("exp", "r"), ("divide", "r"), ("add", "t"), ("multiply", "t"), ("multiply", "y")]
    ]


def test_a_sum_of_another_type_is_written_to_a_copy() -> None:
    text = """
func f(x: f32[4], v: f64[4]):
  r: f32[4] = exp(x)
  t: f32[4] = accumulate(r, v, path=())
  y: f32[4] = multiply(t, r)
  return y
"""
    _, copies = compare(parse(text, OPS), (V.astype(np.float32), V / 3))
    assert [c.name for c in copies] == ["r"]


TABLE = """
func f(n: int) fresh(0):
  z: list<int> = list_new(1, 2, element=<int>)
  e: list<list<int>> = list_new(element=<list<int>>)
  t: list<list<int>> = for k: int in range(0, n, 1) from t.1: list<list<int>> = e:
    t.2: list<list<int>> = list_append(t.1, z)
    yield t.2
  u: list<list<int>> = for i: int in range(0, n, 1) from u.1: list<list<int>> = t:
    r: list<int> = list_get(u.1, i)
    WRITE
    yield u.2
  return u
"""


def table(*statements: str) -> str:
    return TABLE.replace("WRITE", "\n    ".join(statements))


PUT = (
    "r.1: list<int> = list_set(r, 0, i)",
    "r.2: list<int> = list_append(r.1, n)",
    "u.2: list<list<int>> = list_set(u.1, i, r.2)",
)


def test_an_element_of_a_list_is_written_to_where_it_is() -> None:
    """What is copied is the one list that would be all the elements."""
    assert copies_of(table(*PUT), (0,), (3,)) == ([], ["z"])


def test_elements_made_for_the_list_are_not_copied() -> None:
    text = table(*PUT).replace(
        "    t.2: list<list<int>> = list_append(t.1, z)",
        "    w: list<int> = list_new(k, k, element=<int>)\n"
        "    t.2: list<list<int>> = list_append(t.1, w)",
    )
    assert copies_of(text, (0,), (3,)) == ([], [])


def test_an_element_of_an_element_is_written_to_where_it_is() -> None:
    text = """
func f(n: int) fresh(0):
  a: list<int> = list_new(1, 2, element=<int>)
  b: list<list<int>> = list_new(a, a, element=<list<int>>)
  c: list<list<list<int>>> = list_new(b, b, element=<list<list<int>>>)
  t: list<list<list<int>>> = for i: int in range(0, n, 1) from t.1: list<list<list<int>>> = c:
    p: list<list<int>> = list_get(t.1, 1)
    q: list<int> = list_get(p, 0)
    q.1: list<int> = list_set(q, 1, i)
    p.1: list<list<int>> = list_set(p, 0, q.1)
    t.2: list<list<list<int>>> = list_set(t.1, 1, p.1)
    yield t.2
  return t
"""
    assert copies_of(text, (0,), (3,)) == (["a", "b"], [])


@pytest.mark.parametrize(
    "between",
    [
        # the list as it was is read after the write, or lives on
        ("PUT0", "PUT1", "s: list<int> = list_get(u.1, 0)", "m: int = list_length(s)", "TAKE"),
        ("PUT0", "PUT1", "u.3: list<list<int>> = list_set(u.1, i, r.2)", "OLD"),
        # so does another element of it
        ("s: list<int> = list_get(u.1, 0)", "PUT0", "PUT1", "TOO"),
        # it is put elsewhere
        ("PUT0", "PUT1", "ELSEWHERE"),
        ("PUT0", "PUT1", "u.3: list<list<int>> = list_set(u.1, i, r.2)", "TWICE"),
    ],
)
def test_elements_that_something_else_is_seen_through_stay(between: tuple[str, ...]) -> None:
    endings = {
        "PUT0": PUT[0],
        "PUT1": PUT[1],
        "TAKE": "r.3: list<int> = list_append(r.2, m)\n"
        "    u.2: list<list<int>> = list_set(u.1, i, r.3)",
        "OLD": "s: list<int> = list_get(u.1, i)\n"
        "    u.2: list<list<int>> = list_set(u.3, 0, s)",
        "TOO": "u.3: list<list<int>> = list_set(u.1, i, r.2)\n"
        "    m: int = list_get(s, 0)\n"
        "    r.3: list<int> = list_get(u.3, i)\n"
        "    r.4: list<int> = list_append(r.3, m)\n"
        "    u.2: list<list<int>> = list_set(u.3, i, r.4)",
        "ELSEWHERE": "u.2: list<list<int>> = list_set(u.1, 0, r.2)",
        "TWICE": "u.2: list<list<int>> = list_set(u.3, 0, r.2)",
    }
    fn = parse(table(*(endings.get(s, s) for s in between)), OPS)
    verify(fn)
    for n in (0, 1, 4):
        compare(fn, (n,))


def test_no_two_elements_of_a_result_are_one_list() -> None:
    """Else whoever gets it would change both."""
    text = TABLE[: TABLE.index("  u:")] + "  return t\n"
    assert copies_of(text, (3,)) == ([], ["z"])
    (found,) = destructive.execute(bufferise(parse(text, OPS))[0], 3)
    assert len(set(map(id, found))) == 3


def test_a_list_from_before_a_loop_is_as_it_was_in_each_trip() -> None:
    text = table(
        "q: list<int> = for k.1: int in range(0, 2, 1) from q.1: list<int> = z:",
        "  s: list<int> = list_get(u.1, 0)",
        "  m: int = list_get(s, 0)",
        "  s.1: list<int> = list_append(s, m)",
        "  w: list<list<int>> = list_set(u.1, 0, s.1)",
        "  yield s.1",
        "u.2: list<list<int>> = list_set(u.1, i, q)",
    )
    assert copies_of(text.replace("    r: list<int> = list_get(u.1, i)\n", ""), (0,), (3,))[1]
