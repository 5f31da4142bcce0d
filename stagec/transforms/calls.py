"""Calls of residual functions in a backward sweep.

The backward pass of a call is a call of the callee's adjoint function, which runs the callee
again and then back: the arguments are all that is kept, so recursion needs no nested tapes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from stagec.errors import StagecError
from stagec.ir.core import Apply, Block, Call, Effect, Value
from stagec.ir.function import Function
from stagec.ir.walk import statements
from stagec.transforms.cotangents import converted
from stagec.transforms.family import family, unused
from stagec.transforms.halves import halves
from stagec.transforms.sweep import Sweep

Key = tuple[str, tuple[int, ...], tuple[int, ...]]


@dataclass(slots=True)
class Calls:
    """The functions that may be called, and the adjoint functions made of them so far."""

    known: dict[str, Function]
    names: dict[Key, str] = field(default_factory=dict[Key, str])
    made: dict[str, Function] = field(default_factory=dict[str, Function])

    @classmethod
    def of(cls, fn: Function) -> Calls:
        """The functions that `fn` may call."""
        return cls({f.name: f for f in family(fn)})

    def all(self) -> tuple[Function, ...]:
        """The functions that generated code may call."""
        return (*self.known.values(), *self.made.values())

    def rule(self, sweep: Sweep, stmt: Call) -> None:
        """Add the cotangents of the arguments of a call."""
        builder, cts = sweep.builder, sweep.cts
        callee = self.known[stmt.function]
        wrt = tuple(k for k, a in enumerate(stmt.args) if a in sweep.active)
        taken = [cts.take(v) for v in stmt.outs]
        of = tuple(k for k, ct in enumerate(taken) if ct is not None)
        seeds = [
            converted(builder, ct, result.type)
            for ct, result in zip(taken, callee.results, strict=True)
            if ct is not None
        ]
        name = self._adjoint(callee, wrt, of, stmt)
        outs = tuple(Value(callee.params[k].type) for k in wrt)
        builder.append(Call(name, (*stmt.args, *seeds), outs, stmt.loc))
        for k, out in zip(wrt, outs, strict=True):
            cts.add(stmt.args[k], out)

    def _adjoint(
        self, callee: Function, wrt: tuple[int, ...], of: tuple[int, ...], stmt: Call
    ) -> str:
        key = callee.name, wrt, of
        if key in self.names:
            return self.names[key]
        self._check(callee, stmt)
        self.names[key] = name = unused(
            f"{callee.name}_bar", {*self.known, *self.names.values()}
        )
        parts = halves(callee, wrt, of, self.rule)
        stmts = (*parts.forward.stmts, *parts.backward.stmts)
        body = Block((*callee.params, *parts.seeds), stmts, parts.backward.results)
        fresh = tuple(True for _ in wrt)
        self.made[name] = Function(name, body, fresh=fresh, errstate=callee.errstate)
        return name

    def _check(self, callee: Function, stmt: Call) -> None:
        for found in self._effects(callee, set()):
            raise StagecError(
                "SC402",
                f"{callee.name}: {found.op.name} would happen twice, as reverse mode runs this "
                "function again in the backward pass",
                stmt.loc,
                "move the effect out of the recursive function",
            )

    def _effects(self, fn: Function, seen: set[str]) -> Iterator[Apply]:
        seen.add(fn.name)
        for stmt in statements(fn.body):
            if isinstance(stmt, Apply) and stmt.op.effect is Effect.ORDERED:
                yield stmt
            if isinstance(stmt, Call) and stmt.function not in seen:
                yield from self._effects(self.known[stmt.function], seen)
