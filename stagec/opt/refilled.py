"""Adjoints that a loop empties are written by the loop that fills them next, not emptied.

    for _ in range(steps):                    for _ in range(steps):
        for i in range(n):                        for i in range(n):
            w_bar[i] += u_bar[i]                      w_bar[i] = u_bar[i]
        for i in reversed(range(n)):    ->        for i in reversed(range(n)):
            t = w_bar[i]                              t = w_bar[i]
            w_bar[i] = 0                              v_bar[i] += 2 * t
            v_bar[i] += 2 * t

Such are the adjoints of arrays that a program fills anew in each step.  The loop that empties
may add to what it has yet to empty: to `w_bar[i - 1]`, above.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from stagec.ir.alias import path_of, path_operands
from stagec.ir.chains import mentioned
from stagec.ir.core import Apply, Block, For, Operand, Value, known
from stagec.ir.function import Function
from stagec.ir.path import Arg, Index, Slice
from stagec.ir.rebuild import map_regions
from stagec.ir.types import ArrayType, Dim, Size, affine
from stagec.ir.walk import regions, substitute, uses
from stagec.ops.creation import zeros, zeros_like
from stagec.ops.index_bounds import Indices
from stagec.ops.index_facts import IndexFacts
from stagec.ops.indexing import accumulate, read, update
from stagec.opt.places import where_of
from stagec.opt.siblings.accesses import followed

Region = tuple[tuple[Dim, Dim], ...]


def refilled(fn: Function) -> Function:
    """The function with such additions as writes."""
    functions = tuple(map(refilled, fn.functions))
    found = _Search(Indices.learned(fn).facts)
    pairs = dict(found.pairs(fn.body))
    if not pairs:
        return replace(fn, functions=functions)
    writes = set(pairs.values())

    def changed(block: Block) -> Block:
        kept = (s for s in block.stmts if s not in pairs)
        stmts = (
            replace(s, op=update) if isinstance(s, Apply) and s in writes
            else map_regions(s, changed)
            for s in kept
        )  # fmt: skip
        return replace(block, stmts=tuple(stmts))

    emptied: dict[Value, Operand] = {s.out: s.args[0] for s in pairs}
    return replace(fn, body=substitute(changed(fn.body), emptied), functions=functions)


@dataclass(frozen=True, slots=True)
class _Nest:
    """A write to the array inside of loops, each of which counts along one of its axes.

    Attributes
    ----------
    write : the write.
    loops : the loops, from the outermost on.
    axes : the axis of each of them.
    region : what all of them write to.
    """

    write: Apply
    loops: tuple[For, ...]
    axes: tuple[int, ...]
    region: Region


@dataclass(frozen=True, slots=True)
class _Search:
    """Looks for what to change; `facts` is what is known of integers."""

    facts: IndexFacts

    def pairs(self, block: Block) -> Iterator[tuple[Apply, Apply]]:
        """What empties, and what may write next to the same elements."""
        made = {
            s.out for s in block.stmts if isinstance(s, Apply) and s.op in (zeros, zeros_like)
        }
        used = Counter(mentioned(block))
        for stmt in block.stmts:
            for k, init in enumerate(stmt.init if isinstance(stmt, For) else ()):
                assert isinstance(stmt, For)
                if stmt.free and init in made and used[init] == 1 and not used[stmt.carry[k]]:
                    yield from self.of_loop(stmt, k)
            if not isinstance(stmt, Apply):
                for region in regions(stmt):
                    yield from self.pairs(region)

    def of_loop(self, loop: For, k: int) -> Iterator[tuple[Apply, Apply]]:
        """Those pairs in a loop whose carry number `k` begins as zeros and is not needed."""
        sweeps = list(_sweeps(loop, k))
        found = [(self.emptying(*s), self.adding(*s)) for s in sweeps]
        for (emptied, _), (_, added) in zip(found, [*found[1:], *found[:1]], strict=True):
            if emptied is not None and added is not None and emptied.region == added.region:
                yield emptied.write, added.write

    def adding(self, sweep: For, k: int) -> _Nest | None:
        """The addition that is all that the sweep does to its carry number `k`."""
        accesses = followed(sweep, {sweep.body.params[1 + k]})
        if accesses is None or accesses.measured or len(accesses.found) != 1:
            return None
        (write,) = accesses.found
        return self.nest(sweep, write) if write.op is accumulate else None

    def emptying(self, sweep: For, k: int) -> _Nest | None:
        """What sets to zero what the sweep has read, and what it has added to before."""
        accesses = followed(sweep, {sweep.body.params[1 + k]})
        if accesses is None or accesses.measured:
            return None
        stores = [s for s in accesses.found if s.op is update]
        nest = self.nest(sweep, stores[0]) if len(stores) == 1 else None
        if nest is None or known(nest.write.args[1]) != 0:
            return None
        before = _before(nest)
        for stmt in accesses.found:
            if stmt is nest.write or self.to_come(stmt, nest):
                continue
            if stmt.op is not read or stmt.args[0] not in before or not self.own(stmt, nest):
                return None
        return nest

    def to_come(self, stmt: Apply, nest: _Nest) -> bool:
        """Whether the op is about elements that only later trips come to, if any."""
        if stmt.op not in (read, accumulate):
            return False
        far = self.far(stmt, nest)
        rising = (known(nest.loops[0].step) == 1) is not nest.loops[0].reverse
        return isinstance(far, int) and (far > 0 if rising else far < 0)

    def own(self, stmt: Apply, nest: _Nest) -> bool:
        """Whether the op is about elements that no other trip writes to."""
        if len(nest.loops) > 1:
            return where_of(stmt) == where_of(nest.write)
        return self.far(stmt, nest) == 0

    def far(self, stmt: Apply, nest: _Nest) -> Dim:
        """How far the op is from the index of the outermost loop, along its axis."""
        path, axis = path_of(stmt), nest.axes[0]
        if path is None or len(path) != 1 or not isinstance(path[0], Index):
            return None
        items = path[0].items
        if axis >= len(items) or not all(isinstance(i, int | Arg | Slice) for i in items):
            return None
        item = items[axis]
        if not isinstance(item, Arg):
            return None
        at = self.facts.of(path_operands(stmt)[item.position])
        index = self.facts.of(nest.loops[0].body.params[0])
        return affine((at, 1), (index, -1)) if self.facts.natural(at) else None

    def nest(self, sweep: For, write: Apply) -> _Nest | None:
        """The write and its loops; None if it is not known what all of them write to."""
        loops = next(_loops_to(sweep, write), None)
        path, kind = path_of(write), write.args[0].type
        assert isinstance(kind, ArrayType)
        if loops is None or path is None or len(path) != 1 or not isinstance(path[0], Index):
            return None
        items, where = path[0].items, path_operands(write)
        indices = [loop.body.params[0] for loop in loops]
        axes: list[tuple[Operand, int]] = []
        region: list[tuple[Dim, Dim]] = []
        for axis, dim in enumerate(kind.shape):
            item = items[axis] if axis < len(items) else Slice()
            if isinstance(item, Arg) and where[item.position] in indices:
                loop = loops[indices.index(where[item.position])]  # type: ignore[arg-type]
                axes.append((where[item.position], axis))
                region.append(self.range(loop))
            else:
                region.append(_part(item, dim))
        settled = all(self.settled(end) for ends in region for end in ends)
        each = dict(axes)
        if not settled or len(items) > kind.rank or not len(each) == len(axes) == len(loops):
            return None
        return _Nest(write, loops, tuple(each[i] for i in indices), tuple(region))

    def range(self, loop: For) -> tuple[Dim, Dim]:
        """The indices that the loop counts through, if none of them is negative."""
        lo, hi, step = self.facts.of(loop.lo), self.facts.of(loop.hi), known(loop.step)
        if loop.until or loop.trips is not None or step not in (1, -1):
            return None, None
        if step == -1:
            lo, hi = affine((hi, 1), const=1), affine((lo, 1), const=1)
        return (lo, hi) if self.facts.holds(lo) else (None, None)

    def settled(self, end: Dim) -> bool:
        """Whether the end of a region is the same on every trip of any loop."""
        terms = end.terms if isinstance(end, Size) else ()
        return end is not None and not any(s in self.facts.ranges for s, _ in terms)


def _before(nest: _Nest) -> set[Operand]:
    """The versions of the array that are there before the trip's write to it."""
    made = {
        s.out: s for s in nest.loops[-1].body.stmts if isinstance(s, Apply) and len(s.outs) == 1
    }
    version, found = nest.write.args[0], set[Operand]()
    while version in made and made[version].op is accumulate:
        found.add(version)
        version = made[version].args[0]
    return {*found, version}


def _sweeps(loop: For, k: int) -> Iterator[tuple[For, int]]:
    """The loops in the loop that its carry number `k` goes through, if nothing else uses it."""
    body, version = loop.body, loop.body.params[1 + k]
    used = Counter(mentioned(body))
    found: list[tuple[For, int]] = []
    for stmt in body.stmts:
        if version in uses(stmt):
            if not isinstance(stmt, For) or version not in stmt.init or used[version] != 1:
                return
            at = stmt.init.index(version)
            found.append((stmt, at))
            version = stmt.carry[at]
    if version is body.results[k] and used[version] == 1:
        yield from found


def _loops_to(loop: For, stmt: Apply) -> Iterator[tuple[For, ...]]:
    """The loops around the statement, of which each does nothing but loops and ops."""
    if stmt in loop.body.stmts:
        yield (loop,)
    for inner in loop.body.stmts:
        if isinstance(inner, For):
            yield from ((loop, *rest) for rest in _loops_to(inner, stmt))


def _part(item: object, dim: Dim) -> tuple[Dim, Dim]:
    """The elements of an axis that a slice with known margins is about."""
    if not isinstance(item, Slice) or item.step not in (None, 1):
        return None, None
    start, stop = item.start or 0, item.stop
    if not isinstance(start, int) or start < 0:
        return None, None
    if stop is None or (isinstance(stop, int) and stop < 0):
        return start, affine((dim, 1), const=stop or 0)
    return None, None
