"""The module `cmath`, written in Python and staged like the user's own code.

NumPy's functions give the numbers; what cmath raises is told by the numbers.
"""

# ruff: noqa: D103 (they do what the functions of cmath of these names do)
import cmath
import math
from typing import Any

import numpy as np

DOMAIN = "math domain error"


def ranged(z: Any, found: Any) -> Any:
    """What a function gives for a finite number must be finite."""
    if np.isfinite(z) and not np.isfinite(found):
        raise OverflowError("math range error")
    return found


def exp_(z: Any, /) -> Any:
    z = complex(z)
    if math.isinf(z.imag) and not math.isnan(z.real) and z.real != -math.inf:
        raise ValueError(DOMAIN)
    return ranged(z, complex(np.exp(z)))


def growing(function: Any, angle: Any, z: Any) -> Any:
    """A function that grows without bounds in one direction and turns with an angle."""
    if math.isinf(angle) and not np.isnan(z):
        raise ValueError(DOMAIN)
    return ranged(z, complex(function(z)))


def cosh_(z: Any, /) -> Any:
    z = complex(z)
    return growing(np.cosh, z.imag, z)


def sinh_(z: Any, /) -> Any:
    z = complex(z)
    return growing(np.sinh, z.imag, z)


def cos_(z: Any, /) -> Any:
    z = complex(z)
    return growing(np.cos, z.real, z)


def sin_(z: Any, /) -> Any:
    z = complex(z)
    return growing(np.sin, z.real, z)


def tanh_(z: Any, /) -> Any:
    z = complex(z)
    if math.isinf(z.imag) and math.isfinite(z.real):
        raise ValueError(DOMAIN)
    return complex(np.tanh(z))


def tan_(z: Any, /) -> Any:
    z = complex(z)
    if math.isinf(z.real) and math.isfinite(z.imag):
        raise ValueError(DOMAIN)
    return complex(np.tan(z))


def atanh_(z: Any, /) -> Any:
    z = complex(z)
    if z.imag == 0 and abs(z.real) == 1:
        raise ValueError(DOMAIN)
    return complex(np.arctanh(z))


def atan_(z: Any, /) -> Any:
    z = complex(z)
    if z.real == 0 and abs(z.imag) == 1:
        raise ValueError(DOMAIN)
    return complex(np.arctan(z))


def log_(z: Any, base: Any = None, /) -> Any:
    z = complex(z)
    if z == 0:
        raise ValueError(DOMAIN)
    if base is None:
        return complex(np.log(z))
    base = complex(base)
    if base == 0 or base == 1:
        raise ValueError(DOMAIN)
    return complex(np.log(z)) / complex(np.log(base))


def log10_(z: Any, /) -> Any:
    z = complex(z)
    if z == 0:
        raise ValueError(DOMAIN)
    return complex(np.log10(z))


def phase_(z: Any, /) -> Any:
    z = complex(z)
    return math.atan2(z.imag, z.real)


def polar_(z: Any, /) -> Any:
    z = complex(z)
    return abs(z), math.atan2(z.imag, z.real)


def rect_(r: Any, phi: Any, /) -> Any:
    if math.isinf(r) and phi == 0:
        return complex(r, phi)
    return complex(r * math.cos(phi), r * math.sin(phi))


def isclose_(a: Any, b: Any, *, rel_tol: Any = 1e-9, abs_tol: Any = 0.0) -> Any:
    if rel_tol < 0 or abs_tol < 0:
        raise ValueError("tolerances must be non-negative")
    a, b = complex(a), complex(b)
    if a == b:
        return True
    if np.isinf(a) or np.isinf(b):
        return False
    far = abs(a - b)
    return far <= rel_tol * abs(b) or far <= rel_tol * abs(a) or far <= abs_tol


STAGED: dict[Any, Any] = {
    cmath.exp: exp_, cmath.cosh: cosh_, cmath.sinh: sinh_, cmath.cos: cos_, cmath.sin: sin_,
    cmath.tanh: tanh_, cmath.tan: tan_, cmath.atanh: atanh_, cmath.atan: atan_,
    cmath.sqrt: lambda z, /: complex(np.sqrt(complex(z))),
    cmath.acos: lambda z, /: complex(np.arccos(complex(z))),
    cmath.asin: lambda z, /: complex(np.arcsin(complex(z))),
    cmath.acosh: lambda z, /: complex(np.arccosh(complex(z))),
    cmath.asinh: lambda z, /: complex(np.arcsinh(complex(z))),
    cmath.log: log_, cmath.log10: log10_, cmath.phase: phase_, cmath.polar: polar_,
    cmath.rect: rect_, cmath.isclose: isclose_,
    cmath.isnan: lambda z, /: bool(np.isnan(complex(z))),
    cmath.isinf: lambda z, /: bool(np.isinf(complex(z))),
    cmath.isfinite: lambda z, /: bool(np.isfinite(complex(z))),
}  # fmt: skip
