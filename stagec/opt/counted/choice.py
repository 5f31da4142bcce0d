"""Which lists become arrays because their length is known at any time."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import zip_longest

from stagec.ir.core import Apply, Call, For, If, Operand, Stmt, Value, While
from stagec.ir.function import Function
from stagec.ir.lowering import fits
from stagec.ir.types import ArrayType, ListType, rank_of
from stagec.opt.scalarise.lengths import with_lengths
from stagec.opt.tapes.plans import compiled, planned
from stagec.opt.tapes.webs import Program, Web, carried, survey


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
    shown = _shown(fn, program)
    found: list[Counted] = []
    for number, web in enumerate(dict.fromkeys(program.webs.values())):
        fit = number not in failed and _even(web) and not _shows(web, shown)
        loops = tuple(_loops(program, web)) if fit else ()
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


def _shows(web: Web, shown: Collection[Operand]) -> bool:
    """Whether the caller gets elements: they may be arrays that it has, or gets, elsewhere too,
    which rows of another array would not be.
    """
    element = web.element
    assert isinstance(element, ArrayType)
    return element.kind == "array" and any(v in shown for v in web.values)


def _shown(fn: Function, program: Program) -> set[Operand]:
    """The values whose memory the caller may get."""
    found: set[Operand] = set()
    work: list[Operand] = [v for v, new in zip_longest(fn.results, fn.fresh) if not new]
    while work:
        value = work.pop()
        holds = isinstance(value.type, ListType) or rank_of(value.type)
        if holds and value not in found:
            found.add(value)
            maker = program.maker.get(value) if isinstance(value, Value) else None
            work += _shared(value, maker)
    return found


def _shared(value: Operand, maker: Stmt | None) -> Iterable[Operand]:
    """The values whose memory this one, a result of the statement or a parameter in it, has."""
    match maker:
        case Apply():
            at = maker.op.aliased(maker.kwargs)
            if any(isinstance(v.type, ListType) for v in maker.outs):
                yield from maker.args
            elif at is not None:
                yield maker.args[at]
            elif maker.op.overwrites is not None:
                yield maker.args[maker.op.overwrites]
        case Call():
            yield from maker.args
        case If() if value in maker.outs:
            k = maker.outs.index(value)
            yield from (maker.then.results[k], maker.orelse.results[k])
        case For() | While():
            params = carried(maker), maker.cond.params if isinstance(maker, While) else ()
            for row in (maker.carry, *params):
                if value in row:
                    k = row.index(value)
                    yield from (maker.init[k], maker.body.results[k])
        case _:
            return


def _loops(program: Program, web: Web) -> Iterable[For | While]:
    """The loops that the list goes through, or in which it is used."""
    stmts: list[Stmt] = [program.maker[v] for v in web.values]
    stmts += [stmt for found in web.uses.values() for stmt in found]
    for stmt in dict.fromkeys(stmts):
        around = (s for s in [stmt, *program.around(stmt)] if isinstance(s, For | While))
        loop = next(around, None)
        if loop is not None:
            yield loop
