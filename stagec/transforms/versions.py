"""Arrays that are written to, and how earlier versions of them come from later ones.

A write `new = update(old, v, path)` is undone by `old = update(new, saved, path)` with the
overwritten elements `saved = read(old, path)`.  A loop or a branch that does nothing but write
to an array is undone by a loop or a branch of such steps.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import assert_never

from stagec.ir.build import Builder
from stagec.ir.core import Apply, Block, Call, For, If, Operand, Stmt, Value, While, operand_of
from stagec.ir.types import ArrayType
from stagec.ir.walk import defined
from stagec.ops.arithmetic import Handle
from stagec.ops.indexing import read_at, update_at
from stagec.transforms.activity import loop_params, loop_results
from stagec.transforms.drafts import Draft

Versions = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """The versions `before` can be had from the versions `after` by undoing `stmt`.

    `carries` says which carries of a loop, or results of an `If`, these are.
    """

    stmt: Stmt
    after: Versions
    before: Versions
    carries: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Undo:
    """What can be had from the last versions `roots`: how, and from which of them."""

    steps: tuple[Step, ...]
    origin: dict[Value, frozenset[Value]]

    def towards(self, targets: Iterable[Value]) -> tuple[Step, ...]:
        """The steps that lead to the targets, latest first."""
        wanted = set(targets)
        found: list[Step] = []
        for step in reversed(self.steps):
            if not wanted.isdisjoint(step.before):
                found.append(step)
                wanted.update(step.after)
        return tuple(reversed(found))


@dataclass(slots=True)
class History:
    """The undoable parts of statements, remembered."""

    _undos: dict[tuple[Block, frozenset[Value]], Undo] = field(
        default_factory=dict["tuple[Block, frozenset[Value]]", Undo]
    )
    _loops: dict[For | While, list[tuple[int, ...]]] = field(
        default_factory=dict["For | While", "list[tuple[int, ...]]"]
    )

    def undo(self, block: Block, roots: Iterable[Value]) -> Undo:
        """How versions in the block come from the values `roots` at its end."""
        key = block, frozenset(roots)
        if key not in self._undos:
            self._undos[key] = self._undo(*key)
        return self._undos[key]

    def _undo(self, block: Block, roots: frozenset[Value]) -> Undo:
        origin = {r: frozenset((r,)) for r in roots}
        steps: list[Step] = []
        for stmt in reversed(block.stmts):
            for step in self.steps(stmt):
                known = all(v in origin for v in step.after)
                if not known or all(v in origin for v in step.before):
                    continue
                steps.append(step)
                sources = frozenset[Value]().union(*(origin[v] for v in step.after))
                origin.update((v, sources) for v in step.before if v not in origin)
        return Undo(tuple(steps), origin)

    def steps(self, stmt: Stmt) -> list[Step]:
        """The ways to undo the statement."""
        match stmt:
            case Apply():
                return _write_steps(stmt)
            case For() | While():
                found: list[Step] = []
                for group in self.groups(stmt):
                    inits = tuple(v for j in group if isinstance(v := stmt.init[j], Value))
                    if len(set(inits)) == len(group):
                        after = tuple(stmt.carry[j] for j in group)
                        found.append(Step(stmt, after, inits, group))
                return found
            case If():
                pairs = [(o, self.source(stmt, o)) for o in range(len(stmt.outs))]
                return [
                    Step(stmt, (stmt.outs[o],), (v,), (o,)) for o, v in pairs if v is not None
                ]
            case Call():
                return []
            case _:
                assert_never(stmt)

    def groups(self, stmt: For | While) -> list[tuple[int, ...]]:
        """The smallest sets of carries that each trip can be undone for."""
        if stmt not in self._loops:
            self._loops[stmt] = self._groups(stmt)
        return self._loops[stmt]

    def _groups(self, stmt: For | While) -> list[tuple[int, ...]]:
        params, results = loop_params(stmt), loop_results(stmt)
        chosen = {
            j
            for j, (p, r) in enumerate(zip(params, results, strict=True))
            if _is_array(p) and isinstance(r, Value) and r is not p
        }
        undo = self.undo(stmt.body, ())
        while True:
            roots = {r for j in chosen if isinstance(r := results[j], Value)}
            undo = self.undo(stmt.body, roots)
            kept = {j for j in chosen if params[j] in undo.origin}
            if kept == chosen:
                break
            chosen = kept
        needs = {j: {k for k in chosen if results[k] in undo.origin[params[j]]} for j in chosen}
        return _closed(needs)

    def source(self, stmt: If, out: int) -> Value | None:
        """The array that both branches get the result from by writing to it."""
        found: list[set[Value]] = []
        for block in (stmt.then, stmt.orelse):
            result = block.results[out]
            if not isinstance(result, Value) or not _is_array(result):
                return None
            inner = set(defined(block))
            found.append(self.undo(block, (result,)).origin.keys() - inner)
        shared = found[0] & found[1]
        return next(iter(shared)) if len(shared) == 1 else None


def is_read(stmt: Apply) -> bool:
    """Whether the op selects a part of an array."""
    return "path" in stmt.kwargs and stmt.op.overwrites is None


def is_write(stmt: Stmt) -> bool:
    """Whether the statement stores into a part of an array."""
    return (
        isinstance(stmt, Apply)
        and stmt.op.overwrites is not None
        and "path" in stmt.kwargs
        and _is_array(stmt.out)
    )


def saved_read(stmt: Apply) -> tuple[Apply, Value]:
    """The read of what the write overwrites: a new op and its result."""
    builder = Builder(loc=stmt.loc)
    old, _, *index = stmt.args
    hint = stmt.out.hint and f"{stmt.out.hint}_old"
    where = [Handle(builder, i) for i in index]
    result = operand_of(read_at(Handle(builder, old), stmt.kwargs["path"], *where))
    (read,) = builder.stmts
    assert isinstance(read, Apply)
    assert isinstance(result, Value)
    out = Value(result.type, hint)
    return Apply(read.op, read.args, read.attrs, (out,), read.loc), out


def saved(draft: Draft, stmt: Apply) -> Value:
    """What the write overwrites: read before it, unless the program has read it already."""
    read, out = saved_read(stmt)
    for other in (*draft.before.get(stmt, ()), *draft.block.stmts):
        if isinstance(other, Apply) and (
            (other.op, other.args, other.attrs) == (read.op, read.args, read.attrs)
        ):
            return other.out
    draft.define([read], stmt)
    return out


def undone(
    builder: Builder, stmt: Apply, new: Operand, saved: Operand, index: list[Operand]
) -> Value:
    """The array as it was before the write."""
    where = [Handle(builder, i) for i in index]
    path = stmt.kwargs["path"]
    out = operand_of(update_at(Handle(builder, new), Handle(builder, saved), path, *where))
    assert isinstance(out, Value)
    return out


def _write_steps(stmt: Apply) -> list[Step]:
    if not is_write(stmt) or stmt.op.overwrites is None:
        return []
    old = stmt.args[stmt.op.overwrites]
    return [Step(stmt, (stmt.out,), (old,))] if isinstance(old, Value) else []


def _is_array(value: Operand) -> bool:
    return isinstance(value.type, ArrayType) and value.type.kind == "array"


def _closed(needs: dict[int, set[int]]) -> list[tuple[int, ...]]:
    """The sets of keys closed under `needs` that a single key leads to, without repetition."""
    found: dict[tuple[int, ...], None] = {}
    for start in sorted(needs):
        group: set[int] = set()
        todo = {start}
        while todo:
            group |= todo
            todo = set[int]().union(*(needs[j] for j in todo)) - group
        found.setdefault(tuple(sorted(group)))
    return list(found)
