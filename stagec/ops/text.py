"""Strings made at run time: `str`, `repr`, f-strings."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from stagec.ir.core import Staged
from stagec.ir.types import BOOL, INT, TEXT, ListType, TextType, Type
from stagec.ops.family import constant

CONVERSIONS = {"": "{}", "s": "str({})", "r": "repr({})", "a": "ascii({})"}
CONVERT: dict[str, Callable[[Any], Any]] = {"": lambda x: x, "s": str, "r": repr, "a": ascii}


def _refuse_batch(name: str) -> Callable[..., Any]:
    def batch(args: Any, axes: Any, **attrs: Any) -> Any:
        raise TypeError(f"vmap: {name} of a batched value would be one text for each element")

    return batch


def _format_infer(value: Type, *, spec: str = "", conversion: str = "") -> TextType:
    if isinstance(value, ListType) and spec and not conversion:
        raise TypeError("a list takes no format specification")
    return TEXT


def _format_source(value: Type, *, spec: str = "", conversion: str = "") -> str:
    if not spec:
        return CONVERSIONS[conversion or "s"]
    return f"format({CONVERSIONS[conversion]}, {_literal(spec)})"


def _literal(text: str) -> str:
    """The text as a Python literal inside a template."""
    return repr(text).replace("{", "{{").replace("}", "}}")


# `format(value, spec)` after the conversion "s", "r" or "a", as in f"{value!r:>8}"
format_ = constant(
    "format",
    calls=(
        (str, lambda object="": format_(object) if isinstance(object, Staged) else str(object)),
        (repr, lambda obj: format_(obj, conversion="r")),
        (ascii, lambda obj: format_(obj, conversion="a")),
        (format, lambda value, format_spec="": format_(value, spec=format_spec)),
    ),
    infer=_format_infer,
    value=lambda x, *, spec="", conversion="": format(CONVERT[conversion](x), spec),
    batch=_refuse_batch("format"),
    source=_format_source,
    may_raise=(ValueError, TypeError),
)


def _concat_infer(*parts: Type) -> TextType:
    for part in parts:
        if part != TEXT:
            raise TypeError(f"expected a text, got {part}")
    return TEXT


concat = constant(
    "concat",
    calls=(),
    infer=_concat_infer,
    value=lambda *parts: "".join(parts),
    batch=_refuse_batch("concat"),
    source=lambda *parts: " + ".join(f"{{{k}}}" for k in range(len(parts))) or "''",
)

text_length = constant(
    "text_length",
    calls=(),
    infer=lambda text: _concat_infer(text) and INT,
    value=len,
    batch=_refuse_batch("text_length"),
    source="len({})",
)

COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
    ">": operator.gt, ">=": operator.ge,
}  # fmt: skip

text_compare = constant(
    "text_compare",
    calls=(),
    infer=lambda a, b, *, relation: _concat_infer(a, b) and BOOL,
    value=lambda a, b, *, relation: COMPARE[relation](a, b),
    batch=_refuse_batch("text_compare"),
    source=lambda a, b, *, relation: f"{{}} {relation} {{}}",
)


def _join_infer(separator: Type, parts: Type) -> TextType:
    if not isinstance(parts, ListType) or parts.element != TEXT:
        raise TypeError(f"expected a list of texts, got {parts}")
    return _concat_infer(separator)


text_join = constant(
    "text_join",
    calls=(),
    infer=_join_infer,
    value=lambda separator, parts: separator.join(parts),
    batch=_refuse_batch("text_join"),
    source="{}.join({})",
)


OPS = (format_, concat, text_length, text_compare, text_join)
