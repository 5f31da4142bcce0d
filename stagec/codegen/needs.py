"""What is printed at all: what effects, jumps and returned values need.

The passes have dropped dead code, but a template may ignore an operand, and a loop that
returns from within needs fewer carries.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from stagec.codegen.plan import Plan, parameters
from stagec.ir.core import Apply, Block, Call, For, If, Operand, Stmt, Value, While
from stagec.ir.walk import effectful


def find_needs(plan: Plan, body: Block, written: Iterable[Operand] = ()) -> None:
    """Fill in `needed` and `kept`; `written` are arrays whose content the caller needs."""
    needs = _Needs(plan)
    needs.enter(body, None)
    needs.tails(body)
    needs.want(written)
    needs.spread()


class _Needs:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._pending: list[Value] = []
        self._sources: dict[Value, list[Operand]] = {}
        self._parent: dict[Stmt, Stmt | None] = {}
        self._owner: dict[Value, Stmt] = {}
        self._effects: list[Stmt] = []

    def enter(self, block: Block, parent: Stmt | None) -> None:
        """Note where each value comes from, in the block and below it."""
        for stmt in block.stmts:
            self._parent[stmt] = parent
            if isinstance(stmt, Apply | Call) and effectful(stmt):
                self._effects.append(stmt)
            self._owner.update(dict.fromkeys(stmt.outs, stmt))
            match stmt:
                case If() if stmt in self._plan.expressions:
                    results = (*stmt.then.results, *stmt.orelse.results)
                    self._sources.setdefault(stmt.outs[0], []).extend(results)
                case For() | While():
                    self._enter_loop(stmt)
                case _:
                    pass
            for region in self._plan.regions(stmt):
                self.enter(region, stmt)
        if not self._plan.is_pushed(block):
            end = self._plan.ends[block]
            # nothing is assigned where the function returns
            assigned = (
                zip(end.targets, end.results, strict=False) if end.returned is None else ()
            )
            for target, result in assigned:
                self._sources.setdefault(target, []).append(result)

    def _enter_loop(self, stmt: For | While) -> None:
        for param, start, out in zip(parameters(stmt), stmt.init, stmt.carry, strict=True):
            self._owner[param] = stmt
            self._sources.setdefault(param, []).append(start)
            self._sources[out] = [param]
        if self._plan.ends[stmt.body].leave is not None:
            self._effects.append(stmt)
        if isinstance(stmt, While):
            for test, param in zip(stmt.cond.params, parameters(stmt), strict=True):
                self._owner[test] = stmt
                self._sources[test] = [param]

    def tails(self, block: Block) -> None:
        """Mark what the ends of the block need in any case."""
        if self._plan.is_pushed(block):
            self._keep(block.stmts[-1])
        for tail in self._plan.tails(block):
            end = self._plan.ends[tail]
            self.want(end.tested if end.kind == "loop" else end.results)

    def spread(self) -> None:
        """Mark what effects and the marked values need."""
        for stmt in self._effects:
            self._keep(stmt)
        while self._pending:
            value = self._pending.pop()
            if value in self._owner:
                self._keep(self._owner[value])
            self.want(self._sources.get(value, ()))

    def want(self, operands: Iterable[Operand]) -> None:
        """Mark the operands."""
        for operand in operands:
            if isinstance(operand, Value) and operand not in self._plan.needed:
                self._plan.needed.add(operand)
                self._pending.append(operand)

    def _keep(self, stmt: Stmt | None) -> None:
        while stmt is not None and stmt not in self._plan.kept:
            self._plan.kept.add(stmt)
            self._control(stmt)
            stmt = self._parent[stmt]

    def _control(self, stmt: Stmt) -> None:
        """Mark what the statement needs whichever of its results are needed."""
        match stmt:
            case Apply(op=op, args=args):
                written = () if op.overwrites is None else (args[op.overwrites],)
                self.want((*self._plan.slots(stmt), *written))
            case Call():
                self.want(self._plan.mentions(stmt))
            case If():
                self.want(self._plan.condition(stmt))
                if stmt in self._plan.pushed:
                    for region in self._plan.regions(stmt):
                        if self._plan.is_pushed(region):
                            self._keep(region.stmts[-1])
            case For(lo=lo, hi=hi, step=step):
                self.want((lo, hi, step))
                self.tails(stmt.body)
            case While(cond=cond):
                self.want(cond.results)
                self.tails(stmt.body)
            case _:
                assert_never(stmt)
