"""Compiled forms of helpers of kernels that write their instructions into the kernel.

Numba would compile a helper in Python as a function of its own, optimised and turned into
machine code, before LLVM puts it into the kernel: a tenth of a second for one comparison.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.typing.templates import signature
from numba.extending import lower_builtin, type_callable

WORD = 2.0**63
REAL, INT = types.float64, types.int64
NUMBER = types.Float | types.Integer | types.Boolean
ANY_ORDER = ("reassoc", "nsz")

Typed = Callable[[Any, Any], Any]
Write = Callable[[Any, Any, Sequence[Any]], Any]


def _register(
    function: Callable[..., Any], typed: Typed, kinds: Sequence[Any]
) -> Callable[[Write], None]:
    """Let `function` of two operands compile to what is written.

    `typed` gives the signature for their types, or None; `kinds` are those of operands then.
    What is decorated gets the context, the builder and the operands, and returns the result.
    """

    def register(write: Write) -> None:
        type_callable(function)(lambda context: lambda x, y: typed(x, y))

        def lowered(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            return write(context, builder, args)

        lower_builtin(function, *kinds)(lowered)

    return register


def _reals(x: Any, y: Any) -> Any:
    """Two numbers as doubles, and one for a result."""
    numbers = isinstance(x, NUMBER) and isinstance(y, NUMBER)
    return signature(REAL, REAL, REAL) if numbers else None


def _fail(context: Any, builder: Any, condition: Any, kind: type[Exception], text: str) -> None:
    """Raise an exception if the condition holds, which is rare."""
    with builder.if_then(condition, likely=False):
        context.call_conv.return_user_exc(builder, kind, (text,))


def _absolute(builder: Any, x: Any) -> Any:
    kind = ir.FunctionType(x.type, [x.type])
    return builder.call(builder.module.declare_intrinsic("llvm.fabs", [x.type], kind), (x,))


def _is_nan(builder: Any, x: Any) -> Any:
    return builder.fcmp_unordered("uno", x, x)


def _is_infinite(builder: Any, x: Any) -> Any:
    return builder.fcmp_ordered("==", _absolute(builder, x), x.type(float("inf")))


def whole(function: Callable[..., Any]) -> None:
    """Compile `kernels.whole`."""

    def typed(exact: Any, rough: Any) -> Any:
        fits = exact == INT and isinstance(rough, NUMBER)
        return signature(INT, INT, REAL) if fits else None

    @_register(function, typed, (INT, REAL))
    def _(context: Any, builder: Any, args: Sequence[Any]) -> Any:
        exact, rough = args
        limit = rough.type(WORD * (1 - 1e-15))
        large = builder.fcmp_unordered(">=", _absolute(builder, rough), limit)
        with builder.if_then(large, likely=False):
            nan = _is_nan(builder, rough)
            _fail(context, builder, nan, ValueError, "cannot convert float NaN to integer")
            text = "an integer of compiled code must fit 64 bits"
            context.call_conv.return_user_exc(builder, OverflowError, (text,))
        return exact


def inside(function: Callable[..., Any]) -> Typed:
    """Compile `kernels.inside`, of indices of which a signed word holds every value; returns
    what gives the signature for such.
    """

    def typed(index: Any, length: Any) -> Any:
        both = isinstance(index, types.Integer) and isinstance(length, types.Integer)
        return signature(INT, INT, INT) if both and index != types.uint64 else None

    @_register(function, typed, (INT, INT))
    def _(context: Any, builder: Any, args: Sequence[Any]) -> Any:
        index, length = args
        zero = index.type(0)
        behind = builder.icmp_signed("<", index, zero)
        place = builder.select(behind, builder.add(index, length), index)
        low = builder.icmp_signed("<", place, zero)
        outside = builder.or_(low, builder.icmp_signed(">=", place, length))
        _fail(context, builder, outside, IndexError, "index is out of bounds")
        return place

    return typed


def divide(function: Callable[..., Any]) -> Typed:
    """Compile `kernels.divide` of real numbers; returns what gives the signature for them."""

    @_register(function, _reals, (REAL, REAL))
    def _(context: Any, builder: Any, args: Sequence[Any]) -> Any:
        x, y = args
        zero = builder.fcmp_ordered("==", y, y.type(0.0))
        _fail(context, builder, zero, ZeroDivisionError, "division by zero")
        return builder.fdiv(x, y)

    return _reals


def _new(builder: Any, holds: Callable[[Any, Any], Any], y: Any, x: Any) -> Any:
    """Whether something holds for `y`, but not for `x`."""
    return builder.and_(holds(builder, y), builder.not_(holds(builder, x)))


def in_domain(function: Callable[..., Any]) -> None:
    """Compile `kernels.in_domain`."""

    @_register(function, _reals, (REAL, REAL))
    def _(context: Any, builder: Any, args: Sequence[Any]) -> Any:
        y, x = args
        outside = _new(builder, _is_nan, y, x)
        _fail(context, builder, outside, ValueError, "math domain error")
        large = _new(builder, _is_infinite, y, x)
        _fail(context, builder, large, OverflowError, "math range error")
        return y


def above_pole(function: Callable[..., Any]) -> None:
    """Compile `kernels.above_pole`."""

    @_register(function, _reals, (REAL, REAL))
    def _(context: Any, builder: Any, args: Sequence[Any]) -> Any:
        y, x = args
        infinite = _new(builder, _is_infinite, y, x)
        outside = builder.or_(_new(builder, _is_nan, y, x), infinite)
        _fail(context, builder, outside, ValueError, "math domain error")
        return y


def folding(function: Callable[..., Any], step: Callable[..., Any]) -> None:
    """Compile a step of a reduction to an instruction of LLVM.

    Only this instruction may be reordered, so that loops run several at a time; what is no
    reduction keeps its order.
    """

    def typed(x: Any, y: Any) -> Any:
        fits = isinstance(x, types.Float) and isinstance(y, types.Number | types.Boolean)
        return signature(x, x, x) if fits else None

    @_register(function, typed, (types.Float, types.Float))
    def _(context: Any, builder: Any, args: Sequence[Any]) -> Any:
        return step(builder, *args)


def extremum(name: str) -> Callable[..., Any]:
    """LLVM's instruction `name`, which takes NaN for the larger and for the smaller."""

    def step(builder: Any, x: Any, y: Any) -> Any:
        kind = ir.FunctionType(x.type, [x.type, x.type])
        found = builder.module.declare_intrinsic(name, [x.type], kind)
        return builder.call(found, (x, y), fastmath=("nsz",))

    return step
