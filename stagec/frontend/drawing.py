"""Random draws, and the methods of ufuncs."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable
from typing import Any

import numpy as np

from stagec.errors import Loc, StagecError
from stagec.frontend import array_library, arrays, containers, numpy_calls, table_library
from stagec.frontend.machine import Machine
from stagec.frontend.state import State
from stagec.frontend.values import NONE, ArrayRef, Known, Number, Ref, Value
from stagec.ir.types import type_of
from stagec.ops import effects

# what makes a twin of each kind of source, to see what it would draw
TWINS: dict[type, Callable[[], Any]] = {
    np.random.RandomState: lambda: np.random.RandomState(0),
    np.random.Generator: lambda: np.random.default_rng(0),
    random.Random: lambda: random.Random(0),
}
SOURCES = tuple(TWINS)


def drawing(function: Any) -> bool:
    """Whether the function draws random numbers, or makes their source begin anew."""
    owner = getattr(function, "__self__", None)
    return isinstance(owner, SOURCES) or function is np.random.seed


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


def remember(m: Machine, state: State, made: Any, args: Any, loc: Loc | None) -> None:
    """Note a source of random numbers that staged code makes: it begins anew in each call."""
    if not isinstance(made, SOURCES) or any(made is a for a in args):
        return
    if not args or args[0] is None:
        raise StagecError(
            "SC364", f"an unseeded {type(made).__name__} in staged code", loc,
            "make it outside, or give it a seed",
        )  # fmt: skip
    m.generators[id(made)] = made, state.builder.depth


def draw_at_staging(
    m: Machine, state: State, function: Any, args: list[Any], kwargs: dict[str, Any],
    loc: Loc | None,
) -> Value:  # fmt: skip
    """A draw from a source that staged code makes: the same in every call."""
    owner, depth = m.generators[id(function.__self__)]
    if state.builder.depth != depth:
        raise StagecError(
            "SC364",
            f"a draw in a loop or branch from a {type(owner).__name__} that staged code makes",
            loc,
            "make it outside of the function",
        )
    return m.new_in_program(state, m.host(state, function, args, kwargs, loc).value)


def draw(
    m: Machine, state: State, function: Any, args: tuple[Value, ...], kwargs: dict[str, Value],
    loc: Loc | None,
) -> Value:  # fmt: skip
    """A random draw; the type of its result is that of a draw from a twin of the source."""
    name = function.__name__
    if name == "seed":
        return reseed(m, state, function, args, kwargs, loc)
    owner = function.__self__
    twin = next(make for kind, make in TWINS.items() if isinstance(owner, kind))()
    plain = [m.need_known(state, a, loc, "an argument of a random draw")
             if isinstance(a, Known | Number) else containers.plain(m, state, a)
             for a in args]  # fmt: skip
    named = {k: m.need_known(state, v, loc, f"{k}=") if isinstance(v, Known | Number)
             else containers.plain(m, state, v) for k, v in kwargs.items()}  # fmt: skip
    if any(p is containers.STAGED for p in (*plain, *named.values())):
        raise StagecError(
            "SC363", "a random draw with staged arguments", loc, "scale it instead"
        )
    if name != "shuffle" and id(owner) in m.generators:
        return draw_at_staging(m, state, function, plain, named, loc)
    sample = m.host(state, getattr(twin, name), plain, named, loc)
    if name == "shuffle" or not isinstance(sample, Known):
        raise StagecError("SC364", f"{name} in staged code", loc, "call it outside")
    if isinstance(sample.value, list):
        raise StagecError("SC364", f"{name} in staged code", loc, "draw arrays with NumPy")
    options = tuple(sorted(named.items()))
    lifted = [
        m.const_handle(state, p) if isinstance(p, bool | int | float) else p for p in plain
    ]
    if not lifted or any(not hasattr(p, "operand") for p in lifted):
        bound = functools.partial(function, *plain) if plain else function
        out = m.apply_op(
            state,
            effects.draw,
            (),
            function=bound,
            result=type_of(sample.value),
            options=options,
        )
    else:
        out = effects.draw(
            *lifted, function=function, result=type_of(sample.value), options=options
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
