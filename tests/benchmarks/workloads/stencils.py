"""Sweeps over grids: Gauss-Seidel, Jacobi, heat in three dimensions, ADI, upwind advection."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.benchmarks.workload import GRADIENT, Handwritten, Workload, jax, normal
from tests.benchmarks.workloads import stencils_by_hand as by_hand


def gauss_seidel(u: Any, f: Any, sweeps: Any) -> Any:
    """Sweeps in place for Poisson's equation."""
    u = u.copy()
    n, m = u.shape
    for _ in range(sweeps):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                u[i, j] = 0.25 * (
                    u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] - f[i, j]
                )
    return 0.5 * np.sum(u * u)


def gauss_seidel_jax() -> Any:
    scan, jnp = jax().lax.scan, jax().numpy

    def cell(left: Any, around: Any) -> Any:
        up, right, down, source = around
        new = 0.25 * (up + down + left + right - source)
        return new, new

    def row(above: Any, rows: Any) -> Any:
        here, below, source = rows
        around = (above[1:-1], here[2:], below[1:-1], source[1:-1])
        inner = scan(cell, here[0], around)[1]
        new = jnp.concatenate([here[:1], inner, here[-1:]])
        return new, new

    def program(u: Any, f: Any, sweeps: int) -> Any:
        def sweep(u: Any, _: Any) -> Any:
            rows = scan(row, u[0], (u[1:-1], u[2:], f[1:-1]))[1]
            return jnp.concatenate([u[:1], rows, u[-1:]]), None

        u = scan(sweep, u, None, length=sweeps)[0]
        return 0.5 * jnp.sum(u * u)

    return program


def jacobi_2d(a: Any, b: Any, steps: Any) -> Any:
    a, b = a.copy(), b.copy()
    for _ in range(steps):
        b[1:-1, 1:-1] = 0.2 * (
            a[1:-1, 1:-1] + a[1:-1, :-2] + a[1:-1, 2:] + a[2:, 1:-1] + a[:-2, 1:-1]
        )
        a[1:-1, 1:-1] = 0.2 * (
            b[1:-1, 1:-1] + b[1:-1, :-2] + b[1:-1, 2:] + b[2:, 1:-1] + b[:-2, 1:-1]
        )
    return 0.5 * np.sum(a * a)


def jacobi_2d_jax() -> Any:
    scan, jnp = jax().lax.scan, jax().numpy

    def half(a: Any, b: Any) -> Any:
        return b.at[1:-1, 1:-1].set(
            0.2 * (a[1:-1, 1:-1] + a[1:-1, :-2] + a[1:-1, 2:] + a[2:, 1:-1] + a[:-2, 1:-1])
        )

    def step(pair: Any, _: Any) -> Any:
        a, b = pair
        b = half(a, b)
        return (half(b, a), b), None

    def program(a: Any, b: Any, steps: int) -> Any:
        a, _ = scan(step, (a, b), None, length=steps)[0]
        return 0.5 * jnp.sum(a * a)

    return program


def heat_3d(u: Any, rate: Any, steps: Any) -> Any:
    u = u.copy()
    for _ in range(steps):
        u[1:-1, 1:-1, 1:-1] += rate * (
            u[2:, 1:-1, 1:-1] + u[:-2, 1:-1, 1:-1]
            + u[1:-1, 2:, 1:-1] + u[1:-1, :-2, 1:-1]
            + u[1:-1, 1:-1, 2:] + u[1:-1, 1:-1, :-2]
            - 6.0 * u[1:-1, 1:-1, 1:-1]
        )  # fmt: skip
    return 0.5 * np.sum(u * u)


def heat_3d_jax() -> Any:
    scan, jnp = jax().lax.scan, jax().numpy

    def program(u: Any, rate: float, steps: int) -> Any:
        def step(u: Any, _: Any) -> Any:
            change = rate * (
                u[2:, 1:-1, 1:-1] + u[:-2, 1:-1, 1:-1]
                + u[1:-1, 2:, 1:-1] + u[1:-1, :-2, 1:-1]
                + u[1:-1, 1:-1, 2:] + u[1:-1, 1:-1, :-2]
                - 6.0 * u[1:-1, 1:-1, 1:-1]
            )  # fmt: skip
            return u.at[1:-1, 1:-1, 1:-1].add(change), None

        u = scan(step, u, None, length=steps)[0]
        return 0.5 * jnp.sum(u * u)

    return program


def adi(u: Any, rate: Any, steps: Any) -> Any:
    """Diffusion by Peaceman and Rachford's alternating directions, zero at the edges."""
    n = u.shape[0]
    s = 0.5 * rate
    c = np.zeros(n)
    pivot = np.ones(n)
    for j in range(1, n - 1):
        pivot[j] = 1.0 + 2.0 * s + s * c[j - 1]
        c[j] = -s / pivot[j]
    u = u.copy()
    v = np.zeros((n, n))
    d = np.zeros((n, n))
    for _ in range(steps):
        # implicit along the columns' index, then along the rows'
        for j in range(1, n - 1):
            right = s * u[:-2, j] + (1.0 - 2.0 * s) * u[1:-1, j] + s * u[2:, j]
            d[1:-1, j] = (right + s * d[1:-1, j - 1]) / pivot[j]
        for j in range(n - 2, 0, -1):
            v[1:-1, j] = d[1:-1, j] - c[j] * v[1:-1, j + 1]
        for i in range(1, n - 1):
            right = s * v[i, :-2] + (1.0 - 2.0 * s) * v[i, 1:-1] + s * v[i, 2:]
            d[i, 1:-1] = (right + s * d[i - 1, 1:-1]) / pivot[i]
        for i in range(n - 2, 0, -1):
            u[i, 1:-1] = d[i, 1:-1] - c[i] * u[i + 1, 1:-1]
    return 0.5 * np.sum(u * u)


def adi_jax() -> Any:
    scan, jnp = jax().lax.scan, jax().numpy

    def solve(right: Any, last: Any, s: float, pivot: Any, c: Any) -> Any:
        """The tridiagonal systems along the first axis; `last` is known behind its end."""

        def down(before: Any, now: Any) -> Any:
            row, p = now
            new = (row + s * before) / p
            return new, new

        def up(after: Any, now: Any) -> Any:
            row, k = now
            new = row - k * after
            return new, new

        d = scan(down, jnp.zeros_like(last), (right, pivot))[1]
        return scan(up, last, (d, c), reverse=True)[1]

    def program(u: Any, rate: float, steps: int) -> Any:
        n, s = u.shape[0], 0.5 * rate
        c, pivot = np.zeros(n), np.ones(n)
        for j in range(1, n - 1):
            pivot[j] = 1.0 + 2.0 * s + s * c[j - 1]
            c[j] = -s / pivot[j]
        inner = (s, jnp.asarray(pivot[1:-1]), jnp.asarray(c[1:-1]))

        def half(u: Any, last: Any) -> Any:
            right = s * u[:-2] + (1.0 - 2.0 * s) * u[1:-1] + s * u[2:]
            return solve(right[:, 1:-1].T, last, *inner)

        def step(u: Any, _: Any) -> Any:
            v = jnp.pad(half(u, jnp.zeros(n - 2)), 1)
            return u.at[1:-1, 1:-1].set(half(v, u[-1, 1:-1])), None

        u = scan(step, u, None, length=steps)[0]
        return 0.5 * jnp.sum(u * u)

    return program


def upwind(q: Any, speed: Any, steps: Any) -> Any:
    """Advection with a speed that changes its sign: differences from where the flow comes."""
    q = q.copy()
    right = np.maximum(speed[1:-1], 0.0)
    left = np.minimum(speed[1:-1], 0.0)
    for _ in range(steps):
        q[1:-1] -= right * (q[1:-1] - q[:-2]) + left * (q[2:] - q[1:-1])
    return 0.5 * np.sum(q * q)


def upwind_jax() -> Any:
    scan, jnp = jax().lax.scan, jax().numpy

    def program(q: Any, speed: Any, steps: int) -> Any:
        right, left = jnp.maximum(speed[1:-1], 0.0), jnp.minimum(speed[1:-1], 0.0)

        def step(q: Any, _: Any) -> Any:
            change = right * (q[1:-1] - q[:-2]) + left * (q[2:] - q[1:-1])
            return q.at[1:-1].add(-change), None

        q = scan(step, q, None, length=steps)[0]
        return 0.5 * jnp.sum(q * q)

    return program


def _zero_at_edges(n: int) -> Any:
    u = np.zeros((n, n))
    u[1:-1, 1:-1] = normal(1, n - 2, n - 2)
    return u


GAUSS_SEIDEL = Workload(
    name="gauss_seidel",
    program=gauss_seidel,
    data=lambda n: (normal(1, n, n), normal(2, n, n), 20),
    sizes=(10, 40, 160),
    wrt=(0, 1),
    derivative=GRADIENT,
    numba=Handwritten(by_hand.gauss_seidel_loops, by_hand.gauss_seidel_gradient),
    jax=gauss_seidel_jax,
    torch=None,
    autograd=None,
    faster_than={"jax derivative": 100.0},
    within={"derivative / forward": 2.5},
)
JACOBI_2D = Workload(
    name="jacobi_2d",
    program=jacobi_2d,
    data=lambda n: (normal(1, n, n), normal(2, n, n), 50),
    sizes=(10, 80, 250),
    wrt=(0, 1),
    derivative=GRADIENT,
    numba=Handwritten(by_hand.jacobi_2d_loops, by_hand.jacobi_2d_gradient),
    jax=jacobi_2d_jax,
    torch=None,
    autograd=None,
    faster_than={"jax derivative": 8.0},
    within={"derivative / forward": 2.5},
)
HEAT_3D = Workload(
    name="heat_3d",
    program=heat_3d,
    data=lambda n: (normal(1, n, n, n), 0.1, 40),
    sizes=(8, 25, 60),
    wrt=(0,),
    derivative=GRADIENT,
    numba=Handwritten(by_hand.heat_3d_loops, by_hand.heat_3d_gradient),
    jax=heat_3d_jax,
    torch=None,
    autograd=None,
    faster_than={"jax derivative": 8.0},
    within={"derivative / forward": 2.5},
)
ADI = Workload(
    name="adi",
    program=adi,
    data=lambda n: (_zero_at_edges(n), 0.7, 10),
    sizes=(10, 80, 250),
    wrt=(0,),
    derivative=GRADIENT,
    numba=Handwritten(by_hand.adi_loops, by_hand.adi_gradient),
    jax=adi_jax,
    torch=None,
    autograd=None,
    faster_than={"jax derivative": 20.0},
    within={"derivative / forward": 2.5},
)
UPWIND = Workload(
    name="upwind",
    program=upwind,
    data=lambda n: (normal(1, n), 0.4 * np.sin(np.linspace(0.0, 6.0, n)), 100),
    sizes=(20, 1_000, 20_000),
    wrt=(0, 1),
    derivative=GRADIENT,
    numba=Handwritten(by_hand.upwind_loops, by_hand.upwind_gradient),
    jax=upwind_jax,
    torch=None,
    autograd=None,
    faster_than={"jax derivative": 8.0},
    within={"derivative / forward": 2.5},
)
