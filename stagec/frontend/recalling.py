"""A loop that begins exactly as it did before carries what it carried then."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

from stagec.frontend.beginnings import Beginning, Carried
from stagec.frontend.join import Join, Phi
from stagec.frontend.machine import Machine
from stagec.frontend.sources import same_value
from stagec.frontend.state import State
from stagec.frontend.values import (
    ArrayCell,
    ArrayRef,
    Content,
    FunctionValue,
    Known,
    Ref,
    Scope,
    has_parts,
)
from stagec.ir.core import Const, Operand, Undef, Value as Staged


class Unlike(Exception):
    """Something is not as it was before."""


def recalled(m: Machine, before: Carried, now: Beginning, entry: State) -> Join | None:
    """What the loop carries now if it begins in the same way; None if it does not."""
    names = _Renaming(before.beginning.cells, now.cells)
    try:
        names.beginnings(before.beginning, now)
        for out in before.phis:
            names.operands[out] = new = Staged(out.type)
            m.name(new, m.name_of(out))
        for cell, content in before.changed.items():
            if cell not in names.cells:
                need(isinstance(content, ArrayCell))
                m.cells += 1
                names.cells[cell] = m.cells
        changed = {names.cells[c]: names.renamed(v) for c, v in before.changed.items()}
    except Unlike:
        return None
    join = Join(m, entry, entry, entry.builder.depth, force=True, loop=True)
    join.cells.update(entry.cells | changed)
    for out in before.phis:
        renamed = names.operands[out]
        assert isinstance(renamed, Staged)
        join.phis.append(Phi(renamed, _unasked, _unasked))
    return join


def _unasked(at: State) -> Operand:
    """A guess has no values of its own: the round that confirms it has them."""
    raise AssertionError(at)


@dataclass(frozen=True, slots=True)
class _Renaming:
    """Which cells and operands of now are those of before.

    Each is one of before only, and the other way round: else two names may be one array now.
    """

    old: dict[int, Content]
    new: dict[int, Content]
    cells: dict[int, int] = field(default_factory=dict[int, int])
    taken: set[int] = field(default_factory=set[int])
    operands: dict[Staged, Operand] = field(default_factory=dict[Staged, Operand])

    def beginnings(self, before: Beginning, now: Beginning) -> None:
        """Match the variables; raises Unlike if one is another than it was."""
        need(before.present() == now.present())
        for name in before.variables.keys() & now.variables.keys():
            self.cell(before.variables[name], now.variables[name])

    def cell(self, a: int, b: int) -> None:
        """Match two cells and what they hold."""
        if a in self.cells:
            need(self.cells[a] == b)
            return
        need(b not in self.taken and (a in self.old) == (b in self.new))
        self.cells[a] = b
        self.taken.add(b)
        if a in self.old:
            self.match(self.old[a], self.new[b])

    def match(self, a: Any, b: Any) -> None:
        """Match two contents or parts of them."""
        need(type(a) is type(b))
        match a:
            case Known():
                self.known(a, b)
            case Staged():
                need(a.type == b.type and self.operands.setdefault(a, b) is b)
            case ArrayRef() | Ref():
                self.cell(a.cell, b.cell)
                self.parts(a, b)
            case ArrayCell():
                need(len(a.shares) == len(b.shares))
                for (c, x), (d, y) in zip(a.shares, b.shares, strict=True):
                    self.cell(c, d)
                    self.match(x, y)
                self.parts(replace(a, shares=()), replace(b, shares=()))
            case FunctionValue():
                need(a.node is b.node)
                self.scopes(a.scope, b.scope)
                self.match((a.defaults, a.kwdefaults), (b.defaults, b.kwdefaults))
            case tuple():
                need(len(a) == len(b))
                for x, y in zip(a, b, strict=True):
                    self.match(x, y)
            case _ if has_parts(a) and not isinstance(a, Const):
                self.parts(a, b)
            case _:
                need(a is b or bool(a == b))

    def known(self, a: Known, b: Known) -> None:
        """Match two known values; what a transform made, by what it made it of."""
        of, again = (getattr(x.value, "__stagec_of__", None) for x in (a, b))
        if of is None:
            need(same_value(a.value, b.value))
        else:
            self.match(of, again)

    def parts(self, a: Any, b: Any) -> None:
        """Match the parts of two contents; cells are matched where they are met."""
        for f in fields(a):
            if f.name != "cell":
                self.match(getattr(a, f.name), getattr(b, f.name))

    def scopes(self, a: Scope | None, b: Scope | None) -> None:
        """Match the variables that two functions refer to."""
        if a is None or b is None:
            need(a is b)
            return
        self.scopes(a.parent, b.parent)
        for name, cell in a.cells.items():
            if cell in self.old:  # others were given a value later
                need(name in b.cells)
                self.cell(cell, b.cells[name])

    def renamed(self, part: Any) -> Any:
        """A content that the loop carried then, as it is now."""
        if isinstance(part, Staged):
            need(part in self.operands)
            return self.operands[part]
        if isinstance(part, tuple):
            return tuple(map(self.renamed, part))
        if isinstance(part, Known | FunctionValue | Scope):
            # functions made in the loop have variables of their own
            need(isinstance(part, Known) and not hasattr(part.value, "__stagec_of__"))
            return part
        if isinstance(part, Const | Undef) or not has_parts(part):
            return part
        if isinstance(part, ArrayCell):
            shares = tuple((self.known_cell(c), self.renamed(o)) for c, o in part.shares)
            return replace(part, operand=self.renamed(part.operand), shares=shares)
        changed = {f.name: self.renamed(getattr(part, f.name)) for f in fields(part)}
        if isinstance(part, ArrayRef | Ref):
            changed["cell"] = self.known_cell(part.cell)
        return replace(part, **changed)

    def known_cell(self, cell: int) -> int:
        """The cell of now."""
        need(cell in self.cells)
        return self.cells[cell]


def need(holds: bool) -> None:
    """Raise Unlike if it does not hold."""
    if not holds:
        raise Unlike
