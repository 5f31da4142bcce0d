"""Comparisons, logic, bits and predicates: results that have no derivative."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from stagec.ir.core import LIBRARY, Cost, Op
from stagec.ir.types import BOOL, INT, ArrayType, broadcast_shapes, may_be_one
from stagec.ops.axes import dtype_of
from stagec.ops.broadcast import align
from stagec.ops.cast import imag, one_each, strong
from stagec.ops.family import constant, made_by, scalar_kind, static
from stagec.ops.form import elementwise
from stagec.ops.kernel_forms import none, shift_form


def _flat(name: str, ufunc: Any, source: str, **rules: Any) -> Op:
    """An elementwise op that is constant almost everywhere."""
    return elementwise(name, ufunc, source, vjp=None, jvp=None, **rules)


less = _flat("less", np.less, "{} < {}", python=operator.lt)
less_equal = _flat("less_equal", np.less_equal, "{} <= {}", python=operator.le)
greater = _flat("greater", np.greater, "{} > {}", python=operator.gt)
greater_equal = _flat("greater_equal", np.greater_equal, "{} >= {}", python=operator.ge)
equal = _flat(
    "equal",
    np.equal,
    "{} == {}",
    python=operator.eq,
    calls=(
        (np.isposinf, lambda x: _is_infinity(x, np.inf)),
        (np.isneginf, lambda x: _is_infinity(x, -np.inf)),
        (np.isreal, lambda x: equal(_imaginary(x), 0)),
    ),
)
not_equal = _flat(
    "not_equal",
    np.not_equal,
    "{} != {}",
    python=operator.ne,
    calls=((np.iscomplex, lambda x: not_equal(_imaginary(strong(x)), 0)),),
)


def _imaginary(x: Any) -> Any:
    """The imaginary part; for real numbers something that is zero everywhere."""
    return imag(x) if dtype_of(x).kind == "c" else less(x, x)


def _is_infinity(x: Any, infinity: float) -> Any:
    if dtype_of(x).kind == "c":
        raise TypeError(f"not supported for {dtype_of(x)}, as it would be ambiguous")
    return equal(strong(x), infinity)


logical_and = _flat("logical_and", np.logical_and, "np.logical_and({}, {})")
logical_or = _flat("logical_or", np.logical_or, "np.logical_or({}, {})")
logical_xor = _flat("logical_xor", np.logical_xor, "np.logical_xor({}, {})")
logical_not = _flat("logical_not", np.logical_not, "np.logical_not({})")


def _not_infer(x: ArrayType) -> ArrayType:
    if not all(may_be_one(d) for d in x.shape):
        raise TypeError(f"the truth value of {x} is ambiguous")
    return BOOL


# Python's `not`, which asks for one truth value and answers with a Python bool
def _not_twice(x: Any) -> Any:
    inner = made_by(x, not_)
    plain = inner and dtype_of(inner[0][0]).kind == "b" and inner[0][0].type.weak
    return inner[0][0] if inner and plain else None


not_ = constant(
    "not",
    calls=((operator.not_, lambda a: not_(a)),),
    infer=_not_infer,
    value=operator.not_,
    batch=lambda args, axes: (logical_not(one_each(args[0], axes[0])), 0),
    may_raise=(ValueError,),
    source="not {}",
    scalar=lambda x: "not {}",
    cost=Cost.FREE,
    rewrites=(_not_twice,),
)

bitwise_and = _flat("bitwise_and", np.bitwise_and, "{} & {}", python=operator.and_)
bitwise_or = _flat("bitwise_or", np.bitwise_or, "{} | {}", python=operator.or_)
bitwise_xor = _flat("bitwise_xor", np.bitwise_xor, "{} ^ {}", python=operator.xor)
invert = _flat(
    "invert",
    np.invert,
    "~{}",
    python=operator.invert,
    calls=((operator.inv, lambda a: invert(a)),),
)
left_shift = _flat(
    "left_shift",
    np.left_shift,
    "{} << {}",
    python=operator.lshift,
    may_raise=(ValueError,),
    scalar=shift_form("left_shift"),
)
right_shift = _flat(
    "right_shift",
    np.right_shift,
    "{} >> {}",
    python=operator.rshift,
    may_raise=(ValueError,),
    scalar=shift_form("right_shift"),
)
bitwise_count = _flat(
    "bitwise_count", np.bitwise_count, "np.bitwise_count({})", any_width=False
)

isnan = _flat("isnan", np.isnan, "np.isnan({})", math=math.isnan, result=BOOL)
isinf = _flat("isinf", np.isinf, "np.isinf({})", math=math.isinf, result=BOOL)
isfinite = _flat("isfinite", np.isfinite, "np.isfinite({})", math=math.isfinite, result=BOOL)
signbit = _flat("signbit", np.signbit, "np.signbit({})")
spacing = _flat("spacing", np.spacing, "np.spacing({})")
gcd = _flat("gcd", np.gcd, "np.gcd({}, {})", math=math.gcd, result=INT, any_width=False)
lcm = _flat("lcm", np.lcm, "np.lcm({}, {})", math=math.lcm, result=INT, scalar=none)


def _isclose_infer(a: ArrayType, b: ArrayType, **tolerances: Any) -> ArrayType:
    shape = broadcast_shapes(a.shape, b.shape)
    return ArrayType(np.dtype(bool), shape, scalar_kind(shape))


def _isclose_source(a: ArrayType, b: ArrayType, *, rtol: float, atol: float, nan: bool) -> str:
    text = "np.isclose({}, {}"
    text += f", rtol={rtol}" if rtol != 1e-5 else ""
    text += f", atol={atol}" if atol != 1e-8 else ""
    return text + (", equal_nan=True)" if nan else ")")


def _tolerances(rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: bool = False) -> dict[str, Any]:
    rtol, atol = static(rtol, "rtol"), static(atol, "atol")
    return {"rtol": float(rtol), "atol": float(atol), "nan": bool(equal_nan)}


isclose = constant(
    "isclose",
    calls=((np.isclose, lambda a, b, *args, **kw: isclose(a, b, **_tolerances(*args, **kw))),),
    infer=_isclose_infer,
    value=lambda a, b, *, rtol, atol, nan: np.isclose(a, b, rtol, atol, nan),
    batch=lambda args, axes, **tolerances: (isclose(*align(args, axes), **tolerances), 0),
    source=_isclose_source,
    scalar=LIBRARY,
    cost=Cost.CHEAP,
)


def _all_source(a: ArrayType, b: ArrayType, *, rtol: float, atol: float, nan: bool) -> str:
    return _isclose_source(a, b, rtol=rtol, atol=atol, nan=nan).replace("isclose", "allclose")


allclose = constant(
    "allclose",
    calls=(
        (np.allclose, lambda a, b, *args, **kw: allclose(a, b, **_tolerances(*args, **kw))),
    ),
    infer=lambda a, b, **tolerances: BOOL,
    value=lambda a, b, *, rtol, atol, nan: np.allclose(a, b, rtol, atol, nan),
    batch=None,
    source=_all_source,
)

array_equal = constant(
    "array_equal",
    calls=((np.array_equal, lambda a1, a2: array_equal(a1, a2)),),
    infer=lambda a, b: BOOL,
    value=np.array_equal,
    batch=None,
    source="np.array_equal({}, {})",
)

OPS: tuple[Op, ...] = (
    *(less, less_equal, greater, greater_equal, equal, not_equal),
    *(logical_and, logical_or, logical_xor, logical_not, not_),
    *(bitwise_and, bitwise_or, bitwise_xor, invert, left_shift, right_shift, bitwise_count),
    *(isnan, isinf, isfinite, signbit, spacing, isclose, allclose, array_equal, gcd, lcm),
)
