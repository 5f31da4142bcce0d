"""What builtins ask the user's classes for: `abs(v)` is `v.__abs__()`."""

from __future__ import annotations

import builtins
import collections
import copy
import dataclasses
import math
import operator
import types
from collections.abc import Callable
from typing import Any

from stagec.errors import Loc
from stagec.frontend import objects
from stagec.frontend.contents import written
from stagec.frontend.machine import Machine, Raised
from stagec.frontend.sources import Constant
from stagec.frontend.state import State
from stagec.frontend.values import (
    NONE,
    Args,
    ArrayRef,
    BoundMethod,
    FunctionValue,
    Known,
    Kwargs,
    Number,
    Ref,
    TupleValue,
    Value,
)
from stagec.ir.core import Operand

TRUTH = ("__bool__", "__len__")
# the special methods that a builtin asks for, the first that is defined
ASKED: dict[Any, tuple[str, ...]] = {
    builtins.abs: ("__abs__",),
    builtins.round: ("__round__",),
    builtins.divmod: ("__divmod__",),
    builtins.pow: ("__pow__",),
    builtins.float: ("__float__", "__index__"),
    builtins.int: ("__int__", "__index__", "__trunc__"),
    builtins.complex: ("__complex__", "__float__", "__index__"),
    builtins.hash: ("__hash__",),
    builtins.reversed: ("__reversed__",),
    builtins.iter: ("__iter__",),
    operator.index: ("__index__",),
    math.floor: ("__floor__",),
    math.ceil: ("__ceil__",),
    math.trunc: ("__trunc__",),
    copy.copy: ("__copy__",),
}
SYMBOLS = {
    operator.add: "+", operator.sub: "-", operator.mul: "*", operator.truediv: "/",
    operator.floordiv: "//", operator.mod: "%", operator.pow: "** or pow()",
    operator.matmul: "@", operator.and_: "&", operator.or_: "|", operator.xor: "^",
    operator.lshift: "<<", operator.rshift: ">>", operator.lt: "<", operator.le: "<=",
    operator.gt: ">", operator.ge: ">=",
}  # fmt: skip
ORDER = (operator.lt, operator.le, operator.gt, operator.ge)


def says(value: Value, *names: str) -> bool:
    """Whether the user wrote one of the special methods of an object outside: what it reads may
    change from call to call.
    """
    if not isinstance(value, Known) or isinstance(value.value, type | types.FunctionType):
        return False
    cls = type(value.value)
    if cls.__module__ == "builtins":
        return False
    found = (objects.class_attribute(cls, name) for name in names)
    return any(isinstance(f, types.FunctionType) and written(f.__module__) for f in found)


def iterates_itself(value: Value) -> bool:
    """Whether the value is an object whose class says in Python how it is iterated."""
    if not isinstance(value, Ref | Known):
        return False
    own = (
        objects.class_attribute(objects.class_of(value), name)
        for name in ("__iter__", "__getitem__")
    )
    return any(isinstance(method, types.FunctionType) for method in own)


def always_true(m: Machine, value: Known) -> bool:
    """Whether the class of an object outside says nothing of truth; it may begin to."""
    cls = type(value.value)
    silent = all(objects.class_attribute(cls, name) is objects.MISSING for name in TRUTH)
    if not silent or cls.__module__ == "builtins":
        return False
    m.keep(value)
    m.guard_absence(Constant(cls, cls.__name__), *TRUTH)
    return True


def own_truth(m: Machine, state: State, value: Value, loc: Loc | None) -> bool | Operand:
    """The truth of an object as its class says."""
    for name in TRUTH:
        answer = objects.operator_method(m, state, value, name, (), loc)
        if answer is None:
            continue
        cls = objects.class_of(answer)
        if name == "__bool__" and cls is not bool:
            words = f"__bool__ should return bool, returned {cls.__name__}"
            raise Raised(TypeError(words))
        return m.truth(state, answer, loc)
    return True


def own_answer(
    m: Machine, state: State, function: Any, args: tuple[Value, ...], kwargs: Any,
    loc: Loc | None,
) -> Value | None:  # fmt: skip
    """What a builtin gets from the class of its first argument; None if nothing."""
    if kwargs or not args or not isinstance(args[0], Ref | TupleValue | Known):
        return None
    try:
        names = ASKED.get(function, ())
    except TypeError:  # not to be looked up, so no builtin
        return None
    if isinstance(args[0], Known) and not says(args[0], *names):
        return None
    for name in names:
        found = objects.operator_method(m, state, args[0], name, args[1:], loc)
        if found is not None:
            return found
    return None


def _set(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Value:
    name = m.need_known(state, args[1], loc, "the name of an attribute")
    objects.store_attribute(m, state, args[0], name, args[2], loc)
    return NONE


def _get(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Value:
    name = m.need_known(state, args[1], loc, "the name of an attribute")
    return objects.load_attribute(m, state, args[0], name, loc)


def _delete(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Value:
    name = m.need_known(state, args[1], loc, "the name of an attribute")
    objects.delete_attribute(m, state, args[0], name, loc)
    return NONE


def _nothing(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Value:
    if len(args) != 1 or kwargs:
        raise Raised(TypeError("object.__init__() takes exactly one argument"))
    return NONE


def _arguments(m: Machine, state: State, args: Args, kwargs: Kwargs, loc: Loc | None) -> Value:
    objects.store_attribute(m, state, args[0], "args", TupleValue(args[1:]), loc)
    return NONE


# the exceptions whose arguments are nothing but that
PLAIN = [
    c for c in vars(builtins).values()
    if isinstance(c, type) and issubclass(c, BaseException)
    and not issubclass(c, (OSError, StopIteration, SystemExit, ImportError, SyntaxError,
                           UnicodeError, BaseExceptionGroup))
]  # fmt: skip
# what a class inherits from `object`, called by its name or by way of `super()`
TABLE: dict[Any, Any] = {
    object.__setattr__: _set, object.__getattribute__: _get, object.__delattr__: _delete,
    object.__init__: _nothing, delattr: _delete,
    **{c.__init__: _arguments for c in PLAIN},
}  # fmt: skip


def plain_object(value: Value) -> bool:
    """Whether the value is an object of the user that is no container."""
    return isinstance(value, Ref) and objects.issubclass_object(value.cls)


def spoken(
    m: Machine, state: State, value: Value, names: tuple[str, ...], loc: Loc | None
) -> Value | None:
    """The text of an object as its class makes it, by the first method that is defined."""
    for name in names:
        if name == "__repr__" and shows_fields(value):
            return None
        found = objects.operator_method(m, state, value, name, (), loc)
        if found is not None:
            return found
    return None


def shows_fields(value: Value) -> bool:
    """Whether the `repr` of the object is the one of a dataclass or named tuple."""
    own = objects.class_attribute(objects.class_of(value), "__repr__")
    made = getattr(getattr(own, "__wrapped__", own), "__code__", None)
    files = "<string>", collections.__file__
    return made is not None and made.co_filename in files


def spread_over(m: Machine, state: State, value: Value, other: type) -> bool:
    """Whether the value is an array that an operator takes the elements of, one by one with
    an object of the other class.
    """
    if not isinstance(value, ArrayRef) or other.__module__ in ("builtins", "numpy"):
        return False
    asks = hasattr(other, "__array_ufunc__") or hasattr(other, "__array_priority__")
    return not (asks or issubclass(other, list | tuple | dict | set | frozenset))


def ordered(cls: type) -> bool:
    """Whether the class is a dataclass that is compared field by field."""
    params = getattr(cls, "__dataclass_params__", None)
    return params is not None and params.order


def compared(m: Machine, state: State, value: Value, loc: Loc | None) -> TupleValue:
    """The fields that an object of a dataclass is compared by."""
    fields: Any = dataclasses.fields(objects.class_of(value))  # type: ignore[arg-type]
    names = [f.name for f in fields if f.compare]
    return TupleValue(tuple(objects.attribute(m, state, value, n, loc) for n in names))


def refuse(op: Any, left: type, right: type) -> None:
    """Raise Python's error for operands whose classes do not define the operator."""
    symbol, names = SYMBOLS[op], f"{left.__name__!r} and {right.__name__!r}"
    text = f"unsupported operand type(s) for {symbol}: {names}"
    if op in ORDER:
        text = f"{symbol!r} not supported between instances of {names}"
    raise Raised(TypeError(text))


def type_matches(value: Value, classes: Any) -> bool:
    """`isinstance(value, classes)`."""
    if isinstance(classes, types.UnionType):
        classes = classes.__args__
    if isinstance(classes, tuple):
        return any(type_matches(value, c) for c in classes)
    if isinstance(value, Known) or not isinstance(classes, type):
        try:
            return isinstance(value.value if isinstance(value, Known) else value, classes)
        except TypeError as error:
            raise Raised(error) from None
    if isinstance(value, FunctionValue | BoundMethod):
        return classes in (Callable, types.FunctionType, object)
    return issubclass(objects.class_of(value), classes)


def has_attribute(m: Machine, state: State, base: Value, name: str, loc: Loc | None) -> bool:
    """Whether there is `base.name`, staged code being able to call it or not."""
    cls = objects.class_of(base)
    plain = isinstance(base, ArrayRef | Number | TupleValue | Ref)
    if plain and cls.__module__ in ("builtins", "numpy"):
        return objects.class_attribute(cls, name) is not objects.MISSING
    try:
        objects.attribute(m, state, base, name, loc)
    except Raised as raised:
        if isinstance(raised.value, AttributeError):
            return False
        raise
    return True
