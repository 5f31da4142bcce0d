"""Array statements as loops over elements, several of them in one nest.

Where the meaning of a statement on elements is known it becomes part of a nest of loops,
without temporary arrays; the rest stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from stagec.ir.build import Builder
from stagec.ir.core import Apply, Block, Call, Expands, For, Operand, Stmt, Value, While
from stagec.ir.function import Function
from stagec.ir.lowering import kernel_source
from stagec.ir.rebuild import map_regions
from stagec.ir.types import Dim, Symbol, same_shape
from stagec.ir.walk import regions, uses
from stagec.ops.expansion import expandable, expanded
from stagec.opt.scalarise.groups import Group, array_type, moved_to, space
from stagec.opt.scalarise.lengths import with_lengths
from stagec.opt.scalarise.nests import Nest
from stagec.opt.scalarise.places import natural


def scalarise(fn: Function) -> Function:
    """The function with its array statements as loops."""
    functions = tuple(scalarise(f) for f in fn.functions)
    body, indices = with_lengths(fn.body)
    return replace(fn, body=_Scalariser(indices).block(body), functions=functions)


@dataclass(slots=True)
class _Scalariser:
    """What made each value, in the blocks around.

    Attributes
    ----------
    indices : the loop indices that symbols of lengths stand for.
    taken : the names of the indices of the loops around.
    lengths : integers that are computed already, by the size that they are.
    compiled : whether the block is in a loop which can become compiled code as a whole: there
        even a statement on its own is worth a nest.
    """

    indices: Mapping[Symbol, Operand]
    producers: dict[Value, Apply] = field(default_factory=dict[Value, Apply])
    taken: tuple[str, ...] = ()
    lengths: dict[Dim, Operand] = field(default_factory=dict[Dim, Operand])
    compiled: bool = False

    def block(self, block: Block) -> Block:
        """The block with nests for groups of statements."""
        lengths, self.lengths = self.lengths, dict(self.lengths)
        found = _Fusion(self, block).run()
        self.lengths = lengths
        return found

    def regions(self, stmt: Stmt) -> Stmt:
        """The statement with nests in the blocks inside it."""
        compiled, taken = self.compiled, self.taken
        if isinstance(stmt, For):
            self.taken = (*taken, stmt.body.params[0].hint)
        if not compiled and isinstance(stmt, For | While):
            wide = in_simpler_ops(stmt)
            if compilable(wide):
                stmt, self.compiled = wide, True
        made = map_regions(stmt, self.block)
        self.compiled, self.taken = compiled, taken
        return made


def in_simpler_ops(stmt: Stmt) -> Stmt:
    """The statement with products and the like written in simpler ops."""
    return map_regions(stmt, lambda block: _simpler(block))


def _simpler(block: Block) -> Block:
    while expandable(block, _definition):
        block = expanded(block, _definition)
    return block


def _definition(stmt: Apply) -> Callable[..., Any] | None:
    if not isinstance(stmt.op.scalar, Expands):
        return None
    return stmt.op.scalar.rule(*(a.type for a in stmt.args), **stmt.kwargs)


def compilable(stmt: Stmt) -> bool:
    """Whether all of the statement may be in compiled code, once it is in loops."""
    if isinstance(stmt, Apply):
        view = bool(stmt.args) and moved_to(stmt, natural(rank(stmt))) is not None
        return view or kernel_source(stmt) is not None or space(stmt) is not None
    return not isinstance(stmt, Call) and all(
        compilable(s) for region in regions(stmt) for s in region.stmts
    )


def compilable_in_simpler_ops(stmt: Apply) -> bool:
    """Whether the op may be in compiled code, be it written in simpler ops."""
    return all(map(compilable, _simpler(Block((), (stmt,), stmt.outs)).stmts))


def worth_loops(group: Group) -> bool:
    """Whether loops beat NumPy: a statement on its own has no temporary array to save."""
    return len(group.members) > 1


def rank(stmt: Apply) -> int:
    """The rank of the op's first result."""
    return getattr(stmt.outs[0].type, "rank", 0) if stmt.outs else 0


class _Fusion:
    """Goes through one block with one group open at a time."""

    def __init__(self, outer: _Scalariser, block: Block) -> None:
        self.outer = outer
        self.block = block
        self.builder = Builder()
        self.group: Group | None = None
        self.users: dict[Value, list[Stmt]] = {}
        for stmt in block.stmts:
            for value in uses(stmt):
                self.users.setdefault(value, []).append(stmt)
        self.results = set(block.results)

    def run(self) -> Block:
        """The new block."""
        for stmt in self.block.stmts:
            self.statement(stmt)
        self.close()
        return self.builder.block(self.block.params, self.block.results)

    def statement(self, stmt: Stmt) -> None:
        """Add the statement to the open group, or to the block, before or after the group."""
        shape = space(stmt) if isinstance(stmt, Apply) else None
        if isinstance(stmt, Apply):
            self.outer.producers.update(dict.fromkeys(stmt.outs, stmt))
        if shape is not None:
            assert isinstance(stmt, Apply)
            if self.group is not None and not (
                same_shape(self.group.shape, shape) and self.joins(stmt)
            ):
                self.close()
            if self.group is None:
                self.group = Group(shape, self.outer.producers)
                if not self.group.take(stmt):
                    self.group = None
            if self.group is not None:
                return
        if self.group is not None and self.after_group(stmt):
            self.close()
        self.builder.loc = stmt.loc
        self.builder.append(self.outer.regions(stmt))

    def joins(self, stmt: Apply) -> bool:
        """Whether the group takes the statement, and nobody else needs what that changes."""
        assert self.group is not None
        if stmt.op.overwrites is not None and stmt.args[0] in self.group.first:
            before = stmt.args[0]
            inside = {stmt, *self.group.members}
            users = self.users.get(before, []) if isinstance(before, Value) else []
            if before in self.results or any(u not in inside for u in users):
                return False
        return self.group.take(stmt)

    def after_group(self, stmt: Stmt) -> bool:
        """Whether the statement must stay behind the open group."""
        assert self.group is not None
        used = uses(stmt)
        if any(v in self.group.made or v in self.group.first for v in used):
            return True
        if not isinstance(stmt, Apply):
            return True
        overwritten = stmt.op.overwrites
        return overwritten is not None and array_type(stmt.args[overwritten]) is not None

    def close(self) -> None:
        """Add the nest of the open group."""
        group, self.group = self.group, None
        if group is None:
            return
        if not self.outer.compiled and not worth_loops(group):
            for stmt in group.members:
                self.builder.append(stmt)
            return
        inside = set(group.members)

        def needed(value: Value) -> bool:
            outside = any(u not in inside for u in self.users.get(value, ()))
            return outside or value in self.results

        Nest(
            group,
            self.builder,
            needed,
            self.outer.indices,
            self.outer.taken,
            self.outer.lengths,
        ).emit()
