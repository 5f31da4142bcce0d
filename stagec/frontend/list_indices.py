"""Lists of run-time length, and lists at an index that changes at run time, which hold numbers
or tuples of numbers.

The latter become the former: for one read, or, when they are written to, from then on.
"""

from __future__ import annotations

from typing import TypeGuard

from stagec.errors import Loc
from stagec.frontend import rows, staged_lists
from stagec.frontend.join import Join
from stagec.frontend.machine import Machine
from stagec.frontend.state import State
from stagec.frontend.tables import Table, tables
from stagec.frontend.unify import NUMBERS, Unjoinable, as_operand, holds_lists, unsized
from stagec.frontend.values import (
    Columns,
    Items,
    Known,
    Number,
    Ref,
    StagedItems,
    StagedList,
    TupleValue,
    Value,
)
from stagec.ir.core import Const
from stagec.ops import lists


def is_number(value: Value) -> TypeGuard[Known | Number]:
    """Whether the value is a number, staged or known."""
    return isinstance(value, Number) or (
        isinstance(value, Known) and isinstance(value.value, NUMBERS)
    )


def select_item(
    m: Machine, state: State, items: tuple[Value, ...], key: Number
) -> Value | None:
    """`items[key]` at a staged index, if the items are numbers of one type, or tuples with such
    at each position; None if not.
    """
    pair = both_tables(m, Items(items), Items(()))
    if pair is not None:
        columns = (c.items for c in pair[0].columns if isinstance(c, Items))
        parts = [select_item(m, state, column, key) for column in columns]
        found = tuple(v for v in parts if v is not None)
        return TupleValue(found, pair[0].cls) if len(found) == len(parts) else None
    numbers = [v for v in items if is_number(v)]
    kinds = {unsized(as_operand(v).type) for v in numbers}
    if len(numbers) != len(items) or len(kinds) != 1:
        return None
    staged = None if m.unrollable(key.operand) else staged_items(m, state, Items(items))
    if not isinstance(staged, StagedItems):
        return None
    got = lists.list_get(m.handle(state, staged.operand), m.handle(state, key.operand))
    return m.wrap(state, got)


def chosen_item(
    m: Machine, state: State, base: Value, items: tuple[Value, ...], key: Value,
    loc: Loc | None,
) -> Value | None:  # fmt: skip
    """The item of a list of known length at an index that only the run time knows, if that is
    possible.
    """
    if not isinstance(key, Number) or isinstance(key.operand, Const):
        return None
    found = select_item(m, state, items, key) if isinstance(base, Ref) else None
    if found is None and isinstance(base, Ref) and moving(m, key):
        return rows.chosen(m, state, base, m.operand(state, key, loc))
    return found


def both_tables(m: Machine, a: Items, b: Items) -> tuple[Table, Table] | None:
    """The two lists as tables; None if they do not consist of tuples of one form."""
    try:
        return tables(m, a, b)
    except Unjoinable:
        return None


def moving(m: Machine, key: Value) -> bool:
    """Whether an index changes at run time and nothing can make it known at staging."""
    if not isinstance(key, Number) or isinstance(key.operand, Const):
        return False
    kinds = {kind for kind, _ in m.roots(key.operand)}
    return not m.unrollable(key.operand) and kinds.isdisjoint({"int", "size"})


def staged_items(
    m: Machine, state: State, content: Items, more: Value | None = None
) -> StagedList | None:
    """The list of numbers, or of tuples of such, as one of run-time length, which may hold
    `more` too; None if its elements are others or have no common type.
    """
    others = () if more is None else (more,)
    pair = both_tables(m, content, Items(others))
    if pair is not None:
        parts: list[StagedList] = []
        for a, b in zip(pair[0].columns, pair[1].columns, strict=True):
            assert isinstance(a, Items)
            assert isinstance(b, Items)
            part = staged_items(m, state, a, *b.items)
            if part is None:
                return None
            parts.append(part)
        return Columns(tuple(parts), pair[0].cls)
    if not all(is_number(v) for v in (*content.items, *others)):
        return None
    try:
        join = Join(m, state, state, state.builder.depth, force=True)
        element = join.element(content, Items(others))
        return StagedItems(join.list_emitter(content, element, state)(state))
    except Unjoinable:
        return None


def changes_at(
    m: Machine, state: State, ref: Ref, key: Value, more: Value | None = None
) -> bool:
    """Whether only the run time knows where a list of that length changes; it becomes one if
    its index moves.
    """
    if m.is_staged_list(state, ref):
        return True
    content = m.inside(state, ref)
    if not isinstance(content, Items) or not moving(m, key):
        return False
    staged = staged_items(m, state, content, more)
    if staged is not None:
        m.write(state, ref, staged)
    return staged is not None


def pop_last(m: Machine, state: State, ref: Ref) -> Value:
    """`xs.pop()` of a list of run-time length."""
    content = m.inside(state, ref)
    if holds_lists(content):
        rows.forget(m, state, ref)
    rest, value = staged_lists.popped(m, state, content)
    m.write(state, ref, rest)
    return value


def append(m: Machine, state: State, ref: Ref, value: Value, loc: Loc | None) -> None:
    """`xs.append(value)`."""
    content = m.inside(state, ref)
    if isinstance(content, Items):
        m.write(state, ref, Items((*content.items, value)))
    elif holds_lists(content):
        rows.append(m, state, ref, value, loc)
    else:
        rows.fits_value(m, state, ref, value)
        m.write(state, ref, staged_lists.appended(m, state, content, value, loc))
