"""What is tested of each elementary function: its exact value, where, and against what."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np
import scipy.special
from numba import njit

from stagec_runtime.elementary import functions

BITS = {np.float64: 53, np.float32: 24}
LEAST = {np.float64: -1074, np.float32: -149}  # exponents of the least positive numbers
NARROW = 0.118  # the range of exponents in float32 over that in float64
Kind = type[np.float64] | type[np.float32]


@dataclass(frozen=True)
class Case:
    """A function, the interval in which its error is measured, and how large that may be.

    Attributes
    ----------
    exact : the function of mpmath; None where the error is not measured, terms cancelling.
    numpy : the function whose values at special points are those wanted.
    lo, hi : the interval of its operands in float64, or for float32 too if that has it.
    bound : the largest error in units in the last place.
    """

    name: str
    exact: Callable[..., Any] | None
    numpy: Callable[..., Any]
    lo: float
    hi: float
    bound: float = 1.6
    arity: int = 1


def _root(x: Any) -> Any:
    return mp.cbrt(x) if x >= 0 else -mp.cbrt(-x)


CASES = {
    case.name: case
    for case in (
        Case("exp", mp.exp, np.exp, -745, 709.7),
        Case("exp2", lambda x: mp.power(2, x), np.exp2, -1074, 1023.9),
        Case("expm1", mp.expm1, np.expm1, -40, 709.7),
        Case("log", mp.log, np.log, 5e-324, 1e308),
        Case("log2", lambda x: mp.log(x) / mp.log(2), np.log2, 5e-324, 1e308),
        Case("log10", lambda x: mp.log(x) / mp.log(10), np.log10, 5e-324, 1e308),
        Case("log1p", mp.log1p, np.log1p, -1 + 1e-16, 1e308),
        Case("sin", mp.sin, np.sin, -1e8, 1e8),
        Case("cos", mp.cos, np.cos, -1e8, 1e8),
        Case("tan", mp.tan, np.tan, -1e8, 1e8),
        Case("arcsin", mp.asin, np.arcsin, -1, 1),
        Case("arccos", mp.acos, np.arccos, -1, 1),
        Case("arctan", mp.atan, np.arctan, -1e20, 1e20),
        Case("sinh", mp.sinh, np.sinh, -710.4, 710.4),
        Case("cosh", mp.cosh, np.cosh, -710.4, 710.4),
        Case("tanh", mp.tanh, np.tanh, -22, 22),
        Case("arcsinh", mp.asinh, np.arcsinh, -1e308, 1e308),
        Case("arccosh", mp.acosh, np.arccosh, 1, 1e308, bound=2),
        Case("arctanh", mp.atanh, np.arctanh, -1, 1),
        Case("cbrt", _root, np.cbrt, -1e308, 1e308),
        Case("erf", mp.erf, scipy.special.erf, -6, 6),
        Case("sinc", mp.sincpi, np.sinc, -0.5, 0.5, bound=2),  # beyond, pi * x is rounded
        Case("pow", mp.power, np.power, -745, 709, arity=2),
        Case("arctan2", mp.atan2, np.arctan2, -700, 700, arity=2),
        Case("hypot", mp.hypot, np.hypot, -700, 700, arity=2),
        Case("logaddexp", None, np.logaddexp, 0, 0, arity=2),
        Case("logaddexp2", None, np.logaddexp2, 0, 0, arity=2),
    )
}
MEASURED = [name for name, case in CASES.items() if case.exact is not None]

_EDGES = (0.0, 5e-324, 1e-310, 2.3e-308, 1e-300, 1e-45, 1e-20, 1e-5, 0.1, 1 / 3, 0.5, 0.9, 1.0)
_LARGE = (
    1.5,
    2.0,
    2.5,
    3.0,
    3.5,
    7.0,
    8.0,
    22.0,
    87.5,
    89.5,
    104.0,
    708.5,
    709.9,
    710.5,
    745.2,
)
_HUGE = (1e3, 1023.5, 1024.0, 1075.5, 1e10, 2.0**53, 2.0**53 + 2, 1e22, 1e300, 1.7e308, np.inf)
SPECIAL = np.array([s * x for x in (*_EDGES, *_LARGE, *_HUGE) for s in (1, -1)] + [np.nan])


@functools.cache
def over_arrays(name: str) -> Any:
    """The compiled loop of the function: operands and result are arrays."""
    function = getattr(functions, name)

    def one(x: Any, out: Any) -> None:
        for i in range(out.size):
            out[i] = function(x[i])

    def two(x: Any, y: Any, out: Any) -> None:
        for i in range(out.size):
            out[i] = function(x[i], y[i])

    return njit(error_model="numpy")(one if CASES[name].arity == 1 else two)


def evaluate(name: str, *operands: np.ndarray) -> np.ndarray:
    """The function of the operands, compiled."""
    out = np.empty_like(operands[0])
    over_arrays(name)(*operands, out)
    return out


def samples(case: Case, kind: Kind, count: int) -> tuple[np.ndarray, ...]:
    """Operands all over the interval: evenly, and evenly in their logarithms."""
    rng = np.random.default_rng(len(case.name))
    if case.arity == 2:
        return _pairs(case, kind, count)
    single = kind is np.float32
    scale = NARROW if single and case.name in ("exp", "exp2", "sinh", "cosh") else 1.0
    lo, hi = (
        scale * float(np.clip(v, -1e37, 1e37) if single else v) for v in (case.lo, case.hi)
    )
    least = np.log(np.finfo(kind).tiny)
    sizes = np.exp(rng.uniform(least, np.log(max(abs(lo), abs(hi))), count))
    turns = np.pi / 2 * np.arange(1, count)  # where reduced angles are small
    near = np.concatenate([rng.uniform(-1, 1, count), rng.uniform(0.5, 2, count), turns])
    near = np.concatenate([near, 1 + rng.normal(scale=1e-6, size=count)])
    even = 2 * rng.uniform(lo / 2, hi / 2, count)
    x = np.concatenate([even, sizes, -sizes, near])
    return (x[(x >= lo) & (x <= hi)].astype(kind),)


def _pairs(case: Case, kind: Kind, count: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(len(case.name))
    x = np.concatenate([rng.uniform(0.5, 2, count), np.exp(rng.uniform(-80, 80, count))])
    x = x.astype(kind)
    if case.name == "pow":
        narrow = NARROW if kind is np.float32 else 1.0
        logs = narrow * rng.uniform(case.lo, case.hi, x.size)
        return x, (logs / np.log(x.astype(float))).astype(kind)
    y = np.concatenate([rng.normal(size=count), np.exp(rng.uniform(-80, 80, count))])
    signs = rng.choice([-1, 1], (2, x.size))
    return (x * signs[0]).astype(kind), (y * signs[1]).astype(kind)


def units(got: float, exact: Any, kind: Kind) -> float:
    """The error in units in the last place of the exact value."""
    exponent = max(int(mp.floor(mp.log(abs(exact), 2))) - BITS[kind] + 1, LEAST[kind])
    return float(abs(mp.mpf(got) - exact) / mp.mpf(2) ** exponent)


def largest_error(name: str, kind: Kind, count: int = 300) -> float:
    """The largest error over samples, in units in the last place."""
    case = CASES[name]
    operands = samples(case, kind, count)
    worst = 0.0
    assert case.exact is not None
    with mp.workprec(300):
        for got, *args in zip(
            evaluate(name, *operands).tolist(), *(x.tolist() for x in operands), strict=True
        ):
            exact = case.exact(*map(mp.mpf, args))
            if exact != 0 and np.isfinite(got) and abs(exact) > mp.mpf(2) ** LEAST[kind]:
                worst = max(worst, units(got, exact, kind))
    return worst
