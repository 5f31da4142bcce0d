"""Arithmetic operators, and the handles that spell them as operators.

Rules are written with these operators, so the same text runs on handles and on plain arrays.
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import stagec_runtime as rt
from stagec.ir.build import Builder
from stagec.ir.core import Cost, Op, Operand, Staged, known, operand_of
from stagec.ir.lowering import is_integer
from stagec.ir.types import (
    ArrayType,
    Shape,
    Type,
    affine,
    negates_alike,
    product,
    same_shape,
)
from stagec.ops.axes import dtype_of, np_shape, plain_array
from stagec.ops.cast import astype, conjugate, number_type, strong, to_python
from stagec.ops.comparison import (
    greater,
    greater_equal,
    less,
    less_equal,
    not_equal,
)
from stagec.ops.failing import by_zero, domain
from stagec.ops.family import made_by, origin
from stagec.ops.form import elementwise, identity, over
from stagec.ops.kernel_forms import (
    checked,
    divisible,
    elementary,
    none,
    numpy_power_form,
    of_numpy,
    power_form,
)
from stagec.ops.masks import mask
from stagec.ops.merging import merged

SHORT = 2.0**8  # factors are multiplied if they are below it and multiples of its inverse


@dataclass(frozen=True, slots=True, eq=False)
class Handle(Staged):
    """An operand and the builder of the block it is used in."""

    builder: Builder
    value: Operand
    __array_ufunc__ = None  # `array + handle` is the handle's, not a loop over objects

    @property
    def operand(self) -> Operand:
        """The operand behind the handle."""
        return self.value

    @property
    def type(self) -> Type:
        """Type of the operand."""
        return self.value.type

    @property
    def array(self) -> ArrayType:
        """Type of the operand, which is a number or an array."""
        assert isinstance(self.value.type, ArrayType)
        return self.value.type

    @property
    def shape(self) -> Shape:
        """Static shape; its entries may be symbolic."""
        return self.array.shape

    @property
    def ndim(self) -> int:
        """Rank."""
        return self.array.rank

    @property
    def dtype(self) -> np.dtype:
        """Element type."""
        return self.array.dtype

    def apply(self, op: Op, args: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        """Append `op(*args, **attrs)` to this handle's block."""
        outs = self.builder.add(op, [operand_of(plain_array(a)) for a in args], attrs)
        handles = tuple(Handle(self.builder, v) for v in outs)
        return handles[0] if len(handles) == 1 else handles

    def __array__(self, *options: Any) -> Any:
        """Refuse what NumPy would make of a list of handles: an array of objects."""
        raise TypeError("a staged value in a list is no array yet")

    def __add__(self, other: Any) -> Any:
        total = merged(add, self, other)
        return add(self, other) if total is None else total

    def __radd__(self, other: Any) -> Any:
        return add(other, self)

    def __sub__(self, other: Any) -> Any:
        return subtract(self, other)

    def __rsub__(self, other: Any) -> Any:
        return subtract(other, self)

    def __mul__(self, other: Any) -> Any:
        return multiply(self, other)

    def __rmul__(self, other: Any) -> Any:
        return multiply(other, self)

    def __truediv__(self, other: Any) -> Any:
        return divide(self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return divide(other, self)

    def __pow__(self, other: Any) -> Any:
        return pow_(self, other)

    def __rpow__(self, other: Any) -> Any:
        return pow_(other, self)

    def __neg__(self) -> Any:
        return negative(self)

    def __lt__(self, other: Any) -> Any:
        return less(self, other)

    def __le__(self, other: Any) -> Any:
        return less_equal(self, other)

    def __gt__(self, other: Any) -> Any:
        return greater(self, other)

    def __ge__(self, other: Any) -> Any:
        return greater_equal(self, other)

    def __bool__(self) -> bool:
        raise TypeError("the truth of a staged value is not known at staging")


def number(x: Any) -> Any:
    """The value of a constant; None if it is staged or an array."""
    if isinstance(x, Staged):
        x = known(x)
    return None if isinstance(x, np.ndarray) else x


def _bits(value: Any, wanted: float) -> bool:
    """Whether the constant is real and has exactly the value wanted, sign of zero included."""
    if value is None or isinstance(value, str | complex | np.complexfloating):
        return False
    return value == wanted and bool(np.signbit(value)) == bool(np.signbit(wanted))


def _complex(*xs: Any) -> bool:
    return any(dtype_of(x).kind == "c" for x in xs)


def _add_zero(x: Any, y: Any) -> Any:
    """`x + 0` is `x` for integers; for floats only adding -0.0 keeps the sign of zero."""
    zero = 0.0 if dtype_of(x).kind in "iu" and dtype_of(y).kind in "iu" else -0.0
    if _complex(x, y):
        return None
    if _bits(number(y), zero):
        return identity(x, add, x, y)
    return identity(y, add, x, y) if _bits(number(x), zero) else None


def _negated(x: Any, other: Any) -> Any:
    """What `x` is the negative of, if the sum with the other operand can take the sign in."""
    made = made_by(x, negative)
    if not made or dtype_of(made[0][0]).kind == "b":
        return None
    own, more = number_type(x), number_type(other)
    total = add.infer(own, more)
    assert isinstance(total, ArrayType)
    fits = negates_alike(own, total.dtype) and not (own.weak and total.dtype.kind == "u")
    return made[0][0] if fits else None  # an unsigned type holds one of k and -k only


def _add_negative(x: Any, y: Any) -> Any:
    left, right = _negated(x, y), _negated(y, x)
    if left is not None and right is not None and not _complex(x, y):
        return negative(left + right)
    if right is not None:
        return subtract(x, right)
    return None if left is None else subtract(y, left)


def _shifted_twice(x: Any, y: Any, sign: int) -> Any:
    """`k + 1 - 1` is `k`: Python's integers are exact."""
    step = number(y)
    if type(step) is not int:
        return None
    for op, inner in ((add, 1), (subtract, -1)):
        made = made_by(x, op)
        first = number(made[0][1]) if made else None
        if made and type(first) is int and is_integer(made[0][0].type):
            start, total = made[0][0], inner * first + sign * step
            if not total:
                return start
            return add(start, total) if total > 0 else subtract(start, -total)
    return None


def _factor(x: Any) -> tuple[Any, Any] | None:
    """A number and the other factor of the product of real numbers `x`, if it is one."""
    made = made_by(x, multiply) if dtype_of(x).kind == "f" else None
    for factor, other in (made[0], made[0][::-1]) if made else ():
        known = number(factor)
        if isinstance(known, int | float):
            return (known, other) if other.type == x.type else None
    return None


def _product(factor: float, x: Any) -> Any:
    """The product, its sign outside: a sum takes it in."""
    return negative(multiply(-factor, x)) if factor < 0 else multiply(factor, x)


def twice(x: Any, y: Any) -> Any:
    """`3 * y + 3 * y` as `6 * y`; None if this is no sum of that kind."""
    if not isinstance(x, Staged) or operand_of(x) is not operand_of(y):
        return None
    minus = made_by(x, negative)
    if minus and dtype_of(x).kind == "f":
        return _product(-2, minus[0][0])
    found = _factor(x)
    return found and _product(2 * found[0], found[1])


def _uncast(op: Op, x: Any, y: Any) -> Any:
    """`x / y.astype(float)` as `x / y`, where NumPy converts the integers itself."""
    for k, (cast, other) in enumerate(((x, y), (y, x))):
        made = made_by(cast, astype)
        if not made or dtype_of(made[0][0]).kind != "i" or dtype_of(other).kind != "f":
            continue
        args = (made[0][0], other)[:: -1 if k else 1]
        total = op.infer(x.type, y.type)
        assert isinstance(total, ArrayType)
        # a cast to another type than that of the result has cut or rounded the integers
        if dtype_of(cast) == total.dtype and op.infer(*map(number_type, args)) == total:
            return op(*args)
    return None


add = elementwise(
    "add",
    np.add,
    "{} + {}",
    python=operator.add,
    vjp=(lambda ct, z, x, y: ct, lambda ct, z, x, y: ct),
    jvp=(lambda dx, z, x, y: dx, lambda dy, z, x, y: dy),
    rewrites=(
        _add_zero,
        twice,
        _add_negative,
        lambda x, y: _shifted_twice(x, y, 1),
        lambda x, y: _uncast(add, x, y),
    ),
    measure=lambda a, b: affine((a, 1), (b, 1)),
    flat=lambda x, y: (x, y),
)


def _subtract_zero(x: Any, y: Any) -> Any:
    zero = _bits(number(y), 0.0) and not _complex(x, y)
    return identity(x, subtract, x, y) if zero else None


def _subtract_negative(x: Any, y: Any) -> Any:
    inner = _negated(y, x)
    return None if inner is None else add(x, inner)


subtract = elementwise(
    "subtract",
    np.subtract,
    "{} - {}",
    python=operator.sub,
    vjp=(lambda ct, z, x, y: ct, lambda ct, z, x, y: -ct),
    jvp=(lambda dx, z, x, y: dx, lambda dy, z, x, y: -dy),
    rewrites=(
        _subtract_zero,
        _subtract_negative,
        lambda x, y: _shifted_twice(x, y, -1),
        lambda x, y: _uncast(subtract, x, y),
    ),
    measure=lambda a, b: affine((a, 1), (b, -1)),
)


def _multiply_unit(x: Any, y: Any) -> Any:
    if _complex(x, y):
        return None
    for factor, other in ((x, y), (y, x)):
        if _bits(number(factor), 1.0):
            converted = _converted(factor, other)
            return identity(other, multiply, x, y) if converted is None else converted
        if _bits(number(factor), -1.0) and multiply.infer(x.type, y.type) == other.type:
            return negative(other)
    return None


def _converted(unit: Any, x: Any) -> Any:
    """`1.0 * x` of an integer of Python as the floating-point number that it is."""
    whole = dtype_of(x).kind == "i" and number_type(x).weak
    if not whole or dtype_of(unit).kind != "f" or np.ndim(x) or np.ndim(unit):
        return None
    weak = number_type(unit).weak
    return to_python(x, kind="float") if weak else astype(x, dtype=dtype_of(unit))


def _negative_out(op: Op, x: Any, y: Any) -> Any:
    """`-x * y` as `-(x * y)`: a sum takes the sign in."""
    for k, factor in enumerate((x, y)):
        inner = made_by(factor, negative)
        if not inner or _complex(x, y) or dtype_of(factor).kind != "f":
            continue
        result = op.infer(x.type, y.type)
        assert isinstance(result, ArrayType)
        if same_shape(np_shape(factor), result.shape):
            return negative(op(inner[0][0], y) if k == 0 else op(x, inner[0][0]))
    return None


def _multiply_twice(x: Any, y: Any) -> Any:
    """`0.5 * (2 * y)` as `1.0 * y`, if one is a power of two: that changes the exponent."""
    for outer, inner in ((x, y), (y, x)):
        first = number(outer)
        found = _factor(inner) if isinstance(inner, Staged) else None
        if not found or not isinstance(first, int | float):
            continue
        factors = first, found[0]
        exact = any(abs(math.frexp(f)[0]) == 0.5 for f in factors)
        short = all(0 < abs(f) < SHORT and (SHORT * f).is_integer() for f in factors)
        if exact and short and multiply.infer(x.type, y.type) == found[1].type:
            return _product(first * found[0], found[1])
    return None


multiply = elementwise(
    "multiply",
    np.multiply,
    "{} * {}",
    python=operator.mul,
    vjp=(lambda ct, z, x, y: ct * conjugate(y), lambda ct, z, x, y: ct * conjugate(x)),
    jvp=(lambda dx, z, x, y: dx * y, lambda dy, z, x, y: x * dy),
    rewrites=(
        _multiply_unit,
        _multiply_twice,
        lambda x, y: _negative_out(multiply, x, y),
        lambda x, y: _uncast(multiply, x, y),
    ),
    measure=product,
    flat=lambda x, y: _flat_product(x, y),
)


def _flat_product(x: Any, y: Any) -> tuple[Any, ...] | None:
    """The rule `flat` of a product: a square, or what is flat, times positive numbers."""
    rest = [f for f in (*_scaled(x), *_scaled(y)) if not _positive(f)]
    if len(rest) == 2 and rest[0].operand == rest[1].operand:
        return ()
    return tuple(rest) if len(rest) == 1 else None


def _scaled(x: Any) -> tuple[Any, ...]:
    """The factors of a product with a positive number."""
    op, factors, _ = origin(x)
    return factors if op is multiply and any(map(_positive, factors)) else (x,)


def _positive(x: Any) -> bool:
    scale = number(x)
    return isinstance(scale, int | float | np.floating) and float(scale) > 0


def _divide_unit(x: Any, y: Any) -> Any:
    unit = _bits(number(y), 1.0) and not _complex(x, y)
    return identity(x, divide, x, y) if unit else None


divide = elementwise(
    "divide",
    np.divide,
    "{} / {}",
    python=operator.truediv,
    may_raise=(ZeroDivisionError,),
    failing=by_zero(operator.truediv),
    spared=divisible,
    scalar=checked("kernels.divide({}, {})", "{} / {}"),
    # the denominator's rule reads the result: an overwritten numerator needs no copy; and it
    # divides what the numerator's does, once for both
    vjp=(
        lambda ct, z, x, y: ct / conjugate(y),
        lambda ct, z, x, y: -(ct / conjugate(y)) * conjugate(z),
    ),
    jvp=(lambda dx, z, x, y: dx / y, lambda dy, z, x, y: -z * dy / y),
    rewrites=(
        _divide_unit,
        lambda x, y: _negative_out(divide, x, y),
        lambda x, y: _uncast(divide, x, y),
    ),
    flat=lambda x, y: (x,) if _positive(y) else None,
)


# `x / y`, and 0 where `x` is 0: for cotangents, which an infinite slope must not turn into nan
quotient = elementwise(
    "quotient",
    np.divide,
    "rt.quotient({}, {})",
    scalar="({0} / {1} if {0} != 0 else 0.0)",
    run=rt.quotient,
    vjp=(
        lambda ct, z, x, y: quotient(ct, conjugate(y)),
        lambda ct, z, x, y: -quotient(ct * conjugate(z), conjugate(y)),
    ),
    jvp=(lambda dx, z, x, y: quotient(dx, y), lambda dy, z, x, y: -quotient(z * dy, y)),
)


def _negative_twice(x: Any) -> Any:
    inner = made_by(x, negative)
    return identity(inner[0][0], negative, x) if inner else None


negative = elementwise(
    "negative",
    np.negative,
    "-{}",
    python=operator.neg,
    vjp=(lambda ct, z, x: -ct,),
    jvp=(lambda dx, z, x: -dx,),
    rewrites=(_negative_twice,),
    measure=lambda a: affine((a, -1)),
)

positive = elementwise(
    "positive",
    np.positive,
    "+{}",
    python=operator.pos,
    vjp=(lambda ct, z, x: ct,),
    jvp=(lambda dx, z, x: dx,),
    rewrites=(lambda x: identity(x, positive, x),),
)


# --- powers --------------------------------------------------------------------------------

log = elementwise(
    "log",
    np.log,
    "np.log({})",
    scalar=elementary("log"),
    alone=of_numpy("log"),
    math=math.log,
    calls=((math.log, lambda *args: _math_log(*args)),),
    may_raise=(ValueError,),
    failing=domain(math.log, 0.0, lambda x: less_equal(x, 0)),
    cost=Cost.COSTLY,
    **over(lambda z, x: x),
)


def _math_log(x: Any, base: Any = None) -> Any:
    top = log(x, python=True)
    return top if base is None else top / log(base, python=True)


def _base_slope(z: Any, x: Any, y: Any) -> Any:
    """`y * x ** (y - 1)`, zero where y is, whatever x."""
    n = number(y)
    if n is None:
        return mask(not_equal(y, 0), y * strong(x) ** (y - 1))
    if n == 2:
        return 2 * x
    # below 1 the slope at 0 is infinite, and none where the exponent is complex: never raise
    return n * (x if n.real > 1 and not n.imag else strong(x)) ** (n - 1)


def _base_vjp(ct: Any, z: Any, x: Any, y: Any) -> Any:
    n = number(y)
    if n == 0 or n == 1:
        return None if n == 0 else ct
    if n == 0.5:
        return ct / (2 * conjugate(strong(z)))
    return ct * conjugate(_base_slope(z, x, y))


def _base_jvp(dx: Any, z: Any, x: Any, y: Any) -> Any:
    n = number(y)
    if n == 0 or n == 1:
        return None if n == 0 else dx
    return dx * _base_slope(z, x, y)


def _exponent_slope(z: Any, x: Any, y: Any) -> Any:
    """`z * log(x)`, zero where x is."""
    n = number(x)
    if n is not None and not isinstance(n, complex | np.complexfloating) and n > 0:
        return z * float(np.log(n))
    return mask(not_equal(x, 0), z * log(strong(x)))


def _flat_power(x: Any, y: Any, python: bool = False) -> tuple[Any, ...] | None:
    """The rule `flat` of a power: that of a square is."""
    n = number(y)
    return () if isinstance(n, int | float) and n >= 2 and n % 2 == 0 else None


def _power_cost(x: Any, y: Any) -> Cost:
    """A square is one product."""
    exponent = known(y)
    square = isinstance(exponent, int | float) and exponent == 2
    return Cost.CHEAP if square else Cost.COSTLY


def _power(name: str, source: str, **rules: Any) -> Op:
    def unit(x: Any, y: Any, python: bool = False) -> Any:
        plain = _bits(number(y), 1.0) and not python and not _complex(x, y)
        return identity(x, op, x, y) if plain else None

    op = elementwise(
        name,
        rules.pop("ufunc", np.power),
        source,
        vjp=(_base_vjp, lambda ct, z, x, y: ct * conjugate(_exponent_slope(z, x, y))),
        jvp=(_base_jvp, lambda dy, z, x, y: _exponent_slope(z, x, y) * dy),
        may_raise=(ZeroDivisionError, OverflowError, ValueError),
        cost=_power_cost,
        rewrites=(unit,),
        flat=_flat_power,
        **rules,
    )
    return op


power = _power(
    "power",
    "np.power({}, {})",
    scalar=numpy_power_form,
    alone=partial(numpy_power_form, function="np.power"),
    math=math.pow,
)
float_power = _power("float_power", "np.float_power({}, {})", ufunc=np.float_power, scalar=none)


def _pow_call(base: Any, exp: Any, mod: Any = None) -> Any:
    """Python's `**`, whose result for integers depends on the sign of the exponent."""
    if mod is not None:
        raise TypeError("pow with a modulus is not supported")
    if _is_int(base) and _is_int(exp) and (number(exp) or 0) < 0:
        base = to_python(base, kind="float")
    if np.ndim(base) and dtype_of(base).kind == "b" and type(number(exp)) is int and exp == 2:
        base = astype(base, dtype=np.dtype(np.int8))  # NumPy takes the square
    return pow_(base, exp)


def _is_int(x: Any) -> bool:
    type_ = number_type(x)
    return type_.weak and type_.dtype.kind in "ib"


# `x ** 0.5` is `sqrt(x)` to the bit for arrays, which `np.power(x, 0.5)` is not
pow_ = _power(
    "pow",
    "{} ** {}",
    scalar=power_form,
    alone=partial(power_form, function="np.power"),
    python=operator.pow,
    run=operator.pow,
    calls=((operator.pow, _pow_call), (pow, _pow_call)),
)

OPS: tuple[Op, ...] = (
    *(quotient, add, subtract, multiply, divide, negative, positive),
    *(log, power, float_power, pow_),
)
