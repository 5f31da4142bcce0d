"""Where a run of statements is cut into several kernels, so that its loops can be run in parts.

A kernel that is one loop of independent trips can be run in parts (`opt/parallel`), one with
several loops cannot.  Another call costs a microsecond, which is much for short loops: a run is
cut at nests of loops only, whose work grows faster than their lengths.
"""

from __future__ import annotations

from collections.abc import Sequence

from stagec.ir.core import Apply, Block, For, Stmt
from stagec.ir.sharing import Memory
from stagec.ir.walk import free_values
from stagec.ops.index_facts import IndexFacts, given_sizes
from stagec.opt.parallel.independence import independent
from stagec.opt.parallel.work import degree

NEST = 2  # loops in each other, of any length


def pieces(known: Sequence[Stmt], run: list[Stmt]) -> list[list[Stmt]]:
    """The run in pieces: nests of independent trips with what comes before them, and the rest.

    `known` are statements in front of the run that compute integers.
    """
    if sum(not isinstance(s, Apply) for s in run) < 2:
        return [run]
    found: list[list[Stmt]] = []
    piece: list[Stmt] = []
    for k, stmt in enumerate(run):
        piece.append(stmt)
        if not isinstance(stmt, For) or not _in_parts(stmt, known, run, k):
            continue
        serial = [j for j, s in enumerate(piece[:-1], 1) if not isinstance(s, Apply)]
        at = serial[-1] if serial else 0
        found += [p for p in (piece[:at], piece[at:]) if p]
        piece = []
    if found and all(isinstance(s, Apply) for s in piece):
        found[-1] += piece
    elif piece:
        found.append(piece)
    return found


def _in_parts(loop: For, known: Sequence[Stmt], run: Sequence[Stmt], at: int) -> bool:
    """Whether the loop in the run is worth parts, as far as one can see before writing in place."""
    if degree(loop) < NEST:
        return False
    block = Block((), (*known, *run), ())
    facts = IndexFacts(given_sizes(free_values(block)), "trip")
    for stmt in (*known, *run[:at]):
        if isinstance(stmt, Apply):
            facts.note(stmt)
    return independent(loop, facts, Memory(block, True)) is not None
