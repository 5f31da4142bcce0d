"""Makes the chosen matrices with their axes the other way round.

Each becomes a view of the turned matrix for what else uses it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from stagec.ir.build import Builder
from stagec.ir.core import Apply, Block, For, If, Operand, Stmt, Value, While
from stagec.ir.function import Function
from stagec.ir.path import Index, NewAxis, Slice, Transpose
from stagec.ir.rebuild import map_operands, map_regions
from stagec.ir.types import ArrayType, ListType, rank_of
from stagec.ir.walk import rename, uses
from stagec.ops.arithmetic import Handle
from stagec.ops.axes import expand_dims, shape_of, transpose
from stagec.ops.contraction import matmul_loops
from stagec.ops.copying import copy
from stagec.ops.family import sizes
from stagec.ops.indexing import read
from stagec.ops.lists import list_append, list_get, list_new
from stagec.ops.products import matmul
from stagec.opt.lengthwise.choice import (
    FILLED,
    PLAIN,
    Chosen,
    turned_column,
    turned_fold,
    turned_type,
)

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
    fresh : what makes the matrices that are filled with one number.
    parts : what reads parts of arrays, or turns them.
    found : the turned matrices.
    outside : the arrays that are there in front of the loop.
    """

    chosen: Chosen
    front: Builder
    names: dict[Value, Operand] = field(default_factory=dict["Value", "Operand"])
    fresh: dict[Operand, Apply] = field(default_factory=dict["Operand", "Apply"])
    parts: dict[Operand, Apply] = field(default_factory=dict["Operand", "Apply"])
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
            if stmt.op is read and stmt.args[0] in self.found:
                stmt = self.row(stmt)
        if isinstance(stmt, Apply) and stmt.op in FILLED:
            self.fresh[stmt.out] = stmt
        if isinstance(stmt, Apply) and stmt.op in (read, transpose):
            self.parts[stmt.out] = stmt
        carried = self.carried(stmt) if isinstance(stmt, For) else []
        stmt = map_operands(stmt, lambda v: rename(v, self.names))
        stmt = map_regions(stmt, self.block)
        stmt = self.with_outs(stmt)
        if isinstance(stmt, For) and carried:
            self.loop(stmt, carried, builder)
        else:
            builder.append(stmt)

    def carried(self, loop: For) -> list[int]:
        """Which of the matrices that the loop carries turn; it carries them from here on."""
        found = [k for k, p in enumerate(loop.body.params[1:]) if p in self.chosen.values]
        for k in found:
            param = loop.body.params[k + 1]
            self.found[param] = Value(turned_type(param.type), param.hint)
        return found

    def loop(self, loop: For, carried: list[int], builder: Builder) -> None:
        """Add the loop with turned matrices among what it carries."""
        init, params, carry = list(loop.init), list(loop.body.params), list(loop.carry)
        results = list(loop.body.results)
        views = Builder(loc=loop.loc)
        for k in carried:
            init[k] = self.begun(init[k], builder)
            results[k] = self.found[results[k]]
            params[k + 1], param = self.found[params[k + 1]], params[k + 1]
            self.shown(param, params[k + 1], views)  # type: ignore[arg-type]
            carry[k] = Value(turned_type(carry[k].type), carry[k].hint)
        stmts = (*views.stmts, *loop.body.stmts)
        body = replace(loop.body, params=tuple(params), stmts=stmts, results=tuple(results))
        builder.append(replace(loop, init=tuple(init), body=body, carry=tuple(carry)))
        for k in carried:
            self.ended(loop.carry[k], carry[k], builder)

    def begun(self, value: Operand, builder: Builder) -> Operand:
        """What a loop begins with, turned."""
        if value not in self.fresh:
            return self.found[value]
        made = self.fresh[value]
        attrs, args = made.kwargs, made.args
        if made.op in PLAIN:
            shape, args = sizes(shape_of(Handle(builder, args[0])))
            args = tuple(n.operand for n in args)
            attrs["shape"] = shape
        attrs["shape"] = attrs["shape"][::-1]
        return builder.add(PLAIN.get(made.op, made.op), args, attrs, made.out.hint)[0]

    def ended(self, matrix: Value, made: Value, builder: Builder) -> None:
        """The matrix that a loop carried, copied if what follows wants the program's order."""
        if matrix in self.chosen.values:
            self.shown(matrix, made, builder)
            return
        (view,) = builder.add(transpose, (made,), AXES)
        builder.append(Apply(copy, (view,), (), (matrix,), builder.loc))

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
            a, b = stmt.args
            args = self.factors(a, b, builder)
        elif (written := turned_column(stmt)) is not None:
            stmt = written
            args = (self.begun(stmt.args[0], builder), *stmt.args[1:])
        else:
            args = tuple(self.operand(v, builder, copied=True) for v in stmt.args)
        (made,) = builder.add(stmt.op, args, stmt.kwargs, hint)
        self.shown(stmt.out, made, builder)

    def factors(self, a: Operand, b: Operand, builder: Builder) -> tuple[Operand, Operand]:
        """The factors of the turned product.

        BLAS takes the long one in any order; loops read it once for each row of the other.
        """
        left = self.operand(b, builder)
        right = self.operand(a, builder)
        short = matmul_loops(left.type, right.type) is not None  # type: ignore[arg-type]
        if short and a not in self.found and not _flipped(self.parts.get(a)):
            right = self.lying(a, builder)
        return left, right

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

    def row(self, stmt: Apply) -> Apply:
        """What reads a row where the statement reads a column, if it does."""
        row = turned_column(stmt)
        if row is None:
            return stmt
        return replace(row, args=(self.found[stmt.args[0]], *stmt.args[1:]))

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
            return self.lying(value, builder)
        if copied and _apart(self.parts.get(value)):
            return self.lying(value, builder)
        return builder.add(transpose, (value,), AXES)[0]

    def lying(self, value: Operand, builder: Builder) -> Operand:
        """A copy in the turned order, in front of the loop if the array is there."""
        front = value in self.outside
        to = self.front if front else builder
        (made,) = to.add(copy, to.add(transpose, (value,), AXES), {})
        if front:
            self.found[value] = made
        return made


def _flipped(part: Apply | None) -> bool:
    """Whether the matrix is a view of one in the other order."""
    if part is None or part.op is transpose:
        return part is not None
    path = part.kwargs["path"]
    return bool(path) and isinstance(path[-1], Transpose)


def _apart(part: Apply | None) -> bool:
    """Whether the elements of a column that was read from an array do not lie side by side."""
    if part is None or part.op is not read or not part.kwargs["view"]:
        return False
    kind, path = part.out.type, part.kwargs["path"]
    column = isinstance(kind, ArrayType) and kind.shape[1] == 1
    if not column or len(path) != 1 or not isinstance(path[0], Index):
        return False
    items = [item for item in path[0].items if not isinstance(item, NewAxis)]
    along = next((k for k, item in enumerate(items) if isinstance(item, Slice)), None)
    return along is not None and along + 1 < rank_of(part.args[0].type)
