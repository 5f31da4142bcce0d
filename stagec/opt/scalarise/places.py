"""Where an element of a view lies: from the index of a loop nest to that of an array."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from stagec.ir.core import Operand
from stagec.ir.types import ArrayType, Dim, Shape, Size, affine, product, same


@dataclass(frozen=True, slots=True)
class Place:
    """The index along one axis: `start + step * (the index of the loop)`.

    `loop` is None for a fixed index, which need not be inside of the axis unless `inside` says
    so: it may be a negative number, counted from the end, or a staged integer of which nothing
    is known.  `cut` says that the loop need not go over the whole axis.
    """

    loop: int | None
    step: int = 1
    start: Dim | Operand = 0
    inside: bool = field(default=True, compare=False)
    cut: bool = field(default=False, compare=False)

    @property
    def plain(self) -> bool:
        """Whether the start is an expression, counted from the start of the axis."""
        start = self.start
        return isinstance(start, Size) or (isinstance(start, int) and start >= 0)


Places: TypeAlias = tuple[Place, ...]


def natural(rank: int) -> Places:
    """Each axis is that of the loop with its number."""
    return tuple(Place(k) for k in range(rank))


def broadcast(places: Places, type: ArrayType) -> Places:
    """The places in an array that is broadcast to the rank of `places`."""
    inner = places[len(places) - type.rank :]
    return tuple(
        Place(None) if dim == 1 else p for p, dim in zip(inner, type.shape, strict=True)
    )


def through(view: Places, places: Places) -> Places | None:
    """The places in an array for places in a view of it; None: cannot be said."""
    found = [p if p.loop is None else _behind(p, places[p.loop]) for p in view]
    return None if None in found else tuple(p for p in found if p is not None)


def _behind(outer: Place, inner: Place) -> Place | None:
    """The place in the whole axis of a place in a slice of it."""
    if inner.loop is None and not inner.inside:
        return None if outer.cut else inner
    assert inner.plain
    start = affine((outer.start, 1), (inner.start, outer.step))  # type: ignore[arg-type]
    step = outer.step * inner.step
    return replace(inner, step=step, start=start, cut=outer.cut or inner.cut)


def unshaped(old: Shape, new: Shape, places: Places) -> Places | None:
    """The places in an array for places in what it was reshaped to: axes that stay, and one
    that was split; None: cannot be said.
    """
    front = 0
    while front < min(len(old), len(new)) and same(old[front], new[front]):
        front += 1
    back = 0
    while back < min(len(old), len(new)) - front and same(old[-1 - back], new[-1 - back]):
        back += 1
    middle = slice(front, len(new) - back)
    long = [k for k in range(front, len(old) - back) if old[k] != 1]
    if len(long) > 1:
        return None
    found = [Place(None)] * (len(old) - back - front)
    if long:
        joined = _joined(places[middle], new[middle], old[long[0]])
        if joined is None:
            return None
        found[long[0] - front] = joined
    return (*places[:front], *found, *places[len(new) - back :])


def _joined(places: Places, dims: Sequence[Dim], whole: Dim) -> Place | None:
    """One place for places along axes that are one axis, of length `whole`, in memory."""
    loop, step = None, 0
    start: Dim = 0
    factor: Dim = 1
    for place, dim in zip(reversed(places), reversed(dims), strict=True):
        if not place.plain or not place.inside:
            return None
        if place.loop is not None:
            if loop is not None or not isinstance(factor, int):
                return None
            loop, step = place.loop, place.step * factor
        if place.start != 0:
            start = affine((start, 1), (product(place.start, factor), 1))  # type: ignore[arg-type]
        factor = product(factor, dim)
    if start is None or not same(factor, whole):
        return None
    return Place(loop, step, start, cut=True)


APART: tuple[int, ...] = ()
Natural: TypeAlias = Callable[[Dim], bool]  # whether an expression is surely not negative


def lag(read: Places, write: Places, shape: Shape, holds: Natural) -> tuple[int, ...] | None:
    """How many trips of each loop, outermost first, an element is read before it is written.

    `shape` has the numbers of trips.  None: not known; `APART`: it is another element.
    """
    pairs = list(zip(read, write, strict=True))
    if any(apart(r, w, shape, holds) for r, w in pairs):
        return APART
    reads: dict[int | None, int] = {}  # the only trip in which the element can be read
    writes: dict[int | None, int] = {}
    found: dict[int | None, int] = {}
    for r, w in pairs:
        ahead = distance(r, w)
        if not isinstance(ahead, int):
            return None
        if r.loop == w.loop and (r.loop is None or r.step == w.step):
            found[r.loop] = ahead // w.step if r.loop is not None else 0
        elif r.loop is None and w.loop is not None:
            writes[w.loop] = ahead // w.step
        elif w.loop is None and r.loop is not None:
            reads[r.loop] = -ahead // r.step
        else:
            return None
    found = {k: writes[k] - reads[k] for k in writes if k in reads} | found
    loops = {p.loop for p in (*read, *write) if p.loop is not None}
    return tuple(found[k] for k in sorted(loops)) if loops <= found.keys() else None  # type: ignore[type-var]


def distance(a: Place, b: Place) -> Dim:
    """How far the first place starts behind the second; None if that is not known."""
    if a.plain and b.plain:
        return affine((a.start, 1), (b.start, -1))  # type: ignore[arg-type]
    fixed = isinstance(a.start, int) and isinstance(b.start, int)
    return a.start - b.start if fixed and not (a.plain or b.plain) else None  # type: ignore[operator]


def apart(a: Place, b: Place, shape: Shape, holds: Natural) -> bool:
    """Whether the two never are the same index."""
    between = distance(a, b)
    if between is None:
        return False
    same = a.loop == b.loop and (a.step == b.step or a.loop is None)
    if same and isinstance(between, int) and (a.loop is None or between % a.step):
        return bool(between)
    (low, high), (least, most) = _span(a, shape), _span(b, shape)
    first = affine((between, 1), (low, 1), (most, -1), const=-1)
    second = affine((between, -1), (least, 1), (high, -1), const=-1)
    return any(x is not None and holds(x) for x in (first, second))


def _span(place: Place, shape: Shape) -> tuple[Dim, Dim]:
    """The least and the greatest index in any trip, counted from the start of the place."""
    if place.loop is None:
        return 0, 0
    last = affine((shape[place.loop], place.step), const=-place.step)
    return (0, last) if place.step > 0 else (last, 0)
