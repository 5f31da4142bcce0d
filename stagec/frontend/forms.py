"""Functions of NumPy that are computed in several ways: which one, the arguments say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from stagec.errors import Loc
from stagec.frontend import (
    array_library,
    editing_library,
    numpy_calls,
    objects,
    signal_library,
    table_library,
)
from stagec.frontend.machine import Machine
from stagec.frontend.state import State
from stagec.frontend.values import Args, Known, Kwargs, TupleValue, Value

Form = Callable[..., Any]
SEVERAL = (list, tuple, range, slice, np.ndarray)


def given(args: Args, kwargs: Kwargs, position: int, name: str) -> Value | None:
    """The argument of this position or name."""
    return args[position] if len(args) > position else kwargs.get(name)


def _edit(one: Any, several: Any) -> Form:
    """What edits an array at one place, or at several."""

    def run(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Any:
        place = given(args, kwargs, 1, "obj")
        many = place is None or issubclass(objects.class_of(place), SEVERAL)
        return m.call(Known(several if many else one), args, kwargs, state, loc)

    return run


def bounds(m: Machine, value: Value | None) -> tuple[Any, Any] | None:
    """First and last of a slice without a step, if they are known and from the same end."""
    if not isinstance(value, Known) or not isinstance(m.guard(value), slice):
        return None
    part = m.guard(value)
    start = 0 if part.start is None else part.start
    near = part.stop is None or (start < 0) == (part.stop < 0)
    return (start, part.stop) if near and part.step in (None, 1) else None


def _delete(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Any:
    """`np.delete`: what a plain slice leaves are two slices."""
    ends = bounds(m, given(args, kwargs, 1, "obj"))
    if ends is None:
        edit = _edit(editing_library.delete_one, editing_library.delete_)
        return edit(m, state, args, kwargs, loc)
    array = given(args, kwargs, 0, "arr")
    axis = given(args, kwargs, 2, "axis") or Known(None)
    rest = (array, *map(Known, ends), axis)
    return m.call(Known(editing_library.delete_part), rest, {}, state, loc)  # type: ignore[arg-type]


def _pad(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Any:
    """`np.pad`: with known constants and elements of the array it is an op's."""
    mode = given(args, kwargs, 2, "mode") or Known("constant")
    computed = isinstance(mode, Known) and mode.value in signal_library.COMPUTED
    width = given(args, kwargs, 1, "pad_width")
    kind = kwargs.get("reflect_type", Known("even"))
    odd = not isinstance(kind, Known) or kind.value != "even"
    several = "constant_values" in kwargs and issubclass(
        objects.class_of(kwargs["constant_values"]), list | tuple | dict | np.ndarray
    )
    mapped = width is not None and issubclass(objects.class_of(width), dict)
    if computed or odd or several or mapped:
        return m.call(Known(signal_library.pad_), args, kwargs, state, loc)
    return numpy_calls.apply(m, state, np.pad, args, kwargs, loc)


def _nan_to_num(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Any:
    """`np.nan_to_num`: of known numbers into a new array it is an op's."""
    fresh = given(args, kwargs, 1, "copy") or Known(True)
    numbers = [given(args, kwargs, k + 2, n) for k, n in enumerate(("nan", "posinf", "neginf"))]
    known = all(v is None or isinstance(v, Known) for v in (fresh, *numbers))
    if known and m.guard(fresh):  # type: ignore[arg-type]
        return numpy_calls.apply(m, state, np.nan_to_num, args, kwargs, loc)
    return m.call(Known(editing_library.nan_to_num_), args, kwargs, state, loc)


def _close(op: Any, staged: Any) -> Form:
    """`np.isclose` or `np.allclose`: an op if the tolerances are known."""

    def run(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Any:
        limits = (given(args, kwargs, 2, "rtol"), given(args, kwargs, 3, "atol"))
        if all(v is None or isinstance(v, Known) for v in limits):
            return numpy_calls.apply(m, state, op, args, kwargs, loc)
        return m.call(Known(staged), args, kwargs, state, loc)

    return run


def _histogram(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Any:
    """`np.histogram`: between ends known at run time only, the edges are computed first."""
    span = given(args, kwargs, 2, "range")
    known = span is None or isinstance(span, Known)
    if isinstance(span, TupleValue):
        known = all(isinstance(v, Known) for v in span.items)
    if known:
        return numpy_calls.apply(m, state, np.histogram, args, kwargs, loc)
    return m.call(Known(table_library.histogram_), args, kwargs, state, loc)


TABLE: dict[Any, Form] = {
    np.histogram: _histogram,
    np.isclose: _close(np.isclose, array_library.isclose_),
    np.allclose: _close(np.allclose, array_library.allclose_),
    np.delete: _delete,
    np.insert: _edit(editing_library.insert_one, editing_library.insert_),
    np.pad: _pad,
    np.nan_to_num: _nan_to_num,
}
