"""Sums of products in loops, computed as products of matrices where they are large."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc
from tests.benchmarks.workloads.images import convolve

pytest.importorskip("numba", reason="the Numba target needs Numba")

RNG = np.random.default_rng(3)
A, B = RNG.normal(size=(40, 50)), RNG.normal(size=(50, 60))
IMAGES, W, BIAS = (
    RNG.normal(size=(6, 3, 12, 13)),
    RNG.normal(size=(5, 3, 3, 4)),
    RNG.normal(size=5),
)


def plain(a: Any, b: Any) -> Any:
    out = np.zeros((a.shape[0], b.shape[1]))
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            t = 0.0
            for k in range(a.shape[1]):
                t += a[i, k] * b[k, j]
            out[i, j] = t
    return out


def transposed(a: Any, b: Any) -> Any:
    """Both operands the other way round, a start of its own, and a difference."""
    out = np.zeros((a.shape[1], b.shape[0]))
    for j in range(b.shape[0]):
        for i in range(a.shape[1]):
            t = 0.5 * j
            for k in range(a.shape[0]):
                t -= a[k, i] * b[j, k]
            out[i, j] = t * t
    return out


def convolved(x: Any, w: Any) -> Any:
    return convolve(x, w, BIAS)


def shifted(x: Any, w: Any) -> Any:
    """Not all of the places, and not all of the filters."""
    out = np.zeros((w.shape[0] - 2, x.shape[0], x.shape[1] - w.shape[1]))
    for f in range(1, w.shape[0] - 1):
        for n in range(x.shape[0]):
            for i in range(x.shape[1] - w.shape[1]):
                t = np.sin(x[n, i])
                for k in range(w.shape[1]):
                    t += x[n, i + k + 1] * w[f, k]
                out[f - 1, n, i] = t
    return out


def computed(a: Any, b: Any) -> Any:
    """Factors that are more than an element."""
    out = np.zeros((a.shape[0], b.shape[1]))
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            t = 1.0
            for k in range(a.shape[1]):
                t += np.sin(a[i, k]) * (b[k, j] - b[0, j])
            out[i, j] = t
    return out


def of_what_loops_made(x: Any, w: Any) -> Any:
    """The lengths of what is read are computed."""
    half = np.zeros((x.shape[0] // 2, x.shape[1] // 2))
    for n in range(x.shape[0] // 2):
        for i in range(x.shape[1] // 2):
            half[n, i] = x[2 * n, 2 * i] + x[2 * n, 2 * i + 1]
    out = np.zeros((w.shape[0], half.shape[0], half.shape[1] - w.shape[1] + 1))
    for n in range(half.shape[0]):
        for f in range(w.shape[0]):
            for i in range(half.shape[1] - w.shape[1] + 1):
                t = 0.0
                for k in range(w.shape[1]):
                    t += half[n, i + k] * w[f, k]
                out[f, n, i] = t
    return out


def batched(a: Any, b: Any) -> Any:
    """A loop around both factors stays."""
    out = np.zeros((3, a.shape[0], b.shape[1]))
    for n in range(3):
        for i in range(a.shape[0]):
            for j in range(b.shape[1]):
                t = 0.0
                for k in range(a.shape[1]):
                    t += (a[i, k] + n) * (b[k, j] * n)
                out[n, i, j] = t
    return out


def in_time(a: Any, b: Any) -> Any:
    """A matrix that each step makes anew."""
    x = b.copy()
    for _ in range(3):
        y = np.zeros_like(x)
        for i in range(x.shape[0]):
            for j in range(x.shape[1]):
                t = 0.1
                for k in range(x.shape[0]):
                    t += 0.1 * a[i % a.shape[0], k % a.shape[1]] * x[k, j]
                y[i, j] = t
        z = np.zeros_like(x)
        for i in range(x.shape[0]):
            for j in range(x.shape[1]):
                t = 0.1
                for k in range(x.shape[1]):
                    t += y[i, k] * x[j % x.shape[0], k]
                z[i, j] = 0.01 * t
        x = z
    return x


FOUND = [
    (plain, (A, B)),
    (transposed, (A, RNG.normal(size=(60, 40)))),
    (convolved, (IMAGES, W)),
    (shifted, (RNG.normal(size=(20, 90)), RNG.normal(size=(9, 12)))),
    (computed, (A, B)),
    (of_what_loops_made, (RNG.normal(size=(40, 160)), RNG.normal(size=(9, 12)))),
    (batched, (A, B)),
]


def triangle(a: Any, b: Any) -> Any:
    """How many columns there are depends on the row."""
    out = np.zeros((a.shape[0], b.shape[1]))
    for i in range(a.shape[0]):
        for j in range(i):
            t = 0.0
            for k in range(a.shape[1]):
                t += a[i, k] * b[k, j]
            out[i, j] = t
    return out


def in_place(a: Any, b: Any) -> Any:
    """What is read was written on trips before."""
    b = b.copy()
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            t = 0.0
            for k in range(a.shape[1]):
                t += a[i, k] * b[k, j]
            b[i, j] = 0.01 * t
    return b


def ended(a: Any, b: Any) -> Any:
    """A sum that does not go on as soon as it is large."""
    out = np.zeros((a.shape[0], b.shape[1]))
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            t = 0.0
            for k in range(a.shape[1]):
                t += a[i, k] * b[k, j]
                if t > 1.0:
                    break
            out[i, j] = t
    return out


def watched(a: Any, b: Any) -> Any:
    """Something else sees how far the sum is."""
    out = np.zeros((a.shape[0], b.shape[1]))
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            t = 0.0
            for k in range(a.shape[1]):
                t += a[i, k] * (b[k, j] - 1e-3 * t)
            out[i, j] = t
    return out


def one_factor(a: Any, b: Any) -> Any:
    """A product of a matrix and a vector is as quick in loops."""
    out = np.zeros(a.shape[0])
    for i in range(a.shape[0]):
        t = 0.0
        for k in range(a.shape[1]):
            t += a[i, k] * b[k, 0]
        out[i] = t
    return out


def sometimes(a: Any, b: Any) -> Any:
    """Most sums are not needed."""
    out = np.zeros((a.shape[0], b.shape[1]))
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            if a[i, 0] > 1.5:
                t = 0.0
                for k in range(a.shape[1]):
                    t += a[i, k] * b[k, j]
                out[i, j] = t
    return out


LEFT = [triangle, in_place, ended, watched, one_factor, sometimes]


def total(program: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args: np.sum(np.cos(program(*args)))


def close(found: Any, wanted: Any) -> None:
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12 * np.max(np.abs(wanted)))


@pytest.mark.parametrize(("program", "args"), FOUND)
def test_large_sums_are_products(program: Callable[..., Any], args: tuple[Any, ...]) -> None:
    staged = sc.jit(program, backend="numba")
    close(staged(*args), program(*args))
    text = staged.source(*args)
    assert " @ " in text or "kernels.dot" in text


@pytest.mark.parametrize(("program", "args"), [*FOUND, (in_time, (A, B))])
def test_their_derivatives(program: Callable[..., Any], args: tuple[Any, ...]) -> None:
    wanted = sc.grad(total(program), argnums=(0, 1))(*args)
    found = sc.grad(total(program), argnums=(0, 1), backend="numba")(*args)
    for one, other in zip(found, wanted, strict=True):
        close(one, other)
    tangents = tuple(RNG.normal(size=a.shape) for a in args)
    slope = sc.jit(lambda *a: sc.jvp(program, a, tangents)[1], backend="numba")(*args)
    close(slope, sc.jit(lambda *a: sc.jvp(program, a, tangents)[1])(*args))


def test_a_derivative_of_a_product_is_one() -> None:
    text = sc.grad(total(plain), argnums=(0, 1), backend="numba").source(A, B)
    assert len(re.findall(" @ ", text)) == 3


@pytest.mark.parametrize("program", LEFT)
def test_other_sums_stay(program: Callable[..., Any]) -> None:
    a, b = (A, B) if program is not in_place else (A[:, :40], B[:40])
    staged = sc.jit(program, backend="numba")
    assert "@" not in staged.source(a, b).replace("@njit", "")
    close(staged(a, b), program(a, b))


def test_small_sums_stay() -> None:
    a, b = A[:5, :9].copy(), B[:9, :6].copy()
    staged = sc.jit(plain, backend="numba")
    assert " @ " not in staged.source(a, b)
    close(staged(a, b), a @ b)


def test_what_was_large_at_first_may_be_small() -> None:
    staged = sc.value_and_grad(total(convolved), argnums=(0, 1), backend="numba")
    staged(IMAGES, W)
    small = IMAGES[:2, :, :4, :5].copy()
    value, (x_bar, w_bar) = staged(small, W)
    wanted, (x_wanted, w_wanted) = sc.value_and_grad(total(convolved), argnums=(0, 1))(small, W)
    close(value, wanted)
    close(x_bar, x_wanted)
    close(w_bar, w_wanted)


def outside(a: Any, b: Any) -> Any:
    """Whether the indices are inside only the run time knows."""
    out = np.zeros((a.shape[0], b.shape[1]))
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            t = 0.0
            for k in range(b.shape[0]):
                t += a[i, k] * b[k, j]
            out[i, j] = t
    return out


def test_nothing_is_read_that_may_be_outside() -> None:
    staged = sc.jit(outside, backend="numba")
    a = RNG.normal(size=(40, 70))
    close(staged(a, B), outside(a, B))
    with pytest.raises(IndexError):
        staged(A[:, :49].copy(), B)


def test_single_precision_stays_single() -> None:
    a, b = A.astype(np.float32), B.astype(np.float32)

    def single(a: Any, b: Any) -> Any:
        out = np.zeros((a.shape[0], b.shape[1]), dtype=np.float32)
        for i in range(a.shape[0]):
            for j in range(b.shape[1]):
                t = a[i, 0]
                for k in range(a.shape[1]):
                    t += a[i, k] * b[k, j]
                out[i, j] = t
        return out

    found = sc.jit(single, backend="numba")
    assert found(a, b).dtype == np.float32
    assert " @ " in found.source(a, b)
    np.testing.assert_allclose(found(a, b), a @ b + a[:, :1], rtol=1e-4, atol=1e-4)
