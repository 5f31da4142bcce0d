"""Value and gradient of the sweeps over grids as loops by hand: what the machine allows."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.benchmarks.workload import loops


@loops
def _half_square(u: Any) -> Any:
    total = 0.0
    for i in range(u.size):
        total += u[i] * u[i]
    return 0.5 * total


@loops
def gauss_seidel_loops(u: Any, f: Any, sweeps: Any) -> Any:
    u = u.copy()
    n, m = u.shape
    for _ in range(sweeps):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                u[i, j] = 0.25 * (
                    u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] - f[i, j]
                )
    return _half_square(u.ravel())


@loops
def gauss_seidel_gradient(u: Any, f: Any, sweeps: Any) -> Any:
    n, m = u.shape
    u_bar = u.copy()
    f_bar = np.zeros_like(f)
    for _ in range(sweeps):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                u_bar[i, j] = 0.25 * (
                    u_bar[i - 1, j] + u_bar[i + 1, j] + u_bar[i, j - 1] + u_bar[i, j + 1]
                    - f[i, j]
                )  # fmt: skip
    value = _half_square(u_bar.ravel())
    for _ in range(sweeps):
        for i in range(n - 2, 0, -1):
            for j in range(m - 2, 0, -1):
                t = 0.25 * u_bar[i, j]
                u_bar[i, j] = 0.0
                f_bar[i, j] -= t
                u_bar[i - 1, j] += t
                u_bar[i + 1, j] += t
                u_bar[i, j - 1] += t
                u_bar[i, j + 1] += t
    return value, u_bar, f_bar


@loops
def _jacobi_step(a: Any, b: Any) -> None:
    n, m = a.shape
    for i in range(1, n - 1):
        for j in range(1, m - 1):
            b[i, j] = 0.2 * (a[i, j] + a[i, j - 1] + a[i, j + 1] + a[i + 1, j] + a[i - 1, j])


@loops
def jacobi_2d_loops(a: Any, b: Any, steps: Any) -> Any:
    a, b = a.copy(), b.copy()
    for _ in range(steps):
        _jacobi_step(a, b)
        _jacobi_step(b, a)
    return _half_square(a.ravel())


@loops
def _jacobi_adjoint(inner: Any, a_bar: Any) -> None:
    """Add the adjoint of a half step, given as the inner part between two edges of zeros."""
    n, m = a_bar.shape
    for i in range(n):
        for j in range(m):
            a_bar[i, j] += 0.2 * (
                inner[i + 1, j + 1] + inner[i + 1, j] + inner[i + 1, j + 2]
                + inner[i, j + 1] + inner[i + 2, j + 1]
            )  # fmt: skip


@loops
def _taken(a_bar: Any, inner: Any) -> None:
    """Move the inner part of an adjoint between two edges of zeros."""
    n, m = a_bar.shape
    for i in range(1, n - 1):
        for j in range(1, m - 1):
            inner[i + 1, j + 1] = a_bar[i, j]
            a_bar[i, j] = 0.0


@loops
def jacobi_2d_gradient(a: Any, b: Any, steps: Any) -> Any:
    a, b = a.copy(), b.copy()
    n, m = a.shape
    for _ in range(steps):
        _jacobi_step(a, b)
        _jacobi_step(b, a)
    value = _half_square(a.ravel())
    b_bar, inner = np.zeros((n, m)), np.zeros((n + 2, m + 2))
    for _ in range(steps):
        _taken(a, inner)
        _jacobi_adjoint(inner, b_bar)
        _taken(b_bar, inner)
        _jacobi_adjoint(inner, a)
    return value, a, b_bar


@loops
def _heat_step(u: Any, v: Any, rate: Any) -> None:
    n, m, k = u.shape
    for x in range(1, n - 1):
        for y in range(1, m - 1):
            for z in range(1, k - 1):
                v[x, y, z] = u[x, y, z] + rate * (
                    u[x + 1, y, z] + u[x - 1, y, z] + u[x, y + 1, z] + u[x, y - 1, z]
                    + u[x, y, z + 1] + u[x, y, z - 1] - 6.0 * u[x, y, z]
                )  # fmt: skip


@loops
def heat_3d_loops(u: Any, rate: Any, steps: Any) -> Any:
    u, v = u.copy(), u.copy()
    for _ in range(steps):
        _heat_step(u, v, rate)
        u, v = v, u
    return _half_square(u.ravel())


@loops
def heat_3d_gradient(u: Any, rate: Any, steps: Any) -> Any:
    """The step is symmetric inside; the edges collect what flows to them, and stay."""
    u, v = u.copy(), u.copy()
    n, m, k = u.shape
    for _ in range(steps):
        _heat_step(u, v, rate)
        u, v = v, u
    value = _half_square(u.ravel())
    edge = u.copy()  # the adjoint of the edges, apart from zeros in their place
    edge[1:-1, 1:-1, 1:-1] = 0.0
    u -= edge
    v[:] = 0.0
    for _ in range(steps):
        for y in range(1, m - 1):
            for z in range(1, k - 1):
                edge[0, y, z] += rate * u[1, y, z]
                edge[n - 1, y, z] += rate * u[n - 2, y, z]
        for x in range(1, n - 1):
            for z in range(1, k - 1):
                edge[x, 0, z] += rate * u[x, 1, z]
                edge[x, m - 1, z] += rate * u[x, m - 2, z]
            for y in range(1, m - 1):
                edge[x, y, 0] += rate * u[x, y, 1]
                edge[x, y, k - 1] += rate * u[x, y, k - 2]
        _heat_step(u, v, rate)
        u, v = v, u
    u += edge
    return value, u


@loops
def upwind_loops(q: Any, speed: Any, steps: Any) -> Any:
    q, new = q.copy(), q.copy()
    right = np.maximum(speed, 0.0)
    left = np.minimum(speed, 0.0)
    for _ in range(steps):
        for i in range(1, q.size - 1):
            new[i] = q[i] - right[i] * (q[i] - q[i - 1]) - left[i] * (q[i + 1] - q[i])
        q, new = new, q
    return _half_square(q)


@loops
def upwind_gradient(q: Any, speed: Any, steps: Any) -> Any:
    """Each step back is one loop: what a cell gets comes from the cells beside it."""
    n = q.size
    right, left = np.zeros(n), np.zeros(n)  # nothing moves at the ends
    for i in range(1, n - 1):
        right[i], left[i] = max(speed[i], 0.0), min(speed[i], 0.0)
    states = np.empty((steps + 1, n))
    states[0] = q
    for t in range(steps):
        q, new = states[t], states[t + 1]
        new[0], new[n - 1] = q[0], q[n - 1]
        for i in range(1, n - 1):
            new[i] = q[i] - right[i] * (q[i] - q[i - 1]) - left[i] * (q[i + 1] - q[i])
    value = _half_square(states[steps])
    bar, new = states[steps].copy(), np.empty(n)
    speed_bar = np.zeros(n)
    for t in range(steps - 1, -1, -1):
        q = states[t]
        for i in range(1, n - 1):
            step = q[i] - q[i - 1] if right[i] > 0.0 else q[i + 1] - q[i]
            speed_bar[i] -= bar[i] * step
            new[i] = (
                bar[i] * (1.0 - right[i] + left[i])
                + right[i + 1] * bar[i + 1] - left[i - 1] * bar[i - 1]
            )  # fmt: skip
        new[0] = bar[0] + right[1] * bar[1]
        new[n - 1] = bar[n - 1] - left[n - 2] * bar[n - 2]
        bar, new = new, bar
    return value, bar, speed_bar


@loops
def _adi_factors(n: Any, s: Any) -> Any:
    c, pivot = np.zeros(n), np.ones(n)
    for j in range(1, n - 1):
        pivot[j] = 1.0 / (1.0 + 2.0 * s + s * c[j - 1])
        c[j] = -s * pivot[j]
    return c, pivot


@loops
def _adi_step(u: Any, v: Any, d: Any, row: Any, c: Any, pivot: Any, s: Any) -> None:
    n, middle = u.shape[0], 1.0 - 2.0 * s
    for i in range(1, n - 1):
        for j in range(1, n - 1):
            right = s * u[i - 1, j] + middle * u[i, j] + s * u[i + 1, j]
            row[j] = (right + s * row[j - 1]) * pivot[j]
        for j in range(n - 2, 0, -1):
            v[i, j] = row[j] - c[j] * v[i, j + 1]
    for i in range(1, n - 1):
        for j in range(1, n - 1):
            right = s * v[i, j - 1] + middle * v[i, j] + s * v[i, j + 1]
            d[i, j] = (right + s * d[i - 1, j]) * pivot[i]
    for i in range(n - 2, 0, -1):
        for j in range(1, n - 1):
            u[i, j] = d[i, j] - c[i] * u[i + 1, j]


@loops
def adi_loops(u: Any, rate: Any, steps: Any) -> Any:
    n = u.shape[0]
    s = 0.5 * rate
    c, pivot = _adi_factors(n, s)
    u, v, d, row = u.copy(), np.zeros((n, n)), np.zeros((n, n)), np.zeros(n)
    for _ in range(steps):
        _adi_step(u, v, d, row, c, pivot, s)
    return _half_square(u.ravel())


@loops
def _along_columns(
    u_bar: Any, v_bar: Any, d_bar: Any, below: Any, c: Any, pivot: Any, s: Any
) -> None:
    """The adjoint of the second half of a step: from u to v."""
    n, middle = u_bar.shape[0], 1.0 - 2.0 * s
    below[:] = 0.0
    for i in range(1, n - 1):
        for j in range(1, n - 1):
            t = u_bar[i, j] + below[j]
            d_bar[i, j] = t
            below[j] = -c[i] * t
    for j in range(1, n - 1):
        u_bar[n - 1, j] += below[j]
    below[:] = 0.0
    for i in range(n - 2, 0, -1):
        for j in range(1, n - 1):
            t = (d_bar[i, j] + below[j]) * pivot[i]
            d_bar[i, j] = t
            below[j] = s * t
    for i in range(1, n - 1):
        d_bar[i, 0], d_bar[i, n - 1] = 0.0, 0.0
        for j in range(1, n - 1):
            v_bar[i, j] = s * (d_bar[i, j - 1] + d_bar[i, j + 1]) + middle * d_bar[i, j]


@loops
def _along_rows(u_bar: Any, v_bar: Any, row: Any, c: Any, pivot: Any, s: Any) -> None:
    """The adjoint of the first half of a step: from v to u."""
    n, middle = u_bar.shape[0], 1.0 - 2.0 * s
    for i in range(1, n - 1):
        t = 0.0
        for j in range(1, n - 1):
            t = v_bar[i, j] - c[j - 1] * t
            row[j] = t
        t = 0.0
        for j in range(n - 2, 0, -1):
            t = (row[j] + s * t) * pivot[j]
            v_bar[i, j] = t
    v_bar[0], v_bar[n - 1] = 0.0, 0.0
    for j in range(1, n - 1):
        u_bar[0, j] += s * v_bar[1, j]
        u_bar[n - 1, j] += s * v_bar[n - 2, j]
    for i in range(1, n - 1):
        for j in range(1, n - 1):
            u_bar[i, j] = s * (v_bar[i - 1, j] + v_bar[i + 1, j]) + middle * v_bar[i, j]


@loops
def adi_gradient(u: Any, rate: Any, steps: Any) -> Any:
    """All of it is linear in u: each sweep back is the transposed one, nothing is recorded."""
    n = u.shape[0]
    s = 0.5 * rate
    c, pivot = _adi_factors(n, s)
    u, v, d, row = u.copy(), np.zeros((n, n)), np.zeros((n, n)), np.zeros(n)
    for _ in range(steps):
        _adi_step(u, v, d, row, c, pivot, s)
    value = _half_square(u.ravel())
    below = np.zeros(n)
    for _ in range(steps):
        _along_columns(u, v, d, below, c, pivot, s)
        _along_rows(u, v, row, c, pivot, s)
    return value, u
