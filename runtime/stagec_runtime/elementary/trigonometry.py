"""The trigonometric functions."""

from __future__ import annotations

import math

from stagec_runtime.elementary import tables
from stagec_runtime.elementary.formats import DOUBLE, SINGLE
from stagec_runtime.elementary.rare import rarely
from stagec_runtime.elementary.staging import (
    Bits,
    Number,
    absolute,
    constant,
    fast_two_sum,
    fma,
    polynomial,
    two_product,
    where,
    whole,
)

# up to these three parts of pi / 2 reduce an angle exactly enough
LARGEST = {DOUBLE: 2.0**30, SINGLE: 2.0**15}


def _reduced(x: Number) -> tuple[Bits, Number, Number]:
    """A word with the number of quarter turns, and `r + low`, the angle that is left.

    The first product and its difference from `x` are exact, and so is the sum with the second
    where it cancels.
    Reference: W. Cody and W. Waite, Software Manual for the Elementary Functions, 1980.
    """
    first, second, third, _ = tables.HALF_PI[x.format]
    n, word = whole(x * (2 / math.pi))
    rest = fma(n, -first, x)
    product, error = two_product(n, -second)
    r, low = fast_two_sum(rest, product)
    return word, r, low + fma(n, -third, error)


def _sine(r: Number, low: Number) -> tuple[Number, Number]:
    """`sin(r + low)` up to an eighth of a turn, as `r` and what is added."""
    z = r * r
    return r, fma(r * z, polynomial(z, tables.SIN[r.format]), fma(-0.5 * z, low, low))


def _cosine(r: Number, low: Number) -> tuple[Number, Number]:
    """`cos(r + low)` up to an eighth of a turn, as a sum of two."""
    z = r * r
    half = 0.5 * z
    high, error = fast_two_sum(constant(r, 1.0), -half)
    return high, error + fma(z * z, polynomial(z, tables.COS[r.format]), -(r * low))


def _turned(x: Number, turns: int) -> Number:
    """`sin(x + turns * pi / 2)` for `x` that is not too large."""
    word, r, low = _reduced(x)
    quadrant = word + turns if turns else word
    sine, sine_low = _sine(r, low)
    cosine, cosine_low = _cosine(r, low)
    found = where((quadrant & 1).is_zero(), sine + sine_low, cosine + cosine_low)
    sign = (quadrant & 2) << (x.format.bits - 2)
    return (found.bits() ^ sign).number()


def sin(x: Number) -> Number:
    """The sine."""
    found = where(x.equals(0.0), x, _turned(x, 0))
    return rarely(absolute(x) > LARGEST[x.format], "sin", x, found)


def cos(x: Number) -> Number:
    """The cosine."""
    return rarely(absolute(x) > LARGEST[x.format], "cos", x, _turned(x, 1))


def tan(x: Number) -> Number:
    """The tangent."""
    word, r, low = _reduced(x)
    sine, sine_low = fast_two_sum(*_sine(r, low))
    cosine, cosine_low = fast_two_sum(*_cosine(r, low))
    even = (word & 1).is_zero()
    above, above_low = where(even, sine, -cosine), where(even, sine_low, -cosine_low)
    below, below_low = where(even, cosine, sine), where(even, cosine_low, sine_low)
    inverse = 1.0 / below
    y = above * inverse
    left = fma(-y, below, above) + (above_low - y * below_low)
    found = where(x.equals(0.0), x, fma(left, inverse, y))
    return rarely(absolute(x) > LARGEST[x.format], "tan", x, found)
