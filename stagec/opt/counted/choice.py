"""Which lists become arrays because their length is known at any time."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from stagec.ir.core import For, Stmt, While
from stagec.ir.function import Function
from stagec.ir.lowering import fits
from stagec.ir.types import ArrayType, ListType
from stagec.opt.scalarise.lengths import with_lengths
from stagec.opt.tapes.plans import compiled, planned
from stagec.opt.tapes.webs import Program, Web, survey


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """A list that is to become an array, the one with this number in the function."""

    web: Web
    number: int
    loops: tuple[For | While, ...]

    @property
    def webs(self) -> tuple[Web, ...]:
        """The list."""
        return (self.web,)


def chosen(fn: Function, failed: Collection[int]) -> tuple[Program, list[Counted]]:
    """What the function does with lists, and which become arrays, but for those that `failed`.

    What only records is left to `tapes`, which knows nests of loops.
    """
    program = survey(fn)
    found: list[Counted] = []
    for number, web in enumerate(dict.fromkeys(program.webs.values())):
        loops = tuple(_loops(program, web)) if number not in failed and _even(web) else ()
        if loops:
            found.append(Counted(web, number, loops))
    if not found:
        return program, []
    plans = planned(program, with_lengths(fn.body))
    recorded = {web for p in plans for web in p.webs}
    kept = compiled([*plans, *(one for one in found if one.web not in recorded)])
    return program, [p for p in kept if isinstance(p, Counted)]


def _even(web: Web) -> bool:
    """Whether all elements are numbers, or arrays of one shape, and from known places."""
    element = web.element
    return (
        not (web.foreign or web.parents or web.child)
        and isinstance(element, ArrayType)
        and fits(element)
        and None not in element.shape
        and all(isinstance(v.type, ListType) and v.type.element == element for v in web.values)
    )


def _loops(program: Program, web: Web) -> Iterable[For | While]:
    """The loops that the list goes through, or in which it is used."""
    stmts: list[Stmt] = [program.maker[v] for v in web.values]
    stmts += [stmt for found in web.uses.values() for stmt in found]
    for stmt in dict.fromkeys(stmts):
        around = (s for s in [stmt, *program.around(stmt)] if isinstance(s, For | While))
        loop = next(around, None)
        if loop is not None:
            yield loop
