"""The exponential function, and those made of it."""

from __future__ import annotations

from typing import Any

from stagec_runtime.elementary import tables
from stagec_runtime.elementary.formats import DOUBLE, SINGLE
from stagec_runtime.elementary.staging import (
    Bits,
    Number,
    absolute,
    fast_two_sum,
    fma,
    polynomial,
    power_of_two,
    signed,
    two_product,
    where,
    whole,
)

# beyond these `exp` overflows, or is zero, in every rounding
HIGHEST = {DOUBLE: 710.0, SINGLE: 89.0}
LOWEST = {DOUBLE: -746.0, SINGLE: -104.0}

NEAR = 0.55  # up to here `tanh` is a polynomial


def limited(x: Number, lowest: float, highest: float) -> Number:
    """The number in the interval that is nearest to `x`; a NaN stays."""
    x = where(x < lowest, lowest, x)
    return where(x > highest, highest, x)


def reduced(x: Number) -> tuple[Number, Bits, Number, Number]:
    """`n` with its word, and `r`, `low` with `x = n * log(2) + r + low`."""
    ln2 = tables.LN2[x.format]
    n, word = whole(x * tables.LOG2E[x.format][0])
    r = fma(n, -ln2[0], x)
    return n, word, r, n * -ln2[1]


def scaled(y: Number, n: Number) -> Number:
    """`y * 2 ** n`, also where only one of the factors is a normal number."""
    half, first = whole(n * 0.5)
    _, second = whole(n - half)
    return y * power_of_two(first) * power_of_two(second)


def power_of_e(high: Number, low: Any, less: float = 0.0) -> Number:
    """`exp(high + low)`, `2 ** less` times smaller, for `low` below the last bit of `high`."""
    n, _, r, rest = reduced(high)
    rest = rest + low
    total, error = fast_two_sum(r, rest)
    part = fma(total * total, polynomial(total, tables.EXP[high.format]), error)
    return scaled(1.0 + (total + part), n - less if less else n)


def exp(x: Number) -> Number:
    """The exponential function."""
    n, _, y = _unscaled(limited(x, LOWEST[x.format], HIGHEST[x.format]))
    return scaled(y, n)


def _unscaled(x: Number) -> tuple[Number, Bits, Number]:
    """`n` with its word, and `y`, with `exp(x) = y * 2 ** n`."""
    ln2 = tables.LN2[x.format]
    n, word = whole(x * tables.LOG2E[x.format][0])
    r = fma(n, -ln2[1], fma(n, -ln2[0], x))
    return n, word, 1.0 + fma(r * r, polynomial(r, tables.EXP[x.format]), r)


def exp2(x: Number) -> Number:
    """2 to the power `x`."""
    highest = float(x.format.bias + 2)
    x = limited(x, -highest - x.format.mantissa, highest)
    n, _ = whole(x)
    r, rest = two_product(x - n, tables.LN2[x.format][0])
    part = fma(r * r, polynomial(r, tables.EXP[x.format]), rest)
    return scaled(1.0 + (r + part), n)


def half_expm1(x: Number) -> tuple[Number, Number]:
    """`expm1(x) / 2` as the sum of two numbers, for `x` between -50 and the overflow."""
    _, word, r, rest = reduced(x)
    total, error = fast_two_sum(r, rest)
    part = fma(total * total, polynomial(total, tables.EXP[x.format]), error)
    scale = power_of_two(word - 1)
    high, low = fast_two_sum(scale - 0.5, scale * total)
    return high, fma(scale, part, low)


def expm1(x: Number) -> Number:
    """`exp(x) - 1` without cancellation."""
    high, low = half_expm1(limited(x, -50.0, HIGHEST[x.format]))
    return where(absolute(x) < 2.0**-60, x, 2.0 * (high + low))


def tanh(x: Number) -> Number:
    """The hyperbolic tangent; a polynomial near 0, where `1 - 2 / (exp(2 * x) + 1)` cancels."""
    size = limited(absolute(x), 0.0, 22.0)
    _, word, grown = _unscaled(2.0 * size)
    far = 1.0 - 2.0 / (grown * power_of_two(word) + 1.0)
    z = size * size
    near = fma(size * z, polynomial(z, tables.TANH[x.format]), size)
    return signed(where(size < NEAR, near, far), x)


def _halves(x: Number) -> tuple[Number, Number]:
    """`exp(abs(x)) / 2` and `exp(-abs(x)) / 2`."""
    size = limited(absolute(x), 0.0, HIGHEST[x.format] + 1)
    grown = power_of_e(size, 0.0, 1.0)
    return grown, 0.25 / grown


def sinh(x: Number) -> Number:
    """The hyperbolic sine; a polynomial near 0, where the difference cancels."""
    grown, shrunk = _halves(x)
    z = x * x
    near = fma(x * z, polynomial(z, tables.SINH[x.format]), x)
    return where(absolute(x) < 1.0, near, signed(grown - shrunk, x))


def cosh(x: Number) -> Number:
    """The hyperbolic cosine."""
    grown, shrunk = _halves(x)
    return grown + shrunk


def erf(x: Number) -> Number:
    """The error function.

    Reference: M. Shepherd and J. Laframboise, Chebyshev approximation of `(1 + 2 x) exp(x^2)
    erfc(x)`, Mathematics of Computation 36, 1981.
    """
    size = limited(absolute(x), 0.0, 6.0)
    z = size * size
    near = fma(size, polynomial(z, tables.ERF[x.format]), size)
    ratio = (size - 2.0) / (size + 2.0)
    tail = polynomial(ratio, tables.ERFC[x.format]) / fma(size, 2.0, 1.0)
    far = 1.0 - exp(-z) * tail
    return signed(where(size < 0.75, near, far), x)
