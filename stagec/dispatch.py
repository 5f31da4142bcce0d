"""The short way from a call to compiled code, for flat arguments of types met before."""

from __future__ import annotations

from collections.abc import Callable, Sequence as Sequence_
from typing import Any

import numpy as np

from stagec.frontend.results import Arg, Out, Outcome, Plain, Sequence

Finish = Callable[[Any, tuple[Any, ...]], Any]
Axis = tuple[int, int]
Match = Callable[[tuple[Any, ...]], bool]
NUMBERS = (float, int, complex)
ARRAY = np.ndarray


def matcher(args: tuple[Any, ...], aliases: bool) -> Match | None:
    """A test that arguments have the types of these; None if they are not flat.

    `aliases` makes it also refuse an array passed twice.
    """
    wanted = tuple(map(spec_of, args))
    if None in wanted:
        return None
    arrays = sum(type(s) is tuple for s in wanted)
    distinct = arrays > 1 and aliases

    def matches(now: tuple[Any, ...]) -> bool:
        if len(now) != len(wanted):
            return False
        for a, spec in zip(now, wanted, strict=True):
            if type(spec) is not tuple:
                if type(a) is not spec:
                    return False
                continue
            if type(a) is not ARRAY:
                return False
            dtype, sizes, small = spec
            shape = a.shape
            if a.dtype is not dtype or len(shape) != len(sizes):
                return False
            if small:
                if tuple([n if n < 2 else 2 for n in shape]) != sizes:
                    return False
            elif 1 in shape or 0 in shape:
                return False
        return not distinct or len({id(a) for a in now if type(a) is ARRAY}) == arrays

    return matches


def with_lengths(matches: Match | None, equal: Sequence_[tuple[Axis, Axis]]) -> Match | None:
    """The test, and that each pair of axes has equal lengths."""
    if matches is None or not equal:
        return matches
    return lambda now: (
        matches(now) and all(now[a].shape[i] == now[b].shape[j] for (a, i), (b, j) in equal)
    )


def spec_of(a: Any) -> Any:
    """What of an argument `matcher` compares; None if it is neither a number nor an array."""
    if type(a) is ARRAY:
        sizes = tuple([n if n < 2 else 2 for n in a.shape])
        return a.dtype, sizes, 1 in a.shape or 0 in a.shape
    return type(a) if type(a) in NUMBERS else None


def finisher(outcome: Outcome, results: int) -> Finish | None:
    """What makes the result of the call from the outputs and the arguments, if it is simple."""
    value = outcome.value
    if outcome.changes:
        return None
    if isinstance(value, Out):
        position = value.position
        return (
            (lambda outs, args: outs) if results == 1 else (lambda outs, args: outs[position])
        )
    if isinstance(value, Arg):
        leaf = value.leaf
        return lambda outs, args: args[leaf]
    if isinstance(value, Plain):
        plain = value.value
        return lambda outs, args: plain
    if isinstance(value, Sequence) and value.cls is tuple and results > 1:
        order = [i.position for i in value.items if isinstance(i, Out)]
        if len(order) < len(value.items):
            return None
        if order == list(range(results)):
            return lambda outs, args: outs
        return lambda outs, args: tuple([outs[k] for k in order])
    return None
