"""Jacobians: all columns, or rows, at once, and one by one where that cannot be."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec


def branching(x: Any) -> Any:
    y = x * x if x[0] > 0 else np.sqrt(np.abs(x))
    return y if np.sum(x) > 0 else -y


def changing(x: Any) -> Any:
    y = x.copy()
    y[1:] *= x[:-1]
    y[::2] += np.cumsum(x)[::2]
    y = np.where(y > 0.5, y, x * x)
    return np.concatenate([y, np.sort(x)])


def collecting(x: Any) -> Any:
    rows: list[Any] = []
    for i in range(len(x)):
        rows.append(np.tanh(x[i] * x))
    return np.stack(rows)


def gathering(x: Any) -> Any:
    y = np.zeros(4)
    np.add.at(y, np.array([0, 2, 2, 1]), x[:4] ** 2)
    return y[::-1] * np.max(x) + np.mean(x)


def solving(x: Any) -> Any:
    a = np.outer(x, x)[:3, :3] + 4 * np.eye(3)
    return np.linalg.solve(a, np.ones(3)) * np.linalg.det(a)


def stepping(x: Any) -> Any:
    y = x * 1.0
    for _ in range(20):
        k = np.sin(y) * x
        y = y + 0.05 * (k + np.cos(y + 0.1 * k))
    return y


def until(x: Any) -> Any:
    total, k = 0.0, 0
    while total < 3 and k < 50:
        total = total + np.abs(x[k % len(x)]) * x[0] ** 2 + 0.1
        k += 1
    return np.array([total, x[1] * total])


def turning(x: Any) -> Any:
    """Small matrices made of numbers, multiplied in a loop."""
    turned = np.zeros((len(x), 3, 3))
    for i in range(len(x)):
        c, s = np.cos(x[i]), np.sin(x[i])
        turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
        turned[i] = turn @ turned[i - 1] + turn.T if i else turn
    return turned[-1]


def products(x: Any) -> Any:
    """Products of matrices on either side, in stacks, and of vectors."""
    a = np.outer(x, x)
    b = a @ np.cos(a) + np.cos(a) @ np.ones((len(x), len(x)))
    stack = np.stack([a, b])
    return (stack @ b)[0] @ x + np.sum(stack @ x, axis=0)


PROGRAMS: list[Callable[[Any], Any]] = [
    branching, changing, collecting, gathering, solving, stepping, until, turning, products,
]  # fmt: skip
POINTS = {4: np.array([0.3, 1.2, 0.7, 0.5]), 9: np.linspace(0.2, 1.4, 9)[::-1].copy()}


def differences(f: Any, x: Any, step: float = 1e-6) -> Any:
    columns: list[Any] = []
    for k in range(len(x)):
        d = np.zeros_like(x)
        d[k] = step
        columns.append((np.asarray(f(x + d)) - np.asarray(f(x - d))) / (2 * step))
    return np.stack(columns, axis=-1)


@pytest.mark.parametrize("size", POINTS)
@pytest.mark.parametrize("mode", [stagec.jacfwd, stagec.jacrev])
@pytest.mark.parametrize("program", PROGRAMS)
def test_jacobians(program: Any, mode: Any, size: int) -> None:
    x = POINTS[size]
    np.testing.assert_allclose(mode(program)(x), differences(program, x), atol=1e-7, rtol=1e-6)


@pytest.mark.parametrize("program", [changing, stepping, turning, products])
def test_columns_side_by_side_in_compiled_loops(program: Any) -> None:
    x = POINTS[9]
    jacobian = stagec.jacfwd(program, backend="numba")
    expected = stagec.jacfwd(program)(x)
    np.testing.assert_allclose(jacobian(x), expected, rtol=1e-12, atol=1e-12)


def test_the_function_itself_is_computed_once() -> None:
    def f(x: Any) -> Any:
        y = x * 1.0
        for _ in range(20):
            y = np.exp(-y) * x
        return y

    for mode in (stagec.jacfwd, stagec.jacrev):
        assert mode(f).source(POINTS[4]).count("np.exp(") == 1


def test_effects_happen_once(capsys: pytest.CaptureFixture[str]) -> None:
    def loud(x: Any) -> Any:
        print("here")  # noqa: T201
        return x * x

    stagec.jacfwd(loud)(POINTS[4])
    assert capsys.readouterr().out == "here\n"


def test_hessians() -> None:
    def f(x: Any) -> Any:
        return np.sum(np.sin(x) * x[::-1]) ** 2

    for x in POINTS.values():
        expected = differences(stagec.grad(f), x)
        np.testing.assert_allclose(stagec.hessian(f)(x), expected, atol=1e-6)


def test_a_matrix_as_argument() -> None:
    def f(a: Any) -> Any:
        return (a @ a.T).ravel()[1:] / np.linalg.norm(a)

    a = np.arange(1.0, 7.0).reshape(3, 2)
    forward, backward = stagec.jacfwd(f)(a), stagec.jacrev(f)(a)
    assert forward.shape == (8, 3, 2)
    np.testing.assert_allclose(forward, backward, rtol=1e-12)


def test_a_gradient_by_columns_takes_no_more_memory_than_one_column() -> None:
    def f(x: Any) -> Any:
        return np.sum(np.sin(x) * x)

    source = stagec.jacfwd(f).source("f64[n]")
    assert "np.eye" not in source


def scaled(x: Any, n: int) -> Any:
    return x**n


@pytest.mark.parametrize("kind", ["jacfwd", "jacrev"])
def test_parameters_have_the_names_of_the_program(kind: str) -> None:
    x = np.array([1.0, 2.0])
    transform = getattr(stagec, kind)
    assert f"def scaled_{kind}(x, n)" in transform(scaled).source(x, 3)
    for static in ({"static_argnums": 1}, {"static_argnames": "n"}):
        staged = transform(scaled, **static)
        assert f"def scaled_{kind}(x)" in staged.source(x, 3)
        np.testing.assert_allclose(staged(x, 3), np.diag(3 * x**2))
