"""Writes to `array.real` and `array.imag`, which are views of a complex array.

An array of the parts alone is another array here, so what is assigned through one is written
to the complex array that it is a part of.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from stagec.errors import Loc, StagecError
from stagec.frontend import arrays, numpy_calls, objects
from stagec.frontend.machine import Machine, Raised
from stagec.frontend.state import State
from stagec.frontend.values import ArrayRef, Known, Value
from stagec.ops.axes import dtype_of
from stagec.ops.cast import imag, number_type, real, to_dtype
from stagec.ops.complex_parts import from_parts

PARTS = ("real", "imag")


def put(
    m: Machine, state: State, array: ArrayRef, name: str, key: Value | None, value: Value,
    loc: Loc | None,
) -> None:  # fmt: skip
    """`array.name[key] = value`, and `array.name = value` where there is no key."""
    given = numpy_calls.argument(m, state, value, loc)
    listed = isinstance(given, list | tuple)
    if listed:
        given = m.as_array(state, value, loc)
    kind = number_type(given)
    if key is not None and (kind.weak or listed) and kind.dtype.kind == "c":
        words = "float() argument must be a string or a real number, not 'complex'"
        raise Raised(TypeError(words))
    place = Known(Ellipsis) if key is None else key
    if arrays.type_of(state, array).dtype.kind == "c":
        given = _joined(
            m, state, arrays.read_subscript(m, state, array, place, loc), name, given, loc
        )
    elif name == "imag" and key is None:
        raise Raised(TypeError("array does not have imaginary part to set"))
    elif name == "imag":
        raise Raised(ValueError("assignment destination is read-only"))
    arrays.write_subscript(m, state, array, place, given, loc)


def _joined(
    m: Machine, state: State, old: Value, name: str, given: Any, loc: Loc | None
) -> Any:
    """What is there, with the given numbers as its real or imaginary part."""
    whole = numpy_calls.argument(m, state, old, loc)
    kind = number_type(given)
    if (
        not kind.weak or kind.dtype.kind == "c"
    ):  # Python numbers take the precision of the other part
        given = to_dtype(given, dtype_of(real(whole)))
    try:
        if name == "real":
            return from_parts(given, imag(whole))
        return from_parts(real(whole), given)
    except TypeError as error:
        help = "assign a number, or an array that broadcasts to the part"
        raise StagecError("SC322", str(error), loc, help) from None


def augment(
    m: Machine, state: State, array: ArrayRef, name: str, key: Value | None,
    change: Callable[[Value], Value], held: Value | None, loc: Loc | None,
) -> None:  # fmt: skip
    """`array.name[key] op= value`, where `change` does that to an array of its own.

    `held` is what the target was before the operand's calls; a view shows what they wrote.
    """
    old = array if key is None else arrays.read_subscript(m, state, array, key, loc)
    view = isinstance(old, ArrayRef) and old.cell == array.cell
    part = held if held and not view else objects.attribute(m, state, old, name, loc)
    if isinstance(part, ArrayRef):
        part = numpy_calls.apply(m, state, np.copy, (part,), {}, loc)
    put(m, state, array, name, key, change(part), loc)
