"""What a nest of loops computes for a later one only, that one computes.

    for i in range(n):                              for i in range(n):
        total += a[i] * b[i]                            total += a[i] * b[i]
        t[i] = -(a[i] * c)                ->        for i in range(n):
    for i in range(n):                                  x[i] = total * b[i] - a[i] * c
        x[i] = total * b[i] + t[i]

That is so where it is simple arithmetic on numbers and one array, which the first nest leaves
as it is: an element is loaded and computed with, instead of computed, stored and loaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stagec.ir.core import Apply, Cost, Operand, Stmt, Value
from stagec.ir.types import same_shape
from stagec.opt.scalarise.groups import Group, array_type, pointwise, space
from stagec.opt.scalarise.views import Views

Users = Mapping[Value, Sequence[Stmt]]


def postponed(group: Group, behind: Sequence[Apply], users: Users, views: Views) -> list[Apply]:
    """The statements behind the group, each after what only it and later ones need; the group
    loses that.
    """
    kept, waiting = set(group.members), list(behind)
    for stmt in reversed(group.members):
        used = users.get(stmt.outs[0], ())
        if not used or not kept.isdisjoint(used) or not simple(group, stmt):
            continue
        first = next((k for k, later in enumerate(waiting) if later in used), None)
        if first is None:
            continue
        # what writes it to a part of another array may get loops of its own
        if not pointwise(waiting[first]) and waiting[first].args[0] is not stmt.outs[0]:
            continue
        shape = space(waiting[first], views)
        if shape is not None and same_shape(shape, group.shape):
            waiting.insert(first, stmt)
            kept.discard(stmt)
    for stmt in group.members:
        made = {out for member in kept for out in member.outs}
        if stmt not in kept and not made.isdisjoint(arrays_of(stmt)):
            kept.add(stmt)
            waiting = [other for other in waiting if other is not stmt]
    if not kept:
        return list(behind)
    group.members = [stmt for stmt in group.members if stmt in kept]
    group.made &= {out for member in kept for out in member.outs}
    return waiting


def arrays_of(stmt: Apply) -> list[Operand]:
    """The operands with axes."""
    return [a for a in stmt.args if array_type(a) is not None]


def simple(group: Group, stmt: Apply) -> bool:
    """Whether it computes simply with one array, which the group leaves as it is."""
    if not pointwise(stmt) or stmt.cost is Cost.COSTLY or len(arrays_of(stmt)) != 1:
        return False
    if stmt.raises:
        return False
    leaves = {access.leaf for access in group.accesses(stmt)}
    return leaves.isdisjoint(group.first) and leaves.isdisjoint(group.last)
