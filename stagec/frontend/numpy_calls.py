"""Calls of functions that are the meaning of an op, and views as references."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from stagec import ops
from stagec.errors import Loc, StagecError
from stagec.frontend import (
    array_library,
    arrays,
    layout,
    numpy_options,
    outputs,
    shapes,
    staged_lists,
)
from stagec.frontend.machine import Machine
from stagec.frontend.sizes import divide_sizes, need_sizes
from stagec.frontend.state import State
from stagec.frontend.values import (
    NONE,
    ArrayCell,
    ArrayRef,
    Items,
    Known,
    Number,
    RangeValue,
    Ref,
    SliceValue,
    StagedItems,
    StagedList,
    TupleValue,
    Value,
)
from stagec.ir.core import (
    Apply,
    Operand,
    Staged,
    Value as Defined,
    const,
)
from stagec.ir.path import Index, NewAxis, Path, Reshape, Slice, Transpose, shift
from stagec.ir.types import ArrayType, ListType
from stagec.ops.arithmetic import Handle
from stagec.ops.family import NeedsValue

TABLE: dict[Any, Callable[..., Any]] = {
    function: binder for op in ops.ALL for function, binder in op.calls
}


ARRAYS = (np.array, np.asarray)
NAMED = (np.linalg.svd, np.linalg.eigh, np.linalg.eig, np.linalg.qr, np.linalg.slogdet)
JOINS = (np.concatenate, np.hstack, np.stack, np.vstack)


class NotAnOp(Exception):
    """The arguments of a call are not values of the graph."""


def implemented(function: Any) -> bool:
    """Whether some op is the meaning of the function."""
    try:
        return function in TABLE
    except TypeError:
        return False


def argument(m: Machine, state: State, value: Value, loc: Loc | None) -> Any:
    """What a binder gets for the value: a handle, or a plain Python value."""
    match value:
        case Known(value=plain):
            if isinstance(plain, np.ndarray):
                return arrays.handle_of(m, state, m.captured_array(state, value, loc), loc)
            given = m.guard(value)
            if ambiguous(type(given)):
                raise NotAnOp
            return given.value if isinstance(given, enum.IntEnum) else given
        case Number(operand):
            return m.handle(state, operand)
        case ArrayRef():
            return arrays.handle_of(m, state, value, loc)
        case TupleValue(items):
            return tuple(argument(m, state, v, loc) for v in items)
        case Ref():
            content = m.inside(state, value)
            if isinstance(content, Items) and value.cls is list:
                return [argument(m, state, v, loc) for v in content.items]
            if isinstance(content, StagedList):
                return argument(m, state, staged_lists.as_array(m, state, content, loc), loc)
            raise NotAnOp
        case SliceValue(start, stop, step):
            return slice(*(argument(m, state, v, loc) for v in (start, stop, step)))
        case RangeValue(lo, hi, step, False) if hi is not NONE:
            made = m.call_value(state, np.arange, (lo, hi, step), {}, loc)
            return argument(m, state, made, loc)
        case _:
            raise NotAnOp


def ambiguous(cls: type) -> bool:
    """Whether objects of the class are integers for Python, and sequences for NumPy."""
    names = ("__index__", "__len__", "__getitem__")  # an enum's metaclass has some of its own
    return all(any(name in vars(k) for k in cls.__mro__) for name in names)


def joined_argument(m: Machine, state: State, value: Value, loc: Loc | None) -> Any:
    """What a binder that joins arrays gets: a list of run-time length stays a list."""
    content = m.inside(state, value) if isinstance(value, Ref) else None
    if isinstance(content, StagedItems):
        return m.handle(state, content.operand)
    return argument(m, state, value, loc)


def has_handle(value: Any) -> bool:
    """Whether a handle is in the plain value."""
    if isinstance(value, tuple | list):
        return any(map(has_handle, value))
    if isinstance(value, slice):
        return has_handle((value.start, value.stop, value.step))
    return isinstance(value, Staged)


def apply(
    m: Machine, state: State, function: Any, args: tuple[Value, ...],
    kwargs: Mapping[str, Value], loc: Loc | None,
) -> Value:  # fmt: skip
    """The result of calling a function that some op is the meaning of."""
    m.spend(loc)
    split = outputs.widened(function, state, outputs.without_out(function, args, kwargs))
    args, plain_kwargs, out = split
    if isinstance(function, np.ufunc) and "where" in plain_kwargs and function.nout == 1:
        given = (Known(function), plain_kwargs.pop("where"), *(out or (NONE,)), *args)
        return m.call_value(state, array_library.where_, given, plain_kwargs, loc)
    args, plain_kwargs = shapes.itemised(m, state, TABLE.get(function), args, plain_kwargs, loc)
    python = numpy_options.instead(function, args, plain_kwargs)
    if python is not None:
        value = m.call_value(state, python, args, plain_kwargs, loc)
        return (
            outputs.write_out(m, state, function, value, out, argument, loc) if out else value
        )
    try:
        convert = joined_argument if function in JOINS else argument
        plain = [convert(m, state, a, loc) for a in args]
        named = {k: argument(m, state, v, loc) for k, v in plain_kwargs.items()}
    except NotAnOp:
        raise StagecError(
            "SC320", f"{name_of(function)} does not take these arguments", loc,
            "pass arrays, numbers, or lists and tuples of them",
        ) from None  # fmt: skip
    if function in ARRAYS and len(args) == 1 and not named and m.is_staged_list(state, args[0]):
        return m.sized(state, m.wrap(state, plain[0]))
    if not has_handle(plain) and not has_handle(list(named.values())):
        result = m.host(state, function, plain, named, loc)
        if not isinstance(result.value, np.ndarray) and not out:
            return m.new_in_program(state, result.value)
        plain = [lifted(state, p) for p in plain]
        if not plain:
            named = {k: lifted(state, v) for k, v in named.items()}
    binder = TABLE.get(function)
    if binder is None:
        raise StagecError(
            "SC321", f"{name_of(function)} is not supported on staged values", loc,
            "see docs/functions.md for what is; or call it on values known at staging",
        )  # fmt: skip
    if isinstance(function, np.ufunc):  # its operands are arrays, never axes or sizes
        plain = [list(p) if isinstance(p, tuple) else p for p in plain]
    given = (*args, *plain_kwargs.values())
    result = bind(m, state, function, binder, plain, named, loc, given)
    divide_sizes(m, result)
    value = named_results(function, views(m, state, given, result, loc))
    return outputs.write_out(m, state, function, value, out, argument, loc) if out else value


def need_lengths(m: Machine, state: State, args: tuple[Value, ...], loc: Loc | None) -> None:
    """Restage so that lists of run-time length are lists of items, where that is possible."""
    for value in args:
        content = m.inside(state, value) if isinstance(value, Ref) else None
        if isinstance(content, StagedList):
            length = m.wrap(state, staged_lists.length(m, state, content))
            with suppress(StagecError):
                m.need_known(state, length, loc, "the length of this list")


def named_results(function: Any, value: Value) -> Value:
    """The results of a decomposition as the named tuple that NumPy returns."""
    if not isinstance(value, TupleValue) or function not in NAMED:
        return value
    cls = type(function(np.eye(1)))
    return replace(value, cls=cls) if len(cls._fields) == len(value.items) else value


def bind(
    m: Machine, state: State, function: Any, binder: Any, args: list[Any], kwargs: Any,
    loc: Loc | None, values: tuple[Value, ...] = (),
) -> Any:  # fmt: skip
    """What the binder returns for what the values mean; its complaints become errors."""
    kept = len(state.builder.stmts)
    problem: Exception | None = None
    given, named = args, kwargs
    for made in (None, inner_arrays, list_array, sequence_array):
        if made:
            del state.builder.stmts[kept:]
            args = [made(state, a) for a in given]
            kwargs = {k: made(state, v) for k, v in named.items()}
            before = [*given, *named.values()]
            if all(a is b for a, b in zip([*args, *kwargs.values()], before, strict=True)):
                continue
        try:
            return binder(*args, **kwargs)
        except NeedsValue as need:
            operand = need.handle.operand
            need_sizes(m, operand)
            m.need_known(
                state, Number(operand), loc, str(need).removesuffix(" must be known at staging")
            )
        except (TypeError, ValueError, AttributeError, AssertionError) as error:
            problem = error
    need_lengths(m, state, values, loc)
    raise StagecError(
        "SC322", f"{name_of(function)}: {problem}", loc,
        "check the argument against the supported signature",
    ) from problem  # fmt: skip


def inner_arrays(state: State, value: Any) -> Any:
    """A list or tuple with the lists of handles in it as arrays."""
    if not isinstance(value, list | tuple) or not any(map(is_list_of_handles, value)):
        return value
    items = [list_array(state, v) if is_list_of_handles(v) else v for v in value]
    return type(value)(items)


def is_list_of_handles(value: Any) -> bool:
    """Whether the value is a list with handles in it."""
    return isinstance(value, list) and has_handle(value)


def list_array(state: State, value: Any) -> Any:
    """A list or range as an array."""
    if isinstance(value, Handle) and isinstance(value.type, ListType):
        return TABLE[np.array](value)
    if isinstance(value, list | range):
        return TABLE[np.array](lifted(state, list(value)))
    return value


def sequence_array(state: State, value: Any) -> Any:
    """A list, range or tuple of handles as an array."""
    if isinstance(value, tuple) and has_handle(value):
        return TABLE[np.array](lifted(state, value))
    return list_array(state, value)


def lifted(state: State, value: Any) -> Any:
    """Numbers as constant handles, so that a creation op is staged and not run."""
    if isinstance(value, bool | int | float | complex | np.generic):
        return Handle(state.builder, const(value))
    if isinstance(value, tuple | list):
        return type(value)(lifted(state, v) for v in value)
    if isinstance(value, slice):
        return slice(*(lifted(state, v) for v in (value.start, value.stop, value.step)))
    return value


def name_of(function: Any) -> str:
    """The name of a callable, for messages."""
    return getattr(function, "__name__", repr(function))


def printable(m: Machine, state: State, value: Value, loc: Loc | None) -> Any:
    """The handle of something printed or formatted at run time."""
    try:
        return argument(m, state, value, loc)
    except NotAnOp:
        raise StagecError(
            "SC323", "this value cannot be formatted at run time", loc,
            "format its staged parts one by one",
        ) from None  # fmt: skip


# -- views ------------------------------------------------------------------------------------


def views(
    m: Machine, state: State, args: tuple[Value, ...], result: Any, loc: Loc | None
) -> Value:
    """The result as abstract values; where it shares memory with an argument, a view of it."""
    if isinstance(result, tuple | list):
        items = tuple(views(m, state, args, r, loc) for r in result)
        if isinstance(result, list):
            return Ref(m.new_cell(state, Items(items)), list)
        return TupleValue(items)
    operand = result.operand if isinstance(result, Handle) else None
    if not isinstance(operand, Defined) or getattr(operand.type, "kind", "") != "array":
        return m.sized(state, m.wrap(state, result))
    if isinstance(operand.type, ListType):
        return m.wrap(state, result)
    bases = {
        arrays.cell_of(state, a, loc).operand: a
        for a in flatten(state, args)
        if isinstance(a, ArrayRef)
    }
    path: list[tuple[Path, tuple[Operand, ...]]] = []
    at: Operand = operand
    while at not in bases:
        stmt = state.builder.producer(at)
        source = stmt.op.aliased(stmt.kwargs) if stmt is not None else None
        if stmt is None or source is None:
            return m.sized(state, m.wrap(state, result))
        step = view_step(m, state, stmt, bases)
        own = step is None and nameless(m, stmt.args[source], bases)
        if own or (step is None and layout.copies(m, stmt)):
            return m.sized(state, m.wrap(state, result))
        if step is None:
            return shared(m, state, operand, stmt.args[source], bases)
        path.append(step)
        at = stmt.args[source]
    ref = bases[at]
    if at is operand:
        return ref if not ref.path else ArrayRef(ref.cell)
    full, index = (), ()
    for steps, operands in reversed(path):
        full, index = (*full, *shift(steps, len(index))), (*index, *operands)
    return ArrayRef(ref.cell, full, index)


def nameless(m: Machine, operand: Operand, bases: dict[Operand, ArrayRef]) -> bool:
    """Whether the array is surely one that the call has made itself."""
    while operand not in bases:
        stmt = m.defs.producer.get(operand) if isinstance(operand, Defined) else None
        if not isinstance(stmt, Apply):
            return False
        source = stmt.op.aliased(stmt.kwargs)
        if source is None:
            return stmt.op.overwrites is None
        operand = stmt.args[source]
    return False


def flatten(state: State, args: tuple[Value, ...]) -> list[Value]:
    """The arguments with lists and tuples opened."""
    out: list[Value] = []
    for a in args:
        if isinstance(a, TupleValue):
            out += flatten(state, a.items)
        elif isinstance(a, Ref) and (items := arrays.items_of(state, a)):
            out += flatten(state, items)
        else:
            out.append(a)
    return out


def shared(m: Machine, state: State, operand: Operand, source: Operand, bases: Any) -> ArrayRef:
    """A result that may share memory with an argument in a way paths cannot say: read-only."""
    shares = tuple((ref.cell, op) for op, ref in bases.items())
    return ArrayRef(m.new_cell(state, ArrayCell(operand, shares)))


def view_step(
    m: Machine, state: State, stmt: Apply, bases: dict[Operand, ArrayRef]
) -> tuple[Path, tuple[Operand, ...]] | None:
    """The path that a view op takes, with its operands; None if it is not a path."""
    attrs = stmt.kwargs
    base = stmt.args[0].type
    assert isinstance(base, ArrayType)
    if stmt.op is ops.read:
        return (attrs["path"], stmt.args[1:]) if attrs["view"] else None
    if stmt.op is ops.transpose:
        return (Transpose(attrs["axes"]),), ()
    if stmt.op is ops.reshape:
        if layout.contiguous(m, bases, stmt.args[0]):
            return (Reshape(attrs["shape"]),), stmt.args[1:]
        path = layout.unit_axes(stmt)
        return None if path is None else (path, ())
    if stmt.op is ops.ravel and layout.contiguous(m, bases, stmt.args[0]):
        return (Reshape((-1,)),), ()
    if stmt.op is ops.expand_dims:
        rank = base.rank + len(attrs["axes"])
        items = [NewAxis() if k in attrs["axes"] else Slice() for k in range(rank)]
        return (Index(tuple(items)),), ()
    if stmt.op is ops.squeeze:
        items = [0 if k in attrs["axes"] else Slice() for k in range(base.rank)]
        return (Index(tuple(items)),), ()
    return None
