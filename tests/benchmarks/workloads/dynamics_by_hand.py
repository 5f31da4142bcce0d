"""Value and gradient of the systems in time as loops by hand: what the machine allows."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.benchmarks.workload import loops


@loops
def _accelerations(x: Any, mass: Any, a: Any) -> None:
    n = len(mass)
    a[:] = 0.0
    for i in range(n):
        for j in range(i):
            dx, dy, dz = x[j, 0] - x[i, 0], x[j, 1] - x[i, 1], x[j, 2] - x[i, 2]
            square = dx * dx + dy * dy + dz * dz + 0.01
            pull = 1.0 / (square * np.sqrt(square))
            a[i, 0] += mass[j] * pull * dx
            a[i, 1] += mass[j] * pull * dy
            a[i, 2] += mass[j] * pull * dz
            a[j, 0] -= mass[i] * pull * dx
            a[j, 1] -= mass[i] * pull * dy
            a[j, 2] -= mass[i] * pull * dz


@loops
def n_body_loops(position: Any, velocity: Any, mass: Any, dt: Any, steps: Any) -> Any:
    x, v = position.copy(), velocity.copy()
    n = len(mass)
    a = np.empty((n, 3))
    _accelerations(x, mass, a)
    for _ in range(steps):
        for i in range(n):
            for k in range(3):
                v[i, k] += 0.5 * dt * a[i, k]
                x[i, k] += dt * v[i, k]
        _accelerations(x, mass, a)
        for i in range(n):
            for k in range(3):
                v[i, k] += 0.5 * dt * a[i, k]
    total = 0.0
    for i in range(n):
        for k in range(3):
            total += x[i, k] * x[i, k] + 0.5 * mass[i] * v[i, k] * v[i, k]
    return total


@loops
def _accelerations_adjoint(x: Any, mass: Any, a_bar: Any, x_bar: Any, mass_bar: Any) -> None:
    n = len(mass)
    for i in range(n):
        for j in range(i):
            dx, dy, dz = x[j, 0] - x[i, 0], x[j, 1] - x[i, 1], x[j, 2] - x[i, 2]
            square = dx * dx + dy * dy + dz * dz + 0.01
            pull = 1.0 / (square * np.sqrt(square))
            on_i = a_bar[i, 0] * dx + a_bar[i, 1] * dy + a_bar[i, 2] * dz
            on_j = a_bar[j, 0] * dx + a_bar[j, 1] * dy + a_bar[j, 2] * dz
            mass_bar[j] += pull * on_i
            mass_bar[i] -= pull * on_j
            t = -3.0 * pull / square * (mass[j] * on_i - mass[i] * on_j)
            for k in range(3):
                change = pull * (mass[j] * a_bar[i, k] - mass[i] * a_bar[j, k])
                change += t * (x[j, k] - x[i, k])
                x_bar[j, k] += change
                x_bar[i, k] -= change


@loops
def n_body_gradient(position: Any, velocity: Any, mass: Any, dt: Any, steps: Any) -> Any:
    """Only the positions of each step are recorded."""
    n = len(mass)
    places = np.empty((steps + 1, n, 3))
    v, a = velocity.copy(), np.empty((n, 3))
    places[0] = position
    _accelerations(places[0], mass, a)
    for t in range(steps):
        x, new = places[t], places[t + 1]
        for i in range(n):
            for k in range(3):
                v[i, k] += 0.5 * dt * a[i, k]
                new[i, k] = x[i, k] + dt * v[i, k]
        _accelerations(new, mass, a)
        for i in range(n):
            for k in range(3):
                v[i, k] += 0.5 * dt * a[i, k]
    x = places[steps]
    value = 0.0
    x_bar, v_bar, a_bar = np.empty((n, 3)), np.empty((n, 3)), np.empty((n, 3))
    mass_bar = np.zeros(n)
    for i in range(n):
        for k in range(3):
            value += x[i, k] * x[i, k] + 0.5 * mass[i] * v[i, k] * v[i, k]
            mass_bar[i] += 0.5 * v[i, k] * v[i, k]
            x_bar[i, k] = 2.0 * x[i, k]
            v_bar[i, k] = mass[i] * v[i, k]
            a_bar[i, k] = 0.5 * dt * v_bar[i, k]
    for t in range(steps, 0, -1):
        _accelerations_adjoint(places[t], mass, a_bar, x_bar, mass_bar)
        share = 0.5 if t == 1 else 1.0  # the first accelerations push once, others twice
        for i in range(n):
            for k in range(3):
                v_bar[i, k] += dt * x_bar[i, k]
                a_bar[i, k] = share * dt * v_bar[i, k]
    _accelerations_adjoint(places[0], mass, a_bar, x_bar, mass_bar)
    return value, x_bar, v_bar, mass_bar


@loops
def _slope(x: Any, y: Any, z: Any, sigma: Any, rho: Any, beta: Any) -> Any:
    return sigma * (y - x), x * (rho - z) - y, x * y - beta * z


@loops
def lorenz_loops(
    x: Any, y: Any, z: Any, sigma: Any, rho: Any, beta: Any, dt: Any, steps: Any
) -> Any:
    h = 0.5 * dt
    for _ in range(steps):
        ax, ay, az = _slope(x, y, z, sigma, rho, beta)
        bx, by, bz = _slope(x + h * ax, y + h * ay, z + h * az, sigma, rho, beta)
        cx, cy, cz = _slope(x + h * bx, y + h * by, z + h * bz, sigma, rho, beta)
        dx, dy, dz = _slope(x + dt * cx, y + dt * cy, z + dt * cz, sigma, rho, beta)
        x += dt / 6.0 * (ax + 2.0 * bx + 2.0 * cx + dx)
        y += dt / 6.0 * (ay + 2.0 * by + 2.0 * cy + dy)
        z += dt / 6.0 * (az + 2.0 * bz + 2.0 * cz + dz)
    return x * x + y * y + z * z


@loops
def _slope_adjoint(
    x: Any, y: Any, z: Any, sigma: Any, rho: Any, beta: Any, a: Any, b: Any, c: Any
) -> Any:
    return (
        b * (rho - z) - sigma * a + c * y, sigma * a - b + c * x, -b * x - c * beta,
        a * (y - x), b * x, -c * z,
    )  # fmt: skip


@loops
def lorenz_gradient(
    x: Any, y: Any, z: Any, sigma: Any, rho: Any, beta: Any, dt: Any, steps: Any
) -> Any:
    """Every state is recorded, its slopes are found again."""
    h, sixth = 0.5 * dt, dt / 6.0
    states = np.empty((steps, 3))
    for t in range(steps):
        states[t, 0], states[t, 1], states[t, 2] = x, y, z
        ax, ay, az = _slope(x, y, z, sigma, rho, beta)
        bx, by, bz = _slope(x + h * ax, y + h * ay, z + h * az, sigma, rho, beta)
        cx, cy, cz = _slope(x + h * bx, y + h * by, z + h * bz, sigma, rho, beta)
        dx, dy, dz = _slope(x + dt * cx, y + dt * cy, z + dt * cz, sigma, rho, beta)
        x += sixth * (ax + 2.0 * bx + 2.0 * cx + dx)
        y += sixth * (ay + 2.0 * by + 2.0 * cy + dy)
        z += sixth * (az + 2.0 * bz + 2.0 * cz + dz)
    value = x * x + y * y + z * z
    u, v, w = 2.0 * x, 2.0 * y, 2.0 * z
    sigma_bar = rho_bar = beta_bar = 0.0
    for t in range(steps - 1, -1, -1):
        x, y, z = states[t, 0], states[t, 1], states[t, 2]
        ax, ay, az = _slope(x, y, z, sigma, rho, beta)
        bx, by, bz = _slope(x + h * ax, y + h * ay, z + h * az, sigma, rho, beta)
        cx, cy, cz = _slope(x + h * bx, y + h * by, z + h * bz, sigma, rho, beta)
        du, dv, dw, ds, dr, db = _slope_adjoint(
            x + dt * cx, y + dt * cy, z + dt * cz, sigma, rho, beta,
            sixth * u, sixth * v, sixth * w,
        )  # fmt: skip
        cu, cv, cw, cs, cr, cb = _slope_adjoint(
            x + h * bx, y + h * by, z + h * bz, sigma, rho, beta,
            2.0 * sixth * u + dt * du, 2.0 * sixth * v + dt * dv, 2.0 * sixth * w + dt * dw,
        )  # fmt: skip
        bu, bv, bw, bs, br, bb = _slope_adjoint(
            x + h * ax, y + h * ay, z + h * az, sigma, rho, beta,
            2.0 * sixth * u + h * cu, 2.0 * sixth * v + h * cv, 2.0 * sixth * w + h * cw,
        )  # fmt: skip
        au, av, aw, s, r, b = _slope_adjoint(
            x, y, z, sigma, rho, beta,
            sixth * u + h * bu, sixth * v + h * bv, sixth * w + h * bw,
        )  # fmt: skip
        u += au + bu + cu + du
        v += av + bv + cv + dv
        w += aw + bw + cw + dw
        sigma_bar += s + bs + cs + ds
        rho_bar += r + br + cr + dr
        beta_bar += b + bb + cb + db
    return value, u, v, w, sigma_bar, rho_bar, beta_bar


@loops
def _wave_step(courant: Any, past: Any, now: Any, new: Any) -> None:
    n, m = courant.shape
    for i in range(1, n - 1):
        for j in range(1, m - 1):
            new[i, j] = (
                2.0 * now[i, j] - past[i, j]
                + courant[i, j] * (
                    now[i + 1, j] + now[i - 1, j] + now[i, j + 1] + now[i, j - 1]
                    - 4.0 * now[i, j]
                )
            )  # fmt: skip


@loops
def fdtd_loops(speed: Any, source: Any, recorded: Any, dt: Any) -> Any:
    n, m = speed.shape
    courant = (speed * dt) ** 2
    past, now = np.zeros_like(speed), np.zeros_like(speed)
    misfit = 0.0
    for t in range(len(source)):
        _wave_step(courant, past, now, past)
        past[n // 2, n // 2] += source[t]
        for j in range(m):
            misfit += 0.5 * (past[2, j] - recorded[t, j]) ** 2
        past, now = now, past
    return misfit


@loops
def fdtd_gradient(speed: Any, source: Any, recorded: Any, dt: Any) -> Any:
    """The waves of all times are recorded."""
    n, m = speed.shape
    courant = (speed * dt) ** 2
    waves = np.zeros((len(source) + 2, n, m))
    value = 0.0
    for t in range(len(source)):
        new = waves[t + 2]
        _wave_step(courant, waves[t], waves[t + 1], new)
        new[n // 2, n // 2] += source[t]
        for j in range(m):
            value += 0.5 * (new[2, j] - recorded[t, j]) ** 2
    past_bar, now_bar, flow = np.zeros((n, m)), np.zeros((n, m)), np.zeros((n, m))
    bar = np.zeros((n, m))
    for t in range(len(source) - 1, -1, -1):
        now = waves[t + 1]
        for j in range(m):
            now_bar[2, j] += waves[t + 2, 2, j] - recorded[t, j]
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                bar[i, j] += now_bar[i, j] * (
                    now[i + 1, j] + now[i - 1, j] + now[i, j + 1] + now[i, j - 1]
                    - 4.0 * now[i, j]
                )  # fmt: skip
                flow[i, j] = courant[i, j] * now_bar[i, j]
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                past_bar[i, j] += 2.0 * now_bar[i, j] + (
                    flow[i + 1, j] + flow[i - 1, j] + flow[i, j + 1] + flow[i, j - 1]
                    - 4.0 * flow[i, j]
                )  # fmt: skip
                now_bar[i, j] = -now_bar[i, j]
        past_bar, now_bar = now_bar, past_bar
    for i in range(n):
        for j in range(m):
            bar[i, j] *= 2.0 * speed[i, j] * dt * dt
    return value, bar
