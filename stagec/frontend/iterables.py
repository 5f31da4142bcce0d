"""What can be iterated by index: ranges, arrays, lists of run-time length, zips of them."""

from __future__ import annotations

import builtins
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from stagec.errors import Loc, StagecError
from stagec.frontend import arrays, containers, loops, numpy_calls, rows, staged_lists
from stagec.frontend.machine import Machine
from stagec.frontend.state import State
from stagec.frontend.unify import as_operand, holds_lists, same_abstract
from stagec.frontend.values import (
    ArrayRef,
    Generator,
    Known,
    Mapped,
    Number,
    RangeValue,
    Ref,
    Reversed,
    Row,
    StagedList,
    TupleValue,
    Value,
    Zipped,
    endless_range,
)
from stagec.ir.core import Const, Operand, const

Element = Callable[[State, Any], Value]
Item = Callable[[State], Value]


def value_of(operand: Operand) -> Value:
    """The abstract value of a number's operand."""
    return Known(operand.value) if isinstance(operand, Const) else Number(operand)


def indexed(m: Machine, state: State, value: Value, loc: Loc) -> loops.Staged_ | None:
    """The iteration over indices of arrays and ranges; None for items known at staging."""
    match value:
        case Known(value=range() as r):
            return span(const(r.start), const(r.stop), r.step, False)
        case RangeValue(lo, hi, Known(value=step), back):
            return span(m.operand(state, lo, loc), m.operand(state, hi, loc), step, back)
        case RangeValue():
            return strided(m, state, value, loc)
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


def strided(m: Machine, state: State, value: RangeValue, loc: Loc) -> loops.Staged_:
    """The indices of a range whose step the run time knows, by how many there are."""
    given = (value.lo, value.hi, value.step)
    lo, hi, step = (m.call_value(state, int, (v,), {}, loc) for v in given)

    def element(state: State, index: Any) -> Value:
        far = numpy_calls.apply(m, state, operator.mul, (index, step), {}, loc)
        return numpy_calls.apply(m, state, operator.add, (lo, far), {}, loc)

    whole = RangeValue(lo, hi, step)
    count = as_operand(containers.length(m, state, whole, loc))  # type: ignore[arg-type]
    return loops.Staged_(const(0), count, 1, value.reverse, element)


def item_of(m: Machine, ref: ArrayRef, loc: Loc) -> Element:
    """The element or row of an array at an index."""

    def element(state: State, index: Any) -> Value:
        return arrays.read_subscript(m, state, ref, index, loc)

    return element


def list_items(m: Machine, state: State, ref: Ref, reverse: bool) -> loops.Staged_:
    """The elements of a list of run-time length."""
    content = m.inside(state, ref)
    assert isinstance(content, StagedList)
    nested, resized = holds_lists(content), m.nesting.resized.get(ref.cell)
    n = staged_lists.length(m, state, content).operand
    then = version(state, ref)

    def element(s: State, index: Any) -> Value:
        if nested and m.nesting.resized.get(ref.cell) == resized:
            return rows.row(m, s, ref, m.operand(s, index, None))
        if not same_abstract(version(s, ref), then):
            raise StagecError(
                "SC376", "a list of run-time length changes while it is iterated",
                s.builder.loc, "iterate over a copy",
            )  # fmt: skip
        return staged_lists.item(m, s, content, m.operand(s, index, None))

    return loops.Staged_(const(0), n, 1, reverse, element)


def version(state: State, ref: Ref) -> tuple[Any, ...]:
    """What is another once a list of run-time length, or the list that it is in, changes."""
    content = state.cells.get(ref.cell)
    if isinstance(content, Row):
        return (content.index, *version(state, content.owner))
    return staged_lists.operands(content) if isinstance(content, StagedList) else (None,)


def zipped(
    m: Machine, state: State, parts: tuple[Value, ...], loc: Loc
) -> loops.Staged_ | None:
    """Parallel iteration over arrays and ranges; None if one part is known at staging."""
    its: list[loops.Staged_] = []
    endless = [endless_range(part) for part in parts]
    for part, counter in zip(parts, endless, strict=True):
        if counter:
            assert isinstance(part, RangeValue)
            lo = m.operand(state, part.lo, loc)
            its.append(span(lo, const(0), 1, False))
        else:
            it = None if listed(part) else indexed(m, state, part, loc)
            if it is None:
                return None
            its.append(it)
    its = [it if e else rebased(m, state, it, loc) for it, e in zip(its, endless, strict=True)]
    sizes = [it.hi for it, e in zip(its, endless, strict=True) if not e]
    shortest = sizes[0]
    for other in sizes[1:]:
        if other is not shortest and not same_size(shortest, other):
            shortest = as_operand(least(m, state, value_of(shortest), value_of(other), loc))

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


def listed(part: Value) -> bool:
    """Whether it is a list or the like that is known at staging."""
    return isinstance(part, Known) and not isinstance(part.value, np.ndarray | range)


def least(m: Machine, state: State, a: Value, b: Value, loc: Loc) -> Any:
    """The smaller of two numbers."""
    return numpy_calls.apply(m, state, builtins.min, (a, b), {}, loc)


def mixed(
    m: Machine, state: State, parts: tuple[Value, ...], loc: Loc
) -> tuple[list[Item], Value]:
    """Parallel iteration where the items of some part are known at staging: what makes each
    item, and how many there are.
    """
    rows: list[Callable[[State, int], Value]] = []
    known: list[int] = []
    sizes: list[Value] = []
    for part in parts:
        if endless_range(part):
            rows.append(_counted(m, part, loc))
            continue
        it = None if listed(part) else indexed(m, state, part, loc)
        if it is not None:
            it = rebased(m, state, it, loc)
            sizes.append(value_of(it.hi))
            rows.append(_element(it))
        else:
            items, size = _items(m, state, part, loc)
            known.append(len(items))
            sizes += [] if size is None else [size]
            rows.append(_item(items))

    def item(k: int) -> Item:
        return lambda s: TupleValue(tuple(row(s, k) for row in rows))

    count: Value = Known(min(known))
    for other in sizes:
        count = least(m, state, count, other, loc)
    return list(map(item, range(min(known)))), count


def _items(m: Machine, state: State, part: Value, loc: Loc) -> tuple[list[Item], Value | None]:
    if isinstance(part, Zipped):
        return mixed(m, state, part.parts, loc)
    return [lambda s, v=v: v for v in containers.unpack(m, state, turned(part), loc)], None


def turned(value: Value) -> Value:
    """What `reversed` gives of items known at staging, as a tuple; else the value itself."""
    if isinstance(value, Reversed) and isinstance(value.part, TupleValue):
        return TupleValue(value.part.items[::-1])
    return value


def mixed_items(m: Machine, state: State, value: Zipped, loc: Loc) -> list[Value] | None:
    """The items of parallel iteration where those of some part are known at staging: how many
    there are must be known too; None for others.
    """
    lazy = any(isinstance(part, Generator | Mapped) for part in value.parts)
    if lazy or indexed(m, state, value, loc) is not None:
        return None
    items, size = mixed(m, state, value.parts, loc)
    count = m.need_known(state, size, loc, "how many items there are")
    return [item(state) for item in items[:count]]


def _item(items: list[Item]) -> Callable[[State, int], Value]:
    return lambda s, k: items[k](s)


def _element(it: loops.Staged_) -> Callable[[State, int], Value]:
    return lambda s, k: it.element(s, Known(k))


def _counted(m: Machine, part: Value, loc: Loc) -> Callable[[State, int], Value]:
    """What `enumerate` says at each trip."""
    assert isinstance(part, RangeValue)
    first = part.lo
    return lambda s, k: numpy_calls.apply(m, s, operator.add, (first, Known(k)), {}, loc)


def same_size(a: Operand, b: Operand) -> bool:
    """Whether two lengths are surely equal."""
    if isinstance(a, Const) and a == b:
        return True
    size = getattr(a.type, "size", None)
    return size is not None and size == getattr(b.type, "size", None)


def rebased(m: Machine, state: State, it: loops.Staged_, loc: Loc) -> loops.Staged_:
    """The same steps, counted upwards from 0."""

    def compute(state: State, function: Any, *args: Value) -> Any:
        return numpy_calls.apply(m, state, function, args, {}, loc)

    if it.lo == const(0) and it.step == 1 and not it.reverse:
        return it
    lo, hi, step = value_of(it.lo), value_of(it.hi), Known(it.step)
    count: Any = hi
    if it.lo != const(0) or it.step != 1:
        missing = compute(state, operator.floordiv, compute(state, operator.sub, lo, hi), step)
        count = compute(state, builtins.max, Known(0), compute(state, operator.neg, missing))
    start, by = lo, step
    if it.reverse:
        last = compute(state, operator.sub, count, Known(1))
        start = compute(state, operator.add, lo, compute(state, operator.mul, last, step))
        by = Known(-it.step)

    def element(s: State, index: Any) -> Value:
        return it.element(
            s, compute(s, operator.add, start, compute(s, operator.mul, index, by))
        )

    return loops.Staged_(const(0), as_operand(count), 1, False, element)
