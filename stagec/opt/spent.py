"""What is set to zero after it was read stays as it is, if nobody reads it again.

    for i in range(n):                   for i in range(n):
        t = y_bar[i]                         t = y_bar[i]
        y_bar[i] = 0              ->         x_bar[i] += 2 * t
        x_bar[i] += 2 * t

The adjoint of a store does that.  Each trip reads an element of its own, or a part as a column,
and what is left of the array after the loops is not needed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from stagec.ir.chains import mentioned
from stagec.ir.core import Apply, Block, For, Operand, Value, known
from stagec.ir.function import Function
from stagec.ir.path import Arg, Index, Slice
from stagec.ir.types import ArrayType, affine
from stagec.ir.walk import regions, renamed, statements, substitute
from stagec.ops.index_bounds import Indices
from stagec.ops.index_facts import IndexFacts
from stagec.ops.indexing import accumulate, read, update
from stagec.opt.dce import dce
from stagec.opt.places import where_of
from stagec.opt.siblings.accesses import followed, pinned, plain


def spent(fn: Function) -> Function:
    """The function without such stores."""
    functions = tuple(map(spent, fn.functions))
    counts = Counter(mentioned(fn.body))
    facts = Indices.learned(fn).facts
    instead: dict[Value, Operand] = {}
    for stmt in statements(fn.body):
        if isinstance(stmt, For):
            for k, out in enumerate(stmt.carry):
                if not counts[out]:
                    instead |= dict(_stores(stmt, k, facts))
    instead = {out: renamed(array, instead) for out, array in instead.items()}
    fn = replace(fn, functions=functions)
    return dce(replace(fn, body=substitute(fn.body, instead))) if instead else fn


def _stores(loop: For, k: int, facts: IndexFacts) -> Iterator[tuple[Value, Operand]]:
    """The results of stores of zeros in the array that the loop carries, and what they are
    without; none if something else might read what they overwrite.
    """
    accesses = followed(loop, {loop.body.params[1 + k]})
    if accesses is None:
        return
    reads = [s for s in accesses.found if s.op is read]
    stores = [s for s in accesses.found if s.op is update]
    others = (s for s in accesses.found if s.op not in (read, update))
    if not reads or not stores or any(s.op is not accumulate for s in others):
        return
    place = where_of(reads[0])
    if not all(_is_part(s) and where_of(s) == place for s in (*reads, *stores)):
        return
    found = _holder(loop, reads[0], (loop,))
    if found is None or any(known(s.args[1]) != 0 for s in stores):
        return
    block, loops = found
    order = {s: at for at, s in enumerate(block.stmts)}
    if not all(s in order for s in (*reads, *stores)):
        return
    if max(order[s] for s in reads) > min(order[s] for s in stores):
        return
    if all(
        _own_indices(each, facts) and pinned(reads[0], each.body.params[0]) for each in loops
    ):
        yield from ((s.out, s.args[0]) for s in stores)


def _own_indices(loop: For, facts: IndexFacts) -> bool:
    """Whether no two trips of the loop can have an element in common by their indices: these
    are never negative.
    """
    falls = isinstance(step := facts.of(loop.step), int) and step < 0
    least = affine((facts.of(loop.hi), 1), const=1) if falls else None
    return facts.holds(least) and not loop.until if falls else plain(loop, facts)


def _is_part(stmt: Apply) -> bool:
    """Whether the op addresses an element, or a part by slices and indices of elements."""
    path, index = where_of(stmt)
    if len(path) != 1 or not isinstance(path[0], Index):
        return False
    basic = all(isinstance(item, int | Arg | Slice) for item in path[0].items)
    return basic and all(
        isinstance(a.type, ArrayType) and not a.type.rank and a.type.dtype.kind in "iu"
        for a in index
    )


def _holder(
    loop: For, stmt: Apply, loops: tuple[For, ...]
) -> tuple[Block, tuple[For, ...]] | None:
    """The block of a loop that has the statement, and the loops around it."""
    waiting = [loop.body]
    while waiting:
        block = waiting.pop()
        if stmt in block.stmts:
            return block, loops
        for inner in block.stmts:
            if isinstance(inner, For):
                found = _holder(inner, stmt, (*loops, inner))
                if found is not None:
                    return found
            else:
                waiting += regions(inner)
    return None
