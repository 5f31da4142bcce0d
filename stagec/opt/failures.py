"""What an op may do besides giving a result: raise an error, or have an effect."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from stagec.ir.alias import path_of
from stagec.ir.core import Apply, Effect
from stagec.ops.index_facts import MADE, IndexFacts
from stagec.opt.elements import is_element


def failures(stmt: Apply, facts: IndexFacts, doubtful: bool) -> AbstractSet[object]:
    """The errors that the op may raise, or the op itself if its effects are in order.

    `doubtful` says whether an index of it may be outside of its array.  Want of memory, which
    may come at any time, does not count.
    """
    if stmt.op.effect is not Effect.NONE:
        return {stmt}
    if stmt.op in MADE and all(facts.holds(facts.of(a)) for a in stmt.args):
        return set()
    element = path_of(stmt) is not None and is_element(stmt)
    raised = () if element else stmt.op.exceptions(stmt.args, stmt.kwargs)
    return {*raised, IndexError} if doubtful else {*raised}
