"""Lists that are elements of a list of run-time length: each is read and written there.

Such a list is the element of one list only: what is put into a second one would have to change
in both.
"""

from __future__ import annotations

from dataclasses import replace

from stagec.errors import Loc, StagecError
from stagec.frontend import staged_lists
from stagec.frontend.join import Join
from stagec.frontend.machine import Machine, Restart
from stagec.frontend.state import State
from stagec.frontend.unify import (
    Unjoinable,
    alike,
    cells_in,
    describe,
    element_emitter,
    element_type,
    holds_lists,
    join_types_deep,
    same_abstract,
)
from stagec.frontend.values import Items, Ref, Row, StagedItems, StagedList, Value
from stagec.ir.core import Apply, Const, Effect, Operand, Value as Staged, const
from stagec.ir.types import ArrayType, ListType, Type
from stagec.ops import lists
from stagec.ops.arithmetic import add
from stagec.ops.comparison import less
from stagec.ops.select import where


def ours(m: Machine, state: State, ref: Ref) -> bool:
    """Whether staged code made the list and all that is in it."""
    inside = cells_in(state.cells[ref.cell])
    return (m.owned | m.borrowed).isdisjoint((ref.cell, *inside))


def row(m: Machine, state: State, owner: Ref, index: Operand) -> Ref:
    """`owner[index]` of a list of lists."""
    cell = m.new_cell(state, Row(owner, index))
    if owner.cell in m.borrowed:
        m.borrowed.add(cell)
    return Ref(cell, list)


def item(m: Machine, state: State, owner: Ref, found: StagedList, index: Operand) -> Value:
    """`owner[index]` of any list of run-time length."""
    if holds_lists(found):
        return row(m, state, owner, index)
    return staged_lists.item(m, state, found, index)


def chosen(m: Machine, state: State, owner: Ref, index: Operand) -> Ref | None:
    """`owner[index]` of a list of lists of known length, at an index that moves."""
    loops = {key for kind, key in m.roots(index) if kind == "loop"}
    others = any(kind not in ("loop", "made") for kind, _ in m.roots(index))
    if not (others or m.rolled(loops)) and not ours(m, state, owner):
        return None  # unrolled, the loops may write to the caller's lists
    opened = widened(m, state, owner)
    return opened and row(m, state, opened, index)


def content(m: Machine, state: State, held: Row) -> StagedItems:
    """What is in an element of a list of lists."""
    rows = m.inside(state, held.owner)
    if held.index is None or not holds_lists(rows):
        raise StagecError(
            "SC310", "this list was an element of a list that has changed meanwhile",
            state.builder.loc,
            "take a copy where the name is assigned: `row = list(rows[i])`",
        )  # fmt: skip
    handles = (m.handle(state, o) for o in (rows.operand, held.index))
    return StagedItems(lists.list_get(*handles).operand)


def store(m: Machine, state: State, held: Row, new: Items | StagedItems) -> None:
    """Make `new` what is in an element of a list of lists."""
    content(m, state, held)
    assert held.index is not None
    rows = m.inside(state, held.owner)
    made = Ref(m.new_cell(state, new), list)
    operand = _converted(m, state, held.owner, made, state.builder.loc)
    del state.cells[made.cell]
    handles = (m.handle(state, o) for o in (rows.operand, held.index, operand))
    changed = lists.list_set(*handles).operand
    m.name(changed, m.name_of(rows.operand))
    m.write(state, held.owner, StagedItems(changed))


def append(m: Machine, state: State, ref: Ref, value: Value, loc: Loc | None) -> None:
    """`rows.append(value)`."""
    rows = m.inside(state, ref)
    length = lists.list_length(m.handle(state, rows.operand)).operand
    for number, held in _elements(state, ref):
        ahead = isinstance(held.index, Const) and held.index.value >= 0
        if held.index is not None and not ahead:
            index = m.handle(state, held.index)
            index = where(less(index, 0), add(index, m.handle(state, length)), index)
            state.cells[number] = replace(held, index=index.operand)
    cell, operand = _element(m, state, ref, value, loc)
    new = lists.list_append(*(m.handle(state, o) for o in (rows.operand, operand))).operand
    m.name(new, m.name_of(rows.operand))
    m.write(state, ref, StagedItems(new))
    m.nesting.resized[ref.cell] = m.nesting.resized.get(ref.cell, 0) + 1
    state.cells[cell] = Row(ref, length)


def set_at(
    m: Machine, state: State, ref: Ref, index: Operand, value: Value, loc: Loc | None
) -> None:
    """`rows[index] = value`."""
    pending = m.nesting.twice.pop(ref.cell, None)
    if pending is not None and not same_number(m, pending, index):
        raise two_names(loc)
    rows = m.inside(state, ref)
    moved = _moved(state, ref, value)
    if moved is None:
        cell, operand = _element(m, state, ref, value, loc)
    else:
        cell, operand = moved[0], content(m, state, moved[1]).operand
    for number, held in _elements(state, ref):
        if held.index is not None and same_number(m, held.index, index):
            state.cells[number] = content(m, state, held)  # it is no element any more
    new = lists.list_set(*(m.handle(state, o) for o in (rows.operand, index, operand))).operand
    m.name(new, m.name_of(rows.operand))
    forget(m, state, ref)
    m.write(state, ref, StagedItems(new))
    state.cells[cell] = Row(ref, index)
    other = None if moved is None else moved[1].index
    if other is not None and not same_number(m, other, index):
        m.nesting.twice[ref.cell] = other


def copied(m: Machine, state: State, value: Value, kind: type, loc: Loc | None) -> Ref:
    """A copy of a list of run-time length; one of lists would share them with the list."""
    assert isinstance(value, Ref)
    found = m.inside(state, value)
    if holds_lists(found):
        raise StagecError(
            "SC314", "a copy of a list of lists, which has the same lists as elements", loc,
            "copy the elements too: `[list(row) for row in rows]`",
        )  # fmt: skip
    return Ref(m.new_cell(state, found), kind)


def same_number(m: Machine, a: Operand, b: Operand) -> bool:
    """Whether two operands surely are one number, as the same computations give the same."""
    if same_abstract(a, b):
        return True
    if not isinstance(a, Staged) or not isinstance(b, Staged):
        return False
    one, two = m.defs.producer.get(a), m.defs.producer.get(b)
    if not isinstance(one, Apply) or not isinstance(two, Apply):
        return False
    alike = one.op is two.op and one.attrs == two.attrs and len(one.args) == len(two.args)
    if not alike or one.op.effect is not Effect.NONE or len(one.outs) > 1:
        return False
    return all(same_number(m, x, y) for x, y in zip(one.args, two.args, strict=True))


def one_list(m: Machine, state: State, a: Ref, b: Ref, loc: Loc | None) -> bool:
    """Whether two lists are one element of a list of lists, where staging can tell."""
    if a == b or a.cls is not b.cls:
        return a == b
    found = [c for c in (state.cells[a.cell], state.cells[b.cell]) if isinstance(c, Row)]
    indices = [c.index for c in found]
    if None not in indices:
        if len(found) < 2 or not one_list(m, state, found[0].owner, found[1].owner, loc):
            return False
        if same_number(m, *indices):  # type: ignore[arg-type]
            return True
        if all(isinstance(k, Const) and k.value >= 0 for k in indices):
            return False
    raise StagecError(
        "SC310", "whether these are one element of a list is known at run time only", loc,
        "compare the indices",
    )  # fmt: skip


def _moved(state: State, ref: Ref, value: Value) -> tuple[int, Row] | None:
    """The cell of the value and where in the list it is, if it is an element of it."""
    held = state.cells[value.cell] if isinstance(value, Ref) else None
    if not isinstance(value, Ref) or not isinstance(held, Row) or held.index is None:
        return None
    return (value.cell, held) if held.owner.cell == ref.cell else None


def fits(m: Machine, state: State, ref: Ref, have: Type) -> None:
    """Stage anew if a list in a list that so far was empty gets its first element."""
    held = state.cells[ref.cell]
    if isinstance(held, Row):
        place = m.nesting.places.get(held.owner.cell)
        if place is not None and place in m.nesting.guessed:
            raise Restart("element", (place, ListType(plainly(have))))
        fits(m, state, held.owner, ListType(have))


def fits_value(m: Machine, state: State, ref: Ref, value: Value) -> None:
    """`fits` for a value that is put into the list."""
    if isinstance(state.cells[ref.cell], Row):
        try:
            have = element_type(state, value)
        except Unjoinable:
            return
        if have is not None:
            fits(m, state, ref, have)


def two_names(loc: Loc | None) -> StagecError:
    """The error for a list that would be an element twice."""
    return StagecError(
        "SC314", "a list that has another name becomes an element of a list", loc,
        "put a copy into the list: `rows.append(list(row))`",
    )  # fmt: skip


def forget(m: Machine, state: State, ref: Ref) -> None:
    """The elements of a list of lists may be at other places from now on, or gone."""
    m.nesting.resized[ref.cell] = m.nesting.resized.get(ref.cell, 0) + 1
    for cell, held in _elements(state, ref):
        state.cells[cell] = replace(held, index=None)


def widened(m: Machine, state: State, ref: Ref) -> Ref | None:
    """The list of lists as one of run-time length, if its elements have a common type; where
    it is one of the caller's, a copy to be read.
    """
    known = m.inside(state, ref)
    if not isinstance(known, Items) or not known.items:
        return None
    if not all(isinstance(v, Ref) and v.cls is list for v in known.items):
        return None
    taken = [v.cell for v in known.items if isinstance(v, Ref)]
    if len(set(taken)) < len(taken):
        return None
    try:
        join = Join(m, state, state, state.builder.depth, force=True)
        element = join.element(known, Items(()))
        operand = join.list_emitter(known, element, state)(state)
    except Unjoinable:
        return None
    if not ours(m, state, ref):
        copy = Ref(m.new_cell(state, StagedItems(operand)), list)
        m.borrowed.add(copy.cell)
        return copy
    m.nesting.places.setdefault(ref.cell, join.place())
    state.cells[ref.cell] = StagedItems(operand)
    for k, cell in enumerate(taken):
        state.cells[cell] = Row(ref, const(k))
    return ref


def _elements(state: State, ref: Ref) -> list[tuple[int, Row]]:
    found = [(cell, c) for cell, c in state.cells.items() if isinstance(c, Row)]
    return [(cell, c) for cell, c in found if c.owner.cell == ref.cell]


def _element(
    m: Machine, state: State, ref: Ref, value: Value, loc: Loc | None
) -> tuple[int, Operand]:
    """The cell of a list and what becomes an element of the list of lists."""
    if not isinstance(value, Ref) or value.cls is not list:
        raise _refused(m, state, ref, describe(value), loc)
    new = state.cells[value.cell]
    outside = m.owned | m.borrowed
    if isinstance(new, Row) or value.cell in outside or value.cell == ref.cell:
        raise two_names(loc)
    return value.cell, _converted(m, state, ref, value, loc)


def _converted(m: Machine, state: State, ref: Ref, value: Ref, loc: Loc | None) -> Operand:
    """The list as an element of the list of lists."""
    kind = m.inside(state, ref).operand.type.element
    try:
        have = element_type(state, value)
        if have is not None and not alike(join_types_deep(kind, have), kind):
            if ref.cell in m.nesting.places:
                raise Restart("element", (m.nesting.places[ref.cell], plainly(have)))
            raise Unjoinable("")
        return element_emitter(m, state, value)(state, kind)
    except Unjoinable:
        raise _refused(m, state, ref, "one with other elements", loc) from None


def plainly(kind: Type) -> Type:
    """The type without sizes, which are called otherwise when the program is staged anew."""
    if isinstance(kind, ListType):
        return ListType(plainly(kind.element))
    if isinstance(kind, ArrayType):
        return replace(kind, shape=(None,) * kind.rank, size=None)
    return kind


def _refused(m: Machine, state: State, ref: Ref, given: str, loc: Loc | None) -> StagecError:
    kind = m.inside(state, ref).operand.type.element
    return StagecError(
        "SC333", f"a list of {kind} gets {given}", loc,
        "append values of one type in a staged loop",
    )  # fmt: skip
