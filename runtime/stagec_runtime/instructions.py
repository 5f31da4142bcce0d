"""Helpers of kernels that are a few instructions of machine code; needs Numba.

They are written into the caller.  Numba would compile functions of Python each by itself, in
every process again, before the kernel that calls them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.ir import Loc
from numba.core.typing.templates import signature
from numba.extending import lower_builtin, type_callable

from stagec_runtime.shapes import agree

WORD = 2.0**63
LEAST = -(2**63)
LARGE = "an integer of compiled code must fit 64 bits"
REAL = (types.Integer, types.Boolean, types.Float)
NOTHING = ir.Constant(ir.IntType(8).as_pointer(), None)  # the value of None
ANY_ORDER = ("reassoc", "nsz")


def whole(exact: Any, rough: float) -> Any:
    """The integer `exact`, which is about `rough`.

    In compiled code raises OverflowError if a machine word does not hold it, and ValueError if
    there is none, `rough` being NaN.
    """
    return exact


def inside(index: Any, length: int) -> Any:
    """The place of an element of so many, counted from the front; raises IndexError."""
    if not -length <= index < length:
        raise IndexError(f"index {index} is out of bounds for size {length}")
    return index + length if index < 0 else index


def natural(index: Any) -> Any:
    """The index, which is surely not negative: then it is not one from the end of an axis."""
    return index


def before(index: Any, count: Any) -> Any:
    """`index - count`, where neither these nor the difference are negative."""
    return index - count


def divide(x: Any, y: Any) -> Any:
    """`x / y` of Python numbers; raises ZeroDivisionError."""
    return x / y


def floor_divide(x: Any, y: Any) -> Any:
    """`x // y` of Python numbers; raises ZeroDivisionError."""
    return x // y


def remainder(x: Any, y: Any) -> Any:
    """`x % y` of Python numbers; raises ZeroDivisionError."""
    return x % y


def in_domain(y: float, x: float) -> float:
    """`y`, what a function of the math module gives for `x`.

    Raises ValueError outside of the function's domain and OverflowError for results too large,
    as the math module does itself.
    """
    return y


def above_pole(y: float, x: float) -> float:
    """As `in_domain`, for a function with a pole, such as the logarithm at 0."""
    return y


def plus(x: Any, y: Any) -> Any:
    """`x + y`, a step of a sum whose terms may be taken in any order."""
    return x + y


def times(x: Any, y: Any) -> Any:
    """`x * y`, a step of a product whose factors may be taken in any order."""
    return x * y


def larger(x: Any, y: Any) -> Any:
    """The larger of two numbers; NaN if one of them is."""
    return np.maximum(x, y)


def smaller(x: Any, y: Any) -> Any:
    """The smaller of two numbers; NaN if one of them is."""
    return np.minimum(x, y)


def compiled_as(
    function: Callable[..., Any],
    typed: Callable[..., Any],
    write: Callable[..., Any],
) -> None:
    """Give the function its compiled form.

    `typed` gives its signature for types of arguments, `write` its result from the builder, the
    arguments and what raises an exception of a kind with a text.
    """
    # the traceback names the function, which tells the line of the program (stagec.blame)
    place = Loc(__file__, function.__code__.co_firstlineno + 1)

    def lowered(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        def fail(kind: type[Exception], text: str) -> None:
            context.call_conv.return_user_exc(builder, kind, (text,), place, function.__name__)

        return write(builder, args, fail)

    type_callable(function)(lambda context: typed)
    lower_builtin(function, types.VarArg(types.Any))(lowered)


# -- integers ---------------------------------------------------------------------------------


def _index(index: Any) -> Any:
    """The signature of a function of one integer."""
    return signature(types.int64, types.int64) if isinstance(index, types.Integer) else None


def _place(index: Any, length: Any) -> Any:
    """The signature of a function of two integers."""
    if isinstance(index, types.Integer) and isinstance(length, types.Integer):
        return signature(types.int64, types.int64, types.int64)
    return None


def _lengths(n: Any, m: Any) -> Any:
    """The signature of a test of two integers."""
    found = _place(n, m)
    return found and signature(types.none, *found.args)


def _rounded(exact: Any, rough: Any) -> Any:
    """The signature of a function of an integer and about the same number."""
    if isinstance(exact, types.Integer | types.Boolean) and isinstance(rough, types.Number):
        return signature(types.int64, types.int64, types.float64)
    return None


def _integers(x: Any, y: Any) -> Any:
    """The signature of an operation on integers, or booleans as such."""
    if all(isinstance(t, types.Integer | types.Boolean) for t in (x, y)):
        return signature(types.int64, types.int64, types.int64)
    return None


def _natural(builder: Any, args: Any, fail: Any) -> Any:
    builder.assume(builder.icmp_signed(">=", args[0], args[0].type(0)))
    return args[0]


def _before(builder: Any, args: Any, fail: Any) -> Any:
    # LLVM must see that nothing overflows to know that the elements lie in a row, backwards
    found = builder.sub(*args, flags=["nsw", "nuw"])
    builder.assume(builder.icmp_signed(">=", found, found.type(0)))
    return found


def _inside(builder: Any, args: Any, fail: Any) -> Any:
    index, length = args
    front = builder.block
    # as unsigned numbers, negative ones are larger than any length: one test for most indices
    with builder.if_then(builder.icmp_unsigned(">=", index, length), likely=False):
        place = builder.add(index, length)
        with builder.if_then(builder.icmp_unsigned(">=", place, length), likely=False):
            fail(IndexError, "index is out of bounds")
        behind = builder.block
    found = builder.phi(index.type)
    found.add_incoming(index, front)
    found.add_incoming(place, behind)
    # Numba counts negative indices from the end: LLVM does not know that lengths are none
    builder.assume(builder.icmp_signed(">=", found, found.type(0)))
    return found


def _whole(builder: Any, args: Any, fail: Any) -> Any:
    exact, rough = args
    limit = WORD * (1 - 1e-15)
    # NaN is neither: one test for all numbers that fit
    above = builder.fcmp_unordered(">=", rough, rough.type(limit))
    below = builder.fcmp_unordered("<=", rough, rough.type(-limit))
    with builder.if_then(builder.or_(above, below), likely=False):
        none = builder.fcmp_unordered("uno", rough, rough)
        with builder.if_then(none):
            fail(ValueError, "cannot convert float NaN to integer")
        fail(OverflowError, LARGE)
    return exact


def _agree(builder: Any, args: Any, fail: Any) -> Any:
    with builder.if_then(builder.icmp_signed("!=", *args), likely=False):
        fail(ValueError, "operands could not be broadcast together")
    return NOTHING


def _floor_divide(builder: Any, args: Any, fail: Any) -> Any:
    x, y = args
    opposite, divisor = _divisor(builder, y, "integer division or modulo by zero", fail)
    least = builder.icmp_signed("==", x, x.type(LEAST))
    with builder.if_then(builder.and_(opposite, least), likely=False):
        fail(OverflowError, LARGE)
    _, down = _remainder_of(builder, x, divisor)
    found = builder.sdiv(x, divisor)
    found = builder.select(down, builder.sub(found, x.type(1)), found)
    return builder.select(opposite, builder.neg(x), found)


def _remainder(builder: Any, args: Any, fail: Any) -> Any:
    x, y = args
    _, divisor = _divisor(builder, y, "integer modulo by zero", fail)
    rest, down = _remainder_of(builder, x, divisor)
    return builder.select(down, builder.add(rest, divisor), rest)


def _divisor(builder: Any, y: Any, text: str, fail: Any) -> tuple[Any, Any]:
    """Whether `y` is -1, and 1 instead of it: the processor's division would kill the process
    at the least integer.  Raises where it is 0.
    """
    with builder.if_then(builder.icmp_signed("==", y, y.type(0)), likely=False):
        fail(ZeroDivisionError, text)
    opposite = builder.icmp_signed("==", y, y.type(-1))
    return opposite, builder.select(opposite, y.type(1), y)


def _remainder_of(builder: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """The processor's remainder, and whether its sign is not that of `y`, as Python's is."""
    rest = builder.srem(x, y)
    zero = x.type(0)
    other = builder.icmp_signed("<", builder.xor(rest, y), zero)
    return rest, builder.and_(builder.icmp_signed("!=", rest, zero), other)


compiled_as(natural, _index, _natural)
compiled_as(before, _place, _before)
compiled_as(inside, _place, _inside)
compiled_as(agree, _lengths, _agree)
compiled_as(whole, _rounded, _whole)
compiled_as(floor_divide, _integers, _floor_divide)
compiled_as(remainder, _integers, _remainder)


# -- functions of Python that raise -----------------------------------------------------------


def _quotient(x: Any, y: Any) -> Any:
    """The signature of a quotient of real numbers."""
    if isinstance(x, REAL) and isinstance(y, REAL):
        return signature(types.float64, types.float64, types.float64)
    return None


def _tested(y: Any, x: Any) -> Any:
    """The signature of a test of what a function gives for a number."""
    if isinstance(y, types.Float) and isinstance(x, REAL):
        return signature(y, y, types.float64)
    return None


def _divide(builder: Any, args: Any, fail: Any) -> Any:
    with builder.if_then(builder.fcmp_ordered("==", args[1], args[1].type(0)), likely=False):
        fail(ZeroDivisionError, "division by zero")
    return builder.fdiv(*args)


def _in_domain(builder: Any, args: Any, fail: Any) -> Any:
    with builder.if_then(_arisen(builder, args, _nan), likely=False):
        fail(ValueError, "math domain error")
    with builder.if_then(_arisen(builder, args, _infinite), likely=False):
        fail(OverflowError, "math range error")
    return args[0]


def _above_pole(builder: Any, args: Any, fail: Any) -> Any:
    either = builder.or_(_arisen(builder, args, _nan), _arisen(builder, args, _infinite))
    with builder.if_then(either, likely=False):
        fail(ValueError, "math domain error")
    return args[0]


def _arisen(builder: Any, args: Any, kind: Any) -> Any:
    """Whether what a function gives is of a kind that its argument is not."""
    return builder.and_(kind(builder, args[0]), builder.not_(kind(builder, args[1])))


def _nan(builder: Any, x: Any) -> Any:
    return builder.fcmp_unordered("uno", x, x)


def _infinite(builder: Any, x: Any) -> Any:
    signs = [builder.fcmp_ordered("==", x, x.type(s * math.inf)) for s in (1, -1)]
    return builder.or_(*signs)


compiled_as(divide, _quotient, _divide)
compiled_as(in_domain, _tested, _in_domain)
compiled_as(above_pole, _tested, _above_pole)


# -- steps of reductions ----------------------------------------------------------------------


def _step(x: Any, y: Any) -> Any:
    """The signature of a step: a number is added to a floating-point one, for example."""
    if isinstance(x, types.Float) and isinstance(y, types.Number | types.Boolean):
        return signature(x, x, x)
    return None


def _extremum(name: str) -> Callable[..., Any]:
    """LLVM's instruction `name`, which takes NaN for the larger and for the smaller."""

    def write(builder: Any, args: Any, fail: Any) -> Any:
        kind = args[0].type
        function = ir.FunctionType(kind, [kind, kind])
        found = builder.module.declare_intrinsic(name, [kind], function)
        return builder.call(found, args, fastmath=("nsz",))

    return write


# Only these instructions may be reordered, so that loops run several at a time; what the user
# wrote keeps its order.
compiled_as(plus, _step, lambda builder, args, fail: builder.fadd(*args, flags=ANY_ORDER))
compiled_as(times, _step, lambda builder, args, fail: builder.fmul(*args, flags=ANY_ORDER))
compiled_as(larger, _step, _extremum("llvm.maximum"))
compiled_as(smaller, _step, _extremum("llvm.minimum"))
