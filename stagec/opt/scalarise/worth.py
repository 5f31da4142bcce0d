"""Which groups are worth a nest of loops, in a block that is not compiled as a whole.

A statement on its own has no temporary array to save, and NumPy is as fast.  Between nests it
would cut what can be one kernel, whose loops may become one later on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from stagec.ir.core import Apply, Call, Operand, Stmt
from stagec.ir.lowering import kernel_source
from stagec.ir.types import Dim, Size, rank_of
from stagec.ir.walk import regions, uses
from stagec.opt.runs import calls_library, makes_memory
from stagec.opt.scalarise.groups import Group, array_type, moved_to, space
from stagec.opt.scalarise.places import natural
from stagec.opt.scalarise.views import Views


def worth_loops(items: Sequence[Stmt | Group], views: Views) -> set[Group]:
    """The groups for which loops beat NumPy.

    Those are the groups of several statements, and those that hand something to other loops or
    get it from them with nothing in between that only the library can do.
    """
    return {group for run in _runs(items, views) for group in _connected(run)}


def compilable(stmt: Stmt, views: Views) -> bool:
    """Whether all of the statement may be in compiled code, once it is in loops."""
    if isinstance(stmt, Apply):
        view = bool(stmt.args) and moved_to(stmt, natural(rank(stmt)), views) is not None
        return view or kernel_source(stmt) is not None or space(stmt, views) is not None
    return not isinstance(stmt, Call) and all(
        compilable(s, views) for region in regions(stmt) for s in region.stmts
    )


def rank(stmt: Apply) -> int:
    """The rank of the op's first result."""
    return rank_of(stmt.outs[0].type) if stmt.outs else 0


def _runs(items: Sequence[Stmt | Group], views: Views) -> Iterator[list[Stmt | Group]]:
    """The items between those that compiled code cannot hold."""
    run: list[Stmt | Group] = []
    for item in items:
        if isinstance(item, Group) or compilable(item, views):
            run.append(item)
        else:
            yield run
            run = []
    yield run


def _connected(run: Sequence[Stmt | Group]) -> Iterator[Group]:
    """The groups that are large or linked with other loops."""
    makers: dict[Operand, Stmt | Group] = {}
    linked: set[Stmt | Group] = set()
    joined: set[Stmt | Group] = set()  # they make arrays that are put together
    for item in run:
        if isinstance(item, Apply):
            shown = item.op.aliased(item.kwargs)
            if shown is not None and item.args[shown] in makers:
                makers[item.outs[0]] = makers[item.args[shown]]
            elif calls_library(item):
                continue
            elif makes_memory(item) and item.args and all(a in makers for a in item.args):
                joined.update(makers[a] for a in item.args)
            continue
        linked |= {i for maker in _links(item, makers) for i in (maker, item)}
        stmts = item.members if isinstance(item, Group) else [item]
        makers.update((out, item) for s in stmts for out in s.outs if array_type(out))
    groups = [item for item in run if isinstance(item, Group)]
    linked.update(g for g in groups if len(g.members) > 1)
    if linked or any(not isinstance(item, Apply | Group) for item in run):
        linked |= joined  # else NumPy is as fast, and nothing has to be compiled
    yield from (g for g in groups if g in linked)


def _links(
    item: Stmt | Group, makers: Mapping[Operand, Stmt | Group]
) -> Iterator[Stmt | Group]:
    """The loops before that the item may share a loop or a kernel with."""
    if not isinstance(item, Group):
        yield from (makers[value] for value in uses(item) if value in makers)
    elif all(map(_plain, item.shape)):
        for access in item.touched():
            maker = makers.get(access.leaf)
            rows = access.places[:1] == natural(1)
            if maker is not None and (rows or not isinstance(maker, Group)):
                yield maker


def _plain(dim: Dim) -> bool:
    """Whether the length is known before any array of the block is made."""
    return not isinstance(dim, Size) or not any(s.unit or s.index for s, _ in dim.terms)
