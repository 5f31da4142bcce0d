"""Texts made at run time of values and of the containers around them."""

from __future__ import annotations

import dataclasses
import operator
import re
from collections.abc import Iterable
from typing import Any

from stagec.errors import Loc, StagecError
from stagec.frontend import containers, numpy_calls, protocols
from stagec.frontend.machine import Machine, Raised
from stagec.frontend.objects import attribute, class_of, operator_method
from stagec.frontend.state import State
from stagec.frontend.values import (
    Columns,
    ExceptionValue,
    Fields,
    Items,
    Known,
    Number,
    Ref,
    StagedItems,
    TupleValue,
    Value,
    names_of,
)
from stagec.ir.types import TEXT
from stagec.ops import text


def shown(m: Machine, state: State, value: Value, loc: Loc | None, quoted: bool = False) -> Any:
    """What is printed or formatted at run time: a handle, for a container or object that of
    its text, which is that of `repr` if `quoted` is set.
    """
    if not isinstance(value, TupleValue | Ref | ExceptionValue):
        return numpy_calls.printable(m, state, value, loc)
    words = ("__repr__",) if quoted else ("__str__", "__repr__")
    own = protocols.spoken(m, state, value, words, loc)
    if own is not None:
        return numpy_calls.printable(m, state, own, loc)
    if isinstance(value, ExceptionValue) and not quoted:
        items = _arguments(m, state, value, loc)
        if len(items) < 2 and not issubclass(value.cls, OSError):
            quoted = issubclass(value.cls, KeyError)
            return shown(m, state, items[0], loc, quoted) if items else ""
        value = TupleValue(items)
    parts: list[Any] = []
    for part in _parts(m, state, value, loc):
        if isinstance(part, str) and parts and isinstance(parts[-1], str):
            parts[-1] += part
        else:
            parts.append(part)
    return parts[0] if len(parts) == 1 else text.concat(*parts)


def _parts(m: Machine, state: State, value: Value, loc: Loc | None) -> Iterable[Any]:
    """The texts, known and made at run time, that the `repr` of the value consists of."""
    if isinstance(value, Known):
        yield repr(m.guard(value))
        return
    own = protocols.spoken(m, state, value, ("__repr__",), loc)
    if own is not None:
        yield numpy_calls.printable(m, state, own, loc)
        return
    content = m.inside(state, value) if isinstance(value, Ref) else None
    if isinstance(value, ExceptionValue):
        yield value.cls.__name__
        yield from _listed(m, state, _arguments(m, state, value, loc), "()", loc, comma=False)
    elif protocols.shows_fields(value):
        yield from _named(m, state, value, loc)
    elif isinstance(value, TupleValue):
        yield from _listed(m, state, value.items, "()", loc)
    elif isinstance(value, Ref) and value.cls is list and isinstance(content, Items):
        yield from _listed(m, state, content.items, "[]", loc)
    elif isinstance(value, Ref) and value.cls is list and isinstance(content, StagedItems):
        yield text.format_(m.handle(state, content.operand), conversion="r")
    elif isinstance(content, Columns):
        raise StagecError(
            "SC323", "a list of tuples of run-time length cannot be formatted", loc,
            "format its items in a loop",
        )  # fmt: skip
    elif isinstance(value, Ref) and value.cls is dict and isinstance(content, Fields):
        yield "{"
        for k, (key, item) in enumerate(content.items):
            yield f"{', ' if k else ''}{key!r}: "
            yield from _parts(m, state, item, loc)
        yield "}"
    else:
        handle = numpy_calls.printable(m, state, value, loc)
        yield text.format_(handle, conversion="r")


def _arguments(
    m: Machine, state: State, value: ExceptionValue, loc: Loc | None
) -> tuple[Value, ...]:
    """The `args` of an exception."""
    return attribute(m, state, value, "args", loc).items  # type: ignore[union-attr]


def _named(m: Machine, state: State, value: Any, loc: Loc | None) -> Iterable[Any]:
    """The texts of a named tuple or of an object of a dataclass."""
    if isinstance(value, TupleValue):
        label, names = class_of(value).__name__, names_of(value)
    else:
        label = value.cls.__qualname__
        names = tuple(f.name for f in dataclasses.fields(value.cls) if f.repr)
    yield f"{label}("
    for k, name in enumerate(names):
        yield f"{', ' if k else ''}{name}="
        yield from _parts(m, state, attribute(m, state, value, name, loc), loc)
    yield ")"


def _listed(
    m: Machine, state: State, items: tuple[Value, ...], brackets: str, loc: Loc | None,
    comma: bool = True,
) -> Iterable[Any]:  # fmt: skip
    """The texts of the items between brackets; a tuple of one item ends with a comma."""
    yield brackets[0]
    for k, item in enumerate(items):
        yield ", " if k else ""
        yield from _parts(m, state, item, loc)
    yield "," + brackets[1] if comma and brackets == "()" and len(items) == 1 else brackets[1]


# -- formats ----------------------------------------------------------------------------------


def formatted(
    m: Machine, state: State, value: Value, spec: str, conversion: str, loc: Loc | None
) -> Any:
    """The text of a value in an f-string or template: a string, or a handle if it is staged."""
    if isinstance(value, Known):
        plain = m.guard(value)
        plain = {"": lambda v: v, "s": str, "r": repr, "a": ascii}[conversion](plain)
        return format(plain, spec)
    if not conversion:
        own = operator_method(m, state, value, "__format__", (Known(spec),), loc)
        value, spec = (value, spec) if own is None else (own, "")
    handle = shown(m, state, value, loc, quoted=conversion in ("r", "a"))
    if isinstance(value, TupleValue | Ref | ExceptionValue):
        if spec or conversion == "a":
            raise StagecError(
                "SC323", "a format specification of a container", loc, "format its parts"
            )
        conversion = ""  # its text is that of `repr`
    return text.format_(handle, spec=spec, conversion=conversion)


def together(m: Machine, state: State, parts: list[Any]) -> Value:
    """The text that the parts, strings and handles, are in a row."""
    if all(isinstance(p, str) for p in parts):
        return Known("".join(parts))
    return m.wrap(state, text.concat(*(p for p in parts if not isinstance(p, str) or p)))


# -- operators --------------------------------------------------------------------------------

PERCENT = re.compile(r"%(?:%|([-+ #0]*)(\d*)(?:\.(\d+))?([sdifFeEgGxXor]))")


def is_text(value: Value) -> bool:
    """Whether the value is a text."""
    if isinstance(value, Known):
        return isinstance(value.value, str)
    return isinstance(value, Number) and value.operand.type == TEXT


def binary(
    m: Machine, state: State, op: Any, a: Value, b: Value, loc: Loc | None
) -> Value | None:
    """`a op b` of texts of which one is made at run time; None where that is something else."""
    if op is operator.add and is_text(a) and is_text(b):
        return m.wrap(state, text.concat(*(shown(m, state, v, loc) for v in (a, b))))
    if op in RELATIONS and (is_text(a) or is_text(b)):
        return compared(m, state, op, a, b, loc)
    if op is operator.mod and isinstance(a, Known) and isinstance(a.value, str):
        return percent(m, state, m.guard(a), b, loc)
    return None


RELATIONS = {
    operator.eq: "==", operator.ne: "!=", operator.lt: "<", operator.le: "<=",
    operator.gt: ">", operator.ge: ">=",
}  # fmt: skip


def compared(
    m: Machine, state: State, op: Any, a: Value, b: Value, loc: Loc | None
) -> Value | None:
    """A comparison of a text that is made at run time."""
    if is_text(a) and is_text(b):
        handles = (shown(m, state, v, loc) for v in (a, b))
        lifted = (h if numpy_calls.has_handle(h) else m.const_handle(state, h) for h in handles)
        return m.wrap(state, text.text_compare(*lifted, relation=RELATIONS[op]))
    numbers = all(isinstance(v, Number | Known) for v in (a, b))
    return Known(op is operator.ne) if numbers and op in (operator.eq, operator.ne) else None


def joined(
    m: Machine, state: State, separator: str, args: tuple[Value, ...], loc: Loc | None
) -> Value:
    """`separator.join(parts)`."""
    parts = args[0]
    if not isinstance(parts, Ref | TupleValue):
        parts = m.call_value(state, list, args, {}, loc)
    if isinstance(parts, Ref) and m.is_staged_list(state, parts):
        content = m.inside(state, parts)
        if not isinstance(content, StagedItems):
            raise Raised(TypeError("sequence item 0: expected str instance, tuple found"))
        handle = m.handle(state, content.operand)
        return m.wrap(state, text.text_join(m.const_handle(state, separator), handle))
    items = containers.unpack(m, state, parts, loc)
    for k, item in enumerate(items):
        if not is_text(item):
            kind = class_of(item).__name__
            message = f"sequence item {k}: expected str instance, {kind} found"
            raise Raised(TypeError(message))
    shown_ = [shown(m, state, item, loc) for item in items]
    return together(m, state, [p for item in shown_ for p in (separator, item)][1:])


def percent(m: Machine, state: State, template: str, value: Value, loc: Loc | None) -> Value:
    """`template % value`, each part formatted as `format` does."""
    items = list(value.items) if isinstance(value, TupleValue) else [value]
    parts: list[Any] = []
    if "%" in PERCENT.sub("", template):
        raise StagecError("SC323", "this % format of a staged value", loc, "use an f-string")
    rest = 0
    for found in PERCENT.finditer(template):
        parts.append(template[rest : found.start()])
        rest = found.end()
        if found[4] is None:
            parts.append("%")
        elif items:
            parts.append(one_percent(m, state, found, items.pop(0), loc))
        else:
            raise Raised(TypeError("not enough arguments for format string"))
    parts.append(template[rest:])
    if items:
        raise Raised(TypeError("not all arguments converted during string formatting"))
    return m.wrap(state, text.concat(*(p for p in parts if not isinstance(p, str) or p)))


def one_percent(m: Machine, state: State, found: Any, value: Value, loc: Loc | None) -> Any:
    """One part of a `%` format, as a handle."""
    flags, width, digits, kind = found.groups()
    if kind in "sr":
        handle = shown(m, state, value, loc, quoted=kind == "r")
        own = isinstance(value, TupleValue | Ref | ExceptionValue)
        side = "<" if "-" in flags else ">"
        spec = (side + width if width else "") + (f".{digits}" if digits else "")
        return text.format_(handle, spec=spec, conversion="s" if own else kind)
    if kind in "di":
        value, kind = m.call_value(state, int, (value,), {}, loc), "d"
    if digits and kind in "dxXo":
        raise StagecError("SC323", "this % format of a staged value", loc, "use an f-string")
    left = "<" if "-" in flags and width else ""
    shape = "".join(c for c in "+ #0" if c in flags and not (c == "0" and left))
    if "+" in flags:
        shape = shape.replace(" ", "")
    spec = f"{left}{shape}{width}{f'.{digits}' if digits else ''}{kind}"
    handle = shown(m, state, value, loc)
    return text.format_(handle, spec=spec, conversion="")
