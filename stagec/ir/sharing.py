"""Which values may share memory: classes of arrays and lists, without regard to order.

Two values of different classes never share memory; numbers have none.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeGuard

from stagec.ir.alias import contents_used
from stagec.ir.core import Apply, Block, Call, Effect, For, If, Operand, Stmt, Value, While
from stagec.ir.types import GeneratorType, ListType, TextType
from stagec.ir.walk import regions, statements


def holds_memory(operand: Operand) -> TypeGuard[Value]:
    """Whether the operand is an array or a list, not a number or a string."""
    if not isinstance(operand, Value) or isinstance(operand.type, TextType | GeneratorType):
        return False
    return isinstance(operand.type, ListType) or operand.type.kind == "array"


class Memory:
    """Classes of values that may share memory.

    Parameters that are not `distinct` may be views of each other.
    """

    def __init__(self, body: Block, distinct: bool) -> None:
        self._parent: dict[Value, Value] = {}
        if not distinct:
            self._unite(body.params)
        for stmt in statements(body):
            self._join(stmt)

    def used(self, stmt: Apply) -> frozenset[Value]:
        """The classes that the op reads more than the shape of."""
        return self.read(contents_used(stmt))

    def read(self, operands: Iterable[Operand]) -> frozenset[Value]:
        """The classes of the operands."""
        return frozenset(self._find(o) for o in operands if holds_memory(o))

    def written(self, stmt: Stmt) -> frozenset[Value]:
        """The classes that the statement may write to, its regions included."""
        match stmt:
            case Call(args=args):
                return self.read(args)
            case Apply(op=op, args=args):
                if op.overwrites is not None:
                    return self.read((args[op.overwrites],))
                return self.read(args) if op.effect is Effect.ORDERED else frozenset()
            case _:
                parts = (self.written(s) for region in regions(stmt) for s in region.stmts)
                return frozenset[Value]().union(*parts)

    def _find(self, value: Value) -> Value:
        root = value
        while root in self._parent:
            root = self._parent[root]
        while value is not root:
            above = self._parent[value]
            self._parent[value] = root
            value = above
        return root

    def _unite(self, group: Iterable[Operand]) -> None:
        roots = {self._find(v): None for v in group if holds_memory(v)}
        for root in list(roots)[1:]:
            self._parent[root] = next(iter(roots))

    def _join(self, stmt: Stmt) -> None:
        match stmt:
            case Apply():
                self._join_apply(stmt)
            case Call(args=args, outs=outs):
                self._unite((*args, *outs))
            case If(then=then, orelse=orelse, outs=outs):
                for row in zip(outs, then.results, orelse.results, strict=True):
                    self._unite(row)
            case For(init=init, body=body, carry=carry):
                results = body.results[: len(init)]
                for row in zip(carry, init, body.params[1:], results, strict=True):
                    self._unite(row)
            case While(init=init, cond=cond, body=body, carry=carry):
                results = body.results[: len(init)]
                for row in zip(carry, init, cond.params, body.params, results, strict=True):
                    self._unite(row)

    def _join_apply(self, stmt: Apply) -> None:
        operands = (*stmt.args, *stmt.outs)
        if any(isinstance(o.type, ListType) for o in operands):
            self._unite(operands)
        shared = (stmt.op.aliased(stmt.kwargs), stmt.op.overwrites)
        sources = [stmt.args[k] for k in shared if k is not None]
        if sources:
            self._unite((*stmt.outs, *sources))
