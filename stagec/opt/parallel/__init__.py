"""Kernels that are one loop whose trips may run at the same time, as calls in parts.

Such a kernel does a range of the trips, and no more; what it did besides, to make arrays and
numbers, is done where it is called.  The runtime makes one call of it where there is little
work, and several on threads where there is much (`stagec_runtime.threads`): there is one text
and one machine code for both.

The pass is run after bufferisation, when writes happen in place: from here on a value stands
for its memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from stagec.ir.build import Builder
from stagec.ir.core import (
    Apply,
    Block,
    Call,
    Const,
    For,
    Op,
    Operand,
    Stmt,
    Value,
    const,
    known,
)
from stagec.ir.function import Function
from stagec.ir.inline import inline
from stagec.ir.rebuild import map_regions
from stagec.ir.sharing import Memory, holds_memory
from stagec.ir.types import INT, ArrayType, Symbol
from stagec.ir.walk import clone, free_values, rename, statements, substitute_stmt, uses
from stagec.ops.cast import astype, to_numpy, to_python
from stagec.ops.creation import zeros_like
from stagec.ops.handing import handed
from stagec.ops.index_facts import IndexFacts, given_sizes
from stagec.ops.indexing import WHOLE, accumulate
from stagec.opt.elements import as_python, as_returned, is_size
from stagec.opt.parallel.independence import independent
from stagec.opt.parallel.work import work

LEAST = 50_000  # work known at staging that is surely too little


def parallel(fn: Function) -> Function:
    """The function with its kernels called in parts where that can be done."""
    lengths = dict(fn.lengths)
    cut = {f.name: made for f in named(fn) if f.kernel and (made := in_parts(f, lengths))}
    return _replaced(fn, cut) if cut else fn


def named(fn: Function) -> Iterator[Function]:
    """The function and those below it."""
    yield fn
    for inner in fn.functions:
        yield from named(inner)


@dataclass(frozen=True, slots=True)
class InParts:
    """A kernel cut into what its caller does, and what is done in parts."""

    caller: Function
    part: Function


def _replaced(fn: Function, cut: Mapping[str, InParts]) -> Function:
    functions = tuple(
        cut[f.name].part if f.name in cut else _replaced(f, cut) for f in fn.functions
    )
    return replace(fn, body=_Inliner(cut).block(fn.body), functions=functions)


def in_parts(kernel: Function, lengths: Mapping[Symbol, int]) -> InParts | None:
    """The kernel in parts, if it is one loop whose trips are independent and may be many."""
    looping = [s for s in kernel.body.stmts if not isinstance(s, Apply)]
    loop = looping[0] if len(looping) == 1 else None
    if not isinstance(loop, For):
        return None
    at = kernel.body.stmts.index(loop)
    facts = IndexFacts(given_sizes(kernel.params), "trip")
    for stmt in kernel.body.stmts[:at]:
        assert isinstance(stmt, Apply)
        facts.note(stmt)
    step = known(loop.step)
    if not isinstance(step, int) or step < 1 or not facts.holds(facts.of(loop.lo)):
        return None
    folds = independent(loop, facts, Memory(kernel.body, True), lengths)
    if folds is None:
        return None
    builder = Builder(list(kernel.body.stmts[:at]), loc=loop.loc)
    amount = work(loop, builder)
    if isinstance(amount, Const) and amount.value < LEAST:
        return None
    return _cut(kernel, loop, folds, builder, amount)


def _cut(
    kernel: Function, loop: For, folds: Mapping[int, Op], builder: Builder, amount: Operand
) -> InParts:
    """The kernel in parts; `builder` has what comes before the call."""
    part, given = _part(kernel, loop, folds)
    outs = tuple(
        Value(r.type, loop.carry[k].hint) for k, r in zip(folds, part.results, strict=True)
    )
    args = (loop.lo, loop.hi, *given)
    combine = tuple(folds.values())
    step = known(loop.step)
    assert isinstance(step, int)
    builder.append(Call(part.name, args, outs, loop.loc, amount, combine, step))
    # an array is what it was before, written to
    names: dict[Value, Operand] = {
        out: start
        for out, start in zip(loop.carry, loop.init, strict=True)
        if holds_memory(out)
    }
    for (k, op), out in zip(folds.items(), outs, strict=True):
        names[loop.carry[k]] = _folded(builder, op, loop.init[k], out)
    at = kernel.body.stmts.index(loop)
    after = [substitute_stmt(s, names) for s in kernel.body.stmts[at + 1 :]]
    results = [rename(r, names) for r in kernel.results]
    body = Block(kernel.params, (*builder.stmts, *after), tuple(results))
    return InParts(replace(kernel, body=body, kernel=False), part)


def _folded(builder: Builder, op: Op, start: Operand, out: Value) -> Operand:
    """What the loop carries in the end: what its trips fold, and what it started with."""
    kind = start.type
    assert isinstance(kind, ArrayType)
    if holds_memory(start):
        return builder.add(accumulate, (start, out), {"path": WHOLE}, out.hint)[0]
    if out.type != kind:
        made = Value(kind, out.hint)
        if isinstance(out.type, ArrayType) and out.type.dtype == kind.dtype:
            builder.append(Apply(to_numpy, (out,), (), (made,), builder.loc))
        else:
            attrs = (("dtype", kind.dtype),)
            builder.append(Apply(astype, (out,), attrs, (made,), builder.loc))
        out = made
    if isinstance(start, Const) and start.value == op.neutral:
        return out
    return builder.add(op, (start, out), {}, out.hint)[0]


def _part(
    kernel: Function, loop: For, folds: Mapping[int, Op]
) -> tuple[Function, tuple[Value, ...]]:
    """The kernel of a range of trips, and what it is given besides the range."""
    own = Builder(loc=loop.loc)
    starts = tuple(
        _neutral(own, folds[k], init) if k in folds else init
        for k, init in enumerate(loop.init)
    )
    first, last = Value(INT, "start"), Value(INT, "stop")
    ranged = replace(loop, lo=first, hi=last, init=starts, reverse=False)
    stmts = (*_lengths(kernel, ranged), *own.stmts, ranged)
    used = [v for v in free_values(Block((first, last), stmts, ())) if v not in (first, last)]
    # arrays that are written to come last
    given = tuple(sorted(used, key=lambda v: v in starts and holds_memory(v)))
    body = clone(Block((first, last, *given), stmts, loop.carry), {})
    builder = Builder(list(body.stmts))
    stmts = (s for s in statements(kernel.body) if isinstance(s, Apply))
    whole = {s.args[0] for s in stmts if s.op is handed}
    results = [
        (as_returned if loop.carry[k] in whole else as_python)(builder, body.results[k])
        for k in folds
    ]
    block = builder.block(body.params, results)
    return Function(kernel.name, block, kernel=True, whole=kernel), given


def _lengths(kernel: Function, loop: For) -> list[Stmt]:
    """What computes the lengths that the loop uses from arrays that it uses."""
    wanted = set(uses(loop))
    arrays = {v for v in wanted if holds_memory(v)}
    found: list[Stmt] = []
    for stmt in reversed(kernel.body.stmts):
        if not isinstance(stmt, Apply) or wanted.isdisjoint(stmt.outs) or not is_size(stmt):
            continue
        if all(a in arrays or not holds_memory(a) for a in stmt.args):
            wanted.update(a for a in stmt.args if isinstance(a, Value))
            found.append(stmt)
    return found[::-1]


def _neutral(builder: Builder, op: Op, start: Operand) -> Operand:
    """What the op leaves a number as it is with, or an array, in the type of `start`."""
    kind = start.type
    assert isinstance(kind, ArrayType)
    if holds_memory(start):
        assert isinstance(start, Value)
        return builder.add(zeros_like, (start,), {"dtype": kind.dtype}, start.hint)[0]
    return const(op.neutral if kind.kind == "py" else kind.dtype.type(op.neutral))


# --- callers ---------------------------------------------------------------------------------


@dataclass(slots=True)
class _Inliner:
    """Puts what callers of kernels do in the place of calls.

    `known` are the numbers computed so far, by what computes them; `numbers` the Python numbers
    that NumPy scalars were made from; `scalars` the NumPy scalars that Python numbers were.
    """

    cut: Mapping[str, InParts]
    names: dict[Value, Operand] = field(default_factory=dict[Value, Operand])
    known: dict[object, Value] = field(default_factory=dict[object, Value])
    numbers: dict[Operand, Operand] = field(default_factory=dict[Operand, Operand])
    scalars: dict[Operand, Operand] = field(default_factory=dict[Operand, Operand])

    def block(self, block: Block) -> Block:
        """The block with the calls replaced."""
        known = dict(self.known)
        stmts: list[Stmt] = []
        for stmt in block.stmts:
            stmt = substitute_stmt(stmt, self.names) if self.names else stmt
            if isinstance(stmt, Call) and stmt.function in self.cut:
                made, results = inline(self.cut[stmt.function].caller, stmt.args)
                for inner in made:
                    stmts += self.kept(substitute_stmt(inner, self.names))
                self.names.update(
                    zip(stmt.outs, (rename(r, self.names) for r in results), strict=True)
                )
            elif isinstance(stmt, Apply):
                stmts += self.kept(stmt)
            else:
                stmts.append(map_regions(stmt, self.block))
        self.known = known
        results = tuple(rename(r, self.names) for r in block.results)
        used = {v for s in stmts for v in uses(s)}.union(results)
        kept = (s for s in stmts if not self.idle(s, used))
        return replace(block, stmts=tuple(kept), results=results)

    def idle(self, stmt: Stmt, used: set[Operand]) -> bool:
        """Whether the statement makes a Python number that is not used any more."""
        return isinstance(stmt, Apply) and stmt.op is to_python and stmt.out not in used

    def kept(self, stmt: Stmt) -> list[Stmt]:
        """The statement; nothing if what it computes is there already."""
        if not isinstance(stmt, Apply) or len(stmt.outs) != 1:
            return [stmt]
        (out,) = stmt.outs
        if stmt.op is to_python and stmt.args[0] in self.numbers:
            number = self.numbers[stmt.args[0]]
            if number.type == out.type:
                self.names[out] = number
                return []
        if stmt.op is to_numpy:
            scalar = self.scalars.get(stmt.args[0])
            if scalar is not None and scalar.type == out.type:
                self.names[out] = scalar
                return []
            self.numbers[out] = stmt.args[0]
        if stmt.op is to_python:
            self.scalars[out] = stmt.args[0]
        kind = out.type
        if not isinstance(kind, ArrayType) or kind.kind != "py" or kind.dtype.kind != "i":
            return [stmt]
        if stmt.raises:
            return [stmt]
        key = (stmt.op, stmt.args, stmt.attrs)
        if key in self.known:
            self.names[out] = self.known[key]
            return []
        self.known[key] = out
        return [stmt]
