"""`array.shape = shape`: the only variable of an array becomes a view of another shape."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from stagec.errors import Loc, StagecError
from stagec.frontend import names, numpy_calls
from stagec.frontend.machine import Frame, Machine
from stagec.frontend.state import State
from stagec.frontend.values import ArrayCell, ArrayRef, Value, has_parts


def set_shape(
    m: Machine,
    frame: Frame,
    name: str,
    array: ArrayRef,
    shape: Value,
    state: State,
    loc: Loc,
) -> None:
    """Give the array that the variable holds another shape.

    A variable is bound to a view instead of changing the array itself, so nothing else may
    hold the array: that would keep the old shape.
    """
    content = state.cells[array.cell]
    outside = isinstance(content, ArrayCell) and content.external and not array.path
    held = [ref for c in state.cells.values() for ref in _arrays(c) if ref.cell == array.cell]
    if outside or held.count(array) != 1:
        raise _refused(loc, "that something else holds too", name)
    view = numpy_calls.apply(m, state, np.reshape, (array, shape), {}, loc)
    if not isinstance(view, ArrayRef) or view.cell != array.cell:
        if array.path or len(held) > 1:
            raise _refused(loc, "that may lie in memory in another order", name)
        # nothing else sees the memory: a copy is as good
        view = numpy_calls.apply(m, state, np.copy, (view,), {}, loc)
    names.store(m, frame, name, view, state, loc)


def _refused(loc: Loc, why: str, name: str) -> StagecError:
    return StagecError(
        "SC351",
        f"assignment to .shape of an array {why}",
        loc,
        f"write {name} = {name}.reshape(...)",
    )


def _arrays(content: Any) -> Iterator[ArrayRef]:
    """The arrays that the content of a cell mentions."""
    if isinstance(content, ArrayRef):
        yield content
    elif isinstance(content, ArrayCell):
        # what may be the same memory is as good as a view
        yield from (ArrayRef(cell) for cell, _ in content.shares)
    elif isinstance(content, tuple):
        for item in content:
            yield from _arrays(item)
    elif has_parts(content):
        for field in dataclasses.fields(content):
            yield from _arrays(getattr(content, field.name))
