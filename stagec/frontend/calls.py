"""Calls: of the user's functions, which are entered; of ops and builtins; of classes."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import logging
import random
import types
from dataclasses import dataclass
from typing import Any

import gast
import numpy as np

from stagec import ops
from stagec.errors import Loc, StagecError
from stagec.frontend import arrays, builtins, containers, names, numpy_calls, objects, source
from stagec.frontend.desugar import desugar
from stagec.frontend.desugar.liveness import liveness
from stagec.frontend.desugar.scope import FunctionScope, scope
from stagec.frontend.join import Unjoinable, close
from stagec.frontend.loops import variable_names
from stagec.frontend.machine import Frame, Machine, Raised
from stagec.frontend.state import RESULT, Exit, Leaf, State, Tree, extend
from stagec.frontend.values import (
    NONE,
    ArrayRef,
    BoundMethod,
    CodeContext,
    ExceptionValue,
    Fields,
    FunctionValue,
    Generator,
    Intrinsic,
    Known,
    Number,
    Partial,
    Ref,
    Scope,
    SuperValue,
    TupleValue,
    Value,
)
from stagec.ir.types import type_of
from stagec.ops import effects

PURE = ("builtins", "math", "operator", "itertools", "functools", "numpy", "cmath", "numbers",
        "fractions", "decimal", "collections", "string", "re", "copy", "typing")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Code:
    """What is known about the source of a function."""

    node: gast.FunctionDef
    info: FunctionScope
    live: dict[int, frozenset[str]]
    head: dict[int, frozenset[str]]


CODES: dict[Any, tuple[Code, str, str]] = {}
NESTED: dict[int, tuple[gast.FunctionDef, Code]] = {}


def code_of(function: types.FunctionType) -> tuple[Code, str, str]:
    """The desugared source of the function, its file and class name; found once."""
    key = function.__code__
    if key not in CODES:
        if key.co_flags & (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR):
            loc = Loc(key.co_filename, key.co_firstlineno)
            raise StagecError("SC104", "an async function", loc, "write a plain function")
        found = source.find(function)
        node = desugar(found.node, found.file)
        flow = liveness(node)
        code = Code(node, scope(node, key.co_freevars), flow.after, flow.head)
        CODES[key] = (code, found.file, found.class_name or "")
    return CODES[key]


def nested_code(node: gast.FunctionDef) -> Code:
    """What is known about a function defined in staged code."""
    if id(node) not in NESTED:
        flow = liveness(node)
        NESTED[id(node)] = (node, Code(node, scope(node), flow.after, flow.head))
    return NESTED[id(node)][1]


def function_value(function: types.FunctionType) -> FunctionValue:
    """A user's function as a value that can be entered."""
    code, file, class_name = code_of(function)
    cells = function.__closure__ or ()
    closure = tuple(zip(function.__code__.co_freevars, cells, strict=True))
    context = CodeContext(file, function.__globals__, class_name, closure, function)
    defaults = tuple(names.constant(d, "default") for d in function.__defaults__ or ())
    kw = tuple((k, names.constant(d, k)) for k, d in (function.__kwdefaults__ or {}).items())
    return FunctionValue(code.node, None, defaults, kw, context)


def finish(state: State, value: Any) -> Tree:
    """The tree of a call that returns `value`, which may be a tree already."""
    if isinstance(value, Leaf) or hasattr(value, "cond"):
        return value
    state.cells[RESULT] = value
    return Leaf(state)


def call(
    m: Machine, f: Value, args: tuple[Value, ...], kwargs: dict[str, Value], state: State,
    loc: Loc | None,
) -> Tree:  # fmt: skip
    """The paths after `f(*args, **kwargs)`; normal ones hold the result in cell RESULT."""
    match f:
        case FunctionValue():
            return enter(m, f, args, kwargs, state, loc)
        case BoundMethod(function, receiver):
            return call(m, function, (receiver, *args), kwargs, state, loc)
        case Partial(function, bound, named):
            return call(m, function, (*bound, *args), {**dict(named), **kwargs}, state, loc)
        case Intrinsic(run=run):
            return finish(state, run(m, state, args, kwargs, loc))
        case Known():
            return call_known(m, f, args, kwargs, state, loc)
        case Ref(cls=cls) if objects.class_attribute(cls, "__call__") is not objects.MISSING:
            method = objects.class_attribute(cls, "__call__")
            return call(m, Known(method), (f, *args), kwargs, state, loc)
        case _:
            raise StagecError("SC380", "this value is not a function", loc, "call a function")


def call_known(
    m: Machine, f: Known, args: tuple[Value, ...], kwargs: dict[str, Value], state: State,
    loc: Loc | None,
) -> Tree:  # fmt: skip
    """A call of a Python object."""
    function = f.value
    if f.source is not None and not numpy_calls.implemented(function):
        m.guard(f)
    staged = getattr(type(function), "__stagec__", None)
    if staged is not None:
        return finish(state, staged(function, m, state, args, kwargs, loc))
    if drawing(function):
        return finish(state, draw(m, state, function, args, kwargs, loc))
    if isinstance(function, types.MethodType):
        receiver = Known(function.__self__, f.source)
        return call(m, Known(function.__func__), (receiver, *args), kwargs, state, loc)
    if isinstance(function, functools.partial):
        bound = tuple(Known(a) for a in function.args)
        named = {k: Known(v) for k, v in function.keywords.items()}
        return call(m, Known(function.func), (*bound, *args), {**named, **kwargs}, state, loc)
    try:
        handler = builtins.TABLE.get(function)
    except TypeError:
        handler = None
    if handler is not None:
        return finish(state, handler(m, state, args, kwargs, loc))
    if numpy_calls.implemented(function):
        return finish(state, numpy_calls.apply(m, state, function, args, kwargs, loc))
    if isinstance(getattr(function, "__self__", None), np.ufunc):
        return finish(state, ufunc_method(m, state, function, args, kwargs, loc))
    if isinstance(function, type):
        return construct(m, f, function, args, kwargs, state, loc)
    if logs(function):
        handles = [numpy_calls.printable(m, state, a, loc) for a in args]
        lifted = [
            h if numpy_calls.has_handle(h) else m.const_handle(state, str(h)) for h in handles
        ]
        effects.host_call(*lifted, function=function, results=())
        return finish(state, NONE)
    if isinstance(function, types.FunctionType) and not library_function(function):
        return enter(m, function_value(function), args, kwargs, state, loc)
    return finish(state, host_function(m, state, f, args, kwargs, loc))


def library_function(function: types.FunctionType) -> bool:
    """Whether the function belongs to the standard library or NumPy."""
    module = (function.__module__ or "").partition(".")[0]
    return module in PURE or module in ("random", "logging", "time", "os", "sys")


def host_function(
    m: Machine, state: State, f: Known, args: tuple[Value, ...], kwargs: dict[str, Value],
    loc: Loc | None,
) -> Value:  # fmt: skip
    """A call of a function that staging cannot look into: only on known values."""
    function = f.value
    name = numpy_calls.name_of(function)
    module = (getattr(function, "__module__", None) or "").partition(".")[0]
    owner = type(getattr(function, "__self__", None)).__module__.partition(".")[0]
    if function is np.vectorize or isinstance(function, np.vectorize):
        return vectorized(m, state, function, args, loc)
    known = [containers.plain(m, state, a) for a in args]
    named = {k: containers.plain(m, state, v) for k, v in kwargs.items()}
    if any(p is containers.STAGED for p in (*known, *named.values())):
        raise StagecError(
            "SC321", f"{name} is not supported on staged values", loc,
            "see docs/functions.md for what is; or call it on values known at staging",
        )  # fmt: skip
    if module not in PURE and owner not in PURE:
        raise StagecError(
            "SC361", f"staging cannot look into {name}, which may have effects", loc,
            "call it outside the staged function",
        )  # fmt: skip
    return m.host(state, function, known, named, loc)


def vectorized(
    m: Machine, state: State, function: Any, args: tuple[Value, ...], loc: Any
) -> Value:
    """`np.vectorize(f)` as a value, or its call on arrays of numbers."""
    if function is np.vectorize:
        return Partial(Known(np.vectorize), args, ())
    raise StagecError("SC362", "np.vectorize here", loc, "write the loop")


def logs(function: Any) -> bool:
    """Whether the function writes to a log."""
    owner = getattr(function, "__self__", None)
    return getattr(function, "__module__", "") == "logging" or isinstance(owner, logging.Logger)


def drawing(function: Any) -> bool:
    """Whether the function draws random numbers."""
    owner = getattr(function, "__self__", None)
    return isinstance(owner, np.random.RandomState | np.random.Generator | random.Random)


def draw(
    m: Machine, state: State, function: Any, args: tuple[Value, ...], kwargs: dict[str, Value],
    loc: Loc | None,
) -> Value:  # fmt: skip
    """A random draw; the type of its result is that of a draw from a twin of the source."""
    owner = function.__self__
    name = function.__name__
    twins = {
        np.random.RandomState: lambda: np.random.RandomState(0),
        np.random.Generator: lambda: np.random.default_rng(0),
    }
    twin = twins.get(type(owner), lambda: random.Random(0))()
    plain = [m.need_known(state, a, loc, "an argument of a random draw")
             if isinstance(a, Known | Number) else containers.plain(m, state, a)
             for a in args]  # fmt: skip
    named = {k: m.need_known(state, v, loc, f"{k}=") if isinstance(v, Known | Number)
             else containers.plain(m, state, v) for k, v in kwargs.items()}  # fmt: skip
    if any(p is containers.STAGED for p in (*plain, *named.values())):
        raise StagecError(
            "SC363", "a random draw with staged arguments", loc, "scale it instead"
        )
    sample = m.host(state, getattr(twin, name), plain, named, loc)
    if name in ("seed", "shuffle") or not isinstance(sample, Known):
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
            value = -value
        arrays.store(m, state, args[0], value, loc, path, index, accumulate=True)
        return NONE
    whole = {np.add: np.sum, np.multiply: np.prod, np.maximum: np.max, np.minimum: np.min,
             np.logical_and: np.all, np.logical_or: np.any}  # fmt: skip
    running = {np.add: np.cumsum, np.multiply: np.cumprod}
    if name == "reduce" and ufunc in whole:
        if len(args) == 1 and "axis" not in kwargs:
            kwargs = {**kwargs, "axis": Known(0)}
        return numpy_calls.apply(m, state, whole[ufunc], args, kwargs, loc)
    if name == "accumulate" and ufunc in running:
        if len(args) == 1 and "axis" not in kwargs:
            kwargs = {**kwargs, "axis": Known(0)}
        return numpy_calls.apply(m, state, running[ufunc], args, kwargs, loc)
    if name == "outer" and len(args) == 2:
        rank = m.as_array(state, args[1], loc).ndim
        a = m.as_array(state, args[0], loc)
        wide = a
        if rank:
            wide = ops.expand_dims(a, axes=tuple(range(a.ndim, a.ndim + rank)))
        return numpy_calls.apply(m, state, ufunc, (m.wrap(state, wide), args[1]), {}, loc)
    raise StagecError(
        "SC365", f"np.{ufunc.__name__}.{name} is not supported", loc, "use a loop"
    )


# -- classes ----------------------------------------------------------------------------------


def construct(
    m: Machine, f: Known, cls: type, args: tuple[Value, ...], kwargs: dict[str, Value],
    state: State, loc: Loc | None,
) -> Tree:  # fmt: skip
    """`cls(*args, **kwargs)`."""
    if issubclass(cls, BaseException):
        return finish(state, ExceptionValue(cls, args))
    if cls is np.errstate:
        options = {k: m.need_known(state, v, loc, k) for k, v in kwargs.items()}
        made = Known(np.errstate(**options))
        m.errstates[id(made.value)] = (made, options)
        return finish(state, made)
    if cls is super:
        return finish(state, super_value(m, state, args, loc))
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        fields: tuple[str, ...] = cls._fields
        defaults: dict[str, Any] = cls._field_defaults  # type: ignore[attr-defined]
        given = dict(zip(fields, args, strict=False)) | kwargs
        missing = [n for n in fields if n not in given and n not in defaults]
        if missing or len(args) > len(fields):
            raise Raised(TypeError(f"{cls.__name__}() arguments do not match its fields"))
        items = tuple(given[n] if n in given else Known(defaults[n]) for n in fields)
        return finish(state, TupleValue(items, cls))
    if cls.__module__ == "builtins" or cls.__module__.partition(".")[0] in PURE:
        if cls is np.vectorize:
            return finish(state, Partial(Known(np.vectorize), args, ()))
        return finish(state, host_function(m, state, f, args, kwargs, loc))
    if objects.class_attribute(cls, "__new__") is not object.__new__:
        raise StagecError("SC366", f"{cls.__name__} defines __new__", loc, "make it outside")
    ref = Ref(m.new_cell(state, Fields(())), cls)
    init = objects.class_attribute(cls, "__init__")
    if (
        dataclasses.is_dataclass(cls)
        and getattr(init, "__code__", None) is not None
        and (init.__code__.co_filename == "<string>")
    ):
        return init_dataclass(m, ref, cls, args, kwargs, state, loc)
    if init is object.__init__:
        return finish(state, ref)
    tree = call(m, Known(init), (ref, *args), kwargs, state, loc)
    return extend(tree, lambda t: finish(t.state, ref) if t.exit is Exit.NORMAL else t)


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
            value = Known(field.default)
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
    if post is objects.MISSING:
        return finish(state, ref)
    tree = call(m, Known(post), (ref,), {}, state, loc)
    return extend(tree, lambda t: finish(t.state, ref) if t.exit is Exit.NORMAL else t)


def super_value(m: Machine, state: State, args: tuple[Value, ...], loc: Loc | None) -> Value:
    """`super()` or `super(cls, self)`."""
    if args:
        return SuperValue(m.need_known(state, args[0], loc, "a class"), args[1])
    frame = m.frames[-1]
    for free, cell in frame.code.closure:
        if free == "__class__":
            first = frame.info.parameters[0]
            receiver = state.cells[frame.scope.cells[first]]
            return SuperValue(cell.cell_contents, receiver)  # type: ignore[arg-type]
    raise StagecError("SC367", "super() outside a method", loc, "call it in a method")


# -- the user's functions ---------------------------------------------------------------------


def enter(
    m: Machine, f: FunctionValue, args: tuple[Value, ...], kwargs: dict[str, Value],
    state: State, loc: Loc | None,
) -> Tree:  # fmt: skip
    """Run the body of a function on the arguments."""
    code = nested_code(f.node) if f.code.function is None else code_of(f.code.function)[0]
    own = Scope({}, f.scope)
    for name, value in bind(m, state, f, args, kwargs).items():
        m.cells += 1
        own.cells[name] = m.cells
        state.cells[m.cells] = value
    if code.info.is_generator:
        return finish(state, Generator(f, own))
    frame = Frame(own, code.info, f.code, f.node.name, RESULT, code.live, code.head)
    return run_body(m, frame, code, state, loc)


def run_body(m: Machine, frame: Frame, code: Code, state: State, loc: Loc | None) -> Tree:
    """The paths after the body of the function; normal ones hold what it returns."""
    with m.entered(frame, loc):
        tree = m.run(code.node.body, frame, state)

    def returned(leaf: Leaf) -> Tree:
        if leaf.exit is Exit.NORMAL:
            return finish(leaf.state, NONE)
        return Leaf(leaf.state) if leaf.exit is Exit.RETURN else leaf

    tree = extend(tree, returned)
    state.builder.loc = loc
    try:
        dropped = set() if code.info.cells else set(frame.scope.cells.values())
        return close(m, tree, variable_names(frame), dropped)
    except Unjoinable:
        return tree


def bind(
    m: Machine,
    state: State,
    f: FunctionValue,
    args: tuple[Value, ...],
    kwargs: dict[str, Value],
) -> dict[str, Value]:
    """The parameters of the function with their values."""
    spec = f.node.args
    names_ = [a.id for a in (*spec.posonlyargs, *spec.args)]
    only = {a.id for a in spec.posonlyargs}
    bound: dict[str, Value] = dict(zip(names_, args, strict=False))
    extra = args[len(names_) :]
    if extra and spec.vararg is None:
        raise Raised(
            TypeError(
                f"{f.node.name}() takes {len(names_)} positional arguments but {len(args)} were given"
            )
        )
    rest: dict[str, Value] = {}
    keyword_only = [a.id for a in spec.kwonlyargs]
    for name, value in kwargs.items():
        if name in bound and name not in only:
            raise Raised(
                TypeError(f"{f.node.name}() got multiple values for argument {name!r}")
            )
        if (name in names_ and name not in only) or name in keyword_only:
            bound[name] = value
        elif spec.kwarg is not None:
            rest[name] = value
        else:
            raise Raised(
                TypeError(f"{f.node.name}() got an unexpected keyword argument {name!r}")
            )
    for name, value in zip(names_[len(names_) - len(f.defaults) :], f.defaults, strict=True):
        bound.setdefault(name, m.capture(value) if isinstance(value, Known) else value)
    for name, value in f.kwdefaults:
        bound.setdefault(name, m.capture(value) if isinstance(value, Known) else value)
    missing = [n for n in (*names_, *keyword_only) if n not in bound]
    if missing:
        text = " and ".join(map(repr, missing))
        raise Raised(TypeError(f"{f.node.name}() missing required argument: {text}"))
    if spec.vararg is not None:
        bound[spec.vararg.id] = TupleValue(tuple(extra))
    if spec.kwarg is not None:
        bound[spec.kwarg.id] = Ref(m.new_cell(state, Fields(tuple(rest.items()))), dict)
    return bound
