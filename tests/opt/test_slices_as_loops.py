"""Slices that are read and written in kernels, against NumPy, for all kinds of bounds."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

import stagec as sc
from stagec.ir.core import For, While
from stagec.ir.function import Function
from stagec.ir.interpreter import evaluate
from stagec.ir.verifier import verify
from stagec.ir.walk import statements
from stagec.pipeline import TARGETS

pytest.importorskip("numba", reason="the Numba target needs Numba")

RNG = np.random.default_rng(7)
BOUNDS = (-7, -5, -3, -1, 0, 1, 2, 4, 6)


def added(y: Any, z: Any, a: int, b: int) -> None:
    for _ in range(2):
        y[a:b] += 0.5 * y[a:b] + 1.0


def set_to_a_number(y: Any, z: Any, a: int, b: int) -> None:
    for k in range(2):
        y[a : b + k] = k + 1.5


def from_staged_starts(y: Any, z: Any, a: int, b: int) -> None:
    for k in range(len(y)):
        y[k + a :] -= 0.1 * y[k]
        z[k:, k] /= 1.5 + k
        z[k + 1 :, k + 1 :] -= np.outer(z[k + 1 :, k], z[k, k + 1 :])


def up_to_staged_stops(y: Any, z: Any, a: int, b: int) -> None:
    for k in range(len(y)):
        y[: k - a] *= 1.1
        z[: k + 1, b:] += z[k, b:]


def reversed_part(y: Any, z: Any, a: int, b: int) -> None:
    for _ in range(2):
        y[a:b] += y[a:b][::-1]


def down_to_the_first(y: Any, z: Any, a: int, b: int) -> None:
    for k in range(len(y)):
        y[k::-1] = y[: k + 1] * 0.5
        y[k - 1 :: -1] += 1.0


def downwards(y: Any, z: Any, a: int, b: int) -> None:
    for _ in range(2):
        y[a:b:-1] *= 2.0
        z[b, ::-1] += 0.5 * z[b]


def in_steps(y: Any, z: Any, a: int, b: int) -> None:
    for _ in range(2):
        y[a:b:2] += 1.0
        y[a:b:3] *= 1.5
        y[::-2] -= 0.5


def in_steps_downwards(y: Any, z: Any, a: int, b: int) -> None:
    for _ in range(2):
        y[a:b:-2] += 1.0
        y[b:a:-3] *= 1.5


def views_of_views(y: Any, z: Any, a: int, b: int) -> None:
    for _ in range(2):
        y[a:][::-1][b:] += 1.0
        y[:-1][::-1][:2] *= 2.0
        z[a:][::-2, :b][::-1] -= 1.0


def transposed(y: Any, z: Any, a: int, b: int) -> None:
    for k in range(len(y)):
        z[a:b, k] += z[k, a:b]
        z[a:, a:] -= 0.5 * z[a:, a:].T
        z[k, k:] = z[k:, k]
        z[k:, k] = z[k, k:] * 2.0


def shifted(y: Any, z: Any, a: int, b: int) -> None:
    for k in range(len(y)):
        y[1:] = y[:-1] + k
        y[:-1] += y[1:]
        y[k + 1 :] -= y[k:-1]


def summed(y: Any, z: Any, a: int, b: int) -> None:
    for k in range(len(y)):
        y[k] = np.sum(y[a:b] * 2.0) + np.dot(y[: k + 1], y[k::-1]) + np.sum(z[a:b:-1, k])


def in_several_rows(y: Any, z: Any, a: int, b: int) -> None:
    for k in range(len(y) - 1):
        w = z[k] * 0.5
        z[k] = y
        z[k + 1] += w
        y[a:b] += z[k, a:b]
        z[k, 1:] -= w[1:]
        z[k + 1, 1:] -= w[1:]
        z[a] = w
        z[b] += w


PROGRAMS: tuple[Callable[..., None], ...] = (
    added, set_to_a_number, from_staged_starts, up_to_staged_stops, reversed_part,
    down_to_the_first, downwards, in_steps, in_steps_downwards, views_of_views, transposed,
    shifted, summed, in_several_rows,
)  # fmt: skip


def returning(program: Callable[..., None]) -> Callable[..., Any]:
    def result(y: Any, z: Any, a: int, b: int) -> Any:
        y, z = y.copy(), z.copy()
        program(y, z, a, b)
        return y, z

    return result


def with_loops(function: Callable[..., Any], *args: Any) -> Function:
    """The graph as it is before it is printed for Numba."""
    fn = sc.jit(function, backend="numba").ir(*args)
    for step in TARGETS["numba"].passes:
        fn = step(fn)
        verify(fn)
    return fn


def matrices(n: int) -> tuple[Any, Any]:
    return RNG.normal(size=n), RNG.normal(size=(n, n))


@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_all_bounds_select_what_they_do_in_numpy(program: Any, size: int) -> None:
    function = returning(program)
    y, z = matrices(size)
    fn = with_loops(function, y, z, 1, 2)
    for a, b in product(BOUNDS, BOUNDS):
        try:
            expected = function(y, z, a, b)
        except (IndexError, ValueError) as error:
            with pytest.raises(type(error)):
                evaluate(fn, y, z, a, b)
            continue
        for got, wanted in zip(evaluate(fn, y, z, a, b), expected, strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_loops_around_slices_are_compiled_as_a_whole(program: Any) -> None:
    fn = with_loops(returning(program), *matrices(5), 1, 2)
    assert not any(isinstance(s, For | While) for s in fn.body.stmts)


def test_nothing_is_selected_from_nothing() -> None:
    y, z = matrices(0)
    for program in (added, reversed_part, in_steps, from_staged_starts):
        got = evaluate(with_loops(returning(program), y, z, 1, 2), y, z, 1, 2)
        assert [g.shape for g in got] == [(0,), (0, 0)]


def carried_to_the_next_row(z: Any) -> Any:
    z = z.copy()
    for k in range(len(z) - 1):
        w = z[k] * 0.5
        z[k] = 0.0
        z[k + 1] += w
    return z


def test_rows_that_are_surely_apart_are_written_in_one_loop() -> None:
    fn = with_loops(carried_to_the_next_row, matrices(5)[1])
    stmts = [s for kernel in fn.functions for s in statements(kernel.body)]
    assert sum(isinstance(s, For) for s in stmts) == 4  # two copy the matrix


def lu(A: Any) -> Any:
    A = A.copy()
    for k in range(A.shape[0] - 1):
        A[k + 1 :, k] /= A[k, k]
        A[k + 1 :, k + 1 :] -= np.outer(A[k + 1 :, k], A[k, k + 1 :])
    return A


def cholesky(A: Any) -> Any:
    A = A @ A.T
    for j in range(A.shape[0]):
        A[j:, j] -= A[j:, :j] @ A[j, :j]
        A[j:, j] /= np.sqrt(A[j, j])
    return A


def forward_substitution(L: Any, b: Any) -> Any:
    x = b.copy()
    for j in range(len(b)):
        x[j] /= L[j, j]
        x[j + 1 :] -= L[j + 1 :, j] * x[j]
    return x


def durbin(r: Any) -> Any:
    y = np.zeros_like(r)
    alpha, beta = -r[0], 1.0
    y[0] = -r[0]
    for k in range(1, len(r)):
        beta *= 1.0 - alpha * alpha
        alpha = -(r[k] + np.dot(np.flip(r[:k]), y[:k])) / beta
        y[:k] += alpha * np.flip(y[:k])
        y[k] = alpha
    return y


def levinson(r: Any) -> Any:
    a = np.zeros(len(r))
    a[0] = 1.0
    error = r[0]
    for m in range(1, len(r)):
        k = -(r[m] + np.dot(a[1:m], r[m - 1 : 0 : -1])) / error
        a[1:m] += k * a[m - 1 : 0 : -1]
        a[m] = k
        error *= 1.0 - k * k
    return a * error


def convolution(x: Any, h: Any) -> Any:
    y = np.zeros(len(x) + len(h) - 1)
    for i in range(len(x)):
        y[i : i + len(h)] += x[i] * h
    return y


def covariance(data: Any) -> Any:
    data = data - np.mean(data, axis=0)
    cov = np.zeros((data.shape[1], data.shape[1]))
    for i in range(data.shape[1]):
        cov[i:, i] = data[:, i] @ data[:, i:] / (data.shape[0] - 1.0)
        cov[i, i:] = cov[i:, i]
    return cov


S = RNG.normal(size=(5, 5)) + 5 * np.eye(5)
R = 0.4 * 0.8 ** np.arange(5.0)
ALGORITHMS: list[tuple[Any, tuple[Any, ...]]] = [
    (lu, (S,)),
    (cholesky, (S,)),
    (forward_substitution, (S, R)),
    (durbin, (R,)),
    (levinson, (R + np.eye(5)[0],)),
    (convolution, (R, S[0, :3])),
    (covariance, (S[:4],)),
]


@pytest.mark.parametrize("case", ALGORITHMS, ids=lambda c: c[0].__name__)
def test_algorithms_with_slices(case: Any) -> None:
    program, args = case
    compiled = sc.jit(program, backend="numba")
    np.testing.assert_allclose(compiled(*args), program(*args), rtol=1e-12)
    text = compiled.source(*args)
    assert "boundscheck" not in text
    assert ":]" not in text

    def loss(*args: Any) -> Any:
        return np.sum(program(*args) ** 2)

    got = sc.grad(loss, backend="numba")(*args)
    np.testing.assert_allclose(got, sc.grad(loss)(*args), rtol=1e-9, atol=1e-12)


def reversed_but_the_last(x: Any) -> Any:
    return x[:-1][::-1] * 2 + x[1:]


def reversed_but_the_first(x: Any) -> Any:
    return x[1:][::-1] - x[:-1]


def every_other_of_a_part(x: Any) -> Any:
    return x[1:-1][::-2][::-1] + 0.5


def last_of_parts(x: Any) -> Any:
    return x * x[:2][-1] + x[1:][::-1][0]


def some_of_what_may_be_nothing(x: Any) -> Any:
    return np.exp(x[-2:3:-1][:3] * 0.5) + 1.0


@pytest.mark.parametrize("size", [2, 3, 4, 7, 12])
@pytest.mark.parametrize(
    "program",
    [
        reversed_but_the_last,
        reversed_but_the_first,
        every_other_of_a_part,
        last_of_parts,
        some_of_what_may_be_nothing,
    ],
    ids=lambda p: p.__name__,
)
def test_parts_of_parts_are_what_they_are_in_numpy(program: Any, size: int) -> None:
    x = RNG.normal(size=size)
    compiled = sc.jit(program, backend="numba")
    np.testing.assert_allclose(compiled(x), program(x), rtol=1e-13)
    np.testing.assert_allclose(compiled(x[::-1]), program(x[::-1]), rtol=1e-13)
    total = sc.grad(lambda x: np.sum(program(x) ** 2), backend="numba")
    usual = sc.grad(lambda x: np.sum(program(x) ** 2))
    np.testing.assert_allclose(total(x), usual(x), rtol=1e-12)


def mirrored(x: Any) -> Any:
    """What is added to a cotangent mirrors it, and the cotangent is a part of another one."""
    a = x.copy()
    for m in range(1, len(x)):
        b = a[1:m].copy()
        a[1:m] = b + 0.3 * b[::-1]
    return np.sum(a**2)


@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_a_part_that_is_read_in_place_is_not_added_to_before_that(size: int) -> None:
    x = RNG.normal(size=size)
    got = sc.grad(mirrored, backend="numba")(x)
    np.testing.assert_allclose(got, sc.grad(mirrored)(x), rtol=1e-12)


def joined_with_what_may_be_empty(x: Any) -> Any:
    y = np.concatenate([x, x[5:]])
    return y[::-1] * 2 + y


def padded_where_it_may_be_empty(x: Any) -> Any:
    y = np.pad(x[5:], (3, 2), constant_values=1.0)
    return y[::-1] * 2 + y


def on_a_diagonal_that_may_be_empty(x: Any) -> Any:
    y = np.diag(x[5:], 1)
    return y[::-1] * 2 + y


@pytest.mark.parametrize(
    "program",
    [
        joined_with_what_may_be_empty,
        padded_where_it_may_be_empty,
        on_a_diagonal_that_may_be_empty,
    ],
    ids=lambda p: p.__name__,
)
def test_a_slice_behind_the_end_adds_no_negative_length(program: Any) -> None:
    compiled = sc.jit(program, backend="numba")
    for size in (2, 5, 7, 12):
        x = RNG.normal(size=size)
        np.testing.assert_array_equal(compiled(x), program(x), strict=True)


def counted_on_from_its_length(x: Any) -> Any:
    s = 0.0
    for k in range(2):
        z = x[5:] * 2.0
        for i in range(len(z) + 3 + k):
            s += x[i]
        for i in range(len(z)):
            s += x[i + 5] * z[i]
    return s


def test_the_length_of_a_slice_behind_the_end_is_zero() -> None:
    compiled = sc.jit(counted_on_from_its_length, backend="numba")
    for size in (2, 3):
        with pytest.raises(IndexError):
            compiled(np.ones(size))
    for size in (4, 12):
        x = RNG.normal(size=size)
        np.testing.assert_allclose(compiled(x), counted_on_from_its_length(x), rtol=1e-12)


def test_a_slice_up_to_a_loop_index_is_as_long_as_the_index_says() -> None:
    """Where the first index is 1, `m - 1` is no length that stands for an empty part."""

    def f(r: Any) -> Any:
        a = np.zeros_like(r)
        for m in range(1, len(r)):
            part = a[1:m]
            a[m] = r[m] + part @ r[m - 1 : 0 : -1]
            a[1:m] = part + a[m] * part[::-1]
        return np.sum(a * a)

    r = np.random.default_rng(3).normal(size=7) / 4
    text = sc.grad(f, backend="numba").source(r)
    assert "for " not in text[text.index("def f_grad(r)") :]
    np.testing.assert_allclose(sc.grad(f, backend="numba")(r), sc.grad(f)(r), rtol=1e-12)


def real_parts_of(u: Any, n: int) -> Any:
    t = np.zeros((3, len(u)))
    for k in range(n):
        t[1:, 1:] = t[:-1, :-1] * 0.5 + u[1:]
        t[k] = u * t[k - 1]
    return t


@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
def test_what_complex_parts_leave_in_real_ones() -> None:
    u = RNG.normal(size=5) + 1j * RNG.normal(size=5)
    found = sc.jit(real_parts_of, backend="numba")(u, 3)
    np.testing.assert_allclose(found, real_parts_of(u, 3), rtol=1e-14)

    def size(z: Any) -> Any:
        return np.sum(real_parts_of(z, 3) ** 2)

    slope = sc.grad(size, backend="numba")(u)
    np.testing.assert_allclose(slope, sc.grad(size)(u), rtol=1e-12)


def doubled(x: Any, k: Any) -> Any:
    return 2.0 * x[k] + 1


def multiplied(x: Any, k: Any) -> Any:
    return np.sum(x[k] * x[0])


def row_added(x: Any, k: Any) -> Any:
    x = x.copy()
    x[k] += 1
    return x


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("f", [doubled, multiplied, row_added])
def test_rows_without_elements_have_to_be_there_too(f: Any, backend: str) -> None:
    """No loop over the elements of a row would notice that there is no such row."""
    g = sc.jit(f, backend=backend)
    x = np.zeros((3, 0))
    np.testing.assert_array_equal(g(x, 2), f(x, 2))
    for k in (3, -4):
        with pytest.raises(IndexError, match=f"index {k} is out of bounds"):
            g(x, k)
