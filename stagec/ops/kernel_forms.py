"""What elementwise ops are in compiled code: templates on numbers, with what they may raise."""

from __future__ import annotations

import math as math_
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from stagec.ir.core import LIBRARY, Const, Library, Operand, Value
from stagec.ir.types import ArrayType

ZERO = {"b": np.dtype(bool), "i": 0, "f": 0.0, "c": 0j}
POLES = (math_.log, math_.log2, math_.log10, math_.log1p, math_.atanh)
MISSING = (math_.cbrt,)  # functions of the math module that Numba lacks
LOGIC = (operator.and_, operator.or_, operator.xor, operator.invert)


def joined(*types: ArrayType) -> np.dtype:
    """The common element type under NEP 50; Python numbers are weak."""
    return np.result_type(*(ZERO[t.dtype.kind] if t.weak else t.dtype for t in types))


def raised(
    spelled: Any,
    exceptions: tuple[type[BaseException], ...],
    spared: Callable[..., bool],
    *operands: Operand,
    python: bool = False,
) -> tuple[type[BaseException], ...]:
    """What is raised for powers of integers, and by Python: NumPy warns otherwise.

    Python's are functions of the math module, and the operator `spelled` of Python numbers.
    None is raised if the op is `spared` by what is known of its operands.
    """
    types = [a.type for a in operands if isinstance(a.type, ArrayType)]
    numbers = python or (spelled is not None and all(t.weak for t in types))
    whole = (
        ValueError in exceptions
        and len(types) > 1
        and all(t.dtype.kind in "biu" for t in types)
    )
    return exceptions if (numbers or whole) and not spared(*operands) else ()


def never(*operands: Operand) -> bool:
    """Of an op that no constant keeps from raising."""
    return False


def divisible(x: Operand, y: Operand) -> bool:
    """Whether `y` is known to be a divisor with which no division raises.

    That by -1 raises where compiled code has no integer as large as the quotient.
    """
    value = y.value if isinstance(y, Const) else 0
    return isinstance(value, int | float) and value not in (0, -1)


def element_form(
    given: str | Callable[..., str | Library] | None,
    source: str | Callable[..., str],
    spelled: Any,
    library: Any,
    exceptions: tuple[type[BaseException], ...],
    *types: ArrayType,
    **attrs: Any,
) -> str | Library:
    """The template on numbers: compiled code computes in the operands' common type itself."""
    form = given or source
    text = form(*types) if callable(form) else form
    if not isinstance(text, str):
        return LIBRARY
    if attrs.get("python"):
        return _math_scalar(library, exceptions, types)
    if "rt." in text:
        return LIBRARY
    if not callable(given) and raised(spelled, exceptions, never, *map(Value, types)):
        return LIBRARY
    if all(t.dtype.kind == "b" for t in types) and spelled is not None and spelled not in LOGIC:
        return LIBRARY  # NumPy's arithmetic of booleans is logic, that of compiled code is not
    if all(t.weak for t in types):
        return text
    common = joined(*types)
    casts_itself = "np.float64(" in text
    if casts_itself or common not in (np.dtype(np.float32), np.dtype(np.complex64)):
        return text
    holes = [
        f"{{{k}}}" if t.dtype == common and not t.weak else f"np.{common.name}({{{k}}})"
        for k, t in enumerate(types)
    ]
    return text.format(*holes)


def _math_scalar(
    math: Any, exceptions: tuple[type[BaseException], ...], types: tuple[ArrayType, ...]
) -> str | Library:
    """The template of a function of the math module, with what it raises."""
    if math in MISSING:
        return LIBRARY
    single = [t.dtype == np.dtype(np.float32) for t in types]
    holes = [f"np.float64({{{k}}})" if s else f"{{{k}}}" for k, s in enumerate(single)]
    text = f"math.{math.__name__}({', '.join(holes)})"
    if not exceptions:
        return text
    if len(types) > 1:
        return LIBRARY
    if math in (math_.floor, math_.ceil, math_.trunc):
        return f"kernels.whole({text}, {{0}})"
    return f"kernels.{'above_pole' if math in POLES else 'in_domain'}({text}, {{0}})"


def checked(python: str, numpy: str) -> Callable[[ArrayType, ArrayType], str]:
    """A form that is `python`, which may raise, for Python numbers, and `numpy` for others."""
    return lambda x, y: python if x.weak and y.weak else numpy


def elementary(name: str) -> Callable[..., str | Library]:
    """The form of a function that kernels have themselves for real numbers: `kernels.NAME`."""

    def form(*types: ArrayType) -> str | Library:
        owner = "np" if joined(*types).kind == "c" else "kernels"
        return f"{owner}.{name}({', '.join(['{}'] * len(types))})"

    return form


def of_numpy(name: str) -> Callable[..., str | Library]:
    """The form of a function where one number is computed at a time: `np.NAME`.

    Compiled code calls the C library, which branches; the functions of `kernels` do not, and
    are faster only where several numbers are computed at a time.
    """
    return lambda *types: f"np.{name}({', '.join(['{}'] * len(types))})"


def of_reals(form: Callable[..., str | Library]) -> Callable[..., str | Library]:
    """The form for real numbers; complex ones are left to NumPy, as Numba's function of them
    overflows where the result does not, or takes the wrong side of a branch cut.
    """
    return lambda *types: LIBRARY if joined(*types).kind == "c" else form(*types)


def power_form(x: ArrayType, y: ArrayType, function: str = "kernels.pow") -> str | Library:
    """Powers in compiled code, by this function: those of whole NumPy numbers are left to
    NumPy.
    """
    if x.weak and y.weak:
        return LIBRARY if "c" in (x.dtype.kind, y.dtype.kind) else "kernels.power({}, {})"
    return numpy_power_form(x, y, function)


def numpy_power_form(
    x: ArrayType, y: ArrayType, function: str = "kernels.pow"
) -> str | Library:
    """As `power_form`, for the function of NumPy, which never gives a Python number."""
    if x.dtype.kind in "biu" and y.dtype.kind in "biu":
        return LIBRARY
    common, whole = joined(x, y), y.dtype.kind in "biu"
    if whole and common == np.dtype(np.float32):
        return "np.float32(np.float64({}) ** {})"  # of a double, as it is a few products
    products = whole and common == np.dtype(np.float64)
    return "{} ** {}" if products or common.kind == "c" else f"{function}({{}}, {{}})"


def shift_form(name: str) -> Callable[[ArrayType, ArrayType], str | Library]:
    """Shifts in compiled code: Python's raise for negative counts, NumPy's do not."""

    def form(x: ArrayType, y: ArrayType) -> str | Library:
        if x.weak and y.weak:
            integers = x.dtype.kind == y.dtype.kind == "i"
            return f"kernels.{name}({{}}, {{}})" if integers else LIBRARY
        return f"kernels.{name}ed({{}}, {{}})"

    return form


def none(*types: ArrayType) -> Library:
    """The form of an op that compiled code does not have."""
    return LIBRARY
