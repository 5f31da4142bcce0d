"""What a nest of loops computes for a later one only, that one computes.

    for i in range(n):                              for i in range(n):
        total += a[i] * b[i]                            total += a[i] * b[i]
        t[i] = -(a[i] * c)                ->        for i in range(n):
    for i in range(n):                                  x[i] = total * b[i] - a[i] * c
        x[i] = total * b[i] + t[i]

That is so where it is simple arithmetic on numbers and one array, which the first nest leaves
as it is: an element is loaded and computed with, instead of computed, stored and loaded.  A few
ops that both need are then done in both.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from stagec.ir.core import Apply, Cost, Operand, Stmt, Value
from stagec.ir.types import same_shape
from stagec.ir.walk import rename, substitute_stmt, uses
from stagec.opt.scalarise.groups import Group, array_type, pointwise, space
from stagec.opt.scalarise.views import Views

Users = dict[Value, list[Stmt]]
COPIES = 4  # ops that are done again rather than stored and loaded


def postponed(group: Group, behind: Sequence[Apply], users: Users, views: Views) -> list[Apply]:
    """The statements behind the group, each after what only it and later ones need; the group
    loses that.
    """
    kept, waiting = set(group.members), list(behind)
    parts: dict[Apply, list[Apply]] = {}
    for stmt in reversed(group.members):
        used = users.get(stmt.outs[0], ())
        found = None if not used or not kept.isdisjoint(used) else computed(group, stmt)
        if found is None:
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
            parts[stmt] = found
            kept.discard(stmt)
    again: set[Apply] = set()
    for stmt in group.members:
        if stmt in kept:
            continue
        shared = kept.intersection(parts[stmt])
        if len(again | shared) <= COPIES:
            again |= shared
        else:
            kept.update(parts[stmt])
    waiting = [stmt for stmt in waiting if stmt not in kept]
    if not kept:
        return list(behind)
    copied = [stmt for stmt in group.members if stmt in again]
    group.members = [stmt for stmt in group.members if stmt in kept]
    group.made &= {out for member in kept for out in member.outs}
    return with_copies(waiting, copied, set(parts) - kept, users) if copied else waiting


def with_copies(
    waiting: Sequence[Apply], copied: Sequence[Apply], of: Collection[Apply], users: Users
) -> list[Apply]:
    """The statements, of which those in `of` use copies of the ones that are done again."""
    names: dict[Value, Operand] = {s.out: Value(s.out.type, s.out.hint) for s in copied}
    first = min(k for k, stmt in enumerate(waiting) if stmt in of)
    found = list(waiting[:first])
    for stmt in (*copied, *waiting[first:]):
        if stmt not in of and stmt not in copied:
            found.append(stmt)
            continue
        made = substitute_stmt(stmt, names)
        assert isinstance(made, Apply)
        if stmt in copied:
            made = replace(made, outs=tuple(rename(out, names) for out in stmt.outs))
            users[made.out] = []
        else:
            for operand in uses(stmt):
                users[operand] = [u for u in users[operand] if u is not stmt]
        for operand in uses(made):
            users.setdefault(operand, []).append(made)
        found.append(made)
    return found


def computed(group: Group, stmt: Apply) -> list[Apply] | None:
    """The members that it is computed from, itself among them, if that is simple arithmetic
    on numbers and one array, which the group leaves as it is.
    """
    makers = {member.outs[0]: member for member in group.members}
    found, waiting, arrays = [stmt], [stmt], set[Operand]()
    while waiting:
        each = waiting.pop()
        if not plain(group, each):
            return None
        for array in arrays_of(each):
            maker = makers.get(array) if array in group.made else None
            if maker is None:
                arrays.add(array)
            elif maker not in found:
                found.append(maker)
                waiting.append(maker)
    return found if len(arrays) == 1 else None


def arrays_of(stmt: Apply) -> list[Operand]:
    """The operands with axes."""
    return [a for a in stmt.args if array_type(a) is not None]


def simple(group: Group, stmt: Apply) -> bool:
    """Whether it computes simply with one array, which the group leaves as it is."""
    return len(arrays_of(stmt)) == 1 and plain(group, stmt)


def plain(group: Group, stmt: Apply) -> bool:
    """Whether it computes simply with arrays that the group leaves as they are."""
    if not pointwise(stmt) or stmt.cost is Cost.COSTLY or stmt.raises:
        return False
    leaves = {access.leaf for access in group.accesses(stmt)}
    return leaves.isdisjoint(group.first) and leaves.isdisjoint(group.last)
