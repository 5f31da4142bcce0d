"""What comes to stand for what: operands of branches and loops, and those that are not set."""

from __future__ import annotations

from collections.abc import Iterator

from stagec.ir.core import (
    Apply,
    Block,
    Const,
    For,
    If,
    Operand,
    Stmt,
    Undef,
    Value,
    While,
    known,
)
from stagec.ir.types import ListType
from stagec.ir.walk import statements


def maybe_unset(body: Block) -> set[Operand]:
    """The values that an `Undef` may have come to stand for, and lists that may hold one."""
    found: set[Operand] = set()
    before = -1
    while len(found) > before:
        before = len(found)
        for stmt in statements(body):
            passing = _passing(stmt) if isinstance(stmt, Apply) else flows(stmt)
            for source, target in passing:
                if isinstance(source, Undef) or source in found:
                    found.add(target)
    return found


def _passing(stmt: Apply) -> Iterator[tuple[Operand, Value]]:
    """The operands that may be unset, or hold what is, with the results that then are or do."""
    for k, arg in enumerate(stmt.args):
        kind = arg.type
        for out in stmt.outs:
            held = isinstance(out.type, ListType)
            if k in stmt.op.lenient:
                passes = held or out.type == kind
            else:
                passes = isinstance(kind, ListType) and (held or out.type == kind.element)
            if passes:
                yield arg, out


def flows(stmt: Stmt) -> Iterator[tuple[Operand, Value]]:
    """The operands of regions and loops with the values that stand for them."""
    match stmt:
        case If(then=then, orelse=orelse, outs=outs):
            yield from zip(then.results, outs, strict=True)
            yield from zip(orelse.results, outs, strict=True)
        case For() | While():
            params = stmt.body.params[len(stmt.body.params) - len(stmt.carry) :]
            heads = [params]
            if isinstance(stmt, While):
                heads.append(stmt.cond.params)
            for targets in heads:
                yield from zip(stmt.init, targets, strict=True)
                yield from zip(stmt.body.results, targets, strict=False)
            yield from _left(stmt)
        case _:
            pass


def _left(stmt: For | While) -> Iterator[tuple[Operand, Value]]:
    """What the results of the loop come from: it may be known that there is a trip, and how the
    last one ends.
    """
    endless = isinstance(stmt, While) and bool(known(stmt.cond.results[0]))
    if not endless:
        yield from zip(stmt.init, stmt.carry, strict=True)
    flag = stmt.body.results[-1] if endless and stmt.until else None
    for result, out in zip(stmt.body.results, stmt.carry, strict=False):
        for source in _where(stmt.body, result, flag):
            yield source, out


def _where(block: Block, result: Operand, flag: Operand | None) -> Iterator[Operand]:
    """What the result of the block may be if the flag, another result, is set."""
    branch = next((s for s in block.stmts if isinstance(s, If) and result in s.outs), None)
    if branch is None or flag is None:
        yield result
        return
    at = branch.outs.index(result)
    ends = branch.outs.index(flag) if flag in branch.outs else None
    if ends is None and flag is not branch.cond:
        yield result
        return
    for inner in (branch.then, branch.orelse) if ends is not None else (branch.then,):
        inner_flag = None if ends is None else inner.results[ends]
        if not isinstance(inner_flag, Const) or inner_flag.value:
            yield from _where(inner, inner.results[at], inner_flag)
