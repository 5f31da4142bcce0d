"""What a specialisation depends on besides the types of its arguments, and how to test it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field, replace
from typing import Any

from stagec.frontend.arguments import NUMBER, Flat, layout_of
from stagec.frontend.stage import Program
from stagec.ir.asked import Asked, Place
from stagec.ir.types import ArrayType, Size, Symbol, size
from stagec.measuring import limit
from stagec.ops.needed_sizes import needed_sizes, with_sizes
from stagec.ops.related_sizes import related_sizes

GROWTH = 2  # lengths that are so many times as large are worth another compilation
LONGEST = 1 << 40  # a length that is so many times as large is longer than any
UNLIMITED = 1 << 62


def settled(program: Program, flat: Flat) -> Program:
    """The program with the sizes that it needs to be what they are at this call as numbers."""
    fn = program.function
    now: dict[Symbol, int] = {}
    places: list[tuple[Symbol, tuple[int, int]]] = []
    for param, leaf in zip(fn.params, program.leaves, strict=False):
        shape = param.type.shape if isinstance(param.type, ArrayType) else ()
        for axis, dim in enumerate(shape):
            if isinstance(dim, Size) and dim == size(symbol := dim.terms[0][0]):
                places.append((symbol, (leaf, axis)))
                now[symbol] = flat.leaves[leaf].shape[axis]
    known = needed_sizes(fn, now)
    if not known:
        return program
    decisions = program.decisions | {("size", at) for s, at in places if s in known}
    return replace(program, function=with_sizes(fn, known), decisions=decisions)


def related(program: Program, flat: Flat) -> Program:
    """The program with the sizes that it takes to be near each other as they are at this call:
    one of them is a symbol, and others are that and so many more.
    """
    fn = program.function
    places = _places(program)
    now = {s: program.asked.length(p, measured(flat, p)) for s, p in places.items()}
    near = related_sizes(fn, now, {s for s, (_, axis) in places.items() if axis == NUMBER})
    if not near.found:
        return program
    offsets: set[tuple[str, Any]] = set()
    for symbol, dim in near.found.items():
        assert isinstance(dim, Size)
        base = near.made.get(dim.terms[0][0], dim.terms[0][0])
        if base != symbol:
            offsets.add(("offset", (places[symbol], places[base], dim.const)))
    lengths = [(s, n) for s, n in fn.lengths if s not in near.found]
    lengths += [(made, now[s]) for made, s in near.made.items()]
    return replace(
        program,
        function=replace(with_sizes(fn, near.found), lengths=tuple(lengths)),
        decisions=program.decisions | offsets,
    )


def _places(program: Program) -> dict[Symbol, tuple[int, int]]:
    """Where the symbols of sizes and integers come from: argument and axis."""
    found: dict[Symbol, tuple[int, int]] = {}
    for param, leaf in zip(program.function.params, program.leaves, strict=False):
        if isinstance(kind := param.type, ArrayType):
            dims = [*enumerate(kind.shape), *([(NUMBER, kind.size)] if kind.size else ())]
            for axis, dim in dims:
                if isinstance(dim, Size) and dim == size(symbol := dim.terms[0][0]):
                    found.setdefault(symbol, (leaf, axis))
    return found


def measured(flat: Flat, place: tuple[int, int]) -> int:
    """The length of the axis, or the integer."""
    leaf, axis = place
    value = flat.leaves[leaf]
    return value if axis == NUMBER else value.shape[axis]


def checker(decision: tuple[str, Any], flat: Flat) -> Callable[[Flat], bool] | None:
    """The test that an argument is still what staging was told."""
    kind, key = decision
    if kind == "int":
        wanted = flat.leaves[key]
        return lambda now: now.leaves[key] == wanted
    if kind == "size":
        leaf, axis = key
        length = flat.leaves[leaf].shape[axis]
        return lambda now: now.leaves[leaf].shape[axis] == length
    if kind == "equal":
        (leaf, axis), (other, at) = key
        return lambda now: now.leaves[leaf].shape[axis] == now.leaves[other].shape[at]
    if kind == "part":
        (leaf, axis), (other, at), parts = key
        return lambda now: parts * now.leaves[leaf].shape[axis] == now.leaves[other].shape[at]
    if kind == "offset":
        place, other, more = key
        return lambda now: measured(now, place) == measured(now, other) + more > more + 1
    if kind == "multiple":
        (leaf, axis), parts = key
        return lambda now: (
            now.leaves[leaf].shape[axis] % parts == 0 and now.leaves[leaf].shape[axis] > parts
        )
    if kind == "layout":
        layout = layout_of(flat.leaves[key])
        return lambda now: layout_of(now.leaves[key]) == layout
    return None


@dataclass(slots=True, eq=False)
class Reach:
    """Up to which lengths a specialisation is compiled as it would be for these lengths.

    Attributes
    ----------
    asked : what was asked about lengths.
    most : the lengths that are known to be within reach; places that are not there have none.
    limits : the same for the short way to the specialisation, by names.
    """

    asked: Asked
    most: dict[Place, int]
    limits: dict[str, Any] = field(default_factory=dict[str, Any])

    @classmethod
    def of(cls, program: Program, flat: Flat) -> Reach:
        """The reach of what was compiled for the arguments."""
        fixed = {key for kind, key in program.decisions if kind == "size"}
        now = {p: measured(flat, p) for p in program.asked.places() if p not in fixed}
        most = {
            p: max(n, GROWTH * now[p]) for p, n in farthest(program.asked, flat, now).items()
        }
        return cls(program.asked, {p: n for p, n in most.items() if n < UNLIMITED})

    def holds(self, flat: Flat) -> bool:
        """Whether the lengths are known to be within reach."""
        return all(measured(flat, p) <= most for p, most in self.most.items())

    def widened(self, flat: Flat) -> bool:
        """Whether all would be decided alike for the arguments, which are then within reach."""
        if not self.asked.alike(lambda p: measured(flat, p)):
            return False
        now = {p: measured(flat, p) for p in self.most}
        self.widen(farthest(self.asked, flat, now))
        return True

    def widen(self, most: Mapping[Place, int]) -> None:
        """Put these lengths within reach, too."""
        self.most.update({p: max(n, self.most[p]) for p, n in most.items() if p in self.most})
        self.limits.update(self.names())

    def replace(self, other: Reach) -> None:
        """Take over the reach of what turned out to be the same code."""
        self.asked = other.asked
        self.widen({p: other.most.get(p, UNLIMITED) for p in self.most})

    def names(self) -> dict[str, int]:
        """The limits by the names that they have in the short way."""
        return {limit(place): n for place, n in self.most.items()}


def farthest(asked: Asked, flat: Flat, now: Mapping[Place, int]) -> dict[Place, int]:
    """How long each axis may become, alone or with the others, until something would be
    decided in another way.
    """

    def alike(growing: Set[Place], eighths: int) -> bool:
        def grown(place: Place) -> int:
            length = measured(flat, place)
            return max(length, 1) * eighths // 8 if place in growing else length

        return asked.alike(grown)

    def most(growing: Set[Place]) -> int:
        factor = 8
        while alike(growing, 2 * factor):
            factor *= 2
            if factor > LONGEST:
                return UNLIMITED
        steps = [factor + k * factor // 8 for k in range(8)]
        return steps[bisect_left(steps, True, 1, key=lambda f: not alike(growing, f)) - 1]

    together = most(now.keys())
    alone = {p: min(together, most({p})) for p in now}
    return {p: min(max(now[p], 1) * eighths // 8, UNLIMITED) for p, eighths in alone.items()}
