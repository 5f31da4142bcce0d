"""Random draws, and the methods of ufuncs."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from stagec.errors import Loc, StagecError
from stagec.frontend import (
    array_library,
    arrays,
    containers,
    draws,
    generators,
    numpy_calls,
    table_library,
)
from stagec.frontend.machine import Machine
from stagec.frontend.state import State
from stagec.frontend.values import NONE, ArrayRef, Known, Number, Ref, Value
from stagec.ops import effects


def drawing(function: Any) -> bool:
    """Whether the function draws random numbers, makes their source or begins it anew."""
    owner = getattr(function, "__self__", None)
    seeds = function is np.random.seed or generators.makes(function)
    return seeds or isinstance(owner, generators.SOURCES)


def reseed(
    m: Machine, state: State, function: Any, args: tuple[Value, ...], kwargs: dict[str, Value],
    loc: Loc | None,
) -> Value:  # fmt: skip
    """The source begins anew when the generated code runs."""
    owner = getattr(function, "__self__", None)
    given = (*args, *kwargs.values())
    if id(owner) in m.generators or len(given) > 1 or not all(
        isinstance(g, Number) or (isinstance(g, Known) and isinstance(g.value, int))
        for g in given
    ):  # fmt: skip
        raise StagecError("SC364", "seed in staged code", loc, "seed it outside")
    seeds = [numpy_calls.argument(m, state, g, loc) for g in given]
    handles = [s if numpy_calls.has_handle(s) else m.const_handle(state, s) for s in seeds]
    m.apply_op(state, effects.host_call, handles, function=function, results=())
    return NONE


def draw(
    m: Machine, state: State, function: Any, args: tuple[Value, ...], kwargs: dict[str, Value],
    loc: Loc | None,
) -> Value:  # fmt: skip
    """A random draw; the type of its result is that of a draw from a twin of the source."""
    if generators.makes(function):
        return generators.make(m, state, function, args, kwargs, loc)
    name = function.__name__
    if name == "seed":
        return reseed(m, state, function, args, kwargs, loc)
    owner = function.__self__
    plain = [containers.plain(m, state, v) for v in args]
    named = {k: containers.plain(m, state, v) for k, v in kwargs.items()}
    generators.refuse(m, [*plain, *named.values()], loc)
    form = draws.simpler_form(m, state, function, args, kwargs)
    if form is not None:
        return m.call_value(state, form, (Known(owner), *args), kwargs, loc)
    made = m.generators.get(id(owner))
    known = containers.known((*plain, *named.values()))
    if made and generators.at_staging(m, state, made, known, loc):
        value = m.host(state, function, plain, named, loc).value
        if isinstance(value, list) and any(isinstance(v, generators.SOURCES) for v in value):
            raise StagecError("SC364", f"{name} in staged code", loc, "call it outside")
        return m.new_in_program(state, value)
    if made or not known:
        return draws.staged(m, state, function, args, kwargs, loc)
    twin = draws.twin_of(owner)
    sample = m.host(state, getattr(twin, name), plain, named, loc)
    result = draws.result_type(sample.value, name, loc)
    numbers = bool(plain) and all(isinstance(p, bool | int | float) for p in plain)
    bound = function if numbers or not plain else functools.partial(function, *plain)
    handles = [m.const_handle(state, p) for p in plain] if numbers else []
    options = tuple(sorted((k, draws.option(k, v)) for k, v in named.items()))
    out = m.apply_op(
        state, effects.draw, handles, function=bound, result=result, options=options
    )
    return m.wrap(state, out)


def ufunc_method(
    m: Machine, state: State, method: Any, args: tuple[Value, ...], kwargs: dict[str, Value],
    loc: Loc | None,
) -> Value:  # fmt: skip
    """`np.add.at`, `np.add.reduce`, `np.add.outer` and their like."""
    ufunc, name = method.__self__, method.__name__
    if name == "at" and ufunc in (np.add, np.subtract) and isinstance(args[0], ArrayRef):
        path, index = arrays.subscript(
            m, state, args[1], arrays.type_of(state, args[0]).rank, loc
        )
        value = numpy_calls.argument(m, state, args[2], loc)
        if ufunc is np.subtract:
            value = arrays.opposite(m, state, args[0], value)
        arrays.store(m, state, args[0], value, loc, path, index, accumulate=True)
        return NONE
    whole = {np.add: np.sum, np.multiply: np.prod, np.maximum: np.max, np.minimum: np.min,
             np.logical_and: np.all, np.logical_or: np.any}  # fmt: skip
    running = {np.add: np.cumsum, np.multiply: np.cumprod}
    if name == "reduce" and ufunc in whole:
        # by name: the method takes a dtype where np.max and np.all take `out`
        kwargs = {"axis": Known(0), **dict(zip(REDUCED, args[1:], strict=False)), **kwargs}
        if isinstance(dtype := kwargs.get("dtype"), Known) and dtype.value is None:
            del kwargs["dtype"]
        return numpy_calls.apply(m, state, whole[ufunc], args[:1], kwargs, loc)
    if name == "accumulate" and ufunc in running:
        if len(args) == 1 and "axis" not in kwargs:
            kwargs = {**kwargs, "axis": Known(0)}
        axis = numpy_calls.argument(m, state, kwargs.get("axis", NONE), loc)
        if isinstance(axis, tuple) and len(axis) == 1:  # np.cumsum takes no such tuple
            kwargs = {**kwargs, "axis": Known(axis[0])}
        return numpy_calls.apply(m, state, running[ufunc], args, kwargs, loc)
    if name == "outer" and len(args) == 2:
        return m.call_value(state, array_library.outer_, (Known(ufunc), *args), kwargs, loc)
    helper = LOOPS.get(name)
    if helper is None or not staged_as_loop(m, state, ufunc, name, args, kwargs, loc):
        raise StagecError(
            "SC365", f"np.{ufunc.__name__}.{name} is not supported", loc, "use a loop"
        )
    return m.call_value(state, helper, (Known(ufunc), *args), kwargs, loc)


# what `reduce` takes after the array, in order
REDUCED = ("axis", "dtype", "out", "keepdims", "initial", "where")

LOOPS = {
    "at": array_library.at_,
    "reduce": array_library.reduce_,
    "accumulate": array_library.accumulate_,
    "reduceat": table_library.reduceat_,
}

OPTIONS = {"reduce": {"axis", "keepdims"}, "accumulate": {"axis"}, "reduceat": {"axis"}}


def staged_as_loop(
    m: Machine, state: State, ufunc: Any, name: str, args: tuple[Value, ...],
    kwargs: dict[str, Value], loc: Loc | None,
) -> bool:  # fmt: skip
    """Whether the loop in `array_library` is what the method does with these arguments."""
    if name != "at":
        most = 3 if name == "reduceat" else 2
        return ufunc.nin == 2 and len(args) <= most and not kwargs.keys() - OPTIONS[name]
    target, index, *values = args
    if not isinstance(target, ArrayRef) or not isinstance(index, ArrayRef | Ref | Known):
        return False
    if isinstance(index, Known) and isinstance(index.value, tuple | slice):
        return False
    places = m.as_array(state, index, loc)
    parts = [m.as_array(state, v, loc).dtype for v in (target, *values)]
    fits = np.can_cast(ufunc(*(np.ones(1, d) for d in parts)).dtype, parts[0], "same_kind")
    return fits and places.ndim == 1 and places.dtype.kind in "iu"
