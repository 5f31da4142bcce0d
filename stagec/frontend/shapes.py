"""Shapes given to NumPy's functions as arrays of integers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stagec.errors import Loc
from stagec.frontend import arrays, containers
from stagec.frontend.machine import Machine
from stagec.frontend.outputs import parameters
from stagec.frontend.state import State
from stagec.frontend.values import ArrayRef, TupleValue, Value

SHAPES = {"shape", "new_shape", "dimensions", "reps"}

Arguments = tuple[tuple[Value, ...], dict[str, Value]]


def itemised(
    m: Machine,
    state: State,
    binder: Callable[..., Any] | None,
    args: tuple[Value, ...],
    kwargs: dict[str, Value],
    loc: Loc | None,
) -> Arguments:
    """The arguments with an array of integers that is a shape as the tuple of its items.

    So `np.zeros(np.array(x.shape) + 1)` has a rank, which the length of the array tells.
    """
    if not any(_is_array(state, a) for a in (*args, *kwargs.values())):
        return args, kwargs
    names = parameters(binder)

    def item(name: str, value: Value) -> Value:
        if name not in SHAPES or not _is_array(state, value):
            return value
        return TupleValue(tuple(containers.unpack(m, state, value, loc)))

    # a list of operands, `*args`, has no shape among them
    placed = [item(n, a) for n, a in zip(names, args, strict=False)]
    return (*placed, *args[len(placed) :]), {n: item(n, a) for n, a in kwargs.items()}


def _is_array(state: State, value: Value) -> bool:
    """Whether the value is an array of integers in a row."""
    if not isinstance(value, ArrayRef):
        return False
    kind = arrays.type_of(state, value)
    return kind.rank == 1 and kind.dtype.kind in "iu"
