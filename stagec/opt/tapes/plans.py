"""Which lists become arrays, and of which form.

FIXED: one element on each trip of a nest of counted loops, whose numbers of trips are known
before the nest: an array with an axis for each loop.  If the elements are arrays, it is enough
that the most trips are known that inner loops can make: rows that are not recorded are memory
that is never touched.  GROWING: anything else that is recorded
trip by trip: an array with room for more elements, which is replaced when it is full.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from stagec.ir.core import Apply, Block, Call, For, If, Stmt, Value, While, known
from stagec.ir.lowering import fits
from stagec.ir.types import ArrayType, Dim, ListType, affine
from stagec.ir.walk import defined, regions
from stagec.ops.index_facts import IndexFacts
from stagec.ops.list_arrays import list_stack
from stagec.ops.lists import list_get, list_length
from stagec.opt.scalarise import compilable_in_simpler_ops
from stagec.opt.scalarise.lengths import with_lengths
from stagec.opt.scalarise.views import Views
from stagec.opt.tapes.positions import Player, Positions, Recorder, player, recorder
from stagec.opt.tapes.webs import Program, Web


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A list, and the lists in it, that become one array.

    `recorders` are those of the webs from outside to inside; `fixed` says which form it has.
    `most` are the most trips of the inner loops where they are not known before the nest.
    """

    recorders: tuple[Recorder, ...]
    fixed: bool
    most: tuple[Dim, ...] = ()

    @property
    def element(self) -> ArrayType:
        """The type of what is recorded."""
        kind = self.recorders[-1].web.element
        assert isinstance(kind, ArrayType)
        return kind

    @property
    def hint(self) -> str:
        """The name of the array."""
        return self.recorders[-1].root.out.hint

    @property
    def webs(self) -> tuple[Web, ...]:
        """The webs of the lists."""
        return tuple(r.web for r in self.recorders)

    @property
    def loop(self) -> For | While:
        """The outermost loop that records."""
        return self.recorders[0].loop


Choice: TypeAlias = Plan | Player


def chosen(program: Program) -> list[Choice]:
    """What to do with the lists of the function."""
    webs = list(dict.fromkeys(program.webs.values()))
    recorders = {web: recorder(program, web) for web in webs}
    positions = Positions(program, recorders)
    plans = [_plan(program, web.family(), recorders) for web in webs if not web.parents]
    players = [player(program, web) for web in webs if fits(web.element)]
    return _compiled(
        [
            *(plan for plan in plans if plan is not None and _read_right(plan, positions)),
            *(one for one in players if one is not None),
        ]
    )


def _plan(
    program: Program, family: list[Web], recorders: dict[Web, Recorder | None]
) -> Plan | None:
    """The plan for a list and the lists in it; None if they stay lists."""
    found = [r for web in family if (r := recorders[web]) is not None]
    element = family[-1].element
    if len(found) != len(family) or not all(web.plain for web in family):
        return None
    if any(len(web.parents) > 1 for web in family) or not isinstance(element, ArrayType):
        return None
    if not fits(element) or not all(_same_shape(v, element) for v in family[-1].values):
        return None
    if not all(_nested(program, a, b) for a, b in pairwise(found)):
        return None
    most: tuple[Dim, ...] = ()
    fixed = _is_fixed(program, found)
    if not fixed and element.rank and _is_fixed(program, found, bounds=False):
        most = _most_trips(program, found)
        fixed = bool(most)
    if any(r.web.by(list_stack) for r in found) and not (fixed and _stacks(found)):
        return None
    # a list of numbers whose length is not known before its loop is flat already
    return Plan(tuple(found), fixed, most) if fixed or len(found) > 1 else None


def _stacks(found: list[Recorder]) -> bool:
    """Whether the array of the list's elements is the one that they are recorded in."""
    (one, *others) = found
    element = one.web.element
    # an empty list of anything else has no elements that tell their type
    floats = isinstance(element, ArrayType) and (element.dtype, element.rank) == (float, 0)
    whole = all(stmt.args[0] is one.carry for stmt in one.web.by(list_stack))
    return not others and floats and whole


def _same_shape(value: Value, element: ArrayType) -> bool:
    """Whether the elements of the list are numbers or arrays of one known shape."""
    kind = value.type.element if isinstance(value.type, ListType) else None
    return (
        isinstance(kind, ArrayType) and kind.shape == element.shape and None not in kind.shape
    )


def _nested(program: Program, outer: Recorder, inner: Recorder) -> bool:
    """Whether each trip of the outer loop records one list of the inner."""
    inside = all(outer.loop in program.around(root) for root in inner.web.roots)
    chain = {v for r in inner.web.roots for v in r.outs} | {inner.param, inner.append.out}
    chain |= set(inner.loop.cond.params) if isinstance(inner.loop, While) else set()
    made = {get.out for get in outer.web.by(list_get)}
    others = set(inner.web.values) - chain - made - {inner.carry}
    return inside and all(isinstance(program.maker[v], If) for v in others)


def _most_trips(program: Program, found: list[Recorder]) -> tuple[Dim, ...]:
    """The most trips that each inner loop can make; nothing if they are not known."""
    if any(r.web.by(list_length) for r in found[1:]):
        return ()
    facts = IndexFacts(program.given, "trip")
    for stmt in program.home:
        if isinstance(stmt, Apply):
            facts.note(stmt)
        elif isinstance(stmt, For):
            facts.index(stmt)
    most: list[Dim] = []
    for one in found[1:]:
        assert isinstance(one.loop, For)
        step = known(one.loop.step)
        ends = [one.loop.hi, one.loop.lo] if step and step > 0 else [one.loop.lo, one.loop.hi]
        far, near = map(facts.of, ends)
        most.append(facts.most(affine((far, 1), (near, -1))) if step else None)
    return () if None in most else tuple(most)


def _is_fixed(program: Program, found: list[Recorder], bounds: bool = True) -> bool:
    """Whether all numbers of trips are known before the outermost loop, but for those of the
    inner loops if `bounds` is false.
    """
    top = found[0].loop
    inside = {*defined(top.body)}
    for k, one in enumerate(found):
        loop = one.loop
        if not isinstance(loop, For) or loop.until or len(one.web.roots) > 1:
            return False
        exact = bounds or not k
        if exact and any(bound in inside for bound in (loop.lo, loop.hi, loop.step)):
            return False
        if program.home[one.root] is not program.home[loop]:
            return False
        if k and not _directly(program, found[k - 1], one):
            return False
        if any(isinstance(program.maker[v], If) for v in one.web.values):
            return False
    return True


def _directly(program: Program, outer: Recorder, inner: Recorder) -> bool:
    """Whether the inner loop is in the body of the outer, where its list is recorded."""
    inside = program.home[inner.loop] is outer.loop.body
    return inside and outer.append.args[1] is inner.carry


# --- where it is worth it --------------------------------------------------------------------


def _compiled(found: list[Choice]) -> list[Choice]:
    """The choices whose loops can be compiled once their lists are arrays."""
    named = {p.loop: with_lengths(Block((), (p.loop,), ())) for p in found}
    while True:
        ours = {v for p in found for web in p.webs for v in web.values}
        kept = [p for p in found if _compiles(*named[p.loop][:2], ours)]
        if len(kept) == len(found):
            return kept
        found = kept


def _read_right(plan: Plan, positions: Positions) -> bool:
    """Whether all reads of the lists are known to be inside."""
    gets = (get for r in plan.recorders for get in r.web.by(list_get))
    return all(positions.proven(get) is not None for get in gets)


def _compiles(block: Block, views: Views, ours: set[Value]) -> bool:
    """Whether compiled code can hold the block, the lists `ours` being arrays."""

    def fits_in(stmt: Stmt) -> bool:
        if isinstance(stmt, Apply):
            listed = any(v in ours for v in (*stmt.args, *stmt.outs))
            return listed or compilable_in_simpler_ops(stmt, views)
        inside = (s for region in regions(stmt) for s in region.stmts)
        return not isinstance(stmt, Call) and all(map(fits_in, inside))

    return all(map(fits_in, block.stmts))
