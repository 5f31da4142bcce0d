"""What stage 0 finds out by itself: sizes behind slices, integers inside transforms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import stagec

RNG = np.random.default_rng(0)


def test_size_of_a_slice_joins_the_key() -> None:
    def f(cameras: Any, points: Any, sees: Any) -> Any:
        return np.cross(cameras[:, 1:4], points[sees] - cameras[:, 2:5])

    staged = stagec.jit(f)
    for rows in (4, 7):
        given = RNG.normal(size=(rows, 6)), RNG.normal(size=(5, 3)), RNG.integers(0, 5, rows)
        np.testing.assert_allclose(staged(*given), f(*given))
    shape = staged.ir(*given).params[0].type.shape
    assert shape[1] == 6
    assert not isinstance(shape[0], int)


def test_static_integer_stays_known_under_grad() -> None:
    def power(x: float, n: int) -> float:
        return 1.0 if n == 0 else x * power(x, n - 1)

    gradient = stagec.grad(power, static_argnames="n")
    np.testing.assert_allclose(gradient(2.0, 3), 12.0)


def test_integers_known_inside_have_no_tangent() -> None:
    def f(x: float, n: int) -> float:
        return x * n

    staged = stagec.jit(lambda x: stagec.jvp(f, (x, 3), (1.0, None))[1])
    np.testing.assert_allclose(staged(2.0), 3.0)


def test_jacobians_inside_staged_code() -> None:
    def f(x: Any) -> Any:
        return np.array([x[0] * x[1], x[1] ** 2, x[0]])

    x = np.array([2.0, 3.0])
    expected = [[3.0, 2.0], [0.0, 6.0], [1.0, 0.0]]
    for jacobian in (stagec.jacfwd, stagec.jacrev):
        staged = stagec.jit(lambda x, jacobian=jacobian: jacobian(f)(x) + 0.0)
        np.testing.assert_allclose(staged(x), expected)
    curvature = stagec.jit(lambda x: stagec.hessian(lambda y: y[0] ** 2 * y[1])(x) * 1.0)
    np.testing.assert_allclose(curvature(x), [[6.0, 4.0], [4.0, 0.0]])


def test_integer_stays_a_size_under_grad() -> None:
    def horner(x: Any, n: int) -> Any:
        t = np.linspace(-1.0, 1.0, n)
        value = np.zeros(n)
        for coefficient in x[::-1]:
            value = value * t + coefficient
        return np.sum(value**2)

    gradient = stagec.grad(horner)
    assert "tape" not in gradient.source(np.ones(3), 5)
    for n in (1, 5):
        t = np.linspace(-1.0, 1.0, n)[:, None] ** np.arange(3)
        np.testing.assert_allclose(gradient(np.ones(3), n), 2 * t.T @ (t @ np.ones(3)))


def test_a_size_that_tells_the_rank_of_a_result_joins_the_key() -> None:
    def as_rows(x: Any) -> Any:
        return x if x.shape[0] == 3 else x[None]

    for n in (3, 4):
        x = np.arange(1.0, n + 1)
        value, tangent = stagec.jvp(as_rows, (x,), (2 * x,))
        np.testing.assert_array_equal(value, as_rows(x), strict=True)
        np.testing.assert_array_equal(tangent, as_rows(2 * x), strict=True)
        cotangent = stagec.vjp(as_rows, x)[1](as_rows(5 * x))[0]
        np.testing.assert_array_equal(cotangent, 5 * x, strict=True)
        jacobian = as_rows(np.eye(n)) if n == 3 else np.eye(n)[None]
        np.testing.assert_array_equal(stagec.jacfwd(as_rows)(x), jacobian, strict=True)
        batch = stagec.vmap(as_rows)(np.stack([x, x]))
        np.testing.assert_array_equal(batch, np.stack([as_rows(x)] * 2), strict=True)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum(x, axis=tuple(i for i in range(x.ndim) if i != 1)),
        lambda x: x.transpose(*[i for i in range(x.ndim) if i], 0),
        lambda x: x.transpose([i for i in range(x.ndim) if i != 1] + [1]),
        lambda x: x.reshape(tuple(n for n in x.shape if n > 1)),
        lambda x: np.sum(x, axis=sum(i for i in range(x.ndim - 1))),
        lambda x: x.reshape([x.size if i == 1 else 1 for i in range(2)]),
        lambda x: x * np.ones([x.shape[2] if i else 1 for i in range(2)]),
        lambda x: np.multiply(*[x if i else x + x[0, 0, 0] for i in range(2)]),
    ],
)
def test_a_loop_that_makes_what_staging_needs_is_unrolled(f: Any) -> None:
    x = RNG.normal(size=(2, 1, 3))
    np.testing.assert_array_equal(stagec.jit(f)(x), f(x))
    slope = stagec.grad(lambda x: np.sum(f(x) ** 2))(x)
    assert slope.shape == x.shape


def test_a_loop_over_data_makes_nothing_that_staging_needs() -> None:
    def f(x: Any) -> Any:
        return np.sum(x, axis=tuple(i for i in range(x.ndim) if x[i, i] > 0))

    with pytest.raises(stagec.StagecError, match="length of this list must be known"):
        stagec.jit(f)(np.eye(3))
