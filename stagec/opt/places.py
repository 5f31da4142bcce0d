"""Single elements of arrays, and which of them are surely others."""

from __future__ import annotations

from stagec.ir.alias import path_of, path_operands
from stagec.ir.core import Apply, Operand
from stagec.ir.path import Arg, Index, Path
from stagec.ir.types import Dim, affine
from stagec.ops.index_bounds import Indices

Where = tuple[Path, tuple[Operand, ...]]


def where_of(stmt: Apply) -> Where:
    """The place that the op reads or writes."""
    return path_of(stmt) or (), path_operands(stmt)


def apart(indices: Indices, place: Where, other: Where) -> bool:
    """Whether the second is surely another element of the array than the first, whatever the
    indices of the loops around them are.
    """
    pairs = zip(_from_front(indices, place), _from_front(indices, other), strict=True)
    return any(_less(indices, a, b) or _less(indices, b, a) for a, b in pairs)


def _from_front(indices: Indices, place: Where) -> list[Dim]:
    """The indices of an element; None: one that may count from the end."""
    path, operands = place
    items = path[0].items if isinstance(path[0], Index) else ()
    found = [
        indices.facts.of(operands[i.position]) if isinstance(i, Arg) else i
        for i in items
        if isinstance(i, int | Arg)
    ]
    return [at if indices.facts.natural(at) else None for at in found]


def _less(indices: Indices, a: Dim, b: Dim) -> bool:
    """Whether the one index is surely less than the other."""
    return indices.facts.holds(affine((b, 1), (a, -1), const=-1))
