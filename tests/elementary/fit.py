"""Computes the tables of `stagec_runtime.elementary.tables`; `python -m` prints them.

A polynomial interpolates at Chebyshev nodes in many digits; its degree is the least that leaves
an error below the given bound, relative to the function it becomes part of.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np

DIGITS = 130
FORMATS = {"DOUBLE": np.float64, "SINGLE": np.float32}
PRECISION = {"DOUBLE": 53, "SINGLE": 24}


def _series(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The function of `z`, whose formula is 0 / 0 at 0, continued there."""
    return lambda z: function(z) if abs(z) > 1e-40 else function(mp.mpf(10) ** -40)


def _odd(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """`(f(t) / t - 1) / t ** 2` as a function of the square `t ** 2`."""
    return _series(lambda z: (function(mp.sqrt(z)) / mp.sqrt(z) - 1) / z)


def _tail(a: Any) -> Any:
    return (1 + 2 * a) * mp.exp(a * a) * mp.erfc(a)


CENTRE = 2  # of the map of [0, inf] to [-1, 1] for erfc

# name -> function, interval per format, bits by which the polynomial's part is smaller
POLYNOMIALS: dict[str, tuple[Callable[[Any], Any], Any, Any, int]] = {
    "EXP": (_series(lambda r: (mp.expm1(r) - r) / (r * r)), -0.3467, 0.3467, 4),
    "LOG": (_odd(lambda s: 2 * mp.atanh(s) - s), 0, 0.02945, 5),
    "LOG_TAIL": (
        _series(
            lambda z: ((2 * mp.atanh(mp.sqrt(z)) / mp.sqrt(z) - 2) / z - mp.mpf(2) / 3) / z
        ),
        0,
        0.02945,
        -2,
    ),
    "SIN": (_odd(mp.sin), 0, 0.6170, 3),
    "COS": (
        _series(lambda z: (mp.cos(mp.sqrt(z)) - 1 + z / 2) / (z * z)),
        0,
        0.6170,
        5,
    ),
    "ATAN": (_odd(mp.atan), 0, 0.1717, 4),
    "ASIN": (_odd(mp.asin), 0, 0.25, 4),
    "SINH": (_odd(mp.sinh), 0, 1, 2),
    "TANH": (_odd(mp.tanh), 0, 0.3026, 3),
    "ERF": (
        _series(lambda z: mp.erf(mp.sqrt(z)) / mp.sqrt(z) - 1),
        0,
        0.5626,
        3,
    ),
    "ERFC": (
        lambda t: _tail(CENTRE * (1 + t) / (1 - t)),
        (0.75 - CENTRE) / (0.75 + CENTRE),
        (6 - CENTRE) / mp.mpf(6 + CENTRE),
        1,
    ),
    "CBRT": (lambda m: m ** (-mp.mpf(1) / 3), 1, 8, 0),
}
GUESS = {"CBRT": {"DOUBLE": 6, "SINGLE": 4}}  # degrees of first guesses


def numbers() -> dict[str, Any]:
    """Constants, given in several numbers of the format whose sum they are."""
    return {
        "LOG2E": (1 / mp.log(2), 2),
        "LN2": (mp.log(2), 3),
        "INV_LN10": (1 / mp.log(10), 2),
        "LOG10_2": (mp.log10(2), 2),
        "HALF_PI": (mp.pi / 2, 4),
        "TWO_THIRDS": (mp.mpf(2) / 3, 2),
    }


def split(x: Any, count: int, kind: Any) -> tuple[float, ...]:
    """`count` numbers of the element type with the sum `x`, the first ones nearest."""
    parts: list[float] = []
    for _ in range(count):
        part = float(kind(mp.nstr(x, 40, strip_zeros=False)))
        parts.append(part)
        x = x - mp.mpf(part)
    return tuple(parts)


def interpolate(function: Callable[[Any], Any], lo: Any, hi: Any, degree: int) -> list[Any]:
    """The coefficients of the polynomial through the function at Chebyshev nodes."""
    middle, half = (mp.mpf(lo) + hi) / 2, (mp.mpf(hi) - lo) / 2
    angles = [mp.pi * (2 * k + 1) / (2 * degree + 2) for k in range(degree + 1)]
    nodes = [middle + half * mp.cos(a) for a in angles]
    powers = mp.matrix([[x**k for k in range(degree + 1)] for x in nodes])
    return list(mp.lu_solve(powers, mp.matrix([function(x) for x in nodes])))


def fitted(name: str, format: str) -> tuple[float, ...]:
    """The polynomial of that name, rounded to the format."""
    function, lo, hi, smaller = POLYNOMIALS[name]
    bound = mp.mpf(2) ** (smaller - PRECISION[format] - 2)
    probes = [mp.mpf(lo) + (mp.mpf(hi) - lo) * k / 97 for k in range(98)]
    values = [function(x) for x in probes]
    largest = max(map(abs, values))
    degrees = [GUESS[name][format]] if name in GUESS else range(1, 40)
    found: list[Any] = []
    for degree in degrees:
        found = interpolate(function, lo, hi, degree)
        errors = (
            abs(mp.fdot((c, x**k) for k, c in enumerate(found)) - v)
            for x, v in zip(probes, values, strict=True)
        )
        if max(errors) < bound * largest:
            break
    kind = FORMATS[format]
    return tuple(float(kind(mp.nstr(c, 40))) for c in found)


def tables() -> dict[str, dict[str, tuple[float, ...]]]:
    """All tables: name -> format -> numbers."""
    with mp.workdps(DIGITS):
        found = {
            name: {f: split(x, count, FORMATS[f]) for f in FORMATS}
            for name, (x, count) in numbers().items()
        }
        for name in POLYNOMIALS:
            found[name] = {f: fitted(name, f) for f in FORMATS}
        return found


if __name__ == "__main__":
    for table, formats in tables().items():
        print(f"{table} = {{")  # noqa: T201
        for format, values in formats.items():
            print(f"    {format}: {values},")  # noqa: T201
        print("}")  # noqa: T201
