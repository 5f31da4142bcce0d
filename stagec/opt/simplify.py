"""Local simplification, to a fixed point.

Constants are folded, the rewrites of ops applied, branches on known conditions taken, branches
on one condition merged, results of branches and loop carries that are always the same value
replaced by it.  Dead statements are left for `dce`.

Example: `If(c, yield 1.0, x; yield 2.0, x)` gives its second result the name `x`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar, assert_never

import numpy as np

from stagec.ir.build import Builder
from stagec.ir.core import (
    Apply,
    Block,
    Call,
    Const,
    For,
    If,
    Operand,
    Stmt,
    Undef,
    Value,
    While,
    const,
)
from stagec.ir.function import Function
from stagec.ir.rebuild import map_operands
from stagec.ir.types import ArrayType
from stagec.ir.walk import effectful, substitute
from stagec.ops.cast import to_python
from stagec.ops.comparison import not_
from stagec.opt.fold import folded, rewritten

T = TypeVar("T")

# A round sees through everything the round before made; programs settle in two or three.
ROUNDS = 30


def simplify(fn: Function) -> Function:
    """Simplify the function and its residual functions."""
    functions = tuple(replace(f, body=_settled(f.body)) for f in fn.functions)
    return replace(fn, body=_settled(fn.body), functions=functions)


def _settled(body: Block) -> Block:
    for _ in range(ROUNDS):
        simplifier = _Simplifier()
        body = simplifier.block(body, Builder())
        if not simplifier.changed:
            break
    return body


@dataclass(slots=True)
class _Simplifier:
    """One walk: `names` says what values became, `facts` what conditions are."""

    names: dict[Value, Operand] = field(default_factory=dict[Value, Operand])
    facts: dict[Value, bool] = field(default_factory=dict[Value, bool])
    changed: bool = False

    def block(self, block: Block, outer: Builder) -> Block:
        """The simplified block."""
        builder = outer.nested()
        self._stmts(block.stmts, builder)
        return builder.block(block.params, self._all(block.results))

    def _rename(self, operand: Operand) -> Operand:
        while isinstance(operand, Value) and operand in self.names:
            operand = self.names[operand]
        if isinstance(operand, Value) and operand in self.facts:
            type = operand.type
            if isinstance(type, ArrayType) and type.kind != "array":
                self.changed = True
                fact = self.facts[operand]
                return const(fact if type.weak else np.bool_(fact))
        return operand

    def _all(self, operands: Iterable[Operand]) -> tuple[Operand, ...]:
        return tuple(map(self._rename, operands))

    def _replace(self, outs: Sequence[Value], operands: Sequence[Operand]) -> None:
        self.names.update(zip(outs, operands, strict=True))
        self.changed = True

    def _stmts(self, stmts: Sequence[Stmt], builder: Builder) -> None:
        for stmt in self._merged(stmts):
            stmt = map_operands(stmt, self._rename)
            match stmt:
                case Apply():
                    self._apply(stmt, builder)
                case Call():
                    builder.append(stmt)
                case If():
                    self._if(stmt, builder)
                case For():
                    self._for(stmt, builder)
                case While():
                    self._while(stmt, builder)
                case _:
                    assert_never(stmt)

    def _apply(self, stmt: Apply, builder: Builder) -> None:
        results = folded(stmt)
        if results is None:
            results = rewritten(stmt, builder)
        if results is None:
            builder.append(stmt)
        elif results == stmt.outs:
            self.changed = True
        else:
            self._replace(stmt.outs, results)

    # branches

    def _merged(self, stmts: Sequence[Stmt]) -> list[Stmt]:
        """The statements with branches that follow each other on one condition made one."""
        merged: list[Stmt] = []
        for stmt in stmts:
            last = merged[-1] if merged else None
            if isinstance(last, If) and isinstance(stmt, If) and last.cond == stmt.cond:
                merged[-1] = _merge(last, stmt)
                self.changed = True
            else:
                merged.append(stmt)
        return merged

    def _if(self, stmt: If, builder: Builder) -> None:
        known = self._truth(stmt.cond)
        if known is not None:
            taken = stmt.then if known else stmt.orelse
            self._stmts(taken.stmts, builder)
            self._replace(stmt.outs, self._all(taken.results))
            return
        then = self._under(stmt.cond, True, stmt.then, builder)
        orelse = self._under(stmt.cond, False, stmt.orelse, builder)
        self._join(replace(stmt, then=then, orelse=orelse), builder)

    def _truth(self, cond: Operand) -> bool | None:
        if isinstance(cond, Const):
            return bool(cond.value)
        return self.facts.get(cond) if isinstance(cond, Value) else None

    def _under(self, cond: Operand, fact: bool, block: Block, builder: Builder) -> Block:
        if not isinstance(cond, Value):
            return self.block(block, builder)
        outer = self.facts
        self.facts = outer | dict(_told(cond, fact, builder))
        done = self.block(block, builder)
        self.facts = outer
        return done

    def _join(self, stmt: If, builder: Builder) -> None:
        """Append the branch without the results that are known without it."""
        kept: dict[tuple[Operand, Operand], Value] = {}
        for out, pair in zip(
            stmt.outs, zip(stmt.then.results, stmt.orelse.results, strict=True), strict=True
        ):
            same = pair[0] if pair[0] == pair[1] else kept.get(pair)
            if same is None and _is_condition(stmt.cond, out, pair):
                same = stmt.cond
            if same is None:
                kept[pair] = out
            else:
                self._replace((out,), (same,))
        then = replace(stmt.then, results=tuple(a for a, _ in kept))
        orelse = replace(stmt.orelse, results=tuple(b for _, b in kept))
        builder.append(replace(stmt, then=then, orelse=orelse, outs=tuple(kept.values())))

    # loops

    def _for(self, stmt: For, builder: Builder) -> None:
        bounds = _bounds(stmt)
        if bounds is not None and not bounds:
            self._skip(stmt)
            return
        if bounds is not None and len(bounds) == 1 and self._straight(stmt):
            self._replace(stmt.body.params, (const(bounds[0]), *stmt.init))
            self._stmts(stmt.body.stmts, builder)
            self._replace(stmt.carry, self._all(stmt.body.results))
            return
        kept = self._kept(stmt, (stmt.carry, stmt.body.params[1:]))
        body = _select(stmt.body, kept, lead=1)
        stmt = replace(stmt, init=_pick(stmt.init, kept), carry=_pick(stmt.carry, kept))
        stmt = replace(stmt, body=self.block(body, builder))
        if bounds:
            self._settled(stmt)
        builder.append(self._never_until(stmt))

    def _straight(self, stmt: For) -> bool:
        """Whether one trip of the loop is the same without the loop."""
        set_before = not any(isinstance(start, Undef) for start in stmt.init)
        return set_before and not stmt.until and stmt.trips is None

    def _while(self, stmt: While, builder: Builder) -> None:
        (test,) = self._all(stmt.cond.results)
        first = self._truth(_at_start(stmt, test))
        if first is False and not any(map(effectful, stmt.cond.stmts)):
            self._skip(stmt)
            return
        kept = self._kept(stmt, (stmt.carry, stmt.cond.params, stmt.body.params))
        cond = replace(stmt.cond, params=_pick(stmt.cond.params, kept))
        body = _select(stmt.body, kept, lead=0)
        stmt = replace(stmt, init=_pick(stmt.init, kept), carry=_pick(stmt.carry, kept))
        stmt = replace(stmt, cond=self.block(cond, builder), body=self.block(body, builder))
        if first:
            self._settled(stmt)
        builder.append(self._never_until(stmt))

    def _skip(self, stmt: For | While) -> None:
        """Replace a loop that never runs by its start."""
        self._replace(stmt.carry, stmt.init)
        if stmt.trips is not None:
            self._replace((stmt.trips,), (const(0),))

    def _settled(self, stmt: For | While) -> None:
        """Know what a loop that surely makes a trip leaves, where each trip sets a constant."""
        for out, result in zip(stmt.carry, stmt.body.results, strict=False):
            if isinstance(result, Const) and result.type == out.type:
                self.names[out] = result  # the loop stays as it is: nothing is changed by that

    def _kept(self, stmt: For | While, names: tuple[tuple[Value, ...], ...]) -> list[int]:
        """The carries to keep; the others are named after their start or an equal carry."""
        params = names[-1]
        results = self._all(stmt.body.results[: len(stmt.init)])
        first: dict[tuple[Operand, Operand], int] = {}
        kept: list[int] = []
        for k, (init, result) in enumerate(zip(stmt.init, results, strict=True)):
            twin = first.setdefault((init, result), k)
            if result in (params[k], init):
                for row in names:
                    self._replace((row[k],), (init,))
            elif twin != k:
                for row in names:
                    self._replace((row[k],), (row[twin],))
            else:
                kept.append(k)
        return kept

    def _never_until(self, stmt: For | While) -> For | While:
        if not stmt.until or self._truth(stmt.body.results[-1]) is not False:
            return stmt
        self.changed = True
        return replace(
            stmt, until=False, body=replace(stmt.body, results=stmt.body.results[:-1])
        )


def _at_start(stmt: While, test: Operand) -> Operand:
    """The test before the first trip, if the loop hands it on."""
    start = dict(zip(stmt.cond.params, stmt.init, strict=True))
    return start.get(test, test) if isinstance(test, Value) else test


def _merge(first: If, second: If) -> If:
    then = _sequence(first.then, second.then, first.outs)
    orelse = _sequence(first.orelse, second.orelse, first.outs)
    return replace(first, then=then, orelse=orelse, outs=first.outs + second.outs)


def _sequence(first: Block, second: Block, outs: tuple[Value, ...]) -> Block:
    """`first` then `second`, which knows the results of `first` as `outs`."""
    second = substitute(second, dict(zip(outs, first.results, strict=True)))
    return Block((), first.stmts + second.stmts, first.results + second.results)


def _told(cond: Value, fact: bool, builder: Builder) -> Iterator[tuple[Value, bool]]:
    """What a condition says of itself and of the booleans that it was made from."""
    yield cond, fact
    made = builder.producer(cond)
    if made is None or made.op not in (to_python, not_) or not isinstance(made.args[0], Value):
        return
    kind = made.args[0].type
    if isinstance(kind, ArrayType) and kind.kind != "array" and kind.dtype.kind == "b":
        yield from _told(made.args[0], fact != (made.op is not_), builder)


def _is_condition(cond: Operand, out: Value, pair: tuple[Operand, Operand]) -> bool:
    """Whether the result is True where the condition is, and False where it is not."""
    if cond.type != out.type:
        return False
    then, orelse = pair
    if not isinstance(then, Const) or not isinstance(orelse, Const):
        return False
    return bool(then.value) and not orelse.value


def _bounds(stmt: For) -> range | None:
    """The indices of the loop, if they are known."""
    values = [b.value for b in (stmt.lo, stmt.hi, stmt.step) if isinstance(b, Const)]
    return range(*map(int, values)) if len(values) == 3 and values[2] else None


def _select(body: Block, kept: Sequence[int], lead: int) -> Block:
    """The body with only the carries to keep; `lead` parameters come before them."""
    count = len(body.params) - lead
    params = body.params[:lead] + _pick(body.params[lead:], kept)
    results = _pick(body.results[:count], kept) + body.results[count:]
    return replace(body, params=params, results=results)


def _pick(items: Sequence[T], kept: Sequence[int]) -> tuple[T, ...]:
    return tuple(items[k] for k in kept)
