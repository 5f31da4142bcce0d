"""Calls that write their result into an array that the caller gives: `out=`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cache
from typing import Any, NoReturn

import numpy as np

from stagec import ops
from stagec.errors import Loc, StagecError
from stagec.frontend import arrays
from stagec.frontend.machine import Machine, Raised
from stagec.frontend.state import State
from stagec.frontend.values import ArrayRef, Known, TupleValue, Value
from stagec.ir.types import ArrayType

Split = tuple[tuple[Value, ...], dict[str, Value], tuple[Value, ...]]


@cache
def parameters(function: Any) -> tuple[str, ...]:
    """The names of the arguments that can be given by position, also by position only."""
    try:
        found = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return ()
    placed = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return tuple(n for n, p in found.items() if p.kind in placed)


def without_out(function: Any, args: tuple[Value, ...], kwargs: Mapping[str, Value]) -> Split:
    """The arguments without `out`, and what was given as `out`: one value per result, or none.

    What follows `out` by position is named, so that a binder needs no place for `out`.
    """
    named = {k: v for k, v in kwargs.items() if k != "out"}
    out = kwargs.get("out", Known(None))
    given: tuple[Value, ...] = out.items if isinstance(out, TupleValue) else (out,)
    if isinstance(function, np.ufunc):
        if len(args) > function.nin:
            args, given = args[: function.nin], args[function.nin :]
    elif "out" in (names := parameters(function)) and len(args) > (at := names.index("out")):
        given = (args[at],)
        named.update(zip(names[at + 1 :], args[at + 1 :], strict=False))
        args = args[:at]
    given = () if all(_absent(o) for o in given) else given
    return args, named, given


def widened(function: Any, state: State, split: Split) -> Split:
    """The same arguments, with the dtype that sums and products take from `out`.

    NumPy adds up and multiplies numbers as what they and `out` have in common.
    """
    args, named, given = split
    if given and function in ROUND and len(args) + len(named) > 1:
        _need_same_type(function, state, args[0], given[0])
    if not given or function not in TAKES_DTYPE:
        return split
    at = parameters(function).index("dtype")  # the last place in front of that of `out`
    args = args[:at] if all(map(_absent, args[at:])) else args
    if len(args) > at or not _absent(named.get("dtype", Known(None))):
        return split
    if not args or not isinstance(args[0], ArrayRef) or not isinstance(given[0], ArrayRef):
        return split
    own, out = (arrays.type_of(state, a).dtype for a in (args[0], given[0]))
    common = np.result_type(own, out)
    if out.kind not in "fc" or common == own or own.kind not in TAKES_DTYPE[function]:
        return split
    return args, {**named, "dtype": Known(common)}, given


# The kinds of numbers for which a dtype is taken: a mean takes integers as floats anyway.
TAKES_DTYPE: dict[Any, str] = {
    **dict.fromkeys((np.sum, np.prod, np.cumsum, np.cumprod, np.trace), "biufc"),
    **dict.fromkeys((np.nansum, np.nanprod, np.nancumsum, np.nancumprod), "biufc"),
    **dict.fromkeys((np.mean, np.nanmean), "fc"),
}


# NumPy multiplies the array by a power of ten, and divides in the type of `out`.
ROUND = (np.round, np.around)


def _need_same_type(function: Any, state: State, array: Value, out: Value) -> None:
    """Refuse an `out` of another type than the array's: it would say what is computed."""
    if not isinstance(array, ArrayRef) or not isinstance(out, ArrayRef):
        return
    if arrays.type_of(state, array).dtype != arrays.type_of(state, out).dtype:
        _refuse(function.__name__, "decimals= and an out= of another dtype", None)


def _absent(value: Value) -> bool:
    return isinstance(value, Known) and value.value is None


def write_out(
    m: Machine, state: State, function: Any, result: Value, given: tuple[Value, ...],
    argument: Any, loc: Loc | None,
) -> Value:  # fmt: skip
    """Write the result, or each of several, into what was given as `out`; that is returned."""
    results = result.items if isinstance(result, TupleValue) else (result,)
    made = tuple(
        value if _absent(out) else _write(m, state, function, value, out, argument, loc)
        for value, out in zip(results, (*given, *(Known(None),) * len(results)), strict=False)
    )
    return TupleValue(made, result.cls) if isinstance(result, TupleValue) else made[0]


def _write(
    m: Machine, state: State, function: Any, value: Value, out: Value, argument: Any,
    loc: Loc | None,
) -> Value:  # fmt: skip
    name = getattr(function, "__name__", str(function))
    if not isinstance(out, ArrayRef):
        _refuse(name, "an out= that is no array with axes", loc)
    handle = argument(m, state, value, loc)
    target = arrays.type_of(state, out)
    source = handle.type if isinstance(handle, ops.Handle) else None
    if isinstance(source, ArrayType):
        if not np.can_cast(source.dtype, target.dtype, "same_kind"):
            if isinstance(function, np.ufunc):
                raise Raised(
                    TypeError(
                        f"Cannot cast ufunc {name!r} output from {source.dtype!r} to "
                        f"{target.dtype!r} with casting rule 'same_kind'"
                    )
                )
            _refuse(name, f"a result of dtype {source.dtype} and out= of {target.dtype}", loc)
        if not isinstance(function, np.ufunc) and source.rank != target.rank:
            _refuse(name, f"a result of rank {source.rank} and out= of {target.rank}", loc)
    arrays.store(m, state, out, handle, loc)
    return out


def _refuse(name: str, what: str, loc: Loc | None) -> NoReturn:
    raise StagecError(
        "SC322", f"{name}: {what}", loc, "write `out[...] = result` after the call"
    )
