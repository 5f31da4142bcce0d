"""What a program does besides computing: printing, raising, random draws, calls of the host.

The ops without a value have no results.  Their source is a statement; in a template
`{function}` or `{exception}` stands for the object in the attribute of that name.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

import stagec_runtime as rt
from stagec.ir.build import exact
from stagec.ir.core import LIBRARY, Cost, Effect, Library, Op, known, operand_of
from stagec.ir.path import Arg
from stagec.ir.types import GENERATOR, ArrayType, Type
from stagec.ops.comparison import not_
from stagec.ops.family import size_text, size_types, size_values

Rule = Callable[..., Any]
Plan: TypeAlias = tuple[int | Arg, ...]


def _effect(
    name: str,
    *,
    infer: Rule,
    value: Rule,
    source: str | Rule,
    effect: Effect = Effect.ORDERED,
    vjp: Rule | None = None,
    jvp: Rule | None = None,
    calls: tuple[tuple[Any, Rule], ...] = (),
    may_raise: tuple[type[BaseException], ...] = (),
    scalar: Library | Rule = LIBRARY,
    rewrites: tuple[Rule, ...] = (),
    failing: Rule | None = None,
) -> Op:
    def batch(args: Any, axes: Any, **attrs: Any) -> Any:
        raise TypeError(f"vmap: {name} of a batched value would happen once for each element")

    return Op(
        name=name,
        calls=calls,
        infer=infer,
        value=value,
        vjp=vjp,
        jvp=jvp,
        expand=None,
        batch=batch,
        source=source,
        scalar=scalar,
        alias=None,
        overwrites=None,
        may_raise=may_raise,
        effect=effect,
        cost=Cost.COSTLY,
        rewrites=rewrites,
        failing=failing,
    )


def slots(count: int, first: int = 0) -> list[str]:
    """The placeholders of `count` operands."""
    return [f"{{{k}}}" for k in range(first, first + count)]


def literal(value: Any) -> str:
    """A constant as it stands in a template."""
    return repr(value).replace("{", "{{").replace("}", "}}")


def _print_call(
    *values: Any,
    sep: str | None = " ",
    end: str | None = "\n",
    file: Any = None,
    flush: Any = False,
) -> Any:
    if file is not None:
        raise TypeError("print(file=...) of a staged value is not supported")
    return print_(*values, sep=" " if sep is None else sep, end="\n" if end is None else end)


def _print_source(*types: Type, sep: str, end: str) -> str:
    options = [f"sep={literal(sep)}"] if sep != " " else []
    options += [f"end={literal(end)}"] if end != "\n" else []
    return f"print({', '.join([*slots(len(types)), *options])})"


def _print_value(*values: Any, sep: str, end: str) -> tuple[()]:
    print(*values, sep=sep, end=end)  # noqa: T201
    return ()


print_ = _effect(
    "print",
    calls=((print, _print_call),),
    infer=lambda *types, sep, end: (),
    value=_print_value,
    source=_print_source,
)


def exception_source(exception: type[BaseException]) -> str:
    """The class of an exception as it stands in a template."""
    name = exception.__name__
    if getattr(builtins, name, None) is exception:
        return name
    return f"np.linalg.{name}" if exception is np.linalg.LinAlgError else "{exception}"


def _raise_value(*message: Any, exception: type[BaseException]) -> Any:
    raise exception(*message)


def _raise_source(*message: Type, exception: type[BaseException]) -> str:
    return f"raise {exception_source(exception)}({', '.join(slots(len(message)))})"


def _compiled(source: Rule) -> Rule:
    """The source in compiled code, which knows the exceptions of Python."""

    def form(*types: Type, exception: type[BaseException]) -> str | Library:
        known_there = getattr(builtins, exception.__name__, None) is exception
        return source(*types, exception=exception) if known_there else LIBRARY

    return form


raise_ = _effect(
    "raise",
    infer=lambda *message, exception: (),
    value=_raise_value,
    source=_raise_source,
    scalar=_compiled(_raise_source),
    effect=Effect.CHECK,
    may_raise=(BaseException,),
)


def _check_infer(cond: Type, *message: Type, exception: type[BaseException]) -> tuple[()]:
    if not isinstance(cond, ArrayType) or cond.rank:
        raise TypeError(f"check: expected a truth value, got {cond}")
    return ()


def _check_value(cond: Any, *message: Any, exception: type[BaseException]) -> tuple[()]:
    if not cond:
        raise exception(*message)
    return ()


def _check_source(cond: Type, *message: Type, exception: type[BaseException]) -> str:
    text = f"{exception_source(exception)}({', '.join(slots(len(message), 1))})"
    return f"if not {{0}}:\n    raise {text}"


def _holds(cond: Any, *message: Any, **attrs: Any) -> tuple[()] | None:
    """A check of what is known to hold is nothing."""
    return () if known(cond) else None


# raises `exception(*message)` unless the condition holds
check = _effect(
    "check",
    infer=_check_infer,
    value=_check_value,
    source=_check_source,
    scalar=_compiled(_check_source),
    effect=Effect.CHECK,
    may_raise=(BaseException,),
    rewrites=(_holds,),
)


def _equal(n: Any, m: Any) -> tuple[()] | None:
    """A check of lengths that are known to be equal is nothing."""
    sizes = {exact(operand_of(length)) for length in (n, m)}
    return () if len(sizes) == 1 and None not in sizes else None


# raises ValueError, as broadcasting does, unless the two lengths are equal
agree = _effect(
    "agree",
    infer=lambda n, m: (),
    value=lambda n, m: rt.agree(n, m) or (),
    source="rt.agree({}, {})",
    scalar=lambda n, m: "kernels.agree({}, {})",
    effect=Effect.CHECK,
    may_raise=(ValueError,),
    rewrites=(_equal,),
)


def _reaches_value(last: Any, length: Any, low: Any, high: Any) -> tuple[()]:
    if low < high:
        range(length)[last]
    return ()


_REACHES = "if {2} < {3}:\n    kernels.inside({0}, {1})"

# raises IndexError if a loop from `low` to `high` makes a trip and its last index is outside
reaches = _effect(
    "reaches",
    infer=lambda last, length, low, high: (),
    value=_reaches_value,
    source=_REACHES,
    scalar=lambda last, length, low, high: _REACHES,
    effect=Effect.CHECK,
    may_raise=(IndexError,),
)


def unset_message(name: str) -> str:
    """Python's own words for a read of a variable that is not set."""
    return f"cannot access local variable {name!r} where it is not associated with a value"


def _defined_value(flag: Any, *, name: str) -> tuple[()]:
    if not flag:
        raise UnboundLocalError(unset_message(name))
    return ()


check_defined = _effect(
    "check_defined",
    infer=lambda flag, *, name: _check_infer(flag, exception=UnboundLocalError),
    value=_defined_value,
    source=lambda flag, *, name: (
        f"if not {{0}}:\n    raise UnboundLocalError({literal(unset_message(name))})"
    ),
    effect=Effect.CHECK,
    may_raise=(UnboundLocalError,),
    failing=lambda flag, *, name: ((UnboundLocalError, (unset_message(name),), not_(flag)),),
    rewrites=(_holds,),
)


def _no_rule(what: str) -> Rule:
    def rule(ct: Any, out: Any, *args: Any, **attrs: Any) -> Any:
        raise TypeError(f"{what} has no derivative with respect to its arguments")

    return rule


def _function_source(function: Any) -> str:
    """NumPy's own functions by name, others as a captured object."""
    name = getattr(function, "__name__", "")
    if getattr(np.random, name, None) is function or (
        isinstance(getattr(function, "__self__", None), np.random.RandomState)
        and getattr(np.random, name, None) == function
    ):
        return f"np.random.{name}"
    return "{function}"


def _call_source(
    *types: Type,
    function: Any,
    keywords: tuple[str, ...] = (),
    options: Any = (),
    size: Plan | None = None,
) -> str:
    values = slots(len(types) - _lengths(size))
    method = isinstance(function, str)
    called = f"{values.pop(0)}.{function}" if method else _function_source(function)
    plain = len(values) - len(keywords)
    named = [f"{k}={v}" for k, v in zip(keywords, values[plain:], strict=True)]
    named += [] if size is None else [f"size={size_text(size)}"]
    named += [f"{k}={literal(v)}" for k, v in options]
    return f"{called}({', '.join([*values[:plain], *named])})"


def _lengths(size: Plan | None) -> int:
    """How many of the last operands are lengths."""
    return sum(isinstance(s, Arg) for s in size or ())


def _draw_infer(*args: Type, result: Type, size: Plan | None = None, **attrs: Any) -> Type:
    if size is None or not isinstance(result, ArrayType):
        return result
    return replace(result, shape=(*size_types(size, args), *result.shape[len(size) :]))


def _draw_value(
    *args: Any,
    function: Any,
    result: Type,
    keywords: tuple[str, ...] = (),
    options: Any = (),
    size: Plan | None = None,
) -> Any:
    named = (
        dict(options) if size is None else {"size": size_values(size, args), **dict(options)}
    )
    values = list(args[: len(args) - _lengths(size)])
    called = getattr(values.pop(0), function) if isinstance(function, str) else function
    plain = len(values) - len(keywords)
    named.update(zip(keywords, values[plain:], strict=True))
    return called(*values[:plain], **named)


# `function(*args, size=size, **options)`: the last operands are the lengths in `size`, those
# before them are given by the names in `keywords`; a text is a method of the first operand
draw = _effect(
    "draw",
    infer=_draw_infer,
    value=_draw_value,
    source=lambda *types, result, **attrs: _call_source(*types, **attrs),
    vjp=_no_rule("a random draw"),
    jvp=_no_rule("a random draw"),
    may_raise=(ValueError,),
)


def _host_value(*args: Any, function: Any, results: tuple[Type, ...]) -> Any:
    out = function(*args)
    return tuple(out) if len(results) > 1 else out if results else ()


host_call = _effect(
    "host_call",
    infer=lambda *args, function, results: results,
    value=_host_value,
    source=lambda *types, function, results: _call_source(*types, function=function),
    vjp=_no_rule("a call of the host"),
    jvp=_no_rule("a call of the host"),
    may_raise=(BaseException,),
)


# `function(*seeds)`, a source of random numbers: an effect, as each one has a state of its own
generator = _effect(
    "generator",
    infer=lambda *seeds, function: GENERATOR,
    value=lambda *seeds, function: function(*seeds),
    source=lambda *seeds, function: _call_source(*seeds, function=function),
    vjp=_no_rule("a source of random numbers"),
    jvp=_no_rule("a source of random numbers"),
    may_raise=(TypeError, ValueError),
)


OPS: tuple[Op, ...] = (
    print_,
    raise_,
    check,
    check_defined,
    agree,
    reaches,
    draw,
    generator,
    host_call,
)
