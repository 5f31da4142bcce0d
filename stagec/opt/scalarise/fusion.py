"""Which statements of a block are done together, and in which order.

Consecutive statements over the same elements are one group.  What would only keep them apart
goes before the group or after it; in a loop that is compiled so do statements over other
elements, which then are groups of their own.
"""

from __future__ import annotations

from dataclasses import replace

from stagec.ir.core import Apply, Block, Effect, Stmt, Value
from stagec.ir.types import Shape, same_shape
from stagec.ir.walk import uses
from stagec.ops.copying import copy
from stagec.ops.extent import extent
from stagec.opt.scalarise.groups import Group, array_type, fold_of, space
from stagec.opt.scalarise.orders import turned
from stagec.opt.scalarise.postponed import postponed
from stagec.opt.scalarise.sizes import Sizes
from stagec.opt.scalarise.views import Views
from stagec.opt.scalarise.worth import compilable

WAITING = 16  # statements that may come after the open group: each of them is looked at again


class Fusion:
    """Goes through one block with one group open at a time.

    Attributes
    ----------
    producers : what made each value, in the blocks around.
    views : the parts of arrays that statements select.
    sizes : what is known of sizes in front of the open group.
    compiled : whether the whole block may become compiled code.
    found : what the block becomes, in order: statements, and groups for nests.
    behind : statements that come after the open group, in order.
    """

    def __init__(
        self,
        block: Block,
        producers: dict[Value, Apply],
        views: Views,
        sizes: Sizes,
        compiled: bool,
    ) -> None:
        self.block = block
        self.producers = producers
        self.views = views
        self.sizes = sizes.inside()
        self.compiled = compiled
        self.found: list[Stmt | Group] = []
        self.group: Group | None = None
        self.behind: list[Apply] = []
        self.users: dict[Value, list[Stmt]] = {}
        for stmt in block.stmts:
            for value in uses(stmt):
                self.users.setdefault(value, []).append(stmt)

    def run(self) -> list[Stmt | Group]:
        """The statements and groups of the block."""
        for stmt in self.block.stmts:
            self.statement(stmt)
        while self.group is not None:
            self.close()
        return self.found

    def statement(self, stmt: Stmt) -> None:
        """Add the statement to the open group, or to the block, before or after the group."""
        shape = space(stmt, self.views) if isinstance(stmt, Apply) else None
        if isinstance(stmt, Apply):
            self.producers.update(dict.fromkeys(stmt.outs, stmt))
        if shape is not None:
            assert isinstance(stmt, Apply)
            if self.group is not None:
                if same_shape(self.group.shape, shape) and self.joins(stmt):
                    return
                if self.compiled and len(self.behind) < WAITING:
                    self.behind.append(stmt)
                    return
                self.close()
                self.statement(stmt)
                return
            if self.opens(stmt, shape):
                return
            if self.compiled and stmt.op.overwrites is not None and self.copied(stmt):
                return
        while self.group is not None and self.after_group(stmt):
            if isinstance(stmt, Apply) and stmt.op.effect is Effect.NONE:
                self.behind.append(stmt)
                return
            self.close()
        self.found.insert(self.place(stmt), stmt)
        self.sizes.note(stmt.outs)

    def opens(self, stmt: Apply, shape: Shape) -> bool:
        """Whether the statement begins a group."""
        group = Group(shape, self.producers, self.views, self.sizes)
        if group.take(stmt):
            self.group = group
        return self.group is not None

    def copied(self, stmt: Apply) -> bool:
        """Add the write of an array to a part that it overlaps, with a copy in between."""
        value = stmt.args[1]
        maker = self.producers.get(value) if isinstance(value, Value) else None
        if array_type(value) is None or (maker is not None and maker.op is copy):
            return False
        taken = Value(value.type)
        write = replace(stmt, args=(stmt.args[0], taken, *stmt.args[2:]))
        for used in uses(stmt):
            self.users[used] = [write if u is stmt else u for u in self.users[used]]
        self.users[taken] = [write]
        self.statement(Apply(copy, (value,), (), (taken,), stmt.loc))
        self.statement(write)
        return True

    def place(self, stmt: Stmt) -> int:
        """Where the statement goes: before groups that it would only keep apart."""
        place = len(self.found)
        apart = isinstance(stmt, Apply) and (
            stmt.op is extent or not compilable(stmt, self.views)
        )
        if not isinstance(stmt, Apply) or not apart or not _pure(stmt):
            return place
        used, fails = uses(stmt), stmt.raises
        for k in reversed(range(len(self.found))):
            item = self.found[k]
            stmts = item.members if isinstance(item, Group) else [item]
            if any(not used.keys().isdisjoint(s.outs) for s in stmts):
                break
            if isinstance(item, Group):
                place = k
            elif not isinstance(item, Apply) or not _pure(item) or (fails and item.raises):
                break
        return place

    def joins(self, stmt: Apply) -> bool:
        """Whether the group takes the statement, and nobody else needs what that changes."""
        assert self.group is not None
        if self.needs_behind(stmt) or self.destroys(stmt):
            return False
        if self.behind and not self.group.shares(stmt):
            return False
        if self.group.folds and self.is_folded(stmt) and turned(self.group, stmt):
            return False
        if stmt.op.overwrites is not None and stmt.args[0] in self.group.first:
            before = stmt.args[0]
            inside = {stmt, *self.group.members}
            users = self.users.get(before, []) if isinstance(before, Value) else []
            if before in self.block.results or any(u not in inside for u in users):
                return False
        return self.group.take(stmt)

    def is_folded(self, stmt: Apply) -> bool:
        """Whether reductions are all that needs what the statement makes."""
        users = self.users.get(stmt.outs[0], [])
        return bool(users) and all(isinstance(u, Apply) and fold_of(u) for u in users)

    def after_group(self, stmt: Stmt) -> bool:
        """Whether the statement must stay behind the open group."""
        assert self.group is not None
        used = uses(stmt)
        if any(v in self.group.made or v in self.group.first for v in used):
            return True
        if not isinstance(stmt, Apply) or self.needs_behind(stmt):
            return True
        overwritten = stmt.op.overwrites
        return overwritten is not None and (
            bool(self.behind) or array_type(stmt.args[overwritten]) is not None
        )

    def needs_behind(self, stmt: Apply) -> bool:
        """Whether the statement needs one that comes after the open group."""
        used = uses(stmt)
        return any(out in used for waiting in self.behind for out in waiting.outs)

    def destroys(self, stmt: Apply) -> bool:
        """Whether the statement overwrites what one that comes after the group reads."""
        assert self.group is not None
        if stmt.op.overwrites is None:
            return False
        first = self.group.first
        root = first.get(stmt.args[0], stmt.args[0])
        versions = {root, *(version for version, begin in first.items() if begin is root)}
        return any(not versions.isdisjoint(uses(waiting)) for waiting in self.behind)

    def close(self) -> None:
        """The open group is complete; what comes after it may open another one."""
        assert self.group is not None
        waiting = postponed(self.group, self.behind, self.users, self.views)
        self.found.append(self.group)
        self.group, self.behind = None, []
        for stmt in waiting:
            self.statement(stmt)


def _pure(stmt: Apply) -> bool:
    """Whether the op does nothing but compute something."""
    return stmt.op.effect is Effect.NONE and stmt.op.overwrites is None
