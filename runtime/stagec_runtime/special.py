"""Special functions of real numbers that NumPy lacks."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

# B_2k / (2k)! * (2k)! for k = 1..., the Bernoulli numbers of the asymptotic series
BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)
LARGE = 16.0


def _over_arrays(function: Callable[..., float]) -> Callable[..., Any]:
    """The function of one number, over arrays as a ufunc would be, float32 staying float32."""

    def call(x: Any, *rest: Any) -> Any:
        dtype = np.sin.resolve_dtypes((np.asarray(x).dtype, None))[-1]
        values = [function(v, *rest) for v in np.ravel(np.asarray(x)).tolist()]
        return np.array(values, dtype).reshape(np.shape(x))[()]

    call.__name__ = function.__name__
    call.__doc__ = function.__doc__
    return call


def _polygamma(x: float, order: int) -> float:
    """The derivative of order `order + 1` of `lgamma`; NaN at its poles.

    Reference: Abramowitz and Stegun, Handbook of Mathematical Functions, 6.4.6 and 6.4.11.
    """
    if math.isnan(x) or x == -math.inf or (x <= 0 and x == math.floor(x)):
        return math.nan
    if order == 0 and x < 0:
        return _polygamma(1 - x, 0) - math.pi / math.tan(math.pi * x)
    sign = -1.0 if order % 2 == 0 else 1.0
    total = 0.0
    while x < LARGE + order:
        total += sign * math.factorial(order) * x ** -(order + 1)
        x += 1.0
    return total + _asymptotic(x, order, sign)


def _asymptotic(x: float, order: int, sign: float) -> float:
    """The series in 1 / x, for large x."""
    if x == math.inf:
        return math.inf if order == 0 else 0.0
    if order == 0:
        total = math.log(x) - 0.5 / x
        return total - sum(b / (2 * k * x ** (2 * k)) for k, b in enumerate(BERNOULLI, 1))
    total = math.factorial(order - 1) / x**order + math.factorial(order) / (
        2 * x ** (order + 1)
    )
    for k, b in enumerate(BERNOULLI, 1):
        factor = math.factorial(2 * k + order - 1) / math.factorial(2 * k)
        total += b * factor / x ** (2 * k + order)
    return sign * total


erf = _over_arrays(math.erf)
erfc = _over_arrays(math.erfc)
gamma = _over_arrays(math.gamma)
lgamma = _over_arrays(math.lgamma)
polygamma = _over_arrays(_polygamma)
