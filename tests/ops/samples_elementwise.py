"""Sample rows of the elementwise ops: smooth points, in every kind and with broadcasting."""

from __future__ import annotations

from typing import Any

import numpy as np

from stagec.ir.core import Op
from stagec.ops import (
    arithmetic,
    cast,
    comparison,
    complex_parts,
    copying,
    exponential,
    extremes,
    folding,
    handing,
    masks,
    rounding,
    scalar_math,
    select,
    trigonometric,
)

Row = tuple[tuple[Any, ...], dict[str, Any]]

A = np.array([[0.7, -1.3, 0.4], [1.1, 0.2, -0.6]])
B = np.array([[-0.5, 0.9, 1.7]])
P = np.array([[0.7, 1.3, 0.4], [1.1, 0.2, 0.6]])  # positive
Q = np.array([0.5, 0.9, 1.7])  # positive
U = np.array([0.3, -0.7, 0.15])  # inside (-1, 1)
G = np.array([1.4, 2.5, 3.1])  # greater than 1
Z = np.array([0.3 + 0.4j, -0.7 - 0.2j, 0.5 + 1.1j])
W = np.array([1.3 - 0.4j, 0.7 - 0.6j, 0.5 - 1.1j])
N = np.array([[3, -2, 5], [7, 1, -4]])
M = np.array([2, 3, -2])
BITS = np.array([5, 3, 6], np.uint8)
T = np.array([[True, False, True], [False, True, True]])
F32 = np.float32


def unary(x: Any, complex_: bool = False) -> list[Row]:
    """An array, float32, a NumPy scalar, a Python number and a 0-d array; complex if asked."""
    one = x.flat[0]
    rows = [x, x.astype(F32), one, F32(one), float(one), np.array(one)]
    return [((v,), {}) for v in [*rows, *([Z, complex(Z[0])] if complex_ else [])]]


def binary(x: Any, y: Any, complex_: bool = False) -> list[Row]:
    """Pairs of every kind, with broadcasting and mixed element types."""
    a, b = x.flat[0], y.flat[1]
    rows: list[tuple[Any, ...]] = [
        (x, y),
        (x, float(b)),
        (float(a), y),
        (x.astype(F32), y),
        (x.astype(F32), float(b)),
        (a, float(b)),
        (float(a), float(b)),
        (np.array(a), y[..., :1]),
        (F32(a), y.astype(F32)),
    ]
    if complex_:
        rows += [(Z, W), (Z, float(b)), (x, W), (complex(Z[0]), float(b))]
    return [(row, {}) for row in rows]


def math_unary(x: float) -> list[Row]:
    """Calls through the math module."""
    return [((v,), {"python": True}) for v in (x, np.float64(x), F32(x), np.array(x))]


def integers(*rows: tuple[Any, ...]) -> list[Row]:
    """Rows without attributes."""
    return [(row, {}) for row in rows]


SAMPLES: dict[Op, list[Row]] = {
    # cast and copy
    cast.astype: [
        ((A,), {"dtype": np.dtype(F32)}),
        ((A,), {"dtype": np.dtype(int)}),
        ((0.5,), {"dtype": np.dtype(F32)}),
        ((np.float64(2.5),), {"dtype": np.dtype(np.int32)}),
        ((A,), {"dtype": np.dtype(complex)}),
        ((Z,), {"dtype": np.dtype(float)}),
        ((Z,), {"dtype": np.dtype(bool)}),
        ((N,), {"dtype": np.dtype(float)}),
        ((A,), {"dtype": np.dtype(float)}),
        ((np.array(0.5),), {"dtype": np.dtype(F32)}),
    ],
    # steps of reductions
    **{
        op: integers((np.float64(0.7), F32(0.4)), (np.float64(0.3), True), (np.int64(3), 2))
        for op in (folding.plus, folding.times, extremes.larger, extremes.smaller)
    },
    cast.real: integers((Z,), (A,), (complex(Z[0]),), (Z[0],), (Z.astype(np.complex64),)),
    cast.imag: integers((Z,), (A,), (complex(Z[0]),), (Z[0],), (Z.astype(np.complex64),)),
    cast.conj: integers((Z,), (A,), (0.5,), (Z[0],), (N,)),
    cast.to_numpy: integers((0.5,), (3,), (True,), (0.5j,), (np.array(0.5),), (F32(0.5),)),
    handing.handed: integers((np.float64(0.5),), (np.int64(-3),)),
    cast.to_python: [
        ((np.float64(0.5),), {"kind": "float"}),
        ((F32(0.5),), {"kind": "float"}),
        ((3,), {"kind": "float"}),
        ((2.7,), {"kind": "int"}),
        ((np.array([[0.5]]),), {"kind": "float"}),
        ((np.array([3]),), {"kind": "int"}),
        ((np.array(0.5),), {"kind": "complex"}),
        ((0.5,), {"kind": "complex"}),
        ((np.True_,), {"kind": "bool"}),
        ((0.0,), {"kind": "bool"}),
        ((Z[0],), {"kind": "complex"}),
    ],
    complex_parts.from_parts: binary(A, B) + integers((N, F32(2)), (F32(2), True)),
    complex_parts.make_complex: integers((0.5, 1.5), (0.5, 2), (np.float64(0.5), 1.5)),
    copying.copy_if_set: [((A,), {})],
    copying.copy: integers((A,), (N,), (0.5,), (np.array(0.5),)),
    # arithmetic
    arithmetic.add: binary(A, B, True) + integers((N, 2), (True, True), (T, 1), (BITS, 3)),
    arithmetic.subtract: binary(A, B, True) + integers((N, 2), (True, True), (N, A)),
    arithmetic.multiply: binary(A, B, True) + integers((N, 2), (True, 3), (N, A), (A, 1.0)),
    arithmetic.divide: binary(A, B, True) + integers((N, 2), (True, 3), (N, B), (A, 1)),
    arithmetic.quotient: [((A, B), {})],
    arithmetic.negative: unary(A, True) + integers((N,), (True,), (3,)),
    arithmetic.positive: unary(A, True) + integers((N,), (True,), (3,)),
    arithmetic.log: unary(P, True) + math_unary(0.7),
    arithmetic.power: [
        *binary(P, B, True),
        *integers(
            (A, 2), (P, 3.0), (A, 3), (A, 1), (A, 0), (P, 0.5), (A, -1), (2, B), (2.0, B)
        ),
        *integers((A, np.array([2, 0, 3])), (N, 2), (np.float64(2.0), 3), (Z, 2)),
        *[((a, n), {}) for a, n in ((Z, 1 + 1j), (P, 2.5 - 1j), (Z, 3 + 0j), (P[0], 1j))],
        ((0.5, 1.5), {"python": True}),
    ],
    arithmetic.float_power: binary(P, B) + integers((P, 2), (M * M, 2.0)),
    arithmetic.pow_: [
        *binary(P, B, True),
        *integers(
            (A, 2), (P, 3.0), (A, 3), (A, 1), (A, 0), (P, 0.5), (A, -1), (2, B), (2.0, B)
        ),
        *integers((A, np.array([2, 0, 3])), (N, 2), (2, 3), (2.0, 3), (2.0, -2), (Z, 2)),
    ],
    # comparison
    **{
        op: binary(A, B) + integers((N, 2), (True, False), (BITS, -1), (np.float64(1), 2))
        for op in (
            comparison.less,
            comparison.less_equal,
            comparison.greater,
            comparison.greater_equal,
            comparison.equal,
            comparison.not_equal,
        )
    },
    **{
        op: integers((T, T[0]), (A, T), (N, 0), (True, False), (0.5, np.False_))
        for op in (comparison.logical_and, comparison.logical_or, comparison.logical_xor)
    },
    comparison.logical_not: integers((T,), (A,), (0,), (np.True_,)),
    comparison.not_: integers((True,), (0,), (0.5,), (np.False_,), (np.array(1.0),)),
    **{
        op: integers((N, M), (N, 6), (5, 3), (True, False), (T, T[0]), (BITS, 3), (np.True_, 1))
        for op in (comparison.bitwise_and, comparison.bitwise_or, comparison.bitwise_xor)
    },
    comparison.invert: integers((N,), (T,), (5,), (BITS,), (np.True_,)),
    comparison.left_shift: integers((N, 2), (5, 3), (BITS, BITS), (np.int64(1), 3)),
    comparison.right_shift: integers((N, 2), (5, 3), (BITS, BITS), (np.int64(9), 1)),
    comparison.bitwise_count: integers((N,), (BITS,), (5,)),
    **{
        op: [*unary(A, True), ((0.5,), {"python": True}), ((3,), {"python": True})]
        for op in (comparison.isnan, comparison.isinf, comparison.isfinite)
    },
    comparison.signbit: unary(A) + integers((N,), (-0.0,)),
    comparison.isclose: [
        ((A, A + 1e-9), {"rtol": 1e-5, "atol": 1e-8, "nan": False}),
        ((A, B), {"rtol": 0.5, "atol": 0.1, "nan": True}),
        ((0.5, 0.5), {"rtol": 1e-5, "atol": 1e-8, "nan": False}),
    ],
    comparison.allclose: [
        ((A, A + 1e-9), {"rtol": 1e-5, "atol": 1e-8, "nan": False}),
        ((A, B), {"rtol": 0.5, "atol": 0.1, "nan": True}),
    ],
    comparison.array_equal: integers((A, A + 0.0), (A, B), (0.5, 0.5)),
    comparison.spacing: unary(A),
    comparison.gcd: [*integers((N, M), (N, 4), (np.int64(6), 4)), ((6, 4), {"python": True})],
    comparison.lcm: [*integers((N, M), (N, 4), (np.int64(6), 4)), ((6, 4), {"python": True})],
    # exponential
    exponential.exp: unary(A, True) + math_unary(0.7),
    exponential.exp2: unary(A, True) + math_unary(0.7),
    exponential.expm1: unary(A, True) + math_unary(0.7) + integers((N,)),
    exponential.log2: unary(P, True) + math_unary(0.7),
    exponential.log10: unary(P, True) + math_unary(0.7),
    exponential.log1p: unary(P, True) + math_unary(0.7),
    exponential.logaddexp: binary(A, B),
    exponential.logaddexp2: binary(A, B),
    exponential.sqrt: unary(P, True) + math_unary(0.7) + integers((np.array([1, 4]),), (4,)),
    exponential.cbrt: unary(A) + math_unary(0.7),
    exponential.square: unary(A, True) + integers((N,)),
    exponential.reciprocal: unary(A, True),
    exponential.mantissa: unary(A),
    exponential.binary_exponent: unary(A),
    exponential.nextafter: [
        *binary(A, B),
        ((0.5, 1.5), {"python": True}),
    ],
    exponential.ldexp: [*integers((A, 3), (P, M[:3]), (0.5, 2)), ((0.5, 3), {"python": True})],
    exponential.erf: unary(A) + math_unary(0.7),
    exponential.erfc: unary(A) + math_unary(0.7),
    exponential.gamma: unary(P) + math_unary(2.7),
    exponential.lgamma: unary(P) + math_unary(2.7),
    exponential.polygamma: [
        ((P,), {"order": 0}),
        ((P,), {"order": 1}),
        ((0.7,), {"order": 2}),
        ((F32(0.7),), {"order": 0}),
    ],
    # trigonometric
    trigonometric.sin: unary(A, True) + math_unary(0.7) + integers((N,)),
    trigonometric.cos: unary(A, True) + math_unary(0.7),
    trigonometric.tan: unary(A, True) + math_unary(0.7),
    trigonometric.arcsin: unary(U, True) + math_unary(0.7),
    trigonometric.arccos: unary(U, True) + math_unary(0.7),
    trigonometric.arctan: unary(A, True) + math_unary(0.7),
    trigonometric.arctan2: [*binary(A, B), ((0.5, -1.5), {"python": True})],
    trigonometric.sinh: unary(A, True) + math_unary(0.7),
    trigonometric.cosh: unary(A, True) + math_unary(0.7),
    trigonometric.tanh: unary(A, True) + math_unary(0.7),
    trigonometric.arcsinh: unary(A, True) + math_unary(0.7),
    trigonometric.arccosh: unary(G, True) + math_unary(1.7),
    trigonometric.arctanh: unary(U, True) + math_unary(0.7),
    trigonometric.degrees: unary(A) + math_unary(0.7),
    trigonometric.radians: unary(A) + math_unary(0.7),
    trigonometric.hypot: binary(A, B),
    scalar_math.math_hypot: integers((0.5,), (0.5, -1.5), (0.5, 2, np.float64(1.5))),
    scalar_math.math_fsum: integers((0.5,), (0.5, -1.5), (0.5, 2, F32(1.5))),
    scalar_math.ieee_remainder: [
        *binary(A, B),
        ((5.2, 1.5), {"python": True}),
        ((np.float64(-5.2), 1.5), {"python": True}),
    ],
    scalar_math.factorial: integers((5,)),
    scalar_math.comb: integers((5, 2)),
    scalar_math.perm: integers((5, 2), (5,)),
    scalar_math.isqrt: integers((17,), (np.int64(17),)),
    scalar_math.math_isclose: [
        ((0.5, 0.5 + 1e-12), {"rel_tol": 1e-9, "abs_tol": 0.0}),
        ((0.5, 0.6), {"rel_tol": 1e-3, "abs_tol": 0.01}),
    ],
    trigonometric.sinc: unary(A) + integers((np.array([1e-2, -3e-2, 0.5]),)),
    # rounding
    **{
        op: [*unary(A), *integers((N,)), *math_unary(0.7)[:2], ((3,), {"python": True})]
        for op in (rounding.floor, rounding.ceil, rounding.trunc)
    },
    rounding.rint: unary(A) + integers((N,)),
    rounding.sign: unary(A) + integers((N,), (3,)),
    rounding.phase: [((A + 1j * B,), {}), ((0.3 - 0.4j,), {})],
    rounding.round_: [
        *unary(A),
        *integers((N,), (T,)),
        ((A,), {"decimals": 1}),
        ((0.57,), {"decimals": 1}),
    ],
    rounding.py_round: [
        ((2.7,), {"digits": None}),
        ((2.74,), {"digits": 1}),
        ((7,), {"digits": -1}),
        ((True,), {"digits": None}),
        ((np.float64(2.7),), {"digits": None}),
        ((F32(2.74),), {"digits": 1}),
        ((np.int64(7),), {"digits": 1}),
    ],
    rounding.floor_divide: binary(A, B)
    + integers((N, M), (7, -2), (True, 2), (N, 2), (BITS, 2)),
    rounding.remainder: binary(A, B) + integers((N, M), (7, -2), (True, 2), (N, 2), (BITS, 2)),
    rounding.fmod: [*binary(A, B), *integers((N, M)), ((0.7, 0.3), {"python": True})],
    rounding.fraction: unary(A) + integers((N,)),
    rounding.absolute: unary(A, True) + integers((N,), (-3,), (True,)),
    rounding.fabs: unary(A) + math_unary(-0.7),
    rounding.copysign: [*binary(A, B), ((0.7, -0.3), {"python": True})],
    rounding.heaviside: binary(A, B) + integers((np.array([1.0, -2.0]), np.array([0.3, 0.4]))),
    rounding.maximum: binary(A, B) + integers((N, M), (A, 0), (3, 4)),
    rounding.minimum: binary(A, B) + integers((N, M), (A, 0), (3, 4)),
    rounding.fmax: binary(A, B),
    rounding.fmin: binary(A, B),
    rounding.clip: [
        *integers(
            (A, -0.5, 0.5), (A, B - 1, B), (A, 0, 1), (N, 0, 3), (A.astype(F32), 0.0, 0.5)
        ),
        *integers((np.float64(0.7), 0.0, 0.5), (BITS, 4, 300), (A, 0.5, 0.1), (N, 0, 2.5)),
    ],
    rounding.clip_below: integers(
        (A, -0.5), (A, B), (N, 0), (A.astype(F32), 0.0), (F32(0.5), 1)
    ),
    rounding.clip_above: integers(
        (A, -0.5), (A, B), (N, 0), (A.astype(F32), 0.0), (F32(0.5), 1)
    ),
    rounding.py_max: integers(
        (0.5, 0.7), (3, 2), (np.float64(0.5), np.float64(0.3)), (True, False)
    ),
    rounding.py_min: integers(
        (0.5, 0.7), (3, 2), (np.float64(0.5), np.float64(0.3)), (True, False)
    ),
    rounding.nan_to_num: [
        ((A,), {"nan": 0.0, "posinf": None, "neginf": None}),
        ((A.astype(F32),), {"nan": 1.5, "posinf": 2.0, "neginf": -3.0}),
        ((0.5,), {"nan": 0.0, "posinf": None, "neginf": None}),
    ],
    # select
    masks.mask: [
        ((T, A), {}),
        ((T, A), {"keep": False}),
        ((T, 0.5), {}),
        ((True, 0.5), {}),
        ((np.False_, F32(0.5)), {}),
        ((False, A), {"keep": True}),
        ((True, Z), {"keep": False}),
        ((np.False_, np.array(0.5)), {}),
    ],
    select.where: integers(
        (T, A, B),
        (T, A, 0.0),
        (T[0], 0.5, A.astype(F32)),
        (True, 0.5, 1.5),
        (T, N, B),
        (T, Z, A),
    ),
    select.choose: integers(
        (T, A, B), (T, A, 0.0), (True, 0.5, 1.5), (np.False_, F32(0.5), 1.5), (False, 3, 4)
    ),
    select.stop_gradient: integers((3,), (N,), (T,)),
}
