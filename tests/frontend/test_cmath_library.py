"""The module cmath: numbers and exceptions as in eager Python, on both targets; gradients."""

from __future__ import annotations

import cmath
import itertools
import math
from typing import Any

import numpy as np
import pytest

import stagec as sc

BACKENDS = ("numpy", "numba")
FUNCTIONS = (
    *(cmath.exp, cmath.log, cmath.log10, cmath.sqrt, cmath.sin, cmath.cos, cmath.tan),
    *(cmath.sinh, cmath.cosh, cmath.tanh, cmath.asin, cmath.acos, cmath.atan),
    *(cmath.asinh, cmath.acosh, cmath.atanh, cmath.phase, cmath.polar),
    *(cmath.isnan, cmath.isinf, cmath.isfinite),
)
PARTS = (0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 800.0, 1e300, math.inf, -math.inf)


def outcome(function: Any, *args: Any) -> tuple[Any, tuple[float, ...]]:
    try:
        found = function(*args)
    except (ValueError, OverflowError) as error:
        return (type(error), *error.args), ()
    numbers = found if isinstance(found, tuple) else (found,)
    parts = [(z.real, z.imag) if isinstance(z, complex) else (z,) for z in numbers]
    return tuple(map(type, numbers)), sum(parts, ())


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_each_function_is_as_in_python(function: Any) -> None:
    staged = sc.jit(lambda z: function(z))
    for parts in itertools.product(PARTS, PARTS):
        (kind, got), (wanted, numbers) = (
            outcome(f, complex(*parts)) for f in (staged, function)
        )
        assert kind == wanted, parts
        # signs of what nobody defines differ from one C library to the next
        defined = [k for k, x in enumerate(numbers) if not math.isnan(x)]
        if len(defined) == len(numbers):
            np.testing.assert_allclose(got, numbers, rtol=1e-14, atol=0)


def transform(x: Any) -> Any:
    n = len(x)
    out = np.zeros(n, dtype=complex)
    for k in range(n):
        total = 0j
        for t in range(n):
            total += x[t] * cmath.exp(-2j * cmath.pi * t * k / n)
        out[k] = total
    return out


def turned(r: Any, phi: Any) -> Any:
    z = cmath.rect(r, phi)
    w = cmath.sqrt(z * z - 1) + cmath.log(z + 2, 3) * cmath.atan(z)
    size, angle = cmath.polar(w)
    return size * angle + cmath.phase(cmath.tanh(w))


@pytest.mark.parametrize("backend", BACKENDS)
def test_programs_and_their_gradients(backend: str) -> None:
    x = np.array([0.3, 1.2, -0.7, 2.1, 0.9])
    staged = sc.jit(transform, backend=backend)
    np.testing.assert_allclose(staged(x), np.fft.fft(x), rtol=1e-12, atol=1e-14)
    if backend == "numba":
        assert "_kernel(" in staged.source(x)
    slope = sc.grad(sc.jit(lambda x: np.sum(np.abs(transform(x)) ** 2), backend=backend))
    np.testing.assert_allclose(slope(x), 10 * x, rtol=1e-12)
    got = sc.grad(sc.jit(turned, backend=backend), argnums=(0, 1))(1.3, 0.4)
    h = 1e-6
    wanted = [(turned(1.3 + a, 0.4 + b) - turned(1.3 - a, 0.4 - b)) / (2 * h)
              for a, b in ((h, 0), (0, h))]  # fmt: skip
    np.testing.assert_allclose(got, wanted, rtol=1e-8)


def test_logarithms_to_a_base_and_closeness() -> None:
    staged = sc.jit(lambda a, b: (cmath.log(a, b), cmath.isclose(a, b), cmath.isclose(a, a)))
    assert staged(2 + 1j, 3.0) == (cmath.log(2 + 1j, 3.0), False, True)
    with pytest.raises(ValueError, match="math domain error"):
        staged(2 + 1j, 1.0)
    near = sc.jit(lambda a, b: cmath.isclose(a, b, rel_tol=0.1, abs_tol=0.5))
    assert near(1.0, 1.2) is True
    assert near(math.inf, 1.2) is False
    assert sc.jit(cmath.rect)(math.inf, 0.0) == complex(math.inf, 0.0)
