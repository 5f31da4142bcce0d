"""When operations on numbers raise, told beforehand: `Op.failing`.

Each rule tells (error, arguments, condition) for all that it knows of, in the order in which
that is noticed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from stagec.ops.axes import dtype_of
from stagec.ops.comparison import equal

Failure: TypeAlias = tuple[type[BaseException], tuple[Any, ...], Any]


def argument(function: Callable[..., Any], *args: Any) -> tuple[Any, ...]:
    """The arguments of the exception that the function raises."""
    try:
        function(*args)
    except (ArithmeticError, ValueError) as error:
        return error.args
    raise TypeError(f"{function} does not raise for {args}")


def by_zero(function: Callable[..., Any]) -> Callable[..., tuple[Failure, ...]]:
    """Of a division of Python numbers."""

    def failing(x: Any, y: Any) -> tuple[Failure, ...]:
        one, zero = dtype_of(x).type(1).item(), dtype_of(y).type(0).item()
        return ((ZeroDivisionError, argument(function, one, zero), equal(y, 0)),)

    return failing


def domain(
    function: Callable[[float], float], outside: float, condition: Callable[[Any], Any]
) -> Callable[..., tuple[Failure, ...] | None]:
    """Of a function of the math module that is not defined where the condition holds."""

    def failing(x: Any, **attrs: Any) -> tuple[Failure, ...]:
        return ((ValueError, argument(function, outside), condition(x)),)

    return failing
