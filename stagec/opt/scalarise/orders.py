"""Which loop of a nest is the innermost one: it should go along memory, not jump in it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from math import prod

from stagec.ir.core import Apply, Value
from stagec.opt.scalarise.groups import Group
from stagec.opt.scalarise.places import Places, natural

FEW = 64  # elements in whose memory no order matters


def innermost(group: Group, axes: Sequence[int], needed: Collection[Value]) -> int:
    """The axis of the loop that goes along memory most; the last one of several."""
    return max(axes, key=lambda a: (_along(group, a, needed), a))


def turned(group: Group, stmt: Apply) -> bool:
    """Whether the statement, in a nest of its own, would have another innermost loop.

    So has the sum of a product with a transposed matrix, `A.T @ v` beside `A @ w`.  Only what
    the statement reads itself counts, none of what members make.
    """
    dims = [d for d in group.shape if isinstance(d, int)]
    if len(dims) == len(group.shape) and prod(dims) <= FEW:
        return False
    if any(access.leaf in group.made for access in group.accesses(stmt)):
        return False
    own = Group(group.shape, group.producers, group.views, group.sizes)
    if not own.take(stmt):
        return False
    axes = range(len(group.shape))
    ours, its = (innermost(g, axes, ()) for g in (group, own))
    return _along(group, ours, ()) > _along(group, its, ()) and _along(own, its, ()) > _along(
        own, ours, ()
    )


def _along(group: Group, axis: int, needed: Collection[Value]) -> int:
    """How many arrays a loop over the axis goes along, less those that it jumps in."""
    found = 0
    for places in (*(a.places for a in group.touched()), *_results(group, needed)):
        for k, place in enumerate(places):
            if place.loop == axis and place.step:
                found += 1 if k + 1 == len(places) and abs(place.step) == 1 else -2
    return found


def _results(group: Group, needed: Collection[Value]) -> Iterator[Places]:
    """Where elements of new arrays are written."""
    usual = natural(len(group.shape))
    for stmt in group.members:
        out = stmt.outs[0]
        fold = group.folds.get(out)
        if fold is not None:
            yield tuple(p for p in usual if p.loop not in fold.axes)
        elif out in group.made and out in needed:
            yield usual
