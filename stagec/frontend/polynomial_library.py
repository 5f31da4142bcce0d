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
    if values.ndim == 2:
        spread = spread[:, :, None]
    if cov != "unscaled":
        if len(values) <= order:
            raise ValueError(
                "the number of data points must exceed order to scale the covariance matrix"
            )
        steps = values - scaled @ found
        spread = spread * (np.sum(steps * steps, axis=0) / (len(values) - order))
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


def rows_of(x: Any, deg: Any, start: Any, step: Any) -> Any:
    """All polynomials up to the degree at `x`, along a new last axis."""
    if deg < 0:
        raise ValueError("deg must be non-negative")
    x = np.array(x, copy=None, ndmin=1) + 0.0
    rows = [x * 0 + 1, start(x)]
    for k in range(1, deg):
        a, b = step(x, k)
        rows.append(a * rows[k] + b * rows[k - 1])
    return np.stack(rows[: deg + 1], axis=-1)


def polyvander_(x: Any, deg: Any) -> Any:
    return rows_of(x, deg, lambda x: x, powers)


def chebvander_(x: Any, deg: Any) -> Any:
    return rows_of(x, deg, lambda x: x, chebyshev)


def legvander_(x: Any, deg: Any) -> Any:
    return rows_of(x, deg, lambda x: x, legendre)


def hermvander_(x: Any, deg: Any) -> Any:
    return rows_of(x, deg, lambda x: 2 * x, hermite)


def hermevander_(x: Any, deg: Any) -> Any:
    return rows_of(x, deg, lambda x: x, hermite_e)


def lagvander_(x: Any, deg: Any) -> Any:
    return rows_of(x, deg, lambda x: 1 - x, laguerre)


def fitted(vander: Any) -> Any:
    """The least-squares fit by the polynomials that `vander` gives."""

    def fit(
        x: Any, y: Any, deg: Any, rcond: Any = None, full: Any = False, w: Any = None
    ) -> Any:
        if full:
            raise TypeError("full=True is not supported")
        columns, values = vander(x, deg), np.asarray(y) + 0.0
        if rcond is None:
            rcond = len(x) * np.finfo(columns.dtype).eps
        if w is not None:
            weights = np.asarray(w) + 0.0
            columns = columns * weights[:, None]
            values = values * (weights[:, None] if values.ndim == 2 else weights)
        squares = np.sum(columns * columns, axis=0)
        scale = np.sqrt(np.where(squares == 0, 1, squares))
        return (np.linalg.lstsq(columns / scale, values, rcond)[0].T / scale).T

    return fit


def trimmed(c: Any) -> Any:
    """The coefficients up to the last that is not zero; at least one."""
    c = np.atleast_1d(c) + 0.0
    places = np.flatnonzero(c)
    return c[: places[-1] + 1] if places.size > 0 else c[:1]


def polymul_(c1: Any, c2: Any) -> Any:
    return trimmed(np.convolve(trimmed(c1), trimmed(c2)))


def polyadd_(c1: Any, c2: Any) -> Any:
    a, b = trimmed(c1), trimmed(c2)
    total = np.zeros(max(len(a), len(b)), np.result_type(a.dtype, b.dtype))
    total[: len(a)] += a
    total[: len(b)] += b
    return trimmed(total)


def polysub_(c1: Any, c2: Any) -> Any:
    return polyadd_(c1, np.negative(np.atleast_1d(c2)))


def polyder_(c: Any, m: Any = 1, scl: Any = 1, axis: Any = 0) -> Any:
    if m < 0:
        raise ValueError("The order of derivation must be non-negative")
    rows = np.moveaxis(np.array(c, copy=None, ndmin=1) + 0.0, axis, 0)
    for _ in range(m):
        n = rows.shape[0]
        factors = np.arange(1, n).reshape((-1,) + (1,) * (rows.ndim - 1)) * scl
        rows = rows[1:] * factors if n > 1 else rows[:1] * 0
    return np.moveaxis(rows, 0, axis)


def on_grid(value: Any, *points: Any) -> Any:
    """The series of several variables at points: one variable after the other."""
    *xs, c = points
    c = value(np.asarray(xs[0]), c)
    for x in xs[1:]:
        c = value(np.asarray(x), c, False)
    return c


def in_plane(value: Any) -> Any:
    def run(x: Any, y: Any, c: Any) -> Any:
        return on_grid(value, x, y, c)

    return run


def poly1d_(p: Any, val: Any) -> Any:
    return np.polyval(p.coeffs, val)


def series_(p: Any, arg: Any) -> Any:
    old, new = p.domain, p.window
    length = old[1] - old[0]
    start = (old[1] * new[0] - old[0] * new[1]) / length
    if isinstance(arg, (tuple, list)):
        arg = np.asarray(arg)
    return p._val(start + (new[1] - new[0]) / length * arg, p.coef)


# methods of NumPy's polynomials: what a call of one computes
CALLED: dict[Any, Any] = {
    np.poly1d.__call__: poly1d_, families.Polynomial.__call__: series_,
}  # fmt: skip

STAGED: dict[Any, Any] = {
    np.polydiv: polydiv_, families.polynomial.polyval: polyval_,
    families.chebyshev.chebval: chebval_, families.legendre.legval: legval_,
    families.hermite.hermval: hermval_, families.hermite_e.hermeval: hermeval_,
    families.laguerre.lagval: lagval_,
    families.polynomial.polyvander: polyvander_, families.chebyshev.chebvander: chebvander_,
    families.legendre.legvander: legvander_, families.hermite.hermvander: hermvander_,
    families.hermite_e.hermevander: hermevander_, families.laguerre.lagvander: lagvander_,
    families.polynomial.polyfit: fitted(polyvander_),
    families.chebyshev.chebfit: fitted(chebvander_),
    families.legendre.legfit: fitted(legvander_),
    families.polynomial.polymul: polymul_, families.polynomial.polyadd: polyadd_,
    families.polynomial.polysub: polysub_, families.polynomial.polyder: polyder_,
    families.polynomial.polyval2d: in_plane(polyval_),
    families.chebyshev.chebval2d: in_plane(chebval_),
    families.legendre.legval2d: in_plane(legval_),
}  # fmt: skip
