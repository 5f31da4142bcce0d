"""Paths into arrays: what `read`, `update` and `accumulate` address.

A path is static structure over staged operands: an `Arg(k)` stands for the k-th index operand
of the op.  Ellipses are resolved, and trailing full slices left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Arg:
    """The k-th index operand of the op: an integer, an integer array or a boolean mask."""

    position: int


@dataclass(frozen=True, slots=True)
class Slice:
    """`start:stop:step`."""

    start: int | Arg | None = None
    stop: int | Arg | None = None
    step: int | Arg | None = None


@dataclass(frozen=True, slots=True)
class NewAxis:
    """`np.newaxis`."""


Item: TypeAlias = int | Arg | Slice | NewAxis


@dataclass(frozen=True, slots=True)
class Index:
    """`a[items]`."""

    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Transpose:
    """`a.transpose(axes)`."""

    axes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Reshape:
    """`a.reshape(shape)` of contiguous memory; -1 as in NumPy."""

    shape: tuple[int | Arg, ...]


Step: TypeAlias = Index | Transpose | Reshape
Path: TypeAlias = tuple[Step, ...]


def path_args(path: Path) -> tuple[Arg, ...]:
    """The operands that the path mentions, in order of appearance."""
    found: list[Arg] = []
    for step in path:
        if isinstance(step, Index):
            for item in step.items:
                parts = (
                    (item.start, item.stop, item.step) if isinstance(item, Slice) else (item,)
                )
                found += [p for p in parts if isinstance(p, Arg)]
        elif isinstance(step, Reshape):
            found += [p for p in step.shape if isinstance(p, Arg)]
    return tuple(found)


def shift(path: Path, by: int) -> Path:
    """The path with every operand number raised by `by`."""

    def move(part: object) -> object:
        if isinstance(part, Arg):
            return Arg(part.position + by)
        if isinstance(part, Slice):
            return Slice(*(move(p) for p in (part.start, part.stop, part.step)))  # type: ignore[arg-type]
        return part

    steps: list[Step] = []
    for step in path:
        match step:
            case Index(items):
                steps.append(Index(tuple(move(i) for i in items)))  # type: ignore[misc]
            case Reshape(shape):
                steps.append(Reshape(tuple(move(i) for i in shape)))  # type: ignore[misc]
            case Transpose():
                steps.append(step)
    return tuple(steps)
