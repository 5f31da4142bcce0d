"""The inverse trigonometric functions."""

from __future__ import annotations

import math

from stagec_runtime.elementary import tables
from stagec_runtime.elementary.staging import (
    Number,
    Truth,
    absolute,
    constant,
    fast_two_sum,
    fma,
    polynomial,
    root,
    signed,
    two_sum,
    where,
)

EIGHTH = math.tan(math.pi / 8)


def _angle(y: Number, x: Number) -> tuple[Number, Number]:
    """The angle of a point with finite coordinates, not negative, not both zero: a sum of two.

    It is taken from the nearest of three directions: 0, 1 / 8 and 1 / 4 of a turn.
    """
    first, second, _, _ = tables.HALF_PI[x.format]
    flat = y <= EIGHTH * x
    steep = x <= EIGHTH * y
    above = where(flat, y, where(steep, -x, y - x))
    below = where(flat, x, where(steep, y, y + x))
    base = where(flat, 0.0, where(steep, first, first / 2))
    base_low = where(flat, 0.0, where(steep, second, second / 2))
    t = above / below
    error = fma(-t, below, above) / below
    z = t * t
    part = fma(t * z, polynomial(z, tables.ATAN[x.format]), base_low + error)
    high, low = fast_two_sum(base, t)
    return high, low + part


def arctan(x: Number) -> Number:
    """The inverse tangent."""
    size = absolute(x)
    high, low = _angle(where(size > 2.0**66, 2.0**66, size), constant(x, 1.0))
    return signed(high + low, x)


def arctan2(y: Number, x: Number) -> Number:
    """The angle of the point `(x, y)`."""
    up, right = absolute(y), absolute(x)
    high_up, far_right = up.equals(math.inf), right.equals(math.inf)
    # a point in the same direction, with coordinates that are neither too large nor too small
    large = 2.0 ** (x.format.bias - 60)
    scale = where((up < 1 / large) & (right < 1 / large), 2.0**50, 1.0)
    scale = where((up > large) | (right > large), 2.0**-50, scale)
    above = where(high_up, 1.0, where(far_right, 0.0, up * scale))
    along = where(far_right, 1.0, where(high_up, 0.0, right * scale))
    along = where((above + along).equals(0.0), 1.0, along)
    high, low = _angle(above, along)
    first, second, _, _ = tables.HALF_PI[x.format]
    other, error = two_sum(constant(x, 2 * first), -high)
    found = where(x.bits().is_negative(), other + (error + (2 * second - low)), high + low)
    return where(x.is_nan() | y.is_nan(), math.nan, signed(found, y))


def _small_arcsine(x: Number) -> tuple[Number, Number, Truth]:
    """`s` and `t` with the inverse sine `s + t` of a number below 1 / 2, made from `x`.

    The number is `abs(x)`, or else the sine of half the angle whose cosine that is; third
    comes the condition that it is the first.
    """
    size = absolute(x)
    near = size <= 0.5
    z = where(near, size * size, 0.5 * (1.0 - size))
    s = where(near, size, root(z))
    error = where(near | s.equals(0.0), 0.0, fma(-s, s, z) / (s + s))
    return s, fma(s * z, polynomial(z, tables.ASIN[x.format]), error), near


def arcsin(x: Number) -> Number:
    """The inverse sine; NaN outside of [-1, 1]."""
    first, second, _, _ = tables.HALF_PI[x.format]
    s, t, near = _small_arcsine(x)
    high, low = fast_two_sum(constant(x, first), -2.0 * s)
    return signed(where(near, s + t, high + (low + (second - 2.0 * t))), x)


def arccos(x: Number) -> Number:
    """The inverse cosine; NaN outside of [-1, 1]."""
    first, second, _, _ = tables.HALF_PI[x.format]
    s, t, near = _small_arcsine(x)
    negative = x < 0.0
    high, low = fast_two_sum(constant(x, first), where(negative, s, -s))
    middle = high + (low + (second + where(negative, t, -t)))
    top, rest = fast_two_sum(constant(x, 2 * first), -2.0 * s)
    far = where(negative, top + (rest + 2.0 * (second - t)), 2.0 * (s + t))
    return where(near, middle, far)
