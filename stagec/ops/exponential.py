"""Exponentials, logarithms, roots and the special functions of the math module.

Rules read the result where they can (exp, sqrt, cbrt, reciprocal), so that an overwritten
operand needs no copy.  Slopes are infinite, never an exception, where the function has an edge.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import stagec_runtime as rt
from stagec.ir.core import LIBRARY, Cost, Op
from stagec.ir.types import FLOAT, ArrayType
from stagec.ops.arithmetic import (
    add as add,
    float_power as float_power,
    power as power,
    quotient,
)
from stagec.ops.axes import dtype_of
from stagec.ops.broadcast import fit
from stagec.ops.cast import conjugate, strong, to_python
from stagec.ops.comparison import equal, less, not_equal
from stagec.ops.failing import domain
from stagec.ops.family import array, flat, make
from stagec.ops.form import elementwise, gated, over, times
from stagec.ops.kernel_forms import elementary, none, of_numpy
from stagec.ops.masks import mask

LOG2, LOG10 = math.log(2.0), math.log(10.0)
SLOW: dict[str, Any] = {"cost": Cost.COSTLY, "may_raise": (ValueError, OverflowError)}


def function(name: str, ufunc: Any, math: Any, rules: dict[str, Any], **forms: Any) -> Op:
    """A function of NumPy and the math module that kernels have themselves."""
    forms = {"scalar": elementary(name), "alone": of_numpy(name), "math": math, **forms}
    return elementwise(name, ufunc, f"np.{name}({{}})", **forms, **SLOW, **rules)


exp = function("exp", np.exp, math.exp, times(lambda z, x: z))
exp2 = function("exp2", np.exp2, math.exp2, times(lambda z, x: LOG2 * z))
expm1 = function("expm1", np.expm1, math.expm1, times(lambda z, x: z + 1))
log2 = function("log2", np.log2, math.log2, over(lambda z, x: LOG2 * x))
log10 = function("log10", np.log10, math.log10, over(lambda z, x: LOG10 * x))
log1p = function("log1p", np.log1p, math.log1p, over(lambda z, x: 1 + x))


def _share(base: Any, z: Any, x: Any) -> Any:
    """What of `logaddexp` is due to `x`; nothing where both operands are -inf.

    All of it where `x` is the result, also an infinite one, whose distance is no number.
    """
    return mask(z > -np.inf, mask(not_equal(x, z), base(x - z)) + equal(x, z))


logaddexp = elementwise(
    "logaddexp",
    np.logaddexp,
    "np.logaddexp({}, {})",
    scalar=elementary("logaddexp"),
    cost=Cost.COSTLY,
    **times(lambda z, x, y: _share(exp, z, x), lambda z, x, y: _share(exp, z, y)),
)

logaddexp2 = elementwise(
    "logaddexp2",
    np.logaddexp2,
    "np.logaddexp2({}, {})",
    scalar=elementary("logaddexp2"),
    cost=Cost.COSTLY,
    **times(lambda z, x, y: _share(exp2, z, x), lambda z, x, y: _share(exp2, z, y)),
)

sqrt = elementwise(
    "sqrt",
    np.sqrt,
    "np.sqrt({})",
    math=math.sqrt,
    may_raise=(ValueError,),
    failing=domain(math.sqrt, -1.0, lambda x: less(x, 0)),
    vjp=(lambda ct, z, x: _root_slope(ct, conjugate(z), x),),
    jvp=(lambda dx, z, x: _root_slope(dx, z, x),),
)


def _root_slope(ct: Any, z: Any, x: Any) -> Any:
    """`ct` over the slope of a square; 0 where `ct` is 0, also at a root of 0.

    The root of a sum of squares is a distance: where it is 0, all squares are, and so is the
    slope in the middle of those of either side: any number but infinity does, times zeros.
    """
    if flat(x):
        return ct / (2 * (strong(z) + equal(z, 0)))
    return quotient(ct, 2 * z) if np.ndim(z) else ct / (2 * strong(z))


cbrt = elementwise(
    "cbrt",
    np.cbrt,
    "np.cbrt({})",
    scalar=elementary("cbrt"),
    math=math.cbrt,
    cost=Cost.COSTLY,
    **over(lambda z, x: 3 * (z * z)),
)

square = elementwise(
    "square", np.square, "np.square({})", flat=lambda x: (), **times(lambda z, x: 2 * x)
)

reciprocal = elementwise(
    "reciprocal",
    np.reciprocal,
    "np.reciprocal({})",
    any_width=False,  # that of 0 is another number for each width
    **times(lambda z, x: -(z * z)),
)


def _ldexp_in_kernel(x: ArrayType, i: ArrayType) -> str:
    """The exponent stays an integer; a product by a power of two is rounded once."""
    single = x.dtype == np.dtype(np.float32)
    return "np.float32(np.ldexp(np.float64({}), {}))" if single else "np.ldexp({}, {})"


ldexp = elementwise(
    "ldexp",
    np.ldexp,
    "np.ldexp({}, {})",
    scalar=_ldexp_in_kernel,
    math=math.ldexp,
    may_raise=(OverflowError,),
    **gated(lambda ct, z, x, i: ldexp(ct, i), None),
)

# `frexp` in two: `x == mantissa(x) * 2.0 ** binary_exponent(x)`
mantissa = elementwise(
    "mantissa",
    np.spacing,
    "np.frexp({})[0]",
    scalar=none,
    run=lambda x: np.frexp(x)[0],
    calls=(
        (np.frexp, lambda x, /: _frexp(strong(x))),
        (math.frexp, lambda x, /: _math_frexp(x)),
    ),
    **gated(lambda ct, z, x: ldexp(ct, -binary_exponent(x))),
)

binary_exponent = elementwise(
    "binary_exponent",
    np.frexp,
    "np.frexp({})[1]",
    scalar=none,
    run=lambda x: np.frexp(x)[1],
    vjp=None,
    jvp=None,
)


def _frexp(x: Any) -> tuple[Any, Any]:
    return mantissa(x), binary_exponent(x)


def _math_frexp(x: Any) -> tuple[Any, Any]:
    if np.ndim(x):
        raise TypeError("math.frexp needs one number")
    part, power = _frexp(strong(to_python(x, kind="float")))
    return to_python(part, kind="float"), to_python(power, kind="int")


nextafter = elementwise(
    "nextafter",
    np.nextafter,
    "np.nextafter({}, {})",
    math=math.nextafter,
    **gated(lambda ct, z, x, y: ct, None),
)

# --- special functions ---------------------------------------------------------------------


def _special(name: str, slope: Any, scalar: Any = None) -> Op:
    """A function of the math module; over arrays it comes from the runtime."""
    return elementwise(
        name,
        np.sin,
        f"rt.{name}({{}})",
        run=getattr(rt, name),
        math=getattr(math, name),
        scalar=scalar or f"math.{name}({{}})",
        **SLOW,
        **times(slope),
    )


erf = _special("erf", lambda z, x: (2 / math.sqrt(math.pi)) * exp(-(x * x)), elementary("erf"))
erfc = _special("erfc", lambda z, x: (-2 / math.sqrt(math.pi)) * exp(-(x * x)))
gamma = _special("gamma", lambda z, x: z * polygamma(x, order=0))
lgamma = _special("lgamma", lambda z, x: polygamma(x, order=0))


def _polygamma_infer(x: ArrayType, *, order: int) -> ArrayType:
    if x.dtype.kind not in "biuf":
        raise TypeError(f"polygamma needs real numbers, got {x}")
    return array(
        np.sin.resolve_dtypes((x.dtype if not x.weak else FLOAT.dtype, None))[-1], x.shape
    )


# the derivative of lgamma (order 0) and its derivatives
polygamma = make(
    "polygamma",
    calls=(),
    infer=_polygamma_infer,
    value=lambda x, *, order: rt.polygamma(x, order),
    vjp=lambda ct, out, x, *, order: (
        fit(ct * polygamma(x, order=order + 1), x) if dtype_of(x).kind == "f" else None,
    ),
    jvp=lambda dxs, out, x, *, order: polygamma(x, order=order + 1) * dxs[0],
    batch=lambda args, axes, *, order: (polygamma(args[0], order=order), axes[0]),
    source=lambda x, *, order: f"rt.polygamma({{}}, {order})",
    scalar=LIBRARY,
)

OPS: tuple[Op, ...] = (
    *(exp, exp2, expm1, log2, log10, log1p, logaddexp, logaddexp2),
    *(sqrt, cbrt, square, reciprocal, ldexp, mantissa, binary_exponent, nextafter),
    *(erf, erfc, gamma, lgamma, polygamma),
)
