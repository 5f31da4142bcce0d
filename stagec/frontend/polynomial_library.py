"""Polynomials of NumPy, written in Python and staged like the user's own code."""

# ruff: noqa: D103 (they do what NumPy's functions of these names do)
from typing import Any

import numpy as np
from numpy import polynomial as families


def polydiv_(u: Any, v: Any) -> Any:
    dividend, divisor = np.atleast_1d(u) + 0.0, np.atleast_1d(v) + 0.0
    dtype = np.result_type(dividend.dtype, divisor.dtype)
    n, m = len(divisor), len(dividend)
    rest, quotient = dividend.astype(dtype), np.zeros(max(m - n + 1, 1), dtype)
    scale = 1.0 / divisor[0]
    for k in range(m - n + 1):
        factor = scale * rest[k]
        quotient[k] = factor
        rest[k : k + n] -= factor * divisor
    first = 0  # NumPy takes what is this small for 0
    while first < m - 1 and abs(rest[first]) <= 1e-8:
        first += 1
    return quotient, rest[first:]


def polyint_(p: Any, m: Any = 1, k: Any = None) -> Any:
    given = k if isinstance(k, (tuple, list, np.ndarray)) else (k,)
    if len(given) != m and len(given) != 1:
        raise ValueError("k must be a scalar or a rank-1 array of length 1 or >m.")
    x = np.asarray(p)
    for j in range(m):
        x = np.polyint(x)
        last = np.asarray(given[j if len(given) > 1 else 0])[None]
        x = np.concatenate((x[:-1], last))
    return x


def polyfit_(
    x: Any, y: Any, deg: Any, rcond: Any = None, full: Any = False, w: Any = None,
    cov: Any = False,
) -> Any:  # fmt: skip
    if full:
        raise TypeError("polyfit: full=True is not supported")
    order, columns = deg + 1, np.vander(np.asarray(x) + 0.0, deg + 1)
    values = np.asarray(y) + 0.0
    if rcond is None:
        rcond = len(values) * np.finfo(columns.dtype).eps
    if w is not None:
        weights = np.asarray(w) + 0.0
        columns = columns * weights[:, None]
        values = values * (weights[:, None] if values.ndim == 2 else weights)
    scale = np.sqrt(np.sum(columns * columns, axis=0))
    scaled = columns / scale
    found = np.linalg.lstsq(scaled, values, rcond)[0]
    fit = (found.T / scale).T
    if cov is False:
        return fit
    spread = np.linalg.inv(scaled.T @ scaled) / np.outer(scale, scale)
    if cov != "unscaled":
        if len(values) <= order:
            raise ValueError(
                "the number of data points must exceed order to scale the covariance matrix"
            )
        steps = values - scaled @ found
        factor = np.sum(steps * steps, axis=0) / (len(values) - order)
        spread = spread * factor if values.ndim == 1 else spread[:, :, None] * factor
    return fit, spread


def weighted(c: Any, x: Any, tensor: Any, start: Any, step: Any) -> Any:
    """The sum of `c[k] * p[k](x)` by Clenshaw's rule.

    `start` is p[1]; `step` has the factors of p[k] and p[k - 1] in p[k + 1].
    """
    c = np.atleast_1d(c)
    if c.dtype.kind in "biu":
        c = c + 0.0
    if isinstance(x, (tuple, list)):
        x = np.asarray(x)
    if tensor and isinstance(x, np.ndarray):
        c = c.reshape(c.shape + (1,) * x.ndim)
    n = len(c)
    if n == 1:
        return c[0] + x * 0
    high, low = c[n - 1] * 0 + x * 0, c[n - 1] + x * 0
    for back in range(2, n):
        k = n - back
        a, _ = step(x, k)
        _, b = step(x, k + 1)
        high, low = low, c[k] + a * low + b * high
    return c[0] + start(x) * low + step(x, 1)[1] * high


def powers(x: Any, k: Any) -> Any:
    return x, 0.0


def chebyshev(x: Any, k: Any) -> Any:
    return 2 * x, -1.0


def legendre(x: Any, k: Any) -> Any:
    return (2 * k + 1) / (k + 1) * x, -k / (k + 1)


def hermite(x: Any, k: Any) -> Any:
    return 2 * x, -2.0 * k


def hermite_e(x: Any, k: Any) -> Any:
    return x, -1.0 * k


def laguerre(x: Any, k: Any) -> Any:
    return (2 * k + 1 - x) / (k + 1), -k / (k + 1)


def polyval_(x: Any, c: Any, tensor: Any = True) -> Any:
    return weighted(c, x, tensor, lambda x: x, powers)


def chebval_(x: Any, c: Any, tensor: Any = True) -> Any:
    return weighted(c, x, tensor, lambda x: x, chebyshev)


def legval_(x: Any, c: Any, tensor: Any = True) -> Any:
    return weighted(c, x, tensor, lambda x: x, legendre)


def hermval_(x: Any, c: Any, tensor: Any = True) -> Any:
    return weighted(c, x, tensor, lambda x: 2 * x, hermite)


def hermeval_(x: Any, c: Any, tensor: Any = True) -> Any:
    return weighted(c, x, tensor, lambda x: x, hermite_e)


def lagval_(x: Any, c: Any, tensor: Any = True) -> Any:
    return weighted(c, x, tensor, lambda x: 1 - x, laguerre)


STAGED: dict[Any, Any] = {
    np.polydiv: polydiv_, families.polynomial.polyval: polyval_,
    families.chebyshev.chebval: chebval_, families.legendre.legval: legval_,
    families.hermite.hermval: hermval_, families.hermite_e.hermeval: hermeval_,
    families.laguerre.lagval: lagval_,
}  # fmt: skip
