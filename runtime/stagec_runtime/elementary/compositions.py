"""Functions made of others: inverse hyperbolic ones, sums of exponentials, lengths, `sinc`."""

from __future__ import annotations

import math

from stagec_runtime.elementary import tables
from stagec_runtime.elementary.exponentials import exp, exp2
from stagec_runtime.elementary.formats import DOUBLE, SINGLE
from stagec_runtime.elementary.logarithms import log1p, log1p_sum
from stagec_runtime.elementary.staging import (
    Number,
    absolute,
    constant,
    fma,
    root,
    signed,
    two_sum,
    where,
)
from stagec_runtime.elementary.trigonometry import sin

# beyond these sizes squares overflow, or lose bits unless scaled by the third number
SQUARES = {
    DOUBLE: (2.0**500, 2.0**-450, 2.0**600),
    SINGLE: (2.0**60, 2.0**-50, 2.0**100),
}
HUGE = 2.0**60  # beyond it `x + 1` and `x` are one number, and `x * x + 1` and `x * x` too


def _log_twice(condition: Number, x: Number, near: Number, low: Number) -> Number:
    """`log(2 * x)` for a huge `x`, else `log1p(near + low)`."""
    huge = condition > HUGE
    found = log1p_sum(where(huge, x, near), where(huge, 0.0, low))
    return found + where(huge, tables.LN2[x.format][0], 0.0)


def arcsinh(x: Number) -> Number:
    """The inverse hyperbolic sine."""
    size = absolute(x)
    small = where(size > HUGE, 0.0, size)
    square = small * small
    total, error = two_sum(small, square / (1.0 + root(square + 1.0)))
    return signed(_log_twice(size, size, total, error), x)


def arccosh(x: Number) -> Number:
    """The inverse hyperbolic cosine; NaN below 1."""
    above = x - 1.0
    total, error = two_sum(above, root(above) * root(above + 2.0))
    error = where(absolute(error) < math.inf, error, 0.0)
    return _log_twice(x, x, total, error)


def arctanh(x: Number) -> Number:
    """The inverse hyperbolic tangent; NaN outside of [-1, 1]."""
    size = absolute(x)
    below, error = two_sum(constant(x, 1.0), -size)
    ratio = 2.0 * size / below
    low = (fma(-ratio, below, 2.0 * size) - ratio * error) / below
    low = where(ratio < math.inf, low, 0.0)
    return signed(0.5 * log1p_sum(ratio, low), x)


def logaddexp(x: Number, y: Number) -> Number:
    """The logarithm of `exp(x) + exp(y)`."""
    gap = x - y
    found = where(gap > 0.0, x, y) + log1p(exp(-absolute(gap)))
    return where(x.equals(y), x + tables.LN2[x.format][0], where(gap.is_nan(), gap, found))


def logaddexp2(x: Number, y: Number) -> Number:
    """The logarithm in base 2 of `2 ** x + 2 ** y`."""
    gap = x - y
    found = fma(log1p(exp2(-absolute(gap))), tables.LOG2E[x.format][0], where(gap > 0.0, x, y))
    return where(x.equals(y), x + 1.0, where(gap.is_nan(), gap, found))


def hypot(x: Number, y: Number) -> Number:
    """The length of a vector, of which no square overflows."""
    a, b = absolute(x), absolute(y)
    longer = where(a > b, a, b)
    high, low, scale = SQUARES[x.format]
    large, small = longer > high, longer < low
    by = where(large, 1 / scale, where(small, scale, 1.0))
    back = where(large, scale, where(small, 1 / scale, 1.0))
    p, q = a * by, b * by
    # an infinite side tells, whatever the other is
    infinite = a.equals(math.inf) | b.equals(math.inf)
    return where(infinite, math.inf, root(p * p + q * q) * back)


def sinc(x: Number) -> Number:
    """`sin(pi * x) / (pi * x)`, which is 1 at 0."""
    angle = x * math.pi
    return where(x.equals(0.0), 1.0, sin(angle) / angle)
