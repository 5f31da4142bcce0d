"""Numbers whose arithmetic is written into the code being compiled.

An elementary function is a Python function without branches on such numbers. Calling it while
Numba lowers a kernel writes its instructions into the kernel's own loop, which LLVM vectorises
as a whole. No instruction carries a fast-math flag: rounding errors are computed on purpose.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from stagec_runtime.elementary.formats import DOUBLE, SINGLE, Format

FLOATS = {DOUBLE: ir.DoubleType(), SINGLE: ir.FloatType()}


class Staged:
    """A value of the code being compiled.

    Attributes
    ----------
    builder : writes its instructions.
    value : the value in LLVM.
    format : the floating-point format at hand.
    """

    __slots__ = ("builder", "format", "value")

    def __init__(self, builder: Any, value: Any, format: Format) -> None:
        self.builder = builder
        self.value = value
        self.format = format

    def like(self, value: Any) -> Any:
        """Another value of this kind."""
        return type(self)(self.builder, value, self.format)

    def other(self, x: Any) -> Any:
        """The operand `x` in LLVM; Python numbers are constants."""
        return x.value if isinstance(x, Staged) else ir.Constant(self.value.type, x)


class Truth(Staged):
    """A condition."""

    __slots__ = ()

    def __and__(self, x: Truth) -> Truth:
        return self.like(self.builder.and_(self.value, x.value))

    def __or__(self, x: Truth) -> Truth:
        return self.like(self.builder.or_(self.value, x.value))

    def __invert__(self) -> Truth:
        return self.like(self.builder.not_(self.value))


class Number(Staged):
    """A floating-point number; every operation rounds once, to nearest."""

    __slots__ = ()

    def __add__(self, x: Any) -> Number:
        return self.like(self.builder.fadd(self.value, self.other(x)))

    def __radd__(self, x: float) -> Number:
        return self.like(self.builder.fadd(self.other(x), self.value))

    def __sub__(self, x: Any) -> Number:
        return self.like(self.builder.fsub(self.value, self.other(x)))

    def __rsub__(self, x: float) -> Number:
        return self.like(self.builder.fsub(self.other(x), self.value))

    def __mul__(self, x: Any) -> Number:
        return self.like(self.builder.fmul(self.value, self.other(x)))

    __rmul__ = __mul__

    def __truediv__(self, x: Any) -> Number:
        return self.like(self.builder.fdiv(self.value, self.other(x)))

    def __rtruediv__(self, x: float) -> Number:
        return self.like(self.builder.fdiv(self.other(x), self.value))

    def __neg__(self) -> Number:
        return self.like(self.builder.fneg(self.value))

    def _compared(self, how: str, x: Any) -> Truth:
        found = self.builder.fcmp_ordered(how, self.value, self.other(x))
        return Truth(self.builder, found, self.format)

    def __lt__(self, x: Any) -> Truth:
        return self._compared("<", x)

    def __le__(self, x: Any) -> Truth:
        return self._compared("<=", x)

    def __gt__(self, x: Any) -> Truth:
        return self._compared(">", x)

    def __ge__(self, x: Any) -> Truth:
        return self._compared(">=", x)

    def equals(self, x: Any) -> Truth:
        """Whether it is `x`; a NaN is nothing."""
        return self._compared("==", x)

    def is_nan(self) -> Truth:
        """Whether it is not a number."""
        found = self.builder.fcmp_unordered("uno", self.value, self.value)
        return Truth(self.builder, found, self.format)

    def intrinsic(self, name: str, *rest: Number) -> Number:
        """LLVM's function of this name of the number and others."""
        operands = [self.value, *(x.value for x in rest)]
        kind = self.value.type
        function = self.builder.module.declare_intrinsic(
            f"llvm.{name}", (kind,), ir.FunctionType(kind, [kind] * len(operands))
        )
        return self.like(self.builder.call(function, operands))

    def constant(self) -> float | None:
        """The value, if it is written in the program."""
        value = self.value
        if isinstance(value, ir.CastInstr) and value.opname in ("fptrunc", "fpext"):
            (value,) = value.operands
        found = value.constant if isinstance(value, ir.Constant) else None
        return found if isinstance(found, float) else None

    def bits(self) -> Bits:
        """The word that holds the number."""
        word = ir.IntType(self.format.bits)
        return Bits(self.builder, self.builder.bitcast(self.value, word), self.format)


class Bits(Staged):
    """A word of as many bits as a number of the format; arithmetic wraps around."""

    __slots__ = ()

    def __add__(self, x: Any) -> Bits:
        return self.like(self.builder.add(self.value, self.other(x)))

    def __sub__(self, x: Any) -> Bits:
        return self.like(self.builder.sub(self.value, self.other(x)))

    def __and__(self, x: Any) -> Bits:
        return self.like(self.builder.and_(self.value, self.other(x)))

    def __or__(self, x: Any) -> Bits:
        return self.like(self.builder.or_(self.value, self.other(x)))

    def __xor__(self, x: Any) -> Bits:
        return self.like(self.builder.xor(self.value, self.other(x)))

    def __lshift__(self, count: int) -> Bits:
        return self.like(self.builder.shl(self.value, self.other(count)))

    def __rshift__(self, count: int) -> Bits:
        """Shifted to the right, with zeros from the left."""
        return self.like(self.builder.lshr(self.value, self.other(count)))

    def is_zero(self) -> Truth:
        """Whether no bit is set."""
        found = self.builder.icmp_signed("==", self.value, self.other(0))
        return Truth(self.builder, found, self.format)

    def is_negative(self) -> Truth:
        """Whether the first bit, which is the sign of a number, is set."""
        found = self.builder.icmp_signed("<", self.value, self.other(0))
        return Truth(self.builder, found, self.format)

    def number(self) -> Number:
        """The number that the word holds."""
        value = self.builder.bitcast(self.value, FLOATS[self.format])
        return Number(self.builder, value, self.format)


def staged(builder: Any, value: Any, format: Format) -> Number:
    """The LLVM value as a number of the format."""
    return Number(builder, value, format)


def constant(like: Staged, x: float) -> Number:
    """The number `x` in the format of another value."""
    return staged(like.builder, ir.Constant(FLOATS[like.format], x), like.format)


def where(condition: Truth, x: Any, y: Any) -> Number:
    """`x` where the condition holds, else `y`, which may be Python numbers."""
    a, b = (v if isinstance(v, Number) else constant(condition, v) for v in (x, y))
    return a.like(a.builder.select(condition.value, a.value, b.value))


def fma(x: Any, y: Any, z: Any) -> Number:
    """`x * y + z`, rounded once."""
    like = next(v for v in (x, y, z) if isinstance(v, Number))
    a, b, c = (v if isinstance(v, Number) else constant(like, v) for v in (x, y, z))
    return a.intrinsic("fma", b, c)


def polynomial(x: Number, coefficients: Sequence[float]) -> Number:
    """`coefficients[0] + coefficients[1] * x + ...`.

    Rounded once a term where the machine multiplies and adds in one, else twice.
    """
    *rest, last = coefficients
    total = constant(x, last)
    for c in reversed(rest):
        total = total.intrinsic("fmuladd", x, constant(x, c))
    return total


def absolute(x: Number) -> Number:
    """The absolute value."""
    return x.intrinsic("fabs")


def signed(x: Number, sign: Number) -> Number:
    """The size of `x` with the sign of the other, also that of a zero."""
    return x.intrinsic("copysign", sign)


def root(x: Number) -> Number:
    """The square root; NaN for negative numbers."""
    return x.intrinsic("sqrt")


def nearest(x: Number) -> Number:
    """The nearest whole number, for any `x`."""
    return x.intrinsic("rint")


def whole(x: Number) -> tuple[Number, Bits]:
    """The nearest whole number of a small `x`, and a word with its last bits.

    Adding a number whose last bit counts ones rounds to it: no conversion to integers, which
    not all vector units have.
    """
    shifted = x + x.format.shift
    return shifted - x.format.shift, shifted.bits()


def power_of_two(bits: Bits) -> Number:
    """`2 ** n` of the word that `whole` gives for `n`, an exponent of normal numbers."""
    return ((bits + bits.format.bias) << bits.format.mantissa).number()


def two_sum(x: Number, y: Number) -> tuple[Number, Number]:
    """`x + y` and its rounding error.

    Reference: D. Knuth, The Art of Computer Programming 2, 4.2.2.
    """
    total = x + y
    part = total - x
    return total, (x - (total - part)) + (y - part)


def fast_two_sum(x: Any, y: Number) -> tuple[Number, Number]:
    """`x + y` and its rounding error, for `x` of larger size, or zero.

    Reference: T. Dekker, Numerische Mathematik 18, 1971.
    """
    total = x + y
    return total, y - (total - x)


def two_product(x: Number, y: Any) -> tuple[Number, Number]:
    """`x * y` and its rounding error."""
    product = x * y
    return product, fma(x, y, -product)
