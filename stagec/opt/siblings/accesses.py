"""Which elements of an array a loop touches on each trip."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from stagec.ir.alias import path_of, path_operands
from stagec.ir.core import Apply, Block, For, If, Operand, Stmt, Value
from stagec.ir.path import Arg, Index, NewAxis
from stagec.ir.walk import regions, uses
from stagec.ops.index_facts import IndexFacts

FEW = 8  # trips of a loop that LLVM unrolls
SHORT = 64  # trips that together are too few to be worth a loop of their own over rows


def own_axes(loop: For, versions: Collection[Value]) -> set[int]:
    """The axes along which every trip touches only elements at its own index.

    `versions` are the values that stand for the array in the body; what the body makes of them
    is followed.  Where the array is used in a way that is not followed, there is no such axis.
    """
    found = followed(loop, versions)
    return set() if found is None else found.own_axes(loop.body.params[0])


def followed(loop: For, versions: Collection[Value]) -> Accesses | None:
    """What the body does with an array; None: it is used in a way that is not followed."""
    found = Accesses(set(versions))
    ends = zip(loop.body.params[1:], loop.body.results, strict=False)
    done = found.block(loop.body) and found.kept({p, r} for p, r in ends)
    return found if done else None


class Accesses:
    """Collects what is done with an array.

    Attributes
    ----------
    versions : the values that stand for it.
    found : the reads of it and the writes to it.
    measured : whether anything reads its lengths.
    """

    def __init__(self, versions: set[Value]) -> None:
        self.versions = versions
        self.found: list[Apply] = []
        self.measured = False

    def own_axes(self, index: Value) -> set[int]:
        """The axes at which every access has this index."""
        found = [pinned(stmt, index) for stmt in self.found]
        return {axis for axis in found[0] if all(axis in f for f in found)} if found else set()

    def block(self, block: Block) -> bool:
        """Whether all uses in the block are followed, what it passes on aside."""
        return all(map(self.stmt, block.stmts))

    def stmt(self, stmt: Stmt) -> bool:
        """Whether all uses in the statement are followed."""
        if self.versions.isdisjoint(uses(stmt)):
            return True
        match stmt:
            case Apply():
                return self.apply(stmt)
            case For(init=init, body=body, carry=carry):
                if not self.versions.isdisjoint((stmt.lo, stmt.hi, stmt.step)):
                    return False
                return self.carried(init, body, body.params[1:], carry)
            case If(then=then, orelse=orelse, outs=outs):
                if stmt.cond in self.versions or not (self.block(then) and self.block(orelse)):
                    return False
                pairs = zip(then.results, orelse.results, strict=True)
                return self.passed([{a, b} for a, b in pairs], outs)
            case _:
                return False

    def apply(self, stmt: Apply) -> bool:
        """Whether the op only reads or writes elements, or reads lengths."""
        for k, operand in enumerate(stmt.args):
            if operand in self.versions and k in stmt.op.shapes:
                self.measured = True
            elif operand in self.versions:
                if k or path_of(stmt) is None:
                    return False
                self.found.append(stmt)
                if stmt.op.overwrites == 0:
                    self.versions.add(stmt.outs[0])
        return True

    def carried(
        self,
        init: Sequence[Operand],
        body: Block,
        params: Sequence[Value],
        carry: Sequence[Value],
    ) -> bool:
        """Whether an inner loop keeps the array apart from what else it carries."""
        inside = [start in self.versions for start in init]
        self.versions.update(p for p, mine in zip(params, inside, strict=True) if mine)
        if not self.block(body):
            return False
        ends = [{p, r} for p, r in zip(params, body.results, strict=False)]
        rest = body.results[len(params) :]
        return self.versions.isdisjoint(rest) and self.passed(ends, carry)

    def passed(self, ends: Sequence[set[Operand]], outs: Sequence[Value]) -> bool:
        """Whether each of the results is the array, or never is."""
        if not self.kept(ends):
            return False
        pairs = zip(ends, outs, strict=True)
        self.versions.update(out for values, out in pairs if values <= self.versions)
        return True

    def kept(self, ends: Iterable[set[Operand]]) -> bool:
        """Whether of each of the sets all or none are the array."""
        return all(v <= self.versions or v.isdisjoint(self.versions) for v in ends)


def pinned(stmt: Apply, index: Value) -> set[int]:
    """The axes of the array at which the op has this index."""
    path = path_of(stmt)
    if path is None or len(path) != 1 or not isinstance(path[0], Index):
        return set()
    where = path_operands(stmt)
    axes = [item for item in path[0].items if not isinstance(item, NewAxis)]
    return {
        axis
        for axis, item in enumerate(axes)
        if isinstance(item, Arg) and where[item.position] is index
    }


def plain(loop: For, facts: IndexFacts) -> bool:
    """Whether the loop makes all its trips, up or back, and its index is never negative."""
    lo, step = facts.of(loop.lo), facts.of(loop.step)
    upwards = isinstance(step, int) and step > 0 and facts.holds(lo)
    return upwards and not loop.until and loop.trips is None


def unrolled(loop: For, facts: IndexFacts) -> bool:
    """Whether the compiler unrolls the loops inside of the loop, if there are any."""
    return all(_few(stmt, facts) for stmt in loop.body.stmts)


def _few(stmt: Stmt, facts: IndexFacts) -> bool:
    if isinstance(stmt, For):
        lo, hi = facts.of(stmt.lo), facts.of(stmt.hi)
        short = isinstance(lo, int) and isinstance(hi, int) and hi - lo <= FEW
        return short and not has_loop(stmt)
    inner = [s for region in regions(stmt) for s in region.stmts]
    return isinstance(stmt, Apply) or (
        isinstance(stmt, If) and all(_few(s, facts) for s in inner)
    )


def short(block: Block, facts: IndexFacts, trips: int = 1) -> bool:
    """Whether the loops of the block, which is run so many times, make few trips in all."""
    for stmt in block.stmts:
        again = trips
        if isinstance(stmt, For):
            lo, hi = facts.of(stmt.lo), facts.of(stmt.hi)
            if not isinstance(lo, int) or not isinstance(hi, int):
                return False
            again *= max(hi - lo, 1)
        elif not isinstance(stmt, Apply | If):
            return False
        if again > SHORT or not all(short(b, facts, again) for b in regions(stmt)):
            return False
    return True


def has_loop(loop: For) -> bool:
    """Whether there is a loop inside of the loop."""
    return any(map(_loops, loop.body.stmts))


def _loops(stmt: Stmt) -> bool:
    inner = [s for region in regions(stmt) for s in region.stmts]
    return not isinstance(stmt, Apply | If) or any(map(_loops, inner))
