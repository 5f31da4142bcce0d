"""Lists of tuples as a list for each position, where lists join to one of run-time length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from stagec.frontend.machine import Machine
from stagec.frontend.unify import Unjoinable, row_of
from stagec.frontend.values import Columns, Items, StagedList

Listed: TypeAlias = Items | StagedList


@dataclass(frozen=True, slots=True)
class Table:
    """The columns of a list of tuples; `cls` is set for named tuples."""

    columns: tuple[Listed, ...]
    cls: type | None

    def name(self, k: int) -> str:
        """What the column is called behind the name of the list."""
        return self.cls._fields[k] if self.cls else str(k)  # type: ignore[attr-defined]


def tables(machine: Machine, a: Listed, b: Listed) -> tuple[Table, Table] | None:
    """The two lists as tables of one form; None if there are no tuples in them."""
    first, second = _table(machine, a), _table(machine, b)
    if first is None and second is None:
        return None
    first = first or _empty(a, second)
    second = second or _empty(b, first)
    if (len(first.columns), first.cls) != (len(second.columns), second.cls):
        raise Unjoinable("a list with different tuples in it")
    return first, second


def _table(machine: Machine, content: Listed) -> Table | None:
    """The list as a table, if it has tuples in it."""
    if isinstance(content, Columns):
        return Table(content.columns, content.cls)
    if not isinstance(content, Items):
        return None
    rows = [row_of(machine, v) for v in content.items]
    forms = {(len(r.items), r.cls) for r in rows if r is not None}
    if not forms:
        return None
    if len(forms) > 1 or None in rows:
        raise Unjoinable("a list with different tuples in it")
    columns = zip(*(r.items for r in rows if r is not None), strict=True)
    return Table(tuple(map(Items, columns)), forms.pop()[1])


def _empty(content: Listed, like: Table | None) -> Table:
    """An empty list as a table with the columns of the other."""
    assert like is not None
    if not isinstance(content, Items) or content.items:
        raise Unjoinable("a list with tuples and other elements in it")
    return Table((content,) * len(like.columns), like.cls)
