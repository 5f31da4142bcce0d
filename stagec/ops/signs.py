"""Signs and absolute values, of real and of complex numbers; all have slope 0 at 0."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from stagec.ir.types import ArrayType
from stagec.ops.axes import dtype_of
from stagec.ops.cast import conjugate, real, strong
from stagec.ops.comparison import equal
from stagec.ops.form import elementwise, gated, times
from stagec.ops.masks import mask


def _real(x: Any) -> Any:
    return real(x) if dtype_of(x).kind == "c" else x


sign = elementwise(
    "sign",
    np.sign,
    "np.sign({})",
    # Numba's own is -0.0 at -0.0
    scalar="np.sign({}) + 0",
    vjp=None,
    jvp=None,
    calls=((np.sign, lambda x: direction(strong(x))),),
)


def _across(z: Any, x: Any, dx: Any) -> Any:
    """The part of `dx` that turns `x`, by which its phase `z` changes; 0 at 0."""
    return (dx - z * _real(conjugate(z) * dx)) / (absolute(x) + equal(x, 0))


# `sign` of complex numbers, which is not constant
phase = elementwise(
    "phase",
    np.sign,
    "np.sign({})",
    run=np.sign,
    vjp=(lambda ct, z, x: _across(z, x, ct),),
    jvp=(lambda dx, z, x: _across(z, x, dx),),
)


def direction(x: Any) -> Any:
    """`x / abs(x)`, and 0 at 0."""
    return phase(x) if dtype_of(x).kind == "c" else sign(x)


def _absolute_form(x: ArrayType) -> str:
    """Numba's own of a complex number branches and divides."""
    return "kernels.hypot({0}.real, {0}.imag)" if x.dtype.kind == "c" else "abs({})"


absolute = elementwise(
    "absolute",
    np.absolute,
    "abs({})",
    scalar=_absolute_form,
    python=operator.abs,
    calls=((abs, lambda x: absolute(x)),),
    # x / abs(x), and 0 at 0, for complex numbers too
    vjp=(lambda ct, z, x: ct * direction(x),),
    jvp=(lambda dx, z, x: _real(conjugate(direction(x)) * dx),),
)

fabs = elementwise(
    "fabs", np.fabs, "np.fabs({})", math=math.fabs, **times(lambda z, x: sign(x))
)

copysign = elementwise(
    "copysign",
    np.copysign,
    "np.copysign({}, {})",
    math=math.copysign,
    **times(lambda z, x, y: sign(x) * copysign(1.0, y), None),
)

heaviside = elementwise(
    "heaviside",
    np.heaviside,
    "np.heaviside({}, {})",
    scalar="0.0 if {0} < 0 else 1.0 if {0} > 0 else {1} if {0} == 0 else {0}",
    **gated(None, lambda ct, z, x, h: mask(equal(x, 0), ct)),
)
