"""Which values have memory, and which statements may turn it into something else.

Values are immutable; these are the places where bufferisation will want to write in place, so
passes that move or share statements ask here what that would cost.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from stagec.ir.alias import contents_used
from stagec.ir.core import Apply, Block, Call, Effect, For, If, Operand, Stmt, Value, While
from stagec.ir.types import ArrayType, Type


def has_memory(type: Type) -> bool:
    """Whether values of the type can be written to: arrays and lists, not numbers."""
    return not isinstance(type, ArrayType) or type.kind == "array"


def creates(stmt: Apply) -> bool:
    """Whether the op makes its memory out of nothing: it reads no other, shapes aside, and has
    no effects, as the draws of random numbers have.
    """
    plain = stmt.op.effect is Effect.NONE and allocates(stmt)
    return plain and not any(has_memory(arg.type) for arg in contents_used(stmt))


def allocates(stmt: Apply) -> bool:
    """Whether a result of the op is new memory."""
    return stmt.op.aliased(stmt.kwargs) is None and any(has_memory(o.type) for o in stmt.outs)


def overwritten(stmt: Stmt) -> set[Value]:
    """The operands that the statement may overwrite, inside its regions too.

    A loop overwrites the start of a carry if its body overwrites the carry.
    """
    match stmt:
        case Apply(op=op, args=args):
            return set() if op.overwrites is None else _memories((args[op.overwrites],))
        case Call(args=args):
            return _memories(args)
        case If(then=then, orelse=orelse):
            return _inside(then) | _inside(orelse)
        case For(init=init, body=body):
            inside = _inside(body)
            return inside | _started(init, body.params[1:], inside)
        case While(init=init, cond=cond, body=body):
            inside = _inside(cond) | _inside(body)
            return inside | _started(init, body.params, inside)
        case _:
            assert_never(stmt)


def _inside(block: Block) -> set[Value]:
    return {value for stmt in block.stmts for value in overwritten(stmt)}


def _started(
    init: tuple[Operand, ...], params: tuple[Value, ...], inside: set[Value]
) -> set[Value]:
    pairs = zip(init, params, strict=True)
    return _memories(start for start, param in pairs if param in inside)


def _memories(operands: Iterable[Operand]) -> set[Value]:
    return {v for v in operands if isinstance(v, Value) and has_memory(v.type)}
