"""Gradients of numbers: Newton's method with a branch, Rosenbrock's function."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.benchmarks.workload import (
    GRADIENT,
    Handwritten,
    Workload,
    jax,
    loops,
    normal,
    torch,
    with_autograd,
    with_jax,
)


def kepler(m: Any, e: Any) -> Any:
    """The eccentric anomaly by Newton's method; large steps are cut."""
    x = np.pi if e > 0.8 else m
    step = 1.0
    while abs(step) > 1e-12:
        step = (x - e * np.sin(x) - m) / (1.0 - e * np.cos(x))
        if abs(step) > 1.0:
            step = step / abs(step)
        x = x - step
    return x


@loops
def kepler_gradient(m: Any, e: Any) -> Any:
    x, x_m, x_e = (np.pi, 0.0, 0.0) if e > 0.8 else (m, 1.0, 0.0)
    step = 1.0
    while abs(step) > 1e-12:
        sine, cosine = np.sin(x), np.cos(x)
        slope = 1.0 - e * cosine
        step = (x - e * sine - m) / slope
        if abs(step) > 1.0:
            step = step / abs(step)
        else:
            step_x = 1.0 - step * e * sine / slope
            x_e -= step_x * x_e + (step * cosine - sine) / slope
            x_m -= step_x * x_m - 1.0 / slope
        x = x - step
    return x, x_m, x_e


def kepler_jax() -> Any:
    lax, jnp = jax().lax, jax().numpy

    def program(m: Any, e: Any) -> Any:
        def trip(carry: Any, _: Any) -> Any:
            x, done = carry
            step = (x - e * jnp.sin(x) - m) / (1.0 - e * jnp.cos(x))
            step = jnp.where(jnp.abs(step) > 1.0, jnp.sign(step), step)
            # a loop that ends when it likes has no reverse derivative in JAX
            return (jnp.where(done, x, x - step), done | (jnp.abs(step) <= 1e-12)), None

        start = (jnp.where(e > 0.8, jnp.pi, m), False)
        return lax.scan(trip, start, None, length=50)[0][0]

    return program


def kepler_torch() -> Any:
    t = torch()

    def program(m: Any, e: Any) -> Any:
        x = m * 0.0 + np.pi if e > 0.8 else m
        step = 1.0
        while abs(step) > 1e-12:
            step = (x - e * t.sin(x) - m) / (1.0 - e * t.cos(x))
            if abs(step) > 1.0:
                step = step / abs(step)
            x = x - step
        return x

    return program


def rosenbrock(x: Any, y: Any) -> Any:
    return (1.0 - x) ** 2 + 100.0 * (y - x * x) ** 2


@loops
def rosenbrock_gradient(x: Any, y: Any) -> Any:
    a, b = 1.0 - x, y - x * x
    return a * a + 100.0 * b * b, -2.0 * a - 400.0 * b * x, 200.0 * b


def rosenbrock_chain(x: Any) -> Any:
    """The function of many variables, as a loop."""
    total = 0.0
    for i in range(len(x) - 1):
        total += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return total


@loops
def rosenbrock_chain_gradient(x: Any) -> Any:
    total = 0.0
    slope = np.zeros_like(x)
    for i in range(len(x) - 1):
        a, b = 1.0 - x[i], x[i + 1] - x[i] * x[i]
        total += 100.0 * b * b + a * a
        slope[i] += -2.0 * a - 400.0 * b * x[i]
        slope[i + 1] += 200.0 * b
    return total, slope


def rosenbrock_chain_slices(x: Any) -> Any:
    """The same for those who are slow in loops."""
    return (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum()


KEPLER = Workload(
    name="kepler",
    program=kepler,
    data=lambda n: (0.8, 1.0 - 0.5**n),  # the larger, the more steps
    sizes=(1, 4, 8),
    wrt=(0, 1),
    derivative=GRADIENT,
    numba=Handwritten(loops(kepler), kepler_gradient),
    jax=kepler_jax,
    torch=kepler_torch,
    autograd=with_autograd(kepler),
    faster_than={"jax derivative": 3.0},
    within={"bare derivative / numba derivative": 1.5},
)
ROSENBROCK = Workload(
    name="rosenbrock",
    program=rosenbrock,
    data=lambda n: (0.3 * n, 0.7),
    sizes=(1, 2, 3),
    wrt=(0, 1),
    derivative=GRADIENT,
    numba=Handwritten(loops(rosenbrock), rosenbrock_gradient),
    jax=with_jax(rosenbrock),
    torch=lambda: rosenbrock,
    autograd=with_autograd(rosenbrock),
    faster_than={"jax derivative": 3.0},
    within={"bare derivative / numba derivative": 1.5},
)
ROSENBROCK_CHAIN = Workload(
    name="rosenbrock_chain",
    program=rosenbrock_chain,
    data=lambda n: (normal(1, n),),
    sizes=(10, 1_000, 100_000),
    wrt=(0,),
    derivative=GRADIENT,
    numba=Handwritten(loops(rosenbrock_chain), rosenbrock_chain_gradient),
    jax=lambda: rosenbrock_chain_slices,
    torch=lambda: rosenbrock_chain_slices,
    autograd=with_autograd(rosenbrock_chain_slices),
    faster_than={"jax derivative": 3.0},
    within={"bare derivative / numba derivative": 1.5},
)
