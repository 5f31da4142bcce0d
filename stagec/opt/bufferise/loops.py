"""What a loop does to the memory of its carries.

A carry has two components: its own memory (component 2k) and, for a list, its content (2k + 1).
Each component has an atom for what it is at the head of a trip.  Which heads may overlap
follows from the initial values and from which heads the results of the body are made of: in
`u, new = new, u` two heads change places and never overlap unless they did so at first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from stagec.ir.alias import NONE, Atom, Atoms, Memory
from stagec.ir.core import For, While
from stagec.opt.bufferise.state import State

Source: TypeAlias = tuple[For | While, int]


@dataclass(slots=True)
class Facts:
    """What is known about the body of a loop; it only grows from one round to the next.

    Attributes
    ----------
    feeds : for each component the heads that its result may be.
    direct : (component, atom) pairs that the body itself makes overlap.
    outer : for each component the outer memory that its result may be.
    inner : the components whose result may be memory made in the body.
    """

    feeds: list[set[int]]
    direct: set[tuple[int, Atom]]
    outer: list[set[Atom]]
    inner: set[int]


def no_facts(carries: int) -> Facts:
    """Facts about a body not yet seen."""
    return Facts(
        [set() for _ in range(2 * carries)],
        set(),
        [set() for _ in range(2 * carries)],
        set(),
    )


@dataclass(slots=True)
class Loop:
    """A loop that is being walked through.

    Attributes
    ----------
    heads : the atom of each component at the head of a trip; the components without memory
        have one too, which nothing shares.
    entries : the memory of each component before the loop.
    loops : how many loops the loop itself is nested in.
    mark : everything met after it was made in the body.
    related : (component, atom) pairs that may overlap at the head of a trip.
    """

    stmt: For | While
    facts: Facts
    heads: tuple[Atom, ...]
    entries: tuple[Atoms, ...]
    loops: int
    mark: int
    related: set[tuple[int, Atom]] = field(default_factory=set[tuple[int, Atom]])

    def component(self, atom: Atom) -> int | None:
        """The component whose head this is."""
        if atom.carry is None or atom.carry[0] is not self.stmt:
            return None
        return atom.carry[1]


def components(memories: tuple[Memory, ...]) -> tuple[Atoms, ...]:
    """Own memory and content of each, in one row."""
    return tuple(part for m in memories for part in (m.own, m.content))


def relate(loop: Loop, state: State) -> bool:
    """Find and link what may overlap at the head of a trip; whether it is more than before."""
    found: set[tuple[int, Atom]] = set()
    pending = [*_related_at_entry(loop, state), *loop.facts.direct]
    while pending:
        pair = pending.pop()
        if pair not in found:
            found.add(pair)
            component, atom = pair
            state.link(loop.heads[component], atom)
            pending += _carried_on(loop, component, atom)
    more = not found <= loop.related
    loop.related |= found
    return more


def _related_at_entry(loop: Loop, state: State) -> Iterator[tuple[int, Atom]]:
    around = [state.around(entry) - set(loop.heads) for entry in loop.entries]
    for c, entry in enumerate(loop.entries):
        if not entry:
            continue
        for atom in around[c]:
            if not state.born_after(atom, loop.mark):
                yield c, atom
        for d, other in enumerate(loop.entries):
            if c != d and not around[c].isdisjoint(other):
                yield c, loop.heads[d]


def _carried_on(loop: Loop, component: int, atom: Atom) -> Iterator[tuple[int, Atom]]:
    """The pairs that a pair becomes in the next trip."""
    other = loop.component(atom)
    for c, feeds in enumerate(loop.facts.feeds):
        if component not in feeds:
            continue
        if other is None:
            yield c, atom
            continue
        for d, others in enumerate(loop.facts.feeds):
            if other in others and c != d:
                yield c, loop.heads[d]
                yield d, loop.heads[c]


def learn(loop: Loop, results: tuple[Atoms, ...], state: State) -> None:
    """Add to the facts what the results of the body are made of."""
    facts = loop.facts
    for c, result in enumerate(results):
        for atom in state.bases(result):
            head = loop.component(atom)
            if head is not None:
                facts.feeds[c].add(head)
            elif state.born_after(atom, loop.mark):
                facts.inner.add(c)
                facts.direct |= {(c, a) for a in (atom, *state.near(atom)) if a.fixed}
            else:
                facts.outer[c].add(atom)
                facts.direct |= {(c, a) for a in _outer(loop, state, atom)}
    for c, result in enumerate(results):
        around = state.around(result)
        for d in range(c + 1, len(results)):
            if not around.isdisjoint(results[d]) and not _explained(loop, result, results[d]):
                facts.direct |= {(c, loop.heads[d]), (d, loop.heads[c])}


def _outer(loop: Loop, state: State, atom: Atom) -> Iterator[Atom]:
    """The atom and what it may overlap outside of the loop."""
    for other in (atom, *state.near(atom)):
        if loop.component(other) is None and not state.born_after(other, loop.mark):
            yield other


def _explained(loop: Loop, a: Atoms, b: Atoms) -> bool:
    """Whether an overlap of two results follows from overlaps of heads."""
    return a.isdisjoint(b) and all(loop.component(x) is not None for x in a | b)


def exits(loop: Loop, state: State, out: tuple[Atom, ...]) -> tuple[Atoms, ...]:
    """The memory of each component after the loop.

    It is a union of outer atoms where that says enough, else the atom from `out`, which is then
    linked as the head was.
    """
    reached = [_reached(loop, c) for c in range(len(loop.heads))]
    inner = [bool(loop.facts.inner & _feeding(loop, c)) for c in range(len(loop.heads))]
    plain = [
        not inner[c]
        and all(
            (c, loop.heads[d]) in loop.related or not state.overlap(reached[c], reached[d])
            for d in range(len(loop.heads))
            if d != c
        )
        for c in range(len(loop.heads))
    ]
    for c, simple in enumerate(plain):
        if simple:
            continue
        state.join(out[c], {*state.bases(reached[c]), *((out[c],) if inner[c] else ())})
        for component, atom in loop.related:
            if component != c:
                continue
            other = loop.component(atom)
            if other is None:
                state.link(out[c], atom)
            elif not plain[other]:
                state.link(out[c], out[other])
            else:
                for a in reached[other]:
                    state.link(out[c], a)
    return tuple(
        reached[c] if simple else frozenset((out[c],)) for c, simple in enumerate(plain)
    )


def _feeding(loop: Loop, component: int) -> set[int]:
    """The component, and those whose heads may become its head in later trips."""
    found: set[int] = set()
    pending = [component]
    while pending:
        c = pending.pop()
        if c not in found:
            found.add(c)
            pending += loop.facts.feeds[c]
    return found


def _reached(loop: Loop, component: int) -> Atoms:
    found = NONE
    for c in _feeding(loop, component):
        found |= loop.entries[c] | loop.facts.outer[c]
    return found


# --- blame -----------------------------------------------------------------------------------


def blame(loops: dict[For | While, Loop], state: State, a: Atom, b: Atom) -> set[Source] | None:
    """The initial values of carries to copy so that `a` no longer overlaps `b`.

    None if the overlap arises inside of a loop body, or is not one of carries.
    """
    if a is b or a.carry is None or a.carry[0] not in loops:
        return None
    stmt, component = a.carry
    assert isinstance(stmt, For | While)
    loop = loops[stmt]
    found: set[Source] = set()
    seen: set[tuple[int, Atom]] = set()
    pending = [(component, b)]
    while pending:
        pair = pending.pop()
        if pair in seen:
            continue
        seen.add(pair)
        c, atom = pair
        if pair in loop.facts.direct or c % 2:
            return None
        other = loop.component(atom)
        targets = frozenset((atom,)) if other is None else loop.entries[other]
        if state.overlap(loop.entries[c], targets):
            found |= _sources(loops, state, loop, c, targets)
        for i in loop.facts.feeds[c]:
            if other is None:
                pending.append((i, atom))
            else:
                pending += [(i, loop.heads[j]) for j in loop.facts.feeds[other] if i != j]
    return found or None


def _sources(
    loops: dict[For | While, Loop], state: State, loop: Loop, c: int, targets: Atoms
) -> set[Source]:
    """The initial value of the carry, or those of loops around it that it comes from."""
    here: set[Source] = {(loop.stmt, c // 2)}
    found: set[Source] = set()
    for atom in loop.entries[c]:
        for target in targets:
            if atom is target:
                return here
            if target in state.near(atom):
                further = blame(loops, state, atom, target)
                if further is None:
                    return here
                found |= further
    return found or here
