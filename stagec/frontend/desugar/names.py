"""Names that the desugaring makes up.

They start with a dot, so no user's name can clash with one: `.t1` a temporary, `.i.2` the
target `i` of a comprehension, `.lambda3` a function. They are never printed; `hint` gives what
may be.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count


class Fresh:
    """A supply of names, unique within one top-level function and all those nested in it."""

    def __init__(self) -> None:
        self._numbers: Iterator[int] = count(1)

    def __call__(self, kind: str = "t") -> str:
        """The next name: `.t1`, `.genexpr2` and so on."""
        return f".{kind}{next(self._numbers)}"

    def renamed(self, name: str) -> str:
        """A name for the user's `name` in a scope of its own."""
        return f".{name}.{next(self._numbers)}"


def hint(name: str) -> str:
    """The user's spelling of a name, or empty if it is a temporary."""
    if not name.startswith("."):
        return name
    spelled, dot, _ = name[1:].rpartition(".")
    return spelled if dot else ""
