"""Which loops may run their trips in any order, at the same time.

What is asked for is what can be seen to hold: each array that a loop writes to is read and
written, along one of its axes, at one place that is another in each trip; and each number that
it carries is a reduction whose elements may be taken in any order.  So may be a small array
that a backward loop, or one over parts of an axis, only adds to, at any place.  All other loops
stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from math import prod

from stagec.ir.alias import path_of, path_operands
from stagec.ir.chains import Chain
from stagec.ir.core import Apply, Block, For, If, Op, Operand, Value, While
from stagec.ir.lowering import is_integer
from stagec.ir.origins import Origins
from stagec.ir.path import Arg, Index, NewAxis
from stagec.ir.sharing import Memory, holds_memory
from stagec.ir.types import ArrayType, Dim, ListType, Size, Symbol, measured_by
from stagec.ir.walk import defined, free_values, ordered, regions, statements, uses
from stagec.ops.folding import plus
from stagec.ops.index_facts import IndexFacts
from stagec.ops.indexing import accumulate
from stagec.opt.parallel.work import work_before

LEAST = 1_000_000  # work that is worth several threads: `stagec_runtime.threads.WORTH`
LARGER = 256  # how much more work a loop is than an array that each part has one of its own of
Axes = dict[int, Dim]


def independent(
    loop: For, facts: IndexFacts, memory: Memory, lengths: Mapping[Symbol, int] | None = None
) -> dict[int, Op] | None:
    """The op that each number carried is folded with, by its position among the carries.

    None if the trips may depend on each other.  `facts` are those known before the loop, which
    learn from it; `memory` is that of the function, whose writes happen in place.  With
    `lengths`, those of symbols at the first call, small arrays that a loop only adds to are
    folded as well, if trips would write to the same elements.
    """
    body = loop.body
    if loop.until or loop.trips is not None or any(map(ordered, statements(body))):
        return None
    if any(isinstance(v.type, ListType) for v in (*uses(loop), *defined(body))):
        return None
    folds: dict[int, Op] = {}
    origins = Origins.of_block(body)
    chain = Chain(body, lambda s: () if s.op.neutral is None else (0,))
    for k, (param, result) in enumerate(zip(body.params[1:], body.results, strict=True)):
        if holds_memory(param):
            if origins.root(result) is not param:
                return None
            continue
        ops = {s.op for s in chain.steps(param, result)}
        kind = param.type
        assert isinstance(kind, ArrayType)
        if len(ops) != 1 or kind.dtype.kind != "f":
            return None
        (folds[k],) = ops
    if Places(loop, facts, memory, origins).apart():
        return folds
    free = loop.free or loop.parts
    sums = _sums(loop, memory, lengths) if free and lengths is not None else {}
    if not sums or not Places(loop, facts, memory, origins, {*sums.values()}).apart():
        return None
    for k, array in list(sums.items()):  # an array whose elements belong to trips is none
        others = {a for a in sums.values() if a is not array}
        if Places(loop, facts, memory, origins, others).apart():
            del sums[k]
    return folds | dict.fromkeys(sums, plus)


def _sums(loop: For, memory: Memory, lengths: Mapping[Symbol, int]) -> dict[int, Value]:
    """The memory of small arrays that the loop only adds to, by position among the carries.

    There are none where the loop was too short for several threads at the first call.
    """
    body = loop.body
    most = work_before(loop, lengths)
    if most < LEAST:
        return {}
    chain = Chain(body, lambda s: (0,) if s.op is accumulate else ())
    outside = [v for v in (*free_values(body), *body.params[1:]) if holds_memory(v)]
    found: dict[int, Value] = {}
    for k, (param, result) in enumerate(zip(body.params[1:], body.results, strict=True)):
        if not holds_memory(param) or not chain.steps(param, result):
            continue
        own = memory.read((param,))
        alone = all(own.isdisjoint(memory.read((v,))) for v in outside if v is not param)
        if alone and len(own) == 1 and 0 < LARGER * _size(param, lengths) <= most:
            (found[k],) = own
    return found


def _size(array: Value, lengths: Mapping[Symbol, int]) -> int:
    """How many elements the array had at the first call; 0 if that is not known."""
    assert isinstance(array.type, ArrayType)
    sizes = [measured_by(dim, lengths) for dim in array.type.shape]
    return prod(n or 0 for n in sizes)


# --- arrays ----------------------------------------------------------------------------------


@dataclass(slots=True)
class Places:
    """Where in its arrays a loop reads and writes.

    Attributes
    ----------
    sums : the memory that the loop only adds to, of which each part of the trips has its own.
    own : the memory that is made anew in each trip.
    written : the memory that the loop writes to, and that was there before.
    starts : what arrays carried by the loop are in its first trip.
    parts : the views that lie in what belongs to the trip.
    fixed : the symbols that are the same in all trips.
    found : for each memory the places, along some axes, of all that was seen so far.
    """

    loop: For
    facts: IndexFacts
    memory: Memory
    origins: Origins
    sums: Set[Value] = frozenset()
    own: set[Value] = field(default_factory=set[Value])
    written: set[Value] = field(default_factory=set[Value])
    starts: dict[Operand, Value] = field(default_factory=dict[Operand, Value])
    parts: set[Value] = field(default_factory=set[Value])
    fixed: set[Symbol] = field(default_factory=set[Symbol])
    found: dict[Value, Axes] = field(default_factory=dict[Value, Axes])

    def apart(self) -> bool:
        """Whether no trip writes to what another reads or writes."""
        body = self.loop.body
        outside = [v for v in (*free_values(body), *body.params[1:]) if holds_memory(v)]
        around = self.memory.read(outside)
        self.own = set(self.memory.read(defined(body)) - around)
        self.written = {
            m
            for s in body.stmts
            for m in self.memory.written(s)
            if m not in self.own and m not in self.sums
        }
        self.starts = dict(zip(self.loop.init, body.params[1:], strict=True))
        self.fixed = {
            symbol
            for value in (*free_values(body), *body.params[1:])
            for dim in self.known(value)
            if isinstance(dim, Size)
            for symbol, _ in dim.terms
        }
        self.facts.index(self.loop)
        return body.params[0] in self.facts.exact and self.block(body)

    def known(self, value: Value) -> tuple[Dim, ...]:
        """The sizes that a value from before the loop tells of."""
        if is_integer(value.type):
            return (self.facts.of(value),)
        return value.type.shape if isinstance(value.type, ArrayType) else ()

    def block(self, block: Block) -> bool:
        """Whether what the block reads and writes belongs to the trip."""
        for stmt in block.stmts:
            if isinstance(stmt, Apply):
                self.facts.note(stmt)
                if not self.apply(stmt):
                    return False
                continue
            if isinstance(stmt, For):
                self.facts.index(stmt)
            if isinstance(stmt, For | While | If) and not all(
                self.joined(stmt) and self.block(region) for region in regions(stmt)
            ):
                return False
        return True

    def joined(self, stmt: For | While | If) -> bool:
        """Whether arrays that come out of the statement are those that went in."""
        outs = (v for v in stmt.outs if holds_memory(v))
        return all(v in self.origins.of or not self.shared(v) for v in outs)

    def shared(self, operand: Operand) -> bool:
        """Whether the loop writes to the operand's memory, and other trips may see that."""
        return not self.memory.read((operand,)).isdisjoint(self.written)

    def apply(self, stmt: Apply) -> bool:
        """Whether what the op reads and writes belongs to the trip."""
        for k, arg in enumerate(stmt.args):
            if k in stmt.op.shapes or not self.shared(arg):
                continue
            target = stmt.op.overwrites or 0
            if k != target or path_of(stmt) is None or not self.place(stmt, arg):
                return False
        return True

    def place(self, stmt: Apply, array: Operand) -> bool:
        """Whether the op reads or writes a place of the array that belongs to the trip."""
        path = path_of(stmt)
        base = self.origins.first(array)
        base = self.starts.get(base, base)
        if isinstance(base, Value) and base in self.parts:
            self.parts.update(v for v in stmt.outs if holds_memory(v))
            return True
        if base not in self.loop.body.params or not path or not isinstance(path[0], Index):
            return False
        axes = self.axes(stmt, path[0])
        (memory,) = self.memory.read((array,))
        before = self.found.get(memory, axes)
        self.found[memory] = {k: at for k, at in axes.items() if before.get(k) == at}
        if stmt.op.overwrites is None:
            self.parts.update(v for v in stmt.outs if holds_memory(v))
        return bool(self.found[memory])

    def axes(self, stmt: Apply, step: Index) -> Axes:
        """The places along those axes where each trip has one of its own."""
        index = path_operands(stmt)
        items = [i for i in step.items if not isinstance(i, NewAxis)]
        found: Axes = {}
        for axis, item in enumerate(items):
            if isinstance(item, Arg):
                at = self.facts.of(index[item.position])
                if self.own_place(at):
                    found[axis] = at
        return found

    def own_place(self, at: Dim) -> bool:
        """Whether the index is another in each trip, and never counts from the end."""
        counter = self.facts.exact[self.loop.body.params[0]]
        assert isinstance(counter, Size)
        ((symbol, _),) = counter.terms
        terms = dict(at.terms) if isinstance(at, Size) else {}
        return (
            symbol in terms
            and all(s == symbol or s in self.fixed for s in terms)
            and self.facts.holds(at)
        )
