"""What is known about a function's forward statements throughout a backward sweep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stagec.ir.core import Apply, Block, Value
from stagec.transforms.shapes import Shapes
from stagec.transforms.survival import Survival
from stagec.transforms.versions import History


@dataclass(frozen=True, slots=True)
class Context:
    """The analyses of a function.

    `survivor` tells how a value can be read from an array as it is after all loops.
    """

    history: History
    shapes: Shapes
    survivor: Callable[[Value], Apply | None]

    @classmethod
    def of(cls, block: Block) -> Context:
        """The analyses of a function's block."""
        history = History()
        return cls(history, Shapes.of(block), Survival.of(block, history).read)
