"""What comes to stand for what: operands of branches and loops, and those that are not set."""

from __future__ import annotations

from collections.abc import Iterator

from stagec.ir.core import Block, For, If, Operand, Stmt, Undef, Value, While
from stagec.ir.walk import statements


def maybe_unset(body: Block) -> set[Operand]:
    """The values that an `Undef` may have come to stand for."""
    found: set[Operand] = set()
    before = -1
    while len(found) > before:
        before = len(found)
        for stmt in statements(body):
            for source, target in flows(stmt):
                if isinstance(source, Undef) or source in found:
                    found.add(target)
    return found


def flows(stmt: Stmt) -> Iterator[tuple[Operand, Value]]:
    """The operands of regions and loops with the values that stand for them."""
    match stmt:
        case If(then=then, orelse=orelse, outs=outs):
            yield from zip(then.results, outs, strict=True)
            yield from zip(orelse.results, outs, strict=True)
        case For() | While():
            params = stmt.body.params[len(stmt.body.params) - len(stmt.carry) :]
            heads = [params, stmt.carry]
            if isinstance(stmt, While):
                heads.append(stmt.cond.params)
            for targets in heads:
                yield from zip(stmt.init, targets, strict=True)
                yield from zip(stmt.body.results, targets, strict=False)
        case _:
            pass
