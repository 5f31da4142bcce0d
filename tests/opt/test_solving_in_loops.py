"""Linear algebra inside of compiled loops, and its derivatives, against NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stagec as sc

pytest.importorskip("numba", reason="the Numba target needs Numba")
pytest.importorskip("scipy", reason="LAPACK is SciPy's")

RNG = np.random.default_rng(7)
A = RNG.normal(size=(3, 3)) + 3 * np.eye(3)
XS = RNG.normal(size=(6, 3))


def kalman(a: Any, xs: Any) -> Any:
    """The logarithm of the likelihood of observations of all but the last of the state."""
    h = np.eye(len(a))[:-1]
    x, p, total = xs[0], np.eye(len(a)), 0.0
    for t in range(1, len(xs)):
        x, p = a @ x * 0.3, 0.1 * (a @ p @ a.T) + np.eye(len(a))
        s = h @ p @ h.T + 0.5 * np.eye(len(h))
        gain = np.linalg.solve(s, h @ p).T
        v = xs[t, :-1] - h @ x
        x, p = x + gain @ v, p - gain @ h @ p
        total -= 0.5 * (v @ np.linalg.solve(s, v) + np.linalg.slogdet(s)[1])
    return total


def implicit_steps(a: Any, xs: Any) -> Any:
    """Steps of a stiff equation, each with one step of Newton's method."""
    y = xs[0]
    for _ in range(4):
        jacobian = np.eye(len(y)) + 0.1 * (a + np.diag(2 * y))
        y = y - np.linalg.solve(jacobian, 0.1 * (a @ y + y * y))
    return np.sum(y)


def likelihoods(a: Any, xs: Any) -> Any:
    """Of vectors that are normally distributed, by Cholesky factors."""
    total = 0.0
    for x in xs:
        factor = np.linalg.cholesky(a @ a.T + np.outer(x, x))
        z = np.linalg.solve(factor, x)
        total += np.sum(np.log(np.diag(factor))) + z @ z
    return total


def inverses(a: Any, xs: Any) -> Any:
    total = 0.0
    for x in xs:
        total += np.sum(np.linalg.inv(a + np.diag(x)) @ np.triu(a, 1) + np.tril(a))
    return total


def complex_systems(a: Any, xs: Any) -> Any:
    """Systems of complex numbers, with right-hand sides of real ones."""
    total = 0.0
    for k in range(len(xs)):
        z = a + 1j * (k + 1) * np.eye(len(a))
        total += np.real(np.linalg.solve(z, xs.T)[0, 0]) * 2
    return total


PROGRAMS = [kalman, implicit_steps, likelihoods, inverses, complex_systems]


def left_to_python(compiled: Any) -> list[str]:
    """What the report says of loops in Python."""
    return [k for k in str(compiled.explain(A, XS)).splitlines() if k.startswith("loops in")]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_values_and_gradients(program: Callable[..., Any]) -> None:
    compiled = sc.jit(program, backend="numba")
    np.testing.assert_allclose(compiled(A, XS), program(A, XS), rtol=1e-12)
    assert left_to_python(compiled) == ["loops in Python: none"]
    gradient = sc.grad(program, argnums=(0, 1), backend="numba")
    for found, wanted in zip(
        gradient(A, XS), sc.grad(program, argnums=(0, 1))(A, XS), strict=True
    ):
        np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("program", PROGRAMS[:4], ids=lambda p: p.__name__)
def test_derivatives_are_compiled_as_a_whole(program: Callable[..., Any]) -> None:
    gradient = sc.grad(program, argnums=(0, 1), backend="numba")
    gradient(A, XS)
    assert left_to_python(gradient) == ["loops in Python: none"]
    tangents = np.ones_like(A), np.ones_like(XS)

    def forward(a: Any, xs: Any, da: Any, dxs: Any) -> Any:
        return sc.jvp(program, (a, xs), (da, dxs))

    found = sc.jit(forward, backend="numba")(A, XS, *tangents)
    np.testing.assert_allclose(found, sc.jit(forward)(A, XS, *tangents), rtol=1e-10)


def test_integers_are_solved_as_floats() -> None:
    def program(m: Any, n: Any) -> Any:
        total = 0.0
        for k in range(n):
            total += np.linalg.det(m) / (k + 1) + np.linalg.solve(m, np.arange(len(m)))[0]
        return total

    m = np.array([[2, 1, 0], [1, 3, 1], [0, 1, 4]])
    compiled = sc.jit(program, backend="numba")
    np.testing.assert_allclose(compiled(m, 4), program(m, 4), rtol=1e-12)
    assert "kernels.solve" in compiled.source(m, 4)


def test_parts_of_tapes_are_contiguous() -> None:
    """Numba knows that of `tape[t]` and not of `tape[t, :, :]`, which a product copies."""
    gradient = sc.grad(kalman, backend="numba")
    assert ", :" not in gradient.source(A, XS).split("for t in kernels")[1]


@pytest.mark.parametrize(
    ("program", "text"),
    [
        (lambda a, xs: np.linalg.solve(a, xs[0]), "Singular matrix"),
        (lambda a, xs: np.linalg.inv(a)[0], "Singular matrix"),
        (lambda a, xs: np.linalg.cholesky(a)[0], "Matrix is not positive definite"),
    ],
)
def test_failures_tell_the_line(program: Callable[..., Any], text: str) -> None:
    def repeated(a: Any, xs: Any) -> Any:
        total = np.zeros(len(a))
        for k in range(len(xs)):
            total = total + np.exp(program(a * (2.0 - k), xs))
        return total

    compiled = sc.jit(repeated, backend="numba")
    with pytest.raises(np.linalg.LinAlgError, match=text) as caught:
        compiled(np.eye(3), XS)
    assert any("np.linalg" in note for note in caught.value.__notes__)


def determinants(points: Any, more: Any) -> Any:
    total = 0.0
    for k in range(len(points)):
        x, y, z = points[k]
        small = np.array([[x, y], [z, x * y]])
        total += np.linalg.det(small) ** 2 + np.log(np.abs(np.linalg.det(small.T)))
        wide = np.array([[x, y, z], [y, x + 1, 0.0], [x * z, y, 2.0]])
        total += np.linalg.det(wide * more) + np.linalg.det(np.array([[x, y], [2 * x, 2 * y]]))
    return total


def test_determinants_of_small_matrices_are_differentiated_in_a_kernel() -> None:
    points, more = RNG.normal(size=(5, 3)), 1.5
    gradient = sc.grad(determinants, argnums=(0, 1))
    f = sc.jit(gradient, backend="numba")
    for found, wanted in zip(f(points, more), gradient(points, more), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-13)
    assert "rt." not in f.source(points, more)
