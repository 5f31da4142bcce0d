"""Results of branches: each is one of two values, and often not of the same two at once."""

from __future__ import annotations

from collections.abc import Callable

from stagec.ir.alias import NONE, Atom, Atoms
from stagec.opt.bufferise.state import State

Parts = tuple[Atoms, ...]


def joined(state: State, then: Parts, orelse: Parts, make_atom: Callable[[int], Atom]) -> Parts:
    """The memory of the results; `make_atom` gives the one to use for a component.

    A union of atoms where that says enough.  After `a, b = (b, a) if c else (a, b)` it would
    say that the two may be the same, which they never are.
    """
    both = tuple(a | b for a, b in zip(then, orelse, strict=True))
    together = _overlaps(state, then) | _overlaps(state, orelse)
    if _overlaps(state, both) <= together:
        return both
    atoms = [make_atom(c) for c in range(len(both))]
    arounds = list(map(state.around, both))
    for atom, part, around in zip(atoms, both, arounds, strict=True):
        for other in around:
            state.link(atom, other)
        state.join(atom, part)
    for c, d in together:
        state.link(atoms[c], atoms[d])
    return tuple(frozenset((a,)) if p else NONE for a, p in zip(atoms, both, strict=True))


def _overlaps(state: State, parts: Parts) -> set[tuple[int, int]]:
    """The pairs of parts that may overlap."""
    return {
        (c, d)
        for c, around in enumerate(map(state.around, parts))
        for d in range(c + 1, len(parts))
        if parts[c] and not around.isdisjoint(parts[d])
    }
