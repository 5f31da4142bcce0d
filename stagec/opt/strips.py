"""Loops over columns go through a few rows at a time.

    for j in range(1, m):                for first in range(0, n, 32):
        for i in range(n):                   stop = min(n, first + 32)
            a[i, j] += a[i, j - 1]   ->      for j in range(1, m):
                                                 for i in range(first, stop):
                                                     a[i, j] += a[i, j - 1]

The elements of a column lie far apart: each brings its neighbours in the row into the cache,
and of a long column nothing of that is left when the next column begins.  In 32 rows it is.
All that is done in a row must be done without the other rows: the order in each row stays.  How
long the loops were at the first call decides.  The pass comes last, when it is known how arrays
lie in memory and which loops run on several threads.

Where no column needs another one either, the loop over columns goes inside (`rowwise`), before
all that.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace

from stagec.ir.build import Builder
from stagec.ir.core import (
    Apply,
    Block,
    Call,
    Cost,
    For,
    Operand,
    Stmt,
    Value,
    While,
    const,
    known,
)
from stagec.ir.function import Function
from stagec.ir.lowering import is_integer
from stagec.ir.origins import Origins
from stagec.ir.rebuild import map_regions
from stagec.ir.sharing import Memory, holds_memory
from stagec.ir.types import INT, rank_of
from stagec.ir.walk import defined, rename, statements, substitute_stmt
from stagec.ops.arithmetic import add
from stagec.ops.axes import transpose
from stagec.ops.index_facts import IndexFacts, given_sizes
from stagec.ops.indexing import accumulate, read, update
from stagec.ops.rounding import py_min
from stagec.opt.elements import indices_of, is_element
from stagec.opt.failures import failures
from stagec.opt.loop_products.first_call import FirstCall
from stagec.opt.parallel.independence import independent

ROWS = 32  # rows at a time: whole lines of the cache, of eight numbers, and some vectors
LINES = 384  # lines of the cache that a trip uses: half of the nearest cache
COLUMNS = 32  # fewest columns
Facts = Callable[[], IndexFacts]


def strips(fn: Function) -> Function:
    """The function with loops over long columns in strips of rows."""
    return _in_kernels(fn, _Sweeps.strip)


def rowwise(fn: Function) -> Function:
    """The function with loops over columns inside of those over rows, where both are free."""
    return _in_kernels(fn, _Sweeps.by_row)


def _in_kernels(
    fn: Function, change: Callable[[_Sweeps, Sweep, Facts], For | None]
) -> Function:
    if not fn.lengths:
        return fn
    functions: list[Function] = []
    turned = _turned_arguments(fn)
    for kernel in fn.functions:
        measured = replace(FirstCall.of(kernel), lengths=dict(fn.lengths))
        given = {kernel.params[k] for k in turned.get(kernel.name, ())}
        sweeps = _Sweeps(kernel, measured, given, change)
        body = sweeps.block(kernel.body, ()) if kernel.kernel else kernel.body
        functions.append(replace(kernel, body=body))
    return replace(fn, functions=tuple(functions))


def _turned_arguments(fn: Function) -> dict[str, set[int]]:
    """Which arguments each kernel gets whose first axis was contiguous at the first call."""
    origins = Origins.of_block(fn.body)
    given = {fn.params[k] for k in fn.turned}
    found: dict[str, set[int]] = {}
    for stmt in statements(fn.body):
        if isinstance(stmt, Call):
            at = {k for k, a in enumerate(stmt.args) if origins.first(a) in given}
            found.setdefault(stmt.function, set()).update(at)
    return found


@dataclass(frozen=True, slots=True)
class _Sweeps:
    """Goes through a kernel; the first axis of the parameters `given` is contiguous."""

    kernel: Function
    measured: FirstCall
    given: set[Value]
    change: Callable[[_Sweeps, Sweep, Facts], For | None]

    def block(self, block: Block, before: tuple[Stmt, ...]) -> Block:
        """The block with its loops changed; `before` is what comes first and around it."""
        builder = Builder()
        for k, stmt in enumerate(block.stmts):
            sweep = Sweep.of(stmt)
            around = (*before, *block.stmts[: k + 1])
            if sweep is None:
                made = map_regions(stmt, lambda b, around=around: self.block(b, around))  # type: ignore[misc]
                builder.append(made)
            else:
                facts = functools.partial(self.facts, around[:-1])
                builder.append(self.change(self, sweep, facts) or stmt)
        return builder.block(block.params, block.results)

    def facts(self, before: tuple[Stmt, ...]) -> IndexFacts:
        """What is known of integers behind and inside of the statements."""
        facts = IndexFacts(given_sizes(self.kernel.params), "row")
        for stmt in before:
            if isinstance(stmt, Apply):
                facts.note(stmt)
            elif isinstance(stmt, For):
                facts.index(stmt)
        return facts

    def strip(self, sweep: Sweep, facts: Facts) -> For | None:
        """The loop in strips of rows, if columns were long enough at the first call."""
        across = self.across(sweep)
        # lengths come last: what is asked about them is decided anew for longer ones
        if not across or self.trips(sweep.rows) * across < LINES:
            return None
        if self.trips(sweep.loop) < COLUMNS:
            return None
        return sweep.in_strips() if self.apart(sweep, sweep.exchanged(), facts) else None

    def by_row(self, sweep: Sweep, facts: Facts) -> For | None:
        """The loop over rows with that over columns inside, if neither needs its order."""
        kinds = {loop.body.params[0].type for loop in sweep.inner}
        again = (s for s in sweep.loop.body.stmts if isinstance(s, Apply))
        if len(kinds) > 1 or any(s.cost is Cost.COSTLY for s in again):
            return None
        if not self.across(sweep):
            return None
        if min(self.trips(sweep.loop), self.trips(sweep.rows)) < COLUMNS:
            return None
        rows = sweep.exchanged()
        free = self.apart(sweep, rows, facts) and self.apart(sweep, sweep.loop, facts)
        return rows if free else None

    def across(self, sweep: Sweep) -> int:
        """How many arrays have their columns far apart; 0 if any has its rows so."""
        column = _made_of(sweep.loop.body.params[0], sweep.loop.body)
        found: set[Operand] = set()
        for loop in sweep.inner:
            row = _made_of(loop.body.params[0], loop.body)
            for stmt in statements(loop.body):
                if not isinstance(stmt, Apply) or stmt.op not in (read, update, accumulate):
                    continue
                array = self.measured.origins.first(stmt.args[0])
                rank = rank_of(array.type)
                near = 0 if self.turned(array) else rank - 1
                at = dict(indices_of(stmt)) if is_element(stmt) else {}
                if len(at) != rank or (rank > 1 and at[near] in row):
                    return 0
                if at[near] in column and not row.isdisjoint(at.values()):
                    found.add(array)
        return len(found)

    def turned(self, array: Operand) -> bool:
        """Whether the first axis of the array is the contiguous one."""
        maker = self.measured.makers.get(array) if isinstance(array, Value) else None
        if maker is None or maker.op is not transpose:
            return array in self.given
        axes = maker.kwargs["axes"]
        return axes == tuple(reversed(range(len(axes))))

    def apart(self, sweep: Sweep, loop: For, facts: Facts) -> bool:
        """Whether no trip of the loop, which is the sweep in some order, needs another one."""
        known = facts()
        inside = statements(sweep.loop.body)
        if any(isinstance(s, Apply) and failures(s, known, doubtful=False) for s in inside):
            return False
        body = self.kernel.body
        memory = Memory(replace(body, stmts=(*body.stmts, loop)), distinct=True)
        return independent(loop, known, memory) == {}

    def trips(self, loop: For) -> int:
        """How many trips the loop made; 0 if that is not known."""
        low, high = map(self.measured.integer, (loop.lo, loop.hi))
        step = known(loop.step)
        if low is None or high is None or not isinstance(step, int) or not step:
            return 0
        span = high - low if step > 0 else low - high
        return max(-(-span // abs(step)), 0)


@dataclass(frozen=True, slots=True)
class Sweep:
    """A loop over columns, and the loops over the same rows in it, of which there is one."""

    loop: For
    inner: tuple[For, ...]

    @property
    def rows(self) -> For:
        """One of the loops over rows."""
        return self.inner[0]

    @classmethod
    def of(cls, stmt: Stmt) -> Sweep | None:
        """The statement as such a loop, if that is all that it does in a trip."""
        if not isinstance(stmt, For) or not _plain(stmt):
            return None
        inner = tuple(s for s in stmt.body.stmts if isinstance(s, For))
        if not inner or not all(isinstance(s, Apply | For) for s in stmt.body.stmts):
            return None
        own = set(defined(stmt.body))
        bounds = {(s.lo, s.hi) for s in inner}
        if len(bounds) > 1 or not own.isdisjoint(*bounds):
            return None
        if not all(_plain(s) and known(s.step) == 1 and _innermost(s) for s in inner):
            return None
        return cls(stmt, inner)

    def exchanged(self) -> For:
        """The loop over columns inside of a loop over rows.

        It does the same if, and only if, no row needs another one.
        """
        loop, index = self.loop, self._index()
        names: dict[Value, Operand] = {}
        stmts: list[Stmt] = []
        for stmt in loop.body.stmts:
            if not isinstance(stmt, For):
                stmts.append(substitute_stmt(stmt, names))
                continue
            first, *arrays = stmt.body.params
            names[first] = index
            names.update(zip(arrays, (rename(v, names) for v in stmt.init), strict=True))
            stmts += [substitute_stmt(s, names) for s in stmt.body.stmts]
            ends = [rename(v, names) for v in stmt.body.results]
            names.update(zip(stmt.carry, ends, strict=True))
        results = tuple(rename(v, names) for v in loop.body.results)
        columns = replace(loop, body=Block(loop.body.params, tuple(stmts), results))
        builder = Builder()
        return replace(self._around(columns, builder, index), step=const(1))

    def in_strips(self) -> For:
        """The loop over strips."""
        first = Value(INT, "first")
        builder = Builder(loc=self.loop.loc)
        (behind,) = builder.add(add, (first, const(ROWS)), {})
        (stop,) = builder.add(py_min, (self.rows.hi, behind), {}, "stop")
        stmts = tuple(
            replace(s, lo=first, hi=stop) if isinstance(s, For) else s
            for s in self.loop.body.stmts
        )
        strip = replace(self.loop, body=replace(self.loop.body, stmts=stmts))
        return replace(self._around(strip, builder, first), step=const(ROWS))

    def _index(self) -> Value:
        """A new index of rows."""
        index = self.rows.body.params[0]
        return Value(index.type, index.hint)

    def _around(self, loop: For, builder: Builder, index: Value) -> For:
        """A loop over rows that runs the loop in each trip, after what `builder` has."""
        starts, ends = ([Value(v.type, v.hint) for v in loop.carry] for _ in range(2))
        builder.append(replace(loop, init=tuple(starts), carry=tuple(ends)))
        body = builder.block((index, *starts), ends)
        return replace(self.loop, lo=self.rows.lo, hi=self.rows.hi, body=body, reverse=False)


def _innermost(loop: For) -> bool:
    return not any(isinstance(s, For | While | Call) for s in statements(loop.body))


def _plain(loop: For) -> bool:
    """Whether the loop makes all its trips and carries arrays alone."""
    return not loop.until and loop.trips is None and all(map(holds_memory, loop.carry))


def _made_of(index: Value, block: Block) -> set[Operand]:
    """The integers that are computed from the index."""
    found: set[Operand] = {index}
    for stmt in statements(block):
        if isinstance(stmt, Apply) and not found.isdisjoint(stmt.args):
            found.update(v for v in stmt.outs if is_integer(v.type))
    return found
