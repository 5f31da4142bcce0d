"""Carrying out the plan: the function with its copies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from stagec.errors import Loc
from stagec.ir.build import Builder
from stagec.ir.core import Apply, Block, For, Operand, Stmt, Value, While
from stagec.ir.flows import maybe_unset
from stagec.ir.function import Function
from stagec.ir.rebuild import map_operands, map_regions
from stagec.ir.types import ListType
from stagec.ir.walk import rename
from stagec.ops.copying import copy, copy_if_set
from stagec.ops.extent import extent, extent_if_set
from stagec.ops.indexing import update
from stagec.ops.lists import list_assign, list_copy
from stagec.opt.bufferise.plan import Copy, CopyResult, Plan, WriteBack

Names = Mapping[Value, Operand]


def rewritten(fn: Function, plan: Plan) -> tuple[Function, list[Copy]]:
    """The function with the planned copies, and what they are."""
    rewriter = _Rewriter(plan, maybe_unset(fn.body))
    builder, names = rewriter.statements(fn.body, {})
    results = [rename(r, names) for r in fn.results]
    for step in plan.end:
        match step:
            case CopyResult(positions, record):
                made = rewriter.copy(builder, results[positions[0]], record, deep=True)
                for k in positions:
                    results[k] = made
            case WriteBack(param, result, positions):
                written = _write(builder, fn.params[param], results[result])
                for k in positions:
                    results[k] = written
    body = builder.block(fn.params, results)
    return replace(fn, body=body), rewriter.made


def _write(builder: Builder, param: Value, result: Operand) -> Value:
    builder.loc = None
    if isinstance(param.type, ListType):
        (out,) = builder.add(list_assign, (param, result), {}, param.hint)
    else:
        (out,) = builder.add(update, (param, result), {"path": ()}, param.hint)
    return out


class _Rewriter:
    """Adds the copies of a plan; `made` are those added so far."""

    def __init__(self, plan: Plan, unset: set[Operand]) -> None:
        self.plan = plan
        self.unset = unset
        self.made: list[Copy] = []

    def block(self, block: Block, names: Names) -> Block:
        """The block with its copies."""
        builder, inner = self.statements(block, names)
        return builder.block(block.params, [rename(r, inner) for r in block.results])

    def statements(self, block: Block, names: Names) -> tuple[Builder, Names]:
        """The statements with their copies, and what values are called after them."""
        builder = Builder()
        inner = dict(names)
        for stmt in block.stmts:
            later: dict[Value, Operand] = {}
            for value, saved in self.plan.saved.get(stmt, {}).items():
                made = self.copy(builder, rename(value, inner), saved.record, loc=stmt.loc)
                (later if saved.after else inner)[value] = made
            new = self.own_operands(
                builder, stmt, map_operands(stmt, partial(rename, names=inner))
            )
            if isinstance(new, Apply) and new.op is extent and new.args[0] in self.unset:
                new = replace(new, op=extent_if_set)
            inner |= later
            builder.append(map_regions(new, partial(self.block, names=inner)))
        return builder, inner

    def own_operands(self, builder: Builder, stmt: Stmt, new: Stmt) -> Stmt:
        """The statement with copies of the operands that it may not share."""
        position = -1

        def own(operand: Operand) -> Operand:
            nonlocal position
            position += 1
            inside = self.plan.stored.get((stmt, position))
            if inside is not None:
                deep = isinstance(operand.type, ListType) and operand.type.nested
                return self.copy(builder, operand, inside, stmt.loc, deep)
            record = self.record(stmt, position)
            return operand if record is None else self.copy(builder, operand, record, stmt.loc)

        return map_operands(new, own)

    def record(self, stmt: Stmt, position: int) -> Copy | None:
        """The copy to make of an operand; positions count as `walk.operands` does."""
        if isinstance(stmt, For):
            return self.plan.inits.get((stmt, position - 3))
        if isinstance(stmt, While):
            return self.plan.inits.get((stmt, position))
        return self.plan.operands.get((stmt, position))

    def copy(
        self,
        builder: Builder,
        operand: Operand,
        record: Copy,
        loc: Loc | None = None,
        deep: bool = False,
    ) -> Value:
        """Add a copy of the operand."""
        builder.loc = loc
        hint = operand.hint if isinstance(operand, Value) else ""
        if isinstance(operand.type, ListType):
            attrs = {"deep": True} if deep else {}
            (out,) = builder.add(list_copy, (operand,), attrs, hint)
        else:
            kind = copy_if_set if operand in self.unset else copy
            (out,) = builder.add(kind, (operand,), {}, hint)
            if operand in self.unset:
                self.unset.add(out)
        self.made.append(record)
        return out
