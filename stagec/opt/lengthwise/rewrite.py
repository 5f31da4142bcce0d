"""Makes the chosen matrices with their axes the other way round.

Each becomes a view of the turned matrix for what else uses it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from stagec.ir.build import Builder
from stagec.ir.core import Apply, Block, For, If, Operand, Stmt, Value, While
from stagec.ir.function import Function
from stagec.ir.rebuild import map_operands, map_regions
from stagec.ir.types import ArrayType, ListType
from stagec.ir.walk import rename, uses
from stagec.ops.axes import expand_dims, transpose
from stagec.ops.copying import copy
from stagec.ops.lists import list_append, list_get, list_new
from stagec.ops.products import matmul
from stagec.opt.lengthwise.choice import Chosen, turned_fold, turned_type

AXES = {"axes": (1, 0)}


def turned(fn: Function, chosen: Chosen) -> Function:
    """The function whose chosen matrices are made turned."""
    return replace(fn, body=_Turning(chosen, Builder()).top(fn.body))


@dataclass(slots=True)
class _Turning:
    """Goes through the function.

    Attributes
    ----------
    front : where copies of what loops read go.
    names : lists with turned elements by those that they take the place of.
    found : the turned matrices.
    outside : the arrays that are there in front of the loop.
    """

    chosen: Chosen
    front: Builder
    names: dict[Value, Operand] = field(default_factory=dict["Value", "Operand"])
    found: dict[Operand, Value] = field(default_factory=dict["Operand", "Value"])
    outside: set[Value] = field(default_factory=set[Value])

    def __post_init__(self) -> None:
        for web in self.chosen.webs:
            for value in web.values:
                kind = ListType(turned_type(web.element))
                self.names[value] = Value(kind, value.hint)

    def top(self, block: Block) -> Block:
        """The body of the function."""
        self.front = builder = Builder()
        for stmt in block.stmts:
            self.outside = set(uses(stmt))
            self.statement(stmt, builder)
        return builder.block(block.params, block.results)

    def block(self, block: Block) -> Block:
        """A block inside."""
        builder = Builder()
        for stmt in block.stmts:
            self.statement(stmt, builder)
        params = tuple(rename(p, self.names) for p in block.params)
        return builder.block(params, [rename(r, self.names) for r in block.results])  # type: ignore[arg-type]

    def statement(self, stmt: Stmt, builder: Builder) -> None:
        """Add the statement, or what makes its result turned, to the builder."""
        builder.loc = stmt.loc
        if isinstance(stmt, Apply):
            if len(stmt.outs) == 1 and stmt.out in self.chosen.values:
                self.matrix(stmt, builder)
                return
            if stmt.op is list_new and stmt.out in self.names:
                kind = turned_type(stmt.out.type.element)  # type: ignore[union-attr]
                stmt = replace(stmt, attrs=(("element", kind),))
            if stmt.op is list_append and stmt.args[0] in self.names:
                stmt = replace(stmt, args=(stmt.args[0], self.found[stmt.args[1]]))
            if len(stmt.args) == 1 and stmt.args[0] in self.found and self.fold(stmt, builder):
                return
        stmt = map_operands(stmt, lambda v: rename(v, self.names))
        stmt = map_regions(stmt, self.block)
        builder.append(self.with_outs(stmt))

    def with_outs(self, stmt: Stmt) -> Stmt:
        """The statement with lists of turned matrices among its results."""

        def named(values: Sequence[Value]) -> tuple[Value, ...]:
            return tuple(rename(v, self.names) for v in values)  # type: ignore[misc]

        match stmt:
            case Apply() | If():
                return replace(stmt, outs=named(stmt.outs))
            case For() | While():
                return replace(stmt, carry=named(stmt.carry))
            case _:
                return stmt

    def matrix(self, stmt: Apply, builder: Builder) -> None:
        """Add what makes the matrix turned, and the matrix as a view of it."""
        hint = stmt.out.hint
        if stmt.op is list_get:
            args = tuple(rename(v, self.names) for v in stmt.args)
        elif stmt.op is matmul:
            args = tuple(self.operand(v, builder) for v in reversed(stmt.args))
        else:
            args = tuple(self.operand(v, builder, copied=True) for v in stmt.args)
        (made,) = builder.add(stmt.op, args, stmt.kwargs, hint)
        self.shown(stmt.out, made, builder)

    def shown(self, matrix: Value, made: Value, builder: Builder) -> None:
        """The matrix is a view of what was made."""
        self.found[matrix] = made
        builder.append(Apply(transpose, (made,), (("axes", (1, 0)),), (matrix,), builder.loc))

    def fold(self, stmt: Apply, builder: Builder) -> bool:
        """Add the reduction as one of the turned matrix, if it is one."""
        other = turned_fold(stmt)
        if other is None:
            return False
        args = (self.found[stmt.args[0]],)
        if isinstance(stmt.out.type, ArrayType) and stmt.out.type.rank == 2:
            (made,) = builder.add(stmt.op, args, other.kwargs, stmt.out.hint)
            self.shown(stmt.out, made, builder)
        else:
            builder.append(replace(other, args=args))
        return True

    def operand(self, value: Operand, builder: Builder, copied: bool = False) -> Operand:
        """The operand beside turned matrices; `copied` if it is worth to lie in this order."""
        kind = value.type
        if not isinstance(kind, ArrayType) or not kind.rank:
            return value
        if kind.rank == 1:
            return builder.add(expand_dims, (value,), {"axes": (1,)})[0]
        if value in self.found:
            return self.found[value]
        if copied and value in self.outside and 1 not in kind.shape:
            given = self.front.add(transpose, (value,), AXES)
            (self.found[value],) = self.front.add(copy, given, {})
            return self.found[value]
        return builder.add(transpose, (value,), AXES)[0]
