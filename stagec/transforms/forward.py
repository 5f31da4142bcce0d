"""Forward mode: a function that also computes the tangents of its results.

Tangents are computed right after the values that they belong to, and threaded through loops and
branches beside them.  The output is ordinary IR, so both modes apply to it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, assert_never

from stagec.ir.build import Builder
from stagec.ir.core import (
    Apply,
    Block,
    Call,
    For,
    If,
    Operand,
    Stmt,
    Undef,
    Value,
    While,
    operand_of,
)
from stagec.ir.function import Function
from stagec.ir.types import Type
from stagec.ops.arithmetic import Handle
from stagec.ops.expansion import expandable, expanded
from stagec.transforms.activity import (
    Activity,
    activity,
    constant,
    differentiable,
    loop_params,
    loop_results,
)
from stagec.transforms.cotangents import (
    coerce,
    converted,
    cotangent_type,
    joined,
    shaped_like,
    zero,
)
from stagec.transforms.family import check_differentiable, family, fresh_flags, unused
from stagec.transforms.naming import named
from stagec.transforms.rules import rule_of
from stagec.transforms.shapes import Shapes


def forward(fn: Function, wrt: Sequence[int]) -> Function:
    """`fn` with a tangent for each parameter number `wrt`, and one for each inexact result."""
    check_differentiable(fn, wrt, fn.params)
    calls = _Calls({f.name: f for f in family(fn)})
    body = _differentiated(fn, wrt, calls)
    extra = len(body.results) - len(fn.results)
    return Function(
        name=f"{fn.name}_jvp",
        body=body,
        fresh=(*fresh_flags(fn), *(True for _ in range(extra))),
        functions=(*calls.known.values(), *calls.made.values()),
        errstate=fn.errstate,
    )


def _differentiated(fn: Function, wrt: Sequence[int], calls: _Calls) -> Block:
    chosen = [fn.params[k] for k in wrt]
    block = fn.body
    while expandable(block, rules := activity(block, chosen, block.results).definition):
        block = expanded(block, rules)
    seeds = {p: Value(p.type, p.hint and f"{p.hint}_dot") for p in chosen}
    push = _Push(
        Builder(),
        activity(block, chosen, block.results),
        Shapes.of(block, later=False),
        calls,
        dict(seeds),
    )
    push.run(block)
    finals = [
        converted(push.builder, push.full(r), r.type)
        for r in block.results
        if differentiable(r.type)
    ]
    params = (*block.params, *seeds.values())
    return named(push.builder.block(params, [*block.results, *finals]), push.hints)


@dataclass(slots=True)
class _Calls:
    """The functions that may be called, and those with tangents made of them so far."""

    known: dict[str, Function]
    names: dict[tuple[str, tuple[int, ...]], str] = field(
        default_factory=dict[tuple[str, tuple[int, ...]], str]
    )
    made: dict[str, Function] = field(default_factory=dict[str, Function])

    def tangent(self, callee: Function, wrt: tuple[int, ...]) -> str:
        """The name of the function that computes the tangents of `callee` too."""
        key = callee.name, wrt
        if key not in self.names:
            taken = {*self.known, *self.names.values()}
            self.names[key] = name = unused(f"{callee.name}_dot", taken)
            body = _differentiated(callee, wrt, self)
            self.made[name] = Function(name, body, errstate=callee.errstate)
        return self.names[key]


@dataclass(slots=True)
class _Push:
    """Copies the statements of a block, with those that compute tangents after them."""

    builder: Builder
    active: Activity
    shapes: Shapes
    calls: _Calls
    tangents: dict[Value, Operand]
    hints: dict[Value, str] = field(default_factory=dict[Value, str])

    def run(self, block: Block) -> None:
        """Append the statements of the block."""
        for stmt in block.stmts:
            self.builder.loc = stmt.loc
            self._stmt(stmt)

    def get(self, operand: Operand) -> Operand | None:
        """The tangent of the operand; None if it is zero."""
        return self.tangents.get(operand) if isinstance(operand, Value) else None

    def full(self, operand: Operand) -> Operand:
        """The tangent of the operand, zeros included."""
        if isinstance(operand, Undef):
            return operand
        found = self.get(operand)
        return zero(self.builder, self.shapes, operand) if found is None else found

    def _set(self, value: Value, tangent: Operand) -> None:
        if isinstance(tangent, Value) and value.hint:
            self.hints.setdefault(tangent, f"{value.hint}_dot")
        self.tangents[value] = tangent

    def _nested(self) -> _Push:
        return replace(
            self, builder=Builder(loc=self.builder.loc), tangents=dict(self.tangents)
        )

    def _stmt(self, stmt: Stmt) -> None:
        match stmt:
            case Apply():
                self._apply(stmt)
            case Call():
                self._call(stmt)
            case If():
                self._branch(stmt)
            case For() | While():
                self._loop(stmt)
            case _:
                assert_never(stmt)

    def _apply(self, stmt: Apply) -> None:
        self.builder.append(stmt)
        dxs = [self.get(a) for a in stmt.args]
        idle = constant(stmt) or all(dx is None for dx in dxs)
        if idle or stmt.op.jvp is None or not any(v in self.active for v in stmt.outs):
            return
        out = [Handle(self.builder, v) for v in stmt.outs]
        with rule_of(stmt):
            found: Any = stmt.op.jvp(
                tuple(None if dx is None else Handle(self.builder, dx) for dx in dxs),
                out[0] if len(out) == 1 else tuple(out),
                *(Handle(self.builder, a) for a in stmt.args),
                **stmt.kwargs,
            )
        terms = (found,) if len(out) == 1 else found
        for value, term in zip(stmt.outs, terms, strict=True):
            if term is not None and differentiable(value.type):
                tangent = operand_of(term)
                type = cotangent_type(value, tangent.type)
                self._set(value, coerce(self.builder, tangent, type))

    def _call(self, stmt: Call) -> None:
        wrt = tuple(k for k, a in enumerate(stmt.args) if self.get(a) is not None)
        if not wrt:
            self.builder.append(stmt)
            return
        callee = self.calls.known[stmt.function]
        dxs = tuple(
            converted(self.builder, self.full(stmt.args[k]), callee.params[k].type) for k in wrt
        )
        outs = [v for v in stmt.outs if differentiable(v.type)]
        tangents = [Value(v.type) for v in outs]
        name = self.calls.tangent(callee, wrt)
        args, results = (*stmt.args, *dxs), (*stmt.outs, *tangents)
        self.builder.append(Call(name, args, results, stmt.loc))
        for value, tangent in zip(outs, tangents, strict=True):
            self._set(value, tangent)

    def _branch(self, stmt: If) -> None:
        sides = [self._nested(), self._nested()]
        for side, block in zip(sides, (stmt.then, stmt.orelse), strict=True):
            side.run(block)
        pairs = list(zip(stmt.then.results, stmt.orelse.results, stmt.outs, strict=True))
        moved = [
            (a, b, out)
            for a, b, out in pairs
            if out in self.active
            and any(s.get(r) is not None for s, r in zip(sides, (a, b), strict=True))
        ]
        found = [[side.full(pair[k]) for pair in moved] for k, side in enumerate(sides)]
        types = [
            shaped_like(value, _met(a, b))
            for (_, _, value), a, b in zip(moved, *found, strict=True)
        ]
        blocks: list[Block] = []
        for side, own, block in zip(sides, found, (stmt.then, stmt.orelse), strict=True):
            extra = [_as(side.builder, dx, t) for dx, t in zip(own, types, strict=True)]
            blocks.append(side.builder.block((), [*block.results, *extra]))
        outs = [Value(t) for t in types]
        self.builder.append(
            replace(stmt, then=blocks[0], orelse=blocks[1], outs=(*stmt.outs, *outs))
        )
        for (_, _, value), out in zip(moved, outs, strict=True):
            self._set(value, out)

    def _loop(self, stmt: For | While) -> None:
        params, results = loop_params(stmt), loop_results(stmt)
        moved = [j for j, p in enumerate(params) if p in self.active]
        inits = [self.full(stmt.init[j]) for j in moved]
        types = [
            cotangent_type(params[j], init.type) for j, init in zip(moved, inits, strict=True)
        ]
        while True:
            inner = self._nested()
            starts = [
                Value(t, params[j].hint and f"{params[j].hint}_dot")
                for j, t in zip(moved, types, strict=True)
            ]
            inner.tangents.update(zip((params[j] for j in moved), starts, strict=True))
            inner.run(stmt.body)
            ends = [inner.full(results[j]) for j in moved]
            found = [joined(t, end.type) for t, end in zip(types, ends, strict=True)]
            if found == types:
                break
            types = found
        ends = [_as(inner.builder, e, t) for e, t in zip(ends, types, strict=True)]
        carried, head = len(params), stmt.body.params
        body = inner.builder.block(
            (*head, *starts),
            (*stmt.body.results[:carried], *ends, *stmt.body.results[carried:]),
        )
        outs = [Value(t) for t in types]
        init = [_as(self.builder, x, t) for x, t in zip(inits, types, strict=True)]
        loop = replace(stmt, init=(*stmt.init, *init), body=body, carry=(*stmt.carry, *outs))
        if isinstance(loop, While):
            more = (Value(t) for t in types)
            loop = replace(loop, cond=replace(loop.cond, params=(*loop.cond.params, *more)))
        self.builder.append(loop)
        for j, out in zip(moved, outs, strict=True):
            self._set(stmt.carry[j], out)


def _met(a: Operand, b: Operand) -> Type:
    return joined(b.type, a.type) if isinstance(a, Undef) else joined(a.type, b.type)


def _as(builder: Builder, operand: Operand, type: Type) -> Operand:
    """The operand in the kind of `type`; what is not set stays so."""
    return Undef(type) if isinstance(operand, Undef) else coerce(builder, operand, type)
