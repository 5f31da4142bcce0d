"""Logarithms: `log(m)` of a number `m` near 1, by its series in `(m - 1) / (m + 1)`."""

from __future__ import annotations

import math
from typing import Any

from stagec_runtime.elementary import tables
from stagec_runtime.elementary.staging import (
    Bits,
    Number,
    constant,
    fast_two_sum,
    fma,
    polynomial,
    two_product,
    two_sum,
    where,
)

HALF_ROOT = math.sqrt(0.5)


def parts(x: Number) -> tuple[Number, Number]:
    """`m` and `k` with `x = m * 2 ** k` and `m` from the root of 1/2 to that of 2.

    Meaningful for finite positive `x` only.
    """
    form = x.format
    small = x < form.tiny
    raised = where(small, x * 2.0 ** (form.mantissa + 2), x)
    word = raised.bits() - _word(x, HALF_ROOT)
    # the exponent becomes a number by putting its bits behind those of a power of two
    biased = (word + (form.bias << form.mantissa)) >> form.mantissa
    carrier = _word(x, 2.0**form.mantissa)
    k = (biased | carrier).number() - (2.0**form.mantissa + form.bias)
    fraction = word & ((1 << form.mantissa) - 1)
    m = (fraction + _word(x, HALF_ROOT)).number()
    return m, where(small, k - float(form.mantissa + 2), k)


def _word(x: Number, value: float) -> Bits:
    return constant(x, value).bits()


def log_near_one(f: Number) -> tuple[Number, Number]:
    """`log(1 + f)` as a sum of two numbers, for `1 + f` between the roots of 1/2 and 2."""
    half = 0.5 * f * f
    s = f / (2.0 + f)
    z = s * s
    rest = s * fma(z, polynomial(z, tables.LOG[f.format]), half)
    high, low = fast_two_sum(f, -half)
    return high, low + rest


def edges(x: Number, y: Number) -> Number:
    """`y`, the logarithm of `x`, with what it is at 0, infinity and for negative numbers."""
    y = where(x.equals(math.inf), math.inf, y)
    y = where(x.equals(0.0), -math.inf, y)
    return where(x >= 0.0, y, math.nan)


def log(x: Number) -> Number:
    """The natural logarithm."""
    ln2 = tables.LN2[x.format]
    m, k = parts(x)
    high, low = log_near_one(m - 1.0)
    return edges(x, fma(k, ln2[0], high) + fma(k, ln2[1], low))


def log1p_sum(x: Number, x_low: Any) -> Number:
    """`log(1 + x + x_low)`, for `x_low` below the last bit of `x`."""
    ln2 = tables.LN2[x.format]
    above, error = two_sum(constant(x, 1.0), x)
    m, k = parts(above)
    high, low = log_near_one(m - 1.0)
    low = low + where(above.equals(math.inf), 0.0, (error + x_low) / above)
    total, rest = fast_two_sum(k * ln2[0], high)
    y = total + (rest + fma(k, ln2[1], low))
    y = where(x.equals(math.inf), math.inf, y)
    y = where(x.equals(-1.0), -math.inf, y)
    return where(x >= -1.0, y, math.nan)


def log1p(x: Number) -> Number:
    """The logarithm of `1 + x` without cancellation."""
    return where(x.equals(0.0), x, log1p_sum(x, 0.0))


def _based(x: Number, per_log: tuple[float, ...], of_two: tuple[float, float]) -> Number:
    """The logarithm in a base, from `1 / log(base)` and the logarithm of 2 in it."""
    m, k = parts(x)
    high, low = log_near_one(m - 1.0)
    high, low = fast_two_sum(high, low)
    top, error = two_product(high, per_log[0])
    error = error + fma(low, per_log[0], high * per_log[1])
    lead, lead_error = two_product(k, of_two[0])
    total, rest = fast_two_sum(lead, top)
    return edges(x, total + (rest + (error + fma(k, of_two[1], lead_error))))


def log2(x: Number) -> Number:
    """The logarithm in base 2."""
    return _based(x, tables.LOG2E[x.format], (1.0, 0.0))


def log10(x: Number) -> Number:
    """The logarithm in base 10."""
    first, second = tables.LOG10_2[x.format]
    return _based(x, tables.INV_LN10[x.format], (first, second))


def log_pair(x: Number) -> tuple[Number, Number]:
    """The logarithm of a positive number as a sum of two, exact to a few bits of the second."""
    ln2 = tables.LN2[x.format]
    m, k = parts(x)
    f = m - 1.0
    # s + s_low = f / (2 + f)
    below, below_low = fast_two_sum(constant(x, 2.0), f)
    inverse = 1.0 / below
    s = f * inverse
    s_low = (fma(-s, below, f) - s * below_low) * inverse
    z, z_low = _square(s, s_low)
    cube, cube_low = _times(z, z_low, s, s_low)
    third, third_low = _times(cube, cube_low, *tables.TWO_THIRDS[x.format])
    tail = cube * z * polynomial(z, tables.LOG_TAIL[x.format])
    high, low = fast_two_sum(2.0 * s, third)
    low = low + (2.0 * s_low + (third_low + tail))
    lead, lead_low = two_product(k, ln2[0])
    total, rest = fast_two_sum(lead, high)
    return fast_two_sum(total, rest + (low + fma(k, ln2[1], lead_low)))


def _square(x: Number, low: Number) -> tuple[Number, Number]:
    product, error = two_product(x, x)
    return product, fma(x + x, low, error)


def _times(x: Number, x_low: Number, y: Any, y_low: Any) -> tuple[Number, Number]:
    product, error = two_product(x, y)
    return product, fma(x_low, y, fma(x, y_low, error))
