"""Arithmetic and comparison operators, and the handles that spell them as operators."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any

import numpy as np

from stagec.ir.build import Builder
from stagec.ir.core import Op, Operand, Staged, known, operand_of
from stagec.ir.types import ArrayType, Shape, Type
from stagec.ops.cast import conjugate
from stagec.ops.form import elementwise, to_numpy


@dataclass(frozen=True, slots=True, eq=False)
class Handle(Staged):
    """An operand and the builder of the block it is used in."""

    builder: Builder
    value: Operand

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
        outs = self.builder.add(op, [operand_of(a) for a in args], attrs)
        handles = tuple(Handle(self.builder, v) for v in outs)
        return handles[0] if len(handles) == 1 else handles

    def __add__(self, other: Any) -> Any:
        return add(self, other)

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
        return power(self, other)

    def __neg__(self) -> Any:
        return negative(self)

    def __bool__(self) -> bool:
        raise TypeError("the truth of a staged value is not known at staging")


add = elementwise(
    "add",
    np.add,
    "{} + {}",
    python=operator.add,
    vjp=(lambda ct, z, x, y: ct, lambda ct, z, x, y: ct),
    jvp=(lambda dx, z, x, y: dx, lambda dy, z, x, y: dy),
)

subtract = elementwise(
    "subtract",
    np.subtract,
    "{} - {}",
    python=operator.sub,
    vjp=(lambda ct, z, x, y: ct, lambda ct, z, x, y: -ct),
    jvp=(lambda dx, z, x, y: dx, lambda dy, z, x, y: -dy),
)

multiply = elementwise(
    "multiply",
    np.multiply,
    "{} * {}",
    python=operator.mul,
    vjp=(lambda ct, z, x, y: ct * conjugate(y), lambda ct, z, x, y: ct * conjugate(x)),
    jvp=(lambda dx, z, x, y: dx * y, lambda dy, z, x, y: x * dy),
)

divide = elementwise(
    "divide",
    np.divide,
    "{} / {}",
    python=operator.truediv,
    may_raise=(ZeroDivisionError,),
    # the denominator's rule reads the result: an overwritten numerator needs no copy
    vjp=(lambda ct, z, x, y: ct / conjugate(y), lambda ct, z, x, y: -ct * conjugate(z / y)),
    jvp=(lambda dx, z, x, y: dx / y, lambda dy, z, x, y: -z * dy / y),
)

negative = elementwise(
    "negative",
    np.negative,
    "-{}",
    python=operator.neg,
    vjp=(lambda ct, z, x: -ct,),
    jvp=(lambda dx, z, x: -dx,),
)


def _power_base(ct: Any, z: Any, x: Any, y: Any) -> Any:
    n = known(y)
    if n == 2:
        return ct * (2.0 * conjugate(x))
    if n == 1:
        return ct
    # the derivative at 0 may be infinite where the power was fine: never raise there
    base = to_numpy(x) if x.ndim == 0 and (n is None or n < 1) else x
    return ct * conjugate(y * base ** (y - 1))


power = elementwise(
    "power",
    np.power,
    "{} ** {}",
    python=operator.pow,
    may_raise=(ZeroDivisionError, OverflowError),
    vjp=(_power_base, None),
    jvp=(None, None),
)
