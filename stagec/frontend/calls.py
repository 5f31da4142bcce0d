"""Calls: of the user's functions, which are entered; of ops and builtins; of classes."""

from __future__ import annotations

import contextlib
import functools
import inspect
import operator
import os
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gast
import numpy as np

from stagec.errors import Loc, StagecError
from stagec.frontend import (
    builtins,
    host_calls,
    iterators,
    library,
    names,
    numpy_calls,
    objects,
    operators,
    protocols,
    source,
)
from stagec.frontend.closing import close
from stagec.frontend.construct import construct
from stagec.frontend.desugar import desugar
from stagec.frontend.desugar.liveness import liveness
from stagec.frontend.desugar.scope import FunctionScope, scope
from stagec.frontend.drawing import draw, drawing, ufunc_method
from stagec.frontend.hosting import host_function, library_function
from stagec.frontend.loops import variable_names
from stagec.frontend.machine import Frame, Machine, Raised
from stagec.frontend.polynomial_library import CALLED
from stagec.frontend.sources import Attribute, Constant, Item, Part, Source
from stagec.frontend.state import RESULT, Exit, Leaf, State, Tree, extend, finish
from stagec.frontend.unify import Unjoinable
from stagec.frontend.values import (
    NONE,
    STANDS_FOR,
    BoundMethod,
    CodeContext,
    Fields,
    FunctionValue,
    Generator,
    Intrinsic,
    Known,
    Partial,
    Ref,
    Scope,
    TupleValue,
    Value,
)


@dataclass(frozen=True, slots=True)
class Code:
    """What is known about the source of a function."""

    node: gast.FunctionDef
    info: FunctionScope
    live: dict[int, frozenset[str]]
    head: dict[int, frozenset[str]]
    comments: dict[tuple[str, int], tuple[str, ...]]


# what `contextmanager` makes of each function
MANAGING = contextlib.contextmanager(iter).__code__
OWN = f"{Path(__file__).parent.parent}{os.sep}"

CODES: dict[Any, tuple[Code, str, str]] = {}
GETTERS: dict[type, Any] = {
    operator.itemgetter: library.items_of,
    operator.attrgetter: library.attributes_of,
    operator.methodcaller: library.method_of,
}
NESTED: dict[int, tuple[gast.FunctionDef, Code]] = {}


def code_of(function: types.FunctionType) -> tuple[Code, str, str]:
    """The desugared source of the function, its file and class name; found once."""
    key = function.__code__
    place = (key.co_filename, key)  # equal code of two files is not the same source
    if place not in CODES:
        if key.co_flags & (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR):
            loc = Loc(key.co_filename, key.co_firstlineno)
            raise StagecError("SC104", "an async function", loc, "write a plain function")
        found = source.find(function)
        node = desugar(found.node, found.file)
        flow = liveness(node)
        comments = {(found.file, line): text for line, text in found.comments.items()}
        code = Code(node, scope(node, key.co_freevars), flow.after, flow.head, comments)
        CODES[place] = (code, found.file, found.class_name or "")
    return CODES[place]


def nested_code(node: gast.FunctionDef) -> Code:
    """What is known about a function defined in staged code."""
    if id(node) not in NESTED:
        flow = liveness(node)
        NESTED[id(node)] = (node, Code(node, scope(node), flow.after, flow.head, {}))
    return NESTED[id(node)][1]


def function_value(m: Machine, function: types.FunctionType) -> FunctionValue:
    """A user's function as a value that can be entered."""
    made = vars(function).get(STANDS_FOR)
    if made is not None:
        return made
    code, file, class_name = code_of(function)
    cells = function.__closure__ or ()
    closure = tuple(zip(function.__code__.co_freevars, cells, strict=True))
    context = CodeContext(file, function.__globals__, class_name, closure, function)
    own = names.is_own(function.__globals__)
    whole = Constant(function, function.__name__)
    if not own:
        m.guard_function(function)
    given = [("default", d) for d in function.__defaults__ or ()]
    defaults = tuple(Known(d) if own else names.constant(d, k) for k, d in given)
    held = Part(whole, "__kwdefaults__")  # a dict, whose items may be changed in place
    named = (function.__kwdefaults__ or {}).items()
    kw = tuple((k, Known(d, None if own else Item(held, k))) for k, d in named)
    return FunctionValue(code.node, None, defaults, kw, context)


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
        case Known(value=function):
            own = protocols.own_answer(m, state, function, args, kwargs, loc)
            if own is not None:
                return finish(state, own)
            return call_known(m, f, args, kwargs, state, loc)
        case Ref(cls=cls) if objects.class_attribute(cls, "__call__") is not objects.MISSING:
            method = objects.class_attribute(cls, "__call__")
            m.guard_method(cls, "__call__")
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
        m.keep(f)
    staged = getattr(type(function), "__stagec__", None)
    if staged is not None:
        return finish(state, staged(function, m, state, args, kwargs, loc))
    if drawing(function):
        return finish(state, draw(m, state, function, args, kwargs, loc))
    results = host_calls.results_of(function)
    if results is not None:
        return finish(state, host_calls.called(m, state, f, results, args, kwargs, loc))
    opened = with_bound(m, f, args, kwargs, state)
    if opened is not None:
        return call(m, *opened, state, loc)
    try:
        handler = builtins.TABLE.get(function) or operators.TABLE.get(function)
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
    if isinstance(function, types.FunctionType) and not library_function(function):
        return enter(m, function_value(m, function), args, kwargs, state, loc)
    return finish(state, host_function(m, state, f, args, kwargs, loc))


def source_of(f: Known) -> Source:
    """Where a function comes from; what is transformed itself is always the same object."""
    return f.source or Constant(f.value, numpy_calls.name_of(f.value))


def with_bound(
    m: Machine, f: Known, args: tuple[Value, ...], kwargs: dict[str, Value], state: State
) -> tuple[Value, tuple[Value, ...], dict[str, Value]] | None:
    """The call behind that of a method, a partial, a getter or an object; None without one."""
    function = f.value
    if isinstance(function, types.MethodType):
        receiver = Known(function.__self__, Attribute(source_of(f), "__self__"))
        return Known(function.__func__), (receiver, *args), kwargs
    if isinstance(function, types.FunctionType) and function.__code__ is MANAGING:
        wrapped = Known(vars(function)["__wrapped__"], Attribute(source_of(f), "__wrapped__"))
        named = Ref(m.new_cell(state, Fields(tuple(kwargs.items()))), dict)
        return Known(library.managed), (wrapped, TupleValue(args), named), {}
    if isinstance(function, functools.partial):
        given, named = (Attribute(source_of(f), name) for name in ("args", "keywords"))
        bound = [m.capture(Known(a, Item(given, k))) for k, a in enumerate(function.args)]
        pairs = function.keywords.items()
        options = {k: m.capture(Known(v, Item(named, k))) for k, v in pairs}
        return Known(function.func), (*bound, *args), {**options, **kwargs}
    getter = GETTERS.get(type(function))
    if getter is not None and len(args) == 1:
        made, given = function.__reduce__()
        named = made.keywords if isinstance(made, functools.partial) else {}
        given = (*made.args, *given) if isinstance(made, functools.partial) else given
        return Known(getter), (*args, Known(given), Known(named)), kwargs
    method = objects.class_attribute(type(function), "__call__")
    written = CALLED.get(method) if isinstance(method, types.FunctionType) else None
    if written is not None:
        return Known(written), (Known(function, source_of(f)), *args), kwargs
    if isinstance(method, types.FunctionType) and not library_function(method):
        m.guard_method(type(function), "__call__")
        return Known(method), (Known(function, source_of(f)), *args), kwargs
    return None


# -- the user's functions ---------------------------------------------------------------------


def enter(
    m: Machine, f: FunctionValue, args: tuple[Value, ...], kwargs: dict[str, Value],
    state: State, loc: Loc | None,
) -> Tree:  # fmt: skip
    """Run the body of a function on the arguments."""
    code = nested_code(f.node) if f.code.function is None else code_of(f.code.function)[0]
    m.comments |= code.comments
    own = Scope({}, f.scope)
    for name, value in bind(m, state, f, args, kwargs).items():
        m.cells += 1
        own.cells[name] = m.cells
        state.cells[m.cells] = value
        content = None if f.code.file.startswith(OWN) else names.content_of(value, state)
        if content is not None:
            m.name_argument(content, name)
    if code.info.is_generator:
        return finish(state, iterators.iterator(m, state, Generator(f, own)))
    frame = Frame(own, code.info, f.code, f.node.name, RESULT, code.live, code.head)
    try:
        return run_body(m, frame, code, state, loc)
    except StagecError as error:
        if error.loc is not None and error.loc.file.startswith(OWN):
            error.loc = loc  # what stagec wrote itself is at fault where it is called
        raise


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
    own = frame.scope.cells
    dropped = {cell for name, cell in own.items() if name not in code.info.cells}
    try:
        closed = close(m, tree, variable_names(frame), dropped)
        return extend(closed, lambda leaf: without(leaf, dropped))
    except Unjoinable:
        return extend(tree, lambda leaf: without(leaf, dropped))


def without(leaf: Leaf, dropped: set[int]) -> Leaf:
    """The path without the variables that nothing can refer to any more."""
    for cell in dropped:
        leaf.state.cells.pop(cell, None)
    return leaf


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
        counts = f"{len(names_)} positional arguments but {len(args)} were given"
        raise Raised(TypeError(f"{f.node.name}() takes {counts}"))
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
