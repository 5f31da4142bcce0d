"""Which lists become arrays because their length is known at any time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from itertools import product, zip_longest

from stagec.ir.core import Apply, Call, For, Operand, Stmt, While
from stagec.ir.flows import flows
from stagec.ir.function import Function
from stagec.ir.lowering import fits
from stagec.ir.types import ArrayType, ListType, Shape, rank_of
from stagec.ir.walk import statements
from stagec.ops.list_arrays import list_unstack
from stagec.ops.lists import list_append, list_new, list_set, list_zeros
from stagec.opt.scalarise.lengths import with_lengths
from stagec.opt.tapes.plans import compiled, planned
from stagec.opt.tapes.webs import Program, Web, survey


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """A list that is to become an array, the one with this number in the function.

    `element` is the type of its elements.
    """

    web: Web
    element: ArrayType
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
        element = _even(web) if number not in failed else None
        loops = tuple(_loops(program, web)) if element is not None else ()
        if element is not None and loops:
            found.append(Counted(web, element, number, loops))
    if any(one.element.kind == "array" for one in found):
        shown = _shown(fn)
        found = [one for one in found if not _shows(one, shown)]
    if not found:
        return program, []
    plans = planned(program, with_lengths(fn.body))
    recorded = {web for p in plans for web in p.webs}
    kept = compiled([*plans, *(one for one in found if one.web not in recorded)])
    return program, [p for p in kept if isinstance(p, Counted)]


def _even(web: Web) -> ArrayType | None:
    """The type of all elements if they are numbers, or arrays of one shape, and from known
    places.
    """
    element = web.element
    if web.foreign or web.parents or web.child or not isinstance(element, ArrayType):
        return None
    types = {v.type.element for v in web.values if isinstance(v.type, ListType)}
    if not fits(element) or len({replace(t, shape=()) for t in types}) > 1:
        return None
    return element if len(types) == 1 and None not in element.shape else _exact(web, element)


def _exact(web: Web, element: ArrayType) -> ArrayType | None:
    """The type of all elements of a list of which not all values say how large they are."""
    found = list(_shapes(web))
    if len(set(found)) != 1 or None in found[0] or len(found[0]) != element.rank:
        return None
    # in each trip of a loop a length that has a name may be another
    once = len(found) == 1 and not web.by(list_append)
    fixed = all(isinstance(d, int) for d in found[0])
    return replace(element, shape=found[0]) if once or fixed else None


def _shapes(web: Web) -> Iterable[Shape]:
    """The shapes of what the list is made of, and of what is put into it."""
    for op, found in web.uses.items():
        for use in found:
            if op in (list_new, list_append, list_set):
                yield from map(_shape, use.args if op is list_new else use.args[-1:])
            elif op is list_unstack:
                yield _shape(use.args[0])[1:]
            elif op is list_zeros:
                kind = use.args[0].type
                assert isinstance(kind, ListType)
                yield kind.element.shape if isinstance(kind.element, ArrayType) else ()


def _shape(operand: Operand) -> Shape:
    """The shape of an array."""
    return operand.type.shape if isinstance(operand.type, ArrayType) else ()


def _shows(one: Counted, shown: Collection[Operand]) -> bool:
    """Whether the caller gets elements: they may be arrays that it has, or gets, elsewhere too,
    which rows of another array would not be.
    """
    return one.element.kind == "array" and any(v in shown for v in one.web.values)


def _shown(fn: Function) -> set[Operand]:
    """The values whose memory the caller may get."""
    sources: dict[Operand, list[Operand]] = defaultdict(list)
    for stmt in statements(fn.body):
        pairs = _sharing(stmt) if isinstance(stmt, Apply | Call) else flows(stmt)
        for source, target in pairs:
            sources[target].append(source)
    found: set[Operand] = set()
    work: list[Operand] = [v for v, new in zip_longest(fn.results, fn.fresh) if not new]
    while work:
        value = work.pop()
        holds = isinstance(value.type, ListType) or rank_of(value.type)
        if holds and value not in found:
            found.add(value)
            work += sources[value]
    return found


def _sharing(stmt: Apply | Call) -> Iterable[tuple[Operand, Operand]]:
    """The operands with results that may have their memory, or hold what has it."""
    args = stmt.args
    if isinstance(stmt, Apply) and not any(isinstance(v.type, ListType) for v in stmt.outs):
        at = stmt.op.aliased(stmt.kwargs)
        at = stmt.op.overwrites if at is None else at
        args = () if at is None else (args[at],)
    return product(args, stmt.outs)


def _loops(program: Program, web: Web) -> Iterable[For | While]:
    """The loops that the list goes through, or in which it is used."""
    stmts: list[Stmt] = [program.maker[v] for v in web.values]
    stmts += [stmt for found in web.uses.values() for stmt in found]
    for stmt in dict.fromkeys(stmts):
        around = (s for s in [stmt, *program.around(stmt)] if isinstance(s, For | While))
        loop = next(around, None)
        if loop is not None:
            yield loop
