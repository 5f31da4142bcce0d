"""Backward loops over tables skip what a cotangent of zero adds.

The adjoint of a minimum or maximum gives its cotangent to the operand that was chosen and zeros
to the others.  In dynamic programming nearly all cotangents of the table are such zeros:

    for j in ...:
        t = h_bar[i, j]
        h_bar[i, j - 1] += t if left else 0.0
        h_bar[i - 1, j] += 0.0 if left else t

Here `t` decides alone whether the trip adds anything, and the additions move into a branch `if
t != 0.0`.  Only what is exactly zero then is skipped: sums, masks and multiples by constants of
`t`; a product with a number that may be infinite is not.  A branch keeps a loop from running
several trips at a time, so it is made only where a trip reads what the trip before has added.

A number that the loop carries from trip to trip through masks, as the cotangent of the largest
element so far, stays zero once it is zero.  What is computed from it moves into a branch too:
trips need not wait for it then (`_faded`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from stagec.ir.build import Builder
from stagec.ir.core import (
    Apply,
    Block,
    Const,
    Effect,
    For,
    If,
    Operand,
    Stmt,
    Value,
    const,
    zero,
)
from stagec.ir.function import Function
from stagec.ir.origins import Origins
from stagec.ir.rebuild import map_regions
from stagec.ir.types import ArrayType
from stagec.ir.walk import effectful, operands, rename, substitute, uses
from stagec.ops.arithmetic import add, divide, multiply, negative, subtract
from stagec.ops.cast import astype, to_numpy, to_python
from stagec.ops.comparison import not_equal
from stagec.ops.folding import plus
from stagec.ops.indexing import accumulate, read
from stagec.ops.masks import mask
from stagec.ops.select import choose
from stagec.opt.memory import has_memory, overwritten

SAME = (negative, to_numpy, to_python, astype)  # zero where their operand is
LARGE = 200  # statements of a block that is not looked at


def skips(fn: Function) -> Function:
    """The function with branches around additions that may all be of zeros."""
    functions = tuple(map(skips, fn.functions))
    return replace(fn, body=_block(fn.body), functions=functions)


def _block(block: Block) -> Block:
    stmts: list[Stmt] = []
    for stmt in block.stmts:
        stmt = map_regions(stmt, _block)
        if isinstance(stmt, For) and not stmt.until:
            stmt = replace(stmt, body=_skipping(stmt.body))
            for k in range(len(stmt.init)):
                stmt = replace(stmt, body=_faded(stmt.body, k))
        stmts.append(stmt)
    return replace(block, stmts=tuple(stmts))


def _skipping(body: Block) -> Block:
    """The body of a loop with a branch, where there is something to skip."""
    simple = all(isinstance(s, Apply) for s in body.stmts)
    if not simple or len(body.stmts) > LARGE or not any(_is_mask(s) for s in body.stmts):
        return body
    found = (_Skip.of(body, v) for s in body.stmts for v in s.outs if is_float(v))
    best = max(found, key=lambda skip: len(skip.moved), default=None)
    if best is None or not best.worthwhile():
        return body
    return best.applied()


@dataclass(slots=True)
class _Skip:
    """What a loop does not need to do if the value `test` is zero.

    `zero` are the values that are zero then, `kept` those that equal another one then, which
    is given; `moved` are the statements that can be skipped.
    """

    body: Block
    test: Value
    zero: set[Operand] = field(default_factory=set[Operand])
    kept: dict[Value, Operand] = field(default_factory=dict[Value, Operand])
    moved: set[Stmt] = field(default_factory=set[Stmt])

    @classmethod
    def of(cls, body: Block, test: Value) -> _Skip:
        """What can be skipped for this value."""
        skip = cls(body, test)
        skip.follow()
        skip._collect()
        return skip

    def follow(self) -> None:
        self.zero.add(self.test)
        for stmt in self.body.stmts:
            if not isinstance(stmt, Apply) or len(stmt.outs) != 1 or stmt.out is self.test:
                continue
            if self._is_zero(stmt):
                self.zero.add(stmt.out)
            elif (base := self._base(stmt)) is not None:
                self.kept[stmt.out] = base

    def _is_zero(self, stmt: Apply) -> bool:
        if not is_float(stmt.out) or not self.zero.intersection(stmt.args):
            return False
        needed = zero_with(stmt)
        return needed is not None and all(a in self.zero or is_zero(a) for a in needed)

    def _base(self, stmt: Apply) -> Value | None:
        """What the result equals if the test is zero, where something is added to it."""
        first, second = (*stmt.args, None, None)[:2]
        if stmt.op in (accumulate, add, plus, subtract) and second in self.zero:
            base = first
        elif stmt.op in (add, plus) and first in self.zero:
            base = second
        else:
            return None
        return base if isinstance(base, Value) and base.type == stmt.out.type else None

    def _collect(self) -> None:
        """Choose what to move: additions, and what nothing else needs."""
        chosen = {s for s in self.body.stmts if not self.kept.keys().isdisjoint(s.outs)}
        while True:
            used = {a for s in self.body.stmts if s not in chosen for a in uses(s)}
            left = {s for s in chosen if used.isdisjoint(s.outs)}
            if left == chosen:
                break
            chosen = left
        self.moved = chosen | self.private(chosen)

    def private(self, chosen: set[Stmt]) -> set[Stmt]:
        """The ops without effects whose results only the chosen statements need."""
        origins = Origins.of_block(self.body)
        rest = [s for s in self.body.stmts if s not in chosen]
        # an array that is written to has another content at the end of the trip
        written = {origins.root(v) for s in rest for v in overwritten(s)}
        # where the additions are skipped, what they are added to is the result
        bases = {self.kept[v] for s in chosen for v in s.outs if v in self.kept}
        needed: set[Operand] = {*self.body.results, self.test, *bases}
        found: set[Stmt] = set()
        for stmt in reversed(rest):
            moves = (
                isinstance(stmt, Apply)
                and stmt.op.effect is Effect.NONE
                and not any(has_memory(o.type) for o in stmt.outs)
            )
            read_from = {origins.root(a) for a in operands(stmt) if has_memory(a.type)}
            if moves and needed.isdisjoint(stmt.outs) and written.isdisjoint(read_from):
                found.add(stmt)
            else:
                needed.update(uses(stmt))
        return found

    def worthwhile(self) -> bool:
        """Whether masks are skipped, and the next trip reads what is added."""
        origins = Origins.of_block(self.body)
        added = {
            origins.root(s.args[0])
            for s in self.moved
            if isinstance(s, Apply) and s.op is accumulate
        }
        behind = {self.test}
        for stmt in reversed(self.body.stmts):
            if not behind.isdisjoint(stmt.outs):
                behind.update(v for v in operands(stmt) if isinstance(v, Value))
        again = any(
            isinstance(s, Apply) and s.op is read and s.out in behind
            and origins.root(s.args[0]) in added
            for s in self.body.stmts
        )  # fmt: skip
        return again and any(_is_mask(s) for s in self.moved)

    def applied(self) -> Block:
        """The body with the branch at its end."""
        moved = [s for s in self.body.stmts if s in self.moved]
        builder = Builder([s for s in self.body.stmts if s not in self.moved], moved[0].loc)
        inner = {v for s in moved for v in s.outs}
        live = list(dict.fromkeys(r for r in self.body.results if isinstance(r, Value)))
        live = [v for v in live if v in inner]
        outs = tuple(Value(v.type, v.hint) for v in live)
        (cond,) = builder.add(not_equal, (self.test, const(0.0)), {})
        then = Block((), tuple(moved), tuple(live))
        orelse = Block((), (), tuple(self._before(v, inner) for v in live))
        builder.append(If(cond, then, orelse, outs, builder.loc))
        names: dict[Value, Operand] = dict(zip(live, outs, strict=True))
        results = tuple(rename(r, names) for r in self.body.results)
        return replace(self.body, stmts=tuple(builder.stmts), results=results)

    def _before(self, value: Operand, inner: set[Value]) -> Operand:
        """What the value is where the branch is not taken."""
        while value in inner:
            value = self.kept[value]  # type: ignore[index]
        return value


def _faded(body: Block, k: int) -> Block:
    """The body of a loop with a branch around what is zero if its carry number `k` is, where
    that is zero on the next trip as well.
    """
    param, result = body.params[1 + k], body.results[k]
    skip = _Skip(body, param)
    if not is_float(param) or result is param or any(map(effectful, body.stmts)):
        return body
    skip.follow()
    chain = [s for s in body.stmts if not skip.zero.isdisjoint(s.outs)]
    if result not in skip.zero or not any(map(_is_mask, chain)):
        return body
    moved = {*chain, *skip.private(set(chain))}
    before, after = _around(body, moved)
    inner = {v for s in moved for v in uses(s)}
    if not inner.isdisjoint(v for s in after for v in s.outs) or _passes(body, after):
        return body
    used = {*body.results, *(v for s in after for v in uses(s))}
    live = [v for s in chain for v in s.outs if v in used]
    kinds = [v.type for v in live]
    zeros = tuple(zero(kind) for kind in kinds if isinstance(kind, ArrayType))
    if [z.type for z in zeros] != kinds:
        return body
    builder = Builder(before, chain[0].loc)
    (cond,) = builder.add(not_equal, (param, const(0.0)), {})
    then = Block((), tuple(s for s in body.stmts if s in moved), tuple(live))
    outs = tuple(Value(v.type, v.hint) for v in live)
    builder.append(If(cond, then, Block((), (), zeros), outs, builder.loc))
    rest = Block(body.params, tuple(after), body.results)
    rest = substitute(rest, dict(zip(live, outs, strict=True)))
    return replace(rest, stmts=(*builder.stmts, *rest.stmts))


def _around(body: Block, moved: set[Stmt]) -> tuple[list[Stmt], list[Stmt]]:
    """The other statements: those that need nothing of the moved ones, and those that do."""
    made = {v for s in moved for v in s.outs}
    before, after = list[Stmt](), list[Stmt]()
    for stmt in body.stmts:
        if stmt in moved:
            continue
        if made.isdisjoint(uses(stmt)):
            before.append(stmt)
        else:
            after.append(stmt)
            made.update(stmt.outs)
    return before, after


def _passes(body: Block, after: list[Stmt]) -> bool:
    """Whether one of the statements would come behind a write to an array that it uses."""
    origins = Origins.of_block(body)
    touched: set[Operand] = set()
    for stmt in body.stmts:
        if stmt in after:
            touched.update(origins.root(v) for v in uses(stmt) if has_memory(v.type))
        elif any(origins.root(v) in touched for v in overwritten(stmt)):
            return True
    return False


def zero_with(stmt: Apply) -> tuple[Operand, ...] | None:
    """The operands with which the result is zero, if all of them are; None: it may not be."""
    if stmt.op in SAME:
        return stmt.args[:1]
    if stmt.op is mask:
        return stmt.args[1:2]
    if stmt.op is choose:
        return stmt.args[1:3]
    if stmt.op in (add, plus, subtract):
        return stmt.args
    if stmt.op is multiply:
        pairs = zip(stmt.args, reversed(stmt.args), strict=True)
        return next(((a,) for a, b in pairs if _is_finite(b)), None)
    return stmt.args[:1] if stmt.op is divide and _is_finite(stmt.args[1]) else None


def _is_mask(stmt: Stmt) -> bool:
    return isinstance(stmt, Apply) and stmt.op is mask


def is_float(value: Operand) -> bool:
    """Whether the value is one floating-point number."""
    kind = value.type
    return isinstance(kind, ArrayType) and not kind.rank and kind.dtype.kind == "f"


def is_zero(operand: Operand) -> bool:
    """Whether the operand is the constant zero."""
    return isinstance(operand, Const) and operand.value == 0


def _is_finite(operand: Operand) -> bool:
    return isinstance(operand, Const) and math.isfinite(operand.value)
