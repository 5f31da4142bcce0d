"""Overwriting statements move behind the last reader of what they overwrite.

If `u` overwrites `a` and later statements of the block still read `a`, bufferisation would have
to copy `a`.  Where nothing needs the result of `u` before those readers, `u` and what depends
on it move behind them, unless that would put them behind a statement that overwrites what they
read themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from stagec.ir.alias import contents_used
from stagec.ir.core import Apply, Block, If, Operand, Stmt, Value
from stagec.ir.function import Function
from stagec.ir.liveness import values_of
from stagec.ir.rebuild import map_regions
from stagec.ir.walk import effectful, operands, regions, statements, uses
from stagec.opt.memory import has_memory, overwritten


def sink(fn: Function) -> Function:
    """Delay statements that overwrite a value until its readers are done."""
    functions = tuple(replace(f, body=_block(f.body)) for f in fn.functions)
    return replace(fn, body=_block(fn.body), functions=functions)


@dataclass(frozen=True, slots=True)
class _Note:
    """A statement, the values it uses, and the memories it reads and overwrites."""

    stmt: Stmt
    used: frozenset[Value]
    reads: frozenset[Value]
    overwrites: frozenset[Value]
    acts: bool
    raises: bool


def _block(block: Block) -> Block:
    stmts = [map_regions(stmt, _block) for stmt in block.stmts]
    roots: dict[Value, Value] = {}
    for stmt in stmts:
        _record_alias(stmt, roots)
    notes = [_note(stmt, roots) for stmt in stmts]
    results = _roots(values_of(block.results), roots)
    # every move has fewer readers behind an overwriting statement than before, so this ends
    while sum(_delay(notes, k, results) for k in reversed(range(len(notes)))):
        pass
    return replace(block, stmts=tuple(note.stmt for note in notes))


def _record_alias(stmt: Stmt, roots: dict[Value, Value]) -> None:
    """Note for each result that may be a view of an operand the memory that it shows."""
    match stmt:
        case Apply(op=op, args=args):
            alias = op.aliased(stmt.kwargs)
            sources = () if alias is None else (args[alias],)
        case If(then=then, orelse=orelse):
            sources = (*then.results, *orelse.results)
        case _:
            sources = ()
    for out in stmt.outs:
        for source in values_of(sources):
            if has_memory(out.type) and has_memory(source.type):
                roots.setdefault(out, roots.get(source, source))


def _note(stmt: Stmt, roots: dict[Value, Value]) -> _Note:
    used = frozenset(uses(stmt))
    inner = (stmt, *(s for region in regions(stmt) for s in statements(region)))
    return _Note(
        stmt,
        used,
        _roots({v for s in inner for v in values_of(_contents(s))}, roots),
        _roots(overwritten(stmt), roots),
        effectful(stmt),
        any(isinstance(s, Apply) and s.raises for s in inner),
    )


def _contents(stmt: Stmt) -> Iterable[Operand]:
    """The operands whose contents the statement needs or passes on, regions aside."""
    own = contents_used(stmt) if isinstance(stmt, Apply) else operands(stmt)
    return (*own, *(result for region in regions(stmt) for result in region.results))


def _roots(values: Iterable[Value], roots: dict[Value, Value]) -> frozenset[Value]:
    return frozenset(roots.get(v, v) for v in values if has_memory(v.type))


def _delay(notes: list[_Note], k: int, results: frozenset[Value]) -> bool:
    """Move statement `k` behind the last reader of what it overwrites; False: it stays."""
    first = notes[k]
    if first.acts or not first.overwrites or first.overwrites & results:
        return False
    later = range(len(notes) - 1, k, -1)
    readers = (j for j in later if not first.overwrites.isdisjoint(notes[j].reads))
    last = next(readers, k)
    moved, crossed = [first], list[_Note]()
    results_of_moved = set(first.stmt.outs)
    for note in notes[k + 1 : last + 1]:
        if results_of_moved.isdisjoint(note.used):
            crossed.append(note)
            continue
        if note.acts or note.reads & first.overwrites:
            return False
        moved.append(note)
        results_of_moved |= set(note.stmt.outs)
    if not crossed or _conflict(moved, crossed):
        return False
    notes[k : last + 1] = crossed + moved
    return True


def _conflict(moved: list[_Note], crossed: list[_Note]) -> bool:
    """Whether the move repeats the problem elsewhere, or reorders an error and an effect."""
    if any(m.raises for m in moved) and any(c.acts for c in crossed):
        return True
    return any(m.reads & c.overwrites for m in moved for c in crossed)
