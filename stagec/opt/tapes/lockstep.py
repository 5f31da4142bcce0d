"""Which flat lists of numbers grow together: they have the same length at any time.

Such lists are appended to in the same blocks, and the same statements pass them on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from stagec.ir.core import Apply, Block, For, Stmt, Value, While
from stagec.ir.lowering import fits
from stagec.ir.types import ArrayType
from stagec.ir.walk import free_values
from stagec.ops.lists import list_append, list_get
from stagec.opt.scalarise.lengths import with_lengths
from stagec.opt.tapes.plans import compiles
from stagec.opt.tapes.positions import RECORDED, Positions, recorder
from stagec.opt.tapes.webs import Program, Web

# Numba counts the references to an array that grows on each trip, which takes as long as
# appending to a few lists
WORTH = 4


@dataclass(frozen=True, slots=True, eq=False)
class Team:
    """Lists that become the columns of arrays which grow: one array for each element type.

    Attributes
    ----------
    webs : the lists.
    begins : the blocks in which they are empty at first.
    grows : the blocks in which each of them gets one more element.
    """

    webs: tuple[Web, ...]
    begins: frozenset[Block]
    grows: frozenset[Block]

    @property
    def dtypes(self) -> tuple[np.dtype, ...]:
        """The element types of the arrays."""
        return tuple(dict.fromkeys(_number(web).dtype for web in self.webs))

    def columns(self, dtype: np.dtype) -> tuple[Web, ...]:
        """The lists in the array of that element type."""
        return tuple(web for web in self.webs if _number(web).dtype == dtype)


def teams(program: Program, inside: set[Value]) -> list[Team]:
    """The lists that may become arrays which grow, in loops that compiled code can hold.

    `inside` are elements that are read at places known to be inside.
    """
    webs = list(dict.fromkeys(program.webs.values()))
    positions = Positions(program, {web: recorder(program, web) for web in webs})
    tops = {
        web: found
        for web in webs
        if _grows(web)
        and all(g.out in inside or positions.proven(g) is not None for g in web.by(list_get))
        and (found := _loops(program, web))
    }
    tops = _compiled(program, tops)
    groups: dict[tuple[frozenset[Block], frozenset[Block], frozenset[Stmt]], list[Web]] = {}
    order = {stmt: k for k, stmt in enumerate(program.home)}
    for web in sorted(tops, key=lambda w: order[w.by(list_append)[0]]):
        groups.setdefault(_path(program, web), []).append(web)
    return [
        Team(tuple(webs), begins, grows)
        for (begins, grows, _), webs in groups.items()
        if len(webs) >= WORTH
    ]


def _number(web: Web) -> ArrayType:
    assert isinstance(web.element, ArrayType)
    return web.element


def _grows(web: Web) -> bool:
    """Whether it is a list of numbers that does nothing but grow and be read."""
    element = web.element
    return (
        web.plain
        and not web.parents
        and isinstance(element, ArrayType)
        and not element.rank
        and fits(element)
        and web.uses.keys() <= RECORDED
    )


def _loops(program: Program, web: Web) -> list[Stmt]:
    """The outermost statements in which the list grows, if all of them have a loop around it.

    Empty if it grows elsewhere too, or twice in one block.
    """
    homes = [program.home[s] for s in web.roots]
    blocks = [program.home[s] for s in web.by(list_append)]
    if len({*homes}) < len(homes) or len({*blocks}) < len(blocks):
        return []
    found: list[Stmt] = []
    for append in web.by(list_append):
        around = _up_to(program, append, homes)
        if not any(isinstance(s, For | While) for s in around):
            return []
        found.append(around[-1])
    return found


def _up_to(program: Program, stmt: Stmt, homes: Iterable[Block]) -> list[Stmt]:
    """The statements around this one up to one of these blocks."""
    found: list[Stmt] = []
    for outer in (stmt, *program.around(stmt)):
        if outer is not stmt:
            found.append(outer)
        if program.home[outer] in homes:
            return found
    return []


def _path(
    program: Program, web: Web
) -> tuple[frozenset[Block], frozenset[Block], frozenset[Stmt]]:
    """Where the list begins, where it grows and what passes it on."""
    begins = frozenset(program.home[s] for s in web.roots)
    grows = frozenset(program.home[s] for s in web.by(list_append))
    makers = (program.maker[v] for v in web.values)
    return begins, grows, frozenset(s for s in makers if not isinstance(s, Apply))


def _compiled(program: Program, tops: dict[Web, list[Stmt]]) -> dict[Web, list[Stmt]]:
    """Those of the lists whose loops can be compiled once the lists are arrays."""
    named = {s: with_lengths(Block((), (s,), ())) for found in tops.values() for s in found}
    lists = {s: {*_lists(program, s)} for s in named}
    while True:
        ours = {v for web in tops for v in web.values}
        fine = {s for s, m in named.items() if lists[s] <= tops.keys() and compiles(m, ours)}
        kept = {w: f for w, f in tops.items() if fine.issuperset(f)}
        if len(kept) == len(tops):
            return kept
        tops = kept


def _lists(program: Program, stmt: Stmt) -> Iterator[Web]:
    """The lists that the statement gets from elsewhere or passes on: no kernel can do that."""
    around = Block((), (stmt,), ())
    for value in (*free_values(around), *stmt.outs):
        if value in program.webs:
            yield program.webs[value]
