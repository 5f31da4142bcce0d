# ruff: noqa: E501 - the text form has one statement a line

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import stagec as sc
from stagec.codegen.module import to_module
from stagec.errors import Loc
from stagec.ir.core import Op
from stagec.ir.function import Function
from stagec.ir.parser import parse
from stagec.ir.walk import statements

A = np.arange(4.0) + 0.5
Prints = Callable[..., None]


def test_nameless_values_fold_and_named_ones_stay(prints: Prints) -> None:
    prints(
        """
func f(x: float, y: float):
  %0: float = add(x, y)
  z: float = multiply(%0, -2.0)
  %1: float = multiply(z, z)
  %2: float = negative(%1)
  %3: float = subtract(%2, x)
  return %3, z
""",
        """
def f(x, y):
    z = (x + y) * -2.0
    return -(z * z) - x, z
""",
        (0.5, 2.0),
    )


def test_an_index_beside_another_is_written_where_it_is_used(prints: Prints) -> None:
    prints(
        """
func f(a: f64[4], n: int):
  %0: int = subtract(n, 1)
  a.1: f64[4] = for i: int in range(1, %0, 1) from a.2: f64[4] = a:
    %1: int = subtract(i, 1)
    %2: f64 = read(a.2, %1, path=[$0], view=False)
    a.3: f64[4] = for j: int in range(0, %0, 1) from a.4: f64[4] = a.2:
      a.5: f64[4] = update(a.4, %2, %1, path=[$0])
      yield a.5
    yield a.3
  return a.1
""",
        """
def f(a, n):
    for i in range(1, n - 1):
        t = a[i - 1]
        for _ in range(n - 1):
            a[i - 1] = t
    return a
""",
        (A, 4), (A, 1),
    )  # fmt: skip


def test_an_index_that_is_replaced_is_not_written_again(prints: Prints) -> None:
    prints(
        """
func f(a: f64[4], n: int):
  last: int, a.1: f64[4] = for i: int in range(0, 3, 1) from k: int = n, a.2: f64[4] = a:
    %0: int = subtract(k, 1)
    a.3: f64[4] = update(a.2, 0.0, %0, path=[$0])
    a.4: f64[4] = update(a.3, 1.0, k, path=[$0])
    yield %0, a.4
  return last, a.1
""",
        """
def f(a, n):
    k = n
    for _ in range(3):
        t = k - 1
        a[t] = 0.0
        a[k] = 1.0
        k = t
    return k, a
""",
        (A, 3),
    )


def test_what_the_user_named_has_its_name_before_the_nameless(prints: Prints) -> None:
    prints(
        """
func f(a: f64[4]):
  %0: f64 = read(a, 0, path=[$0], view=False)
  %1: f64 = multiply(%0, %0)
  t: f64 = add(%0, %1)
  %2: f64 = multiply(%1, %1)
  %3: f64 = add(%2, t)
  %4: f64 = add(%3, t)
  return %4, t
""",
        """
def f(a):
    tmp = a[0]
    tmp_1 = tmp * tmp
    t = tmp + tmp_1
    return tmp_1 * tmp_1 + t + t, t
""",
        (A,),
    )


def test_a_double_beside_doubles_is_a_plain_number(prints: Prints) -> None:
    prints(
        """
func f(a: f64[4], b: f32[4], x: float):
  %0: f64[4] = divide(f64(2.0), a)
  %1: f64[4] = divide(f64(2.0), b)
  %2: f64 = divide(f64(2.0), x)
  a.1: f64[4] = update(a, f64(1.0), 0, path=[$0])
  return %0, %1, %2, a.1
""",
        """
import numpy as np


def f(a, b, x):
    t = 2.0 / a
    a[0] = 1.0
    return t, np.float64(2.0) / b, np.float64(2.0) / x, a
""",
        (A, np.float32(A), 4.0),
    )


def test_read_does_not_fold_past_a_write(prints: Prints) -> None:
    prints(
        """
func f(a: f64[4]):
  %0: f64 = read(a, 0, path=[$0], view=False)
  %1: f64 = read(a, 1, path=[$0], view=False)
  a.1: f64[4] = update(a, %1, 0, path=[$0])
  a.2: f64[4] = update(a.1, %0, 1, path=[$0])
  return a.2
""",
        """
def f(a):
    t = a[0]
    a[0] = a[1]
    a[1] = t
    return a
""",
        (A,),
    )


def test_write_through_another_array_does_not_hold_a_read(prints: Prints) -> None:
    prints(
        """
func f(a: f64[4], b: f64[4]):
  %0: f64 = read(a, 0, path=[$0], view=False)
  b.1: f64[4] = update(b, 0.0, 0, path=[$0])
  return b.1, %0
""",
        """
def f(a, b):
    b[0] = 0.0
    return b, a[0]
""",
        (A, A + 1),
    )


def test_in_place_operators(prints: Prints) -> None:
    prints(
        """
func f(x: f64[4], k: i64[4], i: int):
  %0: f64 = read(x, i, path=[$0], view=False)
  %1: f64 = divide(%0, 2.0)
  x.1: f64[4] = update(x, %1, i, path=[$0])
  %2: f64[4] = multiply(x.1, 2)
  x.2: f64[4] = update(x.1, %2, path=())
  %3: f64[2] = read(x.2, path=[1:3], view=True)
  %4: f64[2] = read(x.2, path=[:2], view=True)
  %5: f64[2] = subtract(%3, %4)
  x.3: f64[4] = update(x.2, %5, path=[1:3])
  %6: f64[4] = add(k, 0.5)
  k.1: i64[4] = update(k, %6, path=())
  x.4: f64[4] = accumulate(x.3, 1.0, path=())
  return x.4, k.1
""",
        """
def f(x, k, i):
    x[i] /= 2.0
    x *= 2
    x[1:3] -= x[:2]
    k[...] = k + 0.5
    x += 1.0
    return x, k
""",
        (A, np.arange(4), 2),
    )


def test_exchanges_are_parallel_assignments(prints: Prints) -> None:
    prints(
        """
func f(x: float, y: float, u: f64[4], v: f64[4]):
  x.1: float, y.1: float, u.1: f64[4], v.1: f64[4] = for i: int in range(0, 3, 1) from x.2: float = x, y.2: float = y, u.2: f64[4] = u, v.2: f64[4] = v:
    %0: float = multiply(y.2, 0.5)
    y.3: float = add(x.2, %0)
    u.3: f64[4] = update(u.2, y.3, 1, path=[$0])
    yield y.2, y.3, v.2, u.3
  return x.1, y.1, u.1, v.1
""",
        """
def f(x, y, u, v):
    for _ in range(3):
        y_1 = x + y * 0.5
        u[1] = y_1
        x = y
        y = y_1
        u, v = v, u
    return x, y, u, v
""",
        (1.0, 2.0, A, A + 1),
    )


def test_early_returns_and_conditional_expressions(prints: Prints) -> None:
    prints(
        """
func f(x: float):
  %0: bool = less(x, 0.0)
  %1: float = if %0:
    y: float = negative(x)
    yield y
  else:
    %2: bool = less(1.0, x)
    %3: bool = if %2:
      %4: bool = less(x, 2.0)
      yield %4
    else:
      yield False
    %5: float = if %3:
      yield 1.0
    else:
      %6: float = multiply(x, x)
      yield %6
    %7: float = add(%5, 0.5)
    yield %7
  return %1
""",
        """
def f(x):
    if x < 0.0:
        y = -x
        return y
    return (1.0 if 1.0 < x < 2.0 else x * x) + 0.5
""",
        (-1.0,), (0.5,), (1.5,), (3.0,),
    )  # fmt: skip


def test_elif(prints: Prints) -> None:
    prints(
        """
func f(n: int):
  y: float = if n:
    %9: float = add(1.0, 0.5)
    yield 1.0
  else:
    %0: bool = less(n, 2)
    y.1: float = if %0:
      yield 2.0
    else:
      yield 3.0
    yield y.1
  %1: float = multiply(y, y)
  return %1
""",
        """
def f(n):
    if n:
        y = 1.0
    elif n < 2:
        y = 2.0
    else:
        y = 3.0
    return y * y
""",
        (0,), (1,), (5,),
    )  # fmt: skip


SEARCH = """
func f(a: f64[4], key: float):
  %0: int, %1: bool, t: int = for i: int in range(0, 4, 1) from p: int = undef<int>, q: bool = False until trips:
    %2: f64 = read(a, i, path=[$0], view=False)
    %3: bool = less(%2, 0.0)
    %4: int, %5: bool = if %3:
      yield p, False
    else:
      %6: bool = less(key, %2)
      yield i, %6
    yield %4, %5, %5
  %7: int = if %1:
    yield %0
  else:
    yield -1
  return %7, t
"""


def test_exit_flags_become_jumps(prints: Prints) -> None:
    prints(
        SEARCH,
        """
def f(a, key):
    t = 0
    for i in range(4):
        t += 1
        a_i = a[i]
        if a_i < 0.0:
            continue
        if key < a_i:
            return i, t
    return -1, t
""",
        (A, 1.0), (A, 9.0), (-A, 0.1),
    )  # fmt: skip


def test_break_after_the_state_is_set(prints: Prints) -> None:
    prints(
        """
func f(x: float, y: float):
  x.1: float, y.1: float = while from x.2: float = x, y.2: float = y until:
    %0: bool = less(x.2, 9.0)
    yield %0
  do x.3: float, y.3: float:
    x.4: float = add(x.3, 1.0)
    %1: bool = less(y.3, x.3)
    yield y.3, x.4, %1
  return x.1, y.1
""",
        """
def f(x, y):
    while x < 9.0:
        stop = y < x
        x, y = y, x + 1.0
        if stop:
            break
    return x, y
""",
        (1.0, 2.0), (3.0, 2.0), (9.5, 1.0),
    )  # fmt: skip


def test_condition_with_statements_is_tested_inside(prints: Prints) -> None:
    prints(
        """
func f(x: float):
  x.1: float = while from x.2: float = x:
    t: float = multiply(x.2, x.2)
    %0: bool = less(t, 9.0)
    yield %0
  do x.3: float:
    x.4: float = add(x.3, 1.0)
    yield x.4
  return x.1
""",
        """
def f(x):
    while True:
        t = x * x
        if not t < 9.0:
            break
        x += 1.0
    return x
""",
        (0.5,),
    )


def test_values_that_may_be_unset(prints: Prints) -> None:
    prints(
        """
func f(c: bool, x: float):
  y: float, d: bool = if c:
    z: float = multiply(x, 2.0)
    yield z, True
  else:
    yield undef<float>, False
  check_defined(d, name='y')
  return y
""",
        """
def f(c, x):
    if c:
        y = x * 2.0
        d = True
    else:
        y = None
        d = False
    if not d:
        raise UnboundLocalError(
            "cannot access local variable 'y' where it is not associated with a value"
        )
    return y
""",
        (True, 1.5),
    )


def test_what_the_last_trip_sets_is_not_unset_before(prints: Prints) -> None:
    prints(
        """
func f(x: float):
  x.1: float, y: float = while from p: float = x, q: float = undef<float> until:
    yield True
  do p.1: float, q.1: float:
    w: float = multiply(p.1, 2.0)
    e: bool = greater(w, 10.0)
    p.2: float, q.2: float = if e:
      z: float = multiply(w, 3.0)
      yield w, z
    else:
      yield w, undef<float>
    yield p.2, q.2, e
  s: float = for i: int in range(0, 3, 1) from r: float = y:
    t: float = multiply(r, y)
    yield t
  return s
""",
        """
def f(x):
    p = x
    while True:
        p *= 2.0
        e = p > 10.0
        if e:
            q = p * 3.0
            break
    r = q
    for _ in range(3):
        r *= q
    return r
""",
        (3.5,),
    )


def test_calls_and_recursion(prints: Prints) -> None:
    prints(
        """
func fib(n: int):
  %0: bool = less(n, 2)
  %1: int = if %0:
    yield n
  else:
    %2: int = subtract(n, 1)
    %3: int = call fib(%2)
    %4: int = subtract(n, 2)
    %5: int = call fib(%4)
    %6: int = add(%3, %5)
    yield %6
  return %1
""",
        """
def fib(n):
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)
""",
        (7,),
    )


def test_call_is_not_moved_past_what_it_writes(prints: Prints) -> None:
    prints(
        """
func f(a: f64[4]):
  %0: f64[4] = call g(a)
  %1: f64 = read(%0, 0, path=[$0], view=False)
  %2: f64 = call h(%0)
  %3: f64 = read(%0, 1, path=[$0], view=False)
  %4: f64 = add(%3, %2)
  %5: f64 = multiply(%4, %1)
  return %5
func g(a: f64[4]):
  b: f64[4] = update(a, 9.0, 0, path=[$0])
  return b
func h(a: f64[4]):
  %0: f64 = read(a, 1, path=[$0], view=False)
  return %0
""",
        """
def h(a):
    return a[1]


def g(a):
    a[0] = 9.0
    return a


def f(a):
    t = g(a)
    t_1 = t[0]
    t_2 = h(t)
    return (t[1] + t_2) * t_1
""",
        (A,),
    )


def test_parameters_of_residual_functions_may_overlap(prints: Prints) -> None:
    prints(
        """
func f(a: f64[4]):
  v: f64[4] = read(a, path=[::-1], view=True)
  x: f64 = call g(a, v)
  return x
func g(a: f64[4], v: f64[4]):
  %0: f64 = read(v, 3, path=[$0], view=False)
  a.1: f64[4] = update(a, 9.0, 0, path=[$0])
  %1: f64 = read(a.1, 0, path=[$0], view=False)
  %2: f64 = add(%0, %1)
  return %2
""",
        """
def g(a, v):
    t = v[3]
    a[0] = 9.0
    return t + a[0]


def f(a):
    v = a[::-1]
    x = g(a, v)
    return x
""",
        (A,),
    )


def test_number_is_accumulated_into_a_variable_of_its_own(prints: Prints) -> None:
    prints(
        """
func f(x: f64, y: f64, i: int):
  z: f64 = exp(y)
  y: f64 = accumulate(x, z, path=())
  %0: f64 = add(y, x)
  w: f64 = accumulate(f64(1.0), %0, path=())
  return w
""",
        """
import numpy as np


def f(x, y, i):
    z = np.exp(y)
    y = x
    y += z
    w = np.float64(1.0)
    w += y + x
    return w
""",
        (np.float64(1.5), np.float64(0.25), 0),
    )


def test_broader_value_is_not_added_in_place(prints: Prints) -> None:
    prints(
        """
func f(x: f64[4], v: f64[1, 4]):
  %0: f64[1, 4] = add(x, v)
  x.1: f64[4] = update(x, %0, path=())
  return x.1
""",
        """
def f(x, v):
    x[...] = x + v
    return x
""",
        (A, A[None]),
    )


def test_hostile_and_clashing_names(ops: Mapping[str, Op]) -> None:
    fn = parse(
        """
func f(np: f64[4], range: int, abs: float):
  lambda: f64[4] = exp(np)
  %0: f64[4] = absolute(lambda)
  s: f64[4] = for i: int in range(0, range, 1) from s.1: f64[4] = %0:
    t: f64[4] = add(s.1, abs)
    yield t
  return s
""",
        ops,
    )
    values = {v.hint: v for s in statements(fn.body) for v in s.outs}
    object.__setattr__(values["lambda"], "hint", "x)+__import__('os')")
    text = to_module(replace(fn, name="x y; import os")).text
    assert "import os" not in text.replace("x_y__import_os", "")
    assert "x____import____os = np.exp(np_1)" in text
    assert "def x_y__import_os(np_1, range_1, abs_1):" in text
    compile(text, "<generated>", "exec")


def located(fn: Function) -> Function:
    stmts = tuple(replace(s, loc=Loc("user.py", k + 10)) for k, s in enumerate(fn.body.stmts))
    return replace(fn, body=replace(fn.body, stmts=stmts))


def test_comments_header_and_line_map(ops: Mapping[str, Op]) -> None:
    fn = located(
        parse(
            """
func f(x: float):
  %0: float = multiply(x, x)
  y: float = add(%0, 1.0)
  z: float = add(y, 1.0)
  return z
""",
            ops,
        )
    )
    comments = {
        ("user.py", 10): ("square it",), ("user.py", 12): ("# and\nadd",), ("b.py", 12): ("no",),
    }  # fmt: skip
    module = to_module(fn, comments, ("f, generated\nfor NumPy",))
    assert module.text == (
        "# f, generated for NumPy\n\ndef f(x):\n    # square it\n    y = x * x + 1.0\n"
        "    # and add\n    z = y + 1.0\n    return z\n"
    )
    assert {line: loc.line for line, loc in module.line_map.items()} == {5: 11, 7: 12}
    assert comments == dict(comments)


def test_comment_stands_above_all_that_its_lines_became(ops: Mapping[str, Op]) -> None:
    fn = located(
        parse(
            """
func f(x: float):
  y: float = multiply(x, x)
  z: float = add(y, 1.0)
  return z
""",
            ops,
        )
    )
    long = ("both lines",)
    comments = {("user.py", 10): long, ("user.py", 11): long}
    assert to_module(fn, comments).text == (
        "def f(x):\n    # both lines\n    y = x * x\n    z = y + 1.0\n    return z\n"
    )


def test_error_state_and_captured_objects(ops: Mapping[str, Op]) -> None:
    def poll(x: float) -> float:
        return x + 1

    fn = parse("func f(x: f64[4]):\n  y: f64[4] = exp(x)\n  return y\n", ops)
    text = to_module(replace(fn, errstate=(("over", "raise"),))).text
    assert text.endswith(
        "def f(x):\n    with np.errstate(over='raise'):\n        y = np.exp(x)\n        return y\n"
    )
    (stmt,) = fn.body.stmts
    host: Any = replace(
        stmt, op=ops["host_call"],
        attrs=(("function", poll), ("results", (fn.params[0].type,))),
    )  # fmt: skip
    module = to_module(replace(fn, body=replace(fn.body, stmts=(host,))))
    given = "# poll is given: a function\n\n"
    assert module.text == given + "def f(x):\n    y = poll(x)\n    return y\n"
    assert module.objects == {"poll": poll}


@pytest.mark.parametrize("levels", [40])
def test_deep_nests_are_outlined(levels: int, ops: Mapping[str, Op]) -> None:
    lines = ["func f(x: float):"]
    for k in range(levels):
        source = "x" if k == 0 else f"s.{k}"
        lines.append(
            "  " * (k + 1) + f"r.{k + 1}: float = for i.{k}: int in range(0, {1 + k // 38}, 1) "
            f"from s.{k + 1}: float = {source}:"
        )
    pad = "  " * levels
    lines.append(f"{pad}  y: float = add(s.{levels}, 1.5)")
    lines.append(f"{pad}  yield y")
    lines += ["  " * (k + 1) + f"yield r.{k + 1}" for k in range(levels - 1, 0, -1)]
    fn = parse("\n".join([*lines, "  return r.1", ""]), ops)
    module = to_module(fn)
    space: dict[str, Any] = {}
    exec(compile(module.text, "<generated>", "exec"), space)
    assert space["f"](1.0) == 1.0 + 4 * 1.5
    assert module.text.count("def ") == 3


def test_values_without_a_name_are_called_what_they_are(ops: Mapping[str, Op]) -> None:
    fn = parse(
        """
func f(x: f64[4], total: f64[4]):
  %0: f64[4] = exp(x)
  %1: f64[4] = add(%0, total)
  %2: f64 = sum(%0, axes=(0,))
  %3: bool[4] = less(%1, x)
  %4: f64[4] = where(%3, %1, %0)
  %5: f64[4] = where(%3, %4, %4)
  %6: f64[4] = multiply(%5, %2)
  %7: f64[4] = multiply(%6, %2)
  return %7
""",
        ops,
    )
    text = to_module(fn).text
    assert "    exp = np.exp(x)\n" in text
    assert "    total_1" not in text  # `total` is the user's, for something else
    assert "    mask = t < x\n" in text


def settling(x: Any, n: Any) -> Any:
    state = np.float64(0.0)
    for i in range(n):
        state = x[i] - 0.5 * state
    return state, 2.0 * state


def test_what_a_kernel_returns_is_returned_at_once() -> None:
    pytest.importorskip("numba")
    staged = sc.jit(settling, backend="numba")
    x = np.ones(4)
    text = staged.source(x, 3)
    assert text.count("return") == 2
    assert "    return settling_kernel(" in text
    assert staged(x, 3) == settling(x, 3)
    with pytest.raises(IndexError) as raised:
        staged(x, 5)
    (note,) = raised.value.__notes__
    assert "state = x[i] - 0.5 * state" in note
