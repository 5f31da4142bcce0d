"""Making objects in staged code: exceptions, tuples, dataclasses, the user's classes."""

from __future__ import annotations

import dataclasses
import inspect
import types
from typing import Any

import numpy as np

from stagec.errors import Loc, StagecError
from stagec.frontend import hosting, names, numpy_calls, objects
from stagec.frontend.hosting import PURE, host_function, module_of
from stagec.frontend.machine import Machine, Raised
from stagec.frontend.state import Exit, Leaf, State, Tree, extend, finish
from stagec.frontend.values import (
    ExceptionValue,
    Fields,
    Held,
    Known,
    Ref,
    SuperValue,
    TupleValue,
    Value,
)


def construct(
    m: Machine, f: Known, cls: type, args: tuple[Value, ...], kwargs: dict[str, Value],
    state: State, loc: Loc | None,
) -> Tree:  # fmt: skip
    """`cls(*args, **kwargs)`."""
    if issubclass(cls, BaseException):
        return construct_exception(m, cls, args, kwargs, state, loc)
    if cls is np.errstate:
        options = {k: m.need_known(state, v, loc, k) for k, v in kwargs.items()}
        made = Known(np.errstate(**options))
        m.errstates[id(made.value)] = (made, options)
        return finish(state, made)
    if cls is np.ndarray:
        return finish(state, numpy_calls.apply(m, state, np.empty, args, kwargs, loc))
    if cls is super:
        return finish(state, super_value(m, state, args, loc))
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        return finish(state, named_tuple(cls, args, kwargs))
    if module_of(cls) in PURE:
        if cls is np.vectorize:
            return finish(state, hosting.vectorized(m, state, args, kwargs, loc))
        return finish(state, host_function(m, state, f, args, kwargs, loc))
    if objects.class_attribute(cls, "__new__") is not object.__new__:
        raise StagecError("SC366", f"{cls.__name__} defines __new__", loc, "make it outside")
    if inspect.isabstract(cls):
        made = m.host(state, object.__new__, [cls], {}, loc)  # which raises
        return finish(state, made)
    ref = Ref(m.new_cell(state, Fields(())), cls)
    return initialise(m, ref, args, kwargs, state, loc)


def initialise(
    m: Machine, ref: Ref, args: tuple[Value, ...], kwargs: dict[str, Value], state: State,
    loc: Loc | None,
) -> Tree:  # fmt: skip
    """The paths after `__init__`, which return the object."""
    cls = ref.cls
    init = objects.class_attribute(cls, "__init__")
    m.guard_method(cls, "__init__")
    if (
        dataclasses.is_dataclass(cls)
        and getattr(init, "__code__", None) is not None
        and (init.__code__.co_filename == "<string>")
    ):
        return init_dataclass(m, ref, cls, args, kwargs, state, loc)
    if init is object.__init__:
        return finish(state, ref)
    tree = m.call(Known(init), (ref, *args), kwargs, state, loc)
    return extend(tree, lambda t: finish(t.state, ref) if t.exit is Exit.NORMAL else t)


def construct_exception(
    m: Machine, cls: type, args: tuple[Value, ...], kwargs: dict[str, Value], state: State,
    loc: Loc | None,
) -> Tree:  # fmt: skip
    """An exception; what its class sets in `__init__` is that of an object."""
    init = objects.class_attribute(cls, "__init__")
    m.guard_method(cls, "__init__")
    written = module_of(cls) not in PURE and isinstance(init, types.FunctionType)
    if kwargs and not written:
        raise Raised(TypeError(f"{cls.__name__}() takes no keyword arguments"))
    if module_of(cls) in PURE:
        return finish(state, ExceptionValue(cls, args))
    ref = Ref(m.new_cell(state, Fields((("args", TupleValue(args)),))), cls)
    if not written:
        return finish(state, ExceptionValue(cls, args, ref))
    try:
        bound = inspect.signature(init).bind(None, *args, **kwargs)
    except TypeError as error:
        raise Raised(TypeError(f"{cls.__name__}.__init__() {error}")) from None
    if bound.kwargs:
        raise StagecError(
            "SC320", f"{cls.__name__} takes keyword-only arguments", loc,
            "let exceptions take their arguments by position",
        )  # fmt: skip
    tree = initialise(m, ref, args, kwargs, state, loc)

    def made(leaf: Leaf) -> Tree:
        content = leaf.state.cells[ref.cell]
        if leaf.exit is not Exit.NORMAL or not isinstance(content, Fields):
            return leaf
        if content.get("args") is None:
            leaf.state.cells[ref.cell] = content.set("args", TupleValue(args))
        return finish(leaf.state, ExceptionValue(cls, bound.args[1:], ref))

    return extend(tree, made)


def named_tuple(cls: Any, args: tuple[Value, ...], kwargs: dict[str, Value]) -> TupleValue:
    """A named tuple of the arguments."""
    fields: tuple[str, ...] = cls._fields
    defaults: dict[str, Any] = cls._field_defaults
    given = dict(zip(fields, args, strict=False)) | kwargs
    missing = [n for n in fields if n not in given and n not in defaults]
    if missing or len(args) > len(fields):
        raise Raised(TypeError(f"{cls.__name__}() arguments do not match its fields"))
    return TupleValue(
        tuple(given[n] if n in given else Known(defaults[n]) for n in fields), cls
    )


def init_dataclass(
    m: Machine, ref: Ref, cls: type, args: tuple[Value, ...], kwargs: dict[str, Value],
    state: State, loc: Loc | None,
) -> Tree:  # fmt: skip
    """The generated `__init__` of a dataclass."""
    content = Fields(())
    positional = list(args)
    given = dict(kwargs)
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        if field.init and positional and not field.kw_only:
            value = positional.pop(0)
        elif field.init and field.name in given:
            value = given.pop(field.name)
        elif field.default is not dataclasses.MISSING:
            default = field.default
            value = default.value if isinstance(default, Held) else Known(default)
        elif field.default_factory is not dataclasses.MISSING:
            value = m.call_value(state, field.default_factory, (), {}, loc)
        elif not field.init:
            continue
        else:
            raise Raised(TypeError(f"{cls.__name__}.__init__() missing {field.name!r}"))
        content = content.set(field.name, value)
    if positional or given:
        raise Raised(TypeError(f"{cls.__name__}.__init__() got too many arguments"))
    state.cells[ref.cell] = content
    post = objects.class_attribute(cls, "__post_init__")
    m.guard_method(cls, "__post_init__")
    if post is objects.MISSING:
        return finish(state, ref)
    tree = m.call(Known(post), (ref,), {}, state, loc)
    return extend(tree, lambda t: finish(t.state, ref) if t.exit is Exit.NORMAL else t)


def super_value(m: Machine, state: State, args: tuple[Value, ...], loc: Loc | None) -> Value:
    """`super()` or `super(cls, self)`."""
    if args:
        return SuperValue(m.need_known(state, args[0], loc, "a class"), args[1])
    frame = m.frames[-1]
    around = names.lookup(frame, "__class__")  # set where staged code defines the class
    made = state.cells.get(around) if around is not None else None
    cls = made.value if isinstance(made, Known) else None
    for free, cell in frame.code.closure if cls is None else ():
        if free == "__class__":
            cls = cell.cell_contents
    if cls is not None:
        first = frame.info.parameters[0]
        receiver = state.cells[frame.scope.cells[first]]
        return SuperValue(cls, receiver)  # type: ignore[arg-type]
    raise StagecError("SC367", "super() outside a method", loc, "call it in a method")
