"""What a function computes, whatever its values and the symbols of its sizes are called."""

from __future__ import annotations

from dataclasses import replace

from stagec.ir.function import Function
from stagec.ir.inline import resized
from stagec.ir.printer import to_text
from stagec.ir.types import Dim, Symbol, size, symbols_of
from stagec.ir.walk import clone, defined


def fingerprint(fn: Function) -> str:
    """A text that is the same for two functions only if they do the same."""
    values = list(defined(fn.body))
    symbols = dict.fromkeys(s for v in values for s in symbols_of(v.type))
    sizes: dict[Symbol, Dim] = {
        s: size(replace(s, name=f"{'i' if s.index else 's'}{k}")) for k, s in enumerate(symbols)
    }
    body = clone(fn.body, {}, dict.fromkeys(values, ""), lambda type: resized(sizes, type))
    return to_text(replace(fn, name="", body=body))
