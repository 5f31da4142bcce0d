"""Array statements as loops over elements, several of them in one nest.

Where the meaning of a statement on elements is known it becomes part of a nest of loops,
without temporary arrays; the rest stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from stagec.ir.build import Builder
from stagec.ir.core import Apply, Block, Expands, For, Stmt, Value, While
from stagec.ir.flows import maybe_unset
from stagec.ir.function import Function
from stagec.ir.rebuild import map_regions
from stagec.ir.walk import uses
from stagec.ops.expansion import Rules, expandable, expanded
from stagec.opt.scalarise.fusion import Fusion
from stagec.opt.scalarise.groups import Group
from stagec.opt.scalarise.lengths import with_lengths
from stagec.opt.scalarise.lone import both_ways
from stagec.opt.scalarise.nests import Nest
from stagec.opt.scalarise.peels import peeled
from stagec.opt.scalarise.sizes import Sizes
from stagec.opt.scalarise.views import Views
from stagec.opt.scalarise.worth import compilable as compilable, worth_loops


def scalarise(fn: Function) -> Function:
    """The function with its array statements as loops."""
    functions = tuple(scalarise(f) for f in fn.functions)
    found = with_lengths(_simpler(fn.body, _joining_loops))
    sizes = Sizes(found.indices, unset=maybe_unset(found.block))
    body = _Scalariser(found.views, sizes).block(found.block)
    return replace(fn, body=body, functions=functions)


@dataclass(slots=True)
class _Scalariser:
    """What made each value, in the blocks around.

    Attributes
    ----------
    views : the parts of arrays that statements select.
    sizes : what is known of sizes in front of a statement.
    taken : the names of the indices of the loops around.
    compiled : whether the block is in a loop which can become compiled code as a whole: there
        even a statement on its own is worth a nest.
    """

    views: Views
    sizes: Sizes
    producers: dict[Value, Apply] = field(default_factory=dict[Value, Apply])
    taken: tuple[str, ...] = ()
    compiled: bool = False

    def block(self, block: Block) -> Block:
        """The block with nests for groups of statements."""
        outer, self.sizes = self.sizes, self.sizes.inside()
        self.sizes.note(block.params)
        items = Fusion(block, self.producers, self.views, self.sizes, self.compiled).run()
        worth = None if self.compiled else worth_loops(items, self.views)
        builder = Builder()
        for item in items:
            if isinstance(item, Group) and (worth is None or item in worth):
                needed = {v for i in items if i is not item for v in _used(i)}
                needed.update(v for v in block.results if isinstance(v, Value))
                Nest(item, builder, needed, self.sizes, self.taken).emit()
                continue
            for stmt in item.members if isinstance(item, Group) else (item,):
                builder.loc = stmt.loc
                builder.append(self.regions(stmt))
                self.sizes.note(stmt.outs)
        self.sizes = outer
        return builder.block(block.params, block.results)

    def regions(self, stmt: Stmt) -> Stmt:
        """The statement with nests in the blocks inside it."""
        compiled, taken = self.compiled, self.taken
        if isinstance(stmt, For):
            self.taken = (*taken, stmt.body.params[0].hint)
        if not compiled and isinstance(stmt, For | While):
            wide = map_regions(stmt, lambda block: _for_kernels(block, self.views))
            if compilable(wide, self.views):
                stmt, self.compiled = peeled(wide, self.views), True
        made = map_regions(stmt, self.block)
        self.compiled, self.taken = compiled, taken
        return made


def _for_kernels(block: Block, views: Views) -> Block:
    """The block with products and the like written in simpler ops; where these cannot be
    compiled, what is broadcast if a length is 1 is there both ways.
    """
    simpler = _simpler(block, _definition)
    if all(compilable(s, views) for s in simpler.stmts):
        return simpler
    return _simpler(both_ways(simpler, views), _definition)


def _simpler(block: Block, rules: Rules) -> Block:
    while expandable(block, rules):
        block = expanded(block, rules)
    return block


def _joining_loops(stmt: Apply) -> Callable[..., Any] | None:
    anywhere = isinstance(stmt.op.scalar, Expands) and stmt.op.scalar.anywhere
    return _definition(stmt) if anywhere else None


def _definition(stmt: Apply) -> Callable[..., Any] | None:
    if not isinstance(stmt.op.scalar, Expands):
        return None
    return stmt.op.scalar.rule(*(a.type for a in stmt.args), **stmt.kwargs)


def _used(item: Stmt | Group) -> Iterator[Value]:
    """What the statement, or the group of statements, uses."""
    for stmt in item.members if isinstance(item, Group) else (item,):
        yield from uses(stmt)


def compilable_in_simpler_ops(stmt: Apply, views: Views) -> bool:
    """Whether the op may be in compiled code, be it written in simpler ops or both ways."""
    made = _for_kernels(Block((), (stmt,), stmt.outs), views)
    return all(compilable(s, views) for s in made.stmts)
