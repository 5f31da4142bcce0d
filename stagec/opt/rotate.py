"""Arrays that trips of a loop hand on to later trips take turns, instead of being made anew.

    for t in range(n):                 spare = np.empty(m)
        new = np.empty(m)              for t in range(n):
        ...                    ->          ...
        past = now                         past, now, spare = now, spare, past
        now = new

Where a trip makes one array and hands it on, and is the last that needs another of this size,
the next trip writes to that.  All of them are made for the loop alone.

A loop that begins with arrays of someone else never writes to those:

    for t in range(n):                 spare, spare_1 = np.empty(m), np.empty(m)
        new = np.empty(m)              for t in range(n):
        ...                    ->          ...
        now = new                          now, spare, spare_1 = spare, spare_1, spare

The pass is run after it is known which loops have trips that do not depend on each other
(`opt/parallel`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from stagec.ir.build import Builder
from stagec.ir.core import Apply, Block, For, Operand, Value
from stagec.ir.function import Function
from stagec.ir.origins import Origins
from stagec.ir.rebuild import carrying, map_regions
from stagec.ir.sharing import Memory, holds_memory
from stagec.ir.types import ArrayType, Symbol
from stagec.ir.walk import free_values, uses
from stagec.ops.creation import empty, empty_like, zeros, zeros_like
from stagec.ops.index_facts import given_sizes
from stagec.opt.contract import natural

NEW = (empty, empty_like, zeros, zeros_like)


def rotate(fn: Function) -> Function:
    """The function with arrays that take turns where a loop made new ones."""
    functions = tuple(map(rotate, fn.functions))
    found = _Rotation(Memory(fn.body, False), given_sizes(fn.params))
    return replace(fn, body=found.block(fn.body), functions=functions)


@dataclass(frozen=True, slots=True)
class _Rotation:
    """Goes through the blocks; `given` are the symbols that may be negative."""

    memory: Memory
    given: Collection[Symbol]

    def block(self, block: Block) -> Block:
        """The block with loops whose arrays take turns."""
        builder = Builder()
        for at, stmt in enumerate(block.stmts):
            builder.loc = stmt.loc
            made = map_regions(stmt, self.block)
            if isinstance(stmt, For):
                assert isinstance(made, For)
                for new in _new(stmt.body):
                    if not self.fixed(new, free_values(stmt.body)):
                        continue
                    dead = self.dead(block, at, stmt, new)
                    if dead is not None:
                        made = _taking_turns(made, new, dead, builder)
                    elif trips := _trips_held(stmt.body, new):
                        made = _apart(made, new, trips, builder)
            builder.append(made)
        return replace(block, stmts=tuple(builder.stmts))

    def dead(self, block: Block, at: int, loop: For, new: Apply) -> Value | None:
        """What the loop carries of this size and no later trip needs; None if it may be needed,
        or if anything else holds one of the arrays that would take turns.
        """
        body, ring = loop.body, self.memory.read((new.out,))
        slots = [k for k, p in enumerate(body.params[1:]) if self.memory.read((p,)) == ring]
        params = [body.params[1 + k] for k in slots]
        origins = Origins.of_block(body)
        ends = [origins.root(body.results[k]) for k in slots]
        left = set(params) - set(ends)
        others = any(p.type != new.out.type for p in params)
        if others or len(left) != 1 or set(ends) != {*params, new.out} - left:
            return None
        return left.pop() if self.own(block, at, loop, slots, ring) else None

    def fixed(self, new: Apply, outer: Collection[Value]) -> bool:
        """Whether the array is as large on each trip."""
        kind = new.out.type
        assert isinstance(kind, ArrayType)
        return all(v in outer for v in uses(new)) and all(
            natural(dim, self.given) for dim in kind.shape
        )

    def own(
        self, block: Block, at: int, loop: For, slots: list[int], ring: frozenset[Value]
    ) -> bool:
        """Whether the loop begins with new arrays, each for one slot, that nothing needs but
        the slots of the loop.
        """
        before = block.stmts[:at]
        made = {s.out for s in before if isinstance(s, Apply) and s.op in NEW}
        origins = Origins.of_block(replace(block, stmts=before))
        starts = [origins.root(loop.init[k]) for k in slots]
        if len(set(starts)) != len(starts) or not made.issuperset(starts):
            return False
        known = {v for s in before for v in (*s.outs, *uses(s)) if holds_memory(v)}
        later = {v for s in block.stmts[at + 1 :] for v in uses(s)}
        elsewhere: set[Operand] = {
            *block.params,
            *free_values(block),
            *free_values(loop.body),
            *((later | set(block.results)) & known),
        }
        return all(self.memory.read((v,)) != ring for v in elsewhere)


def _new(body: Block) -> list[Apply]:
    """The arrays without content that each trip makes."""
    return [s for s in body.stmts if isinstance(s, Apply) and s.op in (empty, empty_like)]


def _taking_turns(loop: For, new: Apply, dead: Value, builder: Builder) -> For:
    """The loop, whose trips write to what is dead after the one before."""
    made = replace(new, outs=(Value(new.out.type, "spare"),))
    builder.append(made)
    body = loop.body
    stmts = tuple(s for s in body.stmts if s is not new)
    block = replace(body, params=(*body.params, new.out), stmts=stmts)
    return carrying(loop, (made.out,), (_last(body, dead),), block)


def _trips_held(body: Block, new: Apply) -> int:
    """How many later trips hold an array that this one makes; 0 if that is not known, or if
    none does.
    """
    memory = Memory(body, True)
    params = body.params[1:]
    elsewhere = memory.read(free_values(body))
    held, value = 0, new.out
    while True:
        mine = memory.read((value,))
        if not mine.isdisjoint(elsewhere) or any(
            p is not value and memory.read((p,)) == mine for p in params
        ):
            return 0
        slots = [k for k, r in enumerate(body.results) if memory.read((r,)) == mine]
        if not slots:
            return held
        if len(slots) > 1 or params[slots[0]].type != new.out.type:
            return 0
        held, value = held + 1, params[slots[0]]


def _apart(loop: For, new: Apply, trips: int, builder: Builder) -> For:
    """The loop, whose trips write to arrays of their own in turn, one more than are held."""
    body = loop.body
    spares = [replace(new, outs=(Value(new.out.type, "spare"),)) for _ in range(trips + 1)]
    for made in spares:
        builder.append(made)
    waiting = [Value(new.out.type, "spare") for _ in range(trips)]
    stmts = tuple(s for s in body.stmts if s is not new)
    block = replace(body, params=(*body.params, new.out, *waiting), stmts=stmts)
    ends = (*waiting, _last(body, new.out))
    return carrying(loop, [made.out for made in spares], ends, block)


def _last(body: Block, array: Value) -> Value:
    """The array as the body leaves it."""
    last, origins = array, Origins.of_block(body)
    for stmt in body.stmts:
        for out in stmt.outs:
            if origins.root(out) is array:
                last = out
    return last
