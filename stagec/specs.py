"""Specs of arguments: `spec("f64[n, 3]")` stands for an array wherever only types matter."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from stagec.errors import StagecError
from stagec.ir.types import LONG

PATTERN = re.compile(r"^(\w+)(?:\[(.*)\])?$")
NUMBERS = {"float": 1.5, "int": 3, "bool": True, "complex": 1.5 + 0.5j}


@dataclass(frozen=True, slots=True)
class Spec:
    """A type of argument: `float`, `int`, `bool`, `complex`, `f64`, `f64[]`, `f64[n, 3]`."""

    text: str

    def example(self) -> Any:
        """An argument of the type: any value does, since only the type is looked at."""
        match = PATTERN.match(self.text.strip())
        if match is None or (match[2] is None and match[1] not in {*NUMBERS, *LONG}):
            raise wrong(self.text)
        name, sizes = match[1], match[2]
        if sizes is None:
            return NUMBERS[name] if name in NUMBERS else LONG[name].type(1)
        if name not in LONG:
            raise wrong(self.text)
        parts = [p.strip() for p in sizes.split(",") if p.strip()]
        symbols = [p for p in dict.fromkeys(parts) if not p.isdigit()]
        if not all(p.isdigit() or p.isidentifier() for p in parts):
            raise wrong(self.text)
        lengths = {s: 2 + k for k, s in enumerate(symbols)}
        shape = tuple(int(p) if p.isdigit() else lengths[p] for p in parts)
        return np.ones(shape, LONG[name])


def wrong(text: str) -> StagecError:
    """The error for a spec that cannot be read."""
    return StagecError(
        "SC701", f"{text!r} is not a spec", None,
        'write "float", "int", "f64[]" or "f64[n, 3]"',
    )  # fmt: skip


def spec(text: str) -> Spec:
    """The spec written as `text`, such as "f64[n, 3]" or "float"."""
    made = Spec(text)
    made.example()
    return made


def example(value: Any) -> Any:
    """An argument for a value, a spec or a tree of them."""
    match value:
        case Spec():
            return value.example()
        case dict():
            return {k: example(v) for k, v in value.items()}
        case list():
            return [example(v) for v in value]
        case tuple():
            parts = [example(v) for v in value]
            return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
        case _:
            return value
