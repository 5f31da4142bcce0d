"""A function body split in forward statements and the backward statements that follow them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stagec.ir.build import Builder
from stagec.ir.core import Block, Operand, Stmt, Value
from stagec.ir.function import Function
from stagec.ops.arithmetic import Handle
from stagec.ops.expansion import expandable, expanded
from stagec.transforms.activity import activity
from stagec.transforms.context import Context
from stagec.transforms.cotangents import Cotangents, converted
from stagec.transforms.drafts import Draft
from stagec.transforms.naming import named
from stagec.transforms.sweep import CallRule, Sweep


@dataclass(frozen=True, slots=True)
class Halves:
    """Statements that run one after the other; the backward ones see all forward values.

    `seeds` are the cotangents of the chosen results, `backward.results` those of the chosen
    parameters.
    """

    forward: Block
    seeds: tuple[Value, ...]
    backward: Block


def halves(fn: Function, wrt: Sequence[int], of: Sequence[int], call: CallRule) -> Halves:
    """The forward and backward statements of `fn`, between parameters and results."""
    chosen = [fn.params[k] for k in wrt]
    block = _expanded(fn.body, chosen, of)
    results = [block.results[k] for k in of]
    draft = Draft(block)
    builder = Builder()
    hints: dict[Value, str] = {}
    active = activity(block, chosen, results)
    context = Context.of(block)
    cts = Cotangents(builder, active, context.shapes, hints)
    seeds = tuple(Value(r.type, _bar(r)) for r in results)
    for result, seed in zip(results, seeds, strict=True):
        cts.claims[seed] = {seed}  # it belongs to the caller
        cts.add(result, Handle(builder, seed))
    sweep = Sweep.of(draft, cts, context, call)
    sweep.run()
    finals = [_final(cts, param) for param in chosen]
    backward = sweep.finish(finals)
    stmts: list[Stmt] = list(backward.head)
    for segment in backward.segments.values():
        stmts += segment.stmts
    body = named(Block((), (*stmts, *backward.tail), tuple(finals)), hints)
    return Halves(Block(block.params, draft.stmts(), block.results), seeds, body)


def _expanded(block: Block, chosen: Sequence[Value], of: Sequence[int]) -> Block:
    while True:
        active = activity(block, chosen, [block.results[k] for k in of])
        if not expandable(block, active.definition):
            return block
        block = expanded(block, active.definition)


def _final(cts: Cotangents, param: Value) -> Operand:
    """The cotangent of a parameter in the parameter's own type."""
    found = cts.full(param)
    return converted(cts.builder, found, param.type)


def _bar(operand: Operand) -> str:
    return f"{operand.hint}_bar" if isinstance(operand, Value) and operand.hint else ""
