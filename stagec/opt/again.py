"""Products of short rows that a backward loop computes again instead of keeping them.

    for c in range(k):                          for c in range(k):
        z = (x - mu[c]) @ Q[c]                      z = (x - mu[c]) @ Q[c]
        z_tape.append(z)              ->            ...
        ...                                     for c in reversed(range(k)):
    for c in reversed(range(k)):                    z = (x - mu[c]) @ Q[c]
        z = z_tape[c]                               ...

That is so where the trips are independent, as far as the product goes, and where the loop that
reads the tape has all that the product is made from: it then costs a few multiplications for
each element of the tape, less than the way to memory and back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from stagec.ir.build import Builder
from stagec.ir.chains import mentioned
from stagec.ir.core import Apply, Block, Cost, Effect, For, Operand, Stmt, Value
from stagec.ir.function import Function
from stagec.ir.rebuild import map_operands, map_regions
from stagec.ir.types import ArrayType, ListType, Symbol, measured_by
from stagec.ir.walk import counted, rename, statements, uses
from stagec.ops.lists import list_append, list_get, list_new
from stagec.ops.products import matmul
from stagec.opt.cse import cse
from stagec.opt.dce import dce

SHORT = 32  # multiplications for an element: more take longer than its way to memory and back


def again(fn: Function) -> Function:
    """The function with such products computed again."""
    body = _block(fn.body, dict(fn.lengths))
    return fn if body is fn.body else dce(cse(replace(fn, body=body)))


@dataclass(frozen=True, slots=True)
class _Kept:
    """What a loop computes and keeps in a list: on trip i its element i.

    `made` are the statements that compute it, and `taken` what they use from outside.
    """

    loop: For
    value: Value
    made: tuple[Apply, ...]
    taken: frozenset[Value]


def _block(block: Block, lengths: Mapping[Symbol, int]) -> Block:
    """The block in which lists of products are not read where that is no use."""
    used: Counter[Operand] = Counter(mentioned(block))
    begun = {
        s.out for s in block.stmts if isinstance(s, Apply) and s.op is list_new and not s.args
    }
    found: dict[Value, _Kept] = {}
    stmts: list[Stmt] = []
    for stmt in block.stmts:
        if isinstance(stmt, For):
            reads = _reads(stmt, found)
            gone = {xs for xs, count in Counter(reads).items() if count == used[xs]}
            if gone:
                body = _Reading({xs: found[xs] for xs in gone}, stmt.body.params[0])
                stmt = replace(stmt, body=body.block(stmt.body))
            found.update(_kept(stmt, begun, lengths))
        stmts.append(stmt)
    changed = any(a is not b for a, b in zip(stmts, block.stmts, strict=True))
    return replace(block, stmts=tuple(stmts)) if changed else block


def _kept(loop: For, begun: set[Value], lengths: Mapping[Symbol, int]) -> dict[Value, _Kept]:
    """The lists in which the loop keeps products, by their values behind the loop."""
    if not counted(loop) or loop.reverse:
        return {}
    makers = {s.out: s for s in loop.body.stmts if isinstance(s, Apply) and len(s.outs) == 1}
    used: Counter[Operand] = Counter(mentioned(loop.body))
    found: dict[Value, _Kept] = {}
    for k, out in enumerate(loop.carry):
        param, result = loop.body.params[1 + k], loop.body.results[k]
        last = makers.get(result)  # type: ignore[arg-type]
        if not isinstance(out.type, ListType) or loop.init[k] not in begun or last is None:
            continue
        if last.op is not list_append or last.args[0] is not param or used[param] != 1:
            continue
        value = last.args[1]
        if used[result] == 1 and isinstance(value, Value) and value in makers:
            kept = _computed(loop, makers, value, lengths)
            if kept is not None:
                found[out] = kept
    return found


def _computed(
    loop: For, makers: Mapping[Value, Apply], value: Value, lengths: Mapping[Symbol, int]
) -> _Kept | None:
    """How the loop computes the product; None where it is none, or takes more than the trip."""
    if not _short(makers[value], lengths):
        return None
    needed, made = {value}, list[Apply]()
    for stmt in reversed(loop.body.stmts):
        if needed.isdisjoint(stmt.outs):
            continue
        if not isinstance(stmt, Apply) or not _cheap(stmt, value):
            return None
        made.append(stmt)
        needed -= set(stmt.outs)
        needed |= {a for a in stmt.args if isinstance(a, Value)}
    index, *carried = loop.body.params
    if not needed.isdisjoint(carried):
        return None
    return _Kept(loop, value, tuple(reversed(made)), frozenset(needed - {index}))


def _short(stmt: Apply, lengths: Mapping[Symbol, int]) -> bool:
    """Whether it is a product of matrices with few terms for each element."""
    kinds = [a.type for a in stmt.args]
    if stmt.op is not matmul or not all(
        isinstance(t, ArrayType) and t.rank == 2 for t in kinds
    ):
        return False
    terms = measured_by(kinds[0].shape[1], lengths)  # type: ignore[union-attr]
    return terms is not None and terms <= SHORT


def _cheap(stmt: Apply, value: Value) -> bool:
    """Whether the statement may be done twice."""
    plain = stmt.op.effect is Effect.NONE and stmt.op.overwrites is None
    return plain and (stmt.outs == (value,) or stmt.cost is not Cost.COSTLY)


def _reads(loop: For, found: Mapping[Value, _Kept]) -> Sequence[Value]:
    """The lists that the loop reads trip by trip as another filled them, for each time."""
    if not counted(loop) or not found:
        return ()
    index, there = loop.body.params[0], uses(loop).keys()
    reads: list[Value] = []
    for stmt in statements(loop.body):
        if isinstance(stmt, Apply) and stmt.op is list_get and stmt.args[1] is index:
            xs = stmt.args[0]
            kept = found.get(xs) if isinstance(xs, Value) else None
            if kept is not None and loop.hi is kept.loop.hi and kept.taken <= there:
                reads.append(xs)  # type: ignore[arg-type]
    return reads


@dataclass(frozen=True, slots=True)
class _Reading:
    """Goes through the loop that reads the lists; `names` are for what was read."""

    found: Mapping[Value, _Kept]
    index: Value
    names: dict[Value, Operand] = field(default_factory=dict["Value", "Operand"])

    def block(self, block: Block) -> Block:
        """The block with what was kept computed again."""
        builder = Builder()
        names = self.names
        for stmt in block.stmts:
            builder.loc = stmt.loc
            kept = self.kept(stmt)
            if kept is not None:
                names[stmt.outs[0]] = self.computed(kept, builder)
            else:
                stmt = map_operands(stmt, lambda v: rename(v, names))
                builder.append(map_regions(stmt, self.block))
        return builder.block(block.params, [rename(r, names) for r in block.results])

    def kept(self, stmt: Stmt) -> _Kept | None:
        """What the statement reads from a list."""
        reads = isinstance(stmt, Apply) and stmt.op is list_get and stmt.args[1] is self.index
        return self.found.get(stmt.args[0]) if reads else None  # type: ignore[arg-type,union-attr]

    def computed(self, kept: _Kept, builder: Builder) -> Operand:
        """The product, computed in the builder."""
        names: dict[Value, Operand] = {kept.loop.body.params[0]: self.index}
        for stmt in kept.made:
            args = [rename(a, names) for a in stmt.args]
            outs = builder.add(stmt.op, args, stmt.kwargs, stmt.outs[0].hint)
            names.update(zip(stmt.outs, outs, strict=True))
        return names[kept.value]
