"""Loops that follow each other over one range become one loop.

The rows of a softmax are the example: one nest of loops finds the largest element of each
row, another one sums exponentials, a third one divides.  Where the later loop needs on each
trip only what the earlier one made on the same trip, both do their trips in turn, and a row is
still in the cache when it is needed again; arrays between the loops shrink (`opt/contract`).

Innermost loops stay as they are, as short loops vectorise best, unless that spares an array:
the tape between a loop and its adjoint, which runs the same way (`opt/upwards`), or sums of
few products each, whose loops the compiler unrolls.  Those that check indices vectorise in no
case, and share what they read.  A loop without one inside comes along where it stands between
two that have one, or beside one with short loops where that spares an array.  A loop of few
trips around a loop over rows goes inside of it to be joined with another over these rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import TypeGuard

from stagec.ir.core import Apply, Block, For, Stmt, Value
from stagec.ir.function import Function
from stagec.ir.lowering import in_kernel
from stagec.ir.rebuild import map_regions
from stagec.ir.types import same
from stagec.ir.walk import regions, statements, uses
from stagec.ops.creation import empty
from stagec.ops.index_bounds import Indices
from stagec.opt.failures import failures
from stagec.opt.memory import overwritten
from stagec.opt.siblings.accesses import has_loop, plain, short, unrolled
from stagec.opt.siblings.exchange import exchanged
from stagec.opt.siblings.join import Kind, joined, related


def siblings(fn: Function) -> Function:
    """The function with loops joined, where they may be in one kernel."""
    functions = tuple(map(siblings, fn.functions))
    inside = Indices.of(fn)
    outside = frozenset(v for s in inside.unproven(fn.body) for v in s.outs)
    return replace(fn, body=_Siblings(inside, outside).block(fn.body), functions=functions)


def rows(fn: Function) -> Function:
    """The function with loops joined that hand on an array which is made next to them.

    That is what is left of larger arrays (`opt/contract`).
    """
    functions = tuple(map(rows, fn.functions))
    fn = replace(fn, functions=functions)
    if not any(isinstance(s, For) and _makes(s.body) for s in statements(fn.body)):
        return fn
    inside = Indices.of(fn)
    outside = frozenset(v for s in inside.unproven(fn.body) for v in s.outs)
    body = _Siblings(inside, outside, made_here=True).block(fn.body)
    return replace(fn, body=body)


@dataclass(frozen=True, slots=True)
class _Siblings:
    """Joins loops block by block.

    `outside` are the results of reads and writes whose index may be outside of the array.
    `made_here`: only in blocks that make an array for their loops to fill.
    `known` tells of statements whether a kernel can hold them, `raised` what `failures` of
    them are, `used` what they use: each is asked for every pair of loops.
    """

    inside: Indices
    outside: frozenset[Value]
    made_here: bool = False
    known: dict[Stmt, bool] = field(default_factory=dict[Stmt, bool])
    raised: dict[Stmt, Set[object]] = field(default_factory=dict[Stmt, Set[object]])
    used: dict[Stmt, tuple[Value, ...]] = field(default_factory=dict[Stmt, "tuple[Value, ...]"])

    def block(self, block: Block) -> Block:
        """The block with its loops joined, and those inside of them."""
        stmts = list(block.stmts)
        k = len(stmts) if self.made_here and not _makes(block) else 0
        while k < len(stmts):
            found = self.next(stmts, k, block)
            if found is None:
                k += 1
            else:
                stmts[k:] = found
        return replace(block, stmts=tuple(map_regions(s, self.block) for s in stmts))

    def next(self, stmts: Sequence[Stmt], k: int, block: Block) -> list[Stmt] | None:
        """The statements from `k` on, with the loop there joined with the next that can be."""
        first = stmts[k]
        if not self.candidate(first):
            return None
        made = set(first.outs)  # with what is computed from it
        beyond: set[Value] = set()  # of these, what comes after a statement that cannot join
        for j in range(k + 1, len(stmts)):
            second = stmts[j]
            if not self.compiles(second):
                return None
            used = self.uses(second)
            alike = self.alike(first, second) if beyond.isdisjoint(used) else None
            if alike is not None and related(first, alike, not made.isdisjoint(used)):
                rest = replace(block, stmts=tuple(stmts[j + 1 :]))
                found = self.together(first, stmts[k + 1 : j], alike, rest)
                if found is not None:
                    return [*found, *stmts[j + 1 :]]
            elif not made.isdisjoint(used):
                beyond.update(second.outs)
            if not made.isdisjoint(used):
                made.update(second.outs)
        return None

    def candidate(self, stmt: Stmt) -> TypeGuard[For]:
        """Whether it is a loop that may be joined with others."""
        return isinstance(stmt, For) and plain(stmt, self.inside.facts) and self.compiles(stmt)

    def compiles(self, stmt: Stmt) -> bool:
        """Whether a kernel can hold the statement."""
        if stmt not in self.known:
            self.known[stmt] = in_kernel(stmt)
        return self.known[stmt]

    def uses(self, stmt: Stmt) -> tuple[Value, ...]:
        """The values that the statement uses."""
        if stmt not in self.used:
            self.used[stmt] = tuple(uses(stmt))
        return self.used[stmt]

    def users(self, values: Iterable[Value], stmts: Sequence[Stmt]) -> set[Stmt]:
        """The statements that depend on the values."""
        found: set[Stmt] = set()
        made = set(values)
        for stmt in stmts:
            if not made.isdisjoint(self.uses(stmt)):
                found.add(stmt)
                made.update(stmt.outs)
        return found

    def makers(self, values: Iterable[Value], stmts: Sequence[Stmt]) -> set[Stmt]:
        """The statements that the values depend on."""
        found: set[Stmt] = set()
        needed = set(values)
        for stmt in reversed(stmts):
            if not needed.isdisjoint(stmt.outs):
                found.add(stmt)
                needed.update(self.uses(stmt))
        return found

    def alike(self, first: For, second: Stmt) -> For | None:
        """The second statement as a loop that makes the trips of the first one, if it can be
        joined with others.
        """
        if not self.candidate(second):
            return None
        if self.same_trips(first, second):
            return second
        turned = exchanged(second, self.inside.facts)
        if turned is None or not self.same_trips(first, turned):
            return None
        return turned if self.failures([second]) <= {IndexError} else None

    def same_trips(self, first: For, second: For) -> bool:
        """Whether the loops make the same trips in the same order."""
        facts = self.inside.facts
        pairs = ((first.lo, second.lo), (first.hi, second.hi), (first.step, second.step))
        return first.reverse == second.reverse and all(
            a == b or same(facts.of(a), facts.of(b)) for a, b in pairs
        )

    def together(
        self, first: For, between: Sequence[Stmt], second: For, rest: Block
    ) -> list[Stmt] | None:
        """Both loops as one, with what stood between them before it or after it."""
        kind = self.kind(first, second)
        if kind is None:
            return None
        behind = self.users(first.outs, between)
        needed = self.makers(self.uses(second), between)
        before = [s for s in between if s in needed and s not in behind]
        chain = [s for s in between if s in needed and s in behind]
        after = [s for s in between if s not in needed]
        if not self.movable(first, before, [*chain, second], after):
            return None
        loop: For | None = first
        for k, stmt in enumerate((*chain, second)):
            others = [*chain[k + 1 :], second, *after, *rest.stmts]
            others = [s for s in others if s is not stmt]
            later = {v for s in others for v in self.uses(s)} | set(rest.results)
            if loop is None or not isinstance(stmt, For):
                return None
            if not plain(stmt, self.inside.facts) or not self.same_trips(first, stmt):
                return None
            loop = joined(loop, stmt, later, kind, self.outside)
        return None if loop is None else [*before, loop, *after]

    def kind(self, first: For, second: For) -> Kind | None:
        """What the loops do in their trips; None: not the same."""
        facts, nested = self.inside.facts, (has_loop(first), has_loop(second))
        if all(nested):
            return Kind.ROWS
        if any(nested) and all(short(loop.body, facts) for loop in (first, second)):
            return Kind.BESIDE
        if not all(unrolled(loop, facts) for loop in (first, second)):
            return None
        steps = [statements(loop.body) for loop in (first, second)]
        checked = (any(not self.outside.isdisjoint(s.outs) for s in found) for found in steps)
        return Kind.STEPS if all(checked) else Kind.VECTORS

    def movable(
        self, first: For, before: list[Stmt], joining: list[Stmt], after: list[Stmt]
    ) -> bool:
        """Whether the order of errors stays, and no array would have to be copied.

        Which of two indices is outside may be said of either.
        """
        fails = [self.failures(s) for s in ([first], before, joining, after)]
        for a, b in ((0, 2), (2, 3), (0, 1)):
            if fails[a] and fails[b] and fails[a] | fails[b] != {IndexError}:
                return False
        crossed = {v for s in (first, *joining, *after) for v in self.uses(s)}
        if any(not crossed.isdisjoint(overwritten(s)) for s in before):
            return False
        read = {v for s in after for v in self.uses(s)}
        return all(read.isdisjoint(overwritten(s)) for s in joining)

    def failures(self, stmts: Iterable[Stmt]) -> set[object]:
        """What the statements may raise, and those whose effects are in order.

        A backward loop raises nothing that the program has not raised before.
        """
        found: set[object] = set()
        for stmt in stmts:
            if stmt not in self.raised:
                self.raised[stmt] = self.failures_of(stmt)
            found |= self.raised[stmt]
        return found

    def failures_of(self, stmt: Stmt) -> Set[object]:
        """See `failures`."""
        if isinstance(stmt, Apply):
            doubtful = not self.outside.isdisjoint(stmt.outs)
            return failures(stmt, self.inside.facts, doubtful)
        again = isinstance(stmt, For) and stmt.free
        found: set[object] = set()
        for region in regions(stmt):
            inner = self.failures(region.stmts)
            found |= {f for f in inner if isinstance(f, Apply)} if again else inner
        return found


def _makes(block: Block) -> bool:
    """Whether the block makes an array for its loops to fill."""
    return any(isinstance(s, Apply) and s.op is empty for s in block.stmts)
