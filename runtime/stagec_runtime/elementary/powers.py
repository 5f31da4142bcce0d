"""Powers and the cube root."""

from __future__ import annotations

import math

from stagec_runtime.elementary import tables
from stagec_runtime.elementary.exponentials import LOWEST, limited, power_of_e
from stagec_runtime.elementary.logarithms import log_pair, parts
from stagec_runtime.elementary.staging import (
    Number,
    Truth,
    absolute,
    fma,
    nearest,
    polynomial,
    power_of_two,
    root,
    signed,
    two_product,
    where,
    whole,
)


def pow(x: Number, y: Number) -> Number:
    """`x` to the power `y`."""
    short = _of_constant(x, y.constant())
    return _general(x, y) if short is None else short


def _of_constant(x: Number, exponent: float | None) -> Number | None:
    """The power where roots or products give it with an error below one last place."""
    if exponent in (2, 3):
        return x * x if exponent == 2 else x * x * x
    if exponent == -1:
        return 1.0 / x
    if exponent == 0.5:
        return where(x.equals(-math.inf), math.inf, root(x + 0.0))  # no sign of zero
    return None


def _general(x: Number, y: Number) -> Number:
    size = absolute(x)
    high, low = log_pair(size)
    product, error = two_product(high, y)
    low = fma(low, y, error)
    limit = -LOWEST[x.format]
    inside = limited(product, -limit, limit)
    # the lower part of a product that is too large is nothing but noise
    low = where(absolute(product) < limit, low, 0.0)
    found = power_of_e(inside, low)
    return _edges(x, size, y, found)


def _edges(x: Number, size: Number, y: Number, found: Number) -> Number:
    """The power with its sign, and what it is for zero, infinity and NaN."""
    grows = _same(size > 1.0, y > 0.0)
    extreme = size.equals(0.0) | size.equals(math.inf) | absolute(y).equals(math.inf)
    found = where(extreme, where(grows, math.inf, where(size.equals(size), 0.0, size)), found)
    found = where(size.equals(1.0), 1.0, found)
    integer = nearest(y).equals(y)
    half = y * 0.5
    odd = integer & ~nearest(half).equals(half)
    negative = x.bits().is_negative()
    found = where(negative & odd, -found, found)
    finite = size < math.inf
    found = where((x < 0.0) & finite & ~integer, math.nan, found)
    found = where(x.is_nan() | y.is_nan(), math.nan, found)
    return where(x.equals(1.0) | y.equals(0.0), 1.0, found)


def _same(a: Truth, b: Truth) -> Truth:
    return (a & b) | (~a & ~b)


def cbrt(x: Number) -> Number:
    """The cube root: the inverse root by an iteration of fourth order, then one of Newton's."""
    size = absolute(x)
    m, k = parts(size)
    # k + 1 = 3 * third + rest, with m * 2 ** rest between 0.7 and 5.7
    third, word = whole((k - 1.0) * (1 / 3))
    rest = k - 3.0 * third
    m = m * where(rest.equals(0.0), 1.0, where(rest.equals(1.0), 2.0, 4.0))
    w = polynomial(m, tables.CBRT[x.format])
    for _ in range(2 if x.format.bits == 64 else 1):
        e = fma(-m * w, w * w, 1.0)
        w = fma(w * e, fma(e, fma(e, 14 / 81, 2 / 9), 1 / 3), w)
    y = m * (w * w)
    square, square_error = two_product(y, y)
    left = fma(-y, square, m) - y * square_error
    y = fma(left, w * w * (1 / 3), y)
    y = signed(y * power_of_two(word), x)
    return where(x.equals(0.0) | ~(size < math.inf), x, y)
