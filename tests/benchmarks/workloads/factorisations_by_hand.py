"""Value and gradient of the factorisations as loops by hand: what the machine allows."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.benchmarks.workload import loops


@loops
def cholesky_loops(a: Any) -> Any:
    return _factorised(a.copy())


@loops
def _factorised(a: Any) -> Any:
    """Put the Cholesky factor below the diagonal; the logarithm of the determinant."""
    n = a.shape[0]
    value = 0.0
    for j in range(n):
        square = a[j, j]
        for k in range(j):
            square -= a[j, k] * a[j, k]
        a[j, j] = np.sqrt(square)
        value += 2.0 * np.log(a[j, j])
        for i in range(j + 1, n):
            t = a[i, j]
            for k in range(j):
                t -= a[i, k] * a[j, k]
            a[i, j] = t / a[j, j]
    return value


@loops
def cholesky_gradient(a: Any) -> Any:
    """Reference: Murray (2016), Differentiation of the Cholesky decomposition, section 4.1."""
    a = a.copy()
    n = a.shape[0]
    value = _factorised(a)
    bar = np.zeros((n, n))
    for j in range(n - 1, -1, -1):
        scale = 1.0 / a[j, j]
        bar[j, j] += 2.0 * scale
        for i in range(j + 1, n):
            t = bar[i, j] * scale
            bar[i, j] = t
            bar[j, j] -= t * a[i, j]
            for k in range(j):
                bar[i, k] -= t * a[j, k]
                bar[j, k] -= t * a[i, k]
        t = bar[j, j] * scale
        for k in range(j):
            bar[j, k] -= t * a[j, k]
        bar[j, j] = 0.5 * t
    return value, bar


@loops
def lu_loops(a: Any) -> Any:
    a = a.copy()
    n = a.shape[0]
    total = 0.0
    for k in range(n):
        total += np.log(abs(a[k, k]))
        for i in range(k + 1, n):
            factor = a[i, k] / a[k, k]
            for j in range(k + 1, n):
                a[i, j] -= factor * a[k, j]
    return total


@loops
def lu_gradient(a: Any) -> Any:
    a = a.copy()
    n = a.shape[0]
    value = 0.0
    for k in range(n):
        value += np.log(abs(a[k, k]))
        scale = 1.0 / a[k, k]
        for i in range(k + 1, n):
            factor = a[i, k] * scale
            a[i, k] = factor
            for j in range(k + 1, n):
                a[i, j] -= factor * a[k, j]
    bar = np.zeros((n, n))
    for k in range(n - 1, -1, -1):
        scale = 1.0 / a[k, k]
        bar[k, k] += scale
        for i in range(k + 1, n):
            factor = a[i, k]
            t = bar[i, k]
            for j in range(k + 1, n):
                t -= bar[i, j] * a[k, j]
                bar[k, j] -= bar[i, j] * factor
            bar[i, k] = t * scale
            bar[k, k] -= t * scale * factor
    return value, bar


@loops
def triangular_solve_loops(lower: Any, b: Any) -> Any:
    x = b.copy()
    total = 0.0
    for i in range(len(b)):
        t = x[i]
        for j in range(i):
            t -= lower[i, j] * x[j]
        x[i] = t / lower[i, i]
        total += x[i] * x[i]
    return 0.5 * total


@loops
def triangular_solve_gradient(lower: Any, b: Any) -> Any:
    n = len(b)
    x = b.copy()
    value = 0.0
    for i in range(n):
        t = x[i]
        for j in range(i):
            t -= lower[i, j] * x[j]
        x[i] = t / lower[i, i]
        value += x[i] * x[i]
    b_bar = x.copy()
    lower_bar = np.empty((n, n))
    for i in range(n - 1, -1, -1):
        lower_bar[i] = 0.0  # it is read again while it is in the cache
        t = b_bar[i] / lower[i, i]
        b_bar[i] = t
        for j in range(i):
            b_bar[j] -= t * lower[i, j]
            lower_bar[i, j] -= t * x[j]
        lower_bar[i, i] = -t * x[i]
    return 0.5 * value, lower_bar, b_bar


@loops
def gram_schmidt_loops(a: Any) -> Any:
    q = a.T.copy()  # one column after the other
    n, m = q.shape
    total = 0.0
    for k in range(n):
        square = 0.0
        for i in range(m):
            square += q[k, i] * q[k, i]
        total += square
        scale = 1.0 / np.sqrt(square)
        for i in range(m):
            q[k, i] *= scale
            total += q[k, i] ** 3
        for j in range(k + 1, n):
            product = 0.0
            for i in range(m):
                product += q[k, i] * q[j, i]
            total += product * product
            for i in range(m):
                q[j, i] -= product * q[k, i]
    return total


@loops
def _orthogonalised(q: Any, r: Any) -> Any:
    """Make the rows orthonormal, keep the factors; the value of the program."""
    n, m = q.shape
    value = 0.0
    for k in range(n):
        square = 0.0
        for i in range(m):
            square += q[k, i] * q[k, i]
        value += square
        r[k, k] = np.sqrt(square)
        scale = 1.0 / r[k, k]
        for i in range(m):
            q[k, i] *= scale
            value += q[k, i] ** 3
        for j in range(k + 1, n):
            product = 0.0
            for i in range(m):
                product += q[k, i] * q[j, i]
            r[k, j] = product
            value += product * product
            for i in range(m):
                q[j, i] -= product * q[k, i]
    return value


@loops
def gram_schmidt_gradient(a: Any) -> Any:
    """What is subtracted is added again on the way back, so that nothing is recorded."""
    q = a.T.copy()  # one column after the other
    n, m = q.shape
    r = np.zeros((n, n))
    value = _orthogonalised(q, r)
    bar, before = np.empty((n, m)), np.empty((n, m))
    for k in range(n):
        for i in range(m):
            bar[k, i] = 3.0 * q[k, i] ** 2
            before[k, i] = r[k, k] * q[k, i]  # the row when its turn comes
    for k in range(n - 1, -1, -1):
        for j in range(n - 1, k, -1):
            t = 2.0 * r[k, j]
            for i in range(m):
                t -= bar[j, i] * q[k, i]
            for i in range(m):
                before[j, i] += r[k, j] * q[k, i]
                bar[k, i] += t * before[j, i] - r[k, j] * bar[j, i]
                bar[j, i] += t * q[k, i]
        t = 0.0
        for i in range(m):
            t += bar[k, i] * q[k, i]
        scale = 1.0 / r[k, k]
        t = 2.0 * r[k, k] - t * scale
        for i in range(m):
            bar[k, i] = bar[k, i] * scale + t * q[k, i]
    return value, bar.T.copy()


@loops
def levinson_durbin_loops(r: Any) -> Any:
    n = len(r) - 1
    a = np.zeros(n + 1)
    a[0] = 1.0
    error = r[0]
    for m in range(1, n + 1):
        k = r[m]
        for i in range(1, m):
            k += a[i] * r[m - i]
        k /= -error
        for i in range(1, (m + 1) // 2):
            low, high = a[i], a[m - i]
            a[i] = low + k * high
            a[m - i] = high + k * low
        if m % 2 == 0:
            a[m // 2] *= 1.0 + k
        a[m] = k
        error *= 1.0 - k * k
    total = 0.0
    for i in range(n + 1):
        total += a[i] * a[i]
    return error + total


@loops
def levinson_durbin_gradient(r: Any) -> Any:
    n = len(r) - 1
    a = np.empty((n + 1, n))  # the coefficients of each order, but the one at zero
    errors, ks = np.empty(n + 1), np.empty(n + 1)
    errors[0] = r[0]
    one, two = np.uint64(1), np.uint64(2)  # what may be negative is not loaded as a vector
    for order in range(1, n + 1):
        m = np.uint64(order)
        old, new, last = a[m - one], a[m], m - two
        k = r[m]
        for i in range(m - one):
            k += old[i] * r[m - one - i]
        k /= -errors[m - one]
        for i in range(m - one):
            new[i] = old[i] + k * old[last - i]
        new[m - one] = k
        ks[m] = k
        errors[m] = errors[m - one] * (1.0 - k * k)
    value = errors[n] + 1.0
    bar, new_bar = np.empty(n), np.empty(n)
    for i in range(n):
        value += a[n, i] * a[n, i]
        bar[i] = 2.0 * a[n, i]
    r_bar = np.zeros(n + 1)
    error_bar = 1.0
    for order in range(n, 0, -1):
        m = np.uint64(order)
        old, last, error, k = a[m - one], m - two, errors[m - one], ks[m]
        k_bar = bar[m - one] - 2.0 * k * error * error_bar
        for i in range(m - one):
            k_bar += bar[i] * old[last - i]
        error_bar = error_bar * (1.0 - k * k) - k_bar * k / error
        t = -k_bar / error
        r_bar[m] += t
        for i in range(m - one):
            new_bar[i] = bar[i] + k * bar[last - i] + t * r[m - one - i]
            r_bar[i + one] += t * old[last - i]
        bar, new_bar = new_bar, bar
    r_bar[0] += error_bar
    return value, r_bar
