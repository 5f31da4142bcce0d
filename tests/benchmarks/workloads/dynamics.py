"""Systems in time: gravitating bodies, Lorenz's equations, the inversion of a wavefield."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.benchmarks.workload import GRADIENT, Handwritten, Workload, jax, normal
from tests.benchmarks.workloads import dynamics_by_hand as by_hand


def accelerations(x: Any, mass: Any) -> Any:
    """Gravity between all pairs, softened at short distance."""
    n = len(mass)
    a = np.zeros_like(x)
    for i in range(n):
        for j in range(i):
            dx = x[j, 0] - x[i, 0]
            dy = x[j, 1] - x[i, 1]
            dz = x[j, 2] - x[i, 2]
            square = dx * dx + dy * dy + dz * dz + 0.01
            pull = 1.0 / (square * np.sqrt(square))
            a[i, 0] += mass[j] * pull * dx
            a[i, 1] += mass[j] * pull * dy
            a[i, 2] += mass[j] * pull * dz
            a[j, 0] -= mass[i] * pull * dx
            a[j, 1] -= mass[i] * pull * dy
            a[j, 2] -= mass[i] * pull * dz
    return a


def n_body(position: Any, velocity: Any, mass: Any, dt: Any, steps: Any) -> Any:
    """The leapfrog method: the spread and the kinetic energy at the end."""
    x, v = position.copy(), velocity.copy()
    a = accelerations(x, mass)
    for _ in range(steps):
        v += 0.5 * dt * a
        x += dt * v
        a = accelerations(x, mass)
        v += 0.5 * dt * a
    return np.sum(x * x) + 0.5 * np.sum(mass * np.sum(v * v, axis=1))


def n_body_jax() -> Any:
    scan, jnp = jax().lax.scan, jax().numpy

    def program(position: Any, velocity: Any, mass: Any, dt: float, steps: int) -> Any:
        def pulled(x: Any) -> Any:
            d = x[None, :, :] - x[:, None, :]
            square = jnp.sum(d * d, axis=2) + 0.01
            return jnp.einsum("ij,ijk->ik", mass / (square * jnp.sqrt(square)), d)

        def step(state: Any, _: Any) -> Any:
            x, v, a = state
            v = v + 0.5 * dt * a
            x = x + dt * v
            a = pulled(x)
            return (x, v + 0.5 * dt * a, a), None

        start = (position, velocity, pulled(position))
        x, v, _ = scan(step, start, None, length=steps)[0]
        return jnp.sum(x * x) + 0.5 * jnp.sum(mass * jnp.sum(v * v, axis=1))

    return program


def slope(x: Any, y: Any, z: Any, sigma: Any, rho: Any, beta: Any) -> Any:
    return sigma * (y - x), x * (rho - z) - y, x * y - beta * z


def lorenz(x: Any, y: Any, z: Any, sigma: Any, rho: Any, beta: Any, dt: Any, steps: Any) -> Any:
    """Lorenz's equations by the classical Runge-Kutta method."""
    for _ in range(steps):
        ax, ay, az = slope(x, y, z, sigma, rho, beta)
        h = 0.5 * dt
        bx, by, bz = slope(x + h * ax, y + h * ay, z + h * az, sigma, rho, beta)
        cx, cy, cz = slope(x + h * bx, y + h * by, z + h * bz, sigma, rho, beta)
        dx, dy, dz = slope(x + dt * cx, y + dt * cy, z + dt * cz, sigma, rho, beta)
        x = x + dt / 6.0 * (ax + 2.0 * bx + 2.0 * cx + dx)
        y = y + dt / 6.0 * (ay + 2.0 * by + 2.0 * cy + dy)
        z = z + dt / 6.0 * (az + 2.0 * bz + 2.0 * cz + dz)
    return x * x + y * y + z * z


def lorenz_jax() -> Any:
    scan = jax().lax.scan

    def program(
        x: Any, y: Any, z: Any, sigma: Any, rho: Any, beta: Any, dt: float, steps: int
    ) -> Any:
        h = 0.5 * dt

        def step(state: Any, _: Any) -> Any:
            x, y, z = state
            ax, ay, az = slope(x, y, z, sigma, rho, beta)
            bx, by, bz = slope(x + h * ax, y + h * ay, z + h * az, sigma, rho, beta)
            cx, cy, cz = slope(x + h * bx, y + h * by, z + h * bz, sigma, rho, beta)
            dx, dy, dz = slope(x + dt * cx, y + dt * cy, z + dt * cz, sigma, rho, beta)
            x = x + dt / 6.0 * (ax + 2.0 * bx + 2.0 * cx + dx)
            y = y + dt / 6.0 * (ay + 2.0 * by + 2.0 * cy + dy)
            z = z + dt / 6.0 * (az + 2.0 * bz + 2.0 * cz + dz)
            return (x, y, z), None

        x, y, z = scan(step, (x, y, z), None, length=steps)[0]
        return x * x + y * y + z * z

    return program


def fdtd(speed: Any, source: Any, recorded: Any, dt: Any) -> Any:
    """The misfit between the wave that a source makes and what was recorded along a line."""
    n = speed.shape[0]
    courant = (speed * dt) ** 2
    past = np.zeros_like(speed)
    now = np.zeros_like(speed)
    misfit = 0.0
    for t in range(len(source)):
        new = np.zeros_like(speed)
        new[1:-1, 1:-1] = (
            2.0 * now[1:-1, 1:-1] - past[1:-1, 1:-1]
            + courant[1:-1, 1:-1] * (
                now[2:, 1:-1] + now[:-2, 1:-1] + now[1:-1, 2:] + now[1:-1, :-2]
                - 4.0 * now[1:-1, 1:-1]
            )
        )  # fmt: skip
        new[n // 2, n // 2] += source[t]
        misfit += 0.5 * np.sum((new[2, :] - recorded[t]) ** 2)
        past, now = now, new
    return misfit


def fdtd_jax() -> Any:
    scan, jnp = jax().lax.scan, jax().numpy

    def program(speed: Any, source: Any, recorded: Any, dt: float) -> Any:
        n = speed.shape[0]
        courant = (speed[1:-1, 1:-1] * dt) ** 2

        def step(state: Any, given: Any) -> Any:
            past, now = state
            strength, wanted = given
            inner = (
                2.0 * now[1:-1, 1:-1] - past[1:-1, 1:-1]
                + courant * (
                    now[2:, 1:-1] + now[:-2, 1:-1] + now[1:-1, 2:] + now[1:-1, :-2]
                    - 4.0 * now[1:-1, 1:-1]
                )
            )  # fmt: skip
            new = jnp.pad(inner, 1).at[n // 2, n // 2].add(strength)
            return (now, new), 0.5 * jnp.sum((new[2, :] - wanted) ** 2)

        still = jnp.zeros_like(speed)
        return jnp.sum(scan(step, (still, still), (source, recorded))[1])

    return program


def bodies(n: int) -> tuple[Any, ...]:
    """Bodies, and steps of time."""
    mass = np.random.default_rng(3).uniform(0.5, 1.5, size=n)
    return 2.0 * normal(1, n, 3), 0.1 * normal(2, n, 3), mass, 1e-3, 10


def ground(n: int) -> tuple[Any, ...]:
    """Speeds of waves, a source, noise as a record, and a step of time."""
    speed = 1.0 + 0.2 * np.random.default_rng(1).uniform(size=(n, n))
    times = np.arange(2 * n) * 0.5
    source = np.sin(0.5 * times) * np.exp(-(((times - 10.0) / 5.0) ** 2))
    return speed, source, 0.01 * normal(2, 2 * n, n), 0.5


N_BODY = Workload(
    name="n_body",
    program=n_body,
    data=bodies,
    sizes=(5, 40, 200),
    wrt=(0, 1, 2),
    derivative=GRADIENT,
    numba=Handwritten(by_hand.n_body_loops, by_hand.n_body_gradient),
    jax=n_body_jax,
    torch=None,
    autograd=None,
    faster_than={"jax derivative": 3.0},
    within={},
)
LORENZ = Workload(
    name="lorenz",
    program=lorenz,
    data=lambda steps: (1.0, 1.0, 1.0, 10.0, 28.0, 8.0 / 3.0, 1e-4, steps),
    sizes=(100, 10_000, 100_000),
    wrt=(0, 1, 2, 3, 4, 5),
    derivative=GRADIENT,
    numba=Handwritten(by_hand.lorenz_loops, by_hand.lorenz_gradient),
    jax=lorenz_jax,
    torch=None,
    autograd=None,
    faster_than={"jax derivative": 3.0},
    within={},
)
FDTD = Workload(
    name="fdtd",
    program=fdtd,
    data=ground,
    sizes=(12, 40, 120),
    wrt=(0,),
    derivative=GRADIENT,
    numba=Handwritten(by_hand.fdtd_loops, by_hand.fdtd_gradient),
    jax=fdtd_jax,
    torch=None,
    autograd=None,
    faster_than={"jax derivative": 3.0},
    within={},
)
