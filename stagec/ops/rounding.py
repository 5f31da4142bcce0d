"""Rounding, division with remainder, signs and bounds: the piecewise smooth functions.

At a kink the rules give the mean of the slopes on both sides (0 for `absolute`, a half for a
tie of `maximum`); `clip` passes a value at its bound.
"""

from __future__ import annotations

import builtins
import math
import operator
from functools import reduce
from typing import Any

import numpy as np

from stagec.ir.core import LIBRARY, Cost, Op
from stagec.ir.types import INT, ArrayType, quotient
from stagec.ops.arithmetic import positive
from stagec.ops.axes import dtype_of
from stagec.ops.cast import (
    NAMES,
    astype,
    number_type,
    strong,
    to_numpy,
    to_python,
)
from stagec.ops.comparison import (
    equal,
    greater,
    greater_equal,
    isfinite,
    less,
    less_equal,
    logical_and,
)
from stagec.ops.failing import by_zero
from stagec.ops.family import array, constant, make, same_axis, static
from stagec.ops.form import JOIN, elementwise, gated, joined, varies
from stagec.ops.kernel_forms import checked, divisible, none
from stagec.ops.masks import mask
from stagec.ops.select import choose
from stagec.ops.signs import (
    absolute as absolute,
    copysign as copysign,
    direction as direction,
    fabs as fabs,
    heaviside as heaviside,
    phase as phase,
    sign as sign,
)

RAISES: dict[str, Any] = {"may_raise": (ZeroDivisionError,), "spared": divisible}
ROUNDS: dict[str, Any] = {"may_raise": (ValueError, OverflowError), "result": INT}


def _step(name: str, ufunc: Any, source: str, **rules: Any) -> Op:
    """An elementwise op that is constant almost everywhere."""
    return elementwise(name, ufunc, source, vjp=None, jvp=None, **rules)


floor = _step("floor", np.floor, "np.floor({})", math=math.floor, **ROUNDS)
ceil = _step("ceil", np.ceil, "np.ceil({})", math=math.ceil, **ROUNDS)
trunc = _step("trunc", np.trunc, "np.trunc({})", math=math.trunc, also=(np.fix,), **ROUNDS)
rint = _step("rint", np.rint, "np.rint({})")


def _round_infer(x: ArrayType, *, decimals: int = 0) -> ArrayType:
    return array(np.dtype(np.float16) if x.dtype.kind == "b" else x.dtype, x.shape)


def _round_source(x: ArrayType, *, decimals: int = 0) -> str:
    return f"np.round({{}}, {decimals})" if decimals else "np.round({})"


def _round_call(a: Any, decimals: Any = 0) -> Any:
    return round_(a, decimals=operator.index(static(decimals, "decimals")))


round_ = constant(
    "round",
    calls=((np.round, _round_call), (np.around, _round_call)),
    infer=_round_infer,
    value=lambda x, *, decimals=0: np.round(x, decimals),
    batch=same_axis(lambda: round_),
    source=_round_source,
    scalar=lambda x, *, decimals=0: f"np.round({{}}, {decimals})",
    cost=Cost.CHEAP,
)


def _py_round_infer(x: ArrayType, *, digits: int | None) -> ArrayType:
    if x.rank or x.kind == "array" or x.dtype.kind == "c":
        raise TypeError(f"round is not defined for {x}")
    whole = digits is None or (x.weak and x.dtype.kind in "bi")
    return INT if whole else ArrayType(x.dtype, (), x.kind)


def _py_round_batch(args: Any, axes: Any, *, digits: int | None) -> tuple[Any, Any]:
    out = round_(args[0], decimals=digits or 0)
    return (astype(out, dtype=INT.dtype) if digits is None else out), axes[0]


def _py_round_call(x: Any, ndigits: Any = None) -> Any:
    return py_round(x, digits=None if ndigits is None else static(ndigits, "ndigits"))


py_round = constant(
    "py_round",
    calls=((builtins.round, _py_round_call),),
    infer=_py_round_infer,
    value=lambda x, *, digits: (
        builtins.round(x) if digits is None else builtins.round(x, digits)
    ),
    batch=_py_round_batch,
    source=lambda x, *, digits: "round({})" if digits is None else f"round({{}}, {digits})",
    scalar=LIBRARY,
    may_raise=(ValueError, OverflowError),
    cost=Cost.CHEAP,
)

# --- division with remainder ---------------------------------------------------------------

floor_divide = _step(
    "floor_divide",
    np.floor_divide,
    "{} // {}",
    python=operator.floordiv,
    scalar=checked("kernels.floor_divide({}, {})", "kernels.quotient({}, {})"),
    measure=quotient,
    failing=by_zero(operator.floordiv),
    **RAISES,
)


def _divmod_call(x: Any, y: Any, /) -> tuple[Any, Any]:
    return floor_divide(x, y), remainder(x, y)


def _np_divmod_call(x: Any, y: Any, /) -> tuple[Any, Any]:
    both = number_type(x).weak and number_type(y).weak
    return _divmod_call(strong(x) if both else x, y)


remainder = elementwise(
    "remainder",
    np.remainder,
    "{} % {}",
    python=operator.mod,
    scalar=checked("kernels.remainder({}, {})", "kernels.modulus({}, {})"),
    calls=((divmod, _divmod_call), (np.divmod, _np_divmod_call)),
    vjp=(lambda ct, z, x, y: ct, lambda ct, z, x, y: -ct * floor_divide(x, y)),
    jvp=(lambda dx, z, x, y: dx, lambda dy, z, x, y: -(floor_divide(x, y) * dy)),
    failing=by_zero(operator.mod),
    **RAISES,
)

fmod = elementwise(
    "fmod",
    np.fmod,
    "np.fmod({}, {})",
    math=math.fmod,
    may_raise=(ValueError,),
    vjp=(lambda ct, z, x, y: ct, lambda ct, z, x, y: -ct * trunc(x / strong(y))),
    jvp=(lambda dx, z, x, y: dx, lambda dy, z, x, y: -(trunc(x / strong(y)) * dy)),
)


def _modf_call(x: Any, /) -> tuple[Any, Any]:
    x = strong(x)
    if dtype_of(x).kind != "f":
        x = astype(x, dtype=np.modf.resolve_dtypes((dtype_of(x), None, None))[-1])
    return fraction(x), trunc(x)


def _math_modf_call(x: Any, /) -> tuple[Any, Any]:
    if np.ndim(x):
        raise TypeError("math.modf needs one number")
    x = to_python(x, kind="float")
    return to_python(fraction(x), kind="float"), to_python(trunc(strong(x)), kind="float")


# the first result of `modf`; the second is `trunc`
fraction = elementwise(
    "fraction",
    np.modf,
    "np.modf({})[0]",
    scalar=none,
    run=lambda x: np.modf(x)[0],
    calls=((np.modf, _modf_call), (math.modf, _math_modf_call)),
    vjp=(lambda ct, z, x: ct,),
    jvp=(lambda dx, z, x: dx,),
)

# --- bounds --------------------------------------------------------------------------------


def _halved(ct: Any, x: Any, y: Any) -> Any:
    """The cotangent of one of two operands, shared where they tie."""
    return choose(equal(x, y), 0.5 * ct, ct)


maximum = elementwise(
    "maximum",
    np.maximum,
    "np.maximum({}, {})",
    **gated(
        lambda ct, z, x, y: mask(x >= y, _halved(ct, x, y)),
        lambda ct, z, x, y: mask(y >= x, _halved(ct, x, y)),
    ),
)

minimum = elementwise(
    "minimum",
    np.minimum,
    "np.minimum({}, {})",
    **gated(
        lambda ct, z, x, y: mask(x <= y, _halved(ct, x, y)),
        lambda ct, z, x, y: mask(y <= x, _halved(ct, x, y)),
    ),
)

# the result tells which operand it is, also where the other one is NaN
_BY_RESULT = gated(
    lambda ct, z, x, y: mask(equal(x, z), _halved(ct, x, y)),
    lambda ct, z, x, y: mask(equal(y, z), _halved(ct, x, y)),
)
fmax = elementwise("fmax", np.fmax, "np.fmax({}, {})", **_BY_RESULT)
fmin = elementwise("fmin", np.fmin, "np.fmin({}, {})", **_BY_RESULT)


def _clip_call(
    a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None
) -> Any:
    low, high = a_min if min is None else min, a_max if max is None else max
    a = strong(a)
    if low is None:
        return positive(a) if high is None else clip_above(a, high)
    return clip_below(a, low) if high is None else clip(a, low, high)


clip = elementwise(
    "clip",
    JOIN,
    "np.clip({}, {}, {})",
    scalar="np.minimum(np.maximum({}, {}), {})",
    run=np.clip,
    any_width=False,  # bounds may be outside of what the width holds
    calls=((np.clip, _clip_call),),
    **gated(
        lambda ct, z, x, low, high: mask(logical_and(x >= low, x <= high), ct),
        lambda ct, z, x, low, high: mask(logical_and(x < low, low <= high), ct),
        lambda ct, z, x, low, high: mask(maximum(x, low) > high, ct),
    ),
)

clip_below = elementwise(
    "clip_below",
    JOIN,
    "np.clip({}, {}, None)",
    scalar="np.maximum({}, {})",
    run=lambda x, low: np.clip(x, low, None),
    any_width=False,
    **gated(
        lambda ct, z, x, low: mask(x >= low, ct),
        lambda ct, z, x, low: mask(x < low, ct),
    ),
)

clip_above = elementwise(
    "clip_above",
    JOIN,
    "np.clip({}, None, {})",
    scalar="np.minimum({}, {})",
    run=lambda x, high: np.clip(x, None, high),
    any_width=False,
    **gated(
        lambda ct, z, x, high: mask(x <= high, ct),
        lambda ct, z, x, high: mask(x > high, ct),
    ),
)

# --- Python's max and min, which return one of their operands ------------------------------


def _joint(*xs: Any) -> tuple[Any, ...]:
    """Numbers in their common type, so that the result has it whichever is chosen."""
    types = [number_type(x) for x in xs]
    if any(t.rank for t in types):
        raise TypeError("the truth value of an array is ambiguous")
    if all(t.weak for t in types):
        kind = next(k for k in ("c", "f", "i", "b") if any(t.dtype.kind == k for t in types))
        return tuple(x if t.dtype.kind == kind else to_python(x, kind=NAMES[kind])
                     for x, t in zip(xs, types, strict=True))  # fmt: skip
    dtype = joined(*types)
    if dtype.kind in "iu" and any(type(x) is int and not _fits(x, dtype) for x in xs):
        dtype = INT.dtype
    return tuple(
        to_numpy(x) if t.dtype == dtype else astype(x, dtype=dtype)
        for x, t in zip(xs, types, strict=True)
    )


def _fits(x: int, dtype: np.dtype) -> bool:
    return bool(np.iinfo(dtype).min <= x <= np.iinfo(dtype).max)


def _extreme(name: str, function: Any, sign: str, ahead: Any, level: Any) -> Op:
    """`function(x, y)`: `y` where it is ahead of `x`, and else `x`.

    `level` says whether it is ahead or equal: neither holds for NaN.
    """

    def call(*args: Any, key: None = None) -> Any:
        if len(args) < 2 or key is not None:
            raise TypeError(f"{name} needs two numbers or more, and no key")
        return reduce(lambda x, y: op(*_joint(x, y)), args)

    select = f"{{1}} if {{1}} {sign} {{0}} else {{0}}"

    def scalar(x: ArrayType, y: ArrayType) -> str:
        # of numbers that are equal or none, compiled code may choose the other
        return f"{name}({{}}, {{}})" if x.dtype.kind == y.dtype.kind == "i" else select

    def source(x: ArrayType, y: ArrayType) -> str:
        scalar = not x.rank and not y.rank
        return (
            f"{name}({{}}, {{}})" if scalar else f"np.where({{1}} {sign} {{0}}, {{1}}, {{0}})"
        )

    def run(x: Any, y: Any) -> Any:
        return np.where(ahead(y, x), y, x) if np.ndim(x) or np.ndim(y) else function(x, y)

    op = elementwise(
        f"py_{name}",
        JOIN,
        source,
        scalar=scalar,
        python=function,
        run=run,
        calls=((function, call),),
        **gated(
            lambda ct, z, x, y: mask(ahead(y, x), _halved(ct, x, y), keep=False),
            lambda ct, z, x, y: mask(level(y, x), _halved(ct, x, y)),
        ),
    )
    return op


py_max = _extreme("max", max, ">", greater, greater_equal)
py_min = _extreme("min", min, "<", less, less_equal)

# --- NaN and infinities --------------------------------------------------------------------


def _finite_source(x: ArrayType, **values: Any) -> str:
    parts = [f"{k}={v}" for k, v in values.items() if v is not None and (k, v) != ("nan", 0.0)]
    return f"np.nan_to_num({', '.join(['{}', *parts])})"


def _finite_call(
    x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None
) -> Any:
    if not copy:
        raise TypeError("nan_to_num with copy=False is not supported")
    values = {"nan": nan, "posinf": posinf, "neginf": neginf}
    return nan_to_num(x, **{k: static(v, k) for k, v in values.items()})


nan_to_num = make(
    "nan_to_num",
    calls=((np.nan_to_num, _finite_call),),
    infer=lambda x, **values: array(x.dtype, x.shape),
    value=np.nan_to_num,
    vjp=lambda ct, out, x, **values: (mask(isfinite(x), ct) if varies(x) else None,),
    jvp=lambda dxs, out, x, **values: mask(isfinite(x), dxs[0]),
    batch=same_axis(lambda: nan_to_num),
    source=_finite_source,
    cost=Cost.CHEAP,
)

OPS: tuple[Op, ...] = (
    *(floor, ceil, trunc, rint, sign, phase, round_, py_round),
    *(floor_divide, remainder, fmod, fraction, absolute, fabs, copysign, heaviside),
    *(maximum, minimum, fmax, fmin, clip, clip_below, clip_above, py_max, py_min, nan_to_num),
)
