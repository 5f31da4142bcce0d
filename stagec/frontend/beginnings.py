"""What a loop began with when it was staged before, compared with what it begins with now.

Types only grow while a loop is staged round by round.  So what was found for a loop whose
variables were of the same types or of smaller ones is no larger than what is to be found now;
of a loop that began with other types it may be, as in `sum(x)` and then `sum(x > 0)`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import gast

from stagec.frontend.machine import Machine
from stagec.frontend.sources import same_value
from stagec.frontend.state import State
from stagec.frontend.unify import NUMBERS, Unjoinable, as_operand, join_types, unsized
from stagec.frontend.values import (
    ArrayCell,
    ArrayRef,
    Content,
    FunctionValue,
    Known,
    Number,
    Ref,
    Scope,
    has_parts,
)
from stagec.ir.core import Const, Undef, Value as Staged
from stagec.ir.types import ArrayType, Type

Cells = dict[int, Content]


@dataclass(frozen=True, slots=True)
class Beginning:
    """The variables in front of a loop by name, set or not, what is iterated with the name "",
    and the content of all cells.
    """

    variables: dict[str, int]
    cells: Cells

    @classmethod
    def of(cls, m: Machine, entry: State, names: dict[int, str], stmt: gast.AST) -> Beginning:
        """What the loop begins with in the state."""
        variables = {n: c for c, n in names.items() if n}
        iterated = m.iterated.get(id(stmt))
        if iterated is not None:
            variables[""] = iterated
        return cls(variables, entry.cells)

    def present(self) -> set[str]:
        """The names of the variables that are set."""
        return {name for name, cell in self.variables.items() if cell in self.cells}

    def covers(self, before: Beginning) -> bool:
        """Whether everything has the type that it had before, or a larger one."""
        compared = _Compared(before.cells, self.cells)
        return all(
            name in self.variables and compared.cell(cell, self.variables[name])
            for name, cell in before.variables.items()
            if cell in before.cells
        )


@dataclass(frozen=True, slots=True)
class _Compared:
    """Compares contents of the cells `old` with contents of the cells `new`."""

    old: Cells
    new: Cells
    seen: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])

    def cell(self, a: int, b: int) -> bool:
        """Whether the content of one cell covers that of another."""
        if (a, b) in self.seen:
            return True
        self.seen.add((a, b))
        return a in self.old and b in self.new and self.covered(self.old[a], self.new[b])

    def covered(self, a: Any, b: Any) -> bool:
        """Whether `b` has the types of `a`, or larger ones."""
        if a is b and isinstance(a, Known | Number):
            return True
        match a, b:
            case Known(), Known():
                ranges = isinstance(a.value, range) and a.value == b.value
                return ranges or same_value(a.value, b.value) or self.made(a.value, b.value)
            case Known() | Number(), Number():
                number = isinstance(a, Number) or isinstance(a.value, NUMBERS)
                return number and _fits(as_operand(a).type, b.operand.type)
            case (ArrayRef(), ArrayRef()) | (Ref(), Ref()):
                parts = ("path",) if isinstance(a, ArrayRef) else ("cls",)
                same = all(getattr(a, p) == getattr(b, p) for p in parts)
                return same and self.cell(a.cell, b.cell)
            case ArrayCell(), ArrayCell():
                return _fits(a.operand.type, b.operand.type)
            case FunctionValue(), FunctionValue():
                return a.node is b.node and self.scopes(a.scope, b.scope)
            case _:
                return self.parts(a, b)

    def made(self, a: object, b: object) -> bool:
        """Whether staged code made both by one transform, of functions that are covered."""
        of, again = (getattr(x, "__stagec_of__", None) for x in (a, b))
        return of is not None and self.covered(of, again)

    def scopes(self, a: Scope | None, b: Scope | None) -> bool:
        """Whether the variables that a function refers to are covered."""
        if a is None or b is None:
            return a is b
        variables = a.cells.items()
        return self.scopes(a.parent, b.parent) and all(
            n in b.cells and self.cell(c, b.cells[n])
            for n, c in variables
            if c in self.old  # others were given a value later
        )

    def parts(self, a: Any, b: Any) -> bool:
        """Whether the parts of one content are covered by those of another."""
        if isinstance(a, Staged | Const | Undef) and isinstance(b, Staged | Const | Undef):
            return _fits(a.type, b.type)
        if type(a) is not type(b):
            return False
        if isinstance(a, tuple):
            pairs = zip(a, b, strict=False)
            return len(a) == len(b) and all(self.covered(x, y) for x, y in pairs)
        if has_parts(a):
            return all(self.covered(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
        return a is b or bool(a == b)


def _fits(a: Type, b: Type) -> bool:
    """Whether a value of the one type is one of the other after a join."""
    if isinstance(a, ArrayType) and isinstance(b, ArrayType) and a.kind == b.kind == "array":
        return (a.dtype, a.rank) == (b.dtype, b.rank)
    try:
        return unsized(join_types(a, b)) == unsized(b)
    except Unjoinable:
        return False


@dataclass(frozen=True, slots=True)
class Carried:
    """How a loop began, the types of the numbers that it carried, by the names of its
    variables, all contents that it changed, and the values that each trip handed to the next.
    """

    beginning: Beginning
    types: dict[str, Type]
    changed: Cells
    phis: tuple[Staged, ...]
