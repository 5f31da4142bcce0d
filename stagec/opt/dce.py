"""Dead code elimination: statements, results of branches, loop carries and trip counts.

What an effect needs is needed; from there and from the results of the function, need spreads
backwards.  A loop that only computes what nobody needs goes, and so does a carry that is used
for nothing but itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar, assert_never

from stagec.ir.core import Apply, Block, Call, Effect, For, If, Operand, Stmt, Value, While
from stagec.ir.function import Function
from stagec.ir.walk import regions, statements

T = TypeVar("T")


def dce(fn: Function) -> Function:
    """Drop everything that neither a result nor an effect needs."""
    pure = _pure(fn.functions)
    body = _swept(fn.body, pure)
    functions = tuple(replace(f, body=_swept(f.body, pure)) for f in fn.functions)
    called = _called(body, {f.name: f for f in functions})
    return replace(fn, body=body, functions=tuple(f for f in functions if f.name in called))


def _pure(functions: Sequence[Function]) -> set[str]:
    """The functions that neither have an effect nor call one that has."""
    pure = {f.name for f in functions}
    while True:
        impure = {f.name for f in functions if f.name in pure and _acts(f.body, pure)}
        if not impure:
            return pure
        pure -= impure


def _acts(block: Block, pure: set[str]) -> bool:
    return any(_effect(stmt, pure) for stmt in statements(block))


def _effect(stmt: Stmt, pure: set[str]) -> bool:
    """Whether the statement itself, regions aside, must stay."""
    if isinstance(stmt, Call):
        return stmt.function not in pure
    return isinstance(stmt, Apply) and stmt.op.effect is not Effect.NONE


def _called(body: Block, functions: dict[str, Function]) -> set[str]:
    called: set[str] = set()
    pending = [body]
    while pending:
        for stmt in statements(pending.pop()):
            if isinstance(stmt, Call) and stmt.function in functions.keys() - called:
                called.add(stmt.function)
                pending.append(functions[stmt.function].body)
    return called


def _swept(body: Block, pure: set[str]) -> Block:
    needs = _Needs()
    needs.enter(body, None)
    needs.want(body.results)
    for stmt in statements(body):
        if _effect(stmt, pure):
            needs.keep(stmt)
    needs.spread()
    return _rebuilt(body, needs)


class _Needs:
    """The statements and values that are needed, and the work list that finds them."""

    def __init__(self) -> None:
        self.stmts: set[Stmt] = set()
        self.values: set[Value] = set()
        self._pending: list[Value] = []
        self._definer: dict[Value, Stmt] = {}
        self._parent: dict[Stmt, Stmt | None] = {}

    def enter(self, block: Block, parent: Stmt | None) -> None:
        """Note who defines what in the block and below it."""
        if parent is not None:
            self._definer.update(dict.fromkeys(block.params, parent))
        for stmt in block.stmts:
            self._parent[stmt] = parent
            self._definer.update(dict.fromkeys(stmt.outs, stmt))
            for region in regions(stmt):
                self.enter(region, stmt)

    def want(self, wanted: Iterable[Operand]) -> None:
        """Mark the operands as needed."""
        for operand in wanted:
            if isinstance(operand, Value) and operand not in self.values:
                self.values.add(operand)
                self._pending.append(operand)

    def keep(self, stmt: Stmt | None) -> None:
        """Mark the statement and those around it as needed."""
        while stmt is not None and stmt not in self.stmts:
            self.stmts.add(stmt)
            self.want(_control(stmt))
            stmt = self._parent[stmt]

    def spread(self) -> None:
        """Mark what the marked values need."""
        while self._pending:
            value = self._pending.pop()
            stmt = self._definer.get(value)
            if stmt is not None:
                self.keep(stmt)
                self.want(_sources(stmt, value))


def _control(stmt: Stmt) -> tuple[Operand, ...]:
    """The operands that the statement needs whichever of its results are needed."""
    match stmt:
        case Apply(args=args) | Call(args=args):
            return args
        case If(cond=cond):
            return (cond,)
        case For():
            return (stmt.lo, stmt.hi, stmt.step, *stmt.body.results[len(stmt.init) :])
        case While():
            return (*stmt.cond.results, *stmt.body.results[len(stmt.init) :])
        case _:
            assert_never(stmt)


def _sources(stmt: Stmt, value: Value) -> tuple[Operand, ...]:
    """What a result, or a parameter of a region, of the statement is computed from."""
    match stmt:
        case Apply() | Call():
            return ()
        case If(then=then, orelse=orelse, outs=outs):
            k = outs.index(value)
            return then.results[k], orelse.results[k]
        case For() | While():
            return _column(stmt, value)
        case _:
            assert_never(stmt)


def _column(stmt: For | While, value: Value) -> tuple[Operand, ...]:
    """All that stands for a carry, given one of its names: needing one is needing all."""
    match stmt:
        case For(body=body, carry=carry):
            names = (carry, body.params[1:])
        case While(cond=cond, body=body, carry=carry):
            names = (carry, cond.params, body.params)
        case _:
            assert_never(stmt)
    for row in names:
        if value in row:
            k = row.index(value)
            return stmt.init[k], stmt.body.results[k], *(other[k] for other in names)
    return ()


def _rebuilt(block: Block, needs: _Needs) -> Block:
    stmts = tuple(_reduced(stmt, needs) for stmt in block.stmts if stmt in needs.stmts)
    return replace(block, stmts=stmts)


def _reduced(stmt: Stmt, needs: _Needs) -> Stmt:
    """The statement without the results, carries and nested statements not needed."""
    match stmt:
        case Apply() | Call():
            return stmt
        case If(then=then, orelse=orelse, outs=outs):
            kept = [out in needs.values for out in outs]
            return replace(
                stmt,
                then=_results(_rebuilt(then, needs), kept),
                orelse=_results(_rebuilt(orelse, needs), kept),
                outs=_pick(outs, kept),
            )
        case For():
            kept = [param in needs.values for param in stmt.body.params[1:]]
            body = replace(stmt.body, params=_pick(stmt.body.params, [True, *kept]))
            body = _results(_rebuilt(body, needs), kept)
            return _carries(replace(stmt, body=body), kept, needs)
        case While():
            kept = [param in needs.values for param in stmt.body.params]
            cond = _rebuilt(replace(stmt.cond, params=_pick(stmt.cond.params, kept)), needs)
            body = replace(stmt.body, params=_pick(stmt.body.params, kept))
            body = _results(_rebuilt(body, needs), kept)
            return _carries(replace(stmt, cond=cond, body=body), kept, needs)
        case _:
            assert_never(stmt)


def _carries(stmt: For | While, kept: list[bool], needs: _Needs) -> For | While:
    trips = stmt.trips if stmt.trips in needs.values else None
    return replace(
        stmt, init=_pick(stmt.init, kept), carry=_pick(stmt.carry, kept), trips=trips
    )


def _results(block: Block, kept: list[bool]) -> Block:
    """The block with only the results to keep, and those beyond `kept`."""
    results = _pick(block.results[: len(kept)], kept) + block.results[len(kept) :]
    return replace(block, results=results)


def _pick(items: tuple[T, ...], kept: list[bool]) -> tuple[T, ...]:
    return tuple(item for item, keep in zip(items, kept, strict=True) if keep)
