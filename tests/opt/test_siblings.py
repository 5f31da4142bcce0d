"""Loops over one range as one, and arrays that shrink: the code, and its results."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

pytest.importorskip("numba", reason="the Numba target needs Numba")

RNG = np.random.default_rng(7)
X = RNG.normal(size=(5, 7))
S = RNG.normal(size=(5, 5))
CUBE = RNG.normal(size=(3, 4, 5))


def softmax(x: Any) -> Any:
    e = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


def softmax_of_columns(x: Any) -> Any:
    e = np.exp(x - np.max(x, axis=0))
    return e / np.sum(e, axis=0)


def logsumexp(x: Any) -> Any:
    top = np.max(x, axis=1)
    return top + np.log(np.sum(np.exp(x - top[:, None]), axis=1))


def through_a_flat_loop(x: Any) -> Any:
    scale = np.sqrt(np.sum(x * x, axis=1) + 1.0)
    return x / scale[:, None]


def users_loops(x: Any) -> Any:
    n, m = x.shape
    t = np.empty((n, m))
    s = np.zeros(n)
    for i in range(n):
        for j in range(m):
            t[i, j] = 2 * x[i, j]
    for i in range(n):
        for j in range(m):
            s[i] += t[i, j] * t[i, m - 1 - j]
    return s


def second_axis(x: Any) -> Any:
    n, m = x.shape
    t = np.empty((m, n))
    s = np.zeros(n)
    for i in range(n):
        for j in range(m):
            t[j, i] = 2 * x[i, j]
    for i in range(n):
        for j in range(m):
            s[i] += t[j, i] * t[m - 1 - j, i]
    return s


def written_behind_the_reader(x: Any) -> Any:
    y = x + 1
    n, m = y.shape
    s = np.zeros(n)
    for i in range(n):
        for j in range(m):
            s[i] += y[i, j]
    for i in range(n):
        for j in range(m):
            y[i, j] = s[i] - j
    return s, y


def backwards(x: Any) -> Any:
    n, m = x.shape
    t = np.empty((n, m))
    s = np.zeros(n)
    for i in range(n - 1, -1, -1):
        for j in range(m):
            t[i, j] = 2 * x[i, j]
    for i in range(n - 1, -1, -1):
        for j in range(m):
            s[i] += t[i, j] * s[-1]
    return s


JOINED: dict[str, tuple[Callable[..., Any], Any]] = {
    f.__name__: (f, x)
    for f, x in (
        (softmax, X),
        (logsumexp, X),
        (through_a_flat_loop, X),
        (users_loops, X),
        (second_axis, X),
        (written_behind_the_reader, X),
    )
}


def transposed(x: Any) -> Any:
    n = x.shape[0]
    t = np.empty((n, n))
    s = np.zeros(n)
    for i in range(n):
        for j in range(n):
            t[i, j] = 2 * x[i, j]
    for i in range(n):
        for j in range(n):
            s[i] += t[j, i] * x[i, j]
    return s


def row_before(x: Any) -> Any:
    n, m = x.shape
    t = np.zeros((n + 1, m))
    s = np.zeros(n)
    for i in range(n):
        for j in range(m):
            t[i, j] = 2 * x[i, j]
    for i in range(n):
        for j in range(m):
            s[i] += t[i + 1, j]
    return s


def total_first(x: Any) -> Any:
    e = np.exp(x) + x
    return 2 * e / (np.sum(e) + 100)


def read_elsewhere_and_overwritten(x: Any) -> Any:
    y = x + 1
    n = y.shape[0]
    s = np.zeros(n)
    for i in range(n):
        for j in range(n):
            s[i] += y[j, i]
    for i in range(n):
        for j in range(n):
            y[i, j] = s[i] - j
    return s, y


def from_the_end(x: Any) -> Any:
    n, m = x.shape
    t = np.zeros((n, m))
    s = np.zeros(n)
    for i in range(-1, n - 1):
        for j in range(m):
            t[i, j] += x[i, j] + i
    for i in range(-1, n - 1):
        for j in range(m):
            s[i] += t[i, j]
    for i in range(-1, n):
        for j in range(m):
            t[i, j] += x[i, j] + i
    for i in range(-1, n):
        for j in range(m):
            s[i] += t[i, j]
    return s


def number_between(x: Any) -> Any:
    n, m = x.shape
    total = 0.0
    s = np.zeros(n)
    for i in range(n):
        for j in range(m):
            total += x[i, j]
    for i in range(n):
        for j in range(m):
            s[i] += total * x[i, j]
    return s


def last_row_wins(x: Any) -> Any:
    n, m = x.shape
    row = np.zeros(m)
    s = np.zeros(n)
    for i in range(n):
        row = np.zeros(m)
        for j in range(m):
            row[j] = x[i, j]
    for i in range(n):
        for j in range(m):
            s[i] += row[j] * x[i, j]
    return s


APART: dict[str, tuple[Callable[..., Any], Any]] = {
    f.__name__: (f, x)
    for f, x in (
        (softmax_of_columns, X),
        (transposed, S),
        (row_before, X),
        (total_first, X),
        (read_elsewhere_and_overwritten, S),
        (from_the_end, X),
        (number_between, X),
        (last_row_wins, X),
    )
}


def source(program: Any, *args: Any) -> str:
    return sc.jit(program, backend="numba").source(*args)


def outer_loops(text: str) -> int:
    """How many loops over loops the kernels have at their top."""
    return len(re.findall(r"^    for .*:\n(?:        .*\n)*?        +for ", text, re.MULTILINE))


def agree(got: Any, wanted: Any) -> None:
    for a, b in zip(got, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


@pytest.mark.parametrize("name", JOINED)
def test_rows_are_done_in_one_loop(name: str) -> None:
    program, x = JOINED[name]
    assert outer_loops(source(program, x)) == 1
    agree(sc.jit(program, backend="numba")(x), program(x))


@pytest.mark.parametrize("name", APART)
def test_loops_that_need_more_stay_apart(name: str) -> None:
    program, x = APART[name]
    assert outer_loops(source(program, x)) > 1
    agree(sc.jit(program, backend="numba")(x), program(x))


def test_loops_that_go_backwards() -> None:
    agree(sc.jit(backwards, backend="numba")(X), backwards(X))


def test_arrays_between_shrink_to_rows() -> None:
    text = source(softmax, X)
    assert text.count("np.empty((n, m))") == 1
    assert text.count("np.empty(m)") == 1


def test_both_axes_go_where_both_loops_are_joined() -> None:
    text = source(softmax, CUBE)
    assert outer_loops(text) == 1
    assert len(re.findall(r"np\.empty\(\w+\)", text)) == 1
    assert len(re.findall(r"np\.empty\(\(", text)) == 1
    agree(sc.jit(softmax, backend="numba")(CUBE), softmax(CUBE))


@pytest.mark.parametrize("program", [softmax, logsumexp, softmax_of_columns])
def test_pullbacks_agree(program: Any) -> None:
    def pulled(x: Any, ct: Any) -> Any:
        out, pull = sc.vjp(program, x)
        return out, pull(ct)[0]

    ct = np.cos(program(X))
    agree(sc.jit(pulled, backend="numba")(X, ct), sc.jit(pulled)(X, ct))


def test_what_later_steps_read_does_not_shrink() -> None:
    def program(x: Any, steps: Any) -> Any:
        n, m = x.shape
        a = np.empty((n, m))
        s = 0.0
        for t in range(steps):
            for i in range(n):
                for j in range(m):
                    if t == 0:
                        a[i, j] = x[i, j]
                    else:
                        a[i, j] = 2 * a[i, j]
                    s += a[i, j]
        return s

    got = sc.jit(program, backend="numba")(X, 4)
    np.testing.assert_allclose(got, program(X, 4), rtol=1e-12)


def test_an_element_with_two_indices_does_not_shrink() -> None:
    def program(x: Any) -> Any:
        n, m = x.shape
        a = np.empty((n, m))
        s = 0.0
        for i in range(-1, n):
            for j in range(m):
                if i == n - 1:
                    s += a[i, j]
                a[i, j] = x[i, j]
        return s

    got = sc.jit(program, backend="numba")(X)
    np.testing.assert_allclose(got, program(X), rtol=1e-12)


def test_what_comes_between_moves() -> None:
    def program(x: Any) -> Any:
        n, m = x.shape
        t = np.empty((n, m))
        for i in range(n):
            for j in range(m):
                t[i, j] = x[i, j] * x[i, j]
        y = np.zeros(n)
        ends = 3 * t[:, 0]
        for i in range(n):
            for j in range(m):
                y[i] += t[i, j]
        return y, ends

    assert outer_loops(source(program, X)) == 1
    agree(sc.jit(program, backend="numba")(X), program(X))


def test_first_error_is_that_of_the_first_loop() -> None:
    def program(x: Any, places: Any) -> Any:
        n, m = x.shape
        s = np.zeros((n, m))
        for i in range(n):
            for j in range(m):
                s[i, j] = 1 / float(x[i, places[j]])
        for i in range(n):
            for j in range(m):
                s[i, j] += x[i, places[j] + 1]
        return s

    places = np.array([0, 1, 2, 3, 4, 5, 6])
    x = X.copy()
    x[4, 0] = 0.0
    with pytest.raises(ZeroDivisionError):
        program(x, places)
    with pytest.raises(ZeroDivisionError):
        sc.jit(program, backend="numba")(x, places)


def test_statement_on_its_own_stays_a_call() -> None:
    assert "kernel" not in source(lambda x: np.max(x, axis=1), X)
    assert "kernel" not in source(lambda x, w: np.max(x, axis=1) @ w, X, X[:, 0])


def test_statement_on_its_own_joins_the_loops_it_feeds() -> None:
    text = source(softmax, X)
    assert text.count("@njit") == 1
    assert "np.max" not in text


def test_library_call_between_groups_does_not_keep_them_apart() -> None:
    def program(x: Any, w: Any) -> Any:
        y = np.exp(x) + x
        s = np.sum(y, axis=1, keepdims=True)
        z = w @ w
        return y / s, z

    text = source(program, X, S)
    assert outer_loops(text) == 1
    agree(sc.jit(program, backend="numba")(X, S), program(X, S))


def weighed(x: Any, w: Any) -> Any:
    s = 0.0
    for i in range(len(x)):
        s += w[i] * np.sin(x[i])
    return s


def shared(x: Any, w: Any) -> Any:
    """The elements of the result depend on several trips."""
    h = np.zeros(4)
    for i in range(len(x)):
        place = 3 * abs(np.sin(x[i]))
        k = int(place)
        h[k] += w[i] * (place - k)
    return h


def pulled(x: Any, w: Any, ct: Any) -> Any:
    h, pull = sc.vjp(shared, x, w)
    return np.sum(h), pull(ct)


def scattered(x: Any, w: Any) -> Any:
    """Costly work that trips may do at the same time, and an adjoint that they may not."""
    s = 0.0
    for i in range(len(x) - 1):
        s += np.sin(x[i]) * np.sin(x[i + 1]) * w[i]
    return s


def squared_after(x: Any, w: Any) -> Any:
    """What comes back to the loop is known only after it."""
    s = 0.0
    for i in range(len(x)):
        s += w[i] * np.sin(x[i])
    return s * s


@pytest.mark.parametrize(
    ("program", "loops"), [(weighed, 1), (scattered, 2), (squared_after, 2)]
)
def test_a_loop_and_its_adjoint(program: Callable[..., Any], loops: int) -> None:
    x, w = RNG.normal(size=9), RNG.normal(size=9)
    compiled = sc.value_and_grad(program, (0, 1), backend="numba")
    text = compiled.source(x, w)
    assert len(re.findall(r"^ +for i in", text, re.M)) == loops, text
    assert ("tape" in text) == (loops == 2)
    want = sc.value_and_grad(program, (0, 1))(x, w)
    got = compiled(x, w)
    np.testing.assert_allclose(got[0], want[0], rtol=1e-12)
    for a, b in zip(got[1], want[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)


def test_a_loop_that_checks_indices_and_its_adjoint() -> None:
    x, w, ct = RNG.normal(size=9), RNG.normal(size=9), RNG.normal(size=4)
    compiled = sc.jit(pulled, backend="numba")
    text = compiled.source(x, w, ct)
    assert text.count("int(place)") == 1, text
    assert "tape" not in text
    got, want = compiled(x, w, ct), pulled(x, w, ct)
    np.testing.assert_allclose(got[0], want[0], rtol=1e-12)
    for a, b in zip(got[1], want[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)
    for wrong in (compiled, pulled):
        with pytest.raises(ValueError, match="could not be broadcast together"):
            wrong(x + 0.4, w, ct[:1])


def weighed_products(w: Any, p: Any, b: Any) -> Any:
    moved = np.zeros((len(p), 7))
    for k in range(len(b)):
        step = np.array([[b[k], 1.0], [0.5, -b[k]], [b[k], b[k]]])
        moved += w[:, k, None] * (p[:, :3] @ step @ np.ones((2, 7)))
    return moved


def long_sums(w: Any, p: Any) -> Any:
    return w[:, None] + np.sum(p[:, None, :] * p[None, :, :], axis=2)


def test_sums_of_few_products_are_used_where_they_are_made() -> None:
    """No row between the sums and what adds them up: the compiler unrolls their loops."""
    args = RNG.normal(size=(6, 4)), RNG.normal(size=(6, 5)), RNG.normal(size=4)
    agree(sc.jit(weighed_products, backend="numba")(*args), weighed_products(*args))
    kernel = source(weighed_products, *args).split("@njit")[1]
    assert re.search(r"moved\[(\w+), (\w+)\] \+= \w+ \* acc", kernel), kernel


def test_sums_of_many_products_stay_apart() -> None:
    """The compiler vectorises loops without others inside."""
    args = RNG.normal(size=6), RNG.normal(size=(6, 5))
    agree(sc.jit(long_sums, backend="numba")(*args), long_sums(*args))
    assert re.search(r"\[(\w+)\] = acc\n", source(long_sums, *args)), source(long_sums, *args)


def pull(pos: Any, pairs: Any, k: float) -> Any:
    f = np.zeros_like(pos)
    for i, j in pairs:
        d = pos[j] - pos[i]
        f[i] += k * d
        f[j] -= k * d
    return f


def pull_hard(pos: Any, pairs: Any, k: float) -> Any:
    f = np.zeros_like(pos)
    for i, j in pairs:
        d = np.exp(k * (pos[j] - pos[i]))
        f[i] += d
        f[j] -= d
    return f


@pytest.mark.parametrize(("program", "loops"), [(pull, 1), (pull_hard, 2)])
def test_elements_of_two_rows_that_may_be_one(program: Callable[..., Any], loops: int) -> None:
    """Both rows are written to in one loop, unless its work is worth several trips at once."""
    pos, pairs = np.random.default_rng(3).random((5, 3)), np.array([[0, 1], [2, 2], [4, -5]])
    staged = sc.jit(program, backend="numba")
    np.testing.assert_allclose(staged(pos, pairs, 0.5), program(pos, pairs, 0.5), rtol=1e-14)
    assert staged.source(pos, pairs, 0.5).count("\n        for i in") == loops


def turned_in_space(p: Any, r: Any) -> Any:
    """Two derivatives of rows of three numbers, one after the other."""
    n = len(p)
    found = np.empty((n, 2, 3))
    q = np.empty((n, 3))
    length = np.empty(n)
    for i in range(n):
        s = 0.0
        for j in range(3):
            q[i, j] = p[i, j] * r[j]
            s += q[i, j] * q[i, j]
        length[i] = s
    for row in range(2):
        seed = np.zeros((n, 3))
        kept = np.empty(n)
        for i in range(n):
            seed[i, row] += 1.0
            for j in range(3):
                found[i, row, j] = seed[i, j] * q[i, j] + length[i]
            kept[i] = found[i, row, 0]
        for i in range(n):
            found[i, row, 2] += kept[i]
    return found


def told_of_its_neighbour(p: Any, r: Any) -> Any:
    """The second trip of the outer loop needs what the first one did for another row."""
    n = len(p)
    found = np.zeros((n + 1, 3))
    q = np.empty((n, 3))
    for i in range(n):
        for j in range(3):
            q[i, j] = p[i, j] * r[j]
    for _ in range(2):
        for i in range(n):
            for j in range(3):
                found[i + 1, j] = q[i, j] + 0.5 * found[i, j]
    return found


def test_a_loop_of_few_trips_goes_into_the_rows() -> None:
    """One loop over the rows, in which nothing is as long as these are many."""
    args = RNG.normal(size=(6, 3)), RNG.normal(size=3)
    agree(sc.jit(turned_in_space, backend="numba")(*args), turned_in_space(*args))
    kernel = source(turned_in_space, *args)
    assert outer_loops(kernel) == 1, kernel
    assert set(re.findall(r"np\.empty\((.*)\)\n", kernel)) == {"(n, 2, 3)", "3"}, kernel
    assert "zeros" not in kernel, kernel


def test_a_loop_that_needs_other_rows_stays_outside() -> None:
    args = RNG.normal(size=(6, 3)), RNG.normal(size=3)
    compiled = sc.jit(told_of_its_neighbour, backend="numba")
    agree(compiled(*args), told_of_its_neighbour(*args))
