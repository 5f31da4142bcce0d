"""Random draws when the program runs, whose arguments or lengths it may compute."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stagec.errors import Loc, StagecError
from stagec.frontend import containers, drawing_library, numpy_calls
from stagec.frontend.generators import TWINS
from stagec.frontend.machine import Machine, Raised
from stagec.frontend.state import State
from stagec.frontend.values import Known, Number, Ref, TupleValue, Value
from stagec.ir.core import Const
from stagec.ir.types import NUMERIC, ArrayType, Type, rank_of, same_shape, type_of
from stagec.ops import effects
from stagec.ops.arithmetic import Handle
from stagec.ops.axes import shape_of
from stagec.ops.family import sizes

# the methods that take lengths one by one, and those that take them as a size
BY_LENGTHS = {"rand": "random_sample", "randn": "standard_normal"}


def twin_of(owner: Any) -> Any:
    """A new source of the same kind."""
    return next(make for kind, make in TWINS.items() if isinstance(owner, kind))()


def option(name: str, value: Any) -> Any:
    """The value of an option that generated code can spell."""
    return np.dtype(value).name if name == "dtype" and value is not None else value


def result_type(sample: Any, name: str, loc: Loc | None) -> Type:
    """The type of what is drawn."""
    if isinstance(sample, list):
        raise StagecError("SC364", f"{name} in staged code", loc, "draw arrays with NumPy")
    try:
        return type_of(sample)
    except TypeError:
        raise StagecError("SC364", f"{name} in staged code", loc, "call it outside") from None


def simpler_form(
    m: Machine, state: State, function: Any, args: tuple[Value, ...], kwargs: dict[str, Value]
) -> Any:
    """The function in terms of simpler draws, where what it draws from is staged."""
    kind = next(kind for kind in TWINS if isinstance(function.__self__, kind))
    form, parameters = drawing_library.FORMS[kind].get(function.__name__, (None, ()))
    if form is None or not parameters:
        return form
    given = bound(function, args, kwargs).arguments
    values = [given[p] for p in parameters if p in given]
    numbers = form not in drawing_library.OF_SEQUENCES  # else a number means a range of them
    found = any(
        containers.plain(m, state, v) is containers.STAGED
        and (numbers or not isinstance(v, Number))
        for v in values
    )
    return form if found else None


def bound(function: Any, args: tuple[Value, ...], kwargs: Mapping[str, Value]) -> Any:
    """The arguments by the names of the parameters; the program raises what Python does."""
    try:
        return inspect.signature(function).bind(*args, **kwargs)
    except TypeError as error:
        raise Raised(error) from None


@dataclass(slots=True)
class Call:
    """A draw as the op has it, and the arguments of a draw of the same type from a twin."""

    plain: list[Handle] = field(default_factory=list[Handle])
    named: dict[str, Handle] = field(default_factory=dict[str, Handle])
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    size: tuple[Any, ...] | None = None
    sample: dict[str, Any] = field(default_factory=dict[str, Any])

    def operands(self) -> list[Handle]:
        """What the draw depends on besides lengths."""
        return [*self.plain, *self.named.values()]


def staged(
    m: Machine, state: State, function: Any, args: tuple[Value, ...], kwargs: dict[str, Value],
    loc: Loc | None,
) -> Value:  # fmt: skip
    """A draw when the program runs."""
    owner, name = function.__self__, function.__name__
    made = m.generators.get(id(owner))
    if name in BY_LENGTHS:
        name = BY_LENGTHS[name]
        args, kwargs = (), {"size": TupleValue(args)} if args else {}
    if name == "permutation":
        args = tuple(Known(m.need_known(state, a, loc, "a length")) if isinstance(a, Number)
                     else a for a in args)  # fmt: skip
    call = Call()
    in_order = True
    for parameter, value in bound(getattr(owner, name), args, kwargs).arguments.items():
        in_order = in_order and parameter not in kwargs and parameter != "size"
        if parameter == "size":
            call.size = lengths(m, state, value, loc)
        else:
            in_order = add(m, state, call, parameter, value, in_order, loc)
    result = typed(twin_of(owner), name, call, loc)
    if call.size is None and isinstance(result, ArrayType) and result.rank:
        call.size = common_shape(getattr(twin_of(owner), name), call, result, loc)
    source = [made.value] if made else []
    first = len(source) + len(call.operands())
    plan, staged_lengths = sizes(call.size, first) if call.size is not None else (None, ())
    attrs: dict[str, Any] = {} if plan is None else {"size": plan}
    out = m.apply_op(
        state,
        effects.draw,
        [*source, *call.operands(), *staged_lengths],
        function=name if made else getattr(owner, name),
        result=result,
        keywords=tuple(call.named),
        options=tuple(sorted(call.options.items())),
        **attrs,
    )
    return m.sized(state, m.wrap(state, out))


def lengths(m: Machine, state: State, value: Value, loc: Loc | None) -> tuple[Any, ...] | None:
    """The size that is asked for, of plain and staged lengths."""
    given = numpy_calls.argument(m, state, value, loc)
    if given is None:
        return None
    return tuple(given) if isinstance(given, tuple | list) else (given,)


def add(
    m: Machine, state: State, call: Call, name: str, value: Value, in_order: bool,
    loc: Loc | None,
) -> bool:  # fmt: skip
    """Add an argument to the call; whether those that follow may still be given in order."""
    plain = containers.plain(m, state, value)
    if plain is containers.STAGED and isinstance(value, TupleValue | Ref):
        value = m.call_value(state, np.asarray, (value,), {}, loc)
    if isinstance(plain, list | tuple) and isinstance(numbers := np.asarray(plain), np.ndarray):
        plain = numbers
    if isinstance(plain, np.ndarray) and plain.dtype.kind in NUMERIC:
        handle = m.handle(state, m.constant_array(plain))
    elif plain is containers.STAGED:
        try:
            handle = numpy_calls.argument(m, state, value, loc)
        except numpy_calls.NotAnOp:
            raise refused(loc) from None
        if not isinstance(handle, Handle):
            raise refused(loc)
    elif type(plain) in (int, float) and in_order:
        handle = m.const_handle(state, plain)
    else:
        call.options[name] = option(name, plain)
        call.sample[name] = plain
        return False
    call.sample[name] = stand_in(handle.operand, len(call.sample))
    if in_order:
        call.plain.append(handle)
    else:
        call.named[name] = handle
    return in_order


def stand_in(operand: Any, position: int) -> Any:
    """A value of the type of the operand, which most distributions take: parameters grow from
    one to the next, those in a row add up to 1, and a matrix is that of a covariance.
    """
    if isinstance(operand, Const):
        return operand.value
    type = operand.type
    if not isinstance(type, ArrayType):
        raise TypeError(f"{type} is not a number")
    integer = type.dtype.kind in "iub"
    if not type.rank:
        return position + 2 if integer else 0.25 * (position + 1)
    shape = [d if isinstance(d, int) else 3 for d in type.shape]
    if integer:
        return np.full(shape, position + 1, type.dtype)
    made = (
        np.eye(shape[0], shape[1]) if type.rank == 2 else np.full(shape, 1 / max(shape[-1], 1))
    )
    return made.astype(type.dtype)


def typed(twin: Any, name: str, call: Call, loc: Loc | None) -> Type:
    """The type of the result, with the axes of `size` in front where there is one."""
    size = {} if call.size is None else {
        "size": tuple(n if isinstance(n, int) else 1 for n in call.size)
    }  # fmt: skip
    draw = getattr(twin, name)
    with np.errstate(all="ignore"):
        try:
            sample = draw(**call.sample, **size)
        except (TypeError, ValueError):
            # how something is chosen says nothing about its type
            chosen = {k: v for k, v in call.sample.items() if k not in ("p", "replace")}
            try:
                sample = draw(**chosen, **size)
            except (TypeError, ValueError):
                raise refused(loc) from None
    result = result_type(sample, name, loc)
    if not isinstance(result, ArrayType):
        return result
    tail = result.shape[len(call.size or ()) :]
    arrays = [h.operand.type for h in call.operands() if rank_of(h.operand.type)]
    if call.size is not None and tail and any(not_exact(a) for a in arrays):
        raise refused(loc)
    return result


def not_exact(type: Type) -> bool:
    """Whether a length of the array is known at run time only."""
    return any(not isinstance(d, int) for d in getattr(type, "shape", ()))


def common_shape(
    draw: Any, call: Call, result: ArrayType, loc: Loc | None
) -> tuple[Any, ...] | None:
    """The size of a draw for each element of the parameters."""
    arrays = [h for h in call.operands() if rank_of(h.operand.type)]
    if not any(not_exact(h.operand.type) for h in arrays):
        return None
    shapes = [t.shape for h in arrays if isinstance(t := h.operand.type, ArrayType)]
    if any(len(s) != result.rank or not same_shape(s, shapes[0]) for s in shapes):
        raise refused(loc)
    try:
        alone = np.shape(draw(**call.sample, size=result.shape)) == result.shape
    except (TypeError, ValueError):
        alone = False
    if not alone:  # a row of parameters is one draw
        raise refused(loc)
    return shape_of(arrays[0])


def refused(loc: Loc | None) -> StagecError:
    """The error for a draw whose type depends on more than the types of its arguments."""
    return StagecError("SC363", "a random draw with staged arguments", loc, "scale it instead")
