"""`template.format(...)` of values that are known at run time only, read as Python reads it."""

from __future__ import annotations

import operator
import re
import string
from dataclasses import dataclass
from typing import Any

from stagec.errors import Loc
from stagec.frontend import texts
from stagec.frontend.machine import Machine, Raised
from stagec.frontend.state import State
from stagec.frontend.values import Known, Value

FIRST = re.compile(r"[^.\[]*")
STEP = re.compile(r"\.([^.\[]+)|\[([^\]]+)\]")


def format_(
    m: Machine, state: State, template: str, args: tuple[Value, ...], kwargs: dict[str, Value],
    loc: Loc | None,
) -> Value:  # fmt: skip
    """The text of the template with the arguments in it."""
    reading = Reading(m, state, args, kwargs, loc)
    return texts.together(m, state, reading.parts(template, 2))


@dataclass(slots=True)
class Reading:
    """One template being read; `at` is the number of the next argument without a name."""

    machine: Machine
    state: State
    args: tuple[Value, ...]
    kwargs: dict[str, Value]
    loc: Loc | None
    at: int = 0
    numbered: bool = False

    def parts(self, template: str, depth: int) -> list[Any]:
        """The texts that the template consists of: strings and handles."""
        if not depth:
            raise Raised(ValueError("Max string recursion exceeded"))
        found: list[Any] = []
        try:
            fields = list(string.Formatter().parse(template))
        except ValueError as error:
            raise Raised(error) from None
        for literal, name, spec, conversion in fields:
            found.append(literal)
            if name is None:
                continue
            value = self.field(name)
            inner = self.parts(spec, depth - 1) if spec else []
            known = texts.together(self.machine, self.state, inner)
            plain = self.machine.need_known(
                self.state, known, self.loc, "a format specification"
            )
            found.append(
                texts.formatted(
                    self.machine, self.state, value, plain, conversion or "", self.loc
                )
            )
        return found

    def field(self, name: str) -> Value:
        """The argument that the name of a field says, or what it says of it."""
        first = FIRST.match(name)
        assert first is not None
        value, rest = self.argument(first[0]), name[first.end() :]
        while rest:
            step = STEP.match(rest)
            if step is None:
                raise Raised(ValueError("Empty attribute in format string"))
            rest = rest[step.end() :]
            label = step[1] or step[2]
            key = int(label) if step[2] and label.isdecimal() else label
            function = getattr if step[1] else operator.getitem
            value = self.machine.call_value(
                self.state, function, (value, Known(key)), {}, self.loc
            )
        return value

    def argument(self, name: str) -> Value:
        """The argument by its number or name; without either it is the next one."""
        if name and not name.isdecimal():
            if name not in self.kwargs:
                raise Raised(KeyError(name))
            return self.kwargs[name]
        if self.numbered if not name else self.at:
            ways = ("manual field specification", "automatic field numbering")
            before, now = ways if not name else ways[::-1]
            raise Raised(ValueError(f"cannot switch from {before} to {now}"))
        number = int(name) if name else self.at
        if name:
            self.numbered = True
        else:
            self.at += 1
        if number >= len(self.args):
            text = f"Replacement index {number} out of range for positional args tuple"
            raise Raised(IndexError(text))
        return self.args[number]
