"""The traversal that plans the copies of one function.

One walk in program order knows the memory of every value and, at each write, what is still
live.  A conflict is cleared at once where the copy stands at the write itself; a copy that
belongs before an enclosing statement, or an overlap of carries found at the end of a loop body,
is noted and the walk repeated.  Notes are never taken back, so this ends, mostly after one or
two rounds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import assert_never

from stagec.ir.alias import (
    NONE,
    NOTHING,
    Atom,
    Atoms,
    Memory,
    depth,
    holds_memory,
    path_of,
    result_memories,
)
from stagec.ir.core import Apply, Block, Call, For, If, Stmt, Undef, Value, While
from stagec.ir.function import Function
from stagec.opt.bufferise.ending import end
from stagec.opt.bufferise.joins import joined
from stagec.opt.bufferise.loops import Facts, Loop, components, exits, learn, no_facts, relate
from stagec.opt.bufferise.nested import Kind, put_backs
from stagec.opt.bufferise.plan import Plan, Shared
from stagec.opt.bufferise.state import State
from stagec.opt.bufferise.uses import uses_of
from stagec.opt.bufferise.writes import Notes, Writes


@dataclass(frozen=True, slots=True)
class Callee:
    """What a call does to memory.

    `shares` says what each result may share; None: not known.
    """

    mutated: tuple[tuple[int, int], ...]
    fresh: tuple[bool, ...]
    shares: tuple[Shared, ...] | None


def analyse(fn: Function, callees: Mapping[str, Callee], kinds: set[Kind]) -> Plan:
    """The copies that let every write of the function happen in place; `kinds` is from
    `kinds_of`.
    """
    notes = Notes()
    uses, puts = uses_of(fn.body), put_backs(fn.body)
    while True:
        notes.begin()
        kept: set[object] = {fn.params[p] for p, _ in fn.mutated}
        writes = Writes(State(uses), notes, Plan(), {}, kept, puts, kinds)
        _Walk(fn, callees, notes, writes.state, writes, writes.loops).function()
        if not notes.changed:
            return writes.plan


@dataclass(slots=True)
class _Walk:
    """One round."""

    fn: Function
    callees: Mapping[str, Callee]
    notes: Notes
    state: State
    writes: Writes
    loops: dict[For | While, Loop]

    # --- blocks ------------------------------------------------------------------------------

    def function(self) -> None:
        """Plan the copies of the whole function."""
        mutated = {p for p, _ in self.fn.mutated}
        self.state.enter(self.fn.body, None)
        for k, param in enumerate(self.fn.params):
            why = "" if k in mutated else f"{param.hint or 'a parameter'} is the caller's"
            inner = f"the content of {param.hint or 'a parameter'} is the caller's"
            self.state.define(param, self.parameter(param, why, inner))
        params = [self.state.of(p) for p in self.fn.params]
        self.statements()
        plan = self.writes.plan
        plan.inits = dict(self.notes.inits)
        for stmt, saved in self.notes.saved.items():
            plan.saved.setdefault(stmt, {}).update(saved)
        ending = end(self.fn, self.state, params)
        plan.end, plan.shares = ending.steps, ending.shares

    def parameter(self, param: Value, why: str, inner: str) -> Memory:
        """The memory of a parameter."""
        own = self.notes.atoms.setdefault((param,), Atom(param.hint, why, param=True))
        if not holds_memory(param.type):
            return Memory(frozenset((own,)), NONE, param)
        content = Atom(param.hint, inner, param=True)
        content = self.notes.atoms.setdefault((param, "content"), content)
        return Memory(frozenset((own,)), frozenset((content,)), param)

    def region(
        self, block: Block, stmt: Stmt, params: tuple[Memory, ...]
    ) -> tuple[Memory, ...]:
        """Walk through a nested block; the memories of its results."""
        self.state.enter(block, stmt)
        for param, memory in zip(block.params, params, strict=True):
            self.state.define(param, memory)
        self.statements()
        results = tuple(map(self.state.of, block.results))
        self.state.leave()
        return results

    def statements(self) -> None:
        """Walk through the statements of the block just entered."""
        frame = self.state.frames[-1]
        for position, stmt in enumerate(frame.block.stmts):
            frame.position = position
            for value, saved in self.notes.saved.get(stmt, {}).items():
                if not saved.after:
                    self.writes.hide(stmt, value)
            self.statement(stmt)
            self.writes.saved_meanwhile(stmt)
        frame.position = len(frame.block.stmts)

    def statement(self, stmt: Stmt) -> None:
        """Walk through one statement."""
        match stmt:
            case Apply():
                self.apply(stmt)
            case Call():
                self.call(stmt)
            case If():
                self.branch(stmt)
            case For() | While():
                self.loop(stmt)
            case _:
                assert_never(stmt)

    def new_atom(self, value: Value, what: str) -> Atom:
        """The atom of memory that a statement made for its result."""
        fixed = "its elements are repeated" if what == "repeated" else ""
        return self.notes.atom((value, what), value.hint, fixed)

    def component(self, values: tuple[Value, ...], c: int) -> Atom:
        """The atom of a component of the results of a statement."""
        return self.new_atom(values[c // 2], "content" if c % 2 else "own")

    # --- ops and calls -----------------------------------------------------------------------

    def apply(self, stmt: Apply) -> None:
        """Plan an op."""
        args = [self.state.of(a) for a in stmt.args]
        self.writes.saved_after(stmt)
        target = stmt.op.overwrites
        if target is not None and args[target].own:
            args[target] = self.writes.written(stmt, target, args[target], path_of(stmt), ())
        self.writes.into_lists(stmt, args)
        results = result_memories(stmt, tuple(args), self.new_atom)
        for out, memory in zip(stmt.outs, results, strict=True):
            self.state.define(out, memory)

    def call(self, stmt: Call) -> None:
        """Plan a call: it writes to the arguments that its function says it does."""
        callee = self.callees[stmt.function]
        args = [self.state.of(a) for a in stmt.args]
        self.writes.saved_after(stmt)
        results: dict[int, Memory] = {}
        for param, result in callee.mutated:
            others = [
                (v, self.state.of(v).all)
                for k, v in enumerate(stmt.args)
                if k != param and isinstance(v, Value)
            ]
            args[param] = self.writes.written(stmt, param, args[param], None, others)
            made = frozenset((self.new_atom(stmt.outs[0], "made"),))
            results[result] = replace(args[param], content=self._all(args) | made)
        for k, out in enumerate(stmt.outs):
            memory = results.get(k) or self._returned(stmt, callee, k, out, args)
            self.state.define(out, memory)

    def _all(self, args: list[Memory]) -> Atoms:
        return NONE.union(*(m.all for m in args))

    def _returned(
        self, stmt: Call, callee: Callee, k: int, out: Value, args: list[Memory]
    ) -> Memory:
        if k < len(callee.fresh) and callee.fresh[k]:
            parts = self.new_atom(out, "own"), self.new_atom(out, "content")
            return Memory(frozenset(parts[:1]), frozenset(parts[1:]), out)
        shared = Shared(frozenset(range(len(args))), fixed=True)
        if callee.shares is not None:
            shared = callee.shares[k]
        # results that need not be new may share what the function made
        found = {self.new_atom(stmt.outs[0], "made")}
        if shared.fixed:
            found.add(self.new_atom(out, "repeated"))
        atoms = self._all([args[p] for p in shared.params]) | found
        return Memory(atoms, atoms, out, part=True)

    # --- branches ----------------------------------------------------------------------------

    def branch(self, stmt: If) -> None:
        """Plan both branches, and join their results."""
        self.writes.saved_after(stmt)
        then = self.region(stmt.then, stmt, ())
        orelse = self.region(stmt.orelse, stmt, ())
        parts = joined(
            self.state,
            components(then),
            components(orelse),
            lambda c: self.component(stmt.outs, c),
        )
        for k, (out, a, b) in enumerate(zip(stmt.outs, then, orelse, strict=True)):
            # what a branch leaves unset nobody reads: the result is what the other one makes
            sides = zip((stmt.then.results[k], stmt.orelse.results[k]), (a, b), strict=True)
            objects = {m.identity for operand, m in sides if not isinstance(operand, Undef)}
            identity = objects.pop() if len(objects) == 1 else None
            identity = out if identity is None else identity
            part = a.part or b.part
            memory = Memory(parts[2 * k], parts[2 * k + 1], identity, part)
            self.state.define(out, memory)

    # --- loops -------------------------------------------------------------------------------

    def loop(self, stmt: For | While) -> None:
        """Plan a loop, given what is known of its body, and learn more of it."""
        inits = self.inits(stmt)
        self.writes.saved_after(stmt)
        facts = self.notes.facts.setdefault(stmt, no_facts(len(inits)))
        for entry in inits:
            self.state.meet(entry.all)
        loop = self.entered(stmt, inits, facts, self.state.mark())
        carried = self.carried(stmt, loop, inits)
        if isinstance(stmt, While):
            locked = {a for m in carried for a in m.all} - self.state.locked
            self.state.locked |= locked
            self.region(stmt.cond, stmt, carried)
            self.state.locked -= locked
        index = () if isinstance(stmt, While) else (NOTHING,)
        results = self.region(stmt.body, stmt, (*index, *carried))[: len(stmt.carry)]
        learn(loop, components(results), self.state)
        self.notes.learned |= relate(loop, self.state)
        if any((stmt, k) in self.notes.recent for k in range(len(inits))):
            inits = self.inits(stmt)
            loop = self.entered(stmt, inits, facts, loop.mark)
        del self.loops[stmt]
        self.exit(stmt, loop, inits, carried, results)

    def inits(self, stmt: For | While) -> list[Memory]:
        """The memories of the initial values, after the copies noted so far."""
        found: list[Memory] = []
        for position, operand in enumerate(stmt.init):
            memory = self.state.of(operand)
            if (stmt, position) in self.notes.inits:
                hint = stmt.carry[position].hint
                memory = self.writes.copied((stmt, position), hint, memory)
            found.append(memory)
        return found

    def entered(self, stmt: For | While, inits: list[Memory], facts: Facts, mark: int) -> Loop:
        """The loop with these initial values, to walk through it."""
        nesting = self.state.frames[-1].loops
        loop = Loop(stmt, facts, self.heads(stmt), components(tuple(inits)), nesting, mark)
        self.loops[stmt] = loop
        relate(loop, self.state)
        return loop

    def heads(self, stmt: For | While) -> tuple[Atom, ...]:
        """The atoms of the components at the head of a trip."""
        return tuple(
            self.notes.atoms.setdefault(
                (stmt, "head", c), Atom(stmt.carry[c // 2].hint, carry=(stmt, c))
            )
            for c in range(2 * len(stmt.carry))
        )

    def carried(self, stmt: For | While, loop: Loop, inits: list[Memory]) -> tuple[Memory, ...]:
        """The memory of the parameters of the body."""
        params = stmt.body.params[-len(stmt.carry) :] if stmt.carry else ()
        found: list[Memory] = []
        for k, param in enumerate(params):
            own = NONE if depth(param.type) is None else frozenset((loop.heads[2 * k],))
            content = frozenset((loop.heads[2 * k + 1],)) if holds_memory(param.type) else NONE
            found.append(Memory(own, content, param))
            self.state.origins[param] = inits[k]
        return tuple(found)

    def exit(
        self,
        stmt: For | While,
        loop: Loop,
        inits: list[Memory],
        carried: tuple[Memory, ...],
        results: tuple[Memory, ...],
    ) -> None:
        """Define the results of the loop."""
        atoms = tuple(self.component(stmt.carry, c) for c in range(len(loop.heads)))
        parts = exits(loop, self.state, atoms)
        for k, out in enumerate(stmt.carry):
            in_place = results[k].identity is carried[k].identity
            in_place = in_place and inits[k].identity is not None
            identity = inits[k].identity if in_place else out
            part = in_place and inits[k].part
            self.state.define(out, Memory(parts[2 * k], parts[2 * k + 1], identity, part))
