"""What the modes of differentiation share about functions."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence

from stagec.errors import StagecError
from stagec.ir.core import Operand, Value
from stagec.ir.function import Function
from stagec.transforms.activity import differentiable


def family(fn: Function) -> Iterator[Function]:
    """The functions that come with `fn`, without itself."""
    for inner in fn.functions:
        yield inner
        yield from family(inner)


def fresh_flags(fn: Function) -> tuple[bool, ...]:
    """One flag for each result."""
    return fn.fresh or (False,) * len(fn.results)


def unused(wish: str, taken: Container[str]) -> str:
    """A name that is not taken yet."""
    name, count = wish, 1
    while name in taken:
        count += 1
        name = f"{wish}{count}"
    return name


def check_differentiable(
    fn: Function, chosen: Sequence[int], values: Sequence[Operand]
) -> None:
    """Raise `StagecError` if one of the chosen parameters or results has no derivative."""
    for k in chosen:
        value = values[k]
        if not differentiable(value.type):
            hint = f" {value.hint}" if isinstance(value, Value) and value.hint else f" {k}"
            raise StagecError(
                "SC401",
                f"{fn.name}: value{hint} of type {value.type} has no derivative",
                help="differentiate floating-point values with respect to such values",
            )
