"""Derivatives of the programs in `suite` by hand: loops for Numba."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from stagec_runtime import kernels
from tests.benchmarks.workload import loops

BLOCK = 128  # points that are computed together, so that all of their numbers stay near


@loops
def _factor(q: Any, lower: Any, c: int) -> Any:
    """The triangular matrix of a component."""
    d = q.shape[1]
    made, next_below = np.zeros((d, d)), 0
    for j in range(d):
        made[j, j] = np.exp(q[c, j])
        for i in range(j + 1, d):
            made[i, j] = lower[c, next_below]
            next_below += 1
    return made


@loops
def _known(alpha: Any, q: Any, lower: Any, n: int, m: Any, gamma: Any) -> Any:
    """The terms of the log posterior that need no points, and the sum over the weights."""
    k, d = q.shape
    top = np.max(alpha)
    total = np.sum(np.exp(alpha - top))
    nu = d + m + 1
    log_gamma = d * (d - 1) / 4 * math.log(math.pi)
    for j in range(1, d + 1):
        log_gamma += math.lgamma(nu / 2 + (1 - j) / 2)
    prior = k * (nu * d * math.log(gamma / math.sqrt(2)) - log_gamma) + m * np.sum(q)
    prior -= gamma**2 / 2 * (np.sum(np.exp(2 * q)) + np.sum(lower**2))
    return prior - n * (d / 2 * math.log(2 * math.pi) + top + math.log(total)), top, total


@njit(error_model="numpy", fastmath=False)  # as told, not as the caller
def _exponentials(shares: Any, top: Any, total: Any) -> float:
    """Exponentials in place of the shares, their sums, and the sum of the logarithms of these.

    In another order of operations `kernels.exp` is another function.
    """
    k, count = shares.shape
    for c in range(k):
        for i in range(count):
            shares[c, i] = kernels.exp(shares[c, i] - top[i])
            total[i] += shares[c, i]
    value = 0.0
    for i in range(count):
        value = kernels.plus(value, kernels.log(total[i]))
    return value


@loops
def _densities(factors: Any, base: Any, mu: Any, points: Any, z: Any, shares: Any) -> float:
    """The log likelihood of some points; fills what lies before the squares, and the shares."""
    k, d, count = z.shape
    top, total = np.full(count, -np.inf), np.zeros(count)
    for c in range(k):
        share = shares[c]
        share[:] = 0
        for r in range(d):
            row = z[c, r]
            row[:] = 0
            for j in range(r + 1):
                factor, middle, coordinate = factors[c, r, j], mu[c, j], points[j]
                for i in range(count):
                    row[i] += factor * (coordinate[i] - middle)
            for i in range(count):
                share[i] += row[i] * row[i]
        for i in range(count):
            share[i] = base[c] - 0.5 * share[i]
            top[i] = max(top[i], share[i])
    value = _exponentials(shares, top, total)
    for i in range(count):
        value += top[i]
        total[i] = 1 / total[i]
    for c in range(k):
        for i in range(count):
            shares[c, i] *= total[i]
    return value


@loops
def mixture_loops(alpha: Any, mu: Any, q: Any, lower: Any, x: Any, m: Any, gamma: Any) -> float:
    (n, d), k = x.shape, len(alpha)
    factors, base = np.empty((k, d, d)), np.empty(k)
    for c in range(k):
        factors[c] = _factor(q, lower, c)
        base[c] = alpha[c] + np.sum(q[c])
    value = _known(alpha, q, lower, n, m, gamma)[0]
    for start in range(0, n, BLOCK):
        points = x[start : start + BLOCK].T.copy()
        count = points.shape[1]
        value += _densities(
            factors, base, mu, points, np.empty((k, d, count)), np.empty((k, count))
        )
    return value


@loops
def mixture_gradient_loops(
    alpha: Any, mu: Any, q: Any, lower: Any, x: Any, m: Any, gamma: Any
) -> Any:
    (n, d), k = x.shape, len(alpha)
    factors, base = np.empty((k, d, d)), np.empty(k)
    for c in range(k):
        factors[c] = _factor(q, lower, c)
        base[c] = alpha[c] + np.sum(q[c])
    value, top, total = _known(alpha, q, lower, n, m, gamma)
    alpha_bar, mu_bar = np.zeros(k), np.zeros((k, d))
    factors_bar = np.zeros((k, d, d))
    for start in range(0, n, BLOCK):
        points = x[start : start + BLOCK].T.copy()
        count = points.shape[1]
        z, shares = np.empty((k, d, count)), np.empty((k, count))
        value += _densities(factors, base, mu, points, z, shares)
        for c in range(k):
            alpha_bar[c] += np.sum(shares[c])
            for r in range(d):
                row, whole = z[c, r], 0.0
                for i in range(count):
                    row[i] *= -shares[c, i]
                    whole += row[i]
                for j in range(r + 1):
                    coordinate, part = points[j], 0.0
                    for i in range(count):
                        part += row[i] * coordinate[i]
                    factors_bar[c, r, j] += part - whole * mu[c, j]
                    mu_bar[c, j] -= factors[c, r, j] * whole
    q_bar, lower_bar = np.empty_like(q), np.empty_like(lower)
    for c in range(k):
        next_below = 0
        for j in range(d):
            own = factors[c, j, j]
            q_bar[c, j] = factors_bar[c, j, j] * own + alpha_bar[c] + m - gamma**2 * own**2
            for i in range(j + 1, d):
                below = lower[c, next_below]
                lower_bar[c, next_below] = factors_bar[c, i, j] - gamma**2 * below
                next_below += 1
        alpha_bar[c] -= n * math.exp(alpha[c] - top) / total
    return value, alpha_bar, mu_bar, q_bar, lower_bar


@loops
def adjustment_jacobian_loops(
    cameras: Any, points: Any, weights: Any, features: Any, seen_by: Any, sees: Any
) -> Any:
    n, m, p = len(cameras), len(points), len(weights)
    rows, columns = np.empty(3 * p + 1, np.int64), np.empty(31 * p, np.int64)
    values = np.empty(31 * p)
    for i in range(2 * p):
        rows[i] = 15 * i
    for i in range(p + 1):
        rows[2 * p + i] = 30 * p + i
    for i in range(p):
        camera, point, weight = cameras[seen_by[i]], points[sees[i]], weights[i]
        y0, y1, y2 = point[0] - camera[3], point[1] - camera[4], point[2] - camera[5]
        angle = np.sqrt(camera[0] ** 2 + camera[1] ** 2 + camera[2] ** 2)
        inverse = 1 / angle
        a0, a1, a2 = camera[0] * inverse, camera[1] * inverse, camera[2] * inverse
        cos, sin = np.cos(angle), np.sin(angle)
        along = a0 * y0 + a1 * y1 + a2 * y2
        c0, c1, c2 = a1 * y2 - a2 * y1, a2 * y0 - a0 * y2, a0 * y1 - a1 * y0
        rest = 1 - cos
        s0 = y0 * cos + c0 * sin + a0 * along * rest
        s1 = y1 * cos + c1 * sin + a1 * along * rest
        near = 1 / (y2 * cos + c2 * sin + a2 * along * rest)
        plane = s0 * near, s1 * near
        square = plane[0] * plane[0] + plane[1] * plane[1]
        bent = 1 + camera[9] * square + camera[10] * square * square
        slope = 2 * camera[6] * (camera[9] + 2 * camera[10] * square)
        for row in range(2):
            here = plane[row]
            of_u = weight * slope * here * plane[0]
            of_v = weight * slope * here * plane[1]
            if row == 0:
                of_u += weight * camera[6] * bent
            else:
                of_v += weight * camera[6] * bent
            g0, g1 = of_u * near, of_v * near
            g2 = -(g0 * plane[0] + g1 * plane[1])
            across = g0 * a0 + g1 * a1 + g2 * a2
            x0 = g0 * cos + (g1 * a2 - g2 * a1) * sin + a0 * across * rest
            x1 = g1 * cos + (g2 * a0 - g0 * a2) * sin + a1 * across * rest
            x2 = g2 * cos + (g0 * a1 - g1 * a0) * sin + a2 * across * rest
            b0 = (y1 * g2 - y2 * g1) * sin + rest * (g0 * along + y0 * across)
            b1 = (y2 * g0 - y0 * g2) * sin + rest * (g1 * along + y1 * across)
            b2 = (y0 * g1 - y1 * g0) * sin + rest * (g2 * along + y2 * across)
            turn = cos * (g0 * c0 + g1 * c1 + g2 * c2) + sin * across * along
            turn -= sin * (g0 * y0 + g1 * y1 + g2 * y2)
            turn -= (b0 * a0 + b1 * a1 + b2 * a2) * inverse
            k = 30 * i + 15 * row
            values[k], values[k + 1] = b0 * inverse + turn * a0, b1 * inverse + turn * a1
            values[k + 2] = b2 * inverse + turn * a2
            values[k + 3], values[k + 4], values[k + 5] = -x0, -x1, -x2
            values[k + 6] = weight * bent * here
            values[k + 7], values[k + 8] = weight * (row == 0), weight * (row == 1)
            values[k + 9] = weight * camera[6] * square * here
            values[k + 10] = values[k + 9] * square
            values[k + 11], values[k + 12], values[k + 13] = x0, x1, x2
            error = camera[6] * bent * here + camera[7 + row] - features[i, row]
            values[k + 14] = error
            for j in range(11):
                columns[k + j] = 11 * seen_by[i] + j
            for j in range(3):
                columns[k + 11 + j] = 11 * n + 3 * sees[i] + j
            columns[k + 14] = 11 * n + 3 * m + i
        values[30 * p + i] = -2 * weight
        columns[30 * p + i] = 11 * n + 3 * m + i
    return rows, columns, values
