"""Products of matrices, reshapes and joined arrays inside of compiled loops, against NumPy."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

pytest.importorskip("numba", reason="the Numba target needs Numba")
pytest.importorskip("scipy", reason="compiled products need SciPy")

RNG = np.random.default_rng(5)
W = RNG.normal(size=(6, 24)) / 5.0
X = RNG.normal(size=(3, 6))


def product(w: Any, x: Any) -> Any:
    """A product of matrices whose sizes only the run time knows, and one of its transpose."""
    total = 0.0
    for _ in range(3):
        y = np.tanh(x @ w)
        x = x + 0.1 * (y @ w.T)
        total += np.sum(y * y)
    return total


def strided_product(w: Any, x: Any) -> Any:
    total = 0.0
    for k in range(2):
        total += np.sum(np.sin(x[:, k:5:2] @ w[k:5:2, ::3]) ** 2)
    return total


def rows_of_parts(w: Any, x: Any) -> Any:
    """Rows reshaped: indices into the whole row."""
    total = 0.0
    v = x[0]
    for i in range(6):
        part = w[i].reshape(4, len(v))
        v = np.tanh(part[0] * v + part[-1]) + part[2]
        total += np.sum(v)
    return total


def written_parts(w: Any, x: Any) -> Any:
    out = np.zeros_like(w)
    for i in range(len(w)):
        rows = out[i].reshape(4, x.shape[1])
        rows[1] = x[0] * w[i, 0]
        rows[3] += np.sin(x[1])
    return np.sum(out * w)


def columns_of_pairs(w: Any, x: Any) -> Any:
    total = 0.0
    for i in range(6):
        pairs = w[i].reshape(12, 2)
        total += np.sum(pairs[:, 0] * np.exp(pairs[:, 1]))
    return total


def other_shapes(w: Any, x: Any) -> Any:
    """Reshapes that no index follows: views, and copies of what has gaps."""
    total = 0.0
    for i in range(3):
        square = w[i].reshape(4, 6) @ x.T
        gaps = np.reshape(w[:, i : i + 4], (4, 6)) * 2.0 + 1.0
        flat = x.T.ravel() * (i + 1.0)
        total += np.sum(np.sin(square)) + np.sum(gaps * gaps) + np.sum(np.cos(flat))
    return total


def joined(w: Any, x: Any) -> Any:
    h = np.zeros(x.shape)
    total = 0.0
    for _ in range(2):
        both = np.concatenate((x, h), axis=1)
        h = np.tanh(both @ w[:, : 2 * x.shape[1]].T)
        total += np.sum(np.stack((h, x * h)) ** 2)
    return total


def gates(w: Any, x: Any) -> Any:
    """Parts of an axis, as long as it is divided: their lengths are known to be equal."""
    size = w.shape[1] // 4
    c = np.zeros((x.shape[0], size))
    total = 0.0
    for _ in range(3):
        y = (x * (1.0 + c[:, :1])) @ w
        c = np.tanh(y[:, :size]) * c + y[:, size : 2 * size] * np.sin(y[:, 3 * size :])
        total += np.sum(c * y[:, 2 * size : 3 * size])
    return total


PROGRAMS: list[Callable[[Any, Any], Any]] = [
    product, strided_product, rows_of_parts, written_parts, columns_of_pairs, other_shapes,
    joined, gates,
]  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_value_and_gradient_in_compiled_loops(program: Callable[[Any, Any], Any]) -> None:
    ours = sc.value_and_grad(program, argnums=(0, 1), backend="numba")
    value, slopes = ours(W, X)
    np.testing.assert_allclose(value, program(W, X), rtol=1e-12)
    wanted = sc.grad(program, argnums=(0, 1), backend="numpy")(W, X)
    for got, right in zip(slopes, wanted, strict=True):
        np.testing.assert_allclose(got, right, rtol=1e-11, atol=1e-13)
    assert not ours.explain(W, X).fallbacks


@pytest.mark.parametrize("program", [product, rows_of_parts, gates], ids=lambda p: p.__name__)
def test_loop_is_one_kernel(program: Callable[[Any, Any], Any]) -> None:
    ours = sc.jit(program, backend="numba")
    assert len(ours.explain(W, X).kernels) == 1
    assert "for " not in ours.source(W, X).rpartition("def ")[2]


@pytest.mark.parametrize("program", [product, rows_of_parts], ids=lambda p: p.__name__)
@pytest.mark.parametrize("order", ["F", "gaps"])
def test_other_memory(program: Callable[[Any, Any], Any], order: str) -> None:
    w = np.asfortranarray(W) if order == "F" else np.repeat(W, 2, axis=1)[:, ::2]
    got = sc.jit(program, backend="numba")(w, X)
    np.testing.assert_allclose(got, program(W, X), rtol=1e-12)


def test_small_products_stay_loops() -> None:
    def program(a: Any, b: Any) -> Any:
        for _ in range(3):
            a = np.sin(a @ b)
        return a

    small = sc.jit(program, static_argnames=(), backend="numba")
    a, b = RNG.normal(size=(1, 7)), RNG.normal(size=(7, 7))
    np.testing.assert_allclose(small(a, b), program(a, b), rtol=1e-12)
    assert "kernels.dot" in small.source(a, b)
    one = sc.jit(lambda v, m: program(v, m), backend="numba")
    np.testing.assert_allclose(one(a[0], b), program(a[0], b), rtol=1e-12)
    assert "kernels.dot" not in one.source(a[0], b)


def test_division_of_an_axis_is_tested_at_each_call() -> None:
    ours = sc.jit(gates, backend="numba")
    for columns, features in ((24, 6), (32, 6), (8, 2), (32, 8)):
        w, x = RNG.normal(size=(features, columns)), RNG.normal(size=(3, features))
        np.testing.assert_allclose(ours(w, x), gates(w, x), rtol=1e-11)
    assert len(ours.explain(w, x).specialisations) <= 3

    def halves(a: Any) -> Any:
        n = len(a) // 2
        return np.sum(a[:n] * a[n : 2 * n]) + len(a)

    both = sc.jit(halves, backend="numba")
    for n in (8, 6, 7, 4, 3, 2, 9):
        a = RNG.normal(size=n)
        np.testing.assert_allclose(both(a), halves(a), rtol=1e-12)


def test_part_of_an_axis_is_tested_at_each_call() -> None:
    def program(a: Any, b: Any) -> Any:
        total = 0.0
        for i in range(len(a)):
            total += np.sum(a[i].reshape(4, len(b))[2] * b)
        return total

    ours = sc.jit(program, backend="numba")
    for n in (6, 5, 9):
        a, b = RNG.normal(size=(3, 4 * n)), RNG.normal(size=n)
        np.testing.assert_allclose(ours(a, b), program(a, b), rtol=1e-12)
    with pytest.raises(ValueError, match="reshape"):
        ours(RNG.normal(size=(3, 22)), RNG.normal(size=5))


def test_sizes_that_do_not_fit_are_refused() -> None:
    def program(a: Any, b: Any, k: Any) -> Any:
        total = 0.0
        for i in range(3):
            total += np.sum((a * (i + 1.0)) @ b[k:])
        return total

    ours = sc.jit(program, backend="numba")
    a, b = RNG.normal(size=(4, 5)), RNG.normal(size=(7, 6))
    np.testing.assert_allclose(ours(a, b, 2), program(a, b, 2), rtol=1e-12)
    with pytest.raises(ValueError):  # noqa: PT011 - NumPy and Numba have words of their own
        ours(a, b, 3)


def gates_of_parts(x: Any, w: Any) -> Any:
    total = np.zeros_like(x)
    for k in range(len(x)):
        parts = total[k].reshape(2, 3)
        parts[1] += w * x[k, 0]
        parts[0] -= parts[1] * x[k, 1]
    return total


def test_rows_of_what_is_reshaped_are_written_in_loops() -> None:
    rng = np.random.default_rng(5)
    x, w = rng.normal(size=(4, 6)), rng.normal(size=3)
    staged = sc.jit(gates_of_parts, backend="numba")
    np.testing.assert_allclose(staged(x, w), gates_of_parts(x, w), rtol=1e-13)
    text = staged.source(x, w)
    assert text.count("@njit") == 1
    assert "reshape" not in text
    gradients = [
        sc.grad(lambda *a: np.sum(gates_of_parts(*a) ** 2), argnums=(0, 1), backend=backend)(
            x, w
        )
        for backend in ("numpy", "numba")
    ]
    for found, expected in zip(*gradients, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_outer_products_join_what_adds_them() -> None:
    def updated(a: Any, u: Any, v: Any) -> Any:
        a += np.outer(u, v) + np.outer(v, u)
        return a

    u, v = np.arange(5.0), np.arange(5.0) ** 2
    staged = sc.jit(updated, backend="numba")
    np.testing.assert_array_equal(staged(np.ones((5, 5)), u, v), updated(np.ones((5, 5)), u, v))
    text = staged.source(np.ones((5, 5)), u, v)
    assert text.count("for j in") == 1
    assert "outer" not in text


def both_sides(a: Any, v: Any, w: Any, steps: Any) -> Any:
    """Products with a matrix and with its transpose, as of the biconjugate gradients."""
    for _ in range(steps):
        p, q = a @ v, a.T @ w
        scale = 1.0 / (1.0 + np.abs(p @ w))
        v, w = scale * p, scale * q
    return v, w


def other_side_first(a: Any, v: Any, w: Any, steps: Any) -> Any:
    for _ in range(steps):
        q, p = a.T @ w, a @ v
        v, w = 0.5 * p / (1.0 + np.sum(p * p)), 0.5 * q
    return v, w


@pytest.mark.parametrize("program", [both_sides, other_side_first], ids=lambda p: p.__name__)
def test_a_matrix_and_its_transpose_are_read_by_rows(program: Callable[..., Any]) -> None:
    """Each innermost loop goes along the rows, none of them jumps from row to row."""
    given = RNG.normal(size=(9, 9)), RNG.normal(size=9), RNG.normal(size=9), 3
    staged = sc.jit(program, backend="numba")
    for found, expected in zip(staged(*given), program(*given), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    rows = re.findall(r"\ba\[(\w+), ", staged.source(*given))
    assert len(rows) == 2
    assert len(set(rows)) == 1

    def loss(a: Any, v: Any, w: Any) -> Any:
        v, w = program(a, v, w, 3)
        return np.sum(v * np.arange(9.0)) + np.sum(w * w)

    gradients = [sc.grad(loss, argnums=(0, 1, 2), backend=b) for b in ("numba", "numpy")]
    for a, b in zip(*(g(*given[:3]) for g in gradients), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-13)
