"""Trips of backward loops that do nothing are left out, many at a time.

    for j in reversed(range(1, m)):          for first in reversed(range(1, m, 32)):
        t = h_bar[j] + ...                       stop = min(first + 32, m)
        if t != 0.0:                    ->       if any of h_bar[first:stop] is not zero:
            h_bar[j - 1] += ...                      for j in reversed(range(first, stop)):
                                                         ...

The branches are those of `opt/skips`.  Where cotangents follow one path through a table, as in
dynamic programming, nearly no trip does anything, but each takes its time to find that out: a
branch, and an element that may just have been added to.  To look at 32 elements takes no longer
than four such trips.  If all of them are zero, and so are the numbers that the loop carries,
the first of the trips does nothing; then the next one finds the same.  Loops that were short at
the first call stay.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from stagec.ir.build import Builder
from stagec.ir.core import Apply, Block, For, If, Operand, Stmt, Value, const, known
from stagec.ir.function import Function
from stagec.ir.rebuild import map_regions
from stagec.ir.types import INT
from stagec.ir.walk import clone_stmt, rename, uses
from stagec.ops.arithmetic import add
from stagec.ops.comparison import not_equal
from stagec.ops.index_facts import IndexFacts
from stagec.ops.indexing import read
from stagec.ops.rounding import py_min
from stagec.opt.elements import indices_of, is_element, is_size
from stagec.opt.failures import failures
from stagec.opt.loop_products.first_call import FirstCall
from stagec.opt.skips import is_float, is_zero, zero_with

TRIPS = 32  # trips that are left out together
FEWEST = 2 * TRIPS  # trips of a loop that is worth it


def idle(fn: Function) -> Function:
    """The function with backward loops that leave out trips that do nothing."""
    if not fn.lengths:
        return fn
    functions: list[Function] = []
    for kernel in fn.functions:
        measured = replace(FirstCall.of(kernel), lengths=dict(fn.lengths))
        body = _block(kernel.body, measured) if kernel.kernel else kernel.body
        functions.append(replace(kernel, body=body))
    return replace(fn, functions=tuple(functions))


def _block(block: Block, measured: FirstCall) -> Block:
    builder = Builder()
    for stmt in block.stmts:
        found = None
        if isinstance(stmt, For) and _is_candidate(stmt) and _is_long(stmt, measured):
            found = _Idle.of(stmt)
        if found is None:
            builder.append(map_regions(stmt, lambda inner: _block(inner, measured)))
        else:
            found.append(builder)
    return builder.block(block.params, block.results)


def _is_candidate(loop: For) -> bool:
    """Whether the loop is an innermost one of a backward pass that has branches."""
    plain = loop.free and not loop.until and loop.trips is None
    return (
        plain
        and known(loop.step) in (1, -1)
        and any(isinstance(s, If) for s in loop.body.stmts)
    )


def _is_long(loop: For, measured: FirstCall) -> bool:
    """Whether the loop made enough trips at the first call."""
    low, high = measured.integer(loop.lo), measured.integer(loop.hi)
    return low is not None and high is not None and abs(high - low) >= FEWEST


def _rising(builder: Builder, loop: For) -> For:
    """The loop with a step of 1, whose trips are in the same order."""
    if known(loop.step) == 1:
        return loop
    ends = (known(loop.hi), loop.hi), (known(loop.lo), loop.lo)
    low, high = (
        const(value + 1) if isinstance(value, int) else builder.add(add, (end, const(1)), {})[0]
        for value, end in ends
    )
    return replace(loop, lo=low, hi=high, step=const(1), reverse=not loop.reverse)


@dataclass(slots=True)
class _Idle:
    """When a trip of a loop does nothing: all of `reads` and `carries` are zero.

    `makers` has the statement that makes each value of the body, `stands` what each of its
    results is then.
    """

    loop: For
    makers: dict[Operand, Stmt]
    reads: list[Apply] = field(default_factory=list[Apply])
    carries: list[int] = field(default_factory=list[int])
    stands: dict[Operand, Operand] = field(default_factory=dict["Operand", "Operand"])

    @classmethod
    def of(cls, loop: For) -> _Idle | None:
        """When a trip of the loop does nothing; None if that is not known."""
        makers: dict[Operand, Stmt] = {out: s for s in loop.body.stmts for out in s.outs}
        found = cls(loop, makers)
        if not all(map(found.stands_idle, loop.body.stmts)) or not found.hands_on():
            return None
        return found if found.reads_what_it_writes() else None

    def stands_idle(self, stmt: Stmt) -> bool:
        """Whether the statement has no effect if what is noted is zero."""
        if isinstance(stmt, Apply):
            facts = IndexFacts(set(), "idle")
            return stmt.op.overwrites is None and not failures(stmt, facts, doubtful=False)
        test = self.makers.get(stmt.cond) if isinstance(stmt, If) else None
        if not isinstance(stmt, If) or not isinstance(test, Apply) or stmt.orelse.stmts:
            return False
        if test.op is not not_equal or not is_zero(test.args[1]):
            return False
        self.stands.update(zip(stmt.outs, stmt.orelse.results, strict=True))
        return self.is_zero(test.args[0])

    def is_zero(self, operand: Operand) -> bool:
        """Whether the number is zero if what is noted is, which is noted here."""
        operand = self.standing(operand)
        if is_zero(operand):
            return True
        params = self.loop.body.params[1:]
        if not is_float(operand):
            return False
        if operand in params:
            k = params.index(operand)  # type: ignore[arg-type]
            if k not in self.carries:
                self.carries.append(k)
            return True
        maker = self.makers.get(operand)
        if not isinstance(maker, Apply):
            return False
        if maker.op is read:
            return maker in self.reads or self.may_look(maker)
        needed = zero_with(maker)
        return needed is not None and all(map(self.is_zero, needed))

    def standing(self, operand: Operand) -> Operand:
        """What the value is on a trip that does nothing, branches aside."""
        while operand in self.stands:
            operand = self.stands[operand]
        return operand

    def may_look(self, stmt: Apply) -> bool:
        """Whether the element can be read before the trip; it is noted."""
        index, *params = self.loop.body.params
        array, *where = stmt.args
        outside = array in params or array not in self.makers
        axes = dict(indices_of(stmt)) if is_element(stmt) else {}
        last = max(axes, default=0)
        moving = [axis for axis, v in axes.items() if v is index or v in self.makers]
        if not outside or moving != [last] or last != len(where) - 1:
            return False
        if not all(map(is_size, self.needed(where))):
            return False
        self.reads.append(stmt)
        return True

    def needed(self, operands: Iterable[Operand]) -> list[Stmt]:
        """The statements of the body that make the operands, in order."""
        wanted: set[Operand] = set(operands)
        found: list[Stmt] = []
        for stmt in reversed(self.loop.body.stmts):
            if not wanted.isdisjoint(stmt.outs):
                found.append(stmt)
                wanted.update(uses(stmt))
        return found[::-1]

    def hands_on(self) -> bool:
        """Whether the next trip gets what this one got, or zero in the place of zero."""
        pairs = list(zip(self.loop.body.params[1:], self.loop.body.results, strict=True))
        same = [param is self.standing(result) for param, result in pairs]
        changed = [k for k, kept in enumerate(same) if not kept]
        zeros = all(self.is_zero(pairs[k][1]) for k in changed)
        # what must be zero at the beginning may have been found on the way
        return zeros and set(changed) <= set(self.carries)

    def reads_what_it_writes(self) -> bool:
        """Whether a trip looks at what others add to: then LLVM would make them one by one."""
        pairs = zip(self.loop.body.params[1:], self.loop.body.results, strict=True)
        written = {param for param, result in pairs if param is not result}
        return any(stmt.args[0] in written for stmt in self.reads)

    def append(self, builder: Builder) -> None:
        """Append the loop over parts, of which those are left out that do nothing."""
        loop = _rising(builder, self.loop)
        first = Value(INT, "first")
        starts, ends, done = ([Value(v.type, v.hint) for v in loop.carry] for _ in range(3))
        trip = Builder(loc=loop.loc)
        (behind,) = trip.add(add, (first, const(TRIPS)), {})
        (stop,) = trip.add(py_min, (loop.hi, behind), {}, "stop")
        part = replace(loop, lo=first, hi=stop, init=tuple(starts), carry=tuple(ends))
        cond = self.busy(trip, part)
        then, orelse = Block((), (part,), tuple(ends)), Block((), (), tuple(starts))
        trip.append(If(cond, then, orelse, tuple(done), loop.loc))
        body = trip.block((first, *starts), done)
        builder.append(replace(loop, step=const(TRIPS), body=body))

    def busy(self, builder: Builder, part: For) -> Value:
        """Whether any number that is looked at is not zero before the part of the loop."""
        counted: Operand = const(np.int64(0))
        for k in self.carries:
            (moves,) = builder.add(not_equal, (part.init[k], const(0.0)), {})
            (counted,) = builder.add(add, (counted, moves), {})
        before, after = Value(counted.type), Value(counted.type, "busy")
        index, *params = part.body.params
        own = Value(index.type, index.hint)
        names: dict[Value, Operand] = {index: own}
        names.update(zip(params, part.init, strict=True))
        trip = Builder(loc=part.loc)
        total: Operand = before
        indices = self.needed(a for stmt in self.reads for a in stmt.args[1:])
        for stmt in (*indices, *self.reads):
            trip.append(clone_stmt(stmt, names))
        for stmt in self.reads:
            (moves,) = trip.add(not_equal, (rename(stmt.out, names), const(0.0)), {})
            (total,) = trip.add(add, (total, moves), {})
        body = trip.block((own, before), (total,))
        builder.append(replace(part, init=(counted,), body=body, carry=(after,), reverse=False))
        return builder.add(not_equal, (after, const(0)), {})[0]
