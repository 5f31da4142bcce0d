"""Python's builtins on abstract values; each returns a value or, by entering code, a tree."""

from __future__ import annotations

import builtins
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from stagec import ops
from stagec.errors import Loc, StagecError
from stagec.frontend import (
    array_library,
    array_writes,
    cmath_library,
    containers,
    extents,
    forms,
    heap_library,
    iterators,
    library,
    number_library,
    numpy_calls,
    objects,
    polynomial_library,
    protocols,
    rows,
    signal_library,
    table_library,
)
from stagec.frontend.machine import Machine, Raised
from stagec.frontend.ordering import sorted_
from stagec.frontend.sequences import is_sequence
from stagec.frontend.state import State
from stagec.frontend.texts import shown
from stagec.frontend.values import (
    NONE,
    Args,
    ArrayRef,
    BoundMethod,
    ExceptionValue,
    Fields,
    FunctionValue,
    Generator,
    Intrinsic,
    Items,
    Known,
    Kwargs,
    Mapped,
    Number,
    Partial,
    RangeValue,
    Ref,
    Reversed,
    TupleValue,
    Value,
    Zipped,
)
from stagec.ops import effects, text

Builtin = Callable[[Machine, State, Args, Kwargs, Any], Any]


def _len(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Value:
    method = objects.operator_method(m, state, args[0], "__len__", (), loc)
    return containers.length(m, state, args[0], loc) if method is None else method


def _range(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Value:
    if all(isinstance(a, Known) for a in args):
        return m.host(state, range, [m.guard(a) for a in args], {}, loc)  # type: ignore[arg-type]
    lo, hi, step = (Known(0), args[0], Known(1)) if len(args) == 1 else (*args, Known(1))[:3]
    for bound in (lo, hi, step):
        operand = m.operand(state, bound, loc)
        if getattr(operand.type, "dtype", np.dtype(float)).kind not in "iub":
            raise Raised(TypeError("'float' object cannot be interpreted as an integer"))
    if not isinstance(step, Known):
        m.call_value(state, library.range_step, (step,), {}, loc)
    return RangeValue(lo, hi, step)


def _isinstance(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Value:

    def opened(classes: Value) -> Any:
        if isinstance(classes, TupleValue):
            return tuple(map(opened, classes.items))
        return m.need_known(state, classes, loc, "a class")

    return Known(protocols.type_matches(args[0], opened(args[1])))


def _type(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Value:
    return Known(objects.class_of(args[0]))


def _print(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Value:
    attrs: dict[str, Any] = {"sep": " ", "end": "\n"}
    for name, value in kwargs.items():
        plain = m.need_known(state, value, loc, f"{name}= of print")
        if name in ("sep", "end", "file") and plain is not None:
            attrs[name] = plain
    parts = [shown(m, state, v, loc) for v in args]
    handles = [p if numpy_calls.has_handle(p) else m.const_handle(state, str(p)) for p in parts]
    if not handles:
        handles = [m.const_handle(state, "")]
    if "file" in attrs:
        function = functools.partial(print, **attrs)
        m.apply_op(state, effects.host_call, handles, function=function, results=())
    else:
        effects.print_(*handles, **attrs)
    return NONE


def _zip(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Value:
    strict = kwargs.get("strict", Known(False))
    if any(map(half_read, args)):
        plain = [m.need_known(state, a, loc, "what is zipped with an iterator") for a in args]
        return Known(zip(*plain, strict=m.need_known(state, strict, loc, "strict= of zip")))
    if not args:
        return TupleValue(())
    if len(args) < 2 or not m.need_known(state, strict, loc, "strict= of zip"):
        return Zipped(args)
    if any(isinstance(a, Generator | Mapped | Zipped) for a in args):
        raise StagecError(
            "SC375", "zip of a generator", loc, "make lists of the generators first"
        )
    wholes = [a.part if isinstance(a, Reversed) else a for a in args]
    sizes = TupleValue(tuple(_len(m, state, (a,), {}, loc) for a in wholes))
    return m.call_value(state, library.strict_zip, (Zipped(args), sizes), {}, loc)


def half_read(value: Value) -> bool:
    """Whether something else may read on in the iterator; those of itertools are not asked."""
    return (
        isinstance(value, Known)
        and hasattr(type(value.value), "__next__")
        and type(value.value).__module__ != "itertools"
    )


def _enumerate(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Value:
    start = (*args[1:], kwargs.get("start"), Known(0))
    first = next(v for v in start if v is not None)
    dtype = getattr(m.operand(state, first, loc).type, "dtype", np.dtype(float))
    if dtype.kind not in "iub":
        kind = objects.class_of(first).__name__
        raise Raised(TypeError(f"{kind!r} object cannot be interpreted as an integer"))
    return Zipped((RangeValue(first, NONE, Known(1)), args[0]))


def _reversed(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Value:
    value = args[0]
    if isinstance(value, RangeValue):
        return RangeValue(value.lo, value.hi, value.step, not value.reverse)
    if isinstance(value, Known) and isinstance(value.value, range):
        r = value.value
        return RangeValue(Known(r.start), Known(r.stop), Known(r.step), True)
    if isinstance(value, ArrayRef) or m.is_staged_list(state, value):
        return Reversed(value)
    return Reversed(TupleValue(tuple(containers.unpack(m, state, value, loc))))


def _map(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Value:
    return Mapped(args[0], args[1:])


def _filter(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Value:
    return Mapped(args[0], args[1:], True)


def _iterated(name: str) -> Builtin:
    return _entered(getattr(library, name))


def _entered(function: Any) -> Builtin:
    """The builtin that staged code of the compiler's own computes."""

    def run(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Any:
        return m.call(Known(function), args, kwargs, state, loc)

    return run


def _staged(function: Any, python: Any) -> Builtin:
    """The function itself on values known at staging, else what staged code computes."""

    def run(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Any:
        given = containers.plains(m, state, (*args, *kwargs.values()))
        if any(g is containers.STAGED or isinstance(g, np.ndarray) for g in given):
            return m.call(Known(python), args, kwargs, state, loc)
        named = dict(zip(kwargs, given[len(args) :], strict=True))
        found = m.host(state, function, given[: len(args)], named, loc)
        return m.new_in_program(state, found.value)

    return run


def _list(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Any:
    if (
        args
        and isinstance(args[0], TupleValue | Ref | Known | ArrayRef)
        and not m.is_staged_list(state, args[0])
        and not (isinstance(args[0], ArrayRef) and not m.small(state, args[0]))
        and not protocols.iterates_itself(args[0])
    ):
        return Ref(
            m.new_cell(state, Items(tuple(containers.unpack(m, state, args[0], loc)))), list
        )
    if args and m.is_staged_list(state, args[0]):
        return rows.copied(m, state, args[0], list, loc)
    return m.call(Known(library.list_), args, kwargs, state, loc)


def _tuple(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Any:
    if not args:
        return TupleValue(())
    if isinstance(args[0], Generator | Mapped | Zipped):
        ref = m.call_value(state, library.list_, args, {}, loc)
        return TupleValue(tuple(containers.unpack(m, state, ref, loc)))
    return TupleValue(tuple(containers.unpack(m, state, args[0], loc)))


def _set(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Any:
    items: Any = ()
    if args:
        value = args[0]
        if isinstance(value, Generator | Mapped | Zipped):
            value = m.call_value(state, library.list_, args, {}, loc)
        items = containers.unpack(m, state, value, loc)
    return containers.make_set(m, state, tuple(items), loc)


def _dict(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Any:
    content = Fields(())
    if args:
        value = args[0]
        if m.is_dict(state, value):
            pairs = list(containers.dict_items(m, state, value, loc))
        else:
            pairs = []
            for item in containers.unpack(m, state, value, loc):
                k, v = containers.unpack(m, state, item, loc)
                pairs.append((m.need_known(state, k, loc, "a dict key"), v))
        for k, v in pairs:
            content = content.set(k, v)
    for k, v in kwargs.items():
        content = content.set(k, v)
    return Ref(m.new_cell(state, content), dict)


def _extreme(name: str) -> Builtin:
    whole = getattr(library, name + "_")
    binary = getattr(builtins, name)

    def run(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Any:
        key = kwargs.get("key", Known(library.same))
        default = (kwargs["default"],) if "default" in kwargs else ()
        if len(args) == 1:
            if isinstance(args[0], Generator | Mapped | ArrayRef) or m.is_staged_list(
                state, args[0]
            ):
                return m.call(Known(whole), (args[0], key, *default), {}, state, loc)
            args = tuple(containers.unpack(m, state, args[0], loc))
            if not args and default:
                return default[0]
        elif default:
            what = "with multiple positional arguments"
            raise Raised(TypeError(f"Cannot specify a default for {name}() {what}"))
        if "key" in kwargs or any(is_sequence(a) or protocols.plain_object(a) for a in args):
            items = Ref(m.new_cell(state, Items(args)), list)
            return m.call(Known(whole), (items, key), {}, state, loc)
        if not args:
            return m.host(state, binary, [()], {}, loc)
        best = args[0]
        for other in args[1:]:
            best = numpy_calls.apply(m, state, binary, (best, other), {}, loc)
        return best

    return run


def _getattr(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Value:
    name = m.need_known(state, args[1], loc, "the name of an attribute")
    try:
        return objects.attribute(m, state, args[0], name, loc)
    except Raised as raised:
        if len(args) > 2 and isinstance(raised.value, AttributeError):
            return args[2]
        raise


def _hasattr(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Value:
    name = m.need_known(state, args[1], loc, "the name of an attribute")
    return Known(protocols.has_attribute(m, state, args[0], name, loc))


def _setattr(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Value:
    name = m.need_known(state, args[1], loc, "the name of an attribute")
    objects.set_attribute(m, state, args[0], name, args[2], loc)
    return NONE


def _callable(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Value:
    value = args[0]
    if isinstance(value, Known):
        return Known(callable(value.value))
    return Known(isinstance(value, FunctionValue | BoundMethod | Partial | Intrinsic))


def _partial(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Value:
    return Partial(args[0], args[1:], tuple(kwargs.items()))


def _str(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Value:
    if not args and "object" in kwargs:
        args = (kwargs["object"],)
    if len(args) != 1 or isinstance(args[0], Known):
        plain = [m.need_known(state, a, loc, "an argument of str") for a in args]
        return m.host(state, str, plain, {}, loc)
    handle = shown(m, state, args[0], loc)
    return m.wrap(state, text.format_(handle, spec="", conversion="s"))


def _repr(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Value:
    (value,) = args
    if isinstance(value, Known):
        return m.host(state, repr, [m.guard(value)], {}, loc)
    handle = shown(m, state, value, loc, quoted=True)
    conversion = "" if isinstance(value, TupleValue | Ref | ExceptionValue) else "r"
    return m.wrap(state, text.format_(handle, spec="", conversion=conversion))


def _bool(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Value:
    truth = m.truth(state, args[0], loc)
    return Known(truth) if isinstance(truth, bool) else Number(truth)


def _id(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Value:
    raise StagecError("SC360", "id() of a staged value", loc, "compare with `is`")


def _stop_gradient(
    m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None
) -> Value:
    return m.map_leaves(state, args[0], ops.stop_gradient)


def _ix(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Value:
    rows = [m.as_array(state, a, loc) for a in args]
    if any(r.ndim != 1 for r in rows):
        raise Raised(ValueError("Cross index must be 1 dimensional"))
    rows = [r.astype(int) if isinstance(r, np.ndarray) and not r.size else r for r in rows]
    return TupleValue(tuple(m.wrap(state, r) for r in numpy_calls.TABLE[np.ix_](*rows)))


STAGED = (array_library.STAGED, polynomial_library.STAGED, signal_library.STAGED,
          table_library.STAGED, number_library.STAGED, cmath_library.STAGED)  # fmt: skip

ITERATORS = {zip: _zip, enumerate: _enumerate, reversed: _reversed, map: _map, filter: _filter}
TABLE: dict[Any, Builtin] = {
    len: _len, range: _range, isinstance: _isinstance, type: _type, print: _print,
    **{f: iterators.makes(run) for f, run in ITERATORS.items()},
    sum: _iterated("sum_"), any: _iterated("any_"), all: _iterated("all_"), list: _list,
    tuple: _tuple, set: _set, frozenset: _set, dict: _dict, max: _extreme("max"),
    min: _extreme("min"), sorted: sorted_, getattr: _getattr, hasattr: _hasattr,
    setattr: _setattr, callable: _callable, functools.partial: _partial, str: _str,
    repr: _repr, bool: _bool, functools.reduce: _iterated("reduce_"), id: _id, np.ix_: _ix,
    np.shape: extents.shape, np.ndim: extents.ndim, np.size: extents.size,
    np.copyto: _entered(array_writes.copyto_), np.put: _entered(array_writes.put_),
    np.put_along_axis: _entered(array_writes.put_along_axis_),
    np.putmask: _entered(array_writes.putmask_), np.place: _entered(array_writes.place_),
    np.fill_diagonal: _entered(array_writes.fill_diagonal_),
    **{f: _entered(python) for f, python in array_library.ENTERED.items()},
    **{f: _entered(python) for f, python in table_library.ENTERED.items()},
    **{f: _entered(python) for f, python in heap_library.ENTERED.items()},
    **{f: _staged(f, python) for library in STAGED for f, python in library.items()},
    **forms.TABLE,
    **protocols.TABLE,
    **iterators.TABLE,
}  # fmt: skip
