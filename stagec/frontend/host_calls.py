"""Library functions that are called when the program runs: clocks, logs, warnings.

What they do, or return, is different at each call, so none of them runs at staging.
"""

from __future__ import annotations

import functools
import inspect
import logging
import time
import types
import warnings
from collections.abc import Callable
from typing import Any, cast

from stagec.errors import Loc, StagecError
from stagec.frontend import containers, numpy_calls
from stagec.frontend.machine import Machine, Raised
from stagec.frontend.state import State
from stagec.frontend.texts import shown
from stagec.frontend.values import NONE, Known, Value
from stagec.ir.types import BOOL, FLOAT, INT, Type
from stagec.ops import effects

SECONDS = (time.time, time.perf_counter, time.monotonic, time.process_time, time.thread_time)
NANOSECONDS = (
    time.time_ns, time.perf_counter_ns, time.monotonic_ns, time.process_time_ns,
    time.thread_time_ns,
)  # fmt: skip
RESULTS: dict[Any, tuple[Type, ...]] = {
    **dict.fromkeys(SECONDS, (FLOAT,)),
    **dict.fromkeys(NANOSECONDS, (INT,)),
    time.sleep: (),
    warnings.warn: (),
}

LOGGERS = (logging.Logger, logging.LoggerAdapter)

# the functions and methods of `logging`; the rest is refused as what may have effects
LOGS: dict[str, tuple[Type, ...]] = {
    **dict.fromkeys(
        ("debug", "info", "warning", "warn", "error", "critical", "fatal", "log"), ()
    ),
    **dict.fromkeys(("setLevel", "basicConfig", "disable", "captureWarnings"), ()),
    "isEnabledFor": (BOOL,),
    "getEffectiveLevel": (INT,),
}


def results_of(function: Any) -> tuple[Type, ...] | None:
    """What a function that is called at run time returns; None if it is not such a one."""
    if isinstance(function, types.FunctionType | types.MethodType):
        if function.__module__ == logging.__name__:
            return LOGS.get(function.__name__)
        return None
    return RESULTS.get(function) if isinstance(function, types.BuiltinFunctionType) else None


def called(
    m: Machine, state: State, f: Known, results: tuple[Type, ...], args: tuple[Value, ...],
    kwargs: dict[str, Value], loc: Loc | None,
) -> Value:  # fmt: skip
    """The call, an effect of the program."""
    function = cast("Callable[..., Any]", f.value)
    if args and isinstance(args[0], Known) and isinstance(args[0].value, LOGGERS):
        function, args = getattr(m.guard(args[0]), function.__name__), args[1:]
    options = {k: m.need_known(state, v, loc, f"{k}=") for k, v in kwargs.items()}
    if options.get("exc_info"):
        raise StagecError("SC368", "exc_info= in staged code", loc, "log the exception itself")
    operands: list[Any] = []
    by_name = False
    for name, value in parameters(function, args):
        plain = containers.plain(m, state, value)
        if plain is containers.STAGED:
            if by_name:
                what = "a staged value behind an object"
                raise StagecError("SC323", what, loc, "pass the object by its name")
            plain = shown(m, state, value, loc)
        elif by_name or not isinstance(plain, bool | int | float | complex | str):
            if name:  # an object cannot be an operand, nor what stands behind it
                options[name], by_name = plain, True
                continue
            if str(plain) != repr(plain):
                what = f"a {type(plain).__name__} where the program runs"
                raise StagecError("SC323", what, loc, "write str(...) of it")
            plain = str(plain)
        operands.append(
            plain if numpy_calls.has_handle(plain) else m.const_handle(state, plain)
        )
    out = m.apply_op(
        state,
        effects.host_call,
        operands,
        function=functools.partial(function, **options) if options else function,
        results=results,
    )
    return m.wrap(state, out) if results else NONE


def parameters(
    function: Callable[..., Any], args: tuple[Value, ...]
) -> list[tuple[str, Value]]:
    """The arguments with the names by which they may be given too, if any."""
    try:
        signature = inspect.signature(function)
    except ValueError:  # some compiled functions have none
        return [("", a) for a in args]
    try:
        bound = signature.bind(*args).arguments
    except TypeError as error:
        raise Raised(error) from None
    found: list[tuple[str, Value]] = []
    for name, value in bound.items():
        several = isinstance(value, tuple)  # those behind `*args`
        found += [("", v) for v in value] if several else [(name, value)]
    return found
