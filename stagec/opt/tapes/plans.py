"""Which lists become arrays, and of which form.

FIXED: one element on each trip of a nest of counted loops, whose numbers of trips are known
before the nest: an array with an axis for each loop.  If the elements are arrays, it is enough
that the most trips are known that inner loops can make: rows that are not recorded are memory
that is never touched.  So are the ends of rows whose elements have lengths that are expressions
of loop indices: there is room for the longest.  GROWING: anything else that is recorded
trip by trip: one flat list, of which some become arrays that are replaced when they are full.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol, TypeVar

from stagec.ir.core import Apply, Block, Call, For, If, Stmt, Value, While, known
from stagec.ir.lowering import fits
from stagec.ir.types import ArrayType, Dim, ListType, Shape, Size, Symbol, affine
from stagec.ir.walk import defined, regions, rename
from stagec.ops.copying import copy
from stagec.ops.lists import list_get, list_length
from stagec.opt.scalarise import compilable_in_simpler_ops
from stagec.opt.scalarise.lengths import Measured, with_lengths
from stagec.opt.tapes.positions import Positions, Recorder, recorder
from stagec.opt.tapes.webs import Program, Web


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A list, and the lists in it, that become one array.

    Attributes
    ----------
    recorders : those of the webs from outside to inside.
    fixed : which form it has.
    shape : of what is recorded; lengths may be expressions of the indices of loops.
    room : the largest values of these lengths, known before the nest.
    most : the most trips of the inner loops where they are not known before the nest.
    copied : the copy that does nothing but make what is recorded: an array is one itself.
    indices : for each read of an element the loop indices that are in its shape.
    """

    recorders: tuple[Recorder, ...]
    fixed: bool
    shape: Shape
    room: Shape
    most: tuple[Dim, ...] = ()
    copied: Apply | None = None
    indices: dict[Apply, dict[Symbol, Value]] = field(
        default_factory=dict["Apply", "dict[Symbol, Value]"]
    )

    @property
    def element(self) -> ArrayType:
        """The type of what is recorded."""
        kind = self.recorders[-1].web.element
        assert isinstance(kind, ArrayType)
        return kind

    @property
    def ragged(self) -> tuple[bool, ...]:
        """Which lengths vary from trip to trip."""
        return tuple(a != b for a, b in zip(self.shape, self.room, strict=True))

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

    @property
    def loops(self) -> tuple[For | While, ...]:
        """The loop, as it is to be compiled."""
        return (self.loop,)


def chosen(program: Program, measured: Measured) -> list[Plan]:
    """What to do with the lists of the function, whose body is `measured`."""
    return compiled(planned(program, measured))


def planned(program: Program, measured: Measured) -> list[Plan]:
    """The plans for lists, whether their loops can be compiled or not."""
    webs = list(dict.fromkeys(program.webs.values()))
    recorders = {web: recorder(program, web) for web in webs}
    positions = Positions(program, recorders)
    planner = _Planner(program, recorders, measured)
    plans = [planner.plan(web.family()) for web in webs if not web.parents]
    return [p for p in plans if p is not None and _read_right(p, positions, measured)]


@dataclass(frozen=True, slots=True)
class _Planner:
    """What is known of the lists and of lengths."""

    program: Program
    recorders: dict[Web, Recorder | None]
    measured: Measured

    def plan(self, family: list[Web]) -> Plan | None:
        """The plan for a list and the lists in it; None if they stay lists."""
        found = [r for web in family if (r := self.recorders[web]) is not None]
        element = family[-1].element
        if len(found) != len(family) or not all(web.plain for web in family):
            return None
        if any(len(web.parents) > 1 for web in family) or not isinstance(element, ArrayType):
            return None
        if not fits(element) or not all(_nested(self.program, *p) for p in pairwise(found)):
            return None
        most: tuple[Dim, ...] = ()
        fixed = _is_fixed(self.program, found)
        if not fixed and element.rank and _is_fixed(self.program, found, bounds=False):
            most = self.most_trips(found)
            fixed = bool(most)
        shape = room = element.shape
        if not all(_same_shape(v, element) for v in family[-1].values):
            shape, room = self.shapes(found[-1])
            if not fixed or None in room:
                return None
        # a list of numbers whose length is not known before its loop is flat already
        plain = fixed or len(found) > 1
        if not plain:
            return None
        copied = self.copied(found[-1]) if fixed else None
        return Plan(tuple(found), fixed, shape, room, most, copied)

    def copied(self, found: Recorder) -> Apply | None:
        """The copy that makes what is recorded, if there is one and it does nothing else."""
        value = found.append.args[1]
        made = self.program.maker.get(value) if isinstance(value, Value) else None
        if not isinstance(made, Apply) or made.op is not copy:
            return None
        once = self.program.used[value] == 1 and self.program.home[made] is found.loop.body
        return made if once else None

    def shapes(self, found: Recorder) -> tuple[Shape, Shape]:
        """The shape of what is recorded, and its largest lengths; None: not known."""
        shape = self.measured.shape(found.append.args[1])
        return shape, tuple(map(self.most, shape))

    def most(self, length: Dim) -> Dim:
        """The largest value of a length that depends on nothing but indices of loops."""
        facts = self.measured.views.facts
        if not isinstance(length, Size):
            return length
        symbols = [s for s, _ in length.terms]
        return (
            facts.most(length)
            if all(facts.values.get(s) or not s.index for s in symbols)
            else None
        )

    def most_trips(self, found: list[Recorder]) -> tuple[Dim, ...]:
        """The most trips that each inner loop can make; nothing if they are not known."""
        if any(r.web.by(list_length) for r in found[1:]):
            return ()
        facts = self.measured.views.facts
        most: list[Dim] = []
        for one in found[1:]:
            assert isinstance(one.loop, For)
            step = known(one.loop.step)
            ends = [one.loop.hi, one.loop.lo]
            if step is None or step < 0:
                ends.reverse()
            far, near = (facts.of(rename(end, self.measured.names)) for end in ends)
            most.append(facts.most(affine((far, 1), (near, -1))) if step else None)
        return () if None in most else tuple(most)


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


class Choice(Protocol):
    """Lists that are to become arrays.

    Attributes
    ----------
    webs : the lists.
    loops : the loops that are to be compiled then.
    """

    @property
    def webs(self) -> tuple[Web, ...]: ...
    @property
    def loops(self) -> tuple[For | While, ...]: ...


Chosen = TypeVar("Chosen", bound=Choice)


def compiled(found: list[Chosen]) -> list[Chosen]:
    """The choices whose loops can be compiled once their lists are arrays."""
    loops = dict.fromkeys(loop for p in found for loop in p.loops)
    named = {loop: with_lengths(Block((), (loop,), ())) for loop in loops}
    while True:
        ours = {v for p in found for web in p.webs for v in web.values}
        fit = {loop: compiles(block, ours) for loop, block in named.items()}
        kept = [p for p in found if all(fit[loop] for loop in p.loops)]
        if len(kept) == len(found):
            return kept
        found = kept


def _read_right(plan: Plan, positions: Positions, measured: Measured) -> bool:
    """Whether all reads are known to be inside, and how long what they read is."""
    varying = (d for d, ragged in zip(plan.shape, plan.ragged, strict=True) if ragged)
    symbols = {s for d in varying if isinstance(d, Size) for s, _ in d.terms}
    indices = {s: v for s, v in measured.views.facts.values.items() if s in symbols}
    for get in (get for r in plan.recorders for get in r.web.by(list_get)):
        pairs = positions.proven(get)
        if pairs is None:
            return False
        found = {s: positions.now(v, get, pairs) for s, v in indices.items()}
        plan.indices[get] = {s: v for s, v in found.items() if v is not None}
        if len(plan.indices[get]) < len(found) and not isinstance(get.out.type, ListType):
            return False
    return True


def compiles(measured: Measured, ours: set[Value]) -> bool:
    """Whether compiled code can hold the block, the lists `ours` being arrays."""

    def fits_in(stmt: Stmt) -> bool:
        if isinstance(stmt, Apply):
            listed = any(v in ours for v in (*stmt.args, *stmt.outs))
            return listed or compilable_in_simpler_ops(stmt, measured.views)
        inside = (s for region in regions(stmt) for s in region.stmts)
        return not isinstance(stmt, Call) and all(map(fits_in, inside))

    return all(map(fits_in, measured.block.stmts))
