"""What staging notes of lists of lists whose lengths are known at run time only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from stagec.ir.core import Operand


@dataclass(slots=True)
class Nesting:
    """Notes on lists of lists, by their cells.

    Attributes
    ----------
    places : where each became a list of run-time length, which tells it from others when
        staging begins anew.
    guessed : the places of those of which nothing has told the elements yet, all being empty.
    resized : how often each became longer or shorter.
    twice : the index at which a list has an element that is at another one too, until the next
        statement puts another there: the two are being exchanged.
    """

    places: dict[int, Any] = field(default_factory=dict[int, Any])
    guessed: set[Any] = field(default_factory=set[Any])
    resized: dict[int, int] = field(default_factory=dict[int, int])
    twice: dict[int, Operand] = field(default_factory=dict[int, Operand])
