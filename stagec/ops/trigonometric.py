"""Trigonometric and hyperbolic functions and their inverses, angles and `hypot`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from stagec.ir.core import Cost, Op
from stagec.ir.types import FLOAT
from stagec.ops.axes import dtype_of
from stagec.ops.cast import astype, imag, real, strong
from stagec.ops.comparison import equal, isinf
from stagec.ops.exponential import function, sqrt
from stagec.ops.form import elementwise, over, times
from stagec.ops.kernel_forms import elementary, of_numpy, of_reals
from stagec.ops.rounding import absolute
from stagec.ops.select import choose
from stagec.ops.signs import sign

sin = function("sin", np.sin, math.sin, times(lambda z, x: cos(x)))
cos = function("cos", np.cos, math.cos, times(lambda z, x: -sin(x)))
tan = function("tan", np.tan, math.tan, times(lambda z, x: 1 + z * z))
arcsin = function("arcsin", np.arcsin, math.asin, over(lambda z, x: sqrt(1 - x * x)))
arccos = function("arccos", np.arccos, math.acos, over(lambda z, x: -sqrt(1 - x * x)))
arctan = function("arctan", np.arctan, math.atan, over(lambda z, x: 1 + x * x))
sinh = function("sinh", np.sinh, math.sinh, times(lambda z, x: cosh(x)))
cosh = function("cosh", np.cosh, math.cosh, times(lambda z, x: sinh(x)))
# the C library is slower here
tanh = function(
    "tanh",
    np.tanh,
    math.tanh,
    times(lambda z, x: 1 - z * z),
    scalar=of_reals(elementary("tanh")),
    alone=None,
)
arcsinh = function("arcsinh", np.arcsinh, math.asinh, over(lambda z, x: sqrt(x * x + 1)))
# two roots: the product keeps the branch cut of complex numbers
arccosh = function(
    "arccosh",
    np.arccosh,
    math.acosh,
    over(lambda z, x: sqrt(x - 1) * sqrt(x + 1)),
    scalar=of_reals(elementary("arccosh")),
    alone=of_reals(of_numpy("arccosh")),
)
arctanh = function("arctanh", np.arctanh, math.atanh, over(lambda z, x: 1 - x * x))

degrees = elementwise(
    "degrees",
    np.degrees,
    "np.degrees({})",
    math=math.degrees,
    also=(np.rad2deg,),
    **times(lambda z, x: 180 / math.pi),
)

radians = elementwise(
    "radians",
    np.radians,
    "np.radians({})",
    math=math.radians,
    also=(np.deg2rad,),
    **times(lambda z, x: math.pi / 180),
)


def nonzero_or_one(r: Any) -> Any:
    """`r`, and 1 where it is zero: 0 / 0 becomes 0."""
    return r + equal(r, 0)


hypot = elementwise(
    "hypot",
    np.hypot,
    "np.hypot({}, {})",
    scalar=elementary("hypot"),
    alone=of_numpy("hypot"),
    **times(lambda z, x, y: leaning(x, z), lambda z, x, y: leaning(y, z)),
)


def leaning(side: Any, r: Any) -> Any:
    """`side / r`; an infinite side is the result, whatever the other one."""
    return choose(isinf(side), sign(side), side / nonzero_or_one(r))


def _turn(side: Any, x: Any, y: Any) -> Any:
    r = nonzero_or_one(hypot(x, y))
    return side / r / r


def _angle_call(z: Any, deg: bool = False) -> Any:
    z = strong(z)
    angle = arctan2(imag(z), real(z)) if dtype_of(z).kind == "c" else arctan2(0, z)
    return degrees(angle) if deg else angle


arctan2 = elementwise(
    "arctan2",
    np.arctan2,
    "np.arctan2({}, {})",
    scalar=elementary("arctan2"),
    math=math.atan2,
    cost=Cost.COSTLY,
    calls=((np.angle, _angle_call),),
    **times(lambda z, y, x: _turn(x, x, y), lambda z, y, x: -_turn(y, x, y)),
)

# --- sinc ----------------------------------------------------------------------------------


def _sinc_slope(z: Any, x: Any) -> Any:
    """`(cos(t) - sinc(x)) / x` with `t = pi * x`, by its series near 0, where that cancels."""
    t2 = (math.pi * x) * (math.pi * x)
    series = -1 / 3 + t2 * (1 / 30 + t2 * (-1 / 840 + t2 * (1 / 45360)))
    near = (math.pi * math.pi) * (x * series)
    return choose(absolute(x) < 0.02, near, (cos(math.pi * x) - z) / nonzero_or_one(x))


def _sinc_call(x: Any) -> Any:
    return sinc(astype(x, dtype=FLOAT.dtype) if dtype_of(x).kind in "biu" else x)


sinc = elementwise(
    "sinc",
    np.sin,
    "np.sinc({})",
    scalar=elementary("sinc"),
    run=np.sinc,
    calls=((np.sinc, _sinc_call),),
    cost=Cost.COSTLY,
    **times(_sinc_slope),
)

OPS: tuple[Op, ...] = (
    *(sin, cos, tan, arcsin, arccos, arctan, arctan2, sinh, cosh, tanh),
    *(arcsinh, arccosh, arctanh, degrees, radians, hypot, sinc),
)
