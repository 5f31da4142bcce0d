"""When a staged loop has settled: what it carries, from round to round, and guesses of it."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import gast

from stagec.frontend.beginnings import Beginning, Carried
from stagec.frontend.join import Join
from stagec.frontend.machine import Machine
from stagec.frontend.recalling import recalled
from stagec.frontend.state import State
from stagec.frontend.unify import Unjoinable, same_abstract
from stagec.frontend.values import (
    ArrayCell,
    ArrayRef,
    Content,
    FunctionValue,
    Known,
    Number,
    Ref,
    has_parts,
)
from stagec.ir.core import Const, Undef, Value as Staged

REMEMBERED = 30  # other ways in which a loop began


def signature(join: Join, entry: State) -> list[Any]:
    """What must not change from one round to the next: types, and contents with phis and new
    cells numbered.
    """
    phis = {p.out: k for k, p in enumerate(join.phis)}
    fresh = {c: -k - 1 for k, c in enumerate(c for c in join.cells if c not in entry.cells)}

    def walk(part: Any) -> Any:
        if isinstance(part, Staged):
            return ("phi", phis[part]) if part in phis else part
        if isinstance(part, tuple):
            return tuple(map(walk, part))
        if isinstance(part, ArrayRef | Ref):
            rest = (part.path, walk(part.index)) if isinstance(part, ArrayRef) else part.cls
            return type(part), fresh.get(part.cell, part.cell), rest
        if isinstance(part, FunctionValue | Known | Const | Undef) or not has_parts(part):
            return part
        if isinstance(part, ArrayCell):
            shares = tuple(sorted(fresh.get(c, c) for c, _ in part.shares))
            return ArrayCell, walk(part.operand), shares, part.external, part.listed
        return (type(part), *(walk(getattr(part, f.name)) for f in fields(part)))

    changed = [
        (fresh.get(cell, cell), walk(content))
        for cell, content in join.cells.items()
        if not unchanged(entry, cell, content)
    ]
    changed.sort(key=lambda item: item[0])
    return [[p.out.type for p in join.phis], changed]


def unchanged(entry: State, cell: int, content: Content) -> bool:
    """Whether a content is the one at the head of the loop."""
    before = entry.cells.get(cell)
    return before is content or (before is not None and same_abstract(before, content))


def same_signature(a: list[Any], b: list[Any]) -> bool:
    """Whether two rounds agree."""
    return a[0] == b[0] and same_abstract(tuple(a[1]), tuple(b[1]))


def carried_numbers(join: Join) -> dict[int, Number]:
    """The numbers that a loop carries, by cell."""
    phis = {p.out for p in join.phis}
    return {
        cell: content
        for cell, content in join.cells.items()
        if isinstance(content, Number) and content.operand in phis
    }


def note_carried(
    m: Machine, join: Join, entry: State, names: dict[int, str], stmt: gast.AST
) -> None:
    """Note what a loop carries, and which of it are variables that are numbers before it."""
    types = {
        names[cell]: number.operand.type
        for cell, number in carried_numbers(join).items()
        if cell in entry.cells and not names.get(cell, ".").startswith(".")
    }
    beginning = Beginning.of(m, entry, names, stmt)
    before = m.carried.get(id(stmt), [])
    changed = {c: v for c, v in join.cells.items() if not unchanged(entry, c, v)}
    phis = tuple(p.out for p in join.phis)
    carried = Carried(beginning, types, changed, phis)
    m.carried[id(stmt)] = [carried, *before[:REMEMBERED]]


def kept_some(guess: Join, back: State) -> bool:
    """Whether a trip leaves a number as it is that was guessed to change."""
    return any(
        back.cells.get(cell) == number for cell, number in carried_numbers(guess).items()
    )


def guessed(m: Machine, names: dict[int, str], stmt: gast.AST, entry: State) -> Join | None:
    """What the loop carries, if it carries what it carried when it was staged before.

    An inner loop is staged anew in each round of the outer one; with the right guess it settles
    in one round, without it the rounds of nested loops multiply.  Where it does not begin as it
    did then, it is taken to carry the same numbers at least.  Had it begun with other types, as
    in another call, the types it carried might be larger than what it needs now.
    """
    beginning = Beginning.of(m, entry, names, stmt)
    known = m.carried.get(id(stmt), ())
    for before in known:
        if before.phis and (again := recalled(m, before, beginning, entry)) is not None:
            return again
    before = next((c for c in known if beginning.covers(c.beginning)), None)
    if before is None or not before.types:
        return None
    cells = dict(entry.cells)
    for cell, name in names.items():
        if name in before.types and isinstance(cells.get(cell), Known | Number):
            cells[cell] = Number(Staged(before.types[name]))
    join = Join(
        m, entry, State(entry.builder, cells), entry.builder.depth, force=True, loop=True
    )
    try:
        join.run(names, set())
    except Unjoinable:
        return None
    return join if join.phis else None
