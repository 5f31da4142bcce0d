"""What can be iterated by index: ranges, arrays, lists of run-time length, zips of them."""

from __future__ import annotations

import builtins
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from stagec.errors import Loc, StagecError
from stagec.frontend import arrays, containers, loops, numpy_calls
from stagec.frontend.machine import Machine
from stagec.frontend.state import State
from stagec.frontend.unify import as_operand
from stagec.frontend.values import (
    ArrayRef,
    Known,
    Number,
    RangeValue,
    Ref,
    Reversed,
    StagedItems,
    TupleValue,
    Value,
    Zipped,
)
from stagec.ir.core import Const, Operand, const
from stagec.ops import lists

Element = Callable[[State, Any], Value]


def value_of(operand: Operand) -> Value:
    """The abstract value of a number's operand."""
    return Known(operand.value) if isinstance(operand, Const) else Number(operand)


def indexed(m: Machine, state: State, value: Value, loc: Loc) -> loops.Staged_ | None:
    """The iteration over indices of arrays and ranges; None for items known at staging."""
    match value:
        case Known(value=range() as r):
            return span(const(r.start), const(r.stop), r.step, False)
        case RangeValue(lo, hi, step, back):
            bounds = (m.operand(state, lo, loc), m.operand(state, hi, loc))
            return span(*bounds, m.need_known(state, step, loc, "the step of a range"), back)
        case ArrayRef():
            n = as_operand(containers.length(m, state, value, loc))  # type: ignore[arg-type]
            return loops.Staged_(const(0), n, 1, False, item_of(m, value, loc))
        case Known(value=plain) if isinstance(plain, np.ndarray):
            return indexed(m, state, m.captured_array(state, value, loc), loc)
        case Ref() if m.is_staged_list(state, value):
            return list_items(m, state, value, False)
        case Reversed(part):
            it = (
                list_items(m, state, part, True)
                if isinstance(part, Ref)
                else indexed(m, state, part, loc)
            )
            return None if it is None else loops.Staged_(it.lo, it.hi, 1, True, it.element)
        case Zipped(parts):
            return zipped(m, state, parts, loc)
        case _:
            return None


def span(lo: Operand, hi: Operand, step: int, reverse: bool) -> loops.Staged_:
    """The indices of a range themselves."""

    def element(state: State, index: Any) -> Any:
        return index

    return loops.Staged_(lo, hi, step, reverse, element, plain=True)


def item_of(m: Machine, ref: ArrayRef, loc: Loc) -> Element:
    """The element or row of an array at an index."""

    def element(state: State, index: Any) -> Value:
        return arrays.read_subscript(m, state, ref, index, loc)

    return element


def list_items(m: Machine, state: State, ref: Ref, reverse: bool) -> loops.Staged_:
    """The elements of a list of run-time length."""
    content = state.cells[ref.cell]
    assert isinstance(content, StagedItems)
    handle = m.handle(state, content.operand)
    n = lists.list_length(handle).operand
    then = content.operand

    def element(s: State, index: Any) -> Value:
        now = s.cells.get(ref.cell)
        if not isinstance(now, StagedItems) or now.operand is not then:
            raise StagecError(
                "SC376", "a list of run-time length changes while it is iterated",
                s.builder.loc, "iterate over a copy",
            )  # fmt: skip
        at = m.handle(s, m.operand(s, index, None))
        return containers.element(m, s, lists.list_get(m.handle(s, then), at))

    return loops.Staged_(const(0), n, 1, reverse, element)


def zipped(
    m: Machine, state: State, parts: tuple[Value, ...], loc: Loc
) -> loops.Staged_ | None:
    """Parallel iteration over arrays and ranges; None if one part is known at staging."""
    its: list[loops.Staged_] = []
    endless: list[bool] = []
    for part in parts:
        counter = (
            isinstance(part, RangeValue)
            and isinstance(part.hi, Known)
            and part.hi.value is None
        )
        if counter:
            assert isinstance(part, RangeValue)
            lo = m.operand(state, part.lo, loc)
            its.append(span(lo, const(0), 1, False))
        else:
            it = indexed(m, state, part, loc)
            if it is None or (
                isinstance(part, Known) and not isinstance(part.value, np.ndarray)
            ):
                return None
            its.append(it)
        endless.append(counter)
    if any(
        not e and (it.step != 1 or it.reverse or it.lo != const(0))
        for it, e in zip(its, endless, strict=True)
    ):
        its = [it if e else rebased(m, it, loc) for it, e in zip(its, endless, strict=True)]
        if any(it.hi is None for it in its):
            return None
    sizes = [it.hi for it, e in zip(its, endless, strict=True) if not e]
    shortest = sizes[0]
    for other in sizes[1:]:
        if other is not shortest and not same_size(shortest, other):
            least = numpy_calls.apply(
                m, state, builtins.min, (value_of(shortest), value_of(other)), {}, loc
            )
            shortest = as_operand(least)  # type: ignore[arg-type]

    def element(s: State, index: Any) -> Value:
        out: list[Value] = []
        for it, e in zip(its, endless, strict=True):
            if e and it.lo != const(0):
                out.append(
                    numpy_calls.apply(m, s, operator.add, (index, value_of(it.lo)), {}, loc)
                )
            else:
                out.append(it.element(s, index))
        return TupleValue(tuple(out))

    return loops.Staged_(const(0), shortest, 1, False, element)


def same_size(a: Operand, b: Operand) -> bool:
    """Whether two lengths are surely equal."""
    if isinstance(a, Const) and a == b:
        return True
    size = getattr(a.type, "size", None)
    return size is not None and size == getattr(b.type, "size", None)


def rebased(m: Machine, it: loops.Staged_, loc: Loc) -> loops.Staged_:
    """A range in a zip, counted from 0: only with known bounds."""
    count = loops.trips(it)
    if count is None or not isinstance(it.lo, Const):
        raise StagecError("SC377", "zip of a staged range", loc, "zip arrays, or index by hand")
    start = it.lo.value + (count - 1) * it.step if it.reverse else it.lo.value
    step = -it.step if it.reverse else it.step

    def element(s: State, index: Any) -> Value:
        scaled = numpy_calls.apply(m, s, operator.mul, (index, Known(step)), {}, loc)
        value = numpy_calls.apply(m, s, operator.add, (scaled, Known(start)), {}, loc)
        return it.element(s, value)

    return loops.Staged_(const(0), const(count), 1, False, element)
