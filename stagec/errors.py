"""The one error users see, and the places in their source it points at."""

from __future__ import annotations

import linecache
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Loc:
    """A range of a source file; lines count from 1, columns from 0."""

    file: str
    line: int
    column: int = 0
    end_line: int = 0
    end_column: int = 0

    @property
    def text(self) -> str:
        """The source line, without its newline; empty if the file cannot be read."""
        return linecache.getline(self.file, self.line).rstrip("\n")

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column + 1}"

    def excerpt(self) -> str:
        """The source line with carets under the range."""
        text = self.text
        if not text:
            return ""
        end = self.end_column if self.end_line == self.line else len(text)
        width = max(1, end - self.column)
        return f"    {text}\n    {' ' * self.column}{'^' * width}"


class StagecError(Exception):
    """A program that stagec cannot stage, differentiate or compile.

    Attributes
    ----------
    code : stable identifier, `SC101` and so on (listed in docs/errors.md).
    message : one sentence saying what is wrong.
    loc : where, or None if no source is known.
    help : one sentence saying what to do instead.
    related : further places, each with a label.
    """

    def __init__(
        self,
        code: str,
        message: str,
        loc: Loc | None = None,
        help: str = "",
        related: tuple[tuple[Loc, str], ...] = (),
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.loc = loc
        self.help = help
        self.related = related

    def at(self, loc: Loc | None) -> StagecError:
        """The error itself, with `loc` filled in if it had none."""
        if self.loc is None:
            self.loc = loc
        return self

    def __str__(self) -> str:
        head = f"{self.loc}: " if self.loc else ""
        parts = [f"{head}{self.code}: {self.message}"]
        if self.loc:
            parts.append(self.loc.excerpt())
        for loc, label in self.related:
            parts += [f"{loc}: {label}", loc.excerpt()]
        if self.help:
            parts.append(f"help: {self.help}")
        return "\n".join(p for p in parts if p)


class InternalError(Exception):
    """A broken invariant of the compiler itself; never the user's fault."""
