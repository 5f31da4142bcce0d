"""Array statements as loops over elements, several of them in one nest.

Where the meaning of a statement on elements is known it becomes part of a nest of loops,
without temporary arrays; the rest stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from stagec.ir.build import Builder
from stagec.ir.core import Apply, Block, Expands, For, Operand, Stmt, Value, While
from stagec.ir.function import Function
from stagec.ir.rebuild import map_regions
from stagec.ir.types import Dim, Symbol
from stagec.ir.walk import uses
from stagec.ops.expansion import expandable, expanded
from stagec.opt.scalarise.fusion import Fusion
from stagec.opt.scalarise.groups import Group
from stagec.opt.scalarise.lengths import with_lengths
from stagec.opt.scalarise.nests import Nest
from stagec.opt.scalarise.worth import compilable as compilable, worth_loops


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
        items = Fusion(block, self.producers).run()
        worth = None if self.compiled else worth_loops(items)
        builder = Builder()
        for item in items:
            if not isinstance(item, Group):
                builder.loc = item.loc
                builder.append(self.regions(item))
            elif worth is None or item in worth:
                self.nest(item, block, builder)
            else:
                for stmt in item.members:
                    builder.append(stmt)
        self.lengths = lengths
        return builder.block(block.params, block.results)

    def nest(self, group: Group, block: Block, builder: Builder) -> None:
        """Add the nest of a group of statements of the block."""
        inside = set(group.members)
        needed = {v for s in block.stmts if s not in inside for v in uses(s)}
        needed.update(v for v in block.results if isinstance(v, Value))
        Nest(group, builder, needed, self.indices, self.taken, self.lengths).emit()

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


def compilable_in_simpler_ops(stmt: Apply) -> bool:
    """Whether the op may be in compiled code, be it written in simpler ops."""
    return all(map(compilable, _simpler(Block((), (stmt,), stmt.outs)).stmts))
