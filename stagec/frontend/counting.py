"""How many trips a loop makes, where staging has to know it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stagec.errors import Loc
from stagec.frontend import loops
from stagec.frontend.iterables import value_of
from stagec.frontend.machine import LIMITS, Machine
from stagec.frontend.state import State
from stagec.ir.core import Const, Operand
from stagec.ir.types import ArrayType, Size

FEW = 64


@contextmanager
def counting(m: Machine, stmt: Any, it: loops.Staged_) -> Iterator[None]:
    """Around the staging of a loop's body, which may ask what the trips depend on."""
    key, count = id(stmt), loops.trips(it)
    if count is not None and count <= LIMITS["unroll"]:
        m.short.add(key)
    around = m.uncounted.get(key, ())
    m.uncounted[key] = (*around, [] if count is not None else staged_bounds(it))
    try:
        yield
    finally:
        if around:  # a function that calls itself: the loop around this one
            m.uncounted[key] = around


def counted(m: Machine, state: State, it: loops.Staged_, loc: Loc) -> bool:
    """Whether the trips are known; restages with them known where that is possible, as outer
    loops, or small sizes of arguments, say how many they are.
    """
    if loops.trips(it) is not None:
        return True
    know(m, state, staged_bounds(it), loc)
    return False


def staged_bounds(it: loops.Staged_) -> list[Operand]:
    """The bounds of a loop that are not known."""
    return [bound for bound in (it.lo, it.hi) if not isinstance(bound, Const)]


def know(m: Machine, state: State, bounds: list[Operand], loc: Loc) -> None:
    """Restage with the bounds known, or else with the trips of the loops that they count."""
    if all(few(m, b) or m.unrollable(b) or m.makers(m.roots(b)) for b in bounds):
        for bound in bounds:
            m.need_known(state, value_of(bound), loc, "the number of trips")
    for bound in bounds:
        for kind, key in m.roots(bound):
            around = m.uncounted.get(key, ()) if kind == "loop" else ()
            if around:
                m.uncounted[key] = around[:-1]
                know(m, state, around[-1], loc)
                m.uncounted[key] = around


def few(m: Machine, bound: Operand) -> bool:
    """Whether an integer is made of small integers and sizes of arguments."""
    known: dict[tuple[str, Any], int] = {
        ("size", m.size_origin[s]): n for s, n in m.lengths.items() if s in m.size_origin
    }
    for value, root in m.origin.items():
        size = size_in(value.type)
        if root[0] == "int" and size is not None:
            known[root] = max((m.lengths.get(s, FEW + 1) for s, _ in size.terms), default=0)
    roots = [root for root in m.roots(bound) if root[0] != "made"]
    if roots and all(known.get(root, FEW + 1) <= FEW for root in roots):
        return True
    size = size_in(bound.type)
    return size is not None and all(m.lengths.get(s, FEW + 1) <= FEW for s, _ in size.terms)


def size_in(kind: Any) -> Size | None:
    """The size that integers of a type are, if they are one."""
    return kind.size if isinstance(kind, ArrayType) and isinstance(kind.size, Size) else None
