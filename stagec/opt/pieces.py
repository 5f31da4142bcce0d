"""Where a run of statements is cut into several kernels, so that its loops can be run in parts.

A kernel that is one loop of independent trips can be run in parts (`opt/parallel`), one with
several loops cannot.  Another call costs a microsecond, which is much for short loops: a run is
cut at nests of loops only, whose work grows faster than their lengths.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from stagec.ir.core import Apply, Block, For, Stmt
from stagec.ir.sharing import Memory
from stagec.ir.types import Symbol
from stagec.ir.walk import free_values
from stagec.ops.index_facts import IndexFacts, given_sizes
from stagec.opt.parallel.independence import independent
from stagec.opt.parallel.work import degree

NEST = 2  # loops in each other, of any length


def pieces(
    known: Sequence[Stmt], run: list[Stmt], lengths: Mapping[Symbol, int]
) -> list[list[Stmt]]:
    """The run in pieces: nests of independent trips with what comes before them, and the rest.

    It stays whole if its deepest nests, which take the most time, have to.  `known` are
    statements in front of the run that compute integers, `lengths` those of the first call.
    """
    degrees = {s: degree(s) for s in run if not isinstance(s, Apply)}
    deepest = max(degrees.values(), default=0)
    if len(degrees) < 2 or deepest < NEST:
        return [run]
    deep = {s for s, of in degrees.items() if of >= NEST}
    cut = _in_parts(known, run, deep, lengths)
    return _cut(run, cut) if any(degrees[s] == deepest for s in cut) else [run]


def _cut(run: list[Stmt], loops: Sequence[Stmt]) -> list[list[Stmt]]:
    """The run cut behind the loops, and before what comes before them without a loop."""
    found: list[list[Stmt]] = []
    piece: list[Stmt] = []
    for stmt in run:
        piece.append(stmt)
        if stmt not in loops:
            continue
        serial = [k for k, s in enumerate(piece[:-1], 1) if not isinstance(s, Apply)]
        at = serial[-1] if serial else 0
        found += [p for p in (piece[:at], piece[at:]) if p]
        piece = []
    if all(isinstance(s, Apply) for s in piece):
        found[-1] += piece
    else:
        found.append(piece)
    return found


def _in_parts(
    known: Sequence[Stmt], run: Sequence[Stmt], deep: Set[object], lengths: Mapping[Symbol, int]
) -> list[For]:
    """Those of the nests whose trips are independent, as far as one can see before
    bufferisation.
    """
    block = Block((), (*known, *run), ())
    memory = Memory(block, True)
    facts = IndexFacts(given_sizes(free_values(block)), "trip")
    found: list[For] = []
    for stmt in block.stmts:
        if isinstance(stmt, Apply):
            facts.note(stmt)
        elif (
            isinstance(stmt, For)
            and stmt in deep
            and independent(stmt, facts, memory, lengths) is not None
        ):
            found.append(stmt)
    return found
