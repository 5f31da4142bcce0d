"""What a function computes, whatever its values and the symbols of its sizes are called."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from stagec.ir.function import Function
from stagec.ir.inline import resized
from stagec.ir.printer import to_text
from stagec.ir.types import ArrayType, Dim, ListType, Size, Symbol, Type, size
from stagec.ir.walk import clone, defined


def fingerprint(fn: Function) -> str:
    """A text that is the same for two functions only if they do the same."""
    values = list(defined(fn.body))
    symbols = dict.fromkeys(s for v in values for s in _symbols(v.type))
    sizes: dict[Symbol, Dim] = {
        s: size(replace(s, name=f"{'i' if s.index else 's'}{k}")) for k, s in enumerate(symbols)
    }
    body = clone(fn.body, {}, dict.fromkeys(values, ""), lambda type: resized(sizes, type))
    return to_text(replace(fn, name="", body=body))


def _symbols(type: Type) -> Iterator[Symbol]:
    if isinstance(type, ListType):
        yield from _symbols(type.element)
    elif isinstance(type, ArrayType):
        for dim in (*type.shape, type.size):
            if isinstance(dim, Size):
                yield from (symbol for symbol, _ in dim.terms)
