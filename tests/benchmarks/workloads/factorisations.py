"""Linear algebra written as loops: Cholesky, LU, triangular solve, Gram-Schmidt, Levinson."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.benchmarks.workload import GRADIENT, Handwritten, Workload, jax, normal
from tests.benchmarks.workloads import factorisations_by_hand as by_hand


def cholesky(a: Any) -> Any:
    """The logarithm of the determinant of a positive definite matrix."""
    a = a.copy()
    n = a.shape[0]
    for j in range(n):
        for k in range(j):
            a[j, j] -= a[j, k] * a[j, k]
        a[j, j] = np.sqrt(a[j, j])
        for i in range(j + 1, n):
            for k in range(j):
                a[i, j] -= a[i, k] * a[j, k]
            a[i, j] /= a[j, j]
    total = 0.0
    for j in range(n):
        total += 2.0 * np.log(a[j, j])
    return total


def cholesky_jax() -> Any:
    scan, jnp = jax().lax.scan, jax().numpy

    def program(a: Any) -> Any:
        rows = jnp.arange(a.shape[0])

        def column(a: Any, j: Any) -> Any:
            below = jnp.where(rows >= j, a[:, j], 0.0) / jnp.sqrt(a[j, j])
            return a - below[:, None] * below, jnp.log(a[j, j])

        return jnp.sum(scan(column, a, rows)[1])

    return program


def lu(a: Any) -> Any:
    """The logarithm of the modulus of the determinant; no pivoting."""
    a = a.copy()
    n = a.shape[0]
    for k in range(n):
        for i in range(k + 1, n):
            a[i, k] /= a[k, k]
            for j in range(k + 1, n):
                a[i, j] -= a[i, k] * a[k, j]
    return np.sum(np.log(np.abs(np.diag(a))))


def lu_jax() -> Any:
    scan, jnp = jax().lax.scan, jax().numpy

    def program(a: Any) -> Any:
        rows = jnp.arange(a.shape[0])

        def column(a: Any, k: Any) -> Any:
            below = jnp.where(rows > k, a[:, k], 0.0) / a[k, k]
            return a - below[:, None] * a[k], jnp.log(jnp.abs(a[k, k]))

        return jnp.sum(scan(column, a, rows)[1])

    return program


def triangular_solve(lower: Any, b: Any) -> Any:
    x = b.copy()
    for i in range(len(b)):
        for j in range(i):
            x[i] -= lower[i, j] * x[j]
        x[i] /= lower[i, i]
    return 0.5 * np.sum(x * x)


def triangular_solve_jax() -> Any:
    scan, jnp = jax().lax.scan, jax().numpy

    def program(lower: Any, b: Any) -> Any:
        def row(x: Any, now: Any) -> Any:
            i, coefficients, right = now
            return x.at[i].set((right - coefficients @ x) / coefficients[i]), None

        rows = jnp.arange(b.size)
        x = scan(row, jnp.zeros_like(b), (rows, lower, b))[0]
        return 0.5 * jnp.sum(x * x)

    return program


def gram_schmidt(a: Any) -> Any:
    """Orthonormal columns by the modified method."""
    q = a.copy()
    n = q.shape[1]
    r = np.zeros((n, n))
    for k in range(n):
        r[k, k] = np.sqrt(np.sum(q[:, k] ** 2))
        q[:, k] /= r[k, k]
        for j in range(k + 1, n):
            r[k, j] = np.dot(q[:, k], q[:, j])
            q[:, j] -= r[k, j] * q[:, k]
    return np.sum(q**3) + np.sum(r**2)


def gram_schmidt_jax() -> Any:
    scan, jnp = jax().lax.scan, jax().numpy

    def program(a: Any) -> Any:
        columns = jnp.arange(a.shape[1])

        def column(a: Any, k: Any) -> Any:
            norm = jnp.sqrt(jnp.sum(a[:, k] ** 2))
            q = a[:, k] / norm
            r = jnp.where(columns > k, q @ a, 0.0)
            return a - q[:, None] * r, (q, r, norm)

        q, r, norm = scan(column, a, columns)[1]
        return jnp.sum(q**3) + jnp.sum(r**2) + jnp.sum(norm**2)

    return program


def levinson_durbin(r: Any) -> Any:
    """Prediction coefficients from autocorrelations: a Toeplitz system in quadratic time."""
    n = len(r) - 1
    a = np.zeros(n + 1)
    a[0] = 1.0
    error = r[0]
    for m in range(1, n + 1):
        k = -(r[m] + np.dot(a[1:m], r[m - 1 : 0 : -1])) / error
        a[1:m] += k * a[m - 1 : 0 : -1]
        a[m] = k
        error *= 1.0 - k * k
    return error + np.sum(a * a)


def levinson_durbin_jax() -> Any:
    scan, jnp = jax().lax.scan, jax().numpy

    def program(r: Any) -> Any:
        places = jnp.arange(r.size)

        def order(carry: Any, m: Any) -> Any:
            a, error = carry
            inside = (places >= 1) & (places < m)
            k = -(r[m] + jnp.sum(jnp.where(inside, a * r[m - places], 0.0))) / error
            a = a + jnp.where(inside, k * a[m - places], 0.0)
            return (a.at[m].set(k), error * (1.0 - k * k)), None

        start = (jnp.zeros(r.size).at[0].set(1.0), r[0])
        a, error = scan(order, start, places[1:])[0]
        return error + jnp.sum(a * a)

    return program


def positive(n: int) -> Any:
    """A positive definite matrix."""
    m = normal(1, n, n)
    return m @ m.T + n * np.eye(n)


def lower(n: int) -> Any:
    """A triangular matrix whose inverse is small."""
    return np.tril(normal(1, n, n)) / np.sqrt(n) + 3.0 * np.eye(n)


WITHIN = {"derivative / forward": 3.0, "forward / numba forward": 1.2}
CHOLESKY = Workload(
    name="cholesky",
    program=cholesky,
    data=lambda n: (positive(n),),
    sizes=(8, 50, 200),
    wrt=(0,),
    derivative=GRADIENT,
    numba=Handwritten(by_hand.cholesky_loops, by_hand.cholesky_gradient),
    jax=cholesky_jax,
    torch=None,
    autograd=None,
    faster_than={},
    within=WITHIN,
)
LU = Workload(
    name="lu",
    program=lu,
    data=lambda n: (positive(n),),
    sizes=(8, 50, 200),
    wrt=(0,),
    derivative=GRADIENT,
    numba=Handwritten(by_hand.lu_loops, by_hand.lu_gradient),
    jax=lu_jax,
    torch=None,
    autograd=None,
    faster_than={},
    within=WITHIN,
)
TRIANGULAR_SOLVE = Workload(
    name="triangular_solve",
    program=triangular_solve,
    data=lambda n: (lower(n), normal(2, n)),
    sizes=(8, 100, 1_000),
    wrt=(0, 1),
    derivative=GRADIENT,
    numba=Handwritten(by_hand.triangular_solve_loops, by_hand.triangular_solve_gradient),
    jax=triangular_solve_jax,
    torch=None,
    autograd=None,
    faster_than={},
    within=WITHIN,
)
GRAM_SCHMIDT = Workload(
    name="gram_schmidt",
    program=gram_schmidt,
    data=lambda n: (normal(1, n + 5, n),),
    sizes=(8, 50, 150),
    wrt=(0,),
    derivative=GRADIENT,
    numba=Handwritten(by_hand.gram_schmidt_loops, by_hand.gram_schmidt_gradient),
    jax=gram_schmidt_jax,
    torch=None,
    autograd=None,
    faster_than={},
    within=WITHIN,
)
LEVINSON_DURBIN = Workload(
    name="levinson_durbin",
    program=levinson_durbin,
    data=lambda n: (0.8 ** np.arange(n + 1.0) + 0.5 * np.eye(1, n + 1)[0],),
    sizes=(8, 100, 1_000),
    wrt=(0,),
    derivative=GRADIENT,
    numba=Handwritten(by_hand.levinson_durbin_loops, by_hand.levinson_durbin_gradient),
    jax=levinson_durbin_jax,
    torch=None,
    autograd=None,
    faster_than={},
    within=WITHIN,
)
